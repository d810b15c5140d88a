//! One try of one job: its first result, on the backend asked for or one of the fallback chain, and its samples.

use super::Seat;
use super::event::{JobReport, PageReport, Status};
use crate::browser::executor::{ExecuteError, Executor};
use crate::manifest::{Backend, Manifest, Measure};
use crate::measure::{Measurement, sampling};
use crate::plan::Job;
use crate::plan::matrix::refusal;
use crate::render::RenderError;
use crate::render::page::{Page, PageError};

/// A job with its first, verified result, ready for samples.
pub(super) struct Begun {
    /// The number of its page.
    pub(super) number: u64,
    /// What it has cost so far.
    pub(super) measurement: Measurement,
}

/// Brings a job to its first result on the first backend of its chain that can. `None` where it has ended without one,
/// and its report says how; the error is why the session was lost.
pub(super) async fn first_result<E: Executor>(
    manifest: &Manifest,
    render: &mut impl FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
    number: &mut u64,
    seat: &mut Seat<E>,
    report: &mut JobReport,
) -> Result<Option<Begun>, String> {
    let asked = report.job.backend;
    let fallback = manifest.measure.fallback.iter().copied().filter(|backend| *backend != asked);
    let mut refusals = Vec::new();
    for backend in std::iter::once(asked).chain(fallback) {
        if let Some(reason) = refusal(manifest, &report.job.model, backend) {
            refusals.push((backend, reason));
            continue;
        }
        *number += 1;
        let page = match render(&report.job, *number, backend) {
            Ok(page) => page,
            Err(PageError::Render(RenderError::Unsupported { reason, .. })) => {
                refusals.push((backend, reason));
                continue;
            }
            Err(error) => {
                report.status = Status::Failed;
                report.reason = error.to_string();
                return Ok(None);
            }
        };
        report.page =
            Some(PageReport { shader_digest: page.shader_digest(), flops: page.flops(), bytes: page.bytes() });
        report.backend_used = Some(backend);
        match seat.executor.prepare(&page).await {
            Ok(prepared) => {
                report.fallback_reason = reasons(&refusals);
                return Ok(Some(Begun { number: *number, measurement: Measurement::begin(prepared) }));
            }
            Err(error) => {
                seat.executor.release(*number).await;
                if let ExecuteError::Unsupported(reason) = error {
                    refusals.push((backend, reason));
                } else {
                    return ended_badly(report, error).map(|()| None);
                }
            }
        }
    }
    report.status = Status::Unsupported;
    report.backend_used = None;
    report.reason = reasons(&refusals);
    Ok(None)
}

/// Fills in the report of a job that has all its samples.
pub(super) fn ended_well(report: &mut JobReport, measurement: Measurement) {
    report.status = Status::Ok;
    report.reason.clear();
    report.measurement = Some(measurement);
}

/// Fills in the report of a job that came to a bad end; the error is why the session was lost.
pub(super) fn ended_badly(report: &mut JobReport, error: ExecuteError) -> Result<(), String> {
    (report.status, report.reason) = match error {
        ExecuteError::Lost(message) => return Err(message),
        ExecuteError::Unsupported(reason) => (Status::Unsupported, reason),
        ExecuteError::Failed(message) => (Status::Failed, message),
        ExecuteError::Incorrect { message, check } => {
            report.wrong = check.map(|check| *check);
            (Status::Incorrect, message)
        }
    };
    Ok(())
}

/// One job by itself, from its first result to its last sample; the error is why the session was lost.
pub(super) async fn once<E: Executor>(
    manifest: &Manifest,
    render: &mut impl FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
    number: &mut u64,
    seat: &mut Seat<E>,
    report: &mut JobReport,
) -> Result<(), String> {
    let Some(mut begun) = first_result(manifest, render, number, seat, report).await? else { return Ok(()) };
    let sampled = all_rounds(&manifest.measure, &mut seat.executor, &mut begun).await;
    seat.executor.release(begun.number).await;
    match sampled {
        Ok(()) => {
            ended_well(report, begun.measurement);
            Ok(())
        }
        Err(error) => ended_badly(report, error),
    }
}

/// Takes a job's samples, in rounds and then until they are enough.
async fn all_rounds<E: Executor>(measure: &Measure, executor: &mut E, begun: &mut Begun) -> Result<(), ExecuteError> {
    for round in 0.. {
        let Some((warmup, samples)) = due(measure, round, begun) else { break };
        if samples > 0 {
            begun.measurement.add(round, &executor.measure(begun.number, warmup, samples).await?);
        }
    }
    Ok(())
}

/// Warm-ups and samples that a job is due in a round; `None` once it has enough. The rounds of the manifest share the
/// least number of samples; those after them go on, with a warm-up like any other, until the precision is reached.
pub(super) fn due(measure: &Measure, round: u32, begun: &Begun) -> Option<(u32, u32)> {
    if round < measure.rounds {
        return Some((measure.warmup, sampling::share(measure.samples.min, round, measure.rounds)));
    }
    let more = sampling::more(&measure.samples, &begun.measurement.deciding_ms());
    (more > 0).then_some((measure.warmup, more))
}

/// `webgpu: no adapter; wasm: …`, or the bare reason where only one backend was tried.
fn reasons(refusals: &[(Backend, String)]) -> String {
    match refusals {
        [(_, reason)] => reason.clone(),
        several => {
            let named: Vec<String> =
                several.iter().map(|(backend, reason)| format!("{}: {reason}", backend.name())).collect();
            named.join("; ")
        }
    }
}
