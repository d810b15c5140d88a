//! A model id names a model in a store and on a hub: `name` or `org/name`.
//!
//! Made from what a user typed or wrote in a manifest; used as a path below a store's folder and as a part of the hub's
//! addresses, so that only what is harmless in both can be one.

use std::fmt;
use std::str::FromStr;

use miette::Diagnostic;

use crate::registry::Package;

/// The hub's own limit.
const LONGEST: usize = 96;

/// A name that is one on the hub and a folder below a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(String);

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("{id:?} can't be a model's id: {why}")]
#[diagnostic(help(
    "an id is `name` or `org/name`, of letters, digits, `-`, `_` and `.`, for instance onnx-community/whisper-tiny"
))]
pub struct IdError {
    /// What was found.
    pub id: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl ModelId {
    /// Of what a registry's package holds at its version. A scope's `/` is a dot; no id that somebody types is this one.
    #[must_use]
    pub fn of_package(package: &Package) -> Self {
        let name = package.name.trim_start_matches('@').replace('/', ".");
        Self(format!("{}/{name}@{}", package.registry, package.version))
    }

    /// As typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `org` and `name`, or `name` alone.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The id as the name of one folder. No two ids share one, since `--` stands in no id.
    #[must_use]
    pub fn flat(&self) -> String {
        self.0.replace('/', "--")
    }

    /// The id whose [`flat`](Self::flat) name this is.
    #[must_use]
    pub fn of_flat(name: &str) -> Option<Self> {
        name.replacen("--", "/", 1).parse().ok()
    }
}

impl FromStr for ModelId {
    type Err = IdError;

    fn from_str(id: &str) -> Result<Self, IdError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let why = if id.is_empty() || id.split('/').any(str::is_empty) {
            "a part of it is empty"
        } else if id.split('/').count() > 2 {
            "it has more than two parts"
        } else if !id.chars().all(|c| c == '/' || allowed(c)) {
            "it holds a character that no id has"
        } else if id.contains("..") || id.contains("--") {
            "it holds `..` or `--`, which the hub forbids"
        } else if id.split('/').any(|part| part.starts_with(['.', '-']) || part.ends_with(['.', '-'])) {
            "a part of it begins or ends with `.` or `-`"
        } else if id.len() > LONGEST {
            "it is longer than 96 characters"
        } else {
            return Ok(Self(id.to_owned()));
        };
        Err(IdError { id: id.to_owned(), why })
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_name_or_a_name_of_an_organisation() {
        for id in ["gpt2", "onnx-community/whisper-tiny.en", "a_b/C1"] {
            let read: ModelId = id.parse().unwrap();
            assert_eq!(ModelId::of_flat(&read.flat()), Some(read));
        }
    }

    #[test]
    fn a_package_has_an_id() {
        for (text, id) in
            [("pypi:silero-vad@6.2.3", "pypi/silero-vad@6.2.3"), ("npm:@org/n_a.me@1.0.0", "npm/org.n_a.me@1.0.0")]
        {
            let made = ModelId::of_package(&text.parse().unwrap());
            assert_eq!(made.as_str(), id);
            assert!(id.parse::<ModelId>().is_err(), "no model of a hub lies there");
        }
    }

    #[test]
    fn what_could_leave_the_folder_is_no_id() {
        let long = "x".repeat(97);
        for id in [
            "", "/", "a/", "/a", "a//b", "a/b/c", "..", "a/..", "../a", "a..b", ".hidden", "a/.git", "-x", "a\\b",
            "a b", "a--b", "C:", "ä", "a\0", "a/b\n", "name.", &long,
        ] {
            assert!(id.parse::<ModelId>().is_err(), "{id:?}");
        }
        insta::assert_snapshot!("../evil".parse::<ModelId>().unwrap_err(), @r#""../evil" can't be a model's id: it holds `..` or `--`, which the hub forbids"#);
    }
}
