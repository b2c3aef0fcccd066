//! What the examples that search a table share: its options, and strategies by name with settings.

use nascent::IntoStrategy;
use nascent::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::str::FromStr;

pub const TABLE: &str = "  --table FILE       comma-separated values with a header, plain or gzip (required); or mnist1d, the embedded
                     benchmark, whose objective is there after each of 27 epochs
  --code COL         the column of decisions (code)
  --objective COL    what the searches see; several, one column per seed, with commas between
  --curve PREFIX     in place of it: the objective after every number of epochs, in the columns PREFIX and a
                     number. A budget takes the nearest at or below it
  --fidelity LIST    in place of it: columns and their epochs, as val12:12,val200:200
  --report COL       what is reported of the best, as a test accuracy
  --cost COL         seconds that an evaluation takes, for --seconds
  --maximise, --minimise   the objective's direction (--maximise)
  --space NAME       whose architectures the codes are: nas_bench_201. Then strategies that look at
                     graphs see them; without it the codes are bare decisions
  --trials N         the budget of a study in trials (100, unless there is another one)
  --seconds S        the budget of a study in simulated seconds
  --batch N          how far results lag behind (1)
  --seed N           the first seed (1)
  --repeats N        how many seeds
  --jobs N           threads (one per core)";

pub const SETTINGS: &str = "settings of a strategy follow its name:
  evolution:P=30,S=10                        population and sample
  local:first                                moves at the first better neighbour
  halving:rungs=12-200,eta=9,anew            of any schedule: epochs of its looks, one of eta goes on, longer
                                             trainings begin anew; least=3, the fewest epochs; of=evolution
  warm:proxy=synflow,of=1000,first=10,then=evolution
                                             begins with the best of many by a score without training, of
                                             networks of 8x8 pixels with one cell per stage (--space)";

const COMMON: [&str; 17] = [
    "--table",
    "--code",
    "--objective",
    "--curve",
    "--fidelity",
    "--report",
    "--cost",
    "--space",
    "--trials",
    "--seconds",
    "--epochs",
    "--batch",
    "--seed",
    "--repeats",
    "--jobs",
    "--maximise",
    "--minimise",
];

/// The words behind the program, an option and its value each.
pub struct Options {
    given: HashMap<String, String>,
    minimise: bool,
    /// Scores that were computed for one strategy are known to the next.
    proxies: RefCell<HashMap<String, Proxy>>,
}

impl Options {
    /// The options that both programs have, and those of one. Prints the help and ends, if that is asked for.
    pub fn read(help: &str, own: &[&str]) -> Result<Options> {
        let mut o = Options { given: HashMap::new(), minimise: false, proxies: RefCell::default() };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            match name.as_str() {
                "--help" => {
                    println!("{help}");
                    std::process::exit(0);
                }
                "--maximise" => o.minimise = false,
                "--minimise" => o.minimise = true,
                known if COMMON.contains(&known) || own.contains(&known) => {
                    let value = words.next().ok_or_else(|| {
                        Error::invalid(&name, "a value is missing", "--help for what it takes")
                    })?;
                    o.given.insert(name, value);
                }
                _ => return Err(Error::invalid(name, "no such option", "--help for all of them")),
            }
        }
        if o.text("--table").is_empty() {
            return Err(Error::invalid("--table", "a file is needed", "--table FILE, or --help"));
        }
        if o.number("--repeats")? == Some(0) {
            return Err(Error::invalid("--repeats 0", "at least 1 is needed", "--repeats 10"));
        }
        Ok(o)
    }

    /// The value of an option, or an empty text.
    pub fn text(&self, name: &str) -> &str {
        self.given.get(name).map_or("", String::as_str)
    }

    /// The same as a number.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let parse = |value: &String| {
            value
                .parse()
                .map_err(|_| Error::invalid(format!("{name} {value}"), "a number is needed", "20"))
        };
        self.given.get(name).map(parse).transpose()
    }

    /// Whether budgets in epochs mean something: the objective is known after fewer of them, too.
    pub fn has_fidelities(&self) -> bool {
        self.embedded() || !self.text("--curve").is_empty() || !self.text("--fidelity").is_empty()
    }

    fn embedded(&self) -> bool {
        self.text("--table") == "mnist1d"
    }

    /// The table with its columns.
    pub fn table(&self) -> Result<Table> {
        let kinds = ["--objective", "--curve", "--fidelity"];
        let given: Vec<&str> = kinds.into_iter().filter(|k| !self.text(k).is_empty()).collect();
        match (self.embedded(), &given[..]) {
            (true, []) => return Ok(Mnist1dBench::table()),
            (true, _) => {
                let why = "the embedded benchmark knows its objective";
                return Err(Error::invalid(given.join(" and "), why, "--table mnist1d alone"));
            }
            (false, []) => {
                let why = "a value is needed, or --curve, or --fidelity";
                return Err(Error::invalid("--objective", why, "--objective COL, or --help"));
            }
            (false, [_]) => {}
            (false, _) => {
                let why = "it is one or the other";
                return Err(Error::invalid(given.join(" and "), why, given[0]));
            }
        }
        let mut table = Table::read(self.text("--table"))?;
        if !self.text("--code").is_empty() {
            table = table.code(self.text("--code"));
        }
        if let Some(space) = self.space(32, 5)? {
            table = table.over(&space);
        }
        table = match given[0] {
            "--objective" => table.objectives(self.text("--objective").split(',')),
            "--curve" => table.curve(self.text("--curve")),
            _ => table.fidelity(levels(self.text("--fidelity"))?),
        };
        for column in self.text("--report").split(',').filter(|column| !column.is_empty()) {
            table = table.reporting(column);
        }
        if !self.text("--cost").is_empty() {
            table = table.cost(self.text("--cost"));
        }
        Ok(if self.minimise { table.minimise() } else { table })
    }

    /// The first of the reported columns.
    pub fn reported(&self) -> Option<&str> {
        self.text("--report").split(',').find(|column| !column.is_empty())
    }

    /// Which epochs a curve has, for the reader to see what a budget takes.
    pub fn say_epochs(&self, table: &Table) {
        let prefix = self.text("--curve");
        if !prefix.is_empty() {
            let columns = table.columns();
            let known =
                columns.iter().filter_map(|c| c.strip_prefix(prefix)?.parse::<usize>().ok());
            let mut known: Vec<usize> = known.collect();
            known.sort_unstable();
            eprintln!("a budget takes the nearest of epochs {known:?} at or below it");
        }
    }

    /// The space of `--space`, of images with so many pixels a side and so many cells per stage.
    fn space(&self, size: usize, cells: usize) -> Result<Option<Space>> {
        let images = Space::new([3, size, size], Task::classification(10));
        match self.text("--space") {
            "" => Ok(None),
            "nas_bench_201" => Ok(Some(images.then(presets::nas_bench_201(16, cells)))),
            other => Err(Error::invalid(format!("--space {other}"), "not known", "nas_bench_201")),
        }
    }

    /// A row of the tables of strategies and schedules, perhaps with settings.
    pub fn strategy(&self, text: &str) -> Result<AnyStrategy> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let wrong = |what: &str| {
            Error::invalid(format!("strategy {text}"), what, "--help, which has an example of each")
        };
        let settings = Settings::read(settings);
        let strategy = match name {
            _ if settings.0.is_empty() && name != "warm" => AnyStrategy::named(name)?,
            "evolution" => {
                let known = settings.only(&["P", "S"]);
                known
                    .map_err(|_| wrong("its settings are P, the population, and S, the sample"))?;
                let mut evolution = Evolution::regularized();
                if let Some(p) = settings.number("P").map_err(|e| wrong(&e))? {
                    evolution = evolution.population(p);
                }
                if let Some(s) = settings.number("S").map_err(|e| wrong(&e))? {
                    evolution = evolution.sample(s);
                }
                evolution.into_strategy()
            }
            "local" => {
                settings.only(&["first"]).map_err(|_| wrong("its only setting is first"))?;
                LocalSearch::new().first_improvement().into_strategy()
            }
            "halving" | "hyperband" | "asha" | "bohb" | "median" | "curve" | "freeze-thaw" => {
                let known = settings.only(&["rungs", "eta", "least", "anew", "of"]);
                known.map_err(|_| wrong("its settings are rungs=, eta=, least=, of= and anew"))?;
                let least = settings.number("least").map_err(|e| wrong(&e))?;
                let eta = settings.number("eta").map_err(|e| wrong(&e))?;
                let of = settings.0.get("of").map(|of| self.strategy(of)).transpose()?;
                let rungs = match settings.0.get("rungs") {
                    None => vec![],
                    Some(list) => {
                        let all: std::result::Result<Vec<i64>, _> =
                            list.split('-').map(str::parse).collect();
                        all.map_err(|_| wrong("rungs are epochs, such as rungs=12-200"))?
                    }
                };
                macro_rules! schedule {
                    ($schedule:expr) => {{
                        let mut schedule = $schedule.rungs::<i64>(rungs);
                        if let Some(eta) = eta {
                            schedule = schedule.reduction(eta);
                        }
                        if let Some(least) = least {
                            schedule = schedule.least(least);
                        }
                        if settings.0.contains_key("anew") {
                            schedule = schedule.anew();
                        }
                        schedule
                    }};
                    ($schedule:expr, $of:expr) => {{
                        let schedule = schedule!($schedule);
                        match $of {
                            Some(of) => schedule.of(of).into_strategy(),
                            None => schedule.into_strategy(),
                        }
                    }};
                }
                if name == "freeze-thaw" && of.is_some() {
                    return Err(wrong("it has no of="));
                }
                match name {
                    "halving" => schedule!(SuccessiveHalving::new(), of),
                    "hyperband" => schedule!(Hyperband::new(), of),
                    "asha" => schedule!(Asha::new(), of),
                    "bohb" => schedule!(Bohb::new(), of),
                    "median" => schedule!(MedianStopping::new(), of),
                    "curve" => schedule!(CurveStopping::new(), of),
                    _ => schedule!(FreezeThaw::new()).into_strategy(),
                }
            }
            "warm" => {
                let known = settings.only(&["proxy", "of", "first", "then"]);
                known.map_err(|_| wrong("its settings are proxy=, of=, first= and then="))?;
                let space = self.space(8, 1)?;
                let space = space.ok_or_else(|| wrong("without --space there is no network"))?;
                let proxy = settings.0.get("proxy").map_or("synflow", String::as_str);
                let of = settings.number("of").map_err(|e| wrong(&e))?.unwrap_or(1000);
                let first = settings.number("first").map_err(|e| wrong(&e))?.unwrap_or(10);
                let then = settings.0.get("then").map_or("evolution", String::as_str);
                let mut known = self.proxies.borrow_mut();
                let proxy = match known.get(proxy) {
                    Some(known) => known.clone(),
                    None => Proxy::named(proxy)?.within(&space),
                };
                known.insert(proxy.name(), proxy.clone());
                drop(known);
                WarmStart::new(&proxy, of, self.strategy(then)?).first(first).into_strategy()
            }
            _ => return Err(wrong("it has no settings here")),
        };
        Ok(strategy)
    }
}

/// `P=30,S=10,anew`
struct Settings(HashMap<String, String>);

impl Settings {
    fn read(text: &str) -> Settings {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (key.trim().to_string(), value.trim().to_string())
        };
        Settings(parts.map(pair).collect())
    }

    fn only(&self, known: &[&str]) -> std::result::Result<(), ()> {
        if self.0.keys().all(|key| known.contains(&key.as_str())) { Ok(()) } else { Err(()) }
    }

    fn number(&self, key: &str) -> std::result::Result<Option<i64>, String> {
        let parse =
            |value: &String| value.parse().map_err(|_| format!("{key}={value} is not a number"));
        self.0.get(key).map(parse).transpose()
    }
}

/// `val12:12,val200:200`
fn levels(list: &str) -> Result<Vec<(String, usize)>> {
    let level = |part: &str| {
        let (column, epochs) = part.rsplit_once(':')?;
        Some((column.to_string(), epochs.parse().ok()?))
    };
    let levels: Option<Vec<_>> = list.split(',').map(level).collect();
    levels.ok_or_else(|| {
        let what = "columns and their epochs are needed";
        Error::invalid(format!("--fidelity {list}"), what, "val12:12,val200:200")
    })
}
