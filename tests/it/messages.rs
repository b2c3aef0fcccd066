//! What the compiler says about mistakes that everybody makes once, partly in the crate's words.

use std::path::Path;
use std::process::Command;

/// What the compiler says about a program with one function for each line, in short or at length.
fn compile(name: &str, lines: &[&str], format: &str) -> String {
    let exe = std::env::current_exe().unwrap();
    let deps = exe.parent().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(format!("{name}.rs"));
    let mut program =
        "#![allow(unused_variables, dead_code)] use nascent::prelude::*;\n".to_string();
    for (i, line) in lines.iter().enumerate() {
        program += &format!(
            "fn f{i}(space: Space, plan: Study) -> nascent::Result<()> {{ {line} Ok(()) }}\n"
        );
    }
    std::fs::write(&source, program + "fn main() {}\n").unwrap();
    let out = Command::new(std::env::var("RUSTC").unwrap_or("rustc".to_string()))
        .args(["--edition", "2024", "--emit", "metadata", "--error-format", format])
        .arg("--out-dir")
        .arg(folder)
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--extern")
        .arg(format!("nascent={}", deps.join("libnascent.rlib").display()))
        .arg(&source)
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Each line, and what has to be said about it; nothing if that is empty.
fn check(name: &str, cases: &[(&str, &str)]) {
    let lines: Vec<&str> = cases.iter().map(|(line, _)| *line).collect();
    let said = compile(name, &lines, "short");
    for (i, (line, expected)) in cases.iter().enumerate() {
        let place = format!("{name}.rs:{}:", i + 2);
        let found: Vec<&str> = said.lines().filter(|l| l.contains(&place)).collect();
        match *expected {
            "" => assert!(found.is_empty(), "{line}\n{found:?}"),
            _ => {
                assert!(
                    found.iter().any(|f| f.contains(expected)),
                    "{line}\n{found:?}\n--\n{said}"
                );
            }
        }
    }
}

#[test]
fn wrong_arguments_are_told_what_is_expected() {
    let list = "a list of blocks is wanted here, as one_of([conv(16, 3), max_pool(2)])";
    let values = "any([...]) chooses between the values of a list or a range";
    let block = "a block is wanted here";
    check(
        "arguments",
        &[
            ("let a = one_of(conv(16, 3), max_pool(2));", list),
            ("let a = one_of(conv(16, 3));", list),
            ("let a = one_of((conv(16, 3), max_pool(2)));", list),
            ("let a = branches(conv(16, 3), conv(16, 5));", list),
            ("let a = concat(conv(16, 3), conv(16, 5));", list),
            ("let a = seq(conv(16, 3), conv(16, 5));", list),
            ("let a = cell([conv(16, 3)]);", list),
            ("let a = any(16, 32);", values),
            ("let a = any((16, 32));", values),
            ("let a = space.then([linear(8), linear(4)]);", block),
            ("let a = linear(8).then(4);", block),
            ("let a = repeat(2, [linear(8)]);", block),
            ("let a = linear(8.0);", "a whole number, a range, or any([...])"),
            ("let a = dropout(1);", "a number with a decimal point"),
            ("let a = linear(8).norm(\"batch\");", "true, false or any([false, true])"),
            ("let a = Study::new(&space, |_, _| 0.0);", "cannot evaluate architectures"),
            ("let a = evaluator(|_, _| 3);", "an evaluator returns an f64"),
            (
                "let a = evaluator(|_, _| -> Result<f64, String> { Ok(1.0) });",
                "a nascent::Result of one of them, not `std::result::Result<f64",
            ),
            (
                "let a = strategy(\"mine\", |_, _| 3);",
                "a strategy returns an Architecture, a Proposal",
            ),
        ],
    );
}

#[test]
fn closures_with_question_marks_compile() {
    check(
        "closures",
        &[
            ("let a = evaluator(|_, _| { let x: f64 = \"1\".parse()?; Ok(x) });", ""),
            ("let a = evaluator(|arch, _| { arch.check()?; Ok(Evaluation::new(0.5)) });", ""),
            (
                "let a = evaluator(|arch, _| { if arch.params() == 0 { return Err(\"empty\".into()); } Ok(0.5) });",
                "",
            ),
            (
                "let a = strategy(\"mine\", |history, rng| { let a = history.space().sample(rng)?; Ok(a) });",
                "",
            ),
            ("let a = one_of([&linear(8), &linear(4)]).then(one_of(vec![linear(8)]));", ""),
            ("let a = one_of::<Block>([]);", ""),
            ("let a = cell([vec![linear(8)], vec![linear(8), skip()]]);", ""),
            ("let w: Ints = any((1..4).map(|i| 8 << i));", ""),
        ],
    );
}

/// The names of other libraries are aliases, which the compiler knows.
#[test]
fn names_of_other_libraries_lead_to_ours() {
    let names = [
        ("dense(8)", "linear"),
        ("Dense(8)", "linear"),
        ("conv2d(8, 3)", "conv"),
        ("Conv2D(8, 3)", "conv"),
        ("maxpool(2)", "max_pool"),
        ("GlobalAveragePooling2D()", "global_avg_pool"),
        ("BatchNorm2d()", "batch_norm"),
        ("identity()", "skip"),
        ("MultiHeadAttention(4)", "attention"),
        ("swish()", "silu"),
        ("Sequential([linear(8)])", "seq"),
        ("choices([16, 32])", "any"),
    ];
    let lines: Vec<String> = names.iter().map(|(call, _)| format!("let a = {call};")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let said = compile("names", &lines, "human");
    let errors: Vec<&str> = said.split("error[").collect();
    for (call, ours) in names {
        let error = errors.iter().find(|e| e.contains(call)).unwrap_or(&"");
        assert!(error.contains(&format!("help: `{ours}`")), "{call}: {error}\n--\n{said}");
    }
}

#[test]
fn what_a_setting_returns_is_missed() {
    check(
        "unused",
        &[
            ("plan.seed(1);", "unused return value of `nascent::Study::seed` that must be used"),
            ("plan.save_csv(\"nofolder/x.csv\");", "unused `Result` that must be used"),
            ("space.then(linear(8));", "unused `nascent::Space` that must be used"),
            ("linear(8).norm(true);", "unused `Block` that must be used"),
            ("Evolution::regularized().population(5);", "unused `nascent::Evolution`"),
            ("space.drawing();", "unused `Chart` that must be used"),
            ("let _ = plan.quiet().run();", ""),
        ],
    );
}
