//! The table of layers. Each has a file with its function, its row, its costs and its forward pass.
//!
//! A new layer is one file, one row of [`layers`] and its exports. Stored operations, which name their
//! layers, are read here, next to the names.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod batch_norm;
pub(crate) mod conv;
pub(crate) mod conv1d;
pub(crate) mod darts_rnn;
pub(crate) mod depthwise;
pub(crate) mod drop_path;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod feed_forward;
pub(crate) mod group_norm;
pub(crate) mod join;
pub(crate) mod last;
pub(crate) mod layer_norm;
pub(crate) mod linear;
mod mix;
pub(crate) mod mixed_rnn;
pub(crate) mod pool;
pub(crate) mod positions;
mod problems;
pub(crate) mod recurrent;
pub(crate) mod sep_conv;
mod settings;
pub(crate) mod shape;
pub(crate) mod squeeze_excite;
mod wants;

pub(crate) use activation::ACTIVATION;
pub use activation::{activation, gelu, relu, sigmoid, silu, tanh};
pub use attention::attention;
pub(crate) use batch_norm::BATCH_NORM;
pub use batch_norm::batch_norm;
pub(crate) use conv::CONV;
pub use conv::conv;
pub use conv1d::conv1d;
pub(crate) use darts_rnn::DARTS_RNN;
pub use darts_rnn::darts_rnn;
pub use depthwise::depthwise;
pub use drop_path::drop_path;
pub use dropout::dropout;
pub use embedding::embedding;
pub use feed_forward::feed_forward;
pub use group_norm::group_norm;
pub(crate) use join::{ADD, CONCAT, INPUT, TRUNCATE};
pub use last::last;
pub use layer_norm::layer_norm;
pub(crate) use linear::LINEAR;
pub use linear::linear;
pub(crate) use mix::{MIX, REST, SHUFFLE, factors};
pub(crate) use mixed_rnn::MIXED_RNN;
pub(crate) use pool::MAX_POOL;
pub use pool::{avg_pool, global_avg_pool, global_max_pool, max_pool};
pub use positions::positions;
pub use recurrent::{gru, lstm, rnn};
pub use sep_conv::sep_conv;
pub(crate) use shape::{FLATTEN, SKIP, ZERO};
pub use shape::{flatten, skip, zero};
pub use squeeze_excite::squeeze_excite;

use crate::error::Result;
use crate::op::{LayerInfo, Op, Setting, Value};
use crate::tree::{CHOICE, Choice, FromTable};
use crate::words::unknown;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Whether no position sees a later one, which is required to predict the next symbol.
const CAUSAL: Setting = Setting::as_asked("causal", ["not causal", "causal"]);

/// What to try where positions see later ones.
fn if_not_causal(op: &Op) -> Option<&'static str> {
    (!op.has("causal")).then_some("causal(true), or no causal(...) at all")
}

/// Whether there is a second direction, from the end of a sequence to its beginning.
const BIDIRECTIONAL: Setting =
    Setting::switch("bidirectional", false, ["not bidirectional", "bidirectional"]);

/// What to try where there is one, and positions must not see later ones.
fn if_bidirectional(op: &Op) -> Option<&'static str> {
    op.has("bidirectional").then_some("bidirectional(false)")
}

/// The table of layers.
pub fn layers() -> Vec<&'static LayerInfo> {
    LAYERS.to_vec()
}

static LAYERS: &[&LayerInfo] = &[
    &conv::CONV,
    &sep_conv::SEP_CONV,
    &depthwise::DEPTHWISE,
    &conv1d::CONV1D,
    &linear::LINEAR,
    &embedding::EMBEDDING,
    &recurrent::RNN,
    &recurrent::LSTM,
    &recurrent::GRU,
    &darts_rnn::DARTS_RNN,
    &last::LAST,
    &positions::POSITIONS,
    &attention::ATTENTION,
    &feed_forward::FEED_FORWARD,
    &pool::MAX_POOL,
    &pool::AVG_POOL,
    &pool::GLOBAL_AVG_POOL,
    &pool::GLOBAL_MAX_POOL,
    &BATCH_NORM,
    &layer_norm::LAYER_NORM,
    &group_norm::GROUP_NORM,
    &squeeze_excite::SQUEEZE_EXCITE,
    &activation::ACTIVATION,
    &dropout::DROPOUT,
    &drop_path::DROP_PATH,
    &shape::SKIP,
    &shape::FLATTEN,
    &shape::ZERO,
];

/// The layer with this name.
pub(crate) fn find(name: &str) -> Result<&'static LayerInfo> {
    LAYERS.iter().chain(&[&CHOICE]).find(|l| l.name == name).copied().ok_or_else(|| {
        let names: Vec<&str> = LAYERS.iter().map(|l| l.name).collect();
        unknown("layer", name, &names)
    })
}

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (name, mut args): (String, Vec<Value>) = Deserialize::deserialize(d)?;
        let info = find(&name).map_err(D::Error::custom)?;
        info.fill(&mut args);
        Ok(Op { info, args })
    }
}

impl<'de> Deserialize<'de> for FromTable {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Stored {
            name: String,
            args: Vec<Choice>,
        }
        let Stored { name, mut args } = Stored::deserialize(d)?;
        let info = find(&name).map_err(D::Error::custom)?;
        // Settings are only ever added at the end: those that an older version did not know have their
        // defaults.
        let missing = info.args.get(args.len()..).unwrap_or_default();
        args.extend(missing.iter().filter_map(|a| a.default.map(Choice::one)));
        if args.len() != info.args.len() {
            let (all, given) = (info.args.len(), args.len());
            let text = format!("layer {name} has {all} arguments, {given} given");
            return Err(D::Error::custom(text));
        }
        Ok(FromTable(info, args))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::theme::family;
    use crate::op::Activation;
    use crate::shape::Shape;
    use crate::space::Space;
    use crate::task::Task;
    use crate::tree::{Block, Tree};

    /// A layer of the row: 2 for every number that it asks for.
    fn some(info: &'static LayerInfo) -> Op {
        let value = |arg: &Setting| {
            let values = [Value::Int(2), Value::Int(0), Value::Float(0.5)];
            let values = values.into_iter().chain([Value::Act(Activation::Relu)]);
            values.into_iter().find(|v| arg.refuse(info.name, v).is_none())
        };
        let args: Vec<Value> = info.args.iter().filter_map(|a| a.default.or(value(a))).collect();
        Op::of(info, &args)
    }

    fn shapes() -> [Shape; 4] {
        [Shape::tokens(6, 9), Shape::new([8]), Shape::new([6, 8]), Shape::new([8, 6, 6])]
    }

    /// Spaces of tokens, features, sequences and images, each of this block alone.
    fn spaces(block: &Block) -> impl Iterator<Item = Space> {
        let tokens = Shape::tokens(6, 9);
        let shapes = shapes().into_iter().filter(move |s| *s != tokens);
        let space = |shape: Shape| Space::new(shape.dims(), Task::classification(3));
        let symbols = Space::on(&crate::Dataset::names());
        shapes
            .map(space)
            .chain([symbols])
            .map(|space| space.then(block))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn both_pictures_of_a_layer_have_the_colour_of_its_row() {
        for info in layers() {
            let op = some(info);
            let args = op.args.iter().map(|v| Choice::one(*v)).collect();
            let block = Block::new(Tree::Layer { info, args });
            let fitting = spaces(&block).find(|space| space.check().is_ok());
            let space = fitting.unwrap_or_else(|| panic!("{} fits nowhere", info.name));
            let arch = space.default_architecture().unwrap();
            let name = op.to_string();
            let of_row = |name: &str| name.split('(').next() == Some(info.name);
            let row = arch.layers().into_iter().find(|row| of_row(&row.name)).unwrap();
            assert_eq!(row.family, info.family.name(), "{name}");
            let (strong, pale) = family(info.family.name());
            for picture in [space.drawing().svg(), arch.diagram().svg()] {
                let boxed = format!(r#"fill="{pale}" stroke="{strong}""#);
                assert!(picture.contains(&boxed), "{name}: {picture}");
            }
        }
    }

    /// What an error offers in the place of a layer takes what the layer does not.
    #[test]
    fn what_is_offered_instead_of_a_layer_fits() {
        let mut offered = 0;
        for info in layers() {
            let op = some(info);
            for shape in shapes().iter().filter(|s| s.vocabulary().is_none()) {
                let rank = shape.as_slice().len();
                let fits = (info.plan)(&op, std::slice::from_ref(shape)).is_ok();
                let Some(advice) = (info.facts.instead)(&op, rank).filter(|_| !fits) else {
                    continue;
                };
                for call in advice.split_inclusive(')') {
                    let (begin, args) = call.split_once('(').unwrap();
                    let other = find(begin.rsplit(' ').next().unwrap()).unwrap();
                    let args = args.trim_end_matches(')').split(", ").filter(|a| !a.is_empty());
                    let args: Option<Vec<Value>> =
                        other.args.iter().zip(args).map(|(arg, text)| arg.parse(text)).collect();
                    let other = Op::of(other, &args.unwrap());
                    // An image is flattened before it comes in.
                    let flat = other.info.facts.flat && rank == 3;
                    let given = if flat { Shape::new([shape.elements()]) } else { shape.clone() };
                    let plan = (other.info.plan)(&other, &[given]);
                    assert!(plan.is_ok(), "{op} on {shape}: {advice}: {:?}", plan.err());
                    offered += 1;
                }
            }
        }
        assert!(offered > 20, "{offered}");
    }
}
