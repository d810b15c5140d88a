//! Lines for other programs: JavaScript is run, the others name columns that are there.

use std::process::Command;

use gpujobs::report::reference;

use super::blocks;
use crate::support::workshop::Workshop;

/// A device that has nothing to do, for which an example can wait.
const DEVICE: &str = "const device = { queue: { submit() {}, onSubmittedWorkDone: async () => {} } };\n";

#[test]
fn every_example_in_javascript_runs() {
    let examples = blocks(&["js"]);
    assert!(!examples.is_empty());
    for example in examples {
        let shop = Workshop::new();
        let file = shop.write("example.mjs", &format!("{DEVICE}{}console.log('done');\n", example.text));
        let output = Command::new("node").arg(file).output().expect("node");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{}: {output:?}", example.place());
    }
}

/// Names in the examples with an underscore that are no columns: functions, and what the examples themselves name.
const NO_COLUMNS: [&str; 5] = ["read_csv", "pivot_table", "union_by_name", "time_ms", "best_ms"];

/// Other programs are no part of the tests' machine; what ages in the examples are the columns.
#[test]
fn every_column_that_an_example_reads_is_there() {
    let columns = reference::markdown(&reference::columns());
    for language in ["python", "sql", "r"] {
        let examples = blocks(&[language]);
        assert!(!examples.is_empty(), "no example in {language}");
        for example in examples {
            let words = example.text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let names: Vec<&str> = words.filter(|word| word.contains('_') && !NO_COLUMNS.contains(word)).collect();
            assert!(!names.is_empty(), "{} names no column", example.place());
            let unknown: Vec<&&str> = names.iter().filter(|name| !columns.contains(&format!("`{name}`"))).collect();
            assert!(unknown.is_empty(), "{}: there is no column {unknown:?}", example.place());
        }
    }
}
