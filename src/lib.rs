//! Neural architecture search you can watch, in a Rust notebook.
