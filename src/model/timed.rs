//! The measured time of a whole network, to compare with the sum over its operations.

use super::Model;
use crate::error::Result;
use crate::op::Pass;
use crate::room::fits;
use crate::space::{Architecture, Latency, least};
use candle_core::Device;
use std::time::Duration;

impl Latency {
    /// The measured seconds of one forward pass: the least of several passes, which take about half a
    /// second.
    ///
    /// # Errors
    /// When the layers do not fit together, or the network cannot be run.
    pub fn timed(&self, arch: &Architecture) -> Result<f64> {
        fits(arch.memory(self.samples()) / 2, || arch.largest_layer())?;
        let _one_at_a_time = self.table();
        let model = Model::new(arch, &Device::Cpu, 0)?;
        let x = self.input(&arch.of_space().input(), 0)?;
        least(Duration::from_millis(400), || Ok(model.run(&x, &mut Pass::new(false, None))?))
    }
}
