//! Run folders that tests write by hand, for comparisons.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A job of a run made by hand.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) id: &'static str,
    pub(crate) browser: &'static str,
    /// Times in ms, one list a round.
    pub(crate) rounds: Vec<Vec<f64>>,
    /// Times to first results in ms, one a round.
    pub(crate) firsts: Vec<f64>,
    /// Columns that differ from those of a good job.
    pub(crate) cells: Vec<(&'static str, &'static str)>,
}

/// Rounds of samples about `median`, with a wobble that rounds share and one of the samples' own, both the same in
/// every call.
pub(crate) fn about(median: f64, rounds: usize) -> Vec<Vec<f64>> {
    let wobble = |round: usize| 1.0 + 0.03 * ((round * 7 % 5) as f64 - 2.0);
    let own = |round: usize, sample: usize| 1.0 + 0.004 * (((round * 3 + sample * 5) % 7) as f64 - 3.0);
    (0..rounds).map(|round| (0..5).map(|sample| median * wobble(round) * own(round, sample)).collect()).collect()
}

pub(crate) fn job(id: &'static str, browser: &'static str, rounds: Vec<Vec<f64>>) -> Made {
    Made { id, browser, rounds, firsts: Vec::new(), cells: Vec::new() }
}

/// The job with the first results of so many instances, whose rounds wobble as those of [`about`].
pub(crate) fn made_ready(mut job: Made, median: f64, instances: usize) -> Made {
    job.firsts = about(median, instances).into_iter().map(|round| round[0]).collect();
    job
}

/// The job with other cells.
pub(crate) fn with(mut job: Made, cells: &[(&'static str, &'static str)]) -> Made {
    job.cells.extend(cells);
    job
}

/// The job as one of a group whose rounds were interleaved.
pub(crate) fn grouped(mut job: Made, group: &'static str) -> Made {
    job.cells.push(("group", group));
    job
}

/// What a job's row has on an axis, as its id says it; ids here may be shorter than real ones.
fn axis<'id>(id: &'id str, column: &str) -> Option<&'id str> {
    let parts: Vec<&str> = id.split('/').collect();
    let shape = |place: usize| {
        let shape = parts.get(3).filter(|shape| **shape != "tuned");
        Some(shape.and_then(|shape| shape.split('x').nth(place)).unwrap_or_default())
    };
    let named =
        |default| Some(parts.iter().find_map(|part| part.strip_prefix(column)?.strip_prefix('=')).unwrap_or(default));
    match column {
        "model" => Some(parts.get(1).copied().unwrap_or_default()),
        "backend" => Some(parts.get(2).copied().unwrap_or_default()),
        "workgroup_x" => shape(0),
        "workgroup_y" => shape(1),
        "workgroup_z" => shape(2),
        "shader_precompilation" => Some(parts.get(4).map_or("", |word| if *word == "lazy" { "false" } else { "true" })),
        "dtype" => named("fp32"),
        "batch" => named("1"),
        _ => None,
    }
}

const RUN_TOML: &str = "format = 1\nrun_id = 'x'\nstarted_at = '2026-11-22T00:00:00Z'\ngpujobs_version = '0'\ncommand = []\n\
        manifest_path = 'x.toml'\nmanifest = ''\n[host]\nos = 'o'\ncpu = 'c'\n";

/// The columns of every `jobs.csv`; runs whose ids name a workgroup have its extents too.
const COLUMNS: [&str; 24] = [
    "job_id",
    "status",
    "browser",
    "verified",
    "adapter_kind",
    "adapter_vendor",
    "shader_digest",
    "os",
    "cpu",
    "gpu_median_ms",
    "backend_used",
    "group",
    "other_load",
    "gpu_clock_mhz",
    "gpu_power_w",
    "gpu_temperature_c",
    "axis_unroll",
    "model",
    "backend",
    "dtype",
    "batch",
    "shader_precompilation",
    "browser_version",
    "reason",
];

/// Says in the `run.toml` of a run made by hand when it began, and that this version of gpujobs wrote it.
pub(crate) fn dated(run: &Path, started_at: &str, version: &str) {
    let text = RUN_TOML.replace("2026-11-22T00:00:00Z", started_at);
    let text = text.replace("gpujobs_version = '0'", &format!("gpujobs_version = '{version}'"));
    fs::write(run.join("run.toml"), text).unwrap();
}

/// Writes a run folder.
pub(crate) fn made(folder: &Path, name: &str, jobs: &[Made]) -> PathBuf {
    let run = folder.join(name);
    fs::create_dir(&run).unwrap();
    fs::write(run.join("run.toml"), RUN_TOML).unwrap();
    let short = jobs.iter().all(|job| job.id.split('/').count() < 4);
    let shape: &[&str] = if short { &[] } else { &["workgroup_x", "workgroup_y", "workgroup_z"] };
    // Only runs that were merged need them.
    let has = |column: &&str| jobs.iter().any(|job| job.cells.iter().any(|(name, _)| name == column));
    let merged: Vec<&str> = ["run_id", "machine"].into_iter().filter(has).collect();
    let header = [&COLUMNS[..], shape, &merged].concat();
    let run_column = if merged.contains(&"run_id") { "run_id," } else { "" };
    // Older versions of gpujobs had no column for first results.
    let older = jobs.iter().all(|job| job.firsts.is_empty());
    let first_column = if older { "" } else { ",time_to_first_result_ms" };
    let mut rows = header.join(",") + "\r\n";
    let mut samples = format!("{run_column}job_id,round,kind,wall_ms,gpu_ms{first_column}\r\n");
    let none = if older { "" } else { "," };
    for job in jobs {
        let cell = |column: &str| {
            let good = match column {
                "job_id" => job.id,
                "status" => "ok",
                "browser" => job.browser,
                "verified" => "true",
                "adapter_kind" => "hardware",
                "run_id" | "machine" | "group" | "axis_unroll" | "reason" => "",
                _ => axis(job.id, column).unwrap_or("same"),
            };
            job.cells.iter().find(|(name, _)| *name == column).map_or(good, |(_, cell)| cell).to_owned()
        };
        rows += &(header.iter().map(|column| cell(column)).collect::<Vec<_>>().join(",") + "\r\n");
        let run_id = job.cells.iter().find(|(name, _)| *name == "run_id").map_or("", |(_, cell)| cell);
        let run_id = if run_column.is_empty() { String::new() } else { format!("{run_id},") };
        for (round, times) in job.rounds.iter().enumerate() {
            for time in times {
                writeln!(samples, "{run_id}{},{round},steady,{},{time}{none}\r", job.id, time + 1.0).unwrap();
            }
        }
        for (round, time) in job.firsts.iter().enumerate().filter(|(_, time)| time.is_finite()) {
            writeln!(samples, "{run_id}{},{round},first,1,,{time}\r", job.id).unwrap();
        }
    }
    fs::write(run.join("jobs.csv"), rows).unwrap();
    fs::write(run.join("samples.csv"), samples).unwrap();
    run
}

/// How far the median of run `run` is from its level, as a factor: other runs of one program are up to 0.6 % apart.
pub(crate) fn between(run: usize, job: usize) -> f64 {
    1.0 + 0.002 * (((run * 5 + job * 3) % 7) as f64 - 3.0)
}

/// Runs `run-0`, `run-1`, … a day apart, written in another order than they began.
pub(crate) fn runs(folder: &Path, count: usize, jobs: impl Fn(usize) -> Vec<Made>) -> Vec<PathBuf> {
    let made = (0..count).rev().map(|run| {
        let path = made(folder, &format!("run-{}", (run * 7) % count), &jobs(run));
        dated(&path, &format!("2026-11-{:02}T00:00:00Z", run + 1), if run < 6 { "0.1.0" } else { "0.2.0" });
        path
    });
    let mut paths: Vec<PathBuf> = made.collect();
    paths.reverse();
    paths
}

const IDS: [&str; 4] = ["chrome/a/same", "chrome/b/same", "firefox/a/same", "firefox/b/same"];

/// Four jobs, of which one is 5 % slower from the seventh run on if that is planted.
pub(crate) fn four_jobs(run: usize, planted: bool) -> Vec<Made> {
    let one = |(place, id): (usize, &&'static str)| {
        let slow = if planted && place == 2 && run >= 6 { 1.05 } else { 1.0 };
        let version = if id.starts_with("firefox") && run >= 6 { "146.0" } else { "145.0" };
        with(job(id, "chrome", about(10.0 * slow * between(run, place), 6)), &[("browser_version", version)])
    };
    IDS.iter().enumerate().map(one).collect()
}
