//! Numbers in JSON, including those that JSON has no word for: an infinite or undefined figure of a
//! trial is written as text, so that a journal that holds one can be read again.

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub f64);

impl From<f64> for Number {
    fn from(v: f64) -> Number {
        Number(v)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => s.serialize_f64(self.0),
            // "inf", "-inf" or "NaN", which `parse` reads.
            false => s.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number, or \"inf\", \"-inf\" or \"NaN\"")
            }
            fn visit_f64<E>(self, v: f64) -> Result<Number, E> {
                Ok(Number(v))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Number, E> {
                Ok(Number(v as f64))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Number, E> {
                Ok(Number(v as f64))
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Number, E> {
                v.parse()
                    .map(Number)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(v), &self))
            }
            // What earlier versions wrote for all three.
            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(f64::NAN))
            }
        }
        d.deserialize_any(Read)
    }
}

/// For `#[serde(with)]` on named figures.
pub(super) mod figures {
    use super::Number;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Rows<T> = Vec<Vec<(String, T)>>;

    fn map<A: Copy, B>(rows: &[Vec<(String, A)>], f: impl Fn(A) -> B) -> Rows<B> {
        let row = |r: &Vec<(String, A)>| r.iter().map(|(n, v)| (n.clone(), f(*v))).collect();
        rows.iter().map(row).collect()
    }

    pub(in super::super) fn serialize<S: Serializer>(
        rows: &Rows<f64>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        map(rows, Number).serialize(s)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Rows<f64>, D::Error> {
        Ok(map(&Rows::<Number>::deserialize(d)?, |n| n.0))
    }
}
