//! The folders of `src` stand in the line of ARCHITECTURE.md, and each imports only what stands above it. Read
//! from the source: `use` lines and paths in the code, without comments, strings and tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names that the crate gives out are imported from where they stand, except by these.
const OUTSIDERS: [&str; 4] = ["lib", "prelude", "notebook", "bench"];

/// Files that know each other, for they are one thing in two or more files.
const CIRCLES: [&str; 7] = [
    "evaluate::train evaluate::training",
    "space::architecture space::diagram",
    "space::latency space::limit",
    "study::deaths study::journal study::run study::state",
    "surrogate::acquisition surrogate::target",
    "tree::block tree::cell tree::choice tree::line tree::value tree::wired",
    "tree::genome tree::places",
];

// ------------------------------------------------------------------------------------- the modules

/// A module of the crate, by its path (`["space", "text"]`; the crate itself is empty).
type Name = Vec<String>;

struct Module {
    file: PathBuf,
    /// What its code names: absolute paths, with the lines that they stand in.
    paths: BTreeSet<(Name, usize)>,
    /// Names that it has from elsewhere: `use a::b` is b, standing for a::b.
    aliases: BTreeMap<String, Name>,
}

type Modules = BTreeMap<Name, Module>;

fn modules() -> Modules {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut codes) = (vec![root.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let mut name: Name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .with_extension("")
                    .iter()
                    .map(|part| part.to_string_lossy().into_owned())
                    .collect();
                name.pop_if(|last| last == "mod" || last == "lib");
                let code = bare(&std::fs::read_to_string(&path).unwrap());
                codes.insert(name, (path, code));
            }
        }
    }
    // Files that a module has for its tests alone.
    let mut tests = BTreeSet::new();
    for (name, (_, code)) in &mut codes {
        for child in cut_tests(code) {
            tests.insert([&name[..], &[child]].concat());
        }
    }
    codes.retain(|name, _| !tests.iter().any(|t| name.starts_with(t)));
    let names: BTreeSet<Name> = codes.keys().cloned().collect();
    let read = |(name, (file, code)): (Name, (PathBuf, String))| {
        let (mut paths, mut aliases) = (BTreeSet::new(), BTreeMap::new());
        for (path, alias, line) in mentioned(&code) {
            let Some(path) = absolute(&name, &path, &names) else { continue };
            if let Some(alias) = alias {
                aliases.insert(alias, path.clone());
            }
            paths.insert((path, line));
        }
        (name, Module { file, paths, aliases })
    };
    codes.into_iter().map(read).collect()
}

/// The code with blanks in place of comments, strings and characters.
fn bare(text: &str) -> String {
    let all: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let at = |i: usize| all.get(i).copied().unwrap_or('\0');
    let mut i = 0;
    while i < all.len() {
        let begun = i;
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < all.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            ('/', '*') => {
                let mut deep = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (deep, i) = (deep + 1, i + 2),
                        ('*', '/') => (deep, i) = (deep - 1, i + 2),
                        _ => i += 1,
                    }
                    if deep == 0 || i >= all.len() {
                        break;
                    }
                }
            }
            ('r', '"' | '#') if begun == 0 || !at(begun - 1).is_alphanumeric() => {
                let marks = all[i + 1..].iter().take_while(|c| **c == '#').count();
                if at(i + 1 + marks) != '"' {
                    out.push('r');
                    i += 1;
                    continue;
                }
                i += marks + 2;
                let end: Vec<char> = std::iter::once('"').chain(vec!['#'; marks]).collect();
                while i < all.len() && !all[i..].starts_with(&end) {
                    i += 1;
                }
                i += end.len();
            }
            ('"', _) => {
                i += 1;
                while i < all.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character, not a lifetime.
            ('\'', '\\') => {
                i += 3;
                while at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (c, _) => {
                out.push(c);
                i += 1;
                continue;
            }
        }
        // Lines stay lines.
        out.extend(
            all[begun..i.min(all.len())].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }),
        );
    }
    out
}

/// Blanks the items that are compiled for tests only, and gives the modules among them that are files.
fn cut_tests(code: &mut String) -> Vec<String> {
    let mut files = vec![];
    for mark in ["#[cfg(test)]", "#[cfg(doctest)]"] {
        while let Some(from) = code.find(mark) {
            let rest = &code[from + mark.len()..];
            let open = rest.find(['{', ';']).unwrap_or(rest.len() - 1);
            let mut length = open + 1;
            let head = rest[..open].trim().to_string();
            if rest[open..].starts_with('{') {
                let mut deep = 0;
                for (i, c) in rest[open..].char_indices() {
                    deep += i32::from(c == '{') - i32::from(c == '}');
                    if deep == 0 {
                        length = open + i + 1;
                        break;
                    }
                }
            } else if let Some(name) = head.split("mod ").nth(1) {
                files.push(name.to_string());
            }
            let till = from + mark.len() + length;
            let blank: String =
                code[from..till].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            code.replace_range(from..till, &blank);
        }
    }
    files
}

/// All paths of the code, as they are written: with the name that a `use` gives them, and the line.
fn mentioned(code: &str) -> Vec<(Vec<String>, Option<String>, usize)> {
    let mut found = vec![];
    let mut tokens: Vec<(&str, usize)> = vec![];
    for (n, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let long = match c {
                c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            if !c.is_whitespace() {
                tokens.push((&rest[..long], n + 1));
            }
            rest = &rest[long..];
        }
    }
    let mut i = 0;
    while i < tokens.len() {
        let (word, line) = tokens[i];
        if word == "use" {
            i = tree(&tokens, i + 1, &[], &mut found);
        } else if ["crate", "super", "self"].contains(&word)
            && tokens.get(i + 1).is_some_and(|t| t.0 == "::")
            && i > 0
            // How far something is seen, as in `pub(in super::super)`, is not an import.
            && tokens[i - 1].0 != "in"
        {
            let mut path = vec![word.to_string()];
            while tokens.get(i + 1).is_some_and(|t| t.0 == "::") {
                path.push(tokens[i + 2].0.to_string());
                i += 2;
            }
            found.push((path, None, line));
        }
        i += 1;
    }
    found
}

/// Reads one tree of a `use` that begins at a token, and says where it ends.
fn tree(
    tokens: &[(&str, usize)],
    mut i: usize,
    before: &[String],
    found: &mut Vec<(Vec<String>, Option<String>, usize)>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        let (word, line) = tokens[i];
        match word {
            "::" => {
                i += 1;
                continue;
            }
            "{" => {
                i += 1;
                while tokens[i].0 != "}" {
                    i = tree(tokens, i, &path, found);
                    if tokens[i].0 == "," {
                        i += 1;
                    }
                }
                return i + 1;
            }
            "self" if !path.is_empty() => i += 1,
            _ => {
                path.push(word.to_string());
                i += 1;
            }
        }
        match tokens.get(i).map_or(";", |t| t.0) {
            "::" => {}
            "as" => {
                found.push((path, Some(tokens[i + 1].0.to_string()), line));
                return i + 2;
            }
            _ => {
                let last = path.last().cloned();
                found.push((path, last, line));
                return i;
            }
        }
    }
}

/// The path from the crate on, if it is one of this crate.
fn absolute(module: &[String], path: &[String], names: &BTreeSet<Name>) -> Option<Name> {
    let up = path.iter().take_while(|p| *p == "super").count();
    let (base, rest) = match path[0].as_str() {
        "crate" => (&module[..0], &path[1..]),
        "self" => (module, &path[1..]),
        "super" => (&module[..module.len().checked_sub(up)?], &path[up..]),
        // A module of its own.
        first if names.contains(&[module, &[first.to_string()]].concat()) => (module, path),
        _ => return None,
    };
    Some([base, rest].concat())
}

/// The module that a path leads into, through the names that modules have from each other.
fn home(all: &Modules, path: &[String], depth: usize) -> Name {
    let known = (0..=path.len()).rev().find(|&k| all.contains_key(&path[..k])).unwrap_or(0);
    let next = path.get(known).and_then(|name| all[&path[..known]].aliases.get(name));
    match next {
        Some(further) if depth < 20 && further != path => {
            home(all, &[&further[..], &path[known + 1..]].concat(), depth + 1)
        }
        _ => path[..known].to_vec(),
    }
}

fn folder(name: &[String]) -> String {
    name.first().cloned().unwrap_or_else(|| "lib".to_string())
}

fn place(all: &Modules, name: &[String], line: usize) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    format!("{}:{line}", all[name].file.strip_prefix(root).unwrap().display())
}

// ------------------------------------------------------------------------------------------- tests

#[test]
fn imports_are_read_from_the_code_alone() {
    let mut code = bare(
        "//! use crate::comment;\n\
         use crate::{a::{self, B as C}, d::*};\n\
         /* use crate::e; /* still */ use crate::f; */ fn f<'a>(x: &'a str) { \"crate::g\"; '\\''; 'x'; }\n\
         fn h() -> super::i::J { r#\"crate::\"k\"# }\n\
         pub(in crate::l) struct M;\n\
         #[cfg(test)]\nmod tests { use crate::n; }\n\
         #[cfg(test)]\nmod o;\n",
    );
    assert_eq!(cut_tests(&mut code), ["o"]);
    let found: Vec<(String, Option<String>, usize)> =
        mentioned(&code).into_iter().map(|(p, alias, n)| (p.join("::"), alias, n)).collect();
    let read = |path: &str, alias: Option<&str>, n| (path.to_string(), alias.map(String::from), n);
    let expected = [
        read("crate::a", Some("a"), 2),
        read("crate::a::B", Some("C"), 2),
        read("crate::d::*", Some("*"), 2),
        read("super::i::J", None, 4),
    ];
    assert_eq!(found, expected);
}

/// The step of each folder, and whether those of its step are closed to it: the first indented block of
/// ARCHITECTURE.md. A line of it is a step, whose names end where a description begins (after two
/// spaces). Those of a step may import each other, but not where `|` stands between them.
fn steps() -> BTreeMap<String, (usize, bool)> {
    let text = include_str!("../../ARCHITECTURE.md");
    let indented = |line: &&str| line.starts_with("    ");
    let list = text.lines().skip_while(|line| !indented(line)).take_while(indented);
    let mut steps = BTreeMap::new();
    for (i, line) in list.enumerate() {
        let names = line[4..].split("  ").next().unwrap_or_default();
        for name in names.split([' ', '|']).filter(|n| !n.is_empty()) {
            steps.insert(name.to_string(), (i, names.contains('|')));
        }
    }
    steps
}

#[test]
#[ignore = "until the last folders have moved"]
fn a_folder_imports_what_stands_above_it() {
    let (all, steps) = (modules(), steps());
    let (mut wrong, mut seen) = (vec![], 0);
    for (name, module) in &all {
        let from = folder(name);
        let Some(&(step, closed)) = steps.get(&from) else {
            wrong.push(format!("{}: {from} has no place in the line", place(&all, name, 1)));
            continue;
        };
        for (path, line) in &module.paths {
            let (to, at) = (folder(path), place(&all, name, *line));
            seen += 1;
            match steps.get(&to) {
                _ if to == from || OUTSIDERS[..2].contains(&from.as_str()) => {}
                Some(&(other, _)) if other < step || (other == step && !closed) => {}
                Some(_) => wrong.push(format!("{at}: {from} imports {}", path.join("::"))),
                None if OUTSIDERS.contains(&from.as_str()) => {}
                None => wrong.push(format!("{at}: crate::{} by its outer name", path.join("::"))),
            }
        }
    }
    assert!(all.len() > 150 && seen > 1000, "{} files, {seen} imports", all.len());
    assert!(wrong.is_empty(), "{} imports against the line:\n{}", wrong.len(), wrong.join("\n"));
}

/// In one folder, files know each other in one direction. What a folder's `mod.rs` and the files below
/// it know of each other does not count: one is the way to the other.
#[test]
fn files_of_a_folder_do_not_import_in_circles() {
    let all = modules();
    let mut edges: BTreeMap<&Name, BTreeMap<Name, usize>> = BTreeMap::new();
    for (name, module) in &all {
        for (path, line) in &module.paths {
            let to = home(&all, path, 0);
            if folder(&to) == folder(name) && !to.starts_with(name) && !name.starts_with(&to) {
                edges.entry(name).or_default().entry(to).or_insert(*line);
            }
        }
    }
    let reach = |from: &Name| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(name) = open.pop() {
            for to in edges.get(&name).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        seen
    };
    let (mut wrong, mut left) = (vec![], BTreeSet::from(CIRCLES));
    for (from, to) in &edges {
        for (other, line) in to.iter().filter(|(other, _)| reach(other).contains(*from)) {
            let (one, two) = (from.join("::"), other.join("::"));
            let has = |names: &str, name: &str| names.split(' ').any(|n| n == name);
            match CIRCLES.iter().find(|names| has(names, &one) && has(names, &two)) {
                Some(known) => drop(left.remove(known)),
                None => wrong.push(format!("{} imports {two}", place(&all, from, *line))),
            }
        }
    }
    wrong.extend(left.iter().map(|names| format!("{names}: no circle now; its line here can go")));
    assert!(edges.len() > 50, "{} files", edges.len());
    assert!(wrong.is_empty(), "{} in circles:\n{}", wrong.len(), wrong.join("\n"));
}
