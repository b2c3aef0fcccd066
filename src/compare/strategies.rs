//! Several strategies at once: what [`Compare::strategies`](super::Compare::strategies) takes.

use crate::strategy::{AnyStrategy, IntoStrategy, Strategy, StrategyInfo, stored_name};

/// A strategy of a comparison and what it is called there; if there is none, the reason why.
#[doc(hidden)]
pub type Named = Result<(Option<String>, AnyStrategy), String>;

/// Several strategies: a tuple of up to 16, an array or `Vec` of [`AnyStrategy`], names of the table
/// of strategies (`["random", "evolution"]`), or rows of it. `How` tells the compiler which of these
/// it is, and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of strategies",
    label = "pass a tuple, (Random, Evolution::regularized()), or names, [\"random\", \"evolution\"]"
)]
pub trait IntoStrategies<How> {
    /// The strategies in order.
    #[doc(hidden)]
    fn into_strategies(self) -> Vec<Named>;
}

/// Marks a list of names.
#[doc(hidden)]
pub enum ByName {}
/// Marks a list of handles.
#[doc(hidden)]
pub enum ByHandle {}
/// Marks rows of the table.
#[doc(hidden)]
pub enum ByRow {}

impl<N: AsRef<str>, I: IntoIterator<Item = N>> IntoStrategies<ByName> for I {
    fn into_strategies(self) -> Vec<Named> {
        self.into_iter().map(|name| by_name(name.as_ref())).collect()
    }
}

impl<I: IntoIterator<Item = AnyStrategy>> IntoStrategies<ByHandle> for I {
    fn into_strategies(self) -> Vec<Named> {
        self.into_iter().map(|strategy| Ok((None, strategy))).collect()
    }
}

impl<'r, I: IntoIterator<Item = &'r StrategyInfo>> IntoStrategies<ByRow> for I {
    fn into_strategies(self) -> Vec<Named> {
        self.into_iter().map(|row| Ok((Some(row.name.to_string()), (row.make)()))).collect()
    }
}

macro_rules! tuples {
    ($($name:ident $how:ident),+) => {
        impl<$($name, $how),+> IntoStrategies<($($how,)+)> for ($($name,)+)
        where
            $($name: IntoStrategy<$how>),+
        {
            #[allow(non_snake_case)]
            fn into_strategies(self) -> Vec<Named> {
                let ($($name,)+) = self;
                vec![$(Ok((None, $name.into_strategy()))),+]
            }
        }
    };
}
tuples!(A HA);
tuples!(A HA, B HB);
tuples!(A HA, B HB, C HC);
tuples!(A HA, B HB, C HC, D HD);
tuples!(A HA, B HB, C HC, D HD, E HE);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ, K HK);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ, K HK, L HL);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ, K HK, L HL, M HM);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ, K HK, L HL, M HM, N HN);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ, K HK, L HL, M HM, N HN, O HO);
tuples!(A HA, B HB, C HC, D HD, E HE, F HF, G HG, H HH, I HI, J HJ, K HK, L HL, M HM, N HN, O HO, P HP);

fn by_name(name: &str) -> Named {
    let found = AnyStrategy::named(name).map_err(|e| e.to_string())?;
    Ok((Some(name.to_string()), found))
}

/// What a strategy is called: the name of its row, or how it describes itself.
pub(super) fn short_name(strategy: &AnyStrategy, trials: usize) -> String {
    stored_name(strategy).unwrap_or_else(|| strategy.describe(trials))
}
