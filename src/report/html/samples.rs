//! The samples: each of a job in its order, by the clock that its row believes; rounds and instances are told apart, and
//! outliers are called so.

use std::collections::HashMap;

use crate::analyse::times::timed_by_gpu;
use crate::measure::instances::instance_of;
use crate::measure::stats::quantile;
use crate::record::read::{JobRecord, Table};

use super::panel::{Panel, PanelCell, PanelTable, explained, numbers, software, words};
use super::source::{RunSource, id};

/// Fewest samples that can have an outlier: the quartiles of fewer mean nothing.
const FEWEST: usize = 8;

/// How a job's samples are read.
struct Reading {
    by_gpu: bool,
    /// The rounds in which it was made ready.
    begun: Vec<u32>,
    /// Times between these are no outliers; `None` where there are too few.
    fences: Option<(f64, f64)>,
}

/// `None` where there are no samples.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let samples = source.samples.as_ref().filter(|samples| !samples.rows.is_empty())?;
    let readings: HashMap<&str, Reading> = source.run.jobs.iter().map(|job| (id(job), Reading::of(job))).collect();
    let unread = Reading { by_gpu: false, begun: Vec::new(), fences: None };
    let rows = samples.rows.iter().map(|row| {
        let reading = readings.get(samples.cell(row, "job_id")).unwrap_or(&unread);
        cells(samples, row, reading)
    });
    let columns = vec![
        words("job_id"),
        numbers("round"),
        explained(numbers("instance"), "The round in which the job was made ready for this sample."),
        numbers("sample"),
        words("kind"),
        numbers("wall_ms"),
        numbers("gpu_ms"),
        explained(words("clock"), "The clock that the job's row believes; the GPU's may have been found wrong."),
        explained(words("outlier"), "Steady samples by that clock, by the fences of J. W. Tukey."),
        numbers("at_ms"),
    ];
    Some(Panel {
        run: source.name.clone(),
        title: "Samples".to_owned(),
        note: "Each sample of a job in its order, by the clock that its row believes. Rounds have colours and symbols of \
               their own, lines stand where the job was made ready anew, and rings mark outliers: steady samples further \
               from the quartiles than 1.5 times the quartiles' distance (J. W. Tukey, Exploratory Data Analysis, 1977). \
               They count like all others."
            .to_owned(),
        charts: vec!["samples"],
        software: software(&source.run.jobs),
        table: PanelTable::new(columns, rows.collect()),
        ..Panel::default()
    })
}

impl Reading {
    fn of(job: &JobRecord) -> Self {
        let by_gpu = timed_by_gpu(job);
        let samples = job.rounds.values().flatten();
        let mut times: Vec<f64> =
            samples.filter_map(|sample| if by_gpu { sample.gpu_ms } else { Some(sample.wall_ms) }).collect();
        times.sort_by(f64::total_cmp);
        let quartiles = quantile(&times, 0.25).zip(quantile(&times, 0.75)).filter(|_| times.len() >= FEWEST);
        let fences = quartiles.map(|(low, high)| (low - 1.5 * (high - low), high + 1.5 * (high - low)));
        Self { by_gpu, begun: job.first_results.keys().copied().collect(), fences }
    }

    fn outlier(&self, kind: &str, time: Option<f64>) -> &'static str {
        match self.fences.zip(time).filter(|_| kind == "steady") {
            Some(((low, _), time)) if time < low => "low",
            Some(((_, high), time)) if time > high => "high",
            _ => "",
        }
    }
}

fn cells(samples: &Table, row: &[String], reading: &Reading) -> Vec<PanelCell> {
    let word = |column: &str| samples.cell(row, column);
    let number = |column: &str| word(column).parse::<f64>().ok();
    let instance = word("round").parse().ok().map(|round| instance_of(round, reading.begun.iter().copied()));
    let time = number(if reading.by_gpu { "gpu_ms" } else { "wall_ms" });
    vec![
        word("job_id").into(),
        number("round").into(),
        instance.map(f64::from).into(),
        number("sample").into(),
        word("kind").into(),
        number("wall_ms").into(),
        number("gpu_ms").into(),
        if reading.by_gpu { "gpu" } else { "wall" }.into(),
        reading.outlier(word("kind"), time).into(),
        number("at_ms").into(),
    ]
}
