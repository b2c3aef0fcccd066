//! Everything that a notebook needs: `use nascent::prelude::*;`

pub use crate::{
    Activation, Acts, Against, Annealing, Answer, AnyEvaluator, AnyStrategy, Architecture, Asha,
    Asked, Augment, AutoKeras, Bananas, Bill, Block, Bohb, Budget, Checkpoint, Compare, Comparison,
    Count, CurveRegression, CurveStopping, Darts, Dataset, Distance, DrNas, Draw, Duplicates, Enas,
    Encoding, Ended, Error, ErrorKind, Evaluation, Evaluator, EvcxrDisplay, Evolution, Explanation,
    Extrapolation, FairNas, Fidelities, Finalists, Finals, Floats, FreezeThaw, GaussianProcess,
    Gdas, Genetic, Grid, History, Hyperband, Images, IntoStrategy, Ints, Key, Latency, Limit, Live,
    LocalSearch, LogMel, Macs, MedianStopping, Memory, Method, Metric, Mnist1dBench, Model,
    Morphism, NasBench201, Nsga2, Odds, OnFailure, Optimizer, Params, PcDarts, Ppo, Prediction,
    Predictor, Proposal, Protocol, Proxy, Random, RandomForest, RandomSharing, Reinforce, Result,
    Retrained, Rng, Running, Schedule, Searches, Shape, Snas, Space, Split, Spos, Strategy, Study,
    SuccessiveHalving, Supernet, Surrogate, Table, Task, Tpe, Train, Training, Transfer,
    Transferred, Trial, Vote, WarmStart, Watch, activation, any, attention, avg_pool, batch_norm,
    best_device, branches, cell, choice, concat, conv, conv1d, darts_rnn, depthwise, drop_path,
    dropout, embedding, evaluator, feed_forward, flatten, gelu, global_avg_pool, global_max_pool,
    group_norm, gru, last, layer_norm, linear, live, lstm, max_pool, one_of, positions, presets,
    relu, repeat, residual, rnn, running, same, sep_conv, seq, shared, show, sigmoid, silu, skip,
    squeeze_excite, stack, stats, strategy, tanh, wired, zero,
};

pub use crate::chart::{Chart, IntoEntry, IntoRow, Listing, Report};

/// Candle's tensors, for evaluators and models of your own.
pub use candle_core::{DType, Device, Tensor, Var};

/// The methods of Candle's optimisers, but not the name of their trait, which [`Optimizer`] has here.
pub use candle_nn::Optimizer as _;

/// The libraries themselves, in the versions that this crate is built with.
pub use {candle_core, candle_nn, plotters};
