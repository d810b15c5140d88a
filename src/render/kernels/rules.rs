//! A rule is an expression over a kernel's parameters and its workgroup, `wg`: a constraint, which holds or does not, or a
//! trait, which is a size.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::Configuration;
use crate::manifest::model::Expr;
use crate::manifest::model::expr::{Scope, brief};
use crate::manifest::problem::Problem;
use crate::render::axis;

/// What a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Constraint,
    Trait,
}

/// A constraint or a trait.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// The form that it is about; `None` where it is about all.
    pub(super) form: Option<String>,
    pub(super) expr: Expr,
    names: HashSet<String>,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Constraint => "constraint",
            Self::Trait => "trait",
        }
    }

    /// What its expression has to be.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Constraint => "a constraint is true or false over the parameters and `wg`, as in \"tm * tn <= 128\"",
            Self::Trait => "a trait is a positive number over the parameters and `wg`, as in \"wg[0] * tn\"",
        }
    }
}

impl Rule {
    pub(super) fn new(kind: Kind, form: Option<String>, expr: Expr) -> Self {
        let names = expr.names();
        Self { kind, form, expr, names }
    }

    pub(super) fn text(&self) -> &str {
        self.expr.text()
    }

    /// Whether its value depends on a parameter.
    pub(super) fn names(&self, parameter: &str) -> bool {
        self.names.contains(parameter)
    }

    pub(super) fn is_of(&self, form: Option<&str>) -> bool {
        self.form.is_none() || self.form.as_deref() == form
    }

    /// Whether a constraint holds; the error says why that can't be told, after its text.
    pub(super) fn holds(&self, names: &Names<'_>) -> Result<bool, String> {
        let value = self.value(names)?;
        bool::try_from(value.clone()).map_err(|_| format!("is {}, which is neither true nor false", brief(&value)))
    }

    /// The binary logarithm of a trait; the error says why it has none, after its text.
    pub(super) fn size(&self, names: &Names<'_>) -> Result<f64, String> {
        let value = self.value(names)?;
        match f64::try_from(value.clone()) {
            Ok(size) if size > 0.0 && size.is_finite() => Ok(size.log2()),
            _ => Err(format!("is {}, which is no positive number", brief(&value))),
        }
    }

    fn value(&self, names: &Names<'_>) -> Result<Value, String> {
        self.expr.value(names).map_err(|reason| format!("can't be evaluated: {reason}"))
    }

    /// What is wrong with its value in a configuration.
    pub(super) fn problem(&self, what: &str, configuration: &Configuration) -> Problem {
        let [x, y, z] = configuration.workgroup;
        let values = configuration.values.iter().filter(|(name, _)| self.names(name));
        let values: Vec<String> = values.map(|(name, value)| format!(", {name} = {value}")).collect();
        let values = values.concat();
        let message = format!("the {} `{}` {what}", self.kind.name(), self.text());
        Problem::at(self.expr.span(), message, format!("with wg = [{x}, {y}, {z}]{values}")).help(self.kind.remedy())
    }
}

/// What rules are about: the parameters' values and the workgroup, by name.
pub(super) struct Names<'a> {
    map: BTreeMap<&'a str, Value>,
    shared: OnceCell<Value>,
}

/// A workgroup has its places, `wg[0]`, and is no list: a list could be repeated without end.
struct Workgroup([u32; 3]);

impl std::fmt::Debug for Workgroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Object for Workgroup {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).map(|extent| Value::from(*extent))
    }
}

/// Those of a configuration.
pub(super) fn names(configuration: &Configuration) -> Names<'_> {
    let values = configuration.values.iter().map(|(name, value)| (name.as_str(), axis(value)));
    let workgroup = Value::from_object(Workgroup(configuration.workgroup));
    Names { map: values.chain([("wg", workgroup)]).collect(), shared: OnceCell::new() }
}

impl Scope for Names<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    fn all(&self) -> Value {
        self.shared.get_or_init(|| Value::from(self.map.clone())).clone()
    }
}
