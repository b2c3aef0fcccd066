//! Charts: plain typed data in, a picture out.
//!
//! Each file holds one chart: its data, how the data become positions, and how these are drawn, as
//! SVG for a notebook and as text for a terminal. Nothing here knows about studies; whoever has a
//! result fills in the data. A new chart is one file and one row of the table, [`charts`].
//!
//! ```
//! use nascent::chart::{Axis, BestSeries, BestSoFar, Chart};
//! let points = vec![(1.0, Some(0.91)), (2.0, None), (3.0, Some(0.94))];
//! let chart = Chart::new(BestSoFar {
//!     axis: Axis::Trials,
//!     metric: "accuracy".into(),
//!     maximise: true,
//!     series: vec![BestSeries { name: "random".into(), points }],
//! });
//! assert!(chart.svg().starts_with("<svg") && chart.plain().contains("best 0.9400"));
//! ```

mod bands;
mod best_so_far;
mod critical_difference;
mod diagram;
mod family;
mod family_tree;
mod frontier;
mod leaderboard;
mod learning_curves;
mod letters;
mod lines;
mod map;
mod pairs;
mod plain;
mod plot;
mod population;
mod probabilities;
mod report;
mod space_layout;
mod space_node;
mod space_tree;
mod spread;
mod surrogate_view;
mod svg;
pub mod theme;
mod time_to_target;

pub use bands::{BandSeries, Bands};
pub use best_so_far::{Axis, BestSeries, BestSoFar};
pub use critical_difference::{CriticalDifference, MeanRank};
pub use diagram::{Diagram, DiagramRow};
pub use family::Family;
pub use family_tree::{FamilyTree, Relative};
pub use frontier::{Frontier, FrontierPoint};
pub use leaderboard::Leaderboard;
pub use learning_curves::{Curve, LearningCurves};
pub use lines::Reference;
pub use map::{Map, Mark, map};
pub use pairs::Pairs;
pub use population::{Member, Population};
pub use probabilities::{DecisionProbabilities, Probabilities};
pub use report::{Report, compose_html, compose_plain};
pub use space_node::TreeNode;
pub use space_tree::SpaceTree;
pub use spread::{Spread, SpreadRow};
pub use surrogate_view::{Candidate, SurrogateView};
pub use time_to_target::{TargetTimes, TimeToTarget};

use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// A row of the table of charts.
#[derive(Clone, Debug)]
pub struct ChartInfo {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// One with realistic data.
    pub example: fn() -> Chart,
}

/// The table of charts.
///
/// ```
/// for chart in nascent::chart::charts() {
///     println!("{}: {}\n{}", chart.name, chart.about, (chart.example)().plain());
/// }
/// ```
pub fn charts() -> &'static [ChartInfo] {
    CHARTS
}

/// What every kind of chart can do.
trait Draw {
    fn svg(&self) -> String;
    fn plain(&self) -> String;
    fn html(&self) -> String {
        self.svg()
    }
}

/// As in a terminal: [`Chart::plain`].
impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain())
    }
}

/// The rows: each makes one kind of data known, by the file that draws it.
macro_rules! table {
    ($($(#[$about:meta])* $kind:ident in $file:ident;)*) => {
        /// The data of a chart, by kind.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum ChartData {
            $($(#[$about])* $kind($kind),)*
        }

        static CHARTS: &[ChartInfo] = &[$($file::INFO,)*];

        impl ChartData {
            fn draw(&self) -> &dyn Draw {
                match self {
                    $(ChartData::$kind(data) => data,)*
                }
            }
        }

        $(
            impl From<$kind> for ChartData {
                fn from(data: $kind) -> Self {
                    ChartData::$kind(data)
                }
            }

            impl From<$kind> for Chart {
                fn from(data: $kind) -> Self {
                    Chart::new(data)
                }
            }
        )*
    };
}

table! {
    /// The running best over trials or seconds.
    BestSoFar in best_so_far;
    /// Scores epoch by epoch.
    LearningCurves in learning_curves;
    /// Size against score.
    Frontier in frontier;
    /// Thousands of architectures by cost and score.
    Map in map;
    /// A table of the best.
    Leaderboard in leaderboard;
    /// One network.
    Diagram in diagram;
    /// A search space.
    SpaceTree in space_tree;
    /// Curves with bands of uncertainty, one per strategy.
    Bands in bands;
    /// The final results of every seed.
    Spread in spread;
    /// Mean ranks and what does not differ.
    CriticalDifference in critical_difference;
    /// Every strategy against every other.
    Pairs in pairs;
    /// The share of seeds that reached a target.
    TimeToTarget in time_to_target;
    /// Trials with edges from parents to children.
    FamilyTree in family_tree;
    /// The life of the members of a population.
    Population in population;
    /// What a surrogate predicts, and what it makes of it.
    SurrogateView in surrogate_view;
    /// The probabilities of a controller over trials.
    Probabilities in probabilities;
}

/// A chart: its data, and the ways to see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "it is shown where it is the last value of a cell, or by println!"]
pub struct Chart {
    data: ChartData,
}

impl Chart {
    /// A chart of the data.
    pub fn new(data: impl Into<ChartData>) -> Chart {
        Chart { data: data.into() }
    }

    /// The data that are drawn.
    pub fn data(&self) -> ChartData {
        self.data.clone()
    }

    /// The picture as SVG: on an opaque card, legible on light and dark pages, without ids or style
    /// sheets, as wide as its place allows.
    pub fn svg(&self) -> String {
        self.data.draw().svg()
    }

    /// The chart for a page: the SVG, for a leaderboard an HTML table. A notebook cell shows the same, with
    /// the SVG as data of an `<img>`, which survives in notebooks that are not trusted yet.
    pub fn html(&self) -> String {
        self.data.draw().html()
    }

    /// The chart for a terminal: at most 80 columns, no colours.
    pub fn plain(&self) -> String {
        self.data.draw().plain()
    }

    /// Writes the picture; the name ends in `.svg`.
    ///
    /// # Errors
    /// If the name has another ending, or the file cannot be written. Folders are not created.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        report::write(path.as_ref(), "svg", "a chart", &self.svg())
    }
}

#[cfg(test)]
pub(crate) mod check;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_in_the_table_can_be_shown_kept_and_saved() {
        for info in charts() {
            let chart = (info.example)();
            check::svg(&chart.svg());
            check::html(&chart.html());
            check::plain(&chart.plain());
            let kept = serde_json::to_string(&chart).unwrap();
            assert_eq!(serde_json::from_str::<Chart>(&kept).unwrap(), chart);
            assert_eq!(Chart::new(chart.data()), chart);
        }
    }

    /// Writes every example to a folder, to be looked at:
    /// `NASCENT_PICTURES=folder cargo test --lib pictures -- --ignored`.
    #[test]
    #[ignore = "writes files for the eye"]
    fn pictures_for_the_eye() {
        let folder = std::env::var("NASCENT_PICTURES").map(std::path::PathBuf::from);
        let folder = folder.unwrap_or_else(|_| std::env::temp_dir().join("nascent-pictures"));
        std::fs::create_dir_all(&folder).unwrap();
        for info in charts() {
            let chart = (info.example)();
            let name = info.name.replace(' ', "-");
            chart.save(folder.join(format!("{name}.svg"))).unwrap();
            std::fs::write(folder.join(format!("{name}.txt")), chart.plain()).unwrap();
        }
    }

    #[test]
    fn charts_are_saved_as_svg_only() {
        let chart = (charts()[0].example)();
        let file = std::env::temp_dir().join(format!("nascent-chart-{}.svg", std::process::id()));
        chart.save(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), chart.svg());
        std::fs::remove_file(&file).unwrap();
        let said = chart.save("best.png").unwrap_err().to_string();
        assert_eq!(
            said,
            "save(\"best.png\"): a chart is saved as .svg only. Try save(\"best.svg\")."
        );
    }
}
