//! Files that are written: refused beforehand with advice that works, replaced as a whole or not at all.

use nascent::output;
use nascent::prelude::*;
use std::path::{Path, PathBuf};

type Save = Box<dyn Fn(&Path) -> Result<()>>;

/// Everything that writes a file: its name, the ending, what writes.
fn savers() -> Vec<(&'static str, &'static str, Save)> {
    let space = Space::decisions([30, 30, 4]);
    let first = evaluator(|arch: &Architecture, _: &Budget| f64::from(arch.decisions()[0]));
    let study = Study::new(&space, &first).strategy(Random).trials(60).quiet().run().unwrap();
    let plan = Compare::new(&space, &first).strategies((Random, Grid)).trials(8).seeds(6).quiet();
    let found = plan.run().unwrap();
    let net = Space::new([8], Task::classification(3)).then(linear(200));
    let model = Model::new(&net.default_architecture().unwrap(), &Device::Cpu, 1).unwrap();
    let names = (0..200).map(|i| format!("\"linear({i}) on 4\": 1e-6")).collect::<Vec<_>>();
    let latency = format!("{{\"batch\": 1, \"seconds\": {{{}}}}}", names.join(", "));
    let latency = Latency::from_json(&latency).unwrap();
    let (chart, report) = (study.best_so_far(), study.report());
    vec![
        ("study", "csv", Box::new(move |p| study.save_csv(p))),
        ("chart", "svg", Box::new(move |p| chart.save(p))),
        ("report", "html", Box::new(move |p| report.save(p))),
        ("summary", "csv", Box::new(move |p| found.save_csv(p))),
        ("model", "safetensors", Box::new(move |p| model.save(p))),
        ("latency", "json", Box::new(move |p| latency.save(p))),
        ("text", "txt", Box::new(|p| output::write(p, "x".repeat(9000)))),
    ]
}

/// An empty folder, for this test alone.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("nascent-out-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        all.map(|f| f.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_missing_folder_is_named_and_the_advice_works() {
    let place = folder("missing");
    for (name, end, save) in savers() {
        let missing = place.join("sub").join(name);
        let file = missing.join(format!("{name}.{end}"));
        for said in [save(&file).unwrap_err(), output::check(&file).unwrap_err()] {
            let advice = format!(
                "there is no folder {m}. Make the folder {m} first, or try {name}.{end}.",
                m = missing.display()
            );
            assert!(said.to_string().contains(&advice), "{said}");
        }
        assert!(files(&place).is_empty(), "{name}");
        std::fs::create_dir_all(&missing).unwrap();
        output::check(&file).unwrap();
        assert!(files(&missing).is_empty(), "a check leaves nothing behind");
        save(&file).unwrap();
        assert!(std::fs::metadata(&file).unwrap().len() > 100, "{name}");
        std::fs::remove_dir_all(place.join("sub")).unwrap();
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_folder_or_a_file_in_the_way_is_named() {
    let place = folder("way");
    for (name, end, save) in savers() {
        let file = place.join(format!("{name}.{end}"));
        std::fs::create_dir(&file).unwrap();
        let said = save(&file).unwrap_err().to_string();
        assert!(said.contains("it is a folder. Try a file in it, such as "), "{said}");
        // The advice, followed.
        let tried = PathBuf::from(said.split(" as ").last().unwrap());
        save(&tried).unwrap();
        let below = tried.join(format!("x.{end}"));
        let said = save(&below).unwrap_err().to_string();
        assert!(said.contains(" is a file, not a folder. Try "), "{said}");
        save(Path::new(said.split(" Try ").last().unwrap())).unwrap();
    }
    assert!(output::check("").is_err() && output::check_folder("").is_err());
    let file = place.join("latency.json").join("latency.json");
    let said = output::check_folder(file.join("deep/er")).unwrap_err().to_string();
    assert!(said.contains("is a file. Try another name"), "{said}");
    output::check_folder(said.split(", such as ").last().unwrap()).unwrap();
    output::check_folder(place.join("not/yet/there")).unwrap();
    assert!(!place.join("not").exists());
    let long = place.join("n".repeat(300) + ".csv");
    let said = output::check(&long).unwrap_err().to_string();
    assert!(said.contains("name is too long"), "{said}");
    output::write(said.split(" Try ").last().unwrap(), "short").unwrap();
    std::fs::remove_dir_all(place).unwrap();
}

/// What [`a_full_disk_leaves_the_old_file`] runs in a process whose files may not grow.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn writes_on_a_full_disk() {
    let place = PathBuf::from(std::env::var_os("NASCENT_FULL").unwrap());
    for (name, end, save) in savers() {
        let said = save(&place.join(format!("{name}.{end}"))).unwrap_err().to_string();
        assert!(said.contains("What was there before is unchanged"), "{name}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file() {
    let place = folder("full");
    let mut before = vec![];
    for (name, end, save) in savers() {
        let file = place.join(format!("{name}.{end}"));
        save(&file).unwrap();
    }
    for file in files(&place) {
        before.push((file.clone(), std::fs::read(place.join(file)).unwrap()));
    }
    let run = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" --ignored --exact outputs::writes_on_a_full_disk",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("NASCENT_FULL", &place)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(files(&place), before.iter().map(|b| b.0.clone()).collect::<Vec<_>>());
    for (file, bytes) in before {
        assert!(std::fs::read(place.join(&file)).unwrap() == bytes, "{file} has changed");
    }
    std::fs::remove_dir_all(place).unwrap();
}

#[cfg(unix)]
#[test]
fn modes_stay_links_are_followed_and_devices_are_written_to() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = folder("links");
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    for (name, end, save) in savers() {
        let file = place.join(format!("{name}.{end}"));
        // The usual mode is that of any new file.
        std::fs::write(&file, "x").unwrap();
        let usual = mode(&file);
        std::fs::remove_file(&file).unwrap();
        save(&file).unwrap();
        assert_eq!(mode(&file), usual, "{name}");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        save(&file).unwrap();
        assert_eq!(mode(&file), 0o640, "{name}");

        // Through a link, relative and to a file that is not there yet.
        let (far, link) =
            (place.join(format!("far-{name}")), place.join(format!("link-{name}.{end}")));
        std::fs::create_dir(&far).unwrap();
        symlink(format!("far-{name}/real.{end}"), &link).unwrap();
        for _ in 0..2 {
            output::check(&link).unwrap();
            save(&link).unwrap();
            assert!(link.is_symlink() && far.join(format!("real.{end}")).is_file(), "{name}");
        }
        let broken = place.join(format!("broken-{name}.{end}"));
        symlink(format!("nowhere/real.{end}"), &broken).unwrap();
        let said = save(&broken).unwrap_err().to_string();
        assert!(said.contains("it is a link to ") && said.contains("nowhere"), "{said}");
        save(Path::new(said.split(" Try ").last().unwrap())).unwrap();
        if name != "model" {
            // A model is two files.
            save(Path::new("/dev/null")).unwrap();
            let said = save(Path::new("/dev/full")).unwrap_err().to_string();
            assert!(said.contains("/dev/full"), "{said}");
        }
    }
    let left = files(&place);
    assert!(left.iter().all(|f| !f.starts_with('.')), "{left:?}");
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_journal_is_not_replaced_by_something_else() {
    let place = folder("journal");
    let path = place.join("trials.csv");
    let first = evaluator(|arch: &Architecture, _: &Budget| f64::from(arch.decisions()[0]));
    let plan = Study::new(&Space::decisions([9, 9]), first).strategy(Random).trials(5).quiet();
    let study = plan.journal(&path).run().unwrap();
    let kept = std::fs::read(&path).unwrap();
    let said = study.save_csv(&path).unwrap_err().to_string();
    assert!(said.contains("it is a journal, whose trials would be lost"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), kept);
    study.save_csv(said.split(" Try ").last().unwrap()).unwrap();
    assert_eq!(files(&place), ["trials-1.csv", "trials.csv"]);
    let same = [("--journal", path.clone()), ("--csv", place.join("./trials.csv"))];
    let said = output::apart(same).unwrap_err().to_string();
    assert!(said.contains("--journal is the same file. Try --csv with another name"), "{said}");
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn one_output_that_fails_does_not_keep_the_others_back() {
    let first = evaluator(|arch: &Architecture, _: &Budget| f64::from(arch.decisions()[0]));
    let plan = Compare::new(&Space::decisions([9, 9]), first).strategies((Random, Grid));
    let found = plan.trials(4).seeds(3).quiet().run().unwrap();
    let (place, whole) = (folder("others"), folder("whole"));
    found.save(&whole).unwrap();
    for taken in ["summary.csv", "ranks.svg"] {
        std::fs::create_dir(place.join(taken)).unwrap();
    }
    let said = found.save(&place).unwrap_err().to_string();
    assert!(said.contains("2 of ") && said.contains("summary.csv") && said.contains("ranks.svg"));
    assert_eq!(files(&place), files(&whole));
    assert!(place.join("trials.csv").is_file() && place.join("report.html").is_file());
    std::fs::remove_dir_all(place).unwrap();
    std::fs::remove_dir_all(whole).unwrap();
}
