//! Lines for other programs: JavaScript is run, the others name columns that are there.

use std::process::Command;

use gpujobs::report::reference;

use super::{blocks, root};
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

/// A workflow is GitHub's to read; what it gives to an action of this repository is the action's to take.
#[test]
fn every_workflow_calls_an_action_that_takes_what_it_gives() {
    let examples = blocks(&["yaml"]);
    assert!(!examples.is_empty());
    for example in examples {
        let lines: Vec<&str> = example.text.lines().collect();
        let calls = lines.windows(2).filter_map(|pair| Some((pair[0].split_once("/gpujobs/")?.1, pair[1])));
        let calls: Vec<(&str, &str)> = calls.collect();
        assert!(!calls.is_empty(), "{}: calls no action of this repository", example.place());
        for (action, with) in calls {
            let (folder, _version) = action.split_once('@').expect("a version");
            let action = std::fs::read_to_string(root().join(folder).join("action.yml")).unwrap();
            let given = with.trim().strip_prefix("with: {").and_then(|rest| rest.strip_suffix('}'));
            for pair in given.unwrap_or_else(|| panic!("{}: {with}", example.place())).split(',') {
                let name = pair.split_once(':').expect("a value").0.trim();
                assert!(action.contains(&format!("\n  {name}:\n    description:")), "{}: {name}", example.place());
            }
        }
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
