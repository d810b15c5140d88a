//! The parameters of ops: what each may be, and what stands for one that is not written.
//!
//! [`check`] judges a stage's and [`fill`] adds the rest, once; shape rules, references and shaders then find each of them.

use strum::VariantNames;

use super::activation::Activation;
use super::complaint::{About, Checked, Complaint};
use crate::graph::{Param, Stage};
use crate::manifest::problem::nearest;

/// A parameter of an op.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
}

impl Parameter {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true`, or `false` where it is absent.
    Switch,
    /// A whole number; without a default it must be written.
    Whole {
        /// The least that it may be.
        least: i64,
        /// What stands for it where it is absent.
        default: Option<i64>,
    },
    /// One of these whole numbers, the first where it is absent.
    OneOf {
        /// All of them.
        values: &'static [i64],
        /// For messages.
        says: &'static str,
    },
    /// A whole number of either sign, which must be written.
    Signed,
    /// A number.
    Real {
        /// What stands for it where it is absent.
        default: f64,
    },
    /// A number from 0.
    NotNegative {
        /// What stands for it where it is absent.
        default: f64,
    },
    /// The name of an activation.
    Activation {
        /// What stands for it where it is absent.
        default: Activation,
    },
}

pub(super) const HEADS: Parameter = Parameter::new("heads", Kind::Whole { least: 1, default: None });
pub(super) const CAUSAL: Parameter = Parameter::new("causal", Kind::Switch);
pub(super) const ACTIVATION: Parameter = Parameter::new("activation", Kind::Activation { default: Activation::None });
pub(super) const STRIDE: Parameter = Parameter::new("stride", Kind::Whole { least: 1, default: Some(1) });
pub(super) const PADDING: Parameter = Parameter::new("padding", Kind::Whole { least: 0, default: Some(0) });

/// Checks the parameters of a stage: all known, those without a default written, each what it may be.
pub(super) fn check(known: &[Parameter], stage: &Stage) -> Checked<()> {
    if let Some(unknown) = stage.params.keys().find(|key| !known.iter().any(|one| one.name == *key)) {
        let names: Vec<&str> = known.iter().map(|one| one.name).collect();
        return Err(Complaint::unknown(About::Key(unknown.clone()), "parameter", unknown, &names));
    }
    for Parameter { name, kind } in known {
        match (stage.params.get(*name), kind.default()) {
            (Some(found), _) => kind.check(name, found)?,
            (None, Some(_)) => {}
            (None, None) => {
                let message = format!("it needs a parameter `{name}`");
                let help = format!("add {}: params = {{ {name} = … }}", kind.may_be());
                return Err(Complaint::new(About::Op, message, "without it").help(help));
            }
        }
    }
    Ok(())
}

/// Gives parameters that are not written their defaults.
pub(super) fn fill(known: &[Parameter], stage: &mut Stage) {
    for Parameter { name, kind } in known {
        if let (false, Some(default)) = (stage.params.contains_key(*name), kind.default()) {
            stage.params.insert((*name).to_owned(), default);
        }
    }
}

impl Kind {
    /// What it may be and what stands for it, for the documentation.
    #[must_use]
    pub fn says(self) -> String {
        let or = |default: Option<Param>| default.map_or_else(String::new, |value| format!("; default {value}"));
        self.may_be() + &or(self.default())
    }

    fn may_be(self) -> String {
        match self {
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Whole { least, .. } => format!("a whole number from {least}"),
            Self::OneOf { says, .. } => says.to_owned(),
            Self::Signed => "a whole number".to_owned(),
            Self::Real { .. } => "a number".to_owned(),
            Self::NotNegative { .. } => "a number from 0".to_owned(),
            Self::Activation { .. } => {
                Activation::VARIANTS.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn default(self) -> Option<Param> {
        match self {
            Self::Switch => Some(Param::Bool(false)),
            Self::Whole { default, .. } => default.map(Param::Int),
            Self::OneOf { values, .. } => values.first().copied().map(Param::Int),
            Self::Signed => None,
            Self::Real { default } | Self::NotNegative { default } => Some(Param::Float(default)),
            Self::Activation { default } => Some(Param::Text(default.to_string())),
        }
    }

    fn check(self, name: &str, found: &Param) -> Checked<()> {
        match (self, found) {
            (Self::Switch, Param::Bool(_))
            | (Self::Signed | Self::Real { .. }, Param::Int(_))
            | (Self::Real { .. }, Param::Float(_))
            | (Self::NotNegative { .. }, Param::Int(0..)) => return Ok(()),
            (Self::Whole { least, .. }, Param::Int(value)) if (least..=i64::from(u32::MAX)).contains(value) => {
                return Ok(());
            }
            (Self::OneOf { values, .. }, Param::Int(value)) if values.contains(value) => return Ok(()),
            (Self::NotNegative { .. }, Param::Float(value)) if *value >= 0.0 => return Ok(()),
            (Self::Activation { .. }, Param::Text(text)) if text.parse::<Activation>().is_ok() => return Ok(()),
            _ => {}
        }
        let complaint = Complaint::value(name, &format!("is {found}"), &format!("expected {}", self.may_be()));
        Err(match (self, found) {
            (Self::Activation { .. }, Param::Text(text)) => {
                let near = nearest(text, Activation::VARIANTS.iter().copied());
                near.map(|near| format!("did you mean `{near}`?")).into_iter().fold(complaint, Complaint::help)
            }
            _ => complaint,
        })
    }
}

/// A parameter that was checked to be a whole number from 0.
pub(super) fn whole(stage: &Stage, key: &str) -> usize {
    usize::try_from(signed(stage, key)).unwrap_or(0)
}

/// One that was checked to be a whole number.
pub(super) fn signed(stage: &Stage, key: &str) -> i64 {
    if let Some(Param::Int(value)) = stage.params.get(key) { *value } else { 0 }
}

/// One that was checked to be a number.
pub(super) fn real(stage: &Stage, key: &str) -> f64 {
    match stage.params.get(key) {
        Some(Param::Int(value)) => *value as f64,
        Some(Param::Float(value)) => *value,
        _ => 0.0,
    }
}

/// One that was checked to be `true` or `false`.
pub(super) fn switch(stage: &Stage, key: &str) -> bool {
    stage.params.get(key) == Some(&Param::Bool(true))
}

/// The one that was checked to name an activation.
pub(super) fn activation(stage: &Stage) -> Activation {
    let Some(Param::Text(name)) = stage.params.get("activation") else { return Activation::None };
    name.parse().unwrap_or(Activation::None)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::graph::{Graph, JobVars, Param};
    use crate::manifest::Model;

    /// The graph of a layer norm with these parameters.
    fn layer_norm(params: &str) -> Result<Graph, String> {
        let text = format!(
            "family = 'text'\n[[input]]\nname = 'x'\nshape = [2, 4]\n[[stage]]\nop = 'layer_norm'\nin = ['x']\n\
             weights = {{ weight = [4], bias = [4] }}\nparams = {{ {params} }}\nout = {{ y = [2, 4] }}\n"
        );
        let model = Model::parse("m", Path::new("m.toml"), &text).unwrap();
        Graph::of(&model, &JobVars::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_has_its_default_and_what_is_wrong_is_said() {
        assert_eq!(layer_norm("").unwrap().stages[0].params["eps"], Param::Float(1e-5));
        assert_eq!(layer_norm("eps = 1").unwrap().stages[0].params["eps"], Param::Int(1));
        for (params, said) in [
            ("eps = -1e-5", "parameter `eps` is -0.00001, expected a number from 0"),
            ("eps = true", "parameter `eps` is true, expected a number from 0"),
            ("epsilon = 1e-5", "it has no parameter `epsilon`"),
        ] {
            let error = layer_norm(params).unwrap_err();
            assert_eq!(error, format!("model `m`, stage `layer_norm` (layer_norm): {said}"));
        }
    }
}
