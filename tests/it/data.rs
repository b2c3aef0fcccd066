//! Data from outside: the embedded sets, every reader with good and with damaged files, splits,
//! folds and augmentation.

use crate::help::{Folder, labels, outside, says};
use flate2::{Compression, write::GzEncoder};
use nascent::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(vec![], Compression::fast());
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap()
}

fn floats(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

/// The score of a small training, which must run on the data as they are.
fn learns(data: &Dataset, block: Block, epochs: usize) -> f64 {
    let space = Space::on(data).then(block);
    let train = Train::on(data).epochs(epochs);
    let budget = Budget::new(epochs, epochs, 1);
    train.evaluate(&space.default_architecture().unwrap(), &budget).unwrap().score()
}

// ---- embedded ----

#[test]
fn the_embedded_sets_are_complete_and_can_be_learned() {
    let begun = std::time::Instant::now();
    let sets = [Dataset::mnist1d(), Dataset::names(), Dataset::names_text(), Dataset::digits()];
    println!("all embedded sets in {:?}", begun.elapsed());
    assert!(begun.elapsed().as_secs_f64() < 0.5);
    let names = &sets[1];
    for split in [Split::Train, Split::Validation, Split::Test] {
        let y = labels(names, split);
        let male = y.iter().sum::<u32>() as f64 / y.len() as f64;
        assert!((male - 1146.0 / 5160.0).abs() < 0.002, "{split:?} {male}");
    }
    let mut of = std::collections::HashMap::new();
    for split in [Split::TrainValidation, Split::Test] {
        let x = names.tensors(split).unwrap().0.to_vec2::<u32>().unwrap();
        of.extend(x.iter().map(|t| names.decode(t).unwrap()).zip(labels(names, split)));
    }
    assert_eq!((of.get("james"), of.get("mary"), of.len()), (Some(&1), Some(&0), 5160));

    // A small MLP on the signals is well above chance, and so is a letter after a letter.
    assert!(learns(&sets[0], seq([flatten(), linear(64)]), 4) > 0.3);
    assert!(learns(&sets[2], embedding(16), 8) < 20.0);
}

#[test]
fn a_text_is_told_apart_from_its_symbols() {
    let text = Dataset::names_text();
    let (x, y) = text.tensors(Split::Test).unwrap();
    let (x, y) = (x.to_vec2::<u32>().unwrap(), y.to_vec2::<u32>().unwrap());
    assert_eq!(x[0][1..], y[0][..31], "the target is what follows");
    let words = text.decode(&x[0]).unwrap();
    assert!(words.contains('\n') && words.len() == 32, "{words}");
    assert_eq!(text.encode(&words).unwrap(), x[0]);
    says(text.decode([27]), &["27", "0 to 26", "names text"]);
    says(text.encode("Anna"), &["'A'", "symbols()"]);
    says(Dataset::digits().decode([1]), &["not made of text"]);
}

// ---- IDX ----

fn idx(kind: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, kind, dims.len() as u8];
    dims.iter().for_each(|d| out.extend(d.to_be_bytes()));
    out.extend(values);
    out
}

#[test]
fn idx_pairs_and_folders() {
    let folder = Folder::new("idx");
    let pixels: Vec<u8> = (0..60).map(|i| (i * 4) as u8).collect();
    let images = folder.write("i", idx(8, &[10, 2, 3], &pixels));
    let classes = folder.write("l", gzip(&idx(8, &[10], &[0, 1, 2, 0, 1, 2, 0, 1, 2, 0])));
    let data = Dataset::from_idx(&images, &classes).unwrap();
    assert_eq!((data.shape().dims(), data.sizes()), (vec![1, 2, 3], (6, 2, 2)));
    assert_eq!(data.task(), Task::classification(3));
    let mut all: Vec<f32> = [Split::Train, Split::Validation, Split::Test]
        .iter()
        .flat_map(|s| floats(&data.tensors(*s).unwrap().0))
        .collect();
    all.sort_unstable_by(f32::total_cmp);
    let wanted: Vec<f32> = pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
    assert_eq!(all, wanted);

    says(Dataset::idx(&folder.0), &["train-images-idx3-ubyte", "dataset-fashion-mnist"]);
    folder.write("train-images-idx3-ubyte.gz", gzip(&idx(8, &[10, 2, 3], &pixels)));
    folder.write("train-labels-idx1-ubyte", idx(8, &[10], &[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]));
    says(Dataset::idx(&folder.0), &["t10k-images"]);
    let test = folder.write("t10k-images.idx3-ubyte", idx(8, &[2, 2, 3], &pixels[..12]));
    folder.write("t10k-labels-idx1-ubyte", idx(8, &[2], &[3, 0]));
    let data = Dataset::idx(&folder.0).unwrap();
    assert_eq!((data.sizes(), data.task()), ((8, 2, 2), Task::classification(4)));
    assert_eq!(labels(&data, Split::Test), [3, 0]);
    let (x, _) = data.tensors(Split::Test).unwrap();
    assert_eq!(floats(&x)[11], 44.0 / 255.0);
    std::fs::write(test, idx(8, &[2, 3, 2], &pixels[..12])).unwrap();
    says(Dataset::idx(&folder.0), &["1x3x2", "1x2x3"]);
}

#[test]
fn idx_files_that_lie() {
    let folder = Folder::new("idx-bad");
    let good = folder.write("labels", idx(8, &[6], &[0, 1, 0, 1, 0, 1]));
    let of = |bytes: Vec<u8>| Dataset::from_idx(folder.write("images", bytes), &good);
    assert!(of(idx(8, &[6, 1, 1], &[0; 6])).is_ok());
    says(of(vec![]), &["not an IDX file"]);
    says(of(b"PNG!".to_vec()), &["50, 4e, 47"]);
    says(of(vec![0, 0, 8, 200, 0]), &["cut short"]);
    says(of(idx(0x0d, &[6, 1, 1], &[0; 24])), &["0x0d"]);
    // More than there is, by a little, by a lot, and by more than a number can hold.
    says(of(idx(8, &[6, 1, 2], &[0; 6])), &["[6, 1, 2]", "6 values"]);
    says(of(idx(8, &[u32::MAX, 28, 28], &[0; 6])), &["6 values"]);
    says(of(idx(8, &[u32::MAX; 9], &[0; 6])), &["6 values"]);
    says(of(idx(8, &[], &[])), &["[]"]);
    says(of(idx(8, &[6], &[0; 6])), &["not images"]);
    says(of(idx(8, &[5, 1, 1], &[0; 5])), &["[6] labels for 5 images"]);
    says(of(idx(8, &[6, 0, 1], &[])), &["not images"]);
    let one = folder.write("labels", idx(8, &[6], &[0; 6]));
    says(
        Dataset::from_idx(folder.write("i", idx(8, &[6, 1, 1], &[0; 6])), one),
        &["one class, \"0\"", "at least two classes"],
    );
    says(Dataset::from_idx("nowhere", &good), &["no such file", "Debian"]);
    says(Dataset::from_idx(&folder.0, &good), &["folder"]);
}

/// The true set: Debian's package dataset-fashion-mnist, or the folder in NASCENT_FASHION_MNIST.
#[test]
fn fashion_mnist_where_it_is() {
    let folder = std::env::var("NASCENT_FASHION_MNIST")
        .unwrap_or_else(|_| "/usr/share/datasets/fashion-mnist".into());
    if !Path::new(&folder).is_dir() {
        println!("skipped: {folder} is not there (apt install dataset-fashion-mnist)");
        return;
    }
    let begun = std::time::Instant::now();
    let data = Dataset::idx(&folder).unwrap();
    println!("{data} in {:?}", begun.elapsed());
    assert_eq!((data.sizes(), data.shape().dims()), ((48_000, 12_000, 10_000), vec![1, 28, 28]));
    assert_eq!(labels(&data, Split::Test)[..5], [9, 2, 1, 1, 6]);
    let y = labels(&data, Split::Validation);
    assert!((0..10).all(|c| y.iter().filter(|&&v| v == c).count() == 1200));
    let begun = std::time::Instant::now();
    let small = data.take(7000).standardised().unwrap();
    println!("standardised in {:?}", begun.elapsed());
    let score = learns(&small, seq([flatten(), linear(64)]), 3);
    println!("accuracy of an MLP on a tenth, 3 epochs: {score}");
    assert!(score > 0.75, "{score}");
}

// ---- CIFAR ----

fn records(n: usize, labels: &[u8]) -> Vec<u8> {
    let one = |i: usize| [labels, &vec![(i % 256) as u8; 3072]].concat();
    (0..n).flat_map(one).collect()
}

#[test]
fn cifar_in_binary() {
    let folder = Folder::new("cifar");
    says(Dataset::cifar10(&folder.0), &["data_batch_1.bin", "cs.toronto.edu"]);
    for batch in 1..=5 {
        let name = format!("cifar-10-batches-bin/data_batch_{batch}.bin");
        folder.write(&name, records(4, &[batch]));
    }
    says(Dataset::cifar10(&folder.0), &["test_batch.bin"]);
    folder.write("cifar-10-batches-bin/test_batch.bin.gz", gzip(&records(3, &[9])));
    let data = Dataset::cifar10(&folder.0).unwrap();
    assert_eq!((data.sizes(), data.shape().dims()), ((16, 4, 3), vec![3, 32, 32]));
    assert_eq!((labels(&data, Split::Test), data.classes()[9].as_str()), (vec![9; 3], "9"));
    let words = "airplane automobile bird cat deer dog frog horse ship truck";
    folder.write("cifar-10-batches-bin/batches.meta.txt", words.replace(' ', "\n") + "\n\n");
    let inside = folder.0.join("cifar-10-batches-bin");
    assert_eq!(Dataset::cifar10(&inside).unwrap().classes()[9], "truck");
    let (x, _) = data.tensors(Split::Test).unwrap();
    assert_eq!(floats(&x)[3072..3074], [1.0 / 255.0; 2]);

    folder.write("train.bin", records(10, &[19, 99]));
    folder.write("test.bin", records(2, &[3, 42]));
    let data = Dataset::cifar100(&folder.0).unwrap();
    assert_eq!((data.sizes(), data.task()), ((8, 2, 2), Task::classification(100)));
    assert_eq!(labels(&data, Split::Test), [42, 42], "the fine classes");
    let file = folder.0.join("train.bin");
    assert_eq!(Dataset::cifar100(&file).unwrap().sizes(), (6, 2, 2));

    let cut = folder.write("cut.bin", &records(2, &[1])[1..]);
    says(Dataset::cifar10(&cut), &["6145 bytes", "3073"]);
    says(Dataset::cifar10(folder.write("empty.bin", [])), &["0 bytes"]);
    says(Dataset::cifar10(folder.write("class.bin", records(2, &[10]))), &["record 0", "class 10"]);
    says(Dataset::cifar10(folder.write("cut.bin.gz", &gzip(&[0; 99])[..9])), &["damaged"]);
}

// ---- tables ----

#[test]
fn tables_with_words_and_numbers() {
    let folder = Folder::new("csv");
    let mut text = "height;kind;\"width, in cm\";price\r\n".to_string();
    for i in 0..50 {
        let kind = ["oak", "ash", "elm"][i % 3];
        text += &format!("{i};{kind};\"{}\";{}\r\n", i * 2, i as f64 / 10.0);
    }
    let path = folder.write("trees.csv.gz", gzip(text.as_bytes()));
    let data = Dataset::csv(&path, "kind", Task::classification(3)).unwrap();
    assert_eq!(
        (data.name(), data.classes()),
        ("trees".into(), ["ash", "elm", "oak"].map(String::from).to_vec())
    );
    assert_eq!((data.shape().dims(), data.len()), (vec![3], 50));
    let (x, y) = data.tensors(Split::Train).unwrap();
    let (x, y) = (x.to_vec2::<f32>().unwrap(), y.to_vec1::<u32>().unwrap());
    for (row, class) in x.iter().zip(y) {
        assert_eq!((row[1], row[2]), (2.0 * row[0], row[0] / 10.0));
        assert_eq!(class, [2, 0, 1][row[0] as usize % 3]);
    }
    says(Dataset::csv(&path, "price", Task::regression(1)), &["line 2", "\"kind\"", "\"oak\""]);
    says(Dataset::csv(&path, "age", Task::regression(1)), &["\"age\"", "\"price\""]);
    says(Dataset::csv("nowhere.csv", "a", Task::regression(1)), &["no such file", "header"]);
    let latin = folder.write("latin.csv", b"a,b\n1,2\n3,\xe9\n");
    says(Dataset::csv(latin, "b", Task::regression(1)), &["line 3", "UTF-8"]);
    let marked = folder.write("bom.csv", "\u{feff}a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n");
    assert_eq!(Dataset::csv(marked, "a", Task::regression(1)).unwrap().len(), 5);
}

/// 60 rows of two numbers and one of three words, with whatever surrounds them.
fn numbers_and_words(head: &str, row: impl Fn(usize, f64, f64, &str) -> String) -> String {
    let kinds = ["oak", "ash", "elm"];
    let one = |i: usize| row(i, i as f64 + 0.25, 1000.5 - 2.0 * i as f64, kinds[i * 7 % 3]);
    head.to_string() + &(0..60).map(one).collect::<String>()
}

fn plain_trees() -> String {
    numbers_and_words("a,b,kind\n", |_, a, b, k| format!("{a},{b},{k}\n"))
}

fn trees(path: impl AsRef<Path>) -> Result<Dataset> {
    Dataset::csv(path, "kind", Task::classification(3))
}

#[test]
fn one_table_in_every_way_to_write_it() {
    let folder = Folder::new("spelled");
    let text = plain_trees();
    let wanted = trees(folder.write("t.csv", &text)).unwrap().fingerprint();
    let wide = |order: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(order).collect()
    };
    let comma = |v: f64| v.to_string().replace('.', ",");
    let comma_rows = |s: char| {
        numbers_and_words(&format!("a{s}b{s}kind\n"), |_, a, b, k| {
            format!("{}{s}{}{s}{k}\n", comma(a), comma(b))
        })
    };
    // 1.000,5 and 1,000.5: the marks of thousands too.
    let grouped = |v: f64, group: &str, decimal: &str| {
        let text = v.to_string();
        let (whole, rest) = text.split_once('.').unwrap_or((&text, "0"));
        match whole.len() {
            4 => format!("{}{group}{}{decimal}{rest}", &whole[..1], &whole[1..]),
            _ => format!("{whole}{decimal}{rest}"),
        }
    };
    let grouped_rows = |head: &str, s: &str, quote: &str, group: &str, decimal: &str| {
        numbers_and_words(head, |_, a, b, k| {
            let [a, b] = [a, b].map(|v| format!("{quote}{}{quote}", grouped(v, group, decimal)));
            format!("{a}{s}{b}{s}{k}\n")
        })
    };
    let variants: Vec<(&str, Vec<u8>)> = vec![
        ("carriage returns", text.replace('\n', "\r").into_bytes()),
        ("both", text.replace('\n', "\r\n").into_bytes()),
        ("a mark in front", format!("\u{feff}{text}").into_bytes()),
        ("16 bits", wide(u16::to_le_bytes, "\u{feff}")),
        ("16 bits, the other way", wide(u16::to_be_bytes, "\u{feff}")),
        ("16 bits, no mark", wide(u16::to_le_bytes, "")),
        ("semicolons and decimal commas", comma_rows(';').into_bytes()),
        ("tabs and decimal commas", comma_rows('\t').into_bytes()),
        ("a line that says so", format!("sep=;\n{}", comma_rows(';')).into_bytes()),
        ("thousands", grouped_rows("a;b;kind\n", ";", "", ".", ",").into_bytes()),
        ("thousands in quotes", grouped_rows("a,b,kind\n", ",", "\"", ",", ".").into_bytes()),
        ("thousands with spaces", grouped_rows("a;b;kind\n", ";", "", " ", ",").into_bytes()),
        ("packed", gzip(text.as_bytes())),
        (
            "line feeds in quotes",
            text.replace("a,b,kind", "a,b,\"kind\"").replace("oak", "\"oak\"").into_bytes(),
        ),
        (
            "an index",
            numbers_and_words(",a,b,kind\n", |i, a, b, k| format!("{i},{a},{b},{k}\n"))
                .into_bytes(),
        ),
    ];
    for (what, bytes) in variants {
        let data = trees(folder.write("t.csv", bytes)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(data.fingerprint(), wanted, "{what}");
        assert_eq!(
            data.to_string().contains("decimal comma"),
            what.contains("commas")
                || what == "thousands"
                || what.ends_with("spaces")
                || what.ends_with("says so"),
            "{what}: {data}"
        );
    }
    // A name and a field that go over two lines.
    let text = "a,\"b\nc\"\n1,\"x\ny\"\n2,z\n3,z\n4,z\n5,\"x\ny\"\n";
    let data = Dataset::csv(folder.write("t.csv", text), "b\nc", Task::classification(2)).unwrap();
    assert_eq!(data.classes(), ["x\ny", "z"]);
}

#[test]
fn numbers_that_leave_a_doubt_are_refused_and_the_advice_helps() {
    let folder = Folder::new("doubt");
    let of = |text: &str| Dataset::csv(folder.write("t.csv", text), "y", Task::regression(1));
    let rows = |numbers: &[&str]| {
        let row = |n: &&str| format!("\"{n}\",1\n");
        format!("x,y\n{}", numbers.iter().map(row).collect::<String>())
    };
    let doubt = rows(&["999", "1,000", "1,250", "2,000", "3,125"]);
    says(of(&doubt), &["column \"x\"", "\"1,000\" may be 1000 or 1", "nothing between thousands"]);
    assert!(
        of(&doubt.replace("\"1,", "\"1").replace("2,000", "2000").replace("3,125", "3125")).is_ok()
    );
    says(of(&rows(&["1,5", "2.5", "3", "4", "5"])), &["\"2.5\" and \"1,5\"", "decimal point"]);
    says(of("x,y\n1,5,2\n"), &["line 2 has 3 fields", "Quote", "decimal comma"]);
    assert!(of("x,y\n\"1,5\",2\n\"2,5\",2\n3,1\n4,1\n5,1\n").is_ok());
    let large = rows(&["1e99", "2", "3", "4", "5"]);
    says(of(&large), &["line 2", "\"1e99\" is larger", "Divide the column by 1e99"]);
    assert!(of(&rows(&["1", "2e-99", "3e-99", "4e-99", "5e-99"])).is_ok());
    says(of(&rows(&["inf", "2", "3", "4", "5"])), &["\"inf\" is not a finite number"]);
    for missing in
        ["", "NA", "N/A", "nan", "-nan", "NULL", "None", "?", "-", ".", "#N/A", "<NA>", "#DIV/0!"]
    {
        let text = rows(&["1", missing, "3", "4", "5", "6"]);
        says(of(&text), &["line 3", "the value is missing", "Fill it, or drop the row"]);
        assert!(of(&text.replace(&format!("\"{missing}\",1\n"), "")).is_ok(), "{missing}");
    }
    says(of(""), &["the file is empty"]);
    says(of("x,y\n"), &["no row below the header"]);
    says(of("x,x,y\n1,2,3\n"), &["two columns are called \"x\". Rename one"]);
    // Row names without a name, as R writes them.
    let named = "x,y\na,1,2\nb,2,3\nc,3,4\nd,4,5\ne,5,6\n";
    says(of(named), &["line 2 has 3 fields", "numbers or names the rows, give it a name"]);
    assert_eq!(of(&named.replace("x,y", "id,x,y")).unwrap().shape().dims(), [1]);
    // Not a table at all.
    says(of("PK\u{3}\u{4}..."), &["spreadsheet", "Save its sheet as CSV"]);
}

#[test]
fn a_header_may_hold_numbers_and_a_missing_one_is_noticed() {
    let folder = Folder::new("header");
    let row = |i: usize| format!("{i},{},{},{}\n", i * 2, i * i, ["x", "y"][i % 2]);
    let rows: String = (3..11).map(row).collect();
    for name in ["Inf", "2019", "200", "1.5", "nan", "infinity"] {
        let path = folder.write("t.csv", format!("size,{name},weight,kind\n{rows}"));
        let data = Dataset::csv(&path, "kind", Task::classification(2)).unwrap();
        assert_eq!((data.len(), data.shape().dims()), (8, vec![3]), "{name}");
        assert!(
            Dataset::csv(&path, name, Task::regression(1))
                .unwrap_err()
                .to_string()
                .contains("\"x\"")
                || Dataset::csv(&path, name, Task::regression(1))
                    .unwrap_err()
                    .to_string()
                    .contains("\"y\"")
        );
    }
    let years = folder.write("t.csv", format!("2017,2018,2019,kind\n{rows}"));
    assert_eq!(Dataset::csv(years, "kind", Task::classification(2)).unwrap().len(), 8);
    let none = folder.write("t.csv", &rows);
    says(
        Dataset::csv(&none, "kind", Task::classification(2)),
        &["no column \"kind\"", "Add a header if the file has none"],
    );
    let added = folder.write("t.csv", format!("a,b,c,kind\n{rows}"));
    assert_eq!(Dataset::csv(&added, "kind", Task::classification(2)).unwrap().len(), 8);
    // The nearest name first, and it is one that works.
    let said = Dataset::csv(&added, "Kinds", Task::classification(2)).unwrap_err().to_string();
    assert!(said.contains("no column \"Kinds\". Try \"kind\", or one of"), "{said}");
    says(
        Dataset::csv(folder.write("t.csv", "5,5,x\n6,7,y\n"), "kind", Task::classification(2)),
        &["the number 5 twice", "Add a header"],
    );
    says(
        Dataset::csv(folder.write("t.csv", "a b y\n1 2 3\n"), "y", Task::regression(1)),
        &["separated by"],
    );
}

#[test]
fn a_column_that_numbers_the_rows_is_left_out() {
    let folder = Folder::new("index");
    // Sorted by class: the index would give it away.
    let with = |name: &str, value: &dyn Fn(usize) -> String| {
        let row = |i: usize| format!("{},{},{}\n", value(i), (i * 7) % 11, ["x", "y"][i / 20]);
        let text = format!("{name},size,kind\n{}", (0..40).map(row).collect::<String>());
        Dataset::csv(folder.write("t.csv", text), "kind", Task::classification(2)).unwrap()
    };
    let counted = |i: usize| i.to_string();
    for name in ["", "Unnamed: 0", "id", "ID", "index", "patient_id", "PassengerId"] {
        let data = with(name, &counted);
        assert_eq!(data.shape().dims(), [1], "{name}");
        let shown = if name.is_empty() {
            "column 1, which has no name".into()
        } else {
            format!("{name:?}")
        };
        let card = data.to_string();
        assert!(
            card.contains(&format!("left out: {shown}")) && card.contains("numbers the rows"),
            "{card}"
        );
        assert!(show(&data).html().contains("left out"));
    }
    for (name, value) in [
        ("id", &(|i: usize| format!("{}", 90_000usize - 37 * i)) as &dyn Fn(usize) -> String),
        ("id", &|i| format!("P-{i:04}")),
        ("", &|i| (i % 20).to_string()),
    ] {
        assert_eq!(with(name, value).shape().dims(), [1], "{name}");
    }
    // What is not an index: values that recur or are measured, or another name, as the card says.
    assert_eq!(with("id", &|i| (i / 2).to_string()).shape().dims(), [2]);
    assert_eq!(with("index", &|i| format!("{}", 1.5 + i as f64 / 8.0)).shape().dims(), [2]);
    let kept = with("row number", &counted);
    assert_eq!(kept.shape().dims(), [2]);
    assert!(kept.to_string().contains("\"row number\" counts the rows"), "{kept}");
    // The only feature stays.
    let text: String = (0..10).map(|i| format!("{i},{}\n", 2 * i)).collect();
    let path = folder.write("t.csv", format!("index,y\n{text}"));
    assert_eq!(Dataset::csv(path, "y", Task::regression(1)).unwrap().shape().dims(), [1]);
    // An empty column, after the last separator.
    let text: String = (0..10).map(|i| format!("{i},{},\n", 2 * i)).collect();
    let path = folder.write("t.csv", format!("x,y,\n{text}"));
    assert_eq!(Dataset::csv(path, "y", Task::regression(1)).unwrap().shape().dims(), [1]);
}

#[test]
fn large_numbers_close_together_stay_apart() {
    let folder = Folder::new("times");
    // Milliseconds, nanoseconds, and customer numbers, each one step apart.
    let column =
        |at: i128, step: i128| move |i: usize| (at + step * (i as i128 * 7 % 60)).to_string();
    let columns: [Box<dyn Fn(usize) -> String>; 4] = [
        Box::new(column(1_700_000_000_000, 1000)),
        Box::new(column(1_700_000_000_000_000_001, 1)),
        Box::new(column(20_000_001, 1)),
        Box::new(|i| format!("{}e-50", i + 1)),
    ];
    let row = |i: usize| {
        let cells: Vec<String> = columns.iter().map(|c| c(i)).collect();
        format!("{},7.25,{}\n", cells.join(","), 1_700_000_000_000i64 + 1000 * i as i64)
    };
    let text = format!("ms,ns,number,small,same,when\n{}", (0..60).map(row).collect::<String>());
    let path = folder.write("t.csv", text);
    let data = Dataset::csv(&path, "when", Task::regression(1)).unwrap();
    let card = data.to_string();
    for part in [
        "\"ms\": 17000000",
        "\"ns\": ",
        "\"number\": 2000003",
        "\"small\"",
        "target \"when\": 17000000",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(!card.contains("cannot be told apart") && !card.contains("\"same\""), "{card}");
    let all = |data: &Dataset| {
        let parts = [Split::TrainValidation, Split::Test].map(|s| data.tensors(s).unwrap());
        let x = parts.iter().flat_map(|(x, _)| x.to_vec2::<f32>().unwrap()).collect::<Vec<_>>();
        (x, parts.iter().flat_map(|(_, y)| floats(y)).collect::<Vec<f32>>())
    };
    let scaled = data.standardised().unwrap();
    for data in [&data, &scaled] {
        let (x, y) = all(data);
        let different = |mut list: Vec<f32>| {
            list.sort_unstable_by(f32::total_cmp);
            list.dedup();
            list.len()
        };
        assert_eq!(different(y.clone()), 60);
        for c in 0..4 {
            assert_eq!(different(x.iter().map(|row| row[c]).collect()), 60, "column {c}");
        }
        assert_eq!(different(x.iter().map(|row| row[4]).collect()), 1);
    }
    assert_eq!(
        all(&data)
            .1
            .iter()
            .map(|&y| f64::from(y) + data.target_shift()[0])
            .fold(f64::MAX, f64::min),
        1.7e12
    );
    // Mean 0 and deviation 1 on the training split, in the order of the file.
    let (x, y) = scaled.tensors(Split::Train).unwrap();
    let (x, y) = (x.to_vec2::<f32>().unwrap(), floats(&y));
    for c in 0..4 {
        let mean = x.iter().map(|r| r[c]).sum::<f32>() / x.len() as f32;
        let square = x.iter().map(|r| (r[c] - mean).powi(2)).sum::<f32>() / (x.len() - 1) as f32;
        assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-3, "column {c}: {mean} {square}");
    }
    // The smallest numbers grow with the row, and so do the targets.
    let by = |a: usize, b: usize| (x[a][3] < x[b][3]) == (y[a] < y[b]);
    assert!((1..x.len()).all(|i| by(i - 1, i)));
    // A test file is moved as the training file was, wherever its own middle is.
    let tested = data.with_test_csv(&path, "when").unwrap();
    let again = data.with_test_of(&data).unwrap();
    let later = folder.write("later.csv", format!("ms,ns,number,small,same,when\n{}", row(59)));
    let (one, y) = data.with_test_csv(&later, "when").unwrap().tensors(Split::Test).unwrap();
    let last = all(&tested).0.last().unwrap().clone();
    assert_eq!(
        (floats(&one), f64::from(floats(&y)[0]) + data.target_shift()[0]),
        (last, 1.7e12 + 59_000.0)
    );
    assert_eq!(all(&tested), all(&again));
    // What nothing can keep apart is reported.
    let two = |i: usize| format!("{},{}\n", (i % 2) as f64 * 1.7e12 + i as f64, i);
    let path = folder.write("t.csv", format!("x,y\n{}", (0..60).map(two).collect::<String>()));
    let data = Dataset::csv(&path, "y", Task::regression(1)).unwrap();
    assert!(data.to_string().contains("\"x\": its 60 different values become 31"), "{data}");
    // A value far away: the others can be told apart as they are, but not when one deviation is the unit.
    let far = |i: usize| format!("{},{}\n", if i % 20 == 3 { 0.0 } else { 1.7e12 + i as f64 }, i);
    let path = folder.write("t.csv", format!("x,y\n{}", (0..60).map(far).collect::<String>()));
    let data = Dataset::csv(&path, "y", Task::regression(1)).unwrap();
    assert!(!data.to_string().contains("cannot be told apart"), "{data}");
    let scaled = data.standardised().unwrap().to_string();
    assert!(scaled.contains("standardised \"x\": its 58 different values become"), "{scaled}");
}

#[test]
fn arrays_of_64_bits_and_small_units() {
    let time: Vec<f64> = (0..50).map(|i| 1.7e12 + 1000.0 * f64::from(i)).collect();
    let labels: Vec<u32> = (0..50).map(|i| i % 2).collect();
    let data = Dataset::classification("clock", time.clone(), [1], labels.clone(), 2).unwrap();
    assert!(data.to_string().contains("feature 0: 1700000025000 is subtracted"), "{data}");
    let x = floats(&data.standardised().unwrap().tensors(Split::Train).unwrap().0);
    assert!(x.windows(2).all(|w| w[0] < w[1]) && x[0] < -1.5, "{x:?}");
    let both = Dataset::regression("clock", time.clone(), [1], time, 1).unwrap();
    assert_eq!(both.target_shift(), [1_700_000_025_000.0]);
    says(
        Dataset::regression("large", vec![1e50; 10], [1], vec![0.0; 10], 1),
        &["value 0 is 1e50", "Divide all by 1e50"],
    );
    // A column of trillionths of a unit is not constant; one that varies only by rounding is.
    let scaled = |x: Vec<f32>| {
        let data = Dataset::classification("d", x, [1], labels.clone(), 2).unwrap();
        floats(&data.standardised().unwrap().tensors(Split::Train).unwrap().0)
    };
    let tiny = scaled((0..50).map(|i| 1e-20 * i as f32).collect());
    assert!(tiny[0] < -1.5, "{tiny:?}");
    let noise = scaled((0..50).map(|i| if i % 3 == 0 { 0.3 } else { 0.300_000_03 }).collect());
    let large = scaled(vec![123_456_790.0; 50]);
    assert!(noise.iter().chain(&large).all(|v| v.abs() < 1e-6), "{noise:?}");
    // Whole numbers one apart are different, however large.
    let whole = scaled((0..50).map(|i| 16_000_000.0 + i as f32).collect());
    assert!(whole[0] < -1.5, "{whole:?}");
}

#[test]
fn labels_are_numbers_however_they_are_written() {
    let folder = Folder::new("labels");
    let of = |labels: &[&str], classes: usize| {
        let row = |i: usize| format!("{},{}\n", i * i % 17, labels[i % labels.len()]);
        let text = format!("x,y\n{}", (0..30).map(row).collect::<String>());
        Dataset::csv(folder.write("t.csv", text), "y", Task::classification(classes))
    };
    let classes = |labels: &[&str], n: usize| of(labels, n).unwrap().classes();
    assert_eq!(classes(&["0.0", "1.0"], 2), ["0", "1"]);
    assert_eq!(classes(&["10.0", "9.0", "2.0"], 3), ["2", "9", "10"]);
    assert_eq!(classes(&["-1", "1"], 2), ["-1", "1"]);
    assert_eq!(classes(&["-2", "-10", "3"], 3), ["-10", "-2", "3"]);
    assert_eq!(classes(&["0.5", "10.5", "2.5"], 3), ["0.5", "2.5", "10.5"]);
    assert_eq!(classes(&["20000001", "20000002", "20000003"], 3)[2], "20000003");
    assert_eq!(classes(&["9007199254740993", "9007199254740992"], 2)[0], "9007199254740992");
    let mixed = of(&["5", "5.0", "05", "7"], 2).unwrap();
    assert_eq!(mixed.classes(), ["5", "7"]);
    assert!(mixed.to_string().contains("\"5\" and \"5.0\" are the same number"), "{mixed}");
    assert_eq!(classes(&["01", "02"], 2), ["01", "02"]);
    for missing in ["", "NaN", "<NA>", "#N/A", "?"] {
        says(of(&["a", "b", missing], 2), &["line 4", "the label is missing", "Drop the row"]);
    }
    let unsure = of(&["NA", "EU"], 2).unwrap();
    assert!(unsure.to_string().contains("\"NA\" is taken for a class"), "{unsure}");
    // Advice that can be followed.
    says(of(&["a", "b", "c"], 2), &["3 found: a, b, c. Try Task::classification(3)"]);
    says(of(&["a", "b"], 3), &["2 found: a, b. Try Task::classification(2)", "with_test_csv"]);
    for n in [1, 2, 3] {
        says(of(&["a"], n), &["all rows have the same: a", "another target column"]);
    }
    let text: String = (0..60).map(|i| format!("{i},{}\n", 0.1 + f64::from(i))).collect();
    let path = folder.write("t.csv", format!("x,y\n{text}"));
    says(
        Dataset::csv(&path, "y", Task::classification(2)),
        &["60 different numbers", "Task::regression(1)"],
    );
    assert!(Dataset::csv(&path, "y", Task::regression(1)).is_ok());
    assert!(Dataset::csv(&path, "y", Task::classification(60)).is_ok());
}

#[test]
fn a_test_file_with_other_classes_and_columns() {
    let folder = Folder::new("tested");
    let data = trees(folder.write("train.csv", plain_trees())).unwrap();
    let test = |text: &str| data.with_test_csv(folder.write("test.csv", text), "kind");
    // One class, few rows, another order, one more column.
    let tested = test("kind,extra,b,a\noak,x,7,1.5\noak,y,8,2.5\n").unwrap();
    assert_eq!(tested.sizes(), (48, 12, 2));
    assert_eq!((labels(&tested, Split::Test), tested.classes()[2].as_str()), (vec![2, 2], "oak"));
    assert_eq!(floats(&tested.tensors(Split::Test).unwrap().0), [1.5, 7.0, 2.5, 8.0]);
    let space = Space::on(&tested).then(linear(8));
    let train = Train::on(&tested).epochs(1).batch_size(8);
    assert!(train.evaluate(&space.default_architecture().unwrap(), &Budget::new(1, 1, 1)).is_ok());
    // Scaled as the training data are.
    let scaled = data.standardised().unwrap();
    let (one, _) = scaled
        .with_test_csv(folder.0.join("train.csv"), "kind")
        .unwrap()
        .tensors(Split::Test)
        .unwrap();
    let wanted = scaled.with_splits(vec![], vec![], (0..60).collect()).unwrap();
    assert_eq!(floats(&one), floats(&wanted.tensors(Split::Test).unwrap().0));
    says(
        test("a,b,kind\n1,2,fir\n"),
        &["line 2", "\"fir\" is not a class", "ash, elm, oak", "Drop its rows"],
    );
    says(test("a,c,kind\n1,2,oak\n"), &["no column \"b\"", "have it"]);
    says(test("a,b,kind\n"), &["no row below"]);
    says(test("a,b,kind\n1,,oak\n"), &["line 2", "missing"]);
    says(Dataset::digits().with_test_csv("t.csv", "kind"), &["no names", "with_test_of"]);
    // What the errors of the test file alone say leads here.
    let few = folder.write("few.csv", "a,b,kind\n1,2,oak\n2,3,ash\n3,4,oak\n4,5,oak\n5,6,ash\n");
    says(trees(&few), &["2 found: ash, oak", "Task::classification(2)", "data.with_test_csv("]);
    let alone = Dataset::csv(&few, "kind", Task::classification(2)).unwrap();
    assert_eq!(labels(&data.with_test_of(&alone).unwrap(), Split::Test), [2, 0, 2, 2, 0]);
    assert_eq!(labels(&data.with_test_csv(&few, "kind").unwrap(), Split::Test), [2, 0, 2, 2, 0]);
    let short = folder.write("short.csv", "a,b,kind\n1,2,oak\n");
    says(
        trees(&short),
        &["1 row cannot be split", "all rows have the same: oak", "data.with_test_csv("],
    );
    let turned =
        folder.write("turned.csv", "b,a,kind\n1,2,oak\n2,3,ash\n3,4,oak\n4,5,elm\n5,6,ash\n");
    says(
        data.with_test_of(&trees(&turned).unwrap()),
        &["columns are b, a", "with_test_csv(path, target)"],
    );
    assert!(data.with_test_csv(&turned, "kind").is_ok());
    let new = folder.write("new.csv", "a,b,kind\n1,2,oak\n2,3,fir\n3,4,oak\n4,5,elm\n5,6,ash\n");
    let alone = Dataset::csv(&new, "kind", Task::classification(4)).unwrap();
    says(data.with_test_of(&alone), &["\"fir\" is not a class of train"]);
    // Numbers for classes, not all of which are in the test file.
    let text: String = (0..30).map(|i| format!("{i}.5,{}\n", i % 3 + 1)).collect();
    let data =
        Dataset::csv(folder.write("t.csv", format!("x,y\n{text}")), "y", Task::classification(3))
            .unwrap();
    let tested = data.with_test_csv(folder.write("u.csv", "x,y\n1,3.0\n2,1\n"), "y").unwrap();
    assert_eq!(labels(&tested, Split::Test), [2, 0]);
}

/// A pipe that nothing writes to, and a device that never ends: refused at once, by every reader.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_at_once() {
    let folder = Folder::new("pipe");
    let pipe = folder.0.join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let folder_named = folder.0.join("folder.csv");
    std::fs::create_dir(&folder_named).unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let zero = PathBuf::from("/dev/zero");
        let mut said = vec![];
        for path in [pipe, zero] {
            let all = [
                Dataset::csv(&path, "y", Task::regression(1)).err(),
                Dataset::texts_file(&path, "a", "b", 3).err(),
                Dataset::text_file(&path, 3).err(),
                Dataset::digits().with_test_csv(&path, "y").err(),
                Table::read(&path).err(),
                NasBench201::read(&path, "cifar10").err(),
            ];
            said.push(all.map(|e| e.map(|e| e.to_string()).unwrap_or_default()));
        }
        let of_folder =
            Dataset::csv(folder_named, "y", Task::regression(1)).unwrap_err().to_string();
        send.send((said, of_folder)).unwrap();
    });
    let (said, of_folder) = receive.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    for (i, text) in said.iter().flatten().enumerate() {
        assert!(text.contains("a pipe or a device") || i % 6 == 3, "{i}: {text}");
    }
    assert!(of_folder.contains("this is a folder"), "{of_folder}");
}

// ---- sound ----

fn wav(rate: u32, sound: &[f32]) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    out.extend(rate.to_le_bytes());
    out.extend((2 * rate).to_le_bytes());
    out.extend(*b"\x02\0\x10\0data");
    out.extend((2 * sound.len() as u32).to_le_bytes());
    sound.iter().for_each(|v| out.extend(((v * 32767.0) as i16).to_le_bytes()));
    out
}

fn tone(hz: f64, seconds: f64) -> Vec<f32> {
    let angle = |i: usize| 2.0 * std::f64::consts::PI * hz * i as f64 / 8000.0;
    (0..(8000.0 * seconds) as usize).map(|i| (0.5 * angle(i).sin()) as f32).collect()
}

/// The reference was made by these lines of NumPy:
///
/// ```text
/// rate, frame, hop, total, mels = 8000, 200, 80, 8000, 32
/// i = np.arange(3000)
/// x = (0.5 * np.sin(0.05 * i + 2e-5 * i * i)).astype(np.float32).astype(np.float64)
/// x = np.concatenate([x, np.zeros(total - len(x))])
/// w = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
/// frames = np.stack([x[t : t + frame] * w for t in range(0, total - frame + 1, hop)])
/// power = np.abs(np.fft.rfft(frames, 256)) ** 2 / (w**2).sum()
/// mel = lambda f: 2595 * np.log10(1 + f / 700)
/// edges = 700 * (10 ** (np.linspace(0, mel(rate / 2), mels + 2) / 2595) - 1)
/// f = np.fft.rfftfreq(256, 1 / rate)
/// lo, mid, hi = edges[:-2, None], edges[1:-1, None], edges[2:, None]
/// bank = np.clip(np.minimum((f - lo) / (mid - lo), (hi - f) / (hi - mid)), 0, None)
/// s = np.log(1e-6 + power @ bank.T)
/// print(s.shape, s[0, :3], s[20, 10:13], s[36, 29:], s.sum())
/// ```
#[test]
fn log_mel_is_that_of_numpy() {
    let value = |i: f64| (0.5 * (0.05 * i + 2e-5 * i * i).sin()) as f32;
    let sound: Vec<f32> = (0..3000).map(|i| value(f64::from(i))).collect();
    let s = LogMel::new().features(&sound, 8000).unwrap();
    assert_eq!(s.len(), 98 * 32);
    let near = |at: usize, wanted: [f64; 3]| {
        for (ours, theirs) in s[at..at + 3].iter().zip(wanted) {
            assert!((f64::from(*ours) - theirs).abs() < 1e-5, "{at}: {ours} {theirs}");
        }
    };
    near(0, [1.80193306, 2.08157488, 0.19275689]);
    near(20 * 32 + 10, [-13.53327218, -13.61050528, -13.73202551]);
    near(36 * 32 + 29, [-10.94786753, -11.06042933, -11.11752945]);
    let sum: f64 = s.iter().map(|&v| f64::from(v)).sum();
    assert!((sum + 40043.64960892985).abs() < 1e-2, "{sum}");
}

#[test]
fn folders_of_sound() {
    let folder = Folder::new("wav");
    says(Dataset::wav_folder(&folder.0), &["no WAV files", "7_jackson_0.wav"]);
    for i in 0..20 {
        let shift = f64::from(i);
        folder.write(&format!("flat/low_{i}.wav"), wav(8000, &tone(300.0 + shift, 0.4)));
        folder.write(&format!("flat/high_{i}.WAV"), wav(8000, &tone(2000.0 + shift, 0.7)));
        folder.write(&format!("deep/a/{i}.wav"), wav(8000, &tone(300.0 + shift, 0.3)));
        folder.write(&format!("deep/b/{i}.wav"), wav(8000, &tone(900.0 + shift, 0.3)));
    }
    folder.write("flat/notes.txt", "not a sound");
    let flat = Dataset::wav_folder(folder.0.join("flat")).unwrap();
    assert_eq!(
        (flat.classes(), flat.shape().dims()),
        (vec!["high".into(), "low".into()], vec![98, 32])
    );
    assert_eq!(flat.sizes(), (24, 8, 8));
    let short = LogMel::new().seconds(0.3).mels(16);
    let deep = Dataset::wav_folder_with(folder.0.join("deep"), short).unwrap();
    assert_eq!((deep.classes(), deep.shape().dims()), (vec!["a".into(), "b".into()], vec![28, 16]));
    let train = Train::on(&deep.standardised().unwrap()).epochs(10).batch_size(8);
    let space = Space::on(&deep).then(flatten());
    let arch = space.default_architecture().unwrap();
    assert_eq!(train.evaluate(&arch, &Budget::new(10, 10, 1)).unwrap().score(), 1.0);

    says(Dataset::wav_folder_with(folder.0.join("flat"), short.mels(999)), &["8000 Hz", "mels"]);
    let plain = folder.write("deep/c.wav", wav(8000, &tone(1.0, 0.1)));
    says(Dataset::wav_folder(folder.0.join("deep")), &["beside them", "c.wav"]);
    std::fs::remove_file(plain).unwrap();
    folder.write("deep/b/other.wav", wav(16000, &tone(1.0, 0.1)));
    says(Dataset::wav_folder(folder.0.join("deep")), &["16000 Hz", "8000", "other.wav"]);
    folder.write("deep/a/0.wav", &wav(8000, &tone(1.0, 0.1))[..99]);
    says(Dataset::wav_folder(folder.0.join("deep")), &["0.wav", "cut short"]);
    folder.write("flat/nameless.wav", wav(8000, &tone(1.0, 0.1)));
    says(Dataset::wav_folder(folder.0.join("flat")), &["nameless.wav", "class"]);
    let one = folder.write("one/a/1.wav", wav(8000, &tone(1.0, 0.1)));
    says(Dataset::wav_folder(folder.0.join("one")), &["1 file cannot", "one class, \"a\""]);
    says(Dataset::wav_folder(one), &["this is a file"]);
}

/// The folder `recordings` of the Free Spoken Digit Dataset, in NASCENT_SPOKEN_DIGITS.
#[test]
fn spoken_digits_where_they_are() {
    let Ok(folder) = std::env::var("NASCENT_SPOKEN_DIGITS") else {
        println!("skipped: NASCENT_SPOKEN_DIGITS does not name the folder of the recordings");
        return;
    };
    let begun = std::time::Instant::now();
    let data = Dataset::wav_folder_with(folder, LogMel::new().seconds(0.6)).unwrap();
    println!("{data} in {:?}", begun.elapsed());
    assert_eq!((data.len(), data.classes()[9].as_str()), (3000, "9"));
    let score = learns(&data.standardised().unwrap(), seq([flatten(), linear(64)]), 6);
    println!("accuracy of an MLP, 6 epochs: {score}");
    assert!(score > 0.7, "{score}");
}

// ---- texts ----

#[test]
fn texts_and_their_files() {
    let folder = Folder::new("text");
    let table = "lang\tword\nde\tÄpfel\nde\tBirne\nen\tapple\nen\tpear\nen\tpineapple\n";
    let path = folder.write("words.tsv", table);
    let data = Dataset::texts_file(&path, "word", "lang", 6).unwrap();
    assert_eq!((data.name(), data.len()), ("words".into(), 5));
    assert_eq!((data.classes(), data.shape().dims()), (vec!["de".into(), "en".into()], vec![6]));
    assert_eq!(data.decode(data.encode("Äpfel").unwrap()).unwrap(), "Äpfel");
    assert_eq!((data.symbols()[0], data.symbols().last()), ('\0', Some(&'Ä')));
    let all: Vec<String> = [Split::Train, Split::Validation, Split::Test]
        .iter()
        .flat_map(|s| data.tensors(*s).unwrap().0.to_vec2::<u32>().unwrap())
        .map(|t| data.decode(t).unwrap())
        .collect();
    assert!(all.contains(&"pineap".into()) && all.contains(&"pear".into()), "{all:?}");
    says(Dataset::texts_file(&path, "word", "tongue", 6), &["\"tongue\"", "\"lang\""]);
    let path = folder.write("hole.tsv", "lang\tword\nde\tja\nen\t\n");
    says(Dataset::texts_file(&path, "word", "lang", 6), &["line 3", "empty text"]);
    let rows = |n: usize| (0..n).map(|i| (if i == 1 { "" } else { "a" }, "x"));
    says(
        Dataset::texts("t", rows(2), 0),
        &["2 texts", "length of 0", "text 1 is empty", "one class"],
    );
    says(Dataset::texts("t", ["a", "b"].map(|t| (t, t)), u64::MAX), &["more than"]);
    let zeros = ["a", "b\0", "c", "d", "e"].map(|t| (t, t));
    says(Dataset::texts("t", zeros, 3), &["text 1", "U+0000"]);

    let path = folder
        .write("poem.txt.gz", gzip("Ich weiß nicht, was soll es bedeuten. ".repeat(9).as_bytes()));
    let poem = Dataset::text_file(&path, 16).unwrap();
    assert_eq!(
        (poem.name(), poem.shape().to_string().as_str()),
        ("poem".into(), "16 tokens of 19")
    );
    says(Dataset::text_file(&path, 100), &["3 windows"]);
    says(Dataset::text_file("nowhere.txt", 16), &["no such file"]);
    says(Dataset::text("one", &"a".repeat(99), 4), &["every character is 'a'"]);
    says(Dataset::text("none", "", 4), &["0 tokens"]);
}

/// Larger texts, in the folder NASCENT_DATA (or ../shared/data).
#[test]
fn larger_texts_where_they_are() {
    let Some(names) = outside("names_by_language.tsv") else { return };
    let Some(plays) = outside("tinyshakespeare.txt") else { return };
    let names = Dataset::texts_file(names, "name", "language", 16).unwrap();
    println!("{names}");
    assert_eq!((names.len(), names.classes().len()), (20_050, 18));
    let begun = std::time::Instant::now();
    let plays = Dataset::text_file(plays, 64).unwrap();
    println!("{plays} in {:?}", begun.elapsed());
    assert_eq!(plays.task(), Task::next_token(65));
    assert_eq!(plays.len(), (1_115_394 - 1) / 64);
}

// ---- splits ----

#[test]
fn shares_and_folds() {
    let data = Dataset::digits();
    let again = data.split(0.6, 0.2, 0.2).unwrap();
    assert_eq!(again.sizes(), data.sizes());
    assert_eq!(data.split(0.7, 0.3, 0.0).unwrap().sizes(), (1258, 539, 0));
    for bad in [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (f64::NAN, 0.5, 0.5)] {
        says(data.split(bad.0, bad.1, bad.2), &["add up to 1.0", "split(0.6, 0.2, 0.2)"]);
    }
    says(data.validation_share(1.5), &["1.5"]);
    let less = data.validation_share(0.1).unwrap();
    assert_eq!(
        (less.sizes(), labels(&less, Split::Test)),
        ((1294, 144, 359), labels(&data, Split::Test))
    );

    let folds = data.folds(5).unwrap();
    let mut seen = vec![];
    for fold in &folds {
        let (train, validation, test) = fold.sizes();
        assert!(train + validation == 1438 && (287..=288).contains(&validation) && test == 359);
        assert_eq!(labels(fold, Split::Test), labels(&data, Split::Test));
        let y = labels(fold, Split::Validation);
        for class in 0..10 {
            let n = y.iter().filter(|&&v| v == class).count();
            assert!((27..=31).contains(&n), "class {class}: {n}");
        }
        seen.extend(floats(&fold.tensors(Split::Validation).unwrap().0));
    }
    let mut all = floats(&data.tensors(Split::TrainValidation).unwrap().0);
    seen.sort_unstable_by(f32::total_cmp);
    all.sort_unstable_by(f32::total_cmp);
    assert_eq!(seen, all, "every sample is validated once");
    says(data.folds(1), &["folds(1)", "2 to 1000", "1438"]);
    says(data.folds(-3), &["folds(-3)"]);
    says(data.folds(9999), &["1438"]);

    // A text is cut into neighbours.
    let text = Dataset::names_text();
    let fold = text.folds(4).unwrap().swap_remove(1);
    let (x, y) = fold.tensors(Split::Validation).unwrap();
    let (x, y) = (x.to_vec2::<u32>().unwrap(), y.to_vec2::<u32>().unwrap());
    assert!(x.iter().skip(1).zip(&y).all(|(next, last)| next[0] == last[31]));
    let (a, b, c) = text.split(0.5, 0.25, 0.25).unwrap().sizes();
    assert!(a + b + c == text.len() && b.abs_diff(c) <= 1);
    assert_eq!(
        Dataset::regression("r", vec![0.0; 20], [2], vec![0.0; 10], 1)
            .unwrap()
            .folds(5)
            .unwrap()
            .len(),
        5
    );
}

#[test]
fn a_test_set_of_its_own() {
    let make = |name: &str, n: usize, features: usize| {
        let x = (0..n * features).map(|i| i as f32).collect();
        Dataset::classification(name, x, [features], (0..n).map(|i| (i % 2) as u32).collect(), 2)
            .unwrap()
    };
    let data = make("a", 50, 2).with_test_of(&make("b", 11, 2)).unwrap();
    assert_eq!((data.sizes(), data.name()), ((40, 10, 11), "a, tested on b".into()));
    assert_eq!(
        floats(&data.tensors(Split::Test).unwrap().0),
        (0..22).map(|i| i as f32).collect::<Vec<_>>()
    );
    says(make("a", 50, 2).with_test_of(&make("b", 11, 3)), &["input shapes"]);
    let scaled = make("a", 50, 2).standardised().unwrap();
    says(scaled.with_test_of(&make("b", 11, 2)), &["scales", "standardise what has been joined"]);
    let named = make("b", 11, 2).with_classes(["x", "y"]).unwrap();
    says(make("a", 50, 2).with_test_of(&named), &["words of the classes"]);
    says(named.with_classes(["x"]), &["1 words", "2 classes"]);
}

// ---- augmentation ----

#[test]
fn augmented_trainings_are_repeatable_and_resume_bit_for_bit() {
    let images = Dataset::digits();
    let signals = Dataset::mnist1d().take(1000);
    let cases = [
        (
            images,
            Augment::new().crop(1).flip().cutout(2).noise(0.1),
            seq([conv(4, 3), global_avg_pool()]),
        ),
        (signals, Augment::new().shift(5).noise(0.1), seq([flatten(), linear(16), dropout(0.2)])),
    ];
    for (data, augment, block) in cases {
        let arch = Space::on(&data).then(block).default_architecture().unwrap();
        let train = Train::on(&data).epochs(4).augment(augment);
        let weights = |run: &Training| -> Vec<u32> {
            let vars = run.model().named_vars();
            vars.iter().flat_map(|(_, v)| floats(v)).map(f32::to_bits).collect()
        };
        let mut whole = train.start(&arch, 1).unwrap();
        whole.advance(4).unwrap();
        let mut again = train.start(&arch, 1).unwrap();
        again.advance(2).unwrap();
        let kept = Checkpoint::from_bytes(&again.checkpoint().unwrap().to_bytes()).unwrap();
        let mut resumed = train.resume(&arch, &kept).unwrap();
        resumed.advance(2).unwrap();
        assert_eq!(weights(&whole), weights(&resumed));
        assert_eq!(whole.losses(), resumed.losses());
        let mut plain = Train::on(&data).epochs(4).start(&arch, 1).unwrap();
        plain.advance(4).unwrap();
        assert_ne!(weights(&whole), weights(&plain));
        says(Train::on(&data).epochs(4).resume(&arch, &kept), &["augmented by", "noise(0.1)"]);
    }
}

#[test]
fn what_cannot_be_augmented_is_reported_before_the_training() {
    let data = Dataset::mnist1d();
    let arch = Space::on(&data).then(flatten()).default_architecture().unwrap();
    let train = Train::on(&data).augment(Augment::new().crop(4).flip().noise(-1.0));
    says(train.start(&arch, 1), &["crop", "flip", "40x1", "noise(-1)"]);
    let names = Dataset::names();
    let arch =
        Space::on(&names).then(seq([embedding(8), flatten()])).default_architecture().unwrap();
    says(Train::on(&names).augment(Augment::new().noise(0.1)).start(&arch, 1), &["tokens"]);
}

#[test]
fn a_journal_of_derived_and_augmented_data_resumes() {
    let folder = Folder::new("journal");
    let data =
        Dataset::mnist1d().take(600).folds(4).unwrap().swap_remove(2).standardised().unwrap();
    let space = Space::on(&data).then(flatten()).then(linear(any([8, 16, 32])));
    let train = Train::on(&data).epochs(2).augment(Augment::new().shift(2));
    let study = |trials: usize| Study::new(&space, train.clone()).trials(trials).seed(3).quiet();
    let whole = study(6).run().unwrap();
    let path = folder.0.join("s.jsonl");
    study(3).journal(&path).run().unwrap();
    let resumed = Study::resume(&path).unwrap().trials(6).quiet().run().unwrap();
    let scores = |s: &Study| s.trials_done().iter().map(|t| t.score()).collect::<Vec<_>>();
    assert_eq!(scores(&whole), scores(&resumed));
    assert!(std::fs::read_to_string(&path).unwrap().contains("shift"));
}

/// Signs beside a number, and a number that is the same in another spelling.
#[test]
fn signs_beside_numbers_and_spellings_of_one() {
    let folder = Folder::new("signs");
    let of = |field: &dyn Fn(usize) -> String| {
        let rows: String = (0..8).map(|i| format!("{};{}\n", field(i), i % 2)).collect();
        let path = folder.write("t.csv", format!("a;y\n{rows}"));
        Dataset::csv(path, "y", Task::classification(2))
    };
    for (given, wanted) in [
        ("12,5 %", "12,5"),
        ("12.5%", "12.5"),
        ("$1,234.50", "1,234.50"),
        ("1.234,50 €", "1.234,50"),
        ("(12.5)", "-12.5"),
        ("-$3.5", "-3.5"),
        ("10,50-", "-10,50"),
    ] {
        says(
            of(&|_| given.into()),
            &[&format!("{given:?} is not a number. Write it as {wanted:?}")],
        );
        assert_eq!(of(&|_| wanted.into()).unwrap().len(), 8);
    }
    // What data frames make of whole numbers beside missing ones.
    let data = of(&|i| format!("170000000000000000{i}.0")).unwrap();
    let mut x = floats(&data.tensors(Split::Train).unwrap().0);
    x.dedup();
    assert!(x.len() > 3, "{x:?}");
    // Units so small that 64 bits hardly hold them.
    let data = of(&|i| format!("{i}e-310")).unwrap();
    assert!(floats(&data.tensors(Split::Train).unwrap().0).iter().all(|v| v.abs() <= 1.0));

    let rows =
        |list: [&str; 3]| -> String { (0..9).map(|i| format!("{i},{}\n", list[i % 3])).collect() };
    let path = folder.write("train.csv", format!("a,y\n{}", rows(["1.0", "1.5", "2.0"])));
    let train = Dataset::csv(path, "y", Task::classification(3)).unwrap();
    let test = folder.write("test.csv", format!("a,y\n{}", rows(["1", "1.50", "2"])));
    let data = train.with_test_csv(&test, "y").unwrap();
    assert_eq!(labels(&data, Split::Test), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
}

/// Some names of rows look like numbers.
#[test]
fn names_of_rows_may_look_like_numbers() {
    let folder = Folder::new("names");
    let ids = ["7f3a", "4112", "1e5", "00ff", "9", "a.1", "b2"];
    let rows: String = (0..7).map(|i| format!("{},{}.5,{}\n", ids[i], i * i, i % 2)).collect();
    let path = folder.write("t.csv", format!("sample_id,a,y\n{rows}"));
    let data = Dataset::csv(path, "y", Task::classification(2)).unwrap();
    assert_eq!(data.shape().dims(), [1]);
    assert!(data.notes()[0].contains("names the rows"), "{data}");
}
