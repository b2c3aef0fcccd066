//! What the crate says and does today, down to the letter: a change of the inside must leave all of it
//! as it is. What is kept is text in `tests/fixtures/`; a difference is shown line by line.
//!
//! ```text
//! NASCENT_BLESS=1 cargo test --test it fixtures::
//! ```
//!
//! rewrites the files; the commit that does so says why. Drawings have a file of their own, since
//! colours may change where nothing else does. What depends on the order in which a processor sums
//! floats (training, and strategies that train networks) is compared where the processor has the same
//! instructions as the one that wrote the file.

use crate::help::quick;
use nascent::prelude::*;
use nascent::{StrategyInfo, layers, strategies};
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};

// --------------------------------------------------------------------------------------- comparing

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn blessing() -> bool {
    std::env::var_os("NASCENT_BLESS").is_some()
}

/// Compares a text with the file of that name, or writes it.
fn kept(file: &str, text: &str) {
    let path = folder().join(file);
    if blessing() {
        return std::fs::write(&path, text).unwrap();
    }
    let known = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}. NASCENT_BLESS=1 writes it.", path.display()));
    if known != text {
        panic!("{file} is not what it was:\n{}", difference(&known, text));
    }
}

/// The first lines that differ, below the heading that they are under.
fn difference(known: &str, text: &str) -> String {
    let (mut heading, mut shown, mut said) = ("", 0, String::new());
    let lines = known.lines().count().max(text.lines().count());
    let (mut old, mut new) = (known.lines(), text.lines());
    for n in 1..=lines {
        let (was, is) = (old.next(), new.next());
        if let Some(line) = was.filter(|l| l.starts_with("# ")) {
            heading = line;
        }
        if was != is && shown < 12 {
            let line =
                |l: Option<&str>| l.unwrap_or("(nothing)").chars().take(400).collect::<String>();
            let _ = writeln!(said, "line {n}, {heading}\n  was {}\n  is  {}", line(was), line(is));
            shown += 1;
        }
    }
    said
}

/// FNV-1a, for what is too long to keep.
fn hash(text: impl AsRef<[u8]>) -> String {
    let fnv = |h: u64, b: &u8| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", text.as_ref().iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// A long value as its hash, an error as it reads.
fn brief<T: Debug>(result: Result<T>) -> String {
    match result {
        Ok(value) => hash(format!("{value:?}")),
        Err(e) => format!("error: {e}").replace('\n', " / "),
    }
}

/// The same bytes in shorter lines.
fn broken(json: &str) -> String {
    json.replace("},{", "},\n  {").replace("],[", "],\n  [")
}

/// What decides how kernels add up.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    let has = (is_x86_feature_detected!("avx512f"), is_x86_feature_detected!("fma"));
    #[cfg(not(target_arch = "x86_64"))]
    let has = (false, false);
    format!("{}, avx512 {}, fma {}", std::env::consts::ARCH, has.0, has.1)
}

/// As [`kept`] for what is only comparable on one kind of processor.
fn same_here(file: &str, text: &str) {
    let text = format!("processor: {}\n\n{text}", processor());
    let known = std::fs::read_to_string(folder().join(file)).unwrap_or_default();
    match known.lines().next() {
        Some(first) if Some(first) != text.lines().next() && !blessing() => {
            println!("{file} is not compared: it is of another {first}");
        }
        _ => kept(file, &text),
    }
}

// ------------------------------------------------------------------------------------------ spaces

/// Presets, every layer, and every way to put blocks together.
fn spaces() -> Vec<(&'static str, Space)> {
    let images = || Space::new([3, 12, 12], Task::classification(10));
    let vectors = || Space::new([8], Task::classification(3));
    let sequences = || Space::new([20, 5], Task::classification(4));
    let tokens = || Space::new([16], Task::next_token(30));
    let digits = || Space::on(&Dataset::digits());
    let width = || linear(any([4, 8, 16, 32]));

    let op = one_of([skip(), zero(), conv(same(), any([1, 3])), avg_pool(3).stride(1).padding(1)]);
    let edges = |n: usize| vec![op.clone(); n];
    let wide = cell([edges(2), edges(3)]).two_inputs().keep(2).concat_nodes();
    let to = |channels: i32| relu().then(conv(channels, 1).activation("identity"));
    let halves = shared("halves", wide.clone());
    let motif = || shared("motif", one_of([conv(same(), 3), conv(same(), any([1, 5])).residual()]));
    let nested = shared("n", one_of([conv(same(), 3), shared("k", conv(same(), 1))]));
    let conditional = one_of([
        skip(),
        linear(any([4, 8])).residual(),
        repeat(1..=2, linear(8).activation(any(["relu", "tanh"]))),
    ]);

    let image_layers = one_of([
        conv(any([4, 8]), any([1, 3, 5])),
        conv(4, 3).stride(2).dilation(2).groups(1).activation("gelu").norm(any([false, true])),
        conv(6, 3).groups(3).plain(),
        depthwise(any([3, 5])),
        sep_conv(8, 3),
        max_pool(any([2, 3])),
        avg_pool(3).stride(1).padding(1),
        batch_norm(),
        group_norm(any([1, 3])),
        layer_norm(),
        squeeze_excite(any([1, 3])),
        dropout(any([0.1, 0.5])),
        drop_path(0.2),
        activation(any(["relu", "gelu", "silu", "tanh", "sigmoid", "identity"])),
        skip(),
        zero(),
        flatten(),
        linear(any([8, 16])),
        linear(32).norm(true),
        linear(8).bias(any([false, true])).activation("silu"),
    ]);
    let sequence_layers = one_of([
        conv1d(any([4, 8]), 3),
        conv1d(8, 3).causal(any([false, true])).dilation(2),
        rnn(any([4, 8])),
        lstm(8).bidirectional(any([false, true])),
        gru(same()),
        darts_rnn(8, (0..8).map(|i| (i / 2, any(["tanh", "relu"])))),
        attention(1).causal(any([false, true])),
        feed_forward(any([2, 4])),
        positions(),
        layer_norm(),
        linear(6),
        max_pool(2),
        dropout(0.3),
        gelu(),
    ]);

    let layers_6 = (0..6).fold(vectors(), |space, _| space.then(width()));
    let measured = {
        let space = vectors().then(repeat(1..=3, width()));
        let keys = Latency::new().for_space(&space).unwrap().operations();
        let seconds: Vec<String> = (keys.iter().zip(1..))
            .map(|((key, _), i)| format!("{key:?}: {}", f64::from(i) * 1e-6))
            .collect();
        let json = format!("{{\"batch\": 1, \"seconds\": {{{}}}}}", seconds.join(", "));
        let table = Latency::from_json(&json).unwrap();
        space.at_most(table.seconds(20e-6))
    };

    vec![
        ("preset nas_bench_201", images().then(presets::nas_bench_201(4, 2))),
        ("preset nas_bench_201 on digits", digits().then(presets::nas_bench_201(16, 1))),
        ("preset nas_bench_101", images().then(presets::nas_bench_101(5, 2))),
        ("preset darts", images().then(presets::darts(4, 5))),
        (
            "preset darts_rnn",
            Space::on(&Dataset::names_text()).then(embedding(8)).then(presets::darts_rnn(8)),
        ),
        ("preset mlp", digits().then(presets::mlp())),
        ("preset mlp_of", vectors().then(presets::mlp_of(1..=3, [4, 8]))),
        ("preset mobile", digits().then(presets::mobile(8, [(16, 2), (32, 2)], 1..=2))),
        ("preset sequence", Space::on(&Dataset::mnist1d()).then(presets::sequence(16, 1..=4))),
        ("preset text", Space::on(&Dataset::names()).then(presets::text(16, 1..=3))),
        (
            "preset language_model",
            Space::on(&Dataset::names_text()).then(presets::language_model(16, 1..=3)),
        ),
        ("benchmark mnist1d", Mnist1dBench::space()),
        ("benchmark nasbench201", NasBench201::cifar10().space()),
        ("image layers", images().then(image_layers.clone())),
        ("image layers, two deep", images().then(&image_layers).then(&image_layers)),
        (
            "sequence layers",
            sequences().then(&sequence_layers).then(one_of([last(), global_max_pool()])),
        ),
        (
            "wired",
            images().then(wired(5, 6, one_of([zero(), conv(same(), any([1, 3])), max_pool(2)]))),
        ),
        (
            "wired with channels",
            images().then(wired(4, 4, one_of([conv(same(), 3), skip()])).channels(6)),
        ),
        (
            "repeats and readouts",
            images()
                .then(conv(any([4, 8]), 3))
                .then(repeat(
                    0..=3,
                    one_of([conv(any([4, 8]), 3).stride(any([1, 2])).residual(), max_pool(2)]),
                ))
                .then(one_of([global_avg_pool(), flatten(), linear(8)])),
        ),
        (
            "sums and concatenations",
            images()
                .then(conv(any([4, 8]), 3))
                .then(branches([conv(any([4, 8]), 3), one_of([skip(), zero(), conv(4, 1)])]))
                .then(concat([skip(), conv(3, 3), max_pool(3).stride(any([1, 2])).padding(1)]))
                .then(seq([shared("tail", conv(same(), any([3, 5]))).residual()]).dense()),
        ),
        (
            "stack of shared cells",
            images().then(stack([
                (to(4), halves.clone()),
                (to(4), seq([halves.clone(), max_pool(2)])),
                (to(6), halves.clone()),
                (skip(), seq([one_of([skip(), relu()]), wide])),
                (to(6), halves),
            ])),
        ),
        (
            "recurrent",
            sequences()
                .then(one_of([lstm(any([4, 8])).bidirectional(any([false, true])), conv1d(8, 3)]))
                .then(one_of([skip(), dropout(0.1), relu(), conv1d(same(), 3).residual()]))
                .then(one_of([last(), global_max_pool(), attention(any([2, 3]))])),
        ),
        (
            "names, some of which do not fit",
            Space::on(&Dataset::names())
                .then(one_of([embedding(8), linear(4)]))
                .then(gru(same()).residual())
                .then(one_of([last(), skip()])),
        ),
        (
            "next token",
            tokens()
                .then(embedding(8))
                .then(repeat(1..=2, one_of([attention(2).residual(), max_pool(2), gru(same())]))),
        ),
        (
            "regression",
            Space::new([8], Task::regression(2)).then(repeat(any([0, 1, 5]), linear(any([4, 8])))),
        ),
        ("decisions alone", Space::decisions([3, 1, 5, 2])),
        (
            "many dimensions",
            Space::new([2, 3, 4, 5], Task::classification(2)).then(flatten()).then(width()),
        ),
        ("conditional choices", vectors().then(repeat(0..=3, conditional))),
        ("shared blocks", images().then(motif()).then(conv(any([2, 4]), 1)).then(motif())),
        ("shared in shared", images().then(conv(4, 3)).then(&nested).then(&nested)),
        ("choice of numbers", vectors().then(choice([1, 2, 3])).then(width())),
        ("a tight limit of parameters", layers_6.at_most(Params(420))),
        (
            "a limit of multiply-adds and memory",
            layers_6.at_most(Macs(900)).at_most(Memory(60_000)),
        ),
        ("a limit of latency", measured),
        ("one architecture", vectors().then(linear(4))),
    ]
}

/// How many architectures of a space are looked at.
const DRAWN: usize = 20;

/// Those of a space, by its first names, with what draws them.
fn drawn(space: &Space) -> (Vec<Architecture>, Rng) {
    let mut rng = Rng::new(7);
    ((0..DRAWN).map(|_| space.sample(&mut rng).unwrap()).collect(), rng)
}

/// Decisions of zeros and ones, some of which are not a network.
fn blind(space: &Space, rng: &mut Rng) -> Option<Architecture> {
    let mut list: Vec<usize> = vec![];
    while list.len() < 400 {
        if let Ok(arch) = space.decode(list.clone()) {
            return Some(arch);
        }
        list.push(rng.below(2));
    }
    None
}

fn rows(arch: &Architecture) -> Vec<String> {
    arch.layers().iter().map(|row| format!("{row}, from {:?}", row.inputs)).collect()
}

#[test]
fn spaces_are_what_they_were() {
    for (name, space) in spaces() {
        let text = of_space(name, &space);
        kept(&format!("space-{}.txt", name.replace(", ", "-").replace(' ', "-")), &text);
    }
}

fn of_space(name: &str, space: &Space) -> String {
    let mut out = String::new();
    macro_rules! say { ($($t:tt)*) => { writeln!(out, $($t)*).unwrap() } }
    say!("# {name}\n{space}\n");
    say!("input {}, {}, output {}", space.input(), space.task(), space.task().outputs());
    say!("size {:?}, log10 {:?}", space.size(), space.log10_size());
    say!("fingerprint {:016x}", space.fingerprint());
    say!("problems {:?}", space.problems());
    say!("never fitting {:?}", space.never_fitting());
    // What is longer is in the fingerprint.
    let json = Some(space.to_json()).filter(|json| json.len() < 10_000);
    say!("json {}", json.map_or("long".into(), |json| broken(&json)));
    let encodings = [Encoding::one_hot(), Encoding::adjacency(), Encoding::path()];
    for encoding in &encodings {
        let names = space.size().map(|_| encoding.names(space));
        say!(
            "{encoding}: {:?} columns, {}",
            encoding.width(space).ok(),
            names.map_or("-".into(), brief)
        );
    }
    let study = Study::new(space, evaluator(|a, _| a.params() as f64)).trials(12).seed(3).quiet();
    say!("explained\n{}", study.explain());
    let first: Vec<Vec<u32>> = space.enumerate().take(10).map(|a| a.decisions()).collect();
    say!("the first ten {first:?}");
    say!("default {:?}", space.default_architecture().map(|a| a.decisions()).ok());

    let (archs, mut rng) = drawn(space);
    for row in rows(&archs[0]) {
        say!("    {row}");
    }
    let distances = [Distance::hamming(), Distance::edit(), Distance::weisfeiler_lehman(2)];
    for (i, arch) in archs.iter().enumerate() {
        say!("\n# {name}, architecture {i}: {:?}\n{arch}", arch.decisions());
        assert_eq!(space.parse(&arch.to_text()).unwrap(), *arch);
        assert_eq!(Architecture::from_json(&arch.to_json()).unwrap(), *arch);
        say!("identity {:016x}, canonical {:016x}", arch.identity(), arch.canonical());
        say!(
            "params {}, macs {}, flops {}, memory {} and {}, output {}",
            arch.params(),
            arch.macs(),
            arch.flops(),
            arch.memory(1),
            arch.memory(64),
            arch.output()
        );
        let rows = rows(arch);
        say!("{} rows {}, json {}", rows.len(), hash(rows.join("\n")), hash(arch.to_json()));
        let coded = |e: &Encoding| match e.of(arch) {
            Err(e) if i > 0 => format!("error {}", hash(e.to_string())),
            result => brief(result),
        };
        let coded: Vec<String> = encodings.iter().map(coded).collect();
        say!("encoded {}", coded.join(" | "));
        say!("features {}", brief(arch.wl_features(3)));
        let other = &archs[(i + 1) % archs.len()];
        let apart = |d: &Distance| match d.between(arch, other) {
            Ok(far) => format!("{far:?}"),
            Err(e) if i > 0 => format!("error {}", hash(e.to_string())),
            Err(e) => e.to_string().replace('\n', " / "),
        };
        say!("to the next {}", distances.iter().map(apart).collect::<Vec<_>>().join(" | "));
        let list = |r: Result<Architecture>| match r {
            Ok(arch) => format!("{:?}", arch.decisions()),
            Err(e) => e.to_string().replace('\n', " / "),
        };
        say!("mutated {}", list(space.mutate(arch, &mut rng)));
        say!("crossed {}", list(space.crossover(arch, other, &mut rng)));
        if i == 0 {
            let near: Vec<Vec<u32>> =
                space.neighbours(arch).unwrap().iter().map(Architecture::decisions).collect();
            say!("{} neighbours {}", near.len(), hash(format!("{near:?}")));
        }
    }
    say!("\n# {name}, decisions as they come");
    for _ in 0..12 {
        if let Some(arch) = blind(space, &mut rng) {
            let fits = arch
                .check()
                .map_or_else(|e| e.to_string().replace('\n', " / "), |()| "fits".into());
            say!("{:?}: {fits}; {} params", arch.decisions(), arch.params());
        }
    }
    out
}

#[test]
fn drawings_are_what_they_were() {
    let mut out = String::new();
    for (name, space) in spaces() {
        let drawing = space.drawing();
        writeln!(out, "# {name}\nspace {} plain {}", hash(drawing.svg()), hash(drawing.plain()))
            .unwrap();
        let mut families = vec![];
        for arch in drawn(&space).0.iter().take(8) {
            let chart = arch.diagram();
            writeln!(out, "diagram {} plain {}", hash(chart.svg()), hash(chart.plain())).unwrap();
            families.extend(arch.layers().into_iter().map(|r| {
                let name = r.name.split('(').next().unwrap_or_default().to_string();
                format!("{name} {}", r.family)
            }));
        }
        families.sort();
        families.dedup();
        writeln!(out, "families {}\n", families.join(", ")).unwrap();
    }
    kept("drawings.txt", &out);
}

#[test]
fn tables_are_what_they_were() {
    let mut out = String::from("# layers\n");
    for layer in layers() {
        let args = layer.args.iter().map(|a| match &a.default {
            Some(value) => format!("{} = {value}", a.name),
            None => a.name.to_string(),
        });
        let args = args.collect::<Vec<_>>().join(", ");
        writeln!(out, "{}({args}): {}", layer.name, layer.about).unwrap();
    }
    out += "\n# strategies\n";
    for StrategyInfo { name, paper, make, .. } in strategies() {
        writeln!(out, "{name}: {paper}\n    {:?}\n    {}", make(), make().describe(100)).unwrap();
    }
    out += "\n# tasks\n";
    for task in [Task::classification(3), Task::regression(2), Task::next_token(9)] {
        writeln!(out, "{task}: {:?}, by {}, {}", task.metrics(), task.metric(), task.loss())
            .unwrap();
    }
    kept("tables.txt", &out);
}

// ------------------------------------------------------------------------------------------ errors

#[test]
fn errors_are_what_they_were() {
    let images = || Space::new([3, 12, 12], Task::classification(10));
    let vectors = || Space::new([8], Task::classification(3));
    let mut out = String::new();
    let mut say = |what: &str, e: Option<Error>| {
        let Some(e) = e else {
            writeln!(out, "# {what}: NO ERROR").unwrap();
            return;
        };
        writeln!(out, "# {what}\n{:?}: {e}\n", e.kind()).unwrap();
    };
    let broken: Vec<(&str, Space)> = vec![
        ("no blocks", images().then(one_of::<Block>([]))),
        ("no channels", images().then(conv(0, 3))),
        ("a wrong kernel", images().then(conv(any([4, -8]), 3)).then(linear(0))),
        ("an unknown activation", images().then(conv(4, 3).activation("rellu"))),
        ("a setting that the layer has not", vectors().then(linear(3).stride(2))),
        ("a rate", vectors().then(dropout(1.5))),
        ("a repeat", vectors().then(repeat(-1..=2, linear(4)))),
        ("heads", Space::new([20, 5], Task::classification(4)).then(attention(2))),
        ("no network fits", vectors().then(conv(4, 3))),
        ("two of one name", vectors().then(shared("a", linear(3))).then(shared("a", linear(4)))),
        ("a limit", vectors().then(linear(any([4, 8]))).at_most(Params(3))),
        ("a wired cell of one vertex", vectors().then(wired(1, 1, linear(3)))),
        ("no cells", images().then(presets::darts(4, 0))),
        ("no classes", Space::new([8], Task::classification(0)).then(linear(3))),
    ];
    for (what, space) in broken {
        say(what, space.check().err());
    }
    let space = vectors().then(linear(any([4, 8]))).then(one_of([skip(), relu()]));
    say("too few decisions", space.decode([0]).err());
    say("too many decisions", space.decode([0, 1, 1]).err());
    say("a decision too large", space.decode([2, 0]).err());
    say("a text of another space", space.parse("conv(3,3)").err());
    say("a text that breaks off", space.parse("linear(4").err());
    say("an empty text", space.parse("").err());
    say("JSON", Space::from_json("{}").err());
    say("JSON of an architecture", Architecture::from_json("[1]").err());
    let arch = space.default_architecture().unwrap();
    say("another space", images().then(conv(4, 3)).neighbours(&arch).err());
    say("paths of a space without cells", Encoding::path().of(&arch).err());
    let study = || Study::new(&space, evaluator(|_, _| 1.0)).quiet();
    say("no trials", study().trials(0).run().err());
    say("no batch", study().batch(0).run().err());
    say("seconds", study().seconds(-1.0).run().err());
    say("no best", study().best().err());
    let fast = study().objective(Metric::minimise("speed")).trials(3).run().unwrap();
    say("an objective that nobody reports", fast.failed()[0].error().map(Error::from));
    say("no population", study().strategy(Evolution::regularized().population(0)).run().err());
    let digits = Dataset::digits().take(50);
    let small = Space::on(&digits).then(linear(any([4, 8])));
    let wide = Train::on(&digits).batch_size(64);
    say("no epochs", Study::new(&small, wide.clone().epochs(0)).quiet().run().err());
    say("other data", Study::new(&space, wide.epochs(1)).quiet().run().err());
    kept("errors.txt", &out);
}

// -------------------------------------------------------------------------------------- strategies

/// A score with some structure, from 0 to 1, the same for ever.
fn score(arch: &Architecture) -> f64 {
    let decisions = arch.decisions();
    let mean = decisions.iter().map(|&d| f64::from(d)).sum::<f64>() / decisions.len().max(1) as f64;
    mean / 8.0 + (arch.identity() % 1000) as f64 / 2000.0
}

/// One evaluation in seven fails.
fn scorer() -> AnyEvaluator {
    evaluator(|arch, budget| match budget.seed() % 7 {
        0 => Err(Error::from("out of luck")),
        s => Ok(Evaluation::new(score(arch)).with("third", s as f64 / 3.0)),
    })
}

fn proposals(row: &StrategyInfo, name: &str, space: &Space, trials: usize, two: bool) -> String {
    let plan = Study::new(space, scorer()).strategy(quick(row)).trials(trials).seed(5).jobs(1);
    let plan = if two { plan.objective(Metric::minimise("params")) } else { plan };
    let study = plan.duplicates(Duplicates::Repeat).quiet().run().unwrap();
    let mut out = format!("# {} on {name}\n", row.name);
    for t in study.trials_done() {
        let (decisions, found) = (t.architecture().decisions(), t.score());
        let found = found.map_or("failed".to_string(), |s| format!("{s:?}"));
        writeln!(out, "{} {decisions:?} {} of {:?}: {found}", t.number(), t.origin(), t.parents())
            .unwrap();
    }
    out + &format!("ended: {}\n\n", study.ended())
}

#[test]
fn strategies_propose_what_they_did() {
    let vectors = Space::new([8], Task::classification(3));
    let branches = one_of([
        skip(),
        linear(any([4, 8])).residual(),
        repeat(1..=2, linear(8).activation(any(["relu", "tanh"]))),
    ]);
    let conditional = vectors.then(repeat(0..=3, branches));
    let image = Space::new([1, 8, 8], Task::classification(3));
    let cells = image.then(presets::nas_bench_201(4, 1));
    for row in strategies() {
        let trials = if row.name.starts_with("gp") { 25 } else { 40 };
        let text = proposals(row, "conditional choices", &conditional, trials, false)
            + &proposals(row, "NAS-Bench-201", &cells, trials / 2, false)
            + &proposals(row, "NAS-Bench-201, two objectives", &cells, 12, true);
        same_here(&format!("strategy-{}.txt", row.name), &text);
    }
}

// ---------------------------------------------------------------------------------------- journals

/// Without what takes a different time in every run.
fn timeless(journal: &str) -> String {
    let mut text = journal.to_string();
    for field in ["\"seconds\":", "\"at\":"] {
        let mut parts = text.split(field);
        let mut kept = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let end = part.find([',', '}']).unwrap_or(0);
            // A limit of seconds that is not set stays.
            let value = if part.starts_with("null") { "null" } else { "0" };
            kept += &format!("{field}{value}{}", &part[end..]);
        }
        text = kept;
    }
    text
}

#[test]
fn a_journal_is_what_it_was() {
    let path = std::env::temp_dir().join(format!("nascent-fixture-{}.jsonl", std::process::id()));
    let vectors = Space::new([8], Task::classification(3));
    let space = vectors.then(repeat(1..=3, linear(any([4, 8, 16, 32])))).at_most(Params(2_000));
    let mut out = String::new();
    let plans = [
        ("closure", Study::new(&space, scorer()).strategy(Evolution::regularized().population(6))),
        (
            "retries, two objectives, grid",
            Study::new(&space, scorer().minimise().named("loss"))
                .objective(Metric::minimise("params"))
                .strategy(Grid)
                .on_failure(OnFailure::Retry(2))
                .key(Key::Canonical)
                .trial_seconds(60.0),
        ),
        (
            "benchmark",
            Study::new(&Mnist1dBench::space(), Mnist1dBench::table())
                .strategy(Tpe::new())
                .simulated_seconds(1e7),
        ),
    ];
    for (name, plan) in plans {
        let _ = std::fs::remove_file(&path);
        let plan = plan.batch(1).jobs(1).seed(2).quiet();
        let study = plan.trials(20).journal(&path).run().unwrap();
        let text = timeless(&std::fs::read_to_string(&path).unwrap());
        writeln!(out, "# {name}\n{}", broken(&text)).unwrap();
        let lines: Vec<String> = study.trials_done().iter().map(Trial::line).collect();
        writeln!(out, "{}\nended: {}\n", lines.join("\n"), study.ended()).unwrap();
        assert_eq!(Study::load(&path).unwrap().trials_done().len(), 20);
    }
    let _ = std::fs::remove_file(&path);
    kept("journals.txt", &out);
}

// ---------------------------------------------------------------------------------------- training

#[test]
fn training_scores_what_it_did() {
    let digits = Dataset::digits().take(600);
    let names = Dataset::names().take(400);
    let mut out = String::new();
    let networks: Vec<(&str, &Dataset, Block)> = vec![
        (
            "convolutions",
            &digits,
            seq([conv(4, 3), max_pool(2), sep_conv(6, 3), squeeze_excite(2), global_avg_pool()]),
        ),
        ("linear", &digits, seq([flatten(), linear(12).norm(true), dropout(0.2), linear(8)])),
        ("recurrent", &names, seq([embedding(6), gru(8), attention(2).residual(), last()])),
    ];
    for (name, data, block) in networks {
        let arch = Space::on(data).then(block).default_architecture().unwrap();
        let train = Train::on(data).epochs(1).batch_size(32);
        let run = |threads: usize| {
            let found = train.threads(threads).evaluate(&arch, &Budget::new(1, 1, 11)).unwrap();
            format!("score {:?}, losses {:?}, {:?}", found.score(), found.losses(), found.metrics())
        };
        let (one, two) = (run(1), run(2));
        assert_eq!(one, two, "{name}: one thread and two");
        writeln!(out, "# {name}: {arch}\n{one}").unwrap();
        let model = Model::new(&arch, &Device::Cpu, 4).unwrap();
        for (name, var) in model.named_vars() {
            let values: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
            writeln!(out, "    {name} {:?} {}", var.dims(), hash(format!("{values:?}"))).unwrap();
        }
    }
    same_here("training.txt", &out);
}
