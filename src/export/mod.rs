//! Models and studies in the formats of other software.

mod dot;
mod layers;
mod onnx;
mod optuna;
mod proto;
