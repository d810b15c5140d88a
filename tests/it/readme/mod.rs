//! Every example of the documentation is run, rendered or parsed, so that it can't go stale.
//!
//! What a block of code is checked for follows from its language; tests/README.md lists them.

mod commands;
mod configuration;
mod links;
mod snippets;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workshop::Workshop;

/// The languages of blocks, each of which a test here takes all blocks of.
const CHECKED: [&str; 10] = ["sh", "console", "toml", "wgsl", "js", "python", "sql", "r", "rust", "yaml"];

/// Folders that are not the project's own.
const FOREIGN: [&str; 5] = ["target", "node_modules", "corpus", "artifacts", "coverage"];

/// A `.md` file.
struct Document {
    /// Its path in the repository.
    path: String,
    text: String,
}

/// A block of code in a document.
struct Block {
    document: String,
    /// The line on which it begins, from 1.
    line: usize,
    language: String,
    /// Without the indentation of the list that it stands in.
    text: String,
}

impl Block {
    /// What a message calls it.
    fn place(&self) -> String {
        format!("{}:{}", self.document, self.line)
    }

    /// The path that its first line says it is written to: `# models/scale.toml` or `{# shaders/scale.wgsl #}`.
    fn file(&self) -> Option<&str> {
        let said = self.text.lines().next()?.trim_start_matches(['{', '#', ' ']);
        let path = said.split([' ', ',']).next()?;
        path.ends_with(&format!(".{}", self.language)).then_some(path)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document of the repository.
fn documents() -> Vec<Document> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if Path::new(&name).extension().is_some_and(|ending| ending == "md") {
                let text = fs::read_to_string(root().join(&path)).unwrap();
                found.push(Document { path: path.to_str().unwrap().to_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The blocks of a document, in order.
fn blocks_of(document: &Document) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<usize> = None;
    for (index, line) in document.text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (open, fence) {
            (None, Some(language)) => {
                open = Some(line.len() - line.trim_start().len());
                let (language, text) = (language.to_owned(), String::new());
                blocks.push(Block { document: document.path.clone(), line: index + 1, language, text });
            }
            (Some(_), Some(_)) => open = None,
            (Some(indent), None) => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line.get(indent..).unwrap_or(""));
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a block without an end", document.path);
    blocks
}

/// All blocks in these languages.
fn blocks(languages: &[&str]) -> Vec<Block> {
    let all = documents().iter().flat_map(blocks_of).collect::<Vec<_>>();
    all.into_iter().filter(|block| languages.contains(&block.language.as_str())).collect()
}

#[test]
fn no_block_is_in_a_language_that_nothing_checks() {
    let documents = documents();
    for expected in ["README.md", "shaders/README.md", "results/h100/README.md", "tests/fuzz/README.md"] {
        assert!(documents.iter().any(|document| document.path == expected), "{expected} was not found");
    }
    let all = documents.iter().flat_map(blocks_of);
    let unchecked: Vec<String> = all
        .filter(|block| !CHECKED.contains(&block.language.as_str()))
        .map(|block| format!("{}: ```{}", block.place(), block.language))
        .collect();
    assert_eq!(unchecked, [""; 0]);
}

#[test]
fn the_readme_fits_a_few_screens() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 150, "README.md has {lines} lines: what is more belongs into the folders' own");
}

/// The example of tests/README.md is this one.
#[test]
fn every_example_of_a_test_is_here() {
    let here = include_str!("mod.rs");
    let examples = blocks(&["rust"]);
    assert!(!examples.is_empty());
    for example in examples {
        assert!(here.contains(&example.text), "{} is not in tests/it/readme/mod.rs", example.place());
    }
}

#[test]
fn a_kernel_is_measured() {
    let shop = Workshop::new();
    let manifest = "name = 'm'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[measure]\nsamples = 1\nrounds = 1\n";
    shop.run(manifest, &[]).expect(0);
    assert_eq!(shop.column("status"), ["ok"]);
}
