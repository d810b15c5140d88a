//! One try of one job: the backend asked for, then those of the fallback chain.

use super::Seat;
use super::event::{JobReport, PageReport, Status};
use crate::browser::executor::{ExecuteError, Executor};
use crate::manifest::{Backend, Manifest, Measure};
use crate::measure::{Measurement, sampling};
use crate::plan::Job;
use crate::plan::matrix::refusal;
use crate::render::RenderError;
use crate::render::page::{Page, PageError};

/// Fills in the report of a job that came to its end; the error is why the session was lost.
pub(super) async fn once<E: Executor>(
    manifest: &Manifest,
    render: &mut impl FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
    number: &mut u64,
    seat: &mut Seat<E>,
    report: &mut JobReport,
) -> Result<(), String> {
    let measure = &manifest.measure;
    let asked = report.job.backend;
    let chain = std::iter::once(asked).chain(measure.fallback.iter().copied().filter(|backend| *backend != asked));
    let mut refusals = Vec::new();
    for backend in chain {
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
                return Ok(());
            }
        };
        report.page =
            Some(PageReport { shader_digest: page.shader_digest(), flops: page.flops(), bytes: page.bytes() });
        report.backend_used = Some(backend);
        match inferences(measure, &mut seat.executor, &page).await {
            Ok(measurement) => {
                report.status = Status::Ok;
                report.reason.clear();
                report.fallback_reason = reasons(&refusals);
                report.measurement = Some(measurement);
                return Ok(());
            }
            Err(ExecuteError::Unsupported(reason)) => refusals.push((backend, reason)),
            Err(ExecuteError::Incorrect { message, check }) => {
                report.status = Status::Incorrect;
                report.reason = message;
                report.wrong = check.map(|check| *check);
                return Ok(());
            }
            Err(ExecuteError::Failed(message)) => {
                report.status = Status::Failed;
                report.reason = message;
                return Ok(());
            }
            Err(ExecuteError::Lost(message)) => return Err(message),
        }
    }
    report.status = Status::Unsupported;
    report.backend_used = None;
    report.reason = reasons(&refusals);
    Ok(())
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

/// Prepares a page and takes its samples, in rounds.
async fn inferences<E: Executor>(
    measure: &Measure,
    executor: &mut E,
    page: &Page,
) -> Result<Measurement, ExecuteError> {
    let mut measurement = Measurement::begin(executor.prepare(page).await?);
    for round in 0..measure.rounds {
        let share = sampling::share(measure.samples.min, round, measure.rounds);
        if share > 0 {
            measurement.add(round, &executor.measure(measure.warmup, share).await?);
        }
    }
    loop {
        let taken = measurement.deciding_ms();
        let more = sampling::more(&measure.samples, &taken);
        if more == 0 {
            return Ok(measurement);
        }
        measurement.add(measure.rounds - 1, &executor.measure(0, more).await?);
    }
}
