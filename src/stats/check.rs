//! What all the statistics require of their input.

use crate::error::{Error, Result};

/// Which numbers a method can work with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Allowed {
    /// Only an order is needed, and infinity has a place in it.
    Ordered,
    /// Sums and differences are needed.
    Finite,
}

/// At least one value, each of the allowed kind.
pub(super) fn sample(call: &str, name: &str, values: &[f64], allowed: Allowed) -> Result<()> {
    if values.is_empty() {
        return Err(Error::invalid(
            format!("{call} where {name} is empty"),
            "at least one value is needed",
            "the values of finished trials, one for each seed",
        ));
    }
    numbers(call, name, values, allowed)
}

/// Each value of the allowed kind.
pub(super) fn numbers(call: &str, name: &str, values: &[f64], allowed: Allowed) -> Result<()> {
    let bad = |v: &f64| v.is_nan() || (allowed == Allowed::Finite && v.is_infinite());
    let Some(at) = values.iter().position(bad) else { return Ok(()) };
    let only = match allowed {
        Allowed::Ordered => "NaN has no place in an order",
        Allowed::Finite => "only finite numbers are allowed",
    };
    Err(Error::invalid(
        format!("{call} with {name}[{at}] = {}", values[at]),
        only,
        "leaving out what failed, or giving it the worst score",
    ))
}

/// The rows as slices, and their common length.
pub(super) fn table<'a, R: AsRef<[f64]>>(
    call: &str,
    name: &str,
    rows: &'a [R],
    allowed: Allowed,
) -> Result<(Vec<&'a [f64]>, usize)> {
    let rows: Vec<&[f64]> = rows.iter().map(AsRef::as_ref).collect();
    let width = rows.first().map_or(0, |row| row.len());
    for (at, row) in rows.iter().enumerate() {
        let own = row.len();
        if own != width {
            return Err(Error::invalid(
                format!("{call} where {name}[0] has length {width} and {name}[{at}] has {own}"),
                "all rows need the same length",
                "one row for each seed or point, one column for each value",
            ));
        }
        numbers(call, &format!("{name}[{at}]"), row, allowed)?;
    }
    Ok((rows, width))
}

/// Two lists of the same length, from which pairs are made.
pub(super) fn pairs(call: &str, x: &[f64], y: &[f64], allowed: Allowed) -> Result<()> {
    if x.len() != y.len() {
        return Err(Error::invalid(
            format!("{call} with {} and {} values", x.len(), y.len()),
            "pairs need two lists of the same length",
            "one value of each for every seed, in the same order",
        ));
    }
    sample(call, "x", x, allowed)?;
    numbers(call, "y", y, allowed)
}

/// A share of something: above 0 and below 1.
pub(super) fn share(call: &str, name: &str, value: f64, try_: &str) -> Result<()> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    Err(Error::invalid(
        format!("{call} with {name} {value}"),
        "above 0 and below 1 is allowed",
        try_,
    ))
}
