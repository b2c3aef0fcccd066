//! Images whose channels come last, as in most picture files and programs.

use super::scaling::Numbers;
use super::{Dataset, feature};
use crate::error::{Error, Result};
use crate::shape::Shape;
use candle_core::{Device, Tensor};

impl Dataset {
    /// The same images with their channels in front: the samples were given as `[H, W, C]`, one pixel
    /// after the other, and become `[C, H, W]`, one plane per channel.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// // Five pictures of 1x2 pixels in red, green and blue.
    /// let x = [0.9, 0.5, 0.1, 0.8, 0.4, 0.0].repeat(5);
    /// let data = Dataset::classification("pixels", x, [1, 2, 3], vec![0, 1, 0, 1, 0], 2)?;
    /// let data = data.channels_last()?;
    /// assert_eq!(data.shape().dims(), [3, 1, 2]);
    /// let (x, _) = data.tensors(Split::Test)?;
    /// assert_eq!(x.flatten_all()?.to_vec1::<f32>()?, [0.9, 0.8, 0.5, 0.4, 0.1, 0.0]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the samples are not images of three dimensions, or were standardised or turned before.
    pub fn channels_last(&self) -> Result<Dataset> {
        let d = &self.0;
        let given = || format!("channels_last() on {}", d.name);
        let [h, w, c] = d.shape.as_slice() else {
            return Err(Error::invalid(
                given(),
                format!("images [H, W, C] have three dimensions, its inputs are {}", d.shape),
                "it on images, such as those of Dataset::classification(name, x, [16, 16, 3], ...)",
            ));
        };
        if d.scaled {
            return Err(Error::invalid(
                given(),
                "it was standardised with its first dimension as channels",
                "data.channels_last()?.standardised()",
            ));
        }
        if d.channels_last {
            return Err(Error::invalid(
                given(),
                format!("its channels are in front already: its inputs are {}", d.shape),
                "the data as they are",
            ));
        }
        let turned = |x: &Tensor| x.permute((0, 3, 1, 2))?.contiguous();
        let shape = Shape::new([*c, *h, *w]);
        // The values of what are not channels were moved to be told apart in 32 bits: this is undone, and
        // done again for the channels.
        let (x, scaling, notes) = match &d.scaling {
            Some(scaling) => {
                let wide = scaling.widen(&d.shape, &d.x.flatten_all()?.to_vec1::<f32>()?);
                let wide = turned(&Tensor::from_vec(wide, d.x.dims(), &Device::Cpu)?)?;
                let wide = Numbers::Wide(wide.flatten_all()?.to_vec1::<f64>()?);
                let (x, scaling, notes) = wide.narrow(&shape, true, feature);
                (Tensor::from_vec(x, shape.batch(d.x.dim(0)?), &Device::Cpu)?, scaling, notes)
            }
            None => (turned(&d.x)?, None, d.notes.clone()),
        };
        Ok(self.with(|d| {
            (d.x, d.shape, d.scaling, d.notes) = (x, shape, scaling, notes);
            d.channels_last = true;
            d.name += ", channels last";
        }))
    }

    /// What to say about images that have more channels than pixels across.
    pub(super) fn channels_note(&self) -> Option<String> {
        let &[c, h, w] = self.0.shape.as_slice() else { return None };
        (matches!(w, 1 | 3 | 4) && c > w && h > w).then(|| {
            format!(
                "an input of {c}x{h}x{w} is taken as {c} channels of {h}x{w} pixels; if it is \
                 {c}x{h} pixels of {w} channel{}, use .channels_last()",
                if w == 1 { "" } else { "s" }
            )
        })
    }
}
