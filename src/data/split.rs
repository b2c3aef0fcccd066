//! Splits: shares of the data, folds, and the test split of another file.
//!
//! Every split is made by a fixed shuffle, so the same data are always split in the same way, on every
//! machine. Classes are split in proportion. A text is cut, not shuffled: the windows of a split
//! stay neighbours, so no test window stands between two training windows.

use super::Dataset;
use super::scaling::{Scaling, channels};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::shape::Shape;
use crate::task::Task;
use candle_core::{Device, Tensor};

/// The shares unless told otherwise.
pub(super) const SHARES: [f64; 3] = [0.6, 0.2, 0.2];

/// The sample numbers `0..strata.len()` in the order in which they are dealt: shuffled, one class
/// after the other.
fn order(strata: &[u32]) -> Vec<u32> {
    let classes = strata.iter().max().map_or(0, |&s| s as usize + 1);
    let mut of_class: Vec<Vec<u32>> = vec![vec![]; classes];
    for (i, &s) in strata.iter().enumerate() {
        of_class[s as usize].push(i as u32);
    }
    let mut rng = Rng::from_u64(0);
    of_class.iter_mut().for_each(|class| rng.shuffle(class));
    of_class.concat()
}

/// Splits by shares, each class in the same way. Samples are dealt like cards, class after class, each to
/// the split that is furthest behind its share, so the totals are right as well.
pub(super) fn deal(strata: &[u32], shares: [f64; 3]) -> [Vec<u32>; 3] {
    let mut splits: [Vec<u32>; 3] = Default::default();
    for (i, sample) in order(strata).into_iter().enumerate() {
        let behind = |s: usize| shares[s] * (i + 1) as f64 - splits[s].len() as f64;
        let most = (1..3).fold(0, |best, s| if behind(s) > behind(best) { s } else { best });
        splits[most].push(sample);
    }
    splits.iter_mut().for_each(|s| s.sort_unstable());
    splits
}

impl Dataset {
    /// The same samples split anew, by three shares that add up to 1; the default of most data is
    /// `split(0.6, 0.2, 0.2)`.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::names().split(0.8, 0.1, 0.1)?;
    /// assert_eq!(data.sizes(), (4128, 516, 516));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a share is negative or they do not add up to 1.
    pub fn split(&self, train: f64, validation: f64, test: f64) -> Result<Dataset> {
        let shares = [train, validation, test];
        let sum: f64 = shares.iter().sum();
        if shares.iter().any(|s| s.is_nan() || *s < 0.0) || (sum - 1.0).abs() > 1e-6 {
            return Err(Error::invalid(
                format!("split({train}, {validation}, {test})"),
                format!(
                    "three shares of at least 0.0 that add up to 1.0 are needed, but these add up to {sum}"
                ),
                "split(0.6, 0.2, 0.2)",
            ));
        }
        let splits = self.dealt(&self.every(), shares)?;
        Ok(self.with(|d| {
            [d.train, d.validation, d.test] = splits;
            d.name += &format!(", split {train} : {validation} : {test}");
        }))
    }

    /// The same with this share of the training samples, evenly over them; validation and test samples stay. A
    /// training takes as much less time, and is judged as before.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::mnist1d().train_share(0.25)?.sizes(), (800, 800, 1000));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the share is not above 0 and at most 1.
    pub fn train_share(&self, share: f64) -> Result<Dataset> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::invalid(
                format!("train_share({share})"),
                "a share above 0.0 and at most 1.0 is needed",
                "train_share(0.25)",
            ));
        }
        Ok(self.with(|d| {
            let keep = ((share * d.train.len() as f64).round() as usize).max(1).min(d.train.len());
            d.train = (0..keep).map(|i| d.train[i * d.train.len() / keep]).collect();
            d.name += &format!(", {share} of the training samples");
        }))
    }

    /// Training and validation samples split anew, with this share of them for validation. The test
    /// split stays.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::mnist1d().validation_share(0.1)?.sizes(), (3600, 400, 1000));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the share is not between 0 and 1.
    pub fn validation_share(&self, share: f64) -> Result<Dataset> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::invalid(
                format!("validation_share({share})"),
                "a share from 0.0 to 1.0 is needed",
                "validation_share(0.2)",
            ));
        }
        let [train, validation, _] = self.dealt(&self.pool(), [1.0 - share, share, 0.0])?;
        Ok(self.with(|d| {
            (d.train, d.validation) = (train, validation);
            d.name += &format!(", validation {share}");
        }))
    }

    /// Cross-validation: `k` data sets, in each of which a different `k`-th of the training and
    /// validation samples is the validation split and the rest the training split. The test split is
    /// the same in all; the samples are not copied.
    ///
    /// Standardise after this, not before, so that each set is measured on its own training split.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits();
    /// let space = Space::on(&data).then(linear(16));
    /// let arch = space.default_architecture()?;
    /// let mut scores = vec![];
    /// for fold in data.folds(3)? {
    ///     let train = Train::on(&fold).epochs(2);
    ///     scores.push(train.evaluate(&arch, &Budget::new(2, 2, 1))?.score());
    /// }
    /// assert_eq!(scores.len(), 3);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there are fewer than 2 folds, or more than samples or than 1000.
    pub fn folds(&self, k: impl Count) -> Result<Vec<Dataset>> {
        let (given, k) = (k.to_i64(), k.to_size());
        let pool = self.pool();
        // Every fold lists its samples: with too many folds the lists are larger than the data.
        let most = pool.len().min(1000);
        if k < 2 || k > most {
            return Err(Error::invalid(
                format!("folds({given})"),
                format!("from 2 to {most} are allowed for {} samples", pool.len()),
                "folds(5)",
            ));
        }
        let fold_of: Vec<(u32, usize)> = match self.strata(&pool)? {
            Some(strata) => {
                let dealt = order(&strata).into_iter().enumerate();
                dealt.map(|(i, at)| (pool[at as usize], i % k)).collect()
            }
            None => pool.iter().enumerate().map(|(i, &s)| (s, i * k / pool.len())).collect(),
        };
        let one = |fold: usize| {
            let (mut validation, mut train) = (vec![], vec![]);
            for &(sample, of) in &fold_of {
                if of == fold { &mut validation } else { &mut train }.push(sample);
            }
            train.sort_unstable();
            validation.sort_unstable();
            self.with(|d| {
                (d.train, d.validation) = (train, validation);
                d.name += &format!(", fold {} of {k}", fold + 1);
            })
        };
        Ok((0..k).map(one).collect())
    }

    /// These data with all samples of `other` as the test split: for a test set that comes as a
    /// file of its own. All samples of this set become training and validation samples, 4 to 1.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let make = |name, n: usize| {
    ///     let x = (0..n).map(|i| i as f32).collect();
    ///     Dataset::classification(name, x, [1], (0..n).map(|i| (i % 2) as u32).collect(), 2)
    /// };
    /// let data = make("train", 100)?.with_test_of(&make("test", 20)?)?;
    /// assert_eq!(data.sizes(), (80, 20, 20));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// Classes and symbols are matched by their words and characters: the test set may lack some, or
    /// number them differently. The card says which classes it lacks.
    ///
    /// # Errors
    /// When tasks or shapes differ, or the test set has a class or a character that these data do not
    /// have.
    pub fn with_test_of(&self, other: &Dataset) -> Result<Dataset> {
        let (a, b) = (&self.0, &other.0);
        let refused = |what: String, try_: &str| {
            Error::invalid(format!("with_test_of({})", other.line()), what, try_)
        };
        let differ = |what: &str| format!("the {what} differ from those of {}", self.line());
        let kind = |task: &Task| match task {
            Task::Regression { outputs } => (0, *outputs),
            Task::Classification { .. } => (1, 0),
            Task::NextToken { .. } => (2, 0),
        };
        if kind(&a.task) != kind(&b.task) {
            return Err(refused(differ("tasks"), "two files that were read for the same task"));
        }
        // Texts are matched by their characters, whatever numbers those have.
        let texts = !a.symbols.is_empty() && !b.symbols.is_empty();
        let vocabulary = |d: &Dataset| if texts { None } else { d.0.shape.vocabulary() };
        if a.shape.dims() != b.shape.dims() || vocabulary(self) != vocabulary(other) {
            return Err(refused(
                differ("input shapes"),
                "two files of the same columns, images of one size, or texts of one length",
            ));
        }
        if a.scaled || b.scaled {
            return Err(refused(
                differ("scales, each set's own if any,"),
                "to standardise what has been joined: train.with_test_of(&test)?.standardised()",
            ));
        }
        if let (Some(files), Some(files_b)) = (&a.files, &b.files)
            && !files.as_read(files_b)
        {
            return Err(refused(
                format!("it is {files_b}, and {} is {files}", a.name),
                "with_test_wav_folder or with_test_image_folder, which read as the data were read; \
                 recordings need one sampling rate",
            ));
        }
        if a.columns != b.columns && !a.columns.is_empty() && !b.columns.is_empty() {
            return Err(refused(
                format!(
                    "its columns are {}, and those of {} are {}",
                    b.columns.join(", "),
                    a.name,
                    a.columns.join(", ")
                ),
                "with_test_csv(path, target), which finds columns by their names",
            ));
        }
        let unknown = |i: usize| {
            refused(
                format!("the character {:?} does not occur in {}", b.symbols[i], a.name),
                "a test set without this character, or with another in its place",
            )
        };
        // Each file's columns may have been moved by amounts of their own.
        let target = Shape::new([a.task.outputs()]);
        let x = match texts {
            true => renumbered(&b.x, &a.symbols, &b.symbols).map_err(unknown)?,
            false => like(&b.x, &b.shape, b.scaling.as_ref(), a.scaling.as_ref())?,
        };
        let y = match a.task {
            Task::NextToken { .. } if texts => {
                renumbered(&b.y, &a.symbols, &b.symbols).map_err(unknown)?
            }
            Task::NextToken { .. } => b.y.clone(),
            Task::Regression { .. } => {
                like(&b.y, &target, b.target_scaling.as_ref(), a.target_scaling.as_ref())?
            }
            Task::Classification { .. } => {
                let (ours, theirs) = (self.classes(), other.classes());
                renumbered(&b.y, &ours, &theirs).map_err(|i| {
                    let shown: Vec<String> =
                        ours.iter().take(12).map(|c| format!("{c:?}")).collect();
                    let what = format!("{:?} is not a class of {}", theirs[i], a.name);
                    refused(
                        format!("the words of the classes differ: {what}: {}", shown.join(", ")),
                        "a test set without this class, or with_classes([...]) on it, with the \
                         words of the training data",
                    )
                })?
            }
        };
        let lacking = self.lacking(&y)?;
        let joined = self.joined(&x, &y, other.every(), &b.name)?;
        Ok(joined.with(|d| {
            d.notes.extend(b.notes.iter().map(|note| format!("{}: {note}", b.name)));
            d.notes.extend(lacking);
        }))
    }

    /// What to say about classes that a test set has no sample of.
    fn lacking(&self, y: &Tensor) -> Result<Option<String>> {
        let Task::Classification { .. } = self.0.task else { return Ok(None) };
        let there: std::collections::BTreeSet<u32> = y.to_vec1::<u32>()?.into_iter().collect();
        let classes = self.classes().into_iter().enumerate();
        let absent: Vec<String> = classes
            .filter(|(i, _)| !there.contains(&(*i as u32)))
            .map(|(_, word)| format!("{word:?}"))
            .collect();
        let shown = absent.iter().take(12).cloned().collect::<Vec<_>>().join(", ");
        Ok(match absent.len() {
            0 => None,
            1 => Some(format!("the test split has no sample of class {shown}")),
            n => Some(format!("the test split has no samples of {n} classes: {shown}")),
        })
    }

    /// These samples for training and validation, 4 to 1, and the samples `test` of another set as the
    /// test split.
    pub(super) fn joined(
        &self,
        x: &Tensor,
        y: &Tensor,
        test: Vec<u32>,
        name: &str,
    ) -> Result<Dataset> {
        let a = &self.0;
        let offset = a.x.dims().first().copied().unwrap_or_default() as u32;
        let [train, validation, _] = self.dealt(&self.every(), [0.8, 0.2, 0.0])?;
        let (x, y) = (Tensor::cat(&[&a.x, x], 0)?, Tensor::cat(&[&a.y, y], 0)?);
        Ok(self.with(|d| {
            (d.x, d.y, d.train, d.validation) = (x, y, train, validation);
            d.test = test.iter().map(|i| i + offset).collect();
            d.name += &format!(", tested on {name}");
        }))
    }

    /// Training and validation samples, in order.
    fn pool(&self) -> Vec<u32> {
        let mut all = [&self.0.train[..], &self.0.validation[..]].concat();
        all.sort_unstable();
        all
    }

    /// The samples of all splits, in order.
    pub(crate) fn every(&self) -> Vec<u32> {
        let mut all = [&self.pool()[..], &self.0.test[..]].concat();
        all.sort_unstable();
        all
    }

    /// The class of each of the samples, or 0 where there are none; `None` for a text.
    fn strata(&self, samples: &[u32]) -> Result<Option<Vec<u32>>> {
        Ok(match self.0.task {
            Task::Classification { .. } => {
                let y = self.0.y.to_vec1::<u32>()?;
                Some(samples.iter().map(|&i| y[i as usize]).collect())
            }
            Task::Regression { .. } => Some(vec![0; samples.len()]),
            Task::NextToken { .. } => None,
        })
    }

    fn dealt(&self, samples: &[u32], shares: [f64; 3]) -> Result<[Vec<u32>; 3]> {
        let Some(strata) = self.strata(samples)? else {
            let n = samples.len() as f64;
            let cut = |share: f64| ((share * n).round() as usize).min(samples.len());
            let (a, b) = (cut(shares[0]), cut(shares[0] + shares[1]));
            return Ok([&samples[..a], &samples[a..b], &samples[b..]].map(<[u32]>::to_vec));
        };
        let of = |list: Vec<u32>| list.iter().map(|&i| samples[i as usize]).collect();
        Ok(deal(&strata, shares).map(of))
    }
}

impl Dataset {
    /// # Errors
    /// When these data were standardised, so that others would have another scale.
    pub(super) fn unscaled(&self, call: impl FnOnce() -> String) -> Result<()> {
        match self.0.scaled {
            false => Ok(()),
            true => Err(Error::invalid(
                call(),
                format!("{} was standardised by its own mean and deviation", self.name()),
                "to standardise what has been joined: data.with_test...(folder)?.standardised()",
            )),
        }
    }
}

/// Renumbers labels or symbols from the places of `theirs` to those of `ours`; or returns the first
/// that is not among ours.
fn renumbered<T: PartialEq>(old: &Tensor, ours: &[T], theirs: &[T]) -> Result<Tensor, usize> {
    if ours == theirs {
        return Ok(old.clone());
    }
    let place = |t: &T| ours.iter().position(|o| o == t).map(|i| i as u32);
    let numbers: Vec<Option<u32>> = theirs.iter().map(place).collect();
    let list = old.flatten_all().and_then(|t| t.to_vec1::<u32>()).unwrap_or_default();
    let new = list.iter().map(|&i| numbers.get(i as usize).copied().flatten().ok_or(i as usize));
    let new = new.collect::<Result<Vec<u32>, usize>>()?;
    // As many numbers as before: this cannot fail.
    Ok(Tensor::from_vec(new, old.dims(), old.device()).unwrap_or_else(|_| old.clone()))
}

/// Numbers that were scaled in one way, scaled in another way.
fn like(x: &Tensor, shape: &Shape, from: Option<&Scaling>, to: Option<&Scaling>) -> Result<Tensor> {
    if from == to {
        return Ok(x.clone());
    }
    let none = Scaling::none(channels(shape).0);
    let given = from.unwrap_or(&none).widen(shape, &x.flatten_all()?.to_vec1::<f32>()?);
    let values = to.unwrap_or(&none).narrow(shape, &given);
    Ok(Tensor::from_vec(values, x.dims(), &Device::Cpu)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deal_is_what_it_always_was() {
        // Journals know these data by their fingerprints.
        assert_eq!(Dataset::digits().fingerprint(), 0xd49b_0e45_9f69_b5d5);
        assert_eq!(Dataset::digits().take(200).fingerprint(), 0x48f7_168a_7f36_6fe0);
    }

    #[test]
    fn a_deal_is_complete_and_in_proportion() {
        let strata: Vec<u32> = (0..1003).map(|i| (i * i % 7) as u32).collect();
        for shares in [[0.5, 0.25, 0.25], [0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [0.05, 0.05, 0.9]] {
            let splits = deal(&strata, shares);
            let mut all = splits.concat();
            all.sort_unstable();
            assert_eq!(all, (0..1003).collect::<Vec<u32>>());
            for (split, share) in splits.iter().zip(shares) {
                assert!((split.len() as f64 - 1003.0 * share).abs() <= 1.0, "{shares:?}");
                for class in 0..7 {
                    let is = |i: &&u32| strata[**i as usize] == class;
                    let whole = strata.iter().filter(|&&s| s == class).count() as f64;
                    let here = split.iter().filter(is).count() as f64;
                    assert!((here - share * whole).abs() <= 2.0, "{shares:?} class {class}");
                }
            }
        }
        assert!(deal(&[], SHARES).iter().all(Vec::is_empty));
    }
}
