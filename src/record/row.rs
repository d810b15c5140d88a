//! A row is one job as a spreadsheet shows it: named columns with their units, empty where nothing was measured.

use super::cell::Cell;
use super::columns;
use super::facts::{Facts, RowContext};
use crate::measure::Summary;
use crate::protocol::adapter::AdapterFacts;
use crate::run::{JobReport, Status};
use crate::units::Nanos;

/// One row of `jobs.csv`.
#[derive(Debug, Clone)]
pub struct Row {
    cells: Vec<(String, Cell)>,
    /// How the job ended.
    pub status: Status,
    /// What the closing table shows of it.
    pub figures: RowFigures,
}

/// What the closing table shows of a row.
#[derive(Debug, Clone, Default)]
pub struct RowFigures {
    /// Wall time of one inference, ms.
    pub wall: Option<Summary>,
    /// GPU time of one inference, ms.
    pub gpu: Option<Summary>,
    /// See `time_to_first_result_ms`.
    pub time_to_first_result: Option<Nanos>,
    /// Whether the output was checked and right.
    pub verified: Option<bool>,
    /// What computed.
    pub adapter: Option<AdapterFacts>,
    /// Time to the first token, ms, where it generates a text.
    pub ttft_ms: Option<f64>,
    /// Tokens a second after the first.
    pub decode_per_s: Option<f64>,
    /// Billions of floating-point operations a second.
    pub gflops: Option<f64>,
    /// Percent of what the manifest says that the hardware can compute.
    pub of_peak_gflops: Option<f64>,
    /// Percent of what the manifest says that its memory can move.
    pub of_peak_gbytes: Option<f64>,
    /// Why it did not end well.
    pub reason: String,
}

impl Row {
    /// The names of the columns.
    #[must_use]
    pub fn header(context: &RowContext) -> Vec<String> {
        columns::row(&context.custom_axes, None).into_iter().map(|(name, _)| name).collect()
    }

    /// What a job brought.
    #[must_use]
    pub fn of(context: &RowContext, report: &JobReport) -> Self {
        let facts = Facts::of(context, report);
        let figures = RowFigures {
            wall: facts.wall,
            gpu: facts.gpu,
            time_to_first_result: facts.phases.map(|phases| phases.time_to_first_result),
            verified: facts.verified(),
            adapter: facts.adapter.cloned(),
            ttft_ms: facts.tokens.first_ms.map(|first| first.median),
            decode_per_s: facts.tokens.decode_per_s.map(|decode| decode.median),
            gflops: facts.gflops(),
            of_peak_gflops: facts.of_peak_gflops(),
            of_peak_gbytes: facts.of_peak_gbytes(),
            reason: report.reason.clone(),
        };
        Self { cells: columns::row(&context.custom_axes, Some(&facts)), status: report.status, figures }
    }

    /// The cells in the order of the header, as a CSV file has them.
    #[must_use]
    pub fn csv(&self) -> Vec<String> {
        self.cells.iter().map(|(_, cell)| cell.csv()).collect()
    }

    /// Names and cells.
    #[must_use]
    pub fn cells(&self) -> &[(String, Cell)] {
        &self.cells
    }
}
