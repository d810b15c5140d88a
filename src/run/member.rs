//! A member is one try of one job: its first result, on the backend asked for or one of the fallback chain, and then its
//! turns at being measured.

use std::time::{Duration, Instant};

use super::event::{JobReport, PageReport, Status};
use super::gpu_state::{GpuWatch, Reading};
use super::pages::PageMaker;
use super::{Attempt, BrowserSlot};
use crate::harness::executor::{ExecuteError, Executor, PreparedJob};
use crate::manifest::{Backend, Measure};
use crate::measure::{Measurement, warmup};
use crate::plan::Cache;
use crate::plan::matrix::refusal;
use crate::protocol::command::Ask;
use crate::protocol::event::SampleKind;
use crate::render::page::{Page, PageError, PageRequest};

/// Of a job's time, the share that further samples may use up: running out of it would lose those that are there.
const SHARE_FOR_SAMPLES: f64 = 0.8;

/// Bare waits in a round: each takes a tenth of a second in Firefox, and they differ little.
const RAW_WAITS: u32 = 3;

/// A job that is ready in its browser.
pub(super) struct ActiveJob<'run> {
    /// The try that this is.
    pub(super) origin: Attempt<'run>,
    /// What is known so far.
    pub(super) report: JobReport,
    /// The number of its page.
    pub(super) number: u64,
    /// What it has cost so far.
    pub(super) measurement: Measurement,
    /// Inferences in a sample.
    pub(super) iterations: u32,
    /// About how long one inference takes.
    pub(super) inference: Duration,
    /// The time that it has had; the others' turns do not count.
    clock: Clock,
    /// The part of it that steady samples took, with all that goes with them.
    sampling: Duration,
    /// The GPU's state while samples were taken.
    pub(super) readings: Vec<Reading>,
    /// The most memory that its browser was seen to hold, in bytes.
    pub(super) resident: Option<u64>,
    /// What it took until it was ready, the check of its output with it.
    pub(super) making: Duration,
}

/// How a try came to an end before its samples were complete.
pub(super) enum End {
    /// The report says how; the session goes on.
    Reported,
    /// The session is lost.
    Lost(Status, String),
}

/// What a job measures in one round.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoundShare {
    /// From 0.
    pub(super) round: u32,
    /// Samples.
    pub(super) count: u32,
    /// Whether other jobs had the GPU since this one's last samples.
    pub(super) interleaved: bool,
}

/// What a job has had of the time that the manifest allows it.
#[derive(Default)]
struct Clock {
    spent: Duration,
}

impl Clock {
    /// Does a step of the job in what is left of its time.
    async fn step<T>(
        &mut self,
        measure: &Measure,
        report: &mut JobReport,
        step: impl Future<Output = Result<T, ExecuteError>>,
    ) -> Result<T, End> {
        let since = Instant::now();
        let done = tokio::time::timeout(measure.timeout.saturating_sub(self.spent), step).await;
        self.spent += since.elapsed();
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(ended_badly(report, error)),
            Err(_) => Err(End::Lost(Status::TimedOut, too_late(measure))),
        }
    }
}

impl<'run> ActiveJob<'run> {
    /// Brings a job to its first result on the first backend of its chain that can.
    pub(super) async fn first_result<E: Executor>(
        pages: &PageMaker<'_, '_, impl FnMut(&PageRequest<'_>) -> Result<Page, PageError>>,
        slot: &mut BrowserSlot<E>,
        origin: Attempt<'run>,
        mut report: JobReport,
    ) -> Result<Self, (JobReport, End)> {
        let manifest = pages.manifest;
        let asked = report.job.axes.backend;
        let fallback = manifest.measure.fallback.iter().copied().filter(|backend| *backend != asked);
        let mut refusals = Vec::new();
        let mut clock = Clock::default();
        for backend in std::iter::once(asked).chain(fallback) {
            if let Some(reason) = refusal(manifest, &report.job.axes, backend) {
                refusals.push((backend, reason));
                continue;
            }
            let made = pages.make(&report, backend).and_then(|page| Ok((PageReport::new(&page)?, page)));
            let (about, page) = match made {
                Ok(made) => made,
                Err(error) => {
                    if let Some(reason) = error.unsupported_reason() {
                        refusals.push((backend, reason));
                        continue;
                    }
                    (report.status, report.reason) = (Status::Failed, error.to_string());
                    return Err((report, End::Reported));
                }
            };
            (report.page, report.backend_used) = (Some(about), Some(backend));
            match clock.step(&manifest.measure, &mut report, slot.executor.prepare(&page)).await {
                Ok(prepared) => {
                    report.fallback_reason = reasons(&refusals);
                    let mut job = Self::ready(origin, report, page.number, clock, prepared);
                    job.read_memory(slot);
                    return Ok(job);
                }
                Err(end) => {
                    slot.executor.release(page.number).await;
                    if matches!(end, End::Lost(..)) || report.status != Status::Unsupported {
                        return Err((report, end));
                    }
                    refusals.push((backend, std::mem::take(&mut report.reason)));
                }
            }
        }
        report.backend_used = None;
        (report.status, report.reason) = (Status::Unsupported, reasons(&refusals));
        Err((report, End::Reported))
    }

    /// A job that has its first result, before any sample.
    fn ready(origin: Attempt<'run>, mut report: JobReport, number: u64, clock: Clock, prepared: PreparedJob) -> Self {
        if let Some(page) = &mut report.page {
            page.flops = page.flops.or(prepared.check.flops);
        }
        let inference = Duration::from_nanos(prepared.first.wall_ms.0);
        let first_result = Duration::from_nanos(prepared.phases.time_to_first_result_ms.0);
        let measurement = Measurement::begin(prepared);
        Self {
            origin,
            report,
            number,
            measurement,
            iterations: 1,
            inference,
            making: clock.spent.max(first_result),
            clock,
            sampling: Duration::ZERO,
            readings: Vec::new(),
            resident: None,
        }
    }

    /// Finds out how many inferences make a sample, or, where the manifest says it, how long they take.
    pub(super) async fn pilot<E: Executor>(&mut self, slot: &mut BrowserSlot<E>, measure: &Measure) -> Result<(), End> {
        if let Some(iterations) = measure.iterations {
            self.iterations = iterations;
            let ask = Ask { kind: SampleKind::Warmup, count: 1, iterations };
            let taken = self.clock.step(measure, &mut self.report, slot.executor.measure(self.number, &[ask])).await?;
            self.inference = taken.first().map_or(self.inference, |sample| Duration::from_nanos(sample.wall_ms.0));
            self.measurement.add(0, &taken);
            return Ok(());
        }
        let piloted = self.clock.step(measure, &mut self.report, slot.executor.pilot(self.number)).await?;
        self.measurement.add(0, &piloted.samples);
        self.iterations = piloted.iterations;
        self.inference = Duration::from_nanos(piloted.inference.0);
        Ok(())
    }

    /// Takes one more warm-up.
    pub(super) async fn once_more<E: Executor>(
        &mut self,
        slot: &mut BrowserSlot<E>,
        measure: &Measure,
    ) -> Result<(), End> {
        let ask = Ask { kind: SampleKind::Warmup, count: 1, iterations: self.iterations };
        let taken = self.clock.step(measure, &mut self.report, slot.executor.measure(self.number, &[ask])).await?;
        self.measurement.add(0, &taken);
        Ok(())
    }

    /// Runs it until it is warm, for a round before which it had so many warm-ups already.
    pub(super) async fn warm_up<E: Executor>(
        &mut self,
        slot: &mut BrowserSlot<E>,
        measure: &Measure,
        round: u32,
        had: usize,
    ) -> Result<(), End> {
        if measure.warmup == 0 {
            return Ok(());
        }
        let least = measure.warmup.saturating_sub(u32::try_from(had).unwrap_or(u32::MAX));
        let began = self.clock.spent;
        let mut times = Vec::new();
        loop {
            let took = self.clock.spent.checked_sub(began).unwrap_or_default().as_secs_f64() * 1e3;
            let each = match times.len() {
                0 => self.inference.as_secs_f64() * 1e3 * f64::from(self.iterations),
                count => took / count as f64,
            };
            let count = warmup::more(least, &times, took, each);
            if count == 0 {
                break;
            }
            let ask = Ask { kind: SampleKind::Warmup, count, iterations: self.iterations };
            let taken = self.clock.step(measure, &mut self.report, slot.executor.measure(self.number, &[ask])).await?;
            self.measurement.add(round, &taken);
            times.extend(taken.iter().map(|sample| sample.gpu_ms.unwrap_or(sample.wall_ms).millis()));
        }
        // One instance that was not steady counts, however many were.
        let settled = warmup::steady(&times);
        if round == 0 || settled == Some(false) {
            self.measurement.settled = settled;
        }
        Ok(())
    }

    /// Makes it ready anew on the same backend: in the same browser, or in a fresh one where the job is to find nothing
    /// cached.
    pub(super) async fn renew<E: Executor>(
        &mut self,
        pages: &PageMaker<'_, '_, impl FnMut(&PageRequest<'_>) -> Result<Page, PageError>>,
        slot: &mut BrowserSlot<E>,
        round: u32,
    ) -> Result<(), End> {
        let measure = &pages.manifest.measure;
        slot.executor.release(self.number).await;
        if self.report.job.axes.cache == Cache::Cold {
            slot.executor.open(Cache::Cold).await.map_err(|error| End::Lost(Status::Failed, error.message))?;
        }
        let backend = self.report.backend_used.unwrap_or(self.report.job.axes.backend);
        let page = pages.make(&self.report, backend).map_err(|error| {
            (self.report.status, self.report.reason) = (Status::Failed, error.to_string());
            End::Reported
        })?;
        self.number = page.number;
        let prepared = self.clock.step(measure, &mut self.report, slot.executor.prepare(&page)).await?;
        self.measurement.add_instance(round, &prepared);
        self.read_memory(slot);
        self.warm_up(slot, measure, round, 0).await
    }

    /// Whether its time allows another making-ready, the share of further samples left aside.
    pub(super) fn has_time_to_renew(&self, measure: &Measure) -> bool {
        self.clock.spent + self.making < measure.timeout.mul_f64(SHARE_FOR_SAMPLES)
    }

    /// Takes its samples of a round. Where other jobs ran since its last turn, one inference brings it back first.
    pub(super) async fn samples<E: Executor>(
        &mut self,
        slot: &mut BrowserSlot<E>,
        measure: &Measure,
        share: RoundShare,
        gpu: Option<&GpuWatch>,
    ) -> Result<(), End> {
        let RoundShare { round, count, interleaved } = share;
        let single = |kind: SampleKind, count: u32| Ask { kind, count, iterations: 1 };
        let mut asks = Vec::new();
        if interleaved && measure.warmup > 0 {
            asks.push(single(SampleKind::Warmup, 1));
        }
        if measure.latency && self.iterations > 1 {
            asks.push(single(SampleKind::Latency, count));
        }
        asks.push(Ask { kind: SampleKind::Steady, count, iterations: self.iterations });
        let (began, since) = (self.clock.spent, Instant::now());
        let taken = self.clock.step(measure, &mut self.report, slot.executor.measure(self.number, &asks)).await?;
        self.measurement.add(round, &taken);
        self.readings.extend(gpu.map(|gpu| gpu.since(since)).unwrap_or_default());
        // The GPU idles while a page only waits, so that comes last, and by itself.
        if measure.latency {
            let ask = single(SampleKind::LatencyRaw, count.min(RAW_WAITS));
            let taken = self.clock.step(measure, &mut self.report, slot.executor.measure(self.number, &[ask])).await?;
            self.measurement.add(round, &taken);
        }
        self.measurement.add_spread(slot.executor.spread(self.number));
        self.read_memory(slot);
        self.sampling += self.clock.spent.checked_sub(began).unwrap_or_default();
        Ok(())
    }

    /// Takes note of what its browser holds, between its turns, when nothing is measured.
    fn read_memory<E: Executor>(&mut self, slot: &BrowserSlot<E>) {
        self.resident = self.resident.max(slot.executor.resident());
    }

    /// Takes the time of each kernel. A job that can't be profiled has its samples all the same.
    pub(super) async fn profile<E: Executor>(
        &mut self,
        slot: &mut BrowserSlot<E>,
        measure: &Measure,
    ) -> Result<(), End> {
        let profiled = async {
            Ok(match slot.executor.profile(self.number).await {
                Err(ExecuteError::Unsupported(message) | ExecuteError::Failed(message)) => Err(message),
                Err(lost) => return Err(lost),
                Ok(kernels) => Ok(kernels),
            })
        };
        self.measurement.kernels = self.clock.step(measure, &mut self.report, profiled).await?;
        Ok(())
    }

    /// Whether its time allows so many more samples. Before the first ones nothing is known of what they cost, so they are
    /// tried.
    pub(super) fn has_time_for(&self, count: u32, measure: &Measure) -> bool {
        self.sampling == Duration::ZERO || self.affordable(measure) >= count
    }

    /// How many more samples its time allows.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count below u32::MAX, by min")]
    pub(super) fn affordable(&self, measure: &Measure) -> u32 {
        let left = measure.timeout.mul_f64(SHARE_FOR_SAMPLES).saturating_sub(self.clock.spent);
        let each = self.sampling.as_secs_f64() / self.measurement.wall_ms().len().max(1) as f64;
        (left.as_secs_f64() / each.max(1e-9)).min(f64::from(u32::MAX)) as u32
    }

    /// The report of a member that has all its samples.
    pub(super) fn well(self) -> JobReport {
        let mut report = self.report;
        report.status = Status::Ok;
        report.reason.clear();
        report.measurement = Some(self.measurement);
        report
    }
}

/// Fills in the report of a job that came to a bad end.
fn ended_badly(report: &mut JobReport, error: ExecuteError) -> End {
    (report.status, report.reason) = match error {
        ExecuteError::Lost(message) => return End::Lost(Status::Failed, message),
        ExecuteError::Unsupported(reason) => (Status::Unsupported, reason),
        ExecuteError::Failed(message) => (Status::Failed, message),
        ExecuteError::Incorrect { message, check } => {
            report.wrong = check.map(|check| *check);
            (Status::Incorrect, message)
        }
    };
    End::Reported
}

/// Why a job ended that took too long.
fn too_late(measure: &Measure) -> String {
    let limit = humantime::format_duration(measure.timeout);
    format!("no result within {limit}: raise `timeout` under [measure] if the job is that long")
}

/// `webgpu: no adapter; wasm: …`, or the bare reason where only one backend was tried.
fn reasons(refusals: &[(Backend, String)]) -> String {
    match refusals {
        [(_, reason)] => reason.clone(),
        several => {
            let named: Vec<String> = several.iter().map(|(backend, reason)| format!("{backend}: {reason}")).collect();
            named.join("; ")
        }
    }
}
