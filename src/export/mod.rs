//! Models and studies in the formats of other software.

mod dot;
mod layers;
mod onnx;
mod operators;
mod optuna;
mod proto;
