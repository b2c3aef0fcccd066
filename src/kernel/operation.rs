//! A custom operation of two or three tensors: Candle's traits reduced to a forward and a backward pass.

use super::operand;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

/// The numbers and the shape of an operand.
pub(super) struct Input<'a> {
    pub data: &'a [f32],
    pub shape: &'a Shape,
}

/// The gradient of each operand, `None` where it is not needed.
pub(super) type Gradients<const N: usize> = Result<[Option<Tensor>; N]>;

/// A function of `N` tensors and its gradient.
pub(super) trait Operation<const N: usize>: Send + Sync {
    fn name(&self) -> &'static str;
    fn forward(&self, inputs: [Input; N]) -> Result<(CpuStorage, Shape)>;
    /// `y` is the result of the forward pass, and `grad` its gradient, which may be a view.
    fn backward(&self, inputs: [&Tensor; N], y: &Tensor, grad: &Tensor) -> Gradients<N>;
}

/// An [`Operation`] as Candle knows it.
struct Custom<O>(O);

/// The operation on two tensors.
pub(super) fn apply2(a: &Tensor, b: &Tensor, op: impl Operation<2> + 'static) -> Result<Tensor> {
    a.contiguous()?.apply_op2(&b.contiguous()?, Custom(op))
}

/// The operation on three tensors.
pub(super) fn apply3(
    a: &Tensor,
    b: &Tensor,
    c: &Tensor,
    op: impl Operation<3> + 'static,
) -> Result<Tensor> {
    a.contiguous()?.apply_op3(&b.contiguous()?, &c.contiguous()?, Custom(op))
}

fn input<'a>(storage: &'a CpuStorage, layout: &'a Layout) -> Result<Input<'a>> {
    Ok(Input { data: operand(storage, layout)?, shape: layout.shape() })
}

impl<O: Operation<2>> CustomOp2 for Custom<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        al: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.forward([input(a, al)?, input(b, bl)?])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.0.backward([a, b], y, grad).map(Into::into)
    }
}

impl<O: Operation<3>> CustomOp3 for Custom<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        al: &Layout,
        b: &CpuStorage,
        bl: &Layout,
        c: &CpuStorage,
        cl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.forward([input(a, al)?, input(b, bl)?, input(c, cl)?])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.0.backward([a, b, c], y, grad).map(Into::into)
    }
}
