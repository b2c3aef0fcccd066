//! The leaderboard: the best trials as a table, the best of them marked. In a notebook it is HTML, which can be copied
//! and wraps on a phone; as a file it is SVG like every other chart.

use super::Draw;
use super::listing::Sheet;
use crate::words::plural;
use serde::{Deserialize, Serialize};

/// A table of the best trials, the best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Leaderboard {
    /// The headings of the columns.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`; missing cells are empty.
    pub rows: Vec<Vec<String>>,
    /// A remark below the table; may be empty.
    pub note: String,
}

impl Leaderboard {
    fn sheet(&self) -> Sheet<'_> {
        Sheet {
            title: "",
            name: "Leaderboard",
            said: format!("The best {}", plural(self.rows.len(), "trial")),
            why: "no trial has finished",
            columns: &self.columns,
            rows: &self.rows,
            note: &self.note,
            marked: Some(0),
        }
    }
}

impl Draw for Leaderboard {
    fn svg(&self) -> String {
        self.sheet().svg()
    }
    fn html(&self) -> String {
        self.sheet().html()
    }
    fn plain(&self) -> String {
        self.sheet().plain()
    }
}

/// The best of twenty trials on the digits.
pub(super) fn example() -> Leaderboard {
    let row = |cells: &str| cells.split(" | ").map(String::from).collect::<Vec<_>>();
    let rows = [
        "1 | 19 | 0.9871 | 190.3 k | 2.4 s | conv(32, 3) > conv(32, 5).residual() > sep_conv(32, 3) > max_pool(2) > global_avg_pool()",
        "2 | 16 | 0.9822 | 88.1 k | 1.9 s | conv(16, 3) > conv(32, 3).residual() > max_pool(2) > global_avg_pool()",
        "3 | 14 | 0.9801 | 48.2 k | 1.7 s | conv(16, 3) > sep_conv(32, 3) > sep_conv(32, 3) > global_avg_pool()",
        "4 | 12 | 0.9764 | 33.8 k | 1.2 s | conv(32, 3) > max_pool(2) > global_avg_pool()",
        "5 | 10 | 0.9731 | 9.8 k | 980 ms | conv(16, 3) > sep_conv(32, 3) > global_avg_pool()",
    ];
    Leaderboard {
        columns: row("# | trial | accuracy | parameters | time | architecture"),
        rows: rows.map(row).into(),
        note: "validation scores; the test set has not been used".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn numbers_are_at_the_right_and_architectures_wrap() {
        let columns = example().sheet().set();
        assert_eq!(
            columns.iter().map(|c| c.right).collect::<Vec<_>>(),
            [true, true, true, true, true, false]
        );
        assert_eq!(columns.iter().filter(|c| c.long).count(), 1);
        check::html(&example().html());
    }

    #[test]
    fn names_of_any_length_keep_clear_of_the_numbers_beside_them() {
        for letters in [1, 20, 26, 27, 36, 37, 50, 80, 200] {
            for name in ["w".repeat(letters), "ab ".repeat(letters / 3 + 1), "網".repeat(letters)]
            {
                let numbers = ["0.9871 ± 0.0123", "0.9841 to 0.9899", "0.9870", "1.83", "97 %"];
                let row = |name: &str| {
                    let numbers = numbers.iter().map(|n| n.to_string());
                    [name.to_string()].into_iter().chain(numbers).collect::<Vec<String>>()
                };
                let columns = ["strategy", "mean accuracy ± sd", "95 % of the mean", "median"];
                let columns = columns.iter().chain(&["rank", "beats random"]);
                let table = Leaderboard {
                    columns: columns.map(|c| c.to_string()).collect(),
                    rows: vec![row(&name), row("random")],
                    note: name.clone(),
                };
                check::chart(&table);
                // The numbers are shown whole.
                let (svg, plain) = (table.svg(), table.plain());
                numbers.iter().for_each(|n| assert!(svg.contains(&format!(">{n}<")), "{n}: {svg}"));
                assert!(plain.contains("0.9870") && plain.contains("97 %"), "{plain}");
            }
        }
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let cases = [
            Leaderboard::default(),
            Leaderboard { rows: vec![vec![]], ..example() },
            Leaderboard { rows: vec![vec!["<b>".into()], vec!["a".into(); 9]], ..example() },
            Leaderboard {
                columns: vec!["column".into(); 30],
                rows: vec![vec!["0.123456".into(); 30]; 3],
                note: "x ".repeat(900),
            },
            Leaderboard { rows: vec![vec!["conv".repeat(400); 3]; 2], ..example() },
            Leaderboard { rows: vec![vec!["1".into(); 6]; 3000], ..example() },
        ];
        for case in &cases {
            check::chart(case);
            check::html(&case.html());
        }
    }
}
