//! Values and choices of values: the arguments of a layer.

use super::Block;
use crate::op::{Activation, SAME, Value};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};

/// The values that an argument may take; with more than one the search decides.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) options: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

impl Choice {
    fn of(what: impl Fn() -> String, options: Vec<Value>) -> Self {
        if options.len() > MOST_VALUES as usize {
            let problem = format!(
                "any(...) of {} values; at most {MOST_VALUES} are allowed. Try steps: \
                 any((16..=256).step_by(16)).",
                options.len()
            );
            return Choice { options: vec![], problem: Some(problem) };
        }
        let mut seen = HashSet::new();
        let twice = options.iter().find(|v| !seen.insert(v.key()));
        let problem = if options.is_empty() {
            Some(format!("{} offers no value. Give at least one, as any([16, 32]).", what()))
        } else {
            twice.map(|v| format!("{} offers {v} twice. Name each value once.", what()))
        };
        Choice { options, problem }
    }

    pub(crate) fn one(value: Value) -> Self {
        Choice { options: vec![value], problem: None }
    }

    /// "16 | 32", or "16 … 256, 16 values" when the list is long.
    pub(crate) fn text(&self) -> String {
        self.text_with(Value::to_string)
    }

    /// The same, with `text` for a single value.
    pub(crate) fn text_with(&self, text: impl Fn(&Value) -> String) -> String {
        let texts: Vec<String> = self.options.iter().map(text).collect();
        if texts.len() > 6 {
            format!("{} … {}, {} values", texts[0], texts[texts.len() - 1], texts.len())
        } else {
            texts.join(" | ")
        }
    }
}

macro_rules! choice_types {
    ($($(#[$doc:meta])* $name:ident, $into:ident, $method:ident, $variant:ident($inner:ty), $message:literal, $label:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq)]
        #[must_use = "methods return a new value and leave this one as it is"]
        pub struct $name(pub(crate) Choice);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.0.problem {
                    Some(problem) => f.write_str(problem),
                    None if self.0.options.len() == 1 => f.write_str(&self.0.text()),
                    None => write!(f, "any of {}", self.0.text()),
                }
            }
        }

        crate::draw::debug_as_display!($name);

        impl $name {
            /// The values on offer.
            pub fn values(&self) -> Vec<$inner> {
                self.0.options.iter().filter_map(|v| match v {
                    Value::$variant(x) => Some(*x),
                    _ => None,
                }).collect()
            }
        }

        /// Anything that can be used as a choice of values in an argument.
        #[diagnostic::on_unimplemented(message = $message, label = $label)]
        pub trait $into {
            /// The choice.
            fn $method(self) -> $name;
        }

        impl $into for $name {
            fn $method(self) -> $name {
                self
            }
        }
        impl $into for &$name {
            fn $method(self) -> $name {
                self.clone()
            }
        }
        impl<T: Item<Choice = $name>> $into for Vec<T> {
            fn $method(self) -> $name {
                any(self)
            }
        }
        impl<T: Item<Choice = $name>, const N: usize> $into for [T; N] {
            fn $method(self) -> $name {
                any(self)
            }
        }
    )*};
}

choice_types! {
    /// A choice of whole numbers, as `any([16, 32])` or `1..=3` make it.
    Ints, IntoInts, into_ints, Int(i64),
        "a whole number, a range, or any([...]) of whole numbers is wanted here, not `{Self}`",
        "write a number as 16, a range as 1..=3, or a list as any([16, 32])";
    /// A choice of numbers, as `any([0.1, 0.3])` makes it.
    Floats, IntoFloats, into_floats, Float(f64),
        "a number with a decimal point, or any([...]) of such, is wanted here, not `{Self}`",
        "write a number as 0.1, or a list as any([0.1, 0.3])";
    /// A choice of activation functions, as `any(["relu", "gelu"])` makes it.
    Acts, IntoActs, into_acts, Act(Activation),
        "an activation, as \"relu\" or Activation::Gelu, or any([...]) of such, is wanted here, not `{Self}`",
        "write a name as \"relu\", or a list as any([\"relu\", \"gelu\"])";
}

/// What [`any`] can choose between: whole numbers, numbers, activations, and blocks.
#[diagnostic::on_unimplemented(
    message = "any([...]) chooses between numbers, activations (\"relu\") or blocks, not `{Self}`"
)]
pub trait Item: Sized {
    /// The type of a choice between such items.
    type Choice;
    /// Makes the choice.
    fn choice(items: Vec<Self>) -> Self::Choice;
}

/// A choice between the given items, made anew by the search for every architecture.
///
/// ```
/// use nascent::prelude::*;
/// let widths: Ints = any([16, 32]);
/// assert_eq!(widths.values(), [16, 32]);
/// let doubled: Ints = any((1..=3).map(|i| 8 << i));
/// assert_eq!(doubled.values(), [16, 32, 64]);
/// let rate: Floats = any([0.1, 0.3]);
/// let act: Acts = any(["relu", "gelu"]);
/// ```
#[doc(alias("choices", "categorical", "Categorical", "ValueChoice", "value_choice"))]
pub fn any<T: Item>(items: impl Items<T>) -> T::Choice {
    T::choice(items.into_items())
}

/// Anything that [`any`] can take its items from: an array, a vector, a range or another iterator.
#[diagnostic::on_unimplemented(
    message = "any([...]) chooses between the values of a list or a range: numbers, activations or blocks, not `{Self}`",
    label = "put the values into square brackets, as any([16, 32]), or write a range, as any(1..=3)"
)]
pub trait Items<T> {
    /// The items.
    fn into_items(self) -> Vec<T>;
}

#[diagnostic::do_not_recommend]
impl<T: Item, I: IntoIterator<Item = T>> Items<T> for I {
    fn into_items(self) -> Vec<T> {
        self.into_iter().collect()
    }
}

fn listed<T: fmt::Debug>(items: &[T]) -> String {
    format!("any({items:?})")
}

macro_rules! ints {
    ($($t:ty),*) => {$(
        impl Item for $t {
            type Choice = Ints;
            fn choice(items: Vec<Self>) -> Ints {
                let values = items.iter().map(|&v| Value::Int(v as i64)).collect();
                Ints(Choice::of(|| listed(&items), values))
            }
        }
        impl IntoInts for $t {
            fn into_ints(self) -> Ints {
                Ints(Choice::one(Value::Int(self as i64)))
            }
        }
        impl IntoInts for RangeInclusive<$t> {
            fn into_ints(self) -> Ints {
                between(*self.start() as i64, *self.end() as i64, &format!("{self:?}"))
            }
        }
        impl IntoInts for Range<$t> {
            fn into_ints(self) -> Ints {
                between(self.start as i64, (self.end as i64).saturating_sub(1), &format!("{self:?}"))
            }
        }
    )*};
}
ints!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

/// A range with more values than this is surely a mistake.
const MOST_VALUES: i64 = 100_000;

fn between(low: i64, high: i64, given: &str) -> Ints {
    let count = i128::from(high) - i128::from(low) + 1;
    let problem = |text: String| Ints(Choice { options: vec![], problem: Some(text) });
    if count < 1 {
        return problem(format!(
            "the range {given} is empty or reversed. Write the smaller end first, as 1..=3."
        ));
    }
    if count > i128::from(MOST_VALUES) {
        return problem(format!(
            "the range {given} has {count} values; at most {MOST_VALUES} are allowed. \
             Try steps: any((16..=256).step_by(16))."
        ));
    }
    Ints(Choice { options: (low..=high).map(Value::Int).collect(), problem: None })
}

/// The same number of channels, features or units as the input has: `conv(same(), 3)`.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([40, 1], Task::classification(10))
///     .then(conv1d(any([8, 16]), 3))
///     .then(repeat(1..=3, conv1d(same(), 3)));     // as wide as the first, whatever that is
/// let arch = space.decode([1, 0])?;
/// assert_eq!(arch.to_string(), "conv1d(16,3)>conv1d(same,3)");
/// assert_eq!(arch.layers()[2].shape.dims(), [40, 16]);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn same() -> Ints {
    Ints(Choice::one(SAME))
}

/// No and yes are 0 and 1, as in the text of an architecture.
impl Item for bool {
    type Choice = Ints;
    fn choice(items: Vec<Self>) -> Ints {
        i32::choice(items.into_iter().map(i32::from).collect())
    }
}

impl Item for f64 {
    type Choice = Floats;
    fn choice(items: Vec<Self>) -> Floats {
        Floats(Choice::of(|| listed(&items), items.iter().map(|&v| Value::Float(v)).collect()))
    }
}

impl Item for f32 {
    type Choice = Floats;
    fn choice(items: Vec<Self>) -> Floats {
        // Through the text, so that 0.1f32 is 0.1 and not 0.10000000149.
        f64::choice(items.iter().map(|v| v.to_string().parse().unwrap_or(f64::from(*v))).collect())
    }
}

impl IntoFloats for f64 {
    fn into_floats(self) -> Floats {
        Floats(Choice::one(Value::Float(self)))
    }
}

impl IntoFloats for f32 {
    fn into_floats(self) -> Floats {
        any([self])
    }
}

impl Item for Activation {
    type Choice = Acts;
    fn choice(items: Vec<Self>) -> Acts {
        Acts(Choice::of(|| listed(&items), items.iter().map(|&a| Value::Act(a)).collect()))
    }
}

impl Item for &str {
    type Choice = Acts;
    fn choice(items: Vec<Self>) -> Acts {
        let parsed: Result<Vec<Activation>, String> =
            items.iter().map(|name| Activation::parse(name)).collect();
        match parsed {
            Ok(list) => {
                Acts(Choice::of(|| listed(&items), list.into_iter().map(Value::Act).collect()))
            }
            Err(text) => Acts(Choice { options: vec![], problem: Some(text) }),
        }
    }
}

impl Item for String {
    type Choice = Acts;
    fn choice(items: Vec<Self>) -> Acts {
        any(items.iter().map(String::as_str))
    }
}

impl IntoActs for Activation {
    fn into_acts(self) -> Acts {
        Acts(Choice::one(Value::Act(self)))
    }
}

impl IntoActs for &str {
    fn into_acts(self) -> Acts {
        any([self])
    }
}

impl IntoActs for String {
    fn into_acts(self) -> Acts {
        any([self])
    }
}

impl Item for Block {
    type Choice = Block;
    fn choice(items: Vec<Self>) -> Block {
        crate::tree::one_of(items)
    }
}

impl Item for &Block {
    type Choice = Block;
    fn choice(items: Vec<Self>) -> Block {
        crate::tree::one_of(items)
    }
}
