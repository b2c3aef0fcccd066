//! The settings of layers as methods of a block; the layer's row lists them by name.

use crate::tree::{Block, Choice, IntoActs, IntoInts, IntoSwitch, Tree};

impl Block {
    /// The stride of a convolution (default: 1) or of a pooling (default: the size of its window).
    pub fn stride(&self, stride: impl IntoInts) -> Block {
        self.set("stride", stride.into_ints().0)
    }

    /// The distance between the taps of a convolution's kernel (default: 1).
    pub fn dilation(&self, dilation: impl IntoInts) -> Block {
        self.set("dilation", dilation.into_ints().0)
    }

    /// The number of groups of a convolution, each of which sees its share of the channels
    /// (default: 1).
    pub fn groups(&self, groups: impl IntoInts) -> Block {
        self.set("groups", groups.into_ints().0)
    }

    /// The width of the border around the input of a pooling, which is not counted (default: 0).
    pub fn padding(&self, padding: impl IntoInts) -> Block {
        self.set("padding", padding.into_ints().0)
    }

    /// Whether a bias is learned where no normalisation follows (default: yes).
    pub fn bias(&self, bias: impl IntoSwitch) -> Block {
        self.set("bias", bias.into_switch().0)
    }

    /// Whether a position of a sequence sees only itself and those before it. The default depends on
    /// the task: yes where the next symbol is to be predicted, no elsewhere.
    pub fn causal(&self, causal: impl IntoSwitch) -> Block {
        self.set("causal", causal.into_switch().0)
    }

    /// The activation that ends a convolution or a linear layer (default: ReLU).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let block = conv(16, 3).activation(any(["relu", "gelu"]));
    /// assert!(conv(16, 3).activation("rellu").problems()[0].contains("relu, gelu"));
    /// ```
    pub fn activation(&self, activation: impl IntoActs) -> Block {
        self.set("activation", activation.into_acts().0)
    }

    /// Whether batch normalisation comes before the activation (default: yes for convolutions, no for
    /// linear layers). `norm(any([false, true]))` lets the search decide.
    pub fn norm(&self, norm: impl IntoSwitch) -> Block {
        self.set("norm", norm.into_switch().0)
    }

    /// Whether a recurrent layer also reads the sequence from its end (default: no); the states of
    /// both directions are concatenated, `[L, 2*units]`. See also [`last`](crate::last).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let block = lstm(32).bidirectional(any([false, true]));
    /// assert!(block.problems().is_empty());
    /// ```
    pub fn bidirectional(&self, both: impl IntoSwitch) -> Block {
        self.set("bidirectional", both.into_switch().0)
    }

    /// The layer alone: no batch normalisation and no activation, so that a bias is learned.
    pub fn plain(&self) -> Block {
        self.norm(false).activation("identity")
    }

    fn set(&self, name: &str, choice: Choice) -> Block {
        if let Tree::Layer { info, args } = &*self.0
            && let Some(i) = info.args.iter().position(|a| a.name == name)
        {
            let mut args = args.clone();
            args[i] = choice;
            return Block::new(Tree::Layer { info, args });
        }
        let which = match &*self.0 {
            Tree::Layer { info, .. } => info.name.to_string(),
            Tree::Broken { .. } => return self.clone(),
            _ => "a composed block".to_string(),
        };
        let can: Vec<&str> = super::layers()
            .iter()
            .filter(|l| l.args.iter().any(|a| a.name == name))
            .map(|l| l.name)
            .collect();
        let problem = format!(
            "{which} has no setting `{name}`; {} {}. Set it on the layer itself, before composing.",
            can.join(", "),
            if can.len() == 1 { "has" } else { "have" }
        );
        self.broken(problem)
    }
}
