//! An operation, which is a layer with its settings decided, and the contents of a row of the table of
//! layers.
//!
//! A row describes a layer's settings, its costs and its output shape (without allocating anything), and
//! how it is built. The rows are in `layer/`.

mod activation;
mod eye;
mod facts;
mod params;
mod pass;
mod slices;
mod store;
mod value;

pub use activation::Activation;
pub(crate) use eye::Eye;
pub(crate) use facts::{Channels, Directions, Facts};
pub(crate) use params::Params;
pub(crate) use pass::{Mixture, Pass};
pub(crate) use slices::within_zeros;
pub(crate) use store::{Parts, Store};
pub use value::Value;

use crate::chart::Family;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::Shape;
use crate::task::Task;
use candle_core::Tensor;
use serde::{Serialize, Serializer};
use std::fmt;

/// The costs of an operation on inputs of these shapes, or why it does not fit them.
type PlanFn = fn(&Op, &[Shape]) -> Result<Plan>;
/// The operation with its weights.
type BuildFn = fn(&Op, &[Shape], &mut Params) -> Result<Box<dyn Layer>>;

/// A row of the table of layers.
pub struct LayerInfo {
    /// Its name, which is that of the function that makes it, and is used in an architecture's text.
    pub name: &'static str,
    /// The family, which determines its colour in a diagram.
    pub family: Family,
    /// What it computes, in one line.
    pub about: &'static str,
    /// Its settings; those without a default come first and are required.
    pub args: &'static [Setting],
    pub(crate) facts: Facts,
    pub(crate) plan: PlanFn,
    pub(crate) build: BuildFn,
}

impl LayerInfo {
    /// A hash of its name, stable between runs.
    pub(crate) fn hash(&self) -> u64 {
        let mut h = crate::rng::Hash64::new();
        h.write(self.name.as_bytes());
        h.finish()
    }

    /// Adds the defaults of missing settings. Settings are only ever added at the end of a layer's list,
    /// so this also reads what an older version wrote.
    pub(crate) fn fill(&self, args: &mut Vec<Value>) {
        let missing = self.args.get(args.len()..).unwrap_or_default();
        args.extend(missing.iter().filter_map(|a| a.default));
    }
}

/// One setting of a layer, with its bounds.
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The value unless another is set; `None` where the layer's function requires one.
    pub default: Option<Value>,
    kind: Kind,
    said: Said,
    /// Whether it counts in a comparison of two layers even if they agree in it: sizes and windows.
    pub(crate) measures: bool,
    /// Whether sizes have to be multiples of it.
    pub(crate) divides: bool,
}

/// As many channels, features or units as the input has.
pub(crate) const SAME: Value = Value::Int(-1);
/// The value of a switch that depends on the task.
const AS_ASKED: Value = Value::Int(2);

#[derive(Clone, Copy)]
enum Kind {
    Int {
        low: i64,
        high: i64,
    },
    /// Channels, features or units, which may be [`SAME`].
    Size {
        high: i64,
    },
    /// No or yes, 0 or 1, and with `asked` also [`AS_ASKED`]; `words` are its no and yes in a picture.
    Switch {
        words: [&'static str; 2],
        asked: bool,
    },
    Rate,
    Act,
}

/// How a picture writes a value that is not a switch.
#[derive(Clone, Copy)]
pub(crate) enum Said {
    /// `32 channels`, `1 channel`.
    Before,
    /// `stride 2`.
    After,
    /// `3x3`.
    Square,
    /// `3 wide`.
    Wide,
    /// `relu`.
    Alone,
}

impl Setting {
    const fn new(name: &'static str, default: Option<Value>, kind: Kind) -> Setting {
        let said = if default.is_none() { Said::Before } else { Said::After };
        let measures = matches!(kind, Kind::Size { .. });
        Setting { name, default, kind, said, measures, divides: false }
    }

    pub(crate) const fn int(
        name: &'static str,
        default: Option<i64>,
        low: i64,
        high: i64,
    ) -> Setting {
        let default = match default {
            Some(v) => Some(Value::Int(v)),
            None => None,
        };
        Setting::new(name, default, Kind::Int { low, high })
    }

    /// A required number of channels, features or units, which may be [`same`](crate::same).
    pub(crate) const fn size(name: &'static str, high: i64) -> Setting {
        Setting::new(name, None, Kind::Size { high })
    }

    /// No or yes, for which pictures use these `words`.
    pub(crate) const fn switch(name: &'static str, on: bool, words: [&'static str; 2]) -> Setting {
        Setting::new(name, Some(Value::Int(on as i64)), Kind::Switch { words, asked: false })
    }

    /// A switch that by default depends on the task; see [`Op::within`].
    pub(crate) const fn as_asked(name: &'static str, words: [&'static str; 2]) -> Setting {
        Setting::new(name, Some(AS_ASKED), Kind::Switch { words, asked: true })
    }

    pub(crate) const fn rate(name: &'static str) -> Setting {
        Setting::new(name, None, Kind::Rate).said(Said::Alone)
    }

    pub(crate) const fn act(name: &'static str, default: Option<Activation>) -> Setting {
        let default = match default {
            Some(v) => Some(Value::Act(v)),
            None => None,
        };
        Setting::new(name, default, Kind::Act)
    }

    /// The setting, written in another way.
    pub(crate) const fn said(self, said: Said) -> Setting {
        Setting { said, ..self }
    }

    /// The setting as one that [measures](Setting::measures).
    pub(crate) const fn measuring(self) -> Setting {
        Setting { measures: true, ..self }
    }

    /// The setting as one that [divides](Setting::divides).
    pub(crate) const fn dividing(self) -> Setting {
        Setting { divides: true, ..self }
    }

    /// Whether it is a number of channels, features or units.
    pub(crate) fn is_size(&self) -> bool {
        matches!(self.kind, Kind::Size { .. })
    }

    /// A value as it is written in an architecture's text.
    pub(crate) fn text(&self, value: &Value) -> String {
        if *value == SAME && self.is_size() { "same".to_string() } else { value.to_string() }
    }

    /// An option of a choice; yes or no for a switch.
    pub(crate) fn option(&self, value: &Value) -> String {
        match (self.kind, value) {
            (Kind::Switch { .. }, Value::Int(0)) => "no".to_string(),
            (Kind::Switch { .. }, Value::Int(1)) => "yes".to_string(),
            _ => self.text(value),
        }
    }

    /// A value as a picture writes it: `32 channels`, `3x3`, `stride 2`, `no norm`.
    pub(crate) fn label(&self, value: &Value) -> String {
        let one = *value == Value::Int(1);
        match (self.kind, self.said) {
            (Kind::Switch { words, .. }, _) => words[usize::from(one)].to_string(),
            (_, Said::Square) => format!("{value}x{value}"),
            (_, Said::Wide) => format!("{value} wide"),
            (_, Said::Alone) => value.to_string(),
            (_, Said::After) => format!("{} {value}", self.name),
            (_, Said::Before) if one => format!("1 {}", self.name.trim_end_matches('s')),
            (_, Said::Before) => format!("{} {}", self.text(value), self.name),
        }
    }

    /// What is wrong with a value for this setting of a layer; `None` if it is allowed.
    pub(crate) fn refuse(&self, layer: &str, value: &Value) -> Option<String> {
        let most = |asked: bool| 1 + i64::from(asked);
        let allowed = match (self.kind, value) {
            (Kind::Int { low, high }, Value::Int(v)) if (low..=high).contains(v) => return None,
            (Kind::Size { high }, Value::Int(v)) if (1..=high).contains(v) => return None,
            (Kind::Size { .. }, v) if *v == SAME => return None,
            (Kind::Switch { asked, .. }, Value::Int(v)) if (0..=most(asked)).contains(v) => {
                return None;
            }
            (Kind::Rate, Value::Float(v)) if (0.0..1.0).contains(v) => return None,
            (Kind::Act, Value::Act(_)) => return None,
            (Kind::Int { low, high }, _) => format!("{low} to {high}"),
            (Kind::Size { high }, _) => format!("1 to {high}, or same()"),
            (Kind::Switch { asked, .. }, _) => format!("0 to {}", most(asked)),
            (Kind::Rate, _) => "at least 0.0 and less than 1.0".to_string(),
            (Kind::Act, _) => Activation::names(),
        };
        Some(format!("{layer}: {} is {value}; allowed is {allowed}.", self.name))
    }

    /// Reads a value from text.
    pub(crate) fn parse(&self, text: &str) -> Option<Value> {
        match self.kind {
            Kind::Size { .. } if text == "same" => Some(SAME),
            Kind::Int { .. } | Kind::Size { .. } | Kind::Switch { .. } => {
                text.parse().ok().map(Value::Int)
            }
            Kind::Rate => text.parse().ok().map(Value::Float),
            Kind::Act => Activation::parse(text).ok().map(Value::Act),
        }
    }
}

/// One operation of an architecture: a layer with all its settings decided.
#[derive(Clone)]
pub struct Op {
    pub(crate) info: &'static LayerInfo,
    pub(crate) args: Vec<Value>,
}

impl Op {
    /// The layer's name.
    pub fn name(&self) -> String {
        self.info.name.to_string()
    }

    pub(crate) fn of(info: &'static LayerInfo, args: &[Value]) -> Op {
        let mut args = args.to_vec();
        info.fill(&mut args);
        Op { info, args }
    }

    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        let i = self.info.args.iter().position(|a| a.name == name)?;
        self.args.get(i).copied()
    }

    pub(crate) fn int(&self, name: &str) -> usize {
        match self.value(name) {
            Some(Value::Int(v)) => v.max(0) as usize,
            _ => 0,
        }
    }

    pub(crate) fn float(&self, name: &str) -> f64 {
        match self.value(name) {
            Some(Value::Float(v)) => v,
            _ => 0.0,
        }
    }

    /// The distance between the positions that two neighbouring outputs see.
    pub(crate) fn stride(&self) -> usize {
        let mut settings = self.info.args.iter().zip(&self.args);
        let stride = settings.find(|(arg, _)| arg.name == "stride");
        match stride.map(|(arg, value)| self.meant(arg, *value)) {
            Some(Value::Int(stride)) => stride.max(1) as usize,
            _ => 1,
        }
    }

    /// Whether a switch is on.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.int(name) == 1
    }

    /// Whether it belongs to this row of the table.
    pub(crate) fn is(&self, info: &LayerInfo) -> bool {
        self.info.name == info.name
    }

    /// The value that one of its settings amounts to: the same for all values that mean the same.
    pub(crate) fn meant(&self, setting: &Setting, value: Value) -> Value {
        (self.info.facts.means)(self, setting).unwrap_or(value)
    }

    /// The operation in a network for this task, with the switches that depend on it decided.
    pub(crate) fn within(mut self, task: &Task) -> Op {
        for (arg, value) in self.info.args.iter().zip(&mut self.args) {
            if matches!(arg.kind, Kind::Switch { .. }) && *value == AS_ASKED {
                *value = Value::Int(i64::from(task.is_per_position()));
            }
        }
        self
    }

    /// The operation after one whose output does, or does not, hold `both` directions of a recurrent
    /// layer.
    pub(crate) fn behind(mut self, both: bool) -> Op {
        if both && self.info.facts.directions == Directions::Ends {
            for (arg, value) in self.info.args.iter().zip(&mut self.args) {
                if arg.name == "bidirectional" {
                    *value = Value::Int(1);
                }
            }
        }
        self
    }

    /// Whether its output holds both directions of a recurrent layer, given whether its input does.
    pub(crate) fn gives_both(&self, before: bool) -> bool {
        match self.info.facts.directions {
            Directions::Makes => self.has("bidirectional"),
            Directions::Keeps => before,
            Directions::Mixes | Directions::Ends => false,
        }
    }

    /// The operation on an input of this shape, with [`SAME`] replaced by the number of its channels.
    pub(crate) fn on(mut self, input: &Shape) -> Result<Op> {
        for (arg, value) in self.info.args.iter().zip(&mut self.args) {
            if arg.is_size() && *value == SAME {
                if input.vocabulary().is_some() {
                    let what =
                        "tokens have no channels to take as many of. Try embedding(16) before it";
                    return Err(self.unfit(std::slice::from_ref(input), what));
                }
                *value = Value::Int(input.channels() as i64);
            }
        }
        Ok(self)
    }

    pub(crate) fn act(&self) -> Activation {
        match self.value("activation") {
            Some(Value::Act(a)) => a,
            _ => Activation::Identity,
        }
    }

    /// An error about this operation on these inputs.
    pub(crate) fn unfit(&self, inputs: &[Shape], why: impl fmt::Display) -> Error {
        let shapes: Vec<String> = inputs.iter().map(Shape::to_string).collect();
        let text = format!("{self} on an input of {}: {why}", shapes.join(" and "));
        Error::new(ErrorKind::Shape, text)
    }
}

/// The text of an operation: required settings by position, others by name where they differ from
/// the default, as `conv(32,3,stride=2)`.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info.name)?;
        let settings = self.info.args.iter().zip(&self.args);
        let part = |(a, v): (&Setting, &Value)| match a.default {
            None => Some(a.text(v)),
            Some(d) if d == *v => None,
            Some(_) => Some(format!("{}={v}", a.name)),
        };
        let parts: Vec<String> = settings.filter_map(part).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, "({})", parts.join(",")) }
    }
}

crate::draw::debug_as_display!(Op);

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        self.info.name == other.info.name && self.args == other.args
    }
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (self.info.name, &self.args).serialize(s)
    }
}

/// What an operation costs on given inputs, for one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The shape of its output.
    pub output: Shape,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-adds of a forward pass.
    pub macs: u64,
    /// Operations of a forward pass on single values, counted as in benchmarks.
    pub single: u64,
    /// Numbers that a training step keeps until the backward pass, the output included.
    pub kept: u64,
}

impl Plan {
    /// An operation without parameters or products, which keeps its output.
    pub(crate) fn free(output: Shape) -> Plan {
        Plan { params: 0, macs: 0, single: 0, kept: output.elements() as u64, output }
    }
}

/// A built layer: its weights, and the forward pass that Candle differentiates.
pub(crate) trait Layer: Send + Sync {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor>;
}
