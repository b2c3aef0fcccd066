//! A chart with awkward data in place of its own: what names, numbers and lengths have broken pictures.

use super::Chart;
use serde_json::Value;

/// Names that have broken pictures.
pub fn names() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("long", "abcdefghij".repeat(20)),
        ("words", "a strategy with a name of many words ".repeat(6)),
        ("emoji", "🚀👩\u{200d}💻👍🏽❤\u{fe0f}🇩🇪".repeat(9)),
        ("wide", "神経構造探索の戦略".repeat(6)),
        ("combining", "e\u{301}\u{302}\u{303}".repeat(60)),
        ("right to left", "אסטרטגיה אקראית 12".into()),
        ("marks", "a\u{202e}b\u{2067}c\u{200f}d\u{feff}".into()),
        ("control", "a\u{0}\u{1b}[31m\u{7f}\u{9b}b".into()),
        ("markup", "<script>alert(\"1\")</script>&amp;'".into()),
        ("lines", "one\ntwo\r\nthree\tfour\u{2028}five".into()),
        ("percent", "%s {} %d \\n ${x}".into()),
    ]
}

/// The values of all scores, places and times.
pub fn values() -> Vec<(&'static str, Vec<f64>)> {
    vec![
        ("equal", vec![0.5]),
        ("zero", vec![0.0, -0.0]),
        ("huge", vec![1e300, 2e300, 1.5e300]),
        ("largest", vec![f64::MAX, f64::MIN]),
        ("negative", vec![-1e300, -3e300]),
        ("tiny", vec![1e-300, 3e-300, 2e-300]),
        ("least", vec![5e-324, 1e-310, 0.0]),
        ("mixed", vec![1e300, -1e300, 1e-300, 0.0, 1.0]),
        ("one far", vec![0.9, 0.91, 0.92, 0.905, 0.915, 0.908, 1e300]),
        ("whole and large", vec![1e16, 1e16 + 2.0]),
        ("above 1e100", vec![1.1e100, 0.9e100, -1e100]),
    ]
}

/// The data of a chart as JSON with other texts, numbers and lengths.
pub struct Other<'a> {
    /// In place of every name.
    pub text: Option<&'a str>,
    /// In place of every number with a decimal point, in turn.
    pub values: &'a [f64],
    /// How many elements the lists have.
    pub length: Option<usize>,
    /// 0.
    pub count: usize,
}

impl Other<'_> {
    /// The chart with these, if there is one.
    pub fn of(&mut self, chart: &Chart) -> Option<Chart> {
        let mut json = serde_json::to_value(chart).unwrap();
        self.turn(&mut json, false);
        serde_json::from_value(json).ok()
    }

    fn turn(&mut self, json: &mut Value, listed: bool) {
        self.count += 1;
        match json {
            // The names of kinds are not texts.
            Value::String(text) if text != "Trials" && text != "Seconds" => {
                if let Some(other) = self.text {
                    *text = if listed { format!("{other}{}", self.count) } else { other.into() };
                }
            }
            Value::Number(number) if number.is_f64() && !self.values.is_empty() => {
                *json = Value::from(self.values[self.count % self.values.len()]);
            }
            Value::Array(list) => {
                // A pair of numbers is one thing.
                let pair = listed && list.len() < 4 && list.iter().all(|v| !v.is_array());
                if let Some(length) = self.length.filter(|_| !pair) {
                    // Outermost lists grow, if not of bare names: those of trials and points as told, those of
                    // series and decisions, which have lists themselves, up to 40.
                    let series =
                        |v: &Value| v.as_object().is_some_and(|o| o.values().any(Value::is_array));
                    let most = if list.iter().any(series) { 40 } else { usize::MAX };
                    if !listed && !list.is_empty() && !list[0].is_string() {
                        let grown = length.min(most).max(list.len());
                        *list = list.iter().cycle().take(grown).cloned().collect();
                    }
                    list.truncate(length);
                }
                list.iter_mut().for_each(|v| self.turn(v, true));
            }
            Value::Object(map) => map.values_mut().for_each(|v| self.turn(v, listed)),
            _ => {}
        }
    }
}
