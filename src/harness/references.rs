//! References for ONNX models: what native onnxruntime makes of the inputs that a page says it gave, and where that does
//! not cover a model, what wasm made of them earlier in the run.
//!
//! Computed once for a model and its inputs, and shared by all jobs of a run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::calls::OnnxCall;
use super::generation;
use crate::graph::{Graph, TensorId, TensorRole};
use crate::manifest::Backend;
use crate::reference::compute;
use crate::reference::onnx::{Computed, OnnxError, Prepared, Runtime, Tensor};
use crate::units::Flops;

/// References that are kept: the jobs of a sweep give the same inputs to the same models.
const KEPT: usize = 64;

/// The same of graphs, all of whose tensors are kept.
const KEPT_GRAPHS: usize = 4;
/// Texts whose references are kept: each has as many logits as tokens.
const KEPT_TEXTS: usize = 8;

/// What a call must give.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// Where it is from; empty where there is none.
    pub(super) name: String,
    /// `None` where there is none.
    pub(super) outputs: Option<Arc<Vec<Tensor>>>,
    /// Why onnxruntime gave none; empty where it did.
    pub(super) why_none: String,
    /// Whether no two outputs are alike, since the model draws random numbers.
    pub(super) random: bool,
    /// Arithmetic of the call, where it was counted.
    pub(super) flops: Option<Flops>,
}

impl Reference {
    fn of_onnxruntime(computed: Computed) -> Self {
        let Computed { outputs, flops } = computed;
        let (outputs, flops) = (Some(Arc::new(outputs)), flops.map(Flops));
        Self { name: "onnxruntime".to_owned(), outputs, why_none: String::new(), random: false, flops }
    }

    fn none(error: &OnnxError) -> Self {
        let random = matches!(error, OnnxError::Random(_));
        Self { name: String::new(), outputs: None, why_none: error.to_string(), random, flops: None }
    }
}

/// References made so far.
#[derive(Debug)]
pub struct References {
    /// onnxruntime's library; `None` where there is none for this system.
    library: Option<PathBuf>,
    kept: Mutex<Vec<(ReferenceKey, Kept)>>,
    /// What the references in Rust made of whole graphs.
    graphs: Mutex<Vec<(GraphKey, Arc<Computation>)>>,
    /// Of texts that were generated, by all their calls.
    texts: Mutex<Vec<(ReferenceKey, Arc<Vec<Reference>>)>>,
    /// What witnesses gave.
    heard: Mutex<Vec<(Testimony, Arc<Heard>)>>,
    /// The model that was asked for last: generated texts ask again and again, with inputs that grow.
    prepared: Mutex<Option<(PathBuf, Prepared)>>,
}

/// What a witness was asked: the calls of a job in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Testimony {
    pub(super) browser: String,
    /// The backend of the job, by which that of the witness is known.
    pub(super) job: Backend,
    /// Which of several devices the job asked for: each may leave other nodes to the CPU.
    pub(super) device: String,
    /// The models' files with digests of their inputs.
    pub(super) given: Vec<(String, [u8; 32])>,
}

/// What a witness gave.
#[derive(Debug)]
pub(super) struct Heard {
    /// The work that neither it nor the job did on a GPU, for instance `2 Conv`.
    pub(super) shared: String,
    /// None where it could not run them.
    pub(super) calls: Vec<OnnxCall>,
}

/// A model and its inputs.
type ReferenceKey = (PathBuf, [u8; 32]);

/// A model of stages and its inputs.
type GraphKey = (Arc<Graph>, [u8; 32]);

/// The values of a graph's computed tensors.
pub(super) type Computation = HashMap<TensorId, Vec<f32>>;

#[derive(Debug, Clone)]
struct Kept {
    /// What onnxruntime made of it, or why it did not.
    native: Result<Arc<Vec<Tensor>>, String>,
    random: bool,
    flops: Option<Flops>,
    /// What wasm made of it first, and in which browser.
    wasm: Option<(String, Arc<Vec<Tensor>>)>,
}

impl References {
    /// Of a run; `library` is onnxruntime's own, which is opened for the first model of ONNX.
    #[must_use]
    pub fn new(library: Option<PathBuf>) -> Self {
        Self {
            library,
            kept: Mutex::default(),
            graphs: Mutex::default(),
            texts: Mutex::default(),
            heard: Mutex::default(),
            prepared: Mutex::default(),
        }
    }

    /// What the stages of a graph make of inputs, which stand for those of its own that have their names. The error names a
    /// stage without a reference.
    pub(super) fn of_graph(&self, graph: &Arc<Graph>, inputs: &[Tensor]) -> Result<Arc<Computation>, String> {
        let key = (graph.clone(), digest(inputs));
        let same = |(other, digest): &GraphKey| {
            *digest == key.1 && (other.tensors == graph.tensors && other.stages == graph.stages)
        };
        let mut kept = self.graphs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, computed)) = kept.iter().find(|(other, _)| same(other)) {
            return Ok(computed.clone());
        }
        let mut given = HashMap::new();
        for (id, tensor) in graph.tensors.iter().enumerate() {
            let own = inputs.iter().find(|input| input.name() == tensor.name);
            if let (TensorRole::Input(_), Some(own)) = (&tensor.role, own) {
                #[expect(clippy::cast_possible_truncation, reason = "references read f32")]
                given.insert(id, own.values_f64().into_iter().map(|value| value as f32).collect());
            }
        }
        let computed = Arc::new(compute(graph, given)?);
        if kept.len() == KEPT_GRAPHS {
            kept.remove(0);
        }
        kept.push((key, computed.clone()));
        Ok(computed)
    }

    /// What a witness gave when it was asked the same before: jobs are made ready again and again.
    pub(super) fn testimony(&self, asked: &Testimony) -> Option<Arc<Heard>> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().find(|(other, _)| other == asked).map(|(_, heard)| heard.clone())
    }

    /// Keeps what a witness gave.
    pub(super) fn heard(&self, asked: Testimony, gave: Arc<Heard>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() == KEPT {
            heard.remove(0);
        }
        heard.push((asked, gave));
    }

    /// The reference of a call that a backend made in a browser. One that wasm made is kept where onnxruntime has none.
    pub(super) fn of(
        &self,
        path: &Path,
        call: &OnnxCall,
        backend: Backend,
        browser: &str,
    ) -> Result<Reference, String> {
        let key = (path.to_owned(), digest(&call.feeds));
        let mut kept = match self.kept(&key) {
            Some(kept) => kept,
            None => self.make(&key, path, call)?,
        };
        let why_none = kept.native.as_ref().err().cloned().unwrap_or_default();
        let (name, outputs) = match (&kept.native, &kept.wasm) {
            (Ok(outputs), _) => ("onnxruntime".to_owned(), Some(outputs.clone())),
            // What a browser's wasm made says nothing about itself. A job on a GPU asks a witness, which says as well what both
            // of them left to the CPU.
            (Err(_), Some((maker, outputs))) if backend == Backend::Wasm && maker != browser => {
                (format!("wasm in {maker}"), Some(outputs.clone()))
            }
            _ => (String::new(), None),
        };
        let reference = Reference { name, outputs, why_none, random: kept.random, flops: kept.flops };
        if kept.native.is_err() && !kept.random && kept.wasm.is_none() && backend == Backend::Wasm {
            kept.wasm = Some((browser.to_owned(), Arc::new(call.fetches.clone())));
            self.keep(key, kept);
        }
        Ok(reference)
    }

    /// The references of the calls that generated a text, one for each; see [`generation`].
    pub(super) fn forced(&self, path: &Path, calls: &[OnnxCall]) -> Result<Arc<Vec<Reference>>, String> {
        let mut hash = Sha256::new();
        for call in calls {
            hash.update(digest(&call.feeds));
        }
        let key: ReferenceKey = (path.to_owned(), hash.finalize().into());
        let known = |texts: &[(ReferenceKey, Arc<Vec<Reference>>)]| {
            texts.iter().find(|(other, _)| *other == key).map(|(_, text)| text.clone())
        };
        if let Some(text) = known(&self.texts.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(text);
        }
        let made = match self.with_model(path, |prepared| generation::decode(prepared, calls)) {
            Ok(steps) => steps.into_iter().map(Reference::of_onnxruntime).collect(),
            Err(error @ (OnnxError::NotCovered(_) | OnnxError::NoRuntime { .. } | OnnxError::Random(_))) => {
                vec![Reference::none(&error); calls.len()]
            }
            Err(error) => return Err(format!("the reference for {}: {error}", path.display())),
        };
        let text = Arc::new(made);
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() == KEPT_TEXTS {
            texts.remove(0);
        }
        texts.push((key, text.clone()));
        Ok(text)
    }

    fn make(&self, key: &ReferenceKey, path: &Path, call: &OnnxCall) -> Result<Kept, String> {
        let kept = match self.with_model(path, |prepared| prepared.run(&call.feeds)) {
            Ok(Computed { outputs, flops }) => {
                Kept { native: Ok(Arc::new(outputs)), random: false, flops: flops.map(Flops), wasm: None }
            }
            Err(error @ (OnnxError::NotCovered(_) | OnnxError::NoRuntime { .. } | OnnxError::Random(_))) => {
                let random = matches!(error, OnnxError::Random(_));
                Kept { native: Err(error.to_string()), random, flops: None, wasm: None }
            }
            Err(error) => return Err(format!("the reference for {}: {error}", path.display())),
        };
        self.keep(key.clone(), kept.clone());
        Ok(kept)
    }

    /// Does something with a model that is ready in onnxruntime.
    fn with_model<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&mut Prepared) -> Result<T, OnnxError>,
    ) -> Result<T, OnnxError> {
        let Some(library) = &self.library else {
            let message = "there is no native onnxruntime for this system".to_owned();
            return Err(OnnxError::NotCovered(message));
        };
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prepared)) = prepared.as_mut().filter(|(known, _)| known == path) {
            return work(prepared);
        }
        // Two models at once may be more than memory holds.
        *prepared = None;
        let (_, prepared) = prepared.insert((path.to_owned(), Runtime::open(library)?.prepare(path)?));
        work(prepared)
    }

    fn kept(&self, key: &ReferenceKey) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == key).map(|(_, kept)| kept.clone())
    }

    fn keep(&self, key: ReferenceKey, one: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != key);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((key, one));
    }
}

/// A digest of tensors' names, types, shapes and values.
pub(super) fn digest(tensors: &[Tensor]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for tensor in tensors {
        hash.update(format!("{} {} {:?}\n", tensor.name(), tensor.kind(), tensor.shape()));
        hash.update(tensor.bytes());
    }
    hash.finalize().into()
}
