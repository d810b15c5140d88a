//! The stages of `lib.rs` stand in the order of the data: a file names only stages to its left.

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
