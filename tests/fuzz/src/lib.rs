//! What the targets share: a folder for the files that readers want, and what holds of every error.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gpujobs::manifest::{ManifestError, Problem};
use gpujobs::terminal;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

pub mod models;
pub mod targets;

/// A folder of this process; `TMPDIR` says where, best in memory.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

/// The path of a file in it.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    FOLDER.path().join(name)
}

/// Writes a file into it.
pub fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = path(name);
    std::fs::write(&path, bytes).expect("the temporary folder takes files");
    path
}

/// Draws an error as the program does, and checks what a terminal gets.
pub fn draw(error: &dyn Diagnostic) -> String {
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(110).with_links(false);
    let mut drawn = String::new();
    handler.render_report(&mut drawn, error).expect("an error can be drawn");
    let shown = terminal::styled(&drawn);
    assert!(!terminal::plain(&shown).contains('\u{1b}'));
    shown
}

/// What holds of the errors of a file: each span lies in the text, between letters.
pub fn check_errors(errors: &[ManifestError], path: &Path, text: &str) {
    for error in errors {
        assert!(!error.problems.is_empty(), "an error without a problem");
        error.problems.iter().filter(|_| error.path == path).for_each(|problem| check_span(problem, text));
    }
}

fn check_span(problem: &Problem, text: &str) {
    let Some(span) = problem.span.clone() else { return };
    assert!(text.get(span.clone()).is_some(), "{span:?} of {} bytes: {}", text.len(), problem.message);
    assert!(!problem.message.is_empty());
}

/// The parts of a text that lines such as `--- samples.csv` begin; the first part has no such line.
#[must_use]
pub fn parts<const N: usize>(text: &str) -> [&str; N] {
    let mut rest = text.split("\n--- ");
    std::array::from_fn(|number| {
        let part = rest.next().unwrap_or_default();
        if number == 0 { part } else { part.split_once('\n').map_or("", |(_, part)| part) }
    })
}

/// What begins with a length in so many little-endian bytes and a header: as it is, or, where a header stands at its beginning,
/// the line that it is with its length before it. A fuzzer that changes a header need so not guess how long it is.
#[must_use]
pub fn with_length(input: &[u8], width: usize) -> Vec<u8> {
    if input.first() != Some(&b'{') {
        return input.to_vec();
    }
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, data) = input.split_at(end);
    [&(header.len() as u64).to_le_bytes()[..width], header, data.get(1..).unwrap_or_default()].concat()
}
