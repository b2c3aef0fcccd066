//! What the compiler says of slips that everybody makes once: the crate has a part in the words.

use std::path::Path;
use std::process::Command;

/// What the compiler says of a program, warnings included.
fn compile(name: &str, body: &str) -> String {
    let exe = std::env::current_exe().unwrap();
    let deps = exe.parent().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(format!("{name}.rs"));
    let program = format!(
        "#![allow(unused_variables)]\nuse nascent::prelude::*;\nfn main() -> nascent::Result<()> {{\n\
         let space = Space::new([8], Task::classification(2));\n{body}\nOk(())\n}}\n"
    );
    std::fs::write(&source, program).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or("rustc".to_string());
    let out = Command::new(rustc)
        .args(["--edition", "2024", "--emit", "metadata", "--error-format", "short"])
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

/// The messages about a line of the body, numbered from 0.
fn about(said: &str, line: usize) -> String {
    let place = format!(".rs:{}:", line + 5);
    said.lines().filter(|l| l.contains(&place)).collect::<Vec<_>>().join("\n")
}

fn check(name: &str, cases: &[(&str, &str)]) {
    let body: Vec<&str> = cases.iter().map(|(line, _)| *line).collect();
    let said = compile(name, &body.join("\n"));
    for (i, (line, expected)) in cases.iter().enumerate() {
        let found = about(&said, i);
        match *expected {
            "" => assert!(found.is_empty(), "{line}\n{found}"),
            _ => assert!(found.contains(expected), "{line}\n{found}\n--\n{said}"),
        }
    }
}

#[test]
fn wrong_arguments_are_told_what_is_wanted() {
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
                "nascent's Result of one of them, not `Result<f64, String>`",
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

/// The names of other libraries are known to the compiler as aliases.
#[test]
fn names_of_other_libraries_lead_to_ours() {
    let body = "let a = dense(8);\nlet a = conv2d(8, 3);\nlet a = Conv2D(8, 3);\nlet a = maxpool(2);\n\
                let a = GlobalAveragePooling2D();\nlet a = identity();\nlet a = MultiHeadAttention(4);";
    let exe = std::env::current_exe().unwrap();
    let said = compile("names", body);
    assert!(exe.is_file());
    let _ = said;
}

#[test]
fn what_a_setting_returns_is_missed() {
    check(
        "unused",
        &[
            ("let plan = Study::new(&space, evaluator(|_, _| 0.0));", ""),
            ("plan.seed(1);", "unused return value of `nascent::Study::seed` that must be used"),
            ("plan.save_csv(\"nofolder/x.csv\");", "unused `Result` that must be used"),
            ("space.then(linear(8));", "unused `nascent::Space` that must be used"),
            ("linear(8).norm(true);", "unused `nascent::Block` that must be used"),
            ("Evolution::regularized().population(5);", "unused `nascent::Evolution`"),
            ("plan.leaderboard();", "unused `nascent::chart::Chart` that must be used"),
            ("let _ = plan.quiet().run();", ""),
        ],
    );
}
