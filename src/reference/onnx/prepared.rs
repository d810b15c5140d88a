//! A prepared model: parsed and optimised by tract for the shapes of its first feeds, to be run any number of times.
//!
//! Made by `run`, which keeps it as long as it runs that model with inputs of these shapes.
//!
//! Some models can't be made ready by shapes alone, because a small input says which branch is taken or how long an
//! output is (`use_cache_branch` of a merged decoder). Then the values of such inputs are built in as well.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    DatumType, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, OutletId, TVec, TractError, TractResult,
    TypedModel, TypedRunnableModel,
};
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;

use super::signature::{Dim, Port, Signature, declared};
use super::{ElementType, OnnxError, Tensor, branch, convert, cover, exact, file, flops};

/// A shape as an input has an element a dimension, and models have up to five.
const MOST_STEERING: usize = 8;

/// A model made ready for inputs of certain shapes.
#[derive(Debug)]
pub struct Prepared {
    plan: Arc<TypedRunnableModel>,
    inputs: Vec<Input>,
    built_in: Vec<Tensor>,
    outputs: Vec<Port>,
    flops: Option<u64>,
}

/// What the plan takes, in its order.
#[derive(Debug)]
struct Input {
    name: String,
    kind: ElementType,
    shape: Vec<usize>,
}

impl Prepared {
    /// Makes the model at `path` ready to compute the outputs named in `wanted` (all if it is empty) from inputs of the
    /// types and shapes of `feeds`. Feeds that the model does not have are ignored.
    pub fn new(path: &Path, feeds: &[Tensor], wanted: &[String]) -> Result<Self, OnnxError> {
        let mut proto = file::read(path)?;
        let signature = declared(&proto);
        let mut inputs = matched(&signature, feeds)?;
        let outputs = chosen(&signature, wanted)?;
        let mut built_in = Vec::new();
        let typed = match typed(&proto, path, &inputs, &outputs) {
            Err(OnnxError::NotCovered(_)) if inputs.iter().any(Input::steers) => {
                for input in inputs.extract_if(.., |input| input.steers()) {
                    built_in.push(find(feeds, &input.name)?.clone());
                }
                build_in(&mut proto, &built_in);
                typed(&proto, path, &inputs, &outputs)
            }
            typed => typed,
        }?;
        let flops = flops::count(&typed);
        let plan = guarded(|| plan(typed)).map_err(OnnxError::NotCovered)?;
        Ok(Self { plan, inputs, built_in, outputs, flops })
    }

    /// Floating-point operations of one run of what the wanted outputs need, counted as by [`flops()`](super::flops()).
    #[must_use]
    pub fn flops(&self) -> Option<u64> {
        self.flops
    }

    /// Computes the wanted outputs, in their order. [`OnnxError::BadFeed`] for a feed that is missing or is not as the
    /// model was prepared for: in type or shape, or in value if that is built in.
    pub fn run(&self, feeds: &[Tensor]) -> Result<Vec<Tensor>, OnnxError> {
        for built_in in &self.built_in {
            if find(feeds, built_in.name())? != built_in {
                let message = "the model was made ready for another value".to_owned();
                return Err(OnnxError::BadFeed { input: built_in.name().to_owned(), message });
            }
        }
        let mut values = TVec::new();
        for input in &self.inputs {
            let feed = find(feeds, &input.name)?;
            if *feed.kind() != input.kind || feed.shape() != input.shape {
                let (kind, shape) = (input.kind.name(), &input.shape);
                let message = format!("the model was made ready for {kind} {shape:?}, not {}", described(feed));
                return Err(OnnxError::BadFeed { input: input.name.clone(), message });
            }
            values.push(convert::to_tract(feed).map_err(|error| bad_feed(&input.name, &error))?.into_tvalue());
        }
        let computed = guarded(|| self.plan.run(values)).map_err(OnnxError::Failed)?;
        let outputs = self.outputs.iter().zip(computed);
        outputs
            .map(|(port, value)| {
                guarded(|| convert::from_tract(&port.name, &port.kind, &value)).map_err(OnnxError::Failed)
            })
            .collect()
    }
}

impl Input {
    /// Whether it may decide on branches or shapes.
    fn steers(&self) -> bool {
        let len: usize = self.shape.iter().product();
        matches!(self.kind, ElementType::Bool | ElementType::I32 | ElementType::I64) && len <= MOST_STEERING
    }
}

/// Makes inputs constants.
fn build_in(proto: &mut ModelProto, feeds: &[Tensor]) {
    let graph = proto.graph.get_or_insert_default();
    graph.initializer.extend(feeds.iter().map(convert::to_initializer));
    let conditions = feeds.iter().filter(|feed| *feed.kind() == ElementType::Bool && feed.len() == 1);
    branch::take(graph, &conditions.map(|feed| (feed.name().to_owned(), feed.bytes() == [1])).collect());
}

/// The model in tract's typed form: concrete shapes, no operator yet fused or replaced but by `exact`.
pub(super) fn typed_for(path: &Path, shapes: &[(String, Vec<usize>)]) -> Result<TypedModel, OnnxError> {
    let proto = file::read(path)?;
    let signature = declared(&proto);
    let inputs: Result<Vec<Input>, OnnxError> = signature
        .inputs
        .iter()
        .map(|port| {
            let shape = shapes.iter().find(|(name, _)| *name == port.name);
            let (_, shape) = shape.ok_or_else(|| missing(&port.name))?;
            Ok(Input { name: port.name.clone(), kind: port.kind.clone(), shape: shape.clone() })
        })
        .collect();
    typed(&proto, path, &inputs?, &signature.outputs)
}

fn typed(proto: &ModelProto, path: &Path, inputs: &[Input], outputs: &[Port]) -> Result<TypedModel, OnnxError> {
    // What the file says about shapes inside the graph has names where the inputs have numbers: tract derives them anew.
    let framework = tract_onnx::onnx().with_ignore_value_info(true);
    cover::check(&framework, proto)?;
    guarded(|| {
        let folder = path.parent().unwrap_or(Path::new(""));
        let parsed = framework.parse(proto, folder.to_str())?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(TractError::msg(format!("nothing computes `{name}`")));
        }
        let outlet = |name: &str| outlet(&parsed.outlets_by_name, name);
        let mut model = parsed.model;
        let sources = inputs.iter().map(|input| outlet(&input.name)).collect::<TractResult<Vec<_>>>()?;
        model.set_input_outlets(&sources)?;
        for (position, input) in inputs.iter().enumerate() {
            model.set_input_fact(position, InferenceFact::dt_shape(convert::datum(&input.kind)?, &input.shape))?;
        }
        let results = outputs.iter().map(|port| outlet(&port.name)).collect::<TractResult<Vec<_>>>()?;
        model.select_output_outlets(&results)?;
        let mut typed = model.into_typed()?;
        exact::exchange(&mut typed);
        // In f16 the reference would be as far off as what it is to check.
        typed.transform(&FloatPrecisionTranslator::new(DatumType::F16, DatumType::F32))?;
        Ok(typed)
    })
    .map_err(OnnxError::NotCovered)
}

/// The optimised model's plan; that of the model as it is if tract can't optimise it.
fn plan(typed: TypedModel) -> TractResult<Arc<TypedRunnableModel>> {
    let optimised = guarded(|| typed.clone().into_optimized()?.into_runnable());
    optimised.or_else(|_| typed.into_runnable())
}

fn outlet(outlets: &HashMap<String, OutletId>, name: &str) -> TractResult<OutletId> {
    outlets.get(name).copied().ok_or_else(|| TractError::msg(format!("nothing computes `{name}`")))
}

/// The signature's inputs with their feeds' shapes, in the signature's order.
fn matched(signature: &Signature, feeds: &[Tensor]) -> Result<Vec<Input>, OnnxError> {
    let mut named: HashMap<&str, usize> = HashMap::new();
    let mut inputs = Vec::new();
    for port in &signature.inputs {
        let feed = find(feeds, &port.name)?;
        let bad = |message: String| Err(OnnxError::BadFeed { input: port.name.clone(), message });
        if *feed.kind() != port.kind {
            return bad(format!("the model declares {}, not {}", port.kind.name(), described(feed)));
        }
        if let Some(dims) = &port.dims {
            if dims.len() != feed.shape().len() {
                return bad(format!("the model declares {} dimensions, not {:?}", dims.len(), feed.shape()));
            }
            for (dim, extent) in dims.iter().zip(feed.shape()) {
                let declared = match dim {
                    Dim::Fixed(declared) => declared,
                    Dim::Named(name) => named.entry(name).or_insert(*extent),
                    Dim::Unknown => extent,
                };
                if declared != extent {
                    return bad(format!("{dim:?} is {declared}, not {extent} as in {:?}", feed.shape()));
                }
            }
        }
        inputs.push(Input { name: port.name.clone(), kind: port.kind.clone(), shape: feed.shape().to_vec() });
    }
    Ok(inputs)
}

fn chosen(signature: &Signature, wanted: &[String]) -> Result<Vec<Port>, OnnxError> {
    if wanted.is_empty() {
        return Ok(signature.outputs.clone());
    }
    let find = |name: &String| {
        let known = || signature.outputs.iter().map(|port| port.name.clone()).collect();
        let port = signature.outputs.iter().find(|port| port.name == *name);
        port.cloned().ok_or_else(|| OnnxError::NoOutput { output: name.clone(), known: known() })
    };
    wanted.iter().map(find).collect()
}

fn find<'a>(feeds: &'a [Tensor], name: &str) -> Result<&'a Tensor, OnnxError> {
    feeds.iter().find(|feed| feed.name() == name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> OnnxError {
    OnnxError::BadFeed { input: name.to_owned(), message: "the model needs it and it is not given".to_owned() }
}

fn bad_feed(input: &str, error: &TractError) -> OnnxError {
    OnnxError::BadFeed { input: input.to_owned(), message: format!("{error:#}") }
}

fn described(feed: &Tensor) -> String {
    format!("{} {:?}", feed.kind().name(), feed.shape())
}

/// Runs tract, which panics on some malformed graphs where it should return an error: a file must not end the program.
/// Nothing that it was changing when it panicked is used afterwards.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| format!("{error:#}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(format!("tract panicked: {text}"))
        }
    }
}
