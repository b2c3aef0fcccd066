//! DARTS: Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", arXiv 1806.09055.
//!
//! The idea: instead of trying one operation after the other, compute all of them at once, each with a
//! weight, and learn the weights by gradient descent. A search costs about as much as training a few
//! networks.
//!
//! ```text
//! weights of the options o of a choice   p_o = exp(alpha_o) / sum over o' of exp(alpha_o')
//! min over alpha of  L_val(w*(alpha), alpha)   where  w*(alpha) = argmin over w of L_train(w, alpha)
//!
//! in every step
//!   1. alpha <- alpha - eta grad_alpha L_val(w - xi grad_w L_train(w, alpha), alpha)
//!   2. w     <- w - lr grad_w L_train(w, alpha)
//! at the end: of each choice the option with the largest weight
//! ```
//!
//! To first order xi is 0. To second order xi is the learning rate of w, and the chain rule brings a product
//! with the matrix of mixed second derivatives, which a difference of two gradients stands for:
//!
//! ```text
//! w' = w - xi grad_w L_train(w, alpha)                          v = grad_w' L_val(w', alpha)
//! grad = grad_alpha L_val(w', alpha)
//!        - xi (grad_alpha L_train(w + eps v, alpha) - grad_alpha L_train(w - eps v, alpha)) / (2 eps)
//! eps = 0.01 / |v|
//! ```
//!
//! What is known of it: on NAS-Bench-201 it ends in networks of skip connections, whose weights it
//! overrates (arXiv 2001.00326, table 5). Zela et al. (1909.09656) trace this to the curvature of L_val in
//! alpha, which [`Darts::watch_curvature`] measures and [`Darts::stop_at_curvature`] stops at; Liang et al.
//! (1909.06035) stop at a number of skip connections, as [`Darts::stop_at_skips`].
//!
//! Where we differ: the step width of alpha follows from the number of steps, see `bilevel.rs`.

use super::bilevel::{Rules, rules};
use super::relaxation::Softmax;
use super::{Method, MethodInfo};

/// Differentiable architecture search: all options at once, weighted by a softmax.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(&op).then(global_avg_pool());
///
/// let train = Train::on(&data).epochs(3).optimizer(Optimizer::sgd(0.9).learning_rate(0.025));
/// let search = Study::one_shot(&space, &train, Darts::first_order()).seed(1).quiet().run()?;
/// let derived = search.derived()?;
/// assert!(space.contains(&derived));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("DARTS", "differentiable"))]
pub struct Darts {
    rules: Rules,
}

impl Darts {
    /// The gradient of the validation loss at the weights as they are: xi is 0.
    pub fn first_order() -> Darts {
        Darts { rules: Rules::new(3e-4) }
    }

    /// The gradient of the validation loss after one more step of the weights, which costs two and a half
    /// times as much. The step is that of the training's SGD; with AdamW it is one along the plain gradient,
    /// which is far shorter than an AdamW step, so use SGD.
    pub fn second_order() -> Darts {
        Darts { rules: Rules { second_order: true, ..Rules::new(3e-4) } }
    }
}

rules!(Darts);

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "darts",
    about: "all options at once, weighted by a softmax that is learned on held-out samples",
    paper: "Liu et al. 2019, arXiv 1806.09055",
    make: || Darts::first_order().into(),
};

/// Its row to second order.
pub(super) const SECOND: MethodInfo = MethodInfo {
    name: "darts2",
    about: "as darts, looking one step of the weights ahead",
    paper: "Liu et al. 2019, arXiv 1806.09055",
    make: || Darts::second_order().into(),
};

impl From<Darts> for Method {
    fn from(darts: Darts) -> Method {
        let name =
            if darts.rules.second_order { "DARTS, second order" } else { "DARTS, first order" };
        Method::relaxed(name, Softmax, darts.rules)
    }
}
