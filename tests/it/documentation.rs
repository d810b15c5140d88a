//! What the documentation says of the code's tables is what they say: rewritten by
//! `WRITE_DOCUMENTATION=1 cargo test --test it documentation`.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gpujobs::report::reference;

/// Two tests may write one file.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Checks, or writes, what stands between the two marks of a name in a file.
fn holds(file: &str, name: &str, text: &str) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let found = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = found.split_once(&begin).unwrap();
    let (between, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("WRITE_DOCUMENTATION").is_some() {
        fs::write(&path, format!("{before}{begin}{text}{end}{after}")).unwrap();
    } else {
        assert!(
            between == text,
            "{file} is older than the code: WRITE_DOCUMENTATION=1 cargo test --test it documentation"
        );
    }
}

#[test]
fn the_axes_are_those_of_the_table() {
    holds("manifests/README.md", "axes", &reference::axes());
}

#[test]
fn the_tasks_are_those_of_the_table() {
    holds("manifests/README.md", "tasks", &reference::tasks());
}

#[test]
fn the_ops_are_those_of_the_table() {
    holds("shaders/README.md", "ops", &reference::ops());
}

#[test]
fn the_columns_are_those_of_the_table() {
    holds("results/README.md", "columns", &reference::columns());
}
