//! What readers do with what is beside the data, is not a file, or lacks a part: clutter in
//! folders of sound, pipes and devices, images with their channels last, test sets without a class.

use crate::help::{Folder, labels, says};
use nascent::prelude::*;
use std::path::Path;

// ---- folders of sound ----

/// A tenth of a second of a tone, in 16 bits.
fn wav(rate: u32) -> Vec<u8> {
    let samples = rate as usize / 10;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + 2 * samples as u32).to_le_bytes());
    out.extend(*b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend(rate.to_le_bytes());
    out.extend((2 * rate).to_le_bytes());
    out.extend(*b"\x02\0\x10\0data");
    out.extend((2 * samples as u32).to_le_bytes());
    (0..samples).for_each(|i| out.extend(((i % 20) as i16 * 900 - 9000).to_le_bytes()));
    out
}

fn of(folder: &Path) -> Result<Dataset> {
    Dataset::wav_folder_with(folder, LogMel::new().seconds(0.1))
}

#[test]
fn what_is_beside_recordings_is_left_out_and_reported() {
    let folder = Folder::new("clutter");
    for i in 0..5 {
        folder.write(&format!("no/{i}.wav"), wav(8000));
        folder.write(&format!("yes/{i}.wav"), wav(8000));
        folder.write(&format!("yes/anna/{i}.wav"), wav(8000));
    }
    let clean = of(&folder.0).unwrap();
    assert_eq!((clean.len(), clean.classes()), (15, vec!["no".into(), "yes".into()]));
    assert_eq!(clean.notes().len(), 1, "{:?}", clean.notes());
    assert!(clean.notes()[0].contains("5 files are in folders inside"), "{:?}", clean.notes());

    for junk in [
        ".ipynb_checkpoints/0-checkpoint.wav",
        "no/.ipynb_checkpoints/0-checkpoint.wav",
        "_background_noise_/rain.wav",
        "__MACOSX/yes/._0.wav",
        "yes/__MACOSX/0.wav",
        "._yes",
        "yes/._0.wav",
        ".DS_Store",
        "yes/.DS_Store",
        "LICENSE",
        "no/Thumbs.db",
        "no/talk.flac",
    ] {
        folder.write(junk, "not a recording");
    }
    std::fs::create_dir_all(folder.0.join("maybe")).unwrap();
    let data = of(&folder.0).unwrap();
    assert_eq!(data.fingerprint(), clean.fingerprint());
    assert_eq!(data.classes(), clean.classes());
    let card = data.to_string();
    for part in [
        ".ipynb_checkpoints",
        "3 folders whose names begin with _ (__MACOSX, _background_noise_, yes/__MACOSX)",
        "a folder without a WAV file (maybe)",
        "3 files that are not WAV files (LICENSE, no/Thumbs.db, no/talk.flac)",
        "yes/anna/0.wav",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(Draw::html(&data).contains("_background_noise_"));
    // Messages have only the first line.
    let space = Space::new([3], Task::classification(2)).then(linear(4));
    let arch = space.default_architecture().unwrap();
    let e = Train::on(&data).batch_size(4).start(&arch, 1).unwrap_err().to_string();
    assert!(e.contains("the data are") && !e.contains("left out"), "{e}");
}

#[test]
fn flat_folders_and_folders_of_splits() {
    let folder = Folder::new("flat");
    for i in 0..6 {
        folder.write(&format!("flat/{}_anna_{i}.wav", i % 2), wav(8000));
        folder.write(&format!("splits/train/{}/{i}.wav", i % 2), wav(8000));
        folder.write(&format!("splits/test/{}/{i}.wav", i % 2), wav(8000));
        folder.write(&format!("one/deep/{}/{i}.wav", i % 2), wav(8000));
    }
    folder.write("flat/._0_anna_0.wav", "resource");
    folder.write("flat/__MACOSX/._0_anna_0.wav", "resource");
    let flat = of(&folder.0.join("flat")).unwrap();
    assert_eq!((flat.len(), flat.classes().len()), (6, 2));

    let splits = folder.0.join("splits");
    let (train, test) = (splits.join("train"), splits.join("test"));
    says(
        of(&splits),
        &["like splits", &format!("wav_folder({train:?})?.with_test_wav_folder({test:?})?")],
    );
    let joined = of(&train).unwrap().with_test_wav_folder(&test).unwrap();
    assert_eq!((joined.sizes().2, joined.notes().len()), (6, 0));
    let twice = of(&train).unwrap().with_test_of(&of(&test).unwrap()).unwrap();
    assert_eq!(twice.fingerprint(), joined.fingerprint());

    // Few files of one class will do as a test set, if not as data.
    let few = folder.write("few/1/a.wav", wav(8000)).parent().unwrap().parent().unwrap().to_owned();
    let advice = format!("data.with_test_wav_folder({few:?})");
    says(of(&few), &["1 file cannot", "one class, \"1\"", &advice]);
    let joined = of(&train).unwrap().with_test_wav_folder(&few).unwrap();
    assert_eq!(labels(&joined, Split::Test), [1]);
    // A model answers for a file, as for the sample that was made of it.
    let scaled = joined.standardised().unwrap();
    let arch = Space::on(&scaled).then(flatten()).default_architecture().unwrap();
    let model = Train::on(&scaled).epochs(1).batch_size(2).start(&arch, 1).unwrap().model();
    let answers = model.probabilities(few.join("1/a.wav")).unwrap();
    assert_eq!(answers, model.probabilities((&scaled, Split::Test)).unwrap());
    let other = folder.write("other.wav", wav(16000));
    says(model.predict(&other), &["other.wav", "16000 Hz", "-ar 8000"]);
    says(model.predict("none.wav"), &["no such file", "names of WAV files"]);
    assert!(joined.to_string().contains("no sample of class \"0\""), "{joined}");
    folder.write("few/2/a.wav", wav(8000));
    says(of(&train).unwrap().with_test_wav_folder(&few), &["\"2\" is not a class of train"]);
    // Two rates have the same number of frames, but these mean different things.
    (0..6).for_each(|i| drop(folder.write(&format!("fast/{}/{i}.wav", i % 2), wav(16000))));
    let fast = folder.0.join("fast");
    says(of(&train).unwrap().with_test_wav_folder(&fast), &["at 16000 Hz", "at 8000 Hz"]);
    says(of(&train).unwrap().with_test_of(&of(&fast).unwrap()), &["at 16000 Hz", "at 8000 Hz"]);
    says(Dataset::digits().with_test_wav_folder(&fast), &["not of WAV files"]);

    // One folder too high: the advice names the one to take.
    let inner = folder.0.join("one/deep");
    says(of(&folder.0.join("one")), &["one class, \"deep\"", &format!("wav_folder({inner:?})")]);
    assert_eq!(of(&inner).unwrap().classes(), ["0", "1"]);
    says(of(&folder.0.join("none")), &["no such folder"]);
    std::fs::create_dir_all(folder.0.join("none/a")).unwrap();
    folder.write("none/b.mp3", "");
    says(of(&folder.0.join("none")), &["no WAV files", "a folder without a WAV file (a)", "b.mp3"]);
}

#[test]
fn rates_and_damage_are_reported_together() {
    let folder = Folder::new("rates");
    for i in 0..5 {
        folder.write(&format!("a/{i}.wav"), wav(8000));
        folder.write(&format!("b/{i}.wav"), wav(if i < 2 { 16000 } else { 8000 }));
    }
    says(of(&folder.0), &["16000 Hz in 2 files", "b/0.wav", "8000 Hz in 8 files", "-ar 8000"]);
    folder.write("a/5.wav", &wav(8000)[..60]);
    folder.write("a/6.wav", "");
    says(of(&folder.0), &["3 problems", "5.wav: cut short", "6.wav: not a WAV file", "16000 Hz"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle_is_walked_once() {
    let folder = Folder::new("circle");
    for i in 0..6 {
        folder.write(&format!("{}/{i}.wav", ["a", "b"][i % 2]), wav(8000));
    }
    std::os::unix::fs::symlink(folder.0.join("a"), folder.0.join("a/again")).unwrap();
    assert_eq!(of(&folder.0).unwrap().len(), 6);
}

// ---- what every reader has ----

type Reader = fn(&Path) -> Result<Dataset>;

/// All that read one file, by their names.
const OF_ONE_FILE: [(&str, Reader); 5] = [
    ("csv", |path| Dataset::csv(path, "a", Task::regression(1))),
    ("text_file", |path| Dataset::text_file(path, 8)),
    ("texts_file", |path| Dataset::texts_file(path, "a", "b", 8)),
    ("cifar10", |path| Dataset::cifar10(path)),
    ("cifar100", |path| Dataset::cifar100(path)),
];

/// A new reader is in the table of `Dataset`'s documentation, and in the one above if it reads one file.
#[test]
fn the_tables_have_every_reader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data");
    let documentation = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let mut found = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for function in text.split("\n    pub fn ").skip(1) {
            let head = function.split(" {\n").next().unwrap();
            let makes = ["-> Dataset", "-> Result<Dataset>"].iter().any(|end| head.ends_with(end));
            if !makes || head.contains("&self") {
                continue;
            }
            found += 1;
            let name = head.split(['(', '<']).next().unwrap();
            let link = format!("[`{name}`](Dataset::{name})");
            assert!(documentation.contains(&link), "{link} is not in the table of Dataset");
            let of_one_file = head.contains("path: impl AsRef<Path>");
            let listed = OF_ONE_FILE.iter().any(|reader| reader.0 == name);
            assert_eq!(of_one_file, listed, "{name}: is it in OF_ONE_FILE?");
        }
    }
    assert!(found > 15, "{found}");
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("no/such/file");
    OF_ONE_FILE.iter().for_each(|(_, read)| says(read(path), &["no/such/file"]));
}

// ---- what is not a file ----

/// A pipe that nothing writes to, a device without an end and a folder are refused at once.
#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_are_refused_at_once() {
    let folder = Folder::new("pipe");
    let pipe = folder.0.join("pipe.wav");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir_all(folder.0.join("a")).unwrap();
    std::fs::create_dir_all(folder.0.join("set")).unwrap();
    std::fs::rename(&pipe, folder.0.join("a/pipe.wav")).unwrap();
    let pipe = folder.0.join("a/pipe.wav");
    let labels = folder.write("labels", [0, 0, 8, 1, 0, 0, 0, 0]);
    let begun = std::time::Instant::now();
    let zero = Path::new("/dev/zero");
    for path in [&pipe, zero] {
        let said = ["pipe or a device", "regular file"];
        OF_ONE_FILE.iter().for_each(|(_, read)| says(read(path), &said));
        says(Dataset::from_idx(path, &labels), &said);
        // Either file of a model.
        let space = Space::new([2], Task::classification(2)).then(linear(2));
        let arch = space.default_architecture().unwrap();
        let json = folder.write("model.json", arch.to_json());
        let weights = folder.0.join("model.safetensors");
        std::os::unix::fs::symlink(path, &weights).unwrap();
        let load = || Model::load(folder.0.join("model"), &Device::Cpu);
        says(load(), &[&said[..], &["model.safetensors"]].concat());
        std::fs::remove_file(&json).unwrap();
        std::os::unix::fs::symlink(path, &json).unwrap();
        says(load(), &[&said[..], &["model.json"]].concat());
        std::fs::remove_file(&json).unwrap();
        std::fs::remove_file(&weights).unwrap();
    }
    says(of(&folder.0), &["pipe.wav", "regular file"]);
    std::os::unix::fs::symlink(zero, folder.0.join("set/train-images-idx3-ubyte")).unwrap();
    for name in ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        std::fs::copy(&labels, folder.0.join("set").join(name)).unwrap();
    }
    says(Dataset::idx(folder.0.join("set")), &["train-images", "regular file"]);
    for e in [Dataset::text_file(&folder.0, 8), Dataset::from_idx(&folder.0, &labels)] {
        says(e, &["this is a folder"]);
    }
    assert!(begun.elapsed().as_secs() < 10);
}

// ---- images with their channels last ----

#[test]
fn channels_that_come_last_are_mentioned() {
    let make = |dims: [usize; 3]| {
        let x = vec![0.5; 10 * dims.iter().product::<usize>()];
        let y = (0..10).map(|i| (i % 2) as u32).collect();
        Dataset::classification("photos", x, dims, y, 2).unwrap()
    };
    for dims in [[16, 16, 3], [28, 28, 1], [32, 24, 4]] {
        let data = make(dims);
        let note = format!("{} channels of {}x{} pixels", dims[0], dims[1], dims[2]);
        assert!(data.to_string().contains(&note), "{data}");
        let turned = data.channels_last().unwrap();
        assert_eq!(turned.shape().dims(), [dims[2], dims[0], dims[1]]);
        assert!(turned.notes().is_empty(), "{turned}");
    }
    for dims in [[3, 16, 16], [1, 28, 28], [3, 3, 3], [16, 4, 4], [8, 2, 2]] {
        assert!(make(dims).notes().is_empty(), "{dims:?}");
    }
    says(
        make([16, 16, 3]).standardised().unwrap().channels_last(),
        &["standardised", "channels_last()?.standardised()"],
    );
    says(Dataset::mnist1d().channels_last(), &["three dimensions", "40x1"]);
}

// ---- one class, and test sets that lack one ----

#[test]
fn one_class_is_reported() {
    let data = Dataset::classification("flat", vec![0.5; 10], [1], vec![1; 10], 2).unwrap();
    assert!(data.to_string().contains("every sample is of class \"1\""), "{data}");
    says(
        Dataset::texts("t", ["a", "b", "c", "d", "e"].map(|t| (t, "x")), 3),
        &["every text is of one class, \"x\"", "Add texts of another class"],
    );
}

#[test]
fn a_test_set_may_lack_classes_and_characters() {
    let rows = |list: &[(&'static str, &'static str)]| list.to_vec();
    let train =
        rows(&[("aab", "x"), ("bba", "y"), ("abc", "z"), ("cca", "x"), ("bc", "y"), ("ba", "z")]);
    let train = Dataset::texts("train", train, 4).unwrap();
    // Two of three classes, which have other numbers there, and two of three letters.
    let test = rows(&[("ca", "z"), ("ac", "y"), ("cc", "z"), ("aa", "y"), ("a", "z")]);
    let test = Dataset::texts("test", test, 4).unwrap();
    let data = train.with_test_of(&test).unwrap();
    assert_eq!(labels(&data, Split::Test), [2, 1, 2, 1, 2]);
    let x = data.tensors(Split::Test).unwrap().0.to_vec2::<u32>().unwrap();
    assert_eq!(data.decode(&x[0]).unwrap(), "ca");
    assert_eq!(x[0], [3, 1, 0, 0]);
    assert!(data.to_string().contains("no sample of class \"x\""), "{data}");

    let other = ["a", "b", "c", "a", "b"].map(|t| (t, if t == "c" { "q" } else { "x" }));
    says(
        train.with_test_of(&Dataset::texts("t", other, 4).unwrap()),
        &["\"q\" is not a class of train", "\"x\", \"y\", \"z\""],
    );
    let other = ["a", "b", "d", "a", "b"].map(|t| (t, if t == "d" { "y" } else { "x" }));
    says(
        train.with_test_of(&Dataset::texts("t", other, 4).unwrap()),
        &["'d' does not occur in train"],
    );
    let other = ["a", "b", "c", "a", "b"].map(|t| (t, if t == "c" { "y" } else { "x" }));
    says(train.with_test_of(&Dataset::texts("t", other, 5).unwrap()), &["input shapes"]);

    // A text to continue, and its test text with fewer letters.
    let whole = Dataset::text("whole", &"abcabd".repeat(20), 4).unwrap();
    let part = Dataset::text("part", &"bd".repeat(20), 4).unwrap();
    let data = whole.with_test_of(&part).unwrap();
    let (x, y) = data.tensors(Split::Test).unwrap();
    let (x, y) = (x.to_vec2::<u32>().unwrap(), y.to_vec2::<u32>().unwrap());
    assert_eq!((&x[0][..], &y[0][..]), (&[1, 3, 1, 3][..], &[3, 1, 3, 1][..]));

    // Numbered classes: the highest is absent.
    let make = |name, y: Vec<u32>, classes: usize| {
        Dataset::classification(name, vec![0.0; y.len()], [1], y, classes).unwrap()
    };
    let data = make("a", (0..12).map(|i| i % 3).collect(), 3);
    let data = data.with_test_of(&make("b", vec![0, 1, 0, 1, 1], 2)).unwrap();
    assert_eq!(
        (data.task(), labels(&data, Split::Test)),
        (Task::classification(3), vec![0, 1, 0, 1, 1])
    );
    // It trains and is tested.
    let arch = Space::on(&data).then(linear(4)).default_architecture().unwrap();
    let winner = Train::on(&data).batch_size(4).retrain(&arch, 1, 1).unwrap();
    assert!(winner.test_score().is_finite());
}

#[test]
fn a_text_that_is_too_short_says_which_length_fits() {
    let text = "abcde".repeat(8);
    let e = Dataset::text("short", &text, 20).unwrap_err().to_string();
    assert!(e.contains("Try a length of at most 7"), "{e}");
    assert!(Dataset::text("short", &text, 7).is_ok());
    says(Dataset::text("tiny", "abc", 2), &["Give a longer text"]);
}
