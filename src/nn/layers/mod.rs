//! One layer a file: its function, its row for the table, its costs, its forward pass.

pub(crate) mod activation;
pub(crate) mod add;
pub(crate) mod batch_norm;
pub(crate) mod conv;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod linear;
pub(crate) mod pool;
pub(crate) mod sep_conv;
pub(crate) mod shape;
