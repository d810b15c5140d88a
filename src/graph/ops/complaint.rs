//! Why a stage does not fit its op.

use crate::manifest::problem::{listed, nearest, with_near};

/// Why a stage does not fit its op: what is wrong, and with which part of it.
pub(in crate::graph) struct Complaint {
    pub(in crate::graph) about: About,
    /// What is wrong.
    pub(in crate::graph) message: String,
    /// What stands under the marked text.
    pub(in crate::graph) label: String,
    /// The remedy.
    pub(in crate::graph) help: Option<String>,
}

/// A part of a stage.
pub(in crate::graph) enum About {
    /// The stage as a whole.
    Op,
    /// An input, by position.
    Input(usize),
    /// A weight, by key.
    Weight(String),
    /// Its output.
    Output,
    /// A parameter that is there and should not be.
    Key(String),
    /// The value of a parameter.
    Value(String),
}

pub(super) type Checked<T = u64> = Result<T, Complaint>;

impl Complaint {
    /// About a part of the stage; `label` says in a few words what is wrong there.
    pub(super) fn new(about: About, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { about, message: message.into(), label: label.into(), help: None }
    }

    /// A tensor of another shape than the rule asks for; `what` is, for instance, ``weight `bias` ``.
    pub(super) fn shape(about: About, what: &str, found: &[usize], expected: &str) -> Self {
        Self::new(about, format!("{what} has shape {found:?}, expected {expected}"), format!("expected {expected}"))
    }

    /// Adds the remedy.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A parameter with a value that it can't have: "is 9", "expected 0 to 3".
    pub(super) fn value(name: &str, found: &str, expected: &str) -> Self {
        Self::new(About::Value(name.to_owned()), format!("parameter `{name}` {found}, {expected}"), expected)
    }

    /// A causal mask over a rectangle.
    pub(super) fn not_square(keys: usize, queries: usize) -> Self {
        let message = format!("`causal` needs as many keys as queries, not {keys} and {queries}");
        Self::new(About::Value("causal".to_owned()), message, "not with these shapes")
    }

    /// A name that is none of `known`: "it has no weight `x`"; `what` is "weight", say.
    pub(super) fn unknown(about: About, what: &str, name: &str, known: &[&str]) -> Self {
        let rest = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", listed(known)) };
        Self::new(about, format!("it has no {what} `{name}`"), "not known")
            .help(with_near(nearest(name, known.iter().copied()), &rest))
    }
}
