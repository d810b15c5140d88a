//! A problem is one thing wrong with a file: where, what was found, what was expected, and the remedy.
//!
//! Made by whatever reads or checks a manifest or a model; [`ManifestError`] has all of a file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};

use super::excerpt::Excerpt;

/// A file that can't be used, with everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{} has {}", path.display(), count(*total))]
pub struct ManifestError {
    /// The file as it was named by the user.
    pub path: PathBuf,
    /// What is wrong, in the order of the file: the first of them, where there are very many.
    pub problems: Vec<Problem>,
    /// How many there are.
    total: usize,
}

/// Problems of a file that are shown; nobody reads more of them at once, and drawing each takes time.
pub(super) const MOST_SHOWN: usize = 100;

/// Bytes of a message that are shown: the longest of gpujobs' own, lists of names, have some hundreds.
const LONGEST_WORDS: usize = 4000;

/// One thing wrong with a file: where, what was found, what was expected, and the remedy.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What stands under the marked text: what was found or expected.
    pub label: String,
    /// The marked bytes of the file; `None` when the file as a whole is meant (it could not be read).
    pub span: Option<Range<usize>>,
    /// The remedy.
    pub help: Option<String>,
    /// The file, for drawing.
    text: Option<std::sync::Arc<Excerpt>>,
}

impl Problem {
    /// A problem at a place of the file.
    pub fn at(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), span: Some(span), help: None, text: None }
    }

    /// A problem with the file as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), label: String::new(), span: None, help: None, text: None }
    }

    /// Adds the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.text.as_deref().map(|text| text as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        let span = self.text.as_ref().map_or(span.clone(), |text| text.marked(span));
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(self.label.clone()), span))))
    }
}

impl Diagnostic for ManifestError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

impl ManifestError {
    /// Collects the problems of one file, in the order of the file; `text` is what the spans point into.
    #[must_use]
    pub fn new(path: &Path, text: &str, problems: Vec<Problem>) -> Self {
        Self::shown_as(path, path.display().to_string(), text, problems)
    }

    /// As [`new`](Self::new), for a text that is not quite the file's.
    #[must_use]
    pub fn shown_as(path: &Path, name: String, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        let total = problems.len();
        if total > MOST_SHOWN {
            problems.truncate(MOST_SHOWN);
            // Reading stops after as many.
            let rest = match total - MOST_SHOWN {
                1 => "at least one more error is not shown".to_owned(),
                rest => format!("at least {rest} more errors are not shown"),
            };
            problems.push(Problem::whole(rest).help("mend these first: the same mistake may have made the others"));
        }
        let source = std::sync::Arc::new(Excerpt::new(name, text));
        for problem in &mut problems {
            problem.text = Some(source.clone());
            // A key or a value that is quoted may be as long as the file.
            for words in [&mut problem.message, &mut problem.label].into_iter().chain(&mut problem.help) {
                clip(words);
            }
        }
        Self { path: path.to_owned(), problems, total }
    }
}

fn clip(words: &mut String) {
    if words.len() > LONGEST_WORDS {
        words.truncate(words.floor_char_boundary(LONGEST_WORDS));
        words.push('…');
    }
}

fn count(problems: usize) -> String {
    match problems {
        1 => "an error".to_owned(),
        problems if problems > MOST_SHOWN => format!("more than {MOST_SHOWN} errors"),
        problems => format!("{problems} errors"),
    }
}

/// The candidate most like `name`, if one is like enough to be what was meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = |candidate: &str| 1 + name.len().max(candidate.len()) / 4;
    let letters = name.chars().count();
    candidates
        .into_iter()
        // The distance is no less than the lengths are apart, and to find it takes memory for each pair of letters.
        .filter(|candidate| letters.abs_diff(candidate.chars().count()) <= allowed(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A remedy: the nearest name, if there is one, and then `rest`, which starts in lower case.
#[must_use]
pub fn with_near(near: Option<&str>, rest: &str) -> String {
    let Some(near) = near else { return rest.to_owned() };
    let mut letters = rest.chars();
    let capital = letters.next().map(|letter| letter.to_ascii_uppercase()).into_iter();
    format!("did you mean `{near}`? {}", capital.chain(letters).collect::<String>())
}

/// `a`, `b` and `c`, for messages.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
