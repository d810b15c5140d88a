//! A run event is what happens while jobs run; made by the dispatcher, read by `record` and `report`, which never
//! speak to it.

use jiff::Timestamp;

use crate::harness::executor::{Check, Opened};
use crate::manifest::Backend;
use crate::measure::Measurement;
use crate::measure::drift::Drift;
use crate::plan::Job;
use crate::render::page::{Page, PageError};
use crate::units::{Bytes, Flops};

/// What happens, in the order in which it happens.
#[derive(Debug)]
pub enum RunEvent<'run> {
    /// A job is about to be tried.
    JobStarted {
        /// The job.
        job: &'run Job,
        /// Its position in the plan, from 0.
        index: usize,
    },
    /// A try was lost, and there will be another.
    Retrying {
        /// The job.
        job: &'run Job,
        /// Why.
        reason: String,
    },
    /// A job came to its end.
    JobFinished(Box<JobReport>),
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// It ran, and its output is right or makes no claim.
    Ok,
    /// It ran, and its output is wrong.
    Incorrect,
    /// Something that it needs is not there.
    Unsupported,
    /// It did not run to its end.
    Failed,
    /// It did not end in time.
    TimedOut,
    /// It was not tried.
    Skipped,
}

/// Everything known of one job at its end.
#[derive(Debug, Clone)]
pub struct JobReport {
    /// The job.
    pub job: Job,
    /// How it ended.
    pub status: Status,
    /// Why it did not end well; empty for `ok`.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When the last try began.
    pub started_at: Timestamp,
    /// The session that ran it, where one was there.
    pub session: Option<Opened>,
    /// The backend that ran.
    pub backend_used: Option<Backend>,
    /// Why it is not the one asked for.
    pub fallback_reason: String,
    /// What it cost; only of a job that ran to its end with an output that is not wrong.
    pub measurement: Option<Measurement>,
    /// What is known of the page that ran.
    pub page: Option<PageReport>,
    /// What the check of a wrong output found.
    pub wrong: Option<Check>,
    /// What else went on while it was measured.
    pub circumstances: Circumstances,
}

/// What else went on while a job was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Circumstances {
    /// Names the group whose jobs took turns with this one, uniquely in the run; `None` where it had no company.
    pub group: Option<usize>,
    /// The common drift of the times of the group's jobs; `None` of a job that has none.
    pub drift: Option<Drift>,
    /// Processors that other programs kept busy, on average.
    pub others: Option<f64>,
    /// The GPU's state in its turns; `None` where nothing tells.
    pub gpu: Option<GpuState>,
    /// Bytes of memory that its browser held, the most that was read; `None` where nothing tells.
    pub resident: Option<u64>,
    /// Bytes of the JS heap that its document held after its last sample; `None` where nothing tells.
    pub heap: Option<u64>,
    /// Whether the group's jobs are so unlike that their samples hold different numbers of inferences.
    pub uneven: bool,
    /// Whether the time of a job ran out before each had the samples that it was to have.
    pub cut_short: bool,
}

/// The state of a GPU while a job was measured, medians.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GpuState {
    /// Clock of the multiprocessors.
    pub clock_mhz: Option<f64>,
    /// What it drew.
    pub power_w: Option<f64>,
    /// Of the chip.
    pub temperature_c: Option<f64>,
}

/// What is known of a page without running it.
#[derive(Debug, Clone)]
pub struct PageReport {
    /// SHA-256 of all WGSL, the first 16 hexadecimal digits.
    pub shader_digest: String,
    /// Each kernel with its workgroup and what its parameters were, once, in the order of the stages; empty for kernels
    /// that declare none.
    pub tuning: String,
    /// Arithmetic of one inference; `None` where an op has no formula.
    pub flops: Option<Flops>,
    /// Least traffic of one inference; `None` where it is not known.
    pub bytes: Option<Bytes>,
    /// Seconds of sound that an inference is given; `None` where it takes none.
    pub sound_seconds: Option<f64>,
}

impl PageReport {
    /// Of a page; the files of an ONNX model are read for their digest.
    pub(super) fn new(page: &Page) -> Result<Self, PageError> {
        let shader_digest = page.shader_digest()?;
        Ok(Self {
            shader_digest,
            tuning: page.tuning(),
            flops: page.flops(),
            bytes: page.bytes(),
            sound_seconds: page.sound_seconds(),
        })
    }
}
