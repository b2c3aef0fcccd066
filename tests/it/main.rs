//! All tests of the crate as a whole, in one program, since each program links Candle again. A file is
//! a module: `cargo test --test it study::` runs those of `study.rs`.
//!
//! They run side by side in one process. What needs a process of its own starts this program again
//! ([`help::alone`]), and every test has folders of its own for its files ([`help::Folder`]).

mod help;

mod advice;
mod after;
mod attention;
mod benchmarks;
mod compare;
mod data;
mod distances;
mod encodings;
mod failures;
mod fidelity;
mod fixtures;
mod front;
mod gradients;
mod images;
mod importance;
mod inherit;
#[cfg(unix)]
mod interrupt;
mod journal;
mod latency;
mod layering;
#[cfg(unix)]
mod live;
mod messages;
mod model;
mod morphism;
mod oneshot;
mod outputs;
mod own_strategy;
mod policy;
mod predictors;
mod presets;
mod proxies;
mod pytorch;
mod readers;
mod recurrent_search;
mod semantics;
mod sequences;
mod space;
mod spaces;
mod stats;
mod strategies;
mod study;
mod supernet;
mod surrogates;
mod table;
mod training;
mod wired;
