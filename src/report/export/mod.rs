//! A run in the formats of other programs: one file a format.
//!
//! `xlsx`, `parquet` and `json` hold the run as it is, from `record`'s typed tables; `bencher` and `github_action` hold what
//! `benchmarks` makes of its jobs: names and times that may be followed over commits. Written by `commands::export`.

pub mod bencher;
pub mod benchmarks;
pub mod github_action;
pub mod json;
pub mod parquet;
pub mod xlsx;

use ::parquet::errors::ParquetError;
use rust_xlsxwriter::XlsxError;

/// Why a run has no file in a format.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ExportError {
    /// More rows than a sheet takes.
    #[error("{table}.csv has {rows} rows, and a sheet holds {}", xlsx::MOST_ROWS)]
    #[diagnostic(help("keep fewer samples, or take --format parquet, where there is no such limit"))]
    TooLong {
        /// The table.
        table: String,
        /// Its rows, with the header.
        rows: usize,
    },
    /// What the writer of workbooks says.
    #[error("no workbook can be made of the run: {0}")]
    #[diagnostic(help("the .csv files of the run hold the same, and so does --format parquet"))]
    Xlsx(#[from] XlsxError),
    /// What the writer of Parquet says.
    #[error("no Parquet file can be made of {table}.csv: {source}")]
    #[diagnostic(help("the .csv files of the run hold the same, and so does --format json"))]
    Parquet {
        /// The table.
        table: String,
        /// The cause.
        source: ParquetError,
    },
    /// What the writer of JSON says.
    #[error("no JSON can be made of the run: {0}")]
    #[diagnostic(help("the .csv files of the run hold the same"))]
    Json(#[from] serde_json::Error),
    /// No job has a time that may be followed.
    #[error("no job of this run has a time that may count: {reason}")]
    #[diagnostic(help("{help}"))]
    NoBenchmark {
        /// What was found instead.
        reason: String,
        /// The remedy.
        help: &'static str,
    },
}
