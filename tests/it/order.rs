//! The stages of `lib.rs` stand in the order of the data: a file names only stages to its left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// They use every stage, and no stage uses them.
const AT_THE_END: [&str; 3] = ["commands", "cli", "error"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules of `lib.rs` in its order.
fn order() -> Vec<String> {
    let text = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The stages that a text of code, comments aside, names as `crate::STAGE`; `{` for a list, which would hide them.
fn named(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty()))
        .map(|name| name.unwrap_or("{"))
        .collect()
}

/// What a file of `stage` names though it does not stand to its left.
fn violations<'a>(order: &[String], stage: &str, text: &'a str) -> Vec<&'a str> {
    let place = |name: &str| order.iter().position(|stage| stage == name);
    let allowed = |name: &str| place(name).is_some_and(|other| Some(other) <= place(stage));
    named(text).into_iter().filter(|name| !allowed(name)).collect()
}

#[test]
fn no_stage_names_one_to_its_right() {
    let order = order();
    assert!(order.len() > 10, "{order:?}");
    let mut found = Vec::new();
    let mut checked = 0;
    for path in files(&source()) {
        let inside = path.strip_prefix(source()).unwrap();
        let stage = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if path.extension().is_none_or(|end| end != "rs")
            || ["lib", "main"].contains(&stage)
            || AT_THE_END.contains(&stage)
        {
            continue;
        }
        assert!(order.iter().any(|name| name == stage), "{} is of no stage of lib.rs", inside.display());
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(violations(&order, stage, &text).iter().map(|name| format!("{} names {name}", inside.display())));
        checked += 1;
    }
    assert!(checked > 50);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_sees_what_stands_to_the_right() {
    let order: Vec<String> = ["plan", "render", "record"].map(str::to_owned).into();
    let text = "use crate::plan::Job;\n// see crate::record\nfn f() { crate::record::x(crate::render::y) }\nuse crate::{a, b};";
    assert_eq!(violations(&order, "render", text), ["record", "{"]);
    assert!(violations(&order, "record", "use crate::plan::Job;").is_empty());
}

/// The modules that a file may name: each by its path below `src`.
fn modules() -> BTreeMap<Vec<String>, PathBuf> {
    let paths = files(&source()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let module = |path: PathBuf| {
        let inside = path.strip_prefix(source()).unwrap().with_extension("");
        let mut module: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        (module, path)
    };
    paths.map(module).filter(|(module, _)| !["lib", "main"].contains(&module[0].as_str())).collect()
}

/// The paths that a text of code names, comments and tests aside: `super::a::b`, and each of a list in braces.
fn paths(text: &str) -> Vec<Vec<String>> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            // The middle of a longer path is found with its beginning.
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c == ':' || c.is_alphanumeric() || c == '_') {
                continue;
            }
            spread(&code[at..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path with its lists; what is left of the text comes back.
fn spread<'text>(mut text: &'text str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'text str {
    let depth = path.len();
    loop {
        if let Some(mut list) = text.strip_prefix('{') {
            loop {
                list = spread(list.trim_start(), path, found).trim_start();
                match list.strip_prefix(',') {
                    Some(rest) if !rest.trim_start().starts_with('}') => list = rest,
                    rest => break text = rest.unwrap_or(list).trim_start().strip_prefix('}').unwrap_or(""),
                }
            }
            break;
        }
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        path.push(text[..end].to_owned());
        text = &text[end..];
        match text.strip_prefix("::") {
            Some(rest) => text = rest,
            None => break found.push(path.clone()),
        }
    }
    path.truncate(depth);
    text
}

/// The module that a path leads to from another one: the longest beginning of it that is one.
fn resolve(from: &[String], path: &[String], all: &BTreeMap<Vec<String>, PathBuf>) -> Option<Vec<String>> {
    let mut target = if path[0] == "crate" { Vec::new() } else { from.to_vec() };
    for part in path {
        match part.as_str() {
            "crate" => {}
            "super" => drop(target.pop()),
            name => target.push(name.to_owned()),
        }
    }
    while !target.is_empty() && !all.contains_key(&target) {
        target.pop();
    }
    (!target.is_empty()).then_some(target)
}

/// Which modules of one folder name which others of it.
type Names = BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>>;

fn names(all: &BTreeMap<Vec<String>, PathBuf>) -> Names {
    let mut names = Names::new();
    for (module, file) in all {
        for path in paths(&std::fs::read_to_string(file).unwrap()) {
            let Some(target) = resolve(module, &path, all) else { continue };
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            // One stands inside the other: a folder's noun, and what is in the folder.
            let (Some(from), Some(to)) = (module.get(shared), target.get(shared)) else { continue };
            let inside = names.entry(module[..shared].to_vec()).or_default();
            inside.entry(from.clone()).or_default().insert(to.clone());
        }
    }
    names
}

/// A way from a module back to itself.
fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(edges: &BTreeMap<String, BTreeSet<String>>, way: &mut Vec<String>) -> bool {
        for next in edges.get(way.last().unwrap()).into_iter().flatten() {
            way.push(next.clone());
            if way[0] == *next || (!way[..way.len() - 1].contains(next) && walk(edges, way)) {
                return true;
            }
            way.pop();
        }
        false
    }
    edges.keys().find_map(|start| {
        let mut way = vec![start.clone()];
        walk(edges, &mut way).then_some(way)
    })
}

#[test]
fn no_files_of_a_room_name_each_other_in_a_circle() {
    let all = modules();
    assert!(all.len() > 100);
    let names = names(&all);
    let circles: Vec<String> = names
        .iter()
        .filter(|(folder, _)| !folder.is_empty())
        .filter_map(|(folder, edges)| Some(format!("{}: {}", folder.join("/"), circle(edges)?.join(" -> "))))
        .collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn circles_are_seen_through_lists_and_longer_ways() {
    let text = "use super::{a::{B, C}, d};\nfn f() { crate::room::e::g(super::super::h::I) }\n#[cfg(test)]\nmod tests { use super::x; }";
    let found: Vec<String> = paths(text).iter().map(|path| path.join("::")).collect();
    let all = ["crate::room::e::g", "super::a::B", "super::a::C", "super::d", "super::super::h::I"];
    assert_eq!(found, all);
    let edges = |pairs: &[(&str, &str)]| {
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            edges.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        edges
    };
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap(), ["b", "c", "b"]);
}

/// The modules of `main.rs`, with whether each is for Linux alone.
fn test_modules(main: &str) -> Vec<(&str, bool)> {
    let lines: Vec<&str> = main.lines().collect();
    lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| {
            let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
            Some((name, at > 0 && lines[at - 1] == "#[cfg(target_os = \"linux\")]"))
        })
        .collect()
}

#[test]
fn tests_that_need_linux_are_for_linux_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let main = read(&folder.join("main.rs"));
    let support = read(&folder.join("support/mod.rs")).replace("pub(crate) ", "");
    let (modules, support) = (test_modules(&main), test_modules(&support));
    let linux = modules.iter().map(|module| ("", module)).chain(support.iter().map(|module| ("support::", module)));
    let linux: Vec<String> = linux
        .filter(|(_, (_, is_linux))| *is_linux)
        .map(|(place, (name, _))| format!("crate::{place}{name}"))
        .collect();
    assert!(modules.len() > 40 && linux.len() > 20, "{linux:?}");
    for (module, is_linux) in modules {
        let path = folder.join(module);
        let paths = if path.is_dir() { files(&path) } else { vec![path.with_extension("rs")] };
        let text: String = paths.iter().map(|path| read(path)).collect();
        let needs = |what: &&String| text.contains(&format!("use {what}::"));
        assert!(is_linux || !linux.iter().any(|what| needs(&what)), "{module} needs what only Linux has");
    }
}
