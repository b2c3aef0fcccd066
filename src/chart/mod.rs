//! Charts: plain typed data in, a picture out.
//!
//! Each file holds one chart: its data, how these become positions, and how they are drawn, as SVG
//! for a notebook and as text for a terminal. Nothing here knows about studies; whoever has a result
//! fills in the data. A new chart is one file and one row of the table, [`charts`].
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

mod agreement;
mod bands;
mod best_so_far;
mod calibration;
mod cell_weights;
mod choices;
mod confusion;
mod cost_bill;
mod critical_difference;
mod dark;
mod diagram;
mod family;
mod family_tree;
mod frontier;
mod hypervolume_history;
mod importances;
mod interaction;
mod landscape;
mod layers;
mod leaderboard;
mod learning_curves;
mod letters;
mod lines;
mod listing;
mod map;
mod network;
mod pairs;
mod parallel_coordinates;
mod plain;
mod plot;
mod population;
mod probabilities;
mod progress;
mod remaining_improvement;
mod replay;
mod report;
mod rungs;
mod score_distribution;
mod search_map;
mod search_signals;
mod space_layout;
mod space_node;
mod space_tree;
mod spread;
mod surrogate_view;
mod svg;
pub mod theme;
mod time_to_target;
mod timeline;
mod training_sizes;
mod trajectory;

pub use agreement::{Agreement, Measured};
pub use bands::{BandSeries, Bands};
pub use best_so_far::{Axis, BestSeries, BestSoFar};
pub use calibration::{Calibration, Forecast};
pub use cell_weights::{CellWeights, WeightedEdge};
pub use choices::{Choices, DecisionScores, OptionScores};
pub use confusion::Confusion;
pub use cost_bill::{CostBill, CostPart, Spent};
pub use critical_difference::{CriticalDifference, MeanRank};
pub use dark::sheet;
pub use diagram::{Diagram, DiagramRow};
pub use family::Family;
pub use family_tree::{FamilyTree, Relative};
pub use frontier::{Frontier, FrontierPoint};
pub use hypervolume_history::HypervolumeHistory;
pub use importances::{ImportanceRow, Importances};
pub use interaction::{Interaction, PairCell};
pub use landscape::Landscape;
pub use leaderboard::Leaderboard;
pub use learning_curves::{Curve, LearningCurves};
pub use lines::Reference;
pub use listing::{Entry, IntoEntry, IntoRow, Listing};
pub use map::{Map, Mark, map};
pub use network::NetworkGraph;
pub(crate) use network::branches;
pub use pairs::Pairs;
pub use parallel_coordinates::{DecisionAxis, ParallelCoordinates, TrialLine};
pub use population::{Member, Population};
pub use probabilities::{DecisionProbabilities, Probabilities};
pub(crate) use progress::Progress;
pub use remaining_improvement::RemainingImprovement;
pub use replay::{Replay, Replayed};
pub use report::{Report, compose_html, compose_plain};
pub use rungs::{Climb, Rungs};
pub use score_distribution::{ScoreDistribution, ScoreSeries};
pub use search_map::{Placed, SearchMap};
pub use search_signals::{SearchSignals, Signal};
pub use space_node::{TreeNode, Wiring};
pub use space_tree::SpaceTree;
pub use spread::{Spread, SpreadRow};
pub use surrogate_view::{Candidate, SurrogateView};
pub use time_to_target::{TargetTimes, TimeToTarget};
pub use timeline::{Stretch, Timeline};
pub use training_sizes::{SizeSeries, TrainingSizes};
pub use trajectory::{Trajectory, Waypoint};

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

/// Of each row: the kind of data, the file that draws it, the name of the chart and what it shows.
macro_rules! table {
    ($($(#[$doc:meta])* $kind:ident in $file:ident, $name:literal: $about:literal;)*) => {
        /// The data of a chart, by kind.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum ChartData {
            $($(#[$doc])* $kind($kind),)*
        }

        static CHARTS: &[ChartInfo] = &[$(
            ChartInfo { name: $name, about: $about, example: || $file::example().into() },
        )*];

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
    BestSoFar in best_so_far, "best so far":
        "the running best of one or several searches over trials or seconds";
    /// The same as an animation.
    Replay in replay, "replay":
        "a search as an animation: its trials in their order, and the best so far";
    /// Scores epoch by epoch.
    LearningCurves in learning_curves, "learning curves":
        "the score after each epoch of many networks, some of them named";
    /// Size against score.
    Frontier in frontier, "frontier":
        "size against score, and the networks that no other beats in both";
    /// Thousands of architectures by cost and score.
    Map in map, "map":
        "thousands of architectures by cost and score, as a density, and their frontier";
    /// A table of the best.
    Leaderboard in leaderboard, "leaderboard":
        "the best trials as a table: score, size, time, architecture";
    /// A table that its user fills.
    Listing in listing, "listing":
        "a table of rows that is filled by hand: texts and numbers";
    /// One network.
    Diagram in diagram, "diagram":
        "one network layer by layer: operation, output shape, parameters, skip connections";
    /// Networks as graphs.
    NetworkGraph in network, "network":
        "one network as a graph of its layers, or two beside each other with what differs marked";
    /// A search space.
    SpaceTree in space_tree, "space":
        "a search space: layers, alternatives, repetition, choices of values";
    /// Curves with bands of uncertainty, one per strategy.
    Bands in bands, "bands":
        "how strategies progress, one curve with a band of uncertainty each";
    /// The final results of every seed.
    Spread in spread, "spread":
        "the final results of every seed, one row per strategy";
    /// Mean ranks and what does not differ.
    CriticalDifference in critical_difference, "critical difference":
        "mean ranks of strategies, and which of them a test does not tell apart";
    /// Every strategy against every other.
    Pairs in pairs, "pairs":
        "how often every strategy beats every other, and where that may be chance";
    /// The share of seeds that reached a target.
    TimeToTarget in time_to_target, "time to target":
        "the share of seeds that reached a target, against trials or seconds";
    /// Trials with edges from parents to children.
    FamilyTree in family_tree, "family tree":
        "trials with edges from parents to children, and the line that led to the best";
    /// The life of the members of a population.
    Population in population, "population":
        "the members of a population from birth to death, with the best and the mean alive";
    /// What a surrogate predicts, and what it makes of it.
    SurrogateView in surrogate_view, "surrogate view":
        "what a surrogate predicts for candidates, and what the acquisition makes of it";
    /// The probabilities of a controller over trials.
    Probabilities in probabilities, "probabilities":
        "how a controller's probabilities of the options of each decision move over trials";
    /// The weights of the options on the edges of a cell.
    CellWeights in cell_weights, "cell weights":
        "the weights of the options on every edge of a cell as a search goes on, and the cell derived from them";
    /// What a search measures of itself.
    SearchSignals in search_signals, "search signals":
        "what a search measures of itself as it goes on, one panel below the other";
    /// A metric over a plane, with the path of a search.
    Landscape in landscape, "landscape":
        "a metric over a plane through the space of weights, and the path of the search on it";
    /// A cheap measure against the truth.
    Agreement in agreement, "agreement":
        "a cheap measure of networks against the truth, and what is lost by its choice";
    /// Two figures of a search against each other, epoch by epoch.
    Trajectory in trajectory, "trajectory":
        "two figures of a search, one against the other, joined in the order of its epochs";
    /// Networks at the rungs of a schedule.
    Rungs in rungs, "rungs":
        "the scores of networks at the rungs of a schedule: who went on, and who was stopped where";
    /// How well predictors rank, against what they have learned from.
    TrainingSizes in training_sizes, "training sizes":
        "how well predictors rank, against the number of architectures that they have learned from";
    /// Which decisions matter.
    Importances in importances, "importance":
        "how important the decisions of a space are for the score";
    /// Scores by decisions and their options.
    Choices in choices, "choices":
        "the scores of the trials that took each option of each decision";
    /// Two decisions together.
    Interaction in interaction, "interaction":
        "the mean score for each pair of options of two decisions, with the number of trials";
    /// Trials as lines through their decisions.
    ParallelCoordinates in parallel_coordinates, "parallel coordinates":
        "a line for each trial through its decisions to its score, the best on top";
    /// The architectures of a search, near each other where they are alike.
    SearchMap in search_map, "search map":
        "the architectures of a search as points, near each other where they are alike, coloured by score";
    /// The hypervolume after every trial.
    HypervolumeHistory in hypervolume_history, "hypervolume history":
        "how the hypervolume of the front grows over the trials, from a stated reference point";
    /// The distribution of the scores of all trials.
    ScoreDistribution in score_distribution, "score distribution":
        "the share of trials up to each score, one curve per search";
    /// What a classifier takes for what.
    Confusion in confusion, "confusion":
        "how often each true class was taken for each class";
    /// What a model expected, and what came out.
    Calibration in calibration, "calibration":
        "what a model expected of architectures against what came out, and how often its intervals held";
    /// When each trial ran.
    Timeline in timeline, "timeline":
        "when each trial ran and how it ended, in a lane for each at a time, and when the strategy thought";
    /// Where time and epochs went.
    CostBill in cost_bill, "cost bill":
        "where the time and the epochs of a search went, with the forecast beside";
    /// How much improvement a model believes possible.
    RemainingImprovement in remaining_improvement, "remaining improvement":
        "how much better a model believes a search may still become, against the noise of a score";
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

    /// The picture as SVG: on an opaque card, which is dark on a page whose `color-scheme` is dark, without ids,
    /// and never wider than its place.
    pub fn svg(&self) -> String {
        self.data.draw().svg()
    }

    /// The chart for a page: the SVG, or for a leaderboard an HTML table. A notebook cell shows the same,
    /// with the SVG as data of an `<img>`, which is shown even in a notebook that is not trusted yet.
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

    /// Gives before a long run the error that [`Chart::save`] would give after it.
    ///
    /// # Errors
    /// When the name or the folder is wrong; see [`check`](crate::output::check).
    pub fn check(path: impl AsRef<Path>) -> Result<()> {
        report::named(path.as_ref(), "svg", "a chart")?;
        crate::output::check(path)
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
