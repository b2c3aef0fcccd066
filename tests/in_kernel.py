"""What must hold in the real evcxr kernel: `notebooks/start --python tests/in_kernel.py`.

Each test is a list of cells in one kernel, each a text and a check of its output. In place of a text may
stand a function of the kernel. Two kernels run side by side.
"""
import re
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kernel import Kernel

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"
START = ':dep nascent = { path = ".." }\nuse nascent::prelude::*;'
SPACE = """\
let data = Dataset::digits().take(200);
let space = Space::on(&data).then(conv(any([4, 8]), 3)).then(one_of([max_pool(2), skip()])).then(global_avg_pool());"""


def fine(out):
    assert not out.error, out.error


def charts(n):
    def check(out):
        fine(out)
        found = "".join(out.pictures).count("<svg")
        assert found >= n, f"{found} charts, {n} expected: {out.data.get('text/plain', '')[:300]}"
    return check


def prints(*parts):
    def check(out):
        fine(out)
        said = out.text + out.data.get("text/plain", "")
        for part in parts:
            assert part in said, f"{part!r} is not in {said!r}"
    return check


def notes(*parts):
    """What the cell is told beside its outputs: what is compiled, warnings."""
    def check(out):
        fine(out)
        for part in parts:
            assert part in out.notes, f"{part!r} is not in {out.notes!r}"
    return check


def fails(*parts):
    """A readable message: the parts are in it, near its beginning."""
    def check(out):
        assert out.error, f"an error was expected; shown: {out.data} {out.text}"
        for part in parts:
            assert part in out.error[:1500], f"{part!r} is not in {out.error[:1500]!r}"
    return check


def lacks(*names):
    """None of these is in a list."""
    def check(found):
        assert not set(names) & set(found), f"{set(names) & set(found)} were compiled: {found}"
    return check


# A value of every public type that a user holds. Each is made in one cell and used in a later one.
TYPES = {
    "data": ("Dataset::digits().take(200)", "data.len()"),
    "widths": ("any([4, 8])", "conv(&widths, 3).problems().len()"),
    "rates": ("any([0.0, 0.5])", "dropout(rates.clone()).problems().len()"),
    "acts": ('any(["relu", "gelu"])', "activation(acts.clone()).problems().len()"),
    "block": ("conv(any([4, 8]), 3).then(dropout(any([0.0, 0.5])))", "block.problems().len()"),
    "space": ("Space::on(&data).then(&block).then(global_avg_pool())", "space.size()"),
    "task": ("Task::classification(10)", "task.metrics().len()"),
    "metric": ("Metric::minimise(\"loss\")", "metric.better(1.0, 2.0)"),
    "rng": ("Rng::new(1)", "rng.clone().below(10)"),
    "arch": ("space.default_architecture()?", "arch.params()"),
    "supernet": ("Supernet::on(&space, &Train::on(&data).epochs(1)).train(1)?", "supernet.evaluate(&arch)?.score() >= 0.0"),
    "rows": ("arch.layers()", "rows.len()"),
    "model": ("Model::new(&arch, &Device::Cpu, 1)?", "model.vars().len()"),
    "tensor": ("data.tensors(Split::Test)?", "tensor.0.dims().len()"),
    "optimizer": ("Optimizer::sgd(0.9).nesterov()", "optimizer.to_string()"),
    "images": ("Images::new().size(16, 16)", "images.to_string()"),
    "schedule": ("Schedule::cosine().warm_up(0.5)", "schedule.to_string()"),
    "train": ("Train::on(&data).epochs(2).batch_size(32).optimizer(optimizer).schedule(schedule)", "train.data().len()"),
    "budget": ("Budget::new(1, 2, 3)", "budget.seed()"),
    "evaluation": ("train.evaluate(&arch, &budget)?", "evaluation.score()"),
    "scorer": ("evaluator(|arch, budget| arch.params() as f64)", "scorer.minimise().metric().maximise"),
    "sampler": ('strategy("mine", |history, rng| history.space().sample(rng))', "sampler.clone().describe(1)"),
    "evolution": ("Evolution::regularized().population(4)", "evolution.describe(20)"),
    "plan": ("Study::new(&space, &train).strategy(&evolution).trials(4).quiet()", "plan.protocol().batch"),
    "explanation": ("plan.explain()", "explanation.to_string().len()"),
    "study": ("plan.run()?", "study.trials_done().len()"),
    "best": ("study.best()?", "best.number()"),
    "top": ("study.top(2)", "top.len()"),
    "chart": ("study.frontier()", "chart.svg().len()"),
    "report": ("study.report()", "report.charts.len()"),
    "both": ("show((&chart, &report))", "both.html().len()"),
    "winner": ("study.retrain(2)?", "winner.test_score()"),
    "mut training": ("train.start(&arch, 1)?", "training.epoch()"),
    "checkpoint": ("training.checkpoint()?", "checkpoint.to_bytes().len()"),
    "asked": ("plan.trials(2).ask()?", "asked.number()"),
    "failure": ('Error::from("an error is a value")', "failure.to_string()"),
    "result": ("study.best()", "result.is_ok()"),
    "protocol": ("study.protocol()", "protocol.seed"),
    "boxed": ("Box::new(Random) as Box<dyn Strategy>", "boxed.describe(1)"),
    "priced": ('train.score("priced", |arch, e| e.score() - 1e-6 * arch.params() as f64)', "priced.full()"),
    "running": ('plan.journal("in-kernel.jsonl").spawn()?', "running.progress().len()"),
    "waited": ("running.wait()?", "waited.trials_done().len()"),
    "loaded": ('Study::load("in-kernel.jsonl")?', "loaded.trials_done().len()"),
    "resumed": ('Study::resume("in-kernel.jsonl")', "resumed.is_err()"),
    "policy": ("OnFailure::Retry(2)", "plan.on_failure(policy).protocol().seed"),
    "watch": ("Watch::none()", "watch.check().is_ok()"),
    "n": ("6", "plan.trials(n).batch(n).seed(n).protocol().batch"),
}



def parts(items, size=6):
    """In groups: a cell takes half a second, whatever is in it."""
    items = list(items)
    return [items[i:i + size] for i in range(0, len(items), size)]


PLAIN = re.search(r"const LOSS: f64 = (\S+);\nconst NORM: f64 = (\S+);", (HERE / "it/gradients.rs").read_text())


def near_plain(out):
    """The loss and the norm of the gradient are those of the plain program."""
    fine(out)
    for got, expected in zip(out.text.split(), PLAIN.groups(), strict=True):
        assert abs(float(got) - float(expected)) < 1e-5, f"{got}, in a plain program {expected}"


GRADIENTS = [
    ("""\
let space = Space::new([1, 6, 6], Task::classification(3)).then(conv(4, 3)).then(global_avg_pool());
let model = Model::new(&space.default_architecture()?, &Device::Cpu, 1)?;""", fine),
    ("""\
let values: Vec<f32> = (0..5 * 36).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
let x = Tensor::from_vec(values, (5, 1, 6, 6), &Device::Cpu)?;
let y = Tensor::new(&[0u32, 1, 2, 1, 0], &Device::Cpu)?;
// A variable of this cell: its gradient must not be mixed up with the model's.
let other = Var::from_tensor(&Tensor::new(&[3f32, 4f32], &Device::Cpu)?)?;""", fine),
    ("""\
let out = model.forward_train(&x, &mut Rng::new(1))?;
let loss = candle_nn::loss::cross_entropy(&out, &y)?;
let grads = (&loss + other.sqr()?.sum_all()?)?.backward()?;
let mut square = 0.0;
for var in model.vars() {
    square += grads.get(&var).ok_or("no gradient")?.sqr()?.sum_all()?.to_scalar::<f32>()? as f64;
}
println!("{} {}", loss.to_scalar::<f32>()?, f64::sqrt(square));""", near_plain),
    ("""\
let ours = other.sqr()?.sum_all()?.backward()?;
println!("{:?}", ours.get(&other).ok_or("no gradient")?.to_vec1::<f32>()?);""", prints("[6.0, 8.0]")),
]

# Sends to the front kernel what a search would, with nothing but the standard library.
LIVE = """\
use std::{os::unix::net::UnixDatagram, thread::{sleep, spawn}, time::Duration};
fn live(id: &str, html: &str) {
    let text = format!(r#"{{"live": 1, "id": "{id}", "data": {{"text/html": "{html}"}}}}"#);
    UnixDatagram::unbound().unwrap().send_to(text.as_bytes(), std::env::var("NASCENT_LIVE").unwrap()).unwrap();
}
fn pause(ms: u64) { sleep(Duration::from_millis(ms)) }
struct Report;
impl Report {
    fn evcxr_display(&self) { println!("EVCXR_BEGIN_CONTENT text/html\\n<b>report</b>\\nEVCXR_END_CONTENT"); }
}"""
HANDLER = """\
use std::sync::atomic::{AtomicBool, Ordering};
unsafe extern "C" { fn signal(number: i32, handler: usize) -> usize; }
static STOP: AtomicBool = AtomicBool::new(false);
extern "C" fn on_stop(_: i32) { STOP.store(true, Ordering::Relaxed) }
unsafe { signal(2, on_stop as *const () as usize) };"""


def kinds(*expected):
    def check(out):
        fine(out)
        found = [output.output_type for output in out.outputs]
        assert found == list(expected), f"{found}, {list(expected)} expected"
    return check


def pressed(code, after):
    """Runs a cell and presses ■ after some seconds."""
    def act(kernel):
        timer = threading.Timer(after, kernel.interrupt)
        timer.start()
        out = kernel.run(code, timeout=60)
        timer.cancel()
        return out
    return act


def says(text, error=""):
    """The cell says this about ■, and it has this error or none."""
    def check(out):
        assert text in out.text, f"{text!r} is not in {out.text!r}"
        assert error in out.error and bool(error) == bool(out.error), out.error
        assert out.seconds < 20 and not out.broken, out
    return check


TESTS = {
    "live displays, in the middle of a cell and after it": [
        (LIVE, fine),
        ('println!("before"); live("a", "one"); pause(100); println!("between"); live("a", "two"); pause(100);',
         lambda out: kinds("stream", "display_data", "stream")(out) or out.html == "two" or 1 / 0),
        ('spawn(|| { pause(800); live("b", "late"); live("a", "three"); });', kinds()),
        ("pause(1200);", lambda out: kinds("display_data")(out) or out.html == "late" or 1 / 0),
        (lambda kernel: kernel.displays, lambda shown: (shown["a"].data["text/html"], shown["b"].data["text/html"]) == ("three", "late") or 1 / 0),
        # What a display shows already is not shown a second time.
        ('live("c", "<b>report</b>"); Report', kinds("display_data")),
        ("Report", kinds("execute_result")),
    ],
    "nascent is loaded before the first cell asks for it": [
        # ■ while it is being loaded: that ends, and so does the cell that waits.
        (pressed("6 * 7", 1), says("stopped while this cell was being compiled")),
        ("6 * 7", prints("42")),
        # Nothing of it is to be seen.
        ("Dataset::digits()", fails("Dataset")),
        (START, fine),
        (SPACE + "\nspace", charts(1)),
        (':dep nascent = { path = "..", features = [] }\nspace.check()', prints("fine")),
        (lambda kernel: kernel.compiled(), lacks("candle-core", "serde")),
    ],
    "a first cell that has nothing to do with nascent": [
        ("let kept = 41;", fine),
        ("kept + 1", prints("42")),
        (START, fine),
        (SPACE + "\nspace", charts(1)),
        ("kept", prints("41")),
        (lambda kernel: kernel.compiled(), lacks("candle-core", "nascent", "serde")),
    ],
    "the stop button": [
        ("let kept = 41;", fine),
        # In one cell: each has statics of its own.
        (pressed(HANDLER + "\nwhile !STOP.load(Ordering::Relaxed) {}\nkept + 1", 5), prints("42")),
        # rustc computes this for minutes.
        (pressed("#[allow(long_running_const_eval)]\nconst LONG: u64 = { let mut i = 0; while i < 10_000_000_000 { i += 1 } i };\nLONG", 4),
         says("stopped while this cell was being compiled")),
        ("kept", prints("41")),
        ("unsafe { signal(2, 0) };", fine),
        (pressed("loop {}", 3), says("the process that ran the cells was ended", "SIGINT")),
        ("6 * 7", prints("42")),
        (lambda kernel: kernel.interrupt() or time.sleep(0.5) or kernel.run("6 * 7"), prints("42")),
    ],
    "variables of every type survive, and cells can be run again": [
        (START, fine),
        *[("\n".join(f"let {name} = {make};" for name, (make, _) in part), fine) for part in parts(TYPES.items())],
        *[("\n".join(f'println!("{{:?}}", {use});' for _, (_, use) in part), fine) for part in parts(TYPES.items())],
        *[("\n".join(f"let {name} = {make};" for name, (make, _) in part), fine) for part in parts(TYPES.items())],
        ("training.advance(1)?;\nprintln!(\"{}\", training.epoch());", prints("1")),
        ('std::fs::remove_file("in-kernel.jsonl")?;', fine),
        ("let trial = plan.step()?;", fine),
        ("trial", prints("trial 0")),
    ],
    "everything that can be shown is shown": [
        (START, fine),
        (SPACE, fine),
        ("data", charts(1)),
        ("space", charts(1)),
        ("let arch = space.sample(&mut Rng::new(1))?;\narch", charts(1)),
        ("let plan = Study::new(&space, Train::on(&data).epochs(2)).trials(5).quiet();\nplan", prints("run() starts it", "5 trials")),
        ("let study = plan.run()?;\nstudy", charts(4)),
        ("study", charts(4)),
        ("&study", charts(4)),
        ("(study.frontier(), study.learning_curves())", charts(2)),
        ("show((&study.best_so_far(), study.best_against_seconds(), &space))", charts(3)),
        ("vec![study.frontier(), study.frontier()]", charts(2)),
        ("Some(study.frontier())", charts(1)),
        ("study.best()?.architecture()", charts(1)),
        ("study.best()", prints("trial")),
        ("study.top(2)", prints("trial")),
        ("study.leaderboard(3)", lambda out: prints("architecture")(out) or "<table" in out.html or 1 / 0),
        ("study.retrain(2)?", charts(2)),
        ("let running = plan.spawn()?;\nlet ended = running.wait()?;\nrunning", charts(1)),
        ("any([4, 8])", prints("any of 4 | 8")),
        ("data.shape()", prints("1x8x8")),
        ("study.protocol()", prints("batch 4")),
        ("space.default_architecture()?.layers()", prints("conv(4,3) -> 4x8x8")),
        ("space.check()", prints("fine")),
        ("let broken = Study::new(&space, Train::on(&data)).trials(0);\nbroken", prints("trials(0)")),
        ("broken.run()", prints("error", "trials(0): at least 1 is needed")),
        ("// nothing is lost, and both still show\n(&study, &space)", charts(5)),
    ],
    "gradients are those of a plain program, with cells between": [(START, fine), *GRADIENTS],
    "the same with candle-core as a dependency of its own": [
        (':dep nascent = { path = ".." }\n:dep candle-core = "0.11.1"\nuse nascent::prelude::*;', fine),
        ("let mine: candle_core::Tensor = Tensor::zeros((2, 2), candle_core::DType::F32, &Device::Cpu)?;", fine),
        *GRADIENTS,
        ("println!(\"{}\", mine.sum_all()?.to_scalar::<f32>()?);", prints("0")),
    ],
    "evaluators and strategies of one's own": [
        (START, fine),
        (SPACE, fine),
        ("""\
let study = Study::new(&space, evaluator(|arch, budget| -(arch.params() as f64)))
    .strategy(strategy("climb", |history, rng| match history.best() {
        Some(best) => history.space().mutate(&best.architecture(), rng),
        None => history.space().sample(rng),
    }))
    .trials(12).quiet().run()?;
study""", charts(3)),
        ("let train = Train::on(&data).epochs(1);", fine),
        ("""\
#[derive(Clone)]
struct Cheap { price: f64, train: Train }
impl Evaluator for Cheap {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        let result = self.train.evaluate(arch, budget)?;
        Ok(Evaluation::new(result.score() - self.price * arch.params() as f64).with("accuracy", result.score()))
    }
}
struct Climb;
impl Strategy for Climb {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        match history.best() {
            Some(best) => Ok(Proposal::child(history.space().mutate(&best.architecture(), rng)?, &best)),
            None => Ok(history.space().sample(rng)?.into()),
        }
    }
}
let cheap = Cheap { price: 1e-5, train: train.clone() };""", fine),
        ("let mine = Study::new(&space, &cheap).strategy(Climb).trials(8).quiet().run()?;\nmine", charts(3)),
        ("println!(\"{:?}\", mine.best()?.evaluation().and_then(|e| e.get(\"accuracy\")).is_some());", prints("true")),
        # A value that moves a variable shows as text: a limit of the kernel. A `let` first is the cure.
        ("let boxed: Box<dyn Evaluator> = Box::new(cheap.clone());\nlet study = Study::new(&space, boxed).trials(2).quiet().run()?;\nstudy", charts(2)),
        ("Study::new(&space, evaluator(|_, _| -> f64 { panic!(\"a bug of mine\") })).trials(3).quiet().run()?", prints("all 3 trials failed", "a bug of mine")),
        ("let by_hand = Study::new(&space, &train).trials(6).duplicates(Duplicates::Repeat);\nwhile let Ok(asked) = by_hand.ask() { by_hand.tell(&asked, asked.number() as f64)?; }\nby_hand.best()?.number()", prints("5")),
    ],
    "a dependency more does not compile Candle again": [
        ("1 + 1", prints("2")),
        (START, fine),
        (SPACE, fine),
        (':dep itertools = "0.14"\nuse itertools::Itertools;\n(1..4).join("-")', prints("1-2-3")),
        # Each asks for further features of crates that Candle is built on, or for other versions of them.
        (':dep csv = "1"\ncsv::ReaderBuilder::new().from_reader("a,b".as_bytes()).headers()?.len()', prints("2")),
        (':dep hex = "0.4"\nhex::encode([1u8])', notes("compiling", "hex", "compiled in")),
        (':dep bytemuck = { version = "1", features = ["extern_crate_alloc"] }\nbytemuck::zeroed_vec::<u8>(2).len()', prints("2")),
        (':dep rand = "0.8"\nrand::random::<f64>() < 1.0', prints("true")),
        (':dep serde = { version = "1", features = ["derive", "rc"] }\nuse serde::Serialize;', fine),
        ("space", charts(1)),
        (lambda kernel: kernel.compiled(), lacks("candle-core", "nascent", "serde")),
    ],
    "a wrong path for nascent, then the right one, then :clear": [
        (':dep nascent = { path = "../nowhere" }', fails("No such file")),
        (':dep nascent = { path = "../src" }', fails("Cargo.toml")),
        ("let f = |x: f64| x + 1.0;", fails("closure, which cannot be persisted")),
        (START, fine),
        ("let f = |x: f64| x + 1.0;", fails("closure, which cannot be persisted")),
        (":clear", fine),
        (START, fine),
        (SPACE + "\nspace", charts(1)),
        (lambda kernel: kernel.compiled(), lacks("candle-core", "nascent", "serde")),
    ],
    "what has no effect is said": [
        (START, fine),
        (SPACE, fine),
        ("let plan = Study::new(&space, Train::on(&data).epochs(1)).trials(2).quiet();\nplan.seed(1);",
         notes("warning: unused", "plan.seed(1);")),
        ('plan.save_csv("nofolder/x.csv");',
         notes("warning: unused `Result` that must be used", 'plan.save_csv("nofolder/x.csv");')),
        # Once, and not with every cell after it.
        ("fn forgets(plan: &Study) { let _ = plan.save_csv(\"x.csv\"); }\nplan.best();", notes("plan.best();")),
        ("1 + 1", lambda out: prints("2")(out) or not out.notes or 1 / 0),
    ],
    "a beginner's mistakes get readable messages": [
        (START, fine),
        (SPACE, fine),
        ('conv("many", 3)', fails("a whole number, a range, or any([...]) of whole numbers is wanted here, not `&str`")),
        ("conv(16.0, 3)", fails("a whole number, a range")),
        ("dropout(1)", fails("a number with a decimal point")),
        ("Study::new(&space, 5)", fails("cannot evaluate architectures", "pass Train::on(&data)")),
        ("Study::new(&space, Train::on(&data)).strategy(5)", fails("cannot choose architectures", "Evolution::regularized()")),
        ("let study = Study::new(&space, Train::on(&data)).strategy(\"evoltion\").run()?;", fails("strategy \"evoltion\"", "random, grid, evolution")),
        ("Study::new(&space, Train::on(&data)).trials(2.5)", fails("a whole number is wanted here")),
        ("Study::new(&space, evaluator(|arch, budget| \"good\"))", fails("an evaluator returns an f64")),
        ("let study = Study::new(&space, Train::on(&data)).trials(0).batch(0).run()?;", fails("the study has 2 problems", "trials(0)", "batch(0)")),
        ("Study::new(&space, Train::on(&data)).best()?;", fails("no finished trial", "let study = study.run()?")),
        ("Study::new(&Space::new([3], Task::classification(2)).then(linear(4)), Train::on(&data)).run()?;", fails("Space::on(&data)")),
        ("Space::on(&data).then(conv(0, 3)).sample(&mut Rng::new(1))?;", fails("channels is 0", "1 to 65536")),
        ('Space::on(&data).then(conv(4, 3).activation("rellu")).check()?;', fails('no activation "rellu"', "relu, gelu")),
        ('space.parse("conv(5,3)>skip>global_avg_pool")?;', fails("not one of this space", "conv(4,3)")),
        ("Train::on(&data).batch_size(5000).start(&space.default_architecture()?, 1)?;", fails("batch_size(5000)", "samples")),
        ('Model::load("/nowhere/model", &Device::Cpu)?;', fails("/nowhere/model.json")),
        ("// and the session goes on\nspace", charts(1)),
    ],
}


# Tests that can share a kernel, which takes half a minute to get to its first value; all others have one each.
TOGETHER = [
    ["everything that can be shown is shown", "what has no effect is said", "a beginner's mistakes get readable messages"],
    ["gradients are those of a plain program, with cells between", "evaluators and strategies of one's own"],
]


# Tests of what a kernel does that has nothing loaded ahead.
FROM_NOTHING = {"a dependency more does not compile Candle again", "a wrong path for nascent, then the right one, then :clear"}


def sessions(chosen):
    """Lists of tests, each for a kernel of its own."""
    shared = [[name for name in names if name in chosen] for names in TOGETHER]
    alone = [[name] for name in chosen if not any(name in names for names in shared)]
    return [names for names in alone + shared if names]


def session(names):
    """Runs tests in one kernel, and says how many of them have failed. After a failure, the next gets a new one."""
    names, failed = list(names), 0
    while names:
        with Kernel(NOTEBOOKS, ahead=names[0] not in FROM_NOTHING) as kernel:
            started = wrong = None
            while names and not wrong:
                name = names.pop(0)
                begun = time.monotonic()
                wrong = run(kernel, [cell for cell in TESTS[name] if not (started and cell[0] == START)])
                started = True
                seconds = f"{len(TESTS[name])} cells, {time.monotonic() - begun:.0f} s"
                print(f"FAILED  {name}: {wrong}" if wrong else f"ok      {name}, {seconds}", flush=True)
                failed += bool(wrong)
    return failed


def run(kernel, cells):
    """What is wrong with the first cell that is not as it should be."""
    for code, check in cells:
        out = kernel.run(code) if isinstance(code, str) else code(kernel)
        try:
            check(out)
        except Exception as wrong:
            kind = "" if isinstance(wrong, AssertionError) else traceback.format_exc()
            return f"in the cell\n    {code}\n{wrong}\n{kind}"
    return None


def main():
    chosen = [name for name in TESTS if all(word in name for word in sys.argv[1:])]
    # A kernel uses one core most of the time.
    with ThreadPoolExecutor(2) as pool:
        failed = sum(pool.map(session, sessions(chosen)))
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
