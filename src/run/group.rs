//! A group is jobs whose samples are interleaved: in each round every one of them has its turn, in shuffled order, so
//! that what the machine does meanwhile hits all alike.
//!
//! Its jobs are brought to their first results one after the other and stay ready, each with its own device, until the
//! last round. A job that loses its browser leaves the group, takes the others of that browser with it, and they run by
//! themselves afterwards.

use std::io;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::job::{Begun, due, ended_badly, ended_well, first_result};
use super::{JobReport, Outcome, RunEvent, Seats, Status, attempts, blank, too_late};
use crate::browser::executor::Executor;
use crate::manifest::{Backend, Manifest};
use crate::plan::{Cache, Job, Plan};
use crate::render::page::{Page, PageError};

/// Jobs that are ready at the same time, each with a device and its model's tensors.
const LARGEST: usize = 12;

/// Divides jobs, with their positions in the plan, into groups of neighbours: of one model, none of them cold, where
/// there are rounds to interleave at all.
pub(super) fn groups<'jobs, 'run>(plan: &Plan, jobs: &'jobs [(usize, &'run Job)]) -> Vec<&'jobs [(usize, &'run Job)]> {
    let rounds = plan.manifest.measure.rounds;
    let belong =
        |a: &Job, b: &Job| rounds > 1 && a.model == b.model && a.cache == Cache::Warm && b.cache == Cache::Warm;
    let neighbours = jobs.chunk_by(|(_, a), (_, b)| belong(a, b));
    neighbours.flat_map(|chunk| chunk.chunks(LARGEST)).collect()
}

/// A job of the group that takes its turns.
struct Member<'run> {
    index: usize,
    job: &'run Job,
    report: JobReport,
    begun: Begun,
    spent: Duration,
    enough: bool,
}

/// Runs a group and tells how each of its jobs ended.
pub(super) async fn run<'run, E: Executor>(
    manifest: &Manifest,
    render: &mut impl FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
    number: &mut u64,
    seats: &mut Seats<'run, E>,
    jobs: &[(usize, &'run Job)],
    outcome: &mut Outcome,
    tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
) -> io::Result<()> {
    let measure = &manifest.measure;
    let mut finish = |report: JobReport, tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>| {
        outcome.count(report.status);
        tell(RunEvent::JobFinished(Box::new(report)))
    };
    // Jobs that run by themselves: all of a group of one, and those that lost their browser, with their tries so far.
    let mut alone: Vec<(usize, &'run Job, u32)> = Vec::new();
    let mut members: Vec<Member<'run>> = Vec::new();
    if let [(index, job)] = jobs {
        tell(RunEvent::JobStarted { job, index: *index })?;
        alone.push((*index, job, 0));
    } else {
        for (index, job) in jobs {
            tell(RunEvent::JobStarted { job, index: *index })?;
            let Some(seat) = seats.get_mut(job.browser.as_str()) else { continue };
            let mut report = blank(job);
            report.attempts = 1;
            let since = Instant::now();
            // What can't even be opened, and what nothing can run, is told by the way that jobs go by themselves.
            let hopeless = seat.missing.is_some() || job.impossible.is_some();
            let opened = if hopeless { None } else { seat.executor.open(false).await.ok() };
            let Some(opened) = opened else {
                alone.push((*index, job, 0));
                continue;
            };
            report.session = Some(opened);
            let first = first_result(manifest, render, number, seat, &mut report);
            match tokio::time::timeout(measure.timeout, first).await {
                Ok(Ok(Some(begun))) => {
                    members.push(Member { index: *index, job, report, begun, spent: since.elapsed(), enough: false });
                }
                Ok(Ok(None)) => finish(report, tell)?,
                lost => {
                    seat.executor.close().await;
                    leave(&mut members, &mut alone, &job.browser);
                    (report.status, report.reason) = match lost {
                        Ok(Err(reason)) => (Status::Failed, reason),
                        _ => (Status::TimedOut, too_late(measure)),
                    };
                    if measure.retries > 0 {
                        tell(RunEvent::Retrying { job, reason: report.reason })?;
                        alone.push((*index, job, 1));
                    } else {
                        finish(report, tell)?;
                    }
                }
            }
        }
        rounds(manifest, seats, &mut members, &mut alone, &mut finish, tell).await?;
        members.sort_by_key(|member| member.index);
        for mut member in members {
            if let Some(seat) = seats.get_mut(member.job.browser.as_str()) {
                seat.executor.release(member.begun.number).await;
            }
            ended_well(&mut member.report, member.begun.measurement);
            finish(member.report, tell)?;
        }
    }
    alone.sort_by_key(|(index, ..)| *index);
    for (_, job, used) in alone {
        let Some(seat) = seats.get_mut(job.browser.as_str()) else { continue };
        let report = attempts(manifest, render, number, seat, (job, used), tell).await?;
        finish(report, tell)?;
    }
    Ok(())
}

/// Takes the members' samples, round by round, until each has enough.
async fn rounds<'run, E: Executor>(
    manifest: &Manifest,
    seats: &mut Seats<'run, E>,
    members: &mut Vec<Member<'run>>,
    alone: &mut Vec<(usize, &'run Job, u32)>,
    finish: &mut impl FnMut(JobReport, &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>) -> io::Result<()>,
    tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
) -> io::Result<()> {
    let measure = &manifest.measure;
    for round in 0.. {
        let mut order: Vec<usize> = members.iter().filter(|member| !member.enough).map(|member| member.index).collect();
        if order.is_empty() {
            return Ok(());
        }
        // The order is that of the round, in every run.
        order.shuffle(&mut StdRng::seed_from_u64(u64::from(round)));
        for index in order {
            let Some(place) = members.iter().position(|member| member.index == index) else { continue };
            let member = &mut members[place];
            let Some((warmup, samples)) = due(measure, round, &member.begun) else {
                member.enough = true;
                continue;
            };
            let Some(seat) = seats.get_mut(member.job.browser.as_str()) else { continue };
            let since = Instant::now();
            let left = measure.timeout.saturating_sub(member.spent);
            let taken = if samples == 0 {
                Ok(Ok(Vec::new()))
            } else {
                tokio::time::timeout(left, seat.executor.measure(member.begun.number, warmup, samples)).await
            };
            member.spent += since.elapsed();
            let lost = match taken {
                Ok(Ok(taken)) => {
                    member.begun.measurement.add(round, &taken);
                    continue;
                }
                Ok(Err(error)) => ended_badly(&mut member.report, error).err().map(|reason| (Status::Failed, reason)),
                Err(_) => Some((Status::TimedOut, too_late(measure))),
            };
            let Member { index, job, mut report, begun, .. } = members.remove(place);
            let Some((status, reason)) = lost else {
                seat.executor.release(begun.number).await;
                finish(report, tell)?;
                continue;
            };
            seat.executor.close().await;
            leave(members, alone, &job.browser);
            if measure.retries > 0 {
                tell(RunEvent::Retrying { job, reason })?;
                alone.push((index, job, 1));
            } else {
                (report.status, report.reason) = (status, reason);
                finish(report, tell)?;
            }
        }
    }
    Ok(())
}

/// The members of a browser that is gone will run by themselves.
fn leave<'run>(members: &mut Vec<Member<'run>>, alone: &mut Vec<(usize, &'run Job, u32)>, browser: &str) {
    alone.extend(
        members.extract_if(.., |member| member.job.browser == browser).map(|member| (member.index, member.job, 0)),
    );
}
