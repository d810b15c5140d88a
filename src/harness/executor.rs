//! An executor is a browser as the dispatcher sees it: something that opens, runs one page at a time, and closes.
//!
//! `live` drives a real browser, `fake` plays a script for tests; `run` knows neither.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::graph::{Element, Values};
use crate::plan::Cache;
use crate::protocol::adapter::AdapterFacts;
use crate::protocol::command::Ask;
use crate::protocol::event::{ClockFacts, ExecutionInfo, PageFacts, RawKernel, RawPart, RawPhases, RawSample};
use crate::reference::{Failure, Spread, Verdict};
use crate::render::page::Page;
use crate::render::target::AdapterHint;
use crate::units::{Flops, Nanos};
use crate::webdriver::RemoteFacts;

/// Runs pages.
pub trait Executor {
    /// Has a session ready: the one that is open, or where the cache is cold a fresh one with empty caches.
    fn open(&mut self, cache: Cache) -> impl Future<Output = Result<Opened, OpenError>>;

    /// Loads a page's job, runs it once, and has its output checked. The job stays ready beside those that already are,
    /// until it is released.
    fn prepare(&mut self, page: &Page) -> impl Future<Output = Result<PreparedJob, ExecuteError>>;

    /// Finds out how many inferences the prepared job whose page has this number needs in a sample.
    fn pilot(&mut self, number: u64) -> impl Future<Output = Result<Piloted, ExecuteError>>;

    /// Takes samples of the prepared job whose page has this number, in the order asked for.
    fn measure(&mut self, number: u64, asks: &[Ask]) -> impl Future<Output = Result<Vec<RawSample>, ExecuteError>>;

    /// Takes the time of each kernel of the prepared job whose page has this number.
    fn profile(&mut self, number: u64) -> impl Future<Output = Result<Vec<RawKernel>, ExecuteError>>;

    /// What the outputs of other jobs say of those of the prepared job whose page has this number, where nothing verified
    /// them; in words.
    fn beside(&self, number: u64) -> Option<String>;

    /// How far outputs of the prepared job whose page has this number were from those of its recorded run, see [`Check`].
    fn spread(&self, number: u64) -> Spread;

    /// Bytes of the JS heap that the document holds of the prepared job whose page has this number; `None` where the browser
    /// does not say.
    fn weigh(&mut self, number: u64) -> impl Future<Output = Option<u64>>;

    /// Bytes of memory that the browser's processes hold now; `None` where it runs elsewhere, or the system does not say.
    fn resident(&self) -> Option<u64>;

    /// Lets go of everything that the job with this number holds; harmless when there is none.
    fn release(&mut self, number: u64) -> impl Future<Output = ()>;

    /// Ends the session and everything that belongs to it, whatever its state; harmless when none is open.
    fn close(&mut self) -> impl Future<Output = ()>;
}

/// An open session.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// The browser's version.
    pub browser_version: String,
    /// The driver's version; empty where the driver does not say.
    pub driver_version: String,
    /// Whether it runs without a window.
    pub headless: bool,
    /// The adapter that its jobs will meet.
    pub adapter_hint: AdapterHint,
    /// What is known of the machine that it runs on, where that is not this one.
    pub remote: Option<RemoteFacts>,
    /// What its page has; `None` for an executor without a page.
    pub page: Option<PageFacts>,
    /// Start of the driver and of the session; `None` of one that waited in the queue of a Grid.
    pub session_start: Option<Duration>,
    /// From the navigation to the page's first event.
    pub page_ready: Duration,
}

/// A job that has given its first, verified result.
#[derive(Debug, Clone)]
pub struct PreparedJob {
    /// The adapter, in the browser's words; `None` where no GPU computes.
    pub adapter: Option<AdapterFacts>,
    /// What really ran, beside it.
    pub ran: ExecutionInfo,
    /// The session's clocks.
    pub clocks: ClockFacts,
    /// What the start cost.
    pub phases: RawPhases,
    /// What each part of the model cost, where there are parts.
    pub parts: Vec<RawPart>,
    /// The first inference.
    pub first: RawSample,
    /// The check of its output.
    pub check: Check,
}

/// What a pilot found.
#[derive(Debug, Clone)]
pub struct Piloted {
    /// Inferences that make a sample long enough against the clocks.
    pub iterations: u32,
    /// About how long one of them takes.
    pub inference: Nanos,
    /// What it ran to find out: warm-ups of different lengths.
    pub samples: Vec<RawSample>,
}

/// The check of a job's output.
#[derive(Debug, Clone)]
pub struct Check {
    /// What the reference says.
    pub verdict: Verdict,
    /// What it was compared with: `rust`, `file`, `onnxruntime`, or `wasm in BROWSER`; empty where there was nothing.
    pub reference: String,
    /// Why there was nothing to compare it with, where more is known of that.
    pub unverified: String,
    /// Whether no two of its outputs are alike, since the model draws random numbers.
    pub random: bool,
    /// How far outputs were from those of the recorded run.
    pub spread: Spread,
    /// Arithmetic of one inference, where the reference counted it.
    pub flops: Option<Flops>,
    /// SHA-256 of the model's outputs, the first 16 hexadecimal digits.
    pub output_digest: String,
    /// The model's outputs, where they are to be saved; else empty.
    pub outputs: Vec<PostedOutput>,
}

/// What came of a piece that a page posted.
#[derive(Debug)]
pub enum Checked {
    /// It was not the last one.
    More,
    /// What was posted needs a witness: another backend that computes the same. This is the check as it stands without one.
    Witness(Box<Check>),
    /// All of it was checked.
    Done(Box<Check>),
    /// The outputs of an inference can't be judged before another recorded run was posted.
    Record,
    /// The outputs of an inference were held against the references: how far they are from those of the recorded run, or
    /// where they are wrong.
    Repeated(Result<Spread, Box<Failure>>),
}

/// An output of a model, as it was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedOutput {
    /// The tensor's name. Where a job calls several models, or one several times, the call's number from 0 and a dot
    /// stand before it.
    pub name: String,
    /// How they are saved: halves as f32.
    pub element: Element,
    /// Row-major.
    pub values: Arc<Values>,
}

/// Why a session could not be opened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct OpenError {
    /// What happened and what helps.
    pub message: String,
    /// Whether trying again can't help: the browser or its driver is missing.
    pub missing: bool,
}

/// Why a job did not run to its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// The browser lacks what the job needs.
    #[error("{0}")]
    Unsupported(String),
    /// The output is wrong.
    #[error("{message}")]
    Incorrect {
        /// What was found and what was expected, where.
        message: String,
        /// The check that found it, unless the page itself did.
        check: Option<Box<Check>>,
    },
    /// The job failed; the session stays open.
    #[error("{0}")]
    Failed(String),
    /// The GPU, page, browser or driver is gone.
    #[error("{0}")]
    Lost(String),
}
