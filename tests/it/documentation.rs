//! What the documentation says of the code's tables is what they say: rewritten by
//! `WRITE_DOCUMENTATION=1 cargo test --test it documentation`.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gpujobs::render::Templates;
use gpujobs::report::reference::{self, ReferenceTable};

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

/// As [`holds`], of tables.
fn tables(file: &str, name: &str, tables: &[ReferenceTable]) {
    assert!(!tables.is_empty(), "{name}");
    holds(file, name, &reference::markdown(tables));
}

#[test]
fn what_manifests_say_is_what_the_code_takes() {
    tables("manifests/README.md", "axes", &reference::axes());
    tables("manifests/README.md", "tasks", &reference::tasks());
    tables("manifests/README.md", "manifest-keys", &reference::manifest_keys());
    tables("manifests/README.md", "model-keys", &reference::model_keys());
}

#[test]
fn what_shaders_say_is_what_the_code_computes() {
    tables("shaders/README.md", "ops", &reference::ops());
    let templates = Templates::new(None, None).unwrap();
    tables("shaders/README.md", "kernel-parameters", &reference::kernel_parameters(templates.kernels()));
}

#[test]
fn what_results_say_is_what_the_code_writes() {
    tables("results/README.md", "columns", &reference::columns());
    tables("results/README.md", "warnings", &reference::warnings());
}

/// Each shipped kernel says what its parameters are.
#[test]
fn each_parameter_of_a_kernel_is_explained() {
    let templates = Templates::new(None, None).unwrap();
    for (kernel, declared) in &templates.kernels().kernels {
        for (name, parameter) in &declared.parameters {
            assert!(parameter.doc.ends_with('.'), "{kernel}.{name}");
        }
    }
}

/// Nothing that can be typed is left without a word.
#[test]
fn each_key_is_explained() {
    for table in [reference::manifest_keys(), reference::model_keys()].concat() {
        let text = reference::markdown(&[table]);
        assert!(text.lines().all(|line| !line.ends_with("|  |")), "{text}");
    }
}
