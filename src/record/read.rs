//! Reading a run folder back: each job with its row and its steady samples.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::RecordError;
use super::run_toml::RunToml;

/// A run as it lies on disk.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its folder.
    pub folder: PathBuf,
    /// Jobs in the order of their rows.
    pub jobs: Vec<JobRecord>,
}

/// A job of a run.
#[derive(Debug, Clone, Default)]
pub struct JobRecord {
    /// Every cell of its row by its column.
    pub cells: HashMap<String, String>,
    /// Its steady samples, by round.
    pub rounds: IndexMap<u32, Vec<SampleRecord>>,
}

/// A steady sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRecord {
    /// Wall time of one inference.
    pub wall_ms: f64,
    /// GPU time of one inference.
    pub gpu_ms: Option<f64>,
}

impl JobRecord {
    /// A cell; empty where the run has no such column.
    #[must_use]
    pub fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Reads the folder of a run, finished or not.
pub fn run(folder: &Path) -> Result<Run, RecordError> {
    RunToml::read(folder)?;
    let mut jobs = Vec::new();
    let mut positions = HashMap::new();
    rows(&folder.join("jobs.csv"), |header, record| {
        let cells: HashMap<String, String> =
            header.iter().zip(record).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect();
        positions.insert(cells.get("job_id").cloned().unwrap_or_default(), jobs.len());
        jobs.push(JobRecord { cells, rounds: IndexMap::new() });
        Ok(())
    })?;
    let path = folder.join("samples.csv");
    let mut columns = None;
    rows(&path, |header, record| {
        let [id, round, kind, wall, gpu] = *columns.get_or_insert_with(|| {
            ["job_id", "round", "kind", "wall_ms", "gpu_ms"]
                .map(|name| header.iter().position(|column| column == name).unwrap_or(usize::MAX))
        });
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let Some(job) = positions.get(cell(id)).filter(|_| cell(kind) == "steady") else { return Ok(()) };
        let wrong = |column: &str| format!("has a sample of {} whose {column} is no number", cell(id));
        let sample = SampleRecord {
            wall_ms: cell(wall).parse().map_err(|_| wrong("wall_ms"))?,
            gpu_ms: match cell(gpu) {
                "" => None,
                text => Some(text.parse().map_err(|_| wrong("gpu_ms"))?),
            },
        };
        let round = cell(round).parse().map_err(|_| wrong("round"))?;
        jobs[*job].rounds.entry(round).or_default().push(sample);
        Ok(())
    })?;
    Ok(Run { folder: folder.to_owned(), jobs })
}

/// Gives every row of a CSV file, and its header, to `take`, whose error says what is wrong with the row.
fn rows(
    path: &Path,
    mut take: impl FnMut(&csv::StringRecord, &csv::StringRecord) -> Result<(), String>,
) -> Result<(), RecordError> {
    let not_rows = |reason: String| RecordError::NotTheRun {
        path: path.to_owned(),
        reason,
        help: "was it changed by hand or by a spreadsheet? A run that was killed is cleaned by --resume".to_owned(),
    };
    let file = std::fs::File::open(path).map_err(RecordError::io("read", path))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| not_rows(format!("is not readable: {error}")))?.clone();
    for record in reader.records() {
        let record = record.map_err(|error| not_rows(format!("is not readable: {error}")))?;
        take(&header, &record).map_err(not_rows)?;
    }
    Ok(())
}
