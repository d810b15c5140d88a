//! `--filter 'browser=firefox model=whisper*'`: which jobs of a plan to keep.
//!
//! Terms are separated by spaces and must all match. A term is a key, `=` or `!=`, and one or several patterns
//! separated by commas, of which one must match; in a pattern `*` stands for any text and `?` for any character.

use std::borrow::Cow;
use std::ops::Range;

use miette::{Diagnostic, SourceSpan};

use super::{Job, Plan};
use crate::manifest::AxisValue;
use crate::manifest::axes;
use crate::manifest::problem::{listed, nearest};

/// A filter that can't be used, with the place of its fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct FilterError {
    /// What is wrong.
    pub message: String,
    /// The filter as it was typed.
    #[source_code]
    pub filter: String,
    /// The faulty part of it.
    #[label("here")]
    pub span: SourceSpan,
    /// The remedy.
    #[help]
    pub help: String,
}

/// Terms that a job must all match; without a term every job does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    /// `!=`: no pattern may match.
    not: bool,
    patterns: Vec<String>,
}

impl Filter {
    /// Reads a filter; `custom` are the names of the users' custom axes in all manifests that it is for.
    pub fn parse<'a>(filter: &str, custom: impl IntoIterator<Item = &'a str>) -> Result<Self, FilterError> {
        let mut known = axes::names();
        known.push("id");
        known.extend(custom);
        let terms = words(filter).map(|span| term(filter, span, &known)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// Whether the job is to be kept. A job that lacks a custom axis matches no pattern on it.
    #[must_use]
    pub fn matches(&self, job: &Job) -> bool {
        self.matches_values(|key| value(job, key))
    }

    /// Whether a job with these values by key is to be kept; `None` for what it does not have.
    #[must_use]
    pub fn matches_values<'a>(&self, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        self.terms.iter().all(|term| {
            let matched = value(&term.key)
                .is_some_and(|value| term.patterns.iter().any(|pattern| glob(pattern.as_bytes(), value.as_bytes())));
            matched != term.not
        })
    }
}

impl Plan {
    /// Keeps the jobs that match.
    pub fn retain(&mut self, filter: &Filter) {
        self.jobs.retain(|job| filter.matches(job));
    }
}

/// The spans of the words of `text`.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split_whitespace().map(|word| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        start..start + word.len()
    })
}

fn term(filter: &str, span: Range<usize>, known: &[&str]) -> Result<Term, FilterError> {
    let error = |span: Range<usize>, message: String, help: String| FilterError {
        message,
        filter: filter.to_owned(),
        span: span.into(),
        help,
    };
    let word = &filter[span.clone()];
    let Some((left, patterns)) = word.split_once('=') else {
        let help = "write KEY=PATTERN, for instance `browser=firefox model=whisper*`".to_owned();
        return Err(error(span, format!("`{word}` is not a term of a filter"), help));
    };
    let key = left.strip_suffix('!').unwrap_or(left);
    if !known.contains(&key) {
        let near = nearest(key, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        let help = format!("{}The keys are {}", near.unwrap_or_default(), listed(known));
        return Err(error(span.start..span.start + key.len().max(1), format!("no axis is named `{key}`"), help));
    }
    let patterns: Vec<String> = patterns.split(',').map(str::to_owned).collect();
    if patterns.iter().any(String::is_empty) {
        let help = "write a value or a pattern after `=` and between commas; `*` matches everything".to_owned();
        return Err(error(span, format!("a pattern for `{key}` is empty"), help));
    }
    Ok(Term { key: key.to_owned(), not: left.ends_with('!'), patterns })
}

/// What the job has for a key; `None` for a custom axis that it lacks, or a built-in one that is not set.
#[must_use]
pub fn value<'a>(job: &'a Job, key: &str) -> Option<Cow<'a, str>> {
    if key == "id" {
        return Some(job.id.0.as_str().into());
    }
    Some(match job.axes.value(key)? {
        AxisValue::Text(text) => text.into(),
        value => value.to_string().into(),
    })
}

/// Whether `text` matches `pattern`; a star goes back to take one more byte when what follows it fails, so the time
/// is at most the product of the lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star.as_mut() {
                Some((at, taken)) => {
                    *taken += 1;
                    (p, t) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let matches = |pattern: &str, text: &str| glob(pattern.as_bytes(), text.as_bytes());
        assert!(matches("whisper*", "whisper-tiny"));
        assert!(matches("*", ""));
        assert!(matches("*a*b", "xaybzab"));
        assert!(matches("1?8x*", "128x2x1"));
        assert!(!matches("1?8x*", "18x2x1"));
        assert!(!matches("", "a"));
        assert!(!matches("a*b", "abc"));
    }

    #[test]
    fn faults_show_their_place() {
        let error = Filter::parse("model=x brwser=firefox", []).unwrap_err();
        assert_eq!((error.span.offset(), error.span.len()), (8, 6));
        assert!(error.help.starts_with("did you mean `browser`?"), "{}", error.help);
        assert!(Filter::parse("firefox", []).is_err());
        assert!(Filter::parse("browser=", []).is_err());
        assert!(Filter::parse("browser=a,,b", []).is_err());
        assert!(Filter::parse("=a", []).is_err());
        assert!(Filter::parse("unroll=4", []).is_err());
        assert!(Filter::parse("unroll!=4 ", ["unroll"]).is_ok());
        assert_eq!(Filter::parse("", []).unwrap(), Filter::default());
    }
}
