//! The runtime is onnxruntime's own library for this system, opened while gpujobs runs: it computes on the CPU what a
//! page has computed in onnxruntime-web.
//!
//! A [`Runtime`] is opened by `run`, which knows where the library lies, and makes a [`Prepared`] of each model file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use half::f16;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor as OrtTensor, TensorElementType};

use super::{ElementType, OnnxError, Tensor, flops, proto, signature};

/// A process holds one copy of the library, with one environment.
static OPENED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The library begins to collect telemetry as it is opened, writes a database into the user's cache and sends it to its maker,
/// unless this is set before.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// The package of npm that holds the library.
pub const PACKAGE: &str = "onnxruntime-node";

/// The library for this system below a `node_modules`; `None` where the package is not installed or has none for it.
#[must_use]
pub fn library(node_modules: &Path) -> Option<PathBuf> {
    let (system, file) = match std::env::consts::OS {
        "linux" => ("linux", "libonnxruntime.so.1"),
        "macos" => ("darwin", "libonnxruntime.1.dylib"),
        "windows" => ("win32", "onnxruntime.dll"),
        _ => return None,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    let library = node_modules.join(PACKAGE).join("bin/napi-v6").join(system).join(processor).join(file);
    library.is_file().then_some(library)
}

/// Sees to it that onnxruntime sends no telemetry: where its variable is not set, the program starts anew with it, in the same
/// process. Called before anything else is done; a process can't safely change its own environment later.
pub fn disable_telemetry() {
    #[cfg(unix)]
    if !telemetry_is_disabled()
        && let Ok(program) = std::env::current_exe()
    {
        use std::os::unix::process::CommandExt;
        // It returns only where that failed; then the library is not opened.
        let mut arguments = std::env::args_os();
        let mut command = std::process::Command::new(program);
        command.arg0(arguments.next().unwrap_or_default()).args(arguments).env(NO_TELEMETRY, "1");
        let _ = command.exec();
    }
}

fn telemetry_is_disabled() -> bool {
    std::env::var_os(NO_TELEMETRY).is_some_and(|value| value == "1")
}

/// An opened library.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
}

/// A model made ready: read, checked and planned by onnxruntime, for inputs of any shapes that it takes.
#[derive(Debug)]
pub struct Prepared {
    session: Session,
    /// The equation of each `Einsum` by its node's name: the trace of a run has shapes only.
    equations: BTreeMap<String, String>,
}

/// What a model made of its inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// Every output, in the model's order.
    pub outputs: Vec<Tensor>,
    /// Floating-point operations of the run, counted as [`Prepared::run`] says.
    pub flops: Option<u64>,
}

impl Runtime {
    /// Opens the library at `library`. A process opens one: to ask for another one later is [`OnnxError::NoRuntime`], as is a
    /// file that is no onnxruntime, or too old a one.
    pub fn open(library: &Path) -> Result<Self, OnnxError> {
        let failed = |message: String| OnnxError::NoRuntime { library: library.to_owned(), message };
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, environment)) = &*opened {
            if path != library {
                return Err(failed(format!("{} is open already", path.display())));
            }
            return Ok(Self { environment: environment.clone() });
        }
        // On Windows it is the system that collects, which `with_telemetry` below tells it not to.
        if cfg!(unix) && !telemetry_is_disabled() {
            return Err(failed(format!("it would send telemetry; set {NO_TELEMETRY}=1")));
        }
        let builder = ort::init_from(library).map_err(|error| failed(error.to_string()))?;
        let environment = builder.with_name("gpujobs").with_telemetry(false).build();
        let environment = environment.map_err(|error| failed(error.to_string()))?;
        // It returns what went wrong; written to our stderr as well, that would be a stranger's words in the progress.
        environment.set_log_level(LogLevel::Fatal);
        *opened = Some((library.to_owned(), environment.clone()));
        Ok(Self { environment })
    }

    /// Makes the model at `path` ready. [`OnnxError::Unreadable`] for what is no model, [`OnnxError::NotCovered`] for one that
    /// has operators unknown to onnxruntime, [`OnnxError::Random`] for one with operators without one right answer.
    pub fn prepare(&self, path: &Path) -> Result<Prepared, OnnxError> {
        let model = proto::read(path)?;
        let random: Vec<String> =
            signature::declared(&model).operators.into_keys().filter(|operator| draws(operator)).collect();
        if !random.is_empty() {
            return Err(OnnxError::Random(format!("`{}` draws random numbers", random.join("`, `"))));
        }
        let equations = signature::nodes(&model).into_iter().filter_map(proto::NodeProto::equation).collect();
        let session = self.session(path).map_err(|error| OnnxError::NotCovered(error.to_string()))?;
        Ok(Prepared { session, equations })
    }

    /// A session that computes the graph as it is written, node by node: what an optimiser may get wrong is to be found in the
    /// page, not shared with it. Unpacked weights are in the trace, and no thread spins while the page is measured.
    fn session(&self, path: &Path) -> ort::Result<Session> {
        let builder = Session::builder(&self.environment)?
            .with_log_level(LogLevel::Fatal)?
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .with_prepacking(false)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false);
        builder?.commit_from_file(path)
    }
}

/// Whether an operator has no one right answer.
fn draws(operator: &str) -> bool {
    operator.starts_with("Random") || ["Bernoulli", "Multinomial"].contains(&operator)
}

impl Prepared {
    /// The names of its inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.session.inputs().iter().map(ort::value::Outlet::name)
    }

    /// Computes all outputs. `feeds` must hold every input of the model; others are ignored.
    ///
    /// Counted are the products of the run, 2 operations for each that enters a sum: those of `MatMul` and its integer and
    /// few-bit forms, `Gemm`, `Einsum` of two operands, `Conv`, `ConvTranspose`, recurrent layers and attention (masked
    /// products too), as often as loops and branches ran them. Elementwise functions, reductions and softmax are not counted: they
    /// are bound by memory and a small part of any model that has a product. The count is `None` where an operator hides its
    /// products (a mixture of experts, a Fourier transform).
    pub fn run(&mut self, feeds: &[Tensor]) -> Result<Computed, OnnxError> {
        let find = |name: &str| feeds.iter().find(|feed| feed.name() == name);
        let missing = |name: &str| OnnxError::BadFeed {
            input: name.to_owned(),
            message: "the model needs it and it is not given".to_owned(),
        };
        let mut values = Vec::new();
        for input in self.session.inputs() {
            let feed = find(input.name()).ok_or_else(|| missing(input.name()))?;
            let bad =
                |error: ort::Error| OnnxError::BadFeed { input: feed.name().to_owned(), message: error.to_string() };
            values.push((feed.name().to_owned(), to_value(feed).map_err(bad)?));
        }
        let failed = |error: ort::Error| OnnxError::Failed(error.to_string());
        // Of this run only: what a killed program leaves of a longer one nobody would take away.
        let traces = tempfile::tempdir().map_err(|error| OnnxError::Failed(error.to_string()))?;
        let mut options = RunOptions::new().map_err(failed)?;
        options.enable_profiling(traces.path().join("run")).map_err(failed)?;
        let computed = self.session.run_with_options(values, &options).map_err(failed)?;
        let outputs = computed.iter().map(|(name, value)| from_value(name, &value)).collect::<Result<_, _>>()?;
        drop(computed);
        Ok(Computed { outputs, flops: flops::of_trace(traces.path(), &self.equations) })
    }
}

/// A value of one element type from a tensor's bytes.
fn value<T, const N: usize>(feed: &Tensor, decode: fn([u8; N]) -> T) -> ort::Result<DynValue>
where
    T: PrimitiveTensorElementType + Clone + std::fmt::Debug + 'static,
{
    let values: Vec<T> = feed.bytes().as_chunks().0.iter().map(|bytes| decode(*bytes)).collect();
    Ok(OrtTensor::from_array((feed.shape().to_vec(), values))?.into_dyn())
}

fn to_value(feed: &Tensor) -> ort::Result<DynValue> {
    match feed.kind() {
        ElementType::F32 => value(feed, f32::from_le_bytes),
        ElementType::F16 => value(feed, f16::from_le_bytes),
        ElementType::F64 => value(feed, f64::from_le_bytes),
        ElementType::I64 => value(feed, i64::from_le_bytes),
        ElementType::I32 => value(feed, i32::from_le_bytes),
        ElementType::I16 => value(feed, i16::from_le_bytes),
        ElementType::I8 => value(feed, i8::from_le_bytes),
        ElementType::U64 => value(feed, u64::from_le_bytes),
        ElementType::U32 => value(feed, u32::from_le_bytes),
        ElementType::U16 => value(feed, u16::from_le_bytes),
        ElementType::U8 => value(feed, u8::from_le_bytes),
        ElementType::Bool => value(feed, |[byte]: [u8; 1]| byte != 0),
        ElementType::Other(name) => Err(ort::Error::new(format!("elements of type {name} are not supported"))),
    }
}

/// A tensor's bytes from a value of one element type.
fn bytes<T, const N: usize>(value: &DynValue, encode: fn(T) -> [u8; N]) -> ort::Result<(Vec<usize>, Vec<u8>)>
where
    T: PrimitiveTensorElementType + Copy,
{
    let (shape, values) = value.try_extract_tensor::<T>()?;
    let shape = shape.iter().map(|extent| usize::try_from(*extent).unwrap_or(0)).collect();
    Ok((shape, values.iter().flat_map(|value| encode(*value)).collect()))
}

fn from_value(name: &str, value: &DynValue) -> Result<Tensor, OnnxError> {
    let found = |kind, bytes: ort::Result<(Vec<usize>, Vec<u8>)>| {
        let (shape, bytes) = bytes.map_err(|error| OnnxError::Failed(error.to_string()))?;
        Tensor::new(name, kind, shape, bytes)
    };
    match value.dtype().tensor_type() {
        Some(TensorElementType::Float32) => found(ElementType::F32, bytes(value, f32::to_le_bytes)),
        Some(TensorElementType::Float16) => found(ElementType::F16, bytes(value, f16::to_le_bytes)),
        Some(TensorElementType::Float64) => found(ElementType::F64, bytes(value, f64::to_le_bytes)),
        Some(TensorElementType::Int64) => found(ElementType::I64, bytes(value, i64::to_le_bytes)),
        Some(TensorElementType::Int32) => found(ElementType::I32, bytes(value, i32::to_le_bytes)),
        Some(TensorElementType::Int16) => found(ElementType::I16, bytes(value, i16::to_le_bytes)),
        Some(TensorElementType::Int8) => found(ElementType::I8, bytes(value, i8::to_le_bytes)),
        Some(TensorElementType::Uint64) => found(ElementType::U64, bytes(value, u64::to_le_bytes)),
        Some(TensorElementType::Uint32) => found(ElementType::U32, bytes(value, u32::to_le_bytes)),
        Some(TensorElementType::Uint16) => found(ElementType::U16, bytes(value, u16::to_le_bytes)),
        Some(TensorElementType::Uint8) => found(ElementType::U8, bytes(value, u8::to_le_bytes)),
        Some(TensorElementType::Bool) => found(ElementType::Bool, bytes(value, |bit: bool| [u8::from(bit)])),
        _ => Err(OnnxError::NotCovered(format!("output `{name}` is {}, no tensor of numbers", value.dtype()))),
    }
}
