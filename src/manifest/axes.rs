//! The table of the axes: what can be compared, and all that gpujobs has to know about each.
//!
//! One entry of [`AXES`] is one axis: its name and values in a manifest, its place in a job's id, its columns in
//! `jobs.csv`. `check`, `schema`, filters, ids, rows and comparisons read the table and know no axis by name. To add one:
//! an entry in `table` and a field of [`JobAxes`] with its default, and what uses it.

mod table;
mod value;

use std::fmt;
use std::fmt::Write as _;
use std::sync::LazyLock;

use indexmap::IndexMap;
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

pub use table::AXES;
pub use value::{DEFAULT, Kind, TUNED, is_name, is_shape, value_of, written};

use super::{AxisValue, Backend};

/// The values of `dtype`, the default first: those of transformers.js.
pub const DTYPES: [&str; 8] = ["fp32", "fp16", "q8", "int8", "uint8", "q4", "bnb4", "q4f16"];
/// The values of `webnn_device`, the default first.
pub const WEBNN_DEVICES: [&str; 3] = ["gpu", "cpu", "npu"];
/// The values of `power_preference`, which has no default.
pub const POWER_PREFERENCES: [&str; 2] = ["high-performance", "low-power"];
/// The workgroup shape of a job that names none.
pub const DEFAULT_SHAPE: [u32; 3] = [64, 1, 1];

/// The values that one job has on the axes.
#[derive(Debug, Clone, PartialEq)]
pub struct JobAxes {
    /// A key of `Manifest::browsers`.
    pub browser: String,
    /// A key of `Manifest::models`.
    pub model: String,
    /// What is asked to compute.
    pub backend: Backend,
    /// Number format of weights and activations.
    pub dtype: String,
    /// Inputs computed together.
    pub batch: u32,
    /// Whether all pipelines are made before the first inference, or each at its first use.
    pub shader_precompilation: bool,
    /// Whether the parts of a model are fetched at the same time, or in turn.
    pub parallel_loading: bool,
    /// Whether first-run figures are taken in a fresh session.
    pub cache: Cache,
    /// Threads of the wasm backend; `None` leaves the choice to the engine.
    pub threads: Option<u32>,
    /// Which device a `WebNN` context is asked for.
    pub webnn_device: String,
    /// Which of several GPUs `requestAdapter` is asked for; `None` leaves the choice to the browser.
    pub power_preference: Option<String>,
    /// A key of `Manifest::sessions`, or `default`.
    pub session: String,
    /// A key of `Manifest::runtimes`, or `default`.
    pub runtime: String,
    /// Tokens of a prompt; `None` leaves the model's text as it is.
    pub prompt_tokens: Option<u32>,
    /// Tokens that are generated; `None` leaves that to the model.
    pub new_tokens: Option<u32>,
    /// Of the job's kernels.
    pub workgroup_size: Workgroup,
    /// The user's custom axes, in the order of `[axes]`.
    pub custom: IndexMap<String, AxisValue>,
}

impl Default for JobAxes {
    /// The default of each axis that has one; no browser and no model.
    fn default() -> Self {
        Self {
            browser: String::new(),
            model: String::new(),
            backend: Backend::Webgpu,
            dtype: DTYPES[0].to_owned(),
            batch: 1,
            shader_precompilation: true,
            parallel_loading: true,
            cache: Cache::Warm,
            threads: None,
            webnn_device: WEBNN_DEVICES[0].to_owned(),
            power_preference: None,
            session: DEFAULT.to_owned(),
            runtime: DEFAULT.to_owned(),
            prompt_tokens: None,
            new_tokens: None,
            workgroup_size: DEFAULT_SHAPE.into(),
            custom: IndexMap::new(),
        }
    }
}

/// [`JobAxes::default`], made once: a plan has many jobs, and each asks which of its values are defaults.
pub static DEFAULTS: LazyLock<JobAxes> = LazyLock::new(JobAxes::default);

/// What gpujobs has to know about an axis.
#[derive(Debug)]
pub struct BuiltInAxis {
    /// The key in `[matrix]`, and in filters.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// A job's value; `None` where none is set.
    pub get: fn(&JobAxes) -> Option<AxisValue>,
    /// Gives a job a value of the axis's kind.
    pub set: fn(&mut JobAxes, &AxisValue),
    /// Its place among the axes in a job's id, and how it stands there.
    id: (u8, InId),
    /// Its columns in `jobs.csv`: one, or one for each extent of a shape.
    pub columns: &'static [&'static str],
    /// What it is, as an editor shows it.
    pub doc: &'static str,
}

impl BuiltInAxis {
    /// What stands for it where it is not named; `None` where nothing can (browser, model) or nothing is set (threads).
    #[must_use]
    pub fn default(&self) -> Option<AxisValue> {
        if self.kind == Kind::Name { None } else { (self.get)(&DEFAULTS) }
    }
}

/// How an axis stands in a job's id. What every job has comes first and is always written; what most jobs leave at its
/// default only where it differs.
#[derive(Debug, Clone, Copy)]
enum InId {
    /// Its value.
    Value,
    /// A word for true and one for false.
    Words(&'static str, &'static str),
    /// `name=value`, where it is not the default.
    Named,
}

/// The entry of a built-in axis.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static BuiltInAxis> {
    AXES.iter().find(|axis| axis.name == name)
}

/// The names of the built-in axes.
#[must_use]
pub fn names() -> Vec<&'static str> {
    AXES.iter().map(|axis| axis.name).collect()
}

/// What stands for a built-in axis that is not named.
#[must_use]
pub fn default_value(name: &str) -> Option<AxisValue> {
    built_in(name)?.default()
}

impl JobAxes {
    /// The value on an axis, built in or custom; `None` where the job has none.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<AxisValue> {
        match built_in(name) {
            Some(axis) => (axis.get)(self),
            None => self.custom.get(name).cloned(),
        }
    }

    /// The stable readable key that these values make, for instance
    /// `chrome/whisper-tiny-encoder/webgpu/128x2x1/precompiled/unroll=4`.
    #[must_use]
    pub fn id(&self) -> String {
        let custom = self.custom.iter().map(|(name, value)| (name.as_str(), value.clone()));
        id_of(|axis| (axis.get)(self), custom)
    }
}

/// The axes in the order in which they stand in an id.
static IN_ID: LazyLock<Vec<&BuiltInAxis>> = LazyLock::new(|| {
    let mut axes: Vec<&BuiltInAxis> = AXES.iter().collect();
    axes.sort_by_key(|axis| axis.id.0);
    axes
});

/// The id that values make; an axis for which there is none is left out of it.
pub fn id_of<'a>(
    value: impl Fn(&BuiltInAxis) -> Option<AxisValue>,
    custom: impl IntoIterator<Item = (&'a str, AxisValue)>,
) -> String {
    let mut id = String::new();
    let mut push = |part: &dyn fmt::Display| {
        // Writing to a String can't fail.
        let _ = if id.is_empty() { write!(id, "{part}") } else { write!(id, "/{part}") };
    };
    for axis in IN_ID.iter() {
        let Some(value) = value(axis) else { continue };
        match axis.id.1 {
            InId::Value => push(&value),
            InId::Words(yes, no) => push(if value == AxisValue::Bool(true) { &yes } else { &no }),
            InId::Named if axis.default().as_ref() == Some(&value) => {}
            InId::Named => push(&format_args!("{}={value}", axis.name)),
        }
    }
    for (name, value) in custom {
        push(&format_args!("{name}={value}"));
    }
    id
}

/// The workgroup of a job's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workgroup {
    /// x, y, z, for all of them.
    Shape([u32; 3]),
    /// Each kernel its own, as tuning found it.
    Tuned,
}

impl Workgroup {
    /// The shape that is the same for all kernels.
    #[must_use]
    pub fn shape(self) -> Option<[u32; 3]> {
        match self {
            Self::Shape(shape) => Some(shape),
            Self::Tuned => None,
        }
    }
}

impl From<[u32; 3]> for Workgroup {
    fn from(shape: [u32; 3]) -> Self {
        Self::Shape(shape)
    }
}

impl fmt::Display for Workgroup {
    /// As in a job id: `128x2x1`, or `tuned`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        AxisValue::from(*self).fmt(f)
    }
}

impl From<Workgroup> for AxisValue {
    fn from(workgroup: Workgroup) -> Self {
        match workgroup {
            Workgroup::Shape(shape) => Self::Shape(shape),
            Workgroup::Tuned => Self::Text(TUNED.to_owned()),
        }
    }
}

/// The state of the caches when a job starts, the default first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Cache {
    /// The session is reused.
    Warm,
    /// A fresh profile and session, GPU caches off.
    Cold,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_axis_gives_back_what_it_was_given_and_has_a_place_of_its_own() {
        let mut axes = JobAxes::default();
        for axis in AXES {
            let other = match axis.kind {
                Kind::Word(words) => AxisValue::Text(words[1].to_owned()),
                Kind::Count => AxisValue::Int(7),
                Kind::Switch => AxisValue::Bool(false),
                Kind::Shape => AxisValue::Shape([8, 4, 2]),
                Kind::Name | Kind::Table | Kind::Custom => AxisValue::Text("x".to_owned()),
            };
            if let (Kind::Word(words), Some(default)) = (axis.kind, axis.default()) {
                assert_eq!(
                    default,
                    AxisValue::Text(words[0].to_owned()),
                    "{}: the first word is the default",
                    axis.name
                );
            }
            assert_ne!((axis.get)(&axes), Some(other.clone()), "{}", axis.name);
            (axis.set)(&mut axes, &other);
            assert_eq!((axis.get)(&axes), Some(other), "{}", axis.name);
        }
        assert_eq!(AXES.iter().map(|axis| axis.id.0).collect::<HashSet<_>>().len(), AXES.len());
        axes.custom.insert("u".to_owned(), AxisValue::Float(0.5));
        assert_eq!(
            axes.id(),
            "x/x/webnn/8x4x2/lazy/dtype=fp16/batch=7/threads=7/webnn_device=cpu/parallel_loading=false/cache=cold\
             /power_preference=low-power/session=x/runtime=x/prompt_tokens=7/new_tokens=7/u=0.5"
        );
    }
}
