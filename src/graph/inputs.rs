//! What a job gives to a model that runs in onnxruntime-web, with every expression evaluated.
//!
//! Made from a [`Model`] and a job's variables; `reference::made` makes the data, `render` puts it into the page.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::names::{Names, fnv1a};
use super::{Fill, GraphError, JobVars};
use crate::manifest::Model;
use crate::manifest::model::stages::{FillKind, FillSpec, InputValues};
use crate::manifest::model::{Feed, Given, OnnxFile, Pipeline};

/// An argument of a task; the data of one call holds as many as the job's batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// So many words of a seeded text.
    Words(usize),
    /// These texts, repeated.
    Texts(Vec<String>),
    /// Candidate labels.
    Labels(Vec<String>),
    /// So many samples of a voice-like sound.
    Speech(usize),
    /// A seeded image.
    Picture {
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
    },
    /// A text, a WAV, a PNG or a JPEG.
    File(PathBuf),
}

/// What a pipeline is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// In the order of the task's inputs.
    pub arguments: Vec<Argument>,
    /// Texts are cut to so many tokens.
    pub tokens: Option<usize>,
}

impl Call {
    /// Of a job.
    pub fn of(model: &Model, pipeline: &Pipeline, vars: &JobVars) -> Result<Self, GraphError> {
        let names = Names::of(model, vars)?;
        let argument = |given: &Given| {
            Ok(match given {
                Given::Words(words) => Argument::Words(names.extent(words, || "`words`".to_owned())?),
                Given::Texts(texts) => Argument::Texts(texts.clone()),
                Given::Labels(labels) => Argument::Labels(labels.clone()),
                Given::Speech(samples) => Argument::Speech(names.extent(samples, || "`samples`".to_owned())?),
                Given::Picture(width, height) => Argument::Picture {
                    width: names.extent(width, || "`width`".to_owned())?,
                    height: names.extent(height, || "`height`".to_owned())?,
                },
                Given::File(path) => Argument::File(path.clone()),
            })
        };
        let tokens =
            pipeline.tokens.as_ref().map(|tokens| names.extent(tokens, || "`tokens`".to_owned())).transpose()?;
        Ok(Self { arguments: pipeline.given.iter().map(argument).collect::<Result<_, GraphError>>()?, tokens })
    }
}

/// What an ONNX file is given, as far as its model's manifest says.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeds {
    /// Extents by the names that the file leaves open; `batch` and the like among them.
    pub dims: IndexMap<String, usize>,
    /// The inputs that the manifest speaks of.
    pub feeds: Vec<FeedSpec>,
    /// The job's batch.
    pub batch: u32,
}

/// An input of an ONNX file that the manifest speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedSpec {
    /// Its name.
    pub name: String,
    /// Its extents, where the manifest gives them.
    pub shape: Option<Vec<usize>>,
    /// Its values; `None` where the element type decides.
    pub fill: Option<Fill>,
}

impl Feeds {
    /// Of a job with an ONNX file.
    pub fn of(model: &Model, file: &OnnxFile, vars: &JobVars) -> Result<Self, GraphError> {
        Self::of_feeds(model, &file.feeds, vars)
    }

    /// Of a job that is given these.
    pub fn of_feeds<'a>(
        model: &Model,
        given: impl IntoIterator<Item = &'a Feed>,
        vars: &JobVars,
    ) -> Result<Self, GraphError> {
        let names = Names::of(model, vars)?;
        let mut dims = IndexMap::new();
        for (name, expr) in &model.dims {
            dims.insert(name.clone(), names.extent_from(0, expr, || format!("dim `{name}`"))?);
        }
        let mut feeds = Vec::new();
        for feed in given {
            let name = feed.name.get_ref();
            let extent = |expr| names.extent_from(0, expr, || format!("an extent of `{name}`"));
            let shape = feed.shape.as_ref().map(|shape| shape.iter().map(extent).collect()).transpose()?;
            let values = match &feed.values {
                None => None,
                Some(InputValues::Filled(spec)) => Some(fill(name, spec)),
                Some(InputValues::Tokens { below, seed: written }) => {
                    let below = names.extent(below, || format!("`below` of `{name}`"))?;
                    Some(Fill::Tokens { seed: seed(name, *written), below })
                }
                Some(InputValues::Given(values)) => Some(Fill::Given(values.clone())),
                Some(InputValues::File(file)) => Some(Fill::File(file.clone())),
            };
            feeds.push(FeedSpec { name: name.clone(), shape, fill: values });
        }
        Ok(Self { dims, feeds, batch: vars.batch })
    }
}

/// The parameters and dims of a model in a job with their values, and the custom axes that are numbers, sorted by name.
pub fn numbers(model: &Model, vars: &JobVars) -> Result<IndexMap<String, f64>, GraphError> {
    let names = Names::of(model, vars)?;
    let mut numbers: IndexMap<String, f64> = names.numbers().map(|(name, value)| (name.to_owned(), value)).collect();
    numbers.sort_keys();
    Ok(numbers)
}

/// Uniform in -1 to 1 unless the manifest says otherwise.
fn fill(name: &str, spec: &FillSpec) -> Fill {
    match &spec.kind {
        FillKind::Named(name) => Fill::Named(name.clone()),
        FillKind::Uniform { mean, spread } => {
            Fill::Uniform { seed: seed(name, spec.seed), mean: mean.unwrap_or(0.0), spread: spread.unwrap_or(1.0) }
        }
    }
}

/// The seed of an input, a hash of its name where none is written.
#[must_use]
pub fn seed(name: &str, written: Option<u32>) -> u32 {
    written.unwrap_or_else(|| fnv1a(name))
}
