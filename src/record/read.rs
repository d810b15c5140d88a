//! Reading a run folder back: each job with its row, its first results and its steady samples.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::csv::original;
use super::run_toml::RunToml;
use super::{RecordError, SIDE_TABLES};
use crate::manifest::AxisValue;
use crate::manifest::axes::{BuiltInAxis, Kind, TUNED};
use crate::user_file;

/// A run as it lies on disk.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its folder.
    pub folder: PathBuf,
    /// Jobs in the order of their rows.
    pub jobs: Vec<JobRecord>,
    /// Whether its `samples.csv` says how long each making-ready took; those of older versions do not.
    pub has_first_results: bool,
}

/// A job of a run.
#[derive(Debug, Clone, Default)]
pub struct JobRecord {
    /// Every cell of its row by its column, in the order of the columns.
    pub cells: IndexMap<String, String>,
    /// Its steady samples, by round.
    pub rounds: IndexMap<u32, Vec<SampleRecord>>,
    /// For each time that it was made ready, the time from its start to its first result, ms, by round.
    pub first_results: IndexMap<u32, Vec<f64>>,
}

/// A steady sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRecord {
    /// Wall time of one inference.
    pub wall_ms: f64,
    /// GPU time of one inference.
    pub gpu_ms: Option<f64>,
    /// From the call to the first token of a text that it generates.
    pub ttft_ms: Option<f64>,
    /// From a token to the next.
    pub token_ms: Option<f64>,
}

impl JobRecord {
    /// A cell; empty where the run has no such column.
    #[must_use]
    pub fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// The columns that say of a row on what machine it ran: every word about the system and the processor …
pub const HOST: [&str; 2] = ["os", "cpu"];
/// … and about the adapter, its kind first.
pub const ADAPTER: [&str; 5] =
    ["adapter_kind", "adapter_vendor", "adapter_architecture", "adapter_device", "adapter_description"];

/// What the column of a custom axis begins with.
pub const CUSTOM_AXIS: &str = "axis_";

impl JobRecord {
    /// Its value on a built-in axis; `None` where its row has none.
    #[must_use]
    pub fn axis(&self, axis: &BuiltInAxis) -> Option<AxisValue> {
        if axis.kind == Kind::Shape {
            let extents: Vec<&str> = axis.columns.iter().map(|column| self.cell(column)).collect();
            // Empty where each kernel had a shape of its own.
            let tuned = extents[0].is_empty() && self.cells.contains_key(axis.columns[0]);
            return axis.kind.read(&if tuned { TUNED.to_owned() } else { extents.join("x") });
        }
        if let Some(cell) = axis.columns.first().and_then(|column| self.cells.get(*column)) {
            return axis.kind.read(original(cell));
        }
        // Rows of older versions say it in the id alone, where no other part can look like it.
        let part = self.cell("job_id").split('/').find_map(|part| part.strip_prefix(axis.name)?.strip_prefix('='));
        part.and_then(|value| axis.kind.read(value))
    }

    /// Its values on the custom axes of its run, by their names.
    pub fn custom_axes(&self) -> impl Iterator<Item = (&str, AxisValue)> {
        self.cells.iter().filter_map(|(column, cell)| {
            let name = column.strip_prefix(CUSTOM_AXIS)?;
            Some((name, Kind::Custom.read(original(cell))?))
        })
    }
}

/// The column of `samples.csv` that is filled for a job's first results.
pub const FIRST_RESULT: &str = "time_to_first_result_ms";

/// A table of a run's folder as it is written, texts without what keeps spreadsheets from taking them for formulas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The file's name.
    pub name: String,
    /// The names of its columns.
    pub header: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A cell of one of its rows; empty where the table has no such column.
    #[must_use]
    pub fn cell<'row>(&self, row: &'row [String], column: &str) -> &'row str {
        let place = self.header.iter().position(|name| name == column);
        place.and_then(|place| row.get(place)).map_or("", String::as_str)
    }
}

/// Whether it is the folder of a run, not of a tuning.
fn check(folder: &Path) -> Result<(), RecordError> {
    RunToml::read(folder)?;
    if folder.join("tried.csv").exists() && !folder.join("jobs.csv").exists() {
        return Err(RecordError::NotTheRun {
            path: folder.to_owned(),
            reason: "is the folder of a tuning, which has no table of jobs".to_owned(),
            help: "name a run; what a tuning tried is in its tried.csv, and `gpujobs report` shows it".to_owned(),
        });
    }
    Ok(())
}

/// Reads all tables of the folder of a run, finished or not.
pub fn tables(folder: &Path) -> Result<Vec<Table>, RecordError> {
    check(folder)?;
    let sides = SIDE_TABLES.iter().map(|side| side.name).filter(|name| folder.join(name).exists());
    ["jobs.csv", "samples.csv"].into_iter().chain(sides).map(|name| read_table(folder, name)).collect()
}

/// Reads one table of a run's folder; `None` where the folder has no such file.
pub fn table(folder: &Path, name: &str) -> Result<Option<Table>, RecordError> {
    if folder.join(name).exists() { read_table(folder, name).map(Some) } else { Ok(None) }
}

fn read_table(folder: &Path, name: &str) -> Result<Table, RecordError> {
    let mut all = Vec::new();
    let header = rows(&folder.join(name), |_, record| {
        all.push(record.iter().map(|cell| original(cell).to_owned()).collect());
        Ok(())
    })?;
    Ok(Table { name: name.to_owned(), header: header.iter().map(str::to_owned).collect(), rows: all })
}

/// Reads the folder of a run, finished or not.
pub fn run(folder: &Path) -> Result<Run, RecordError> {
    check(folder)?;
    let mut jobs = Vec::new();
    // Runs that were merged have one id several times, in rows of several runs.
    let mut positions: HashMap<String, Vec<(String, usize)>> = HashMap::new();
    rows(&folder.join("jobs.csv"), |header, record| {
        let cells: IndexMap<String, String> =
            header.iter().zip(record).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect();
        let job = JobRecord { cells, ..JobRecord::default() };
        let of_id = positions.entry(job.cell("job_id").to_owned()).or_default();
        of_id.push((job.cell("run_id").to_owned(), jobs.len()));
        jobs.push(job);
        Ok(())
    })?;
    let mut columns = None;
    let header = rows(&folder.join("samples.csv"), |header, record| {
        let [id, run, round, kind, wall, gpu, first, ttft, token] = *columns.get_or_insert_with(|| {
            ["job_id", "run_id", "round", "kind", "wall_ms", "gpu_ms", FIRST_RESULT, "ttft_ms", "token_ms"]
                .map(|name| header.iter().position(|column| column == name).unwrap_or(usize::MAX))
        });
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let Some(of_id) = positions.get(cell(id)) else { return Ok(()) };
        let Some((_, job)) = of_id.iter().find(|(of, _)| of == cell(run)) else { return Ok(()) };
        let wrong = |column: &str| format!("has a sample of {} whose {column} is no number", cell(id));
        let number = |column: usize, name: &str| cell(column).parse::<f64>().map_err(|_| wrong(name));
        let round = || cell(round).parse().map_err(|_| wrong("round"));
        match cell(kind) {
            "steady" => {
                let wall_ms = number(wall, "wall_ms")?;
                let optional = |column: usize, name: &str| {
                    if cell(column).is_empty() { Ok(None) } else { number(column, name).map(Some) }
                };
                let gpu_ms = optional(gpu, "gpu_ms")?;
                let (ttft_ms, token_ms) = (optional(ttft, "ttft_ms")?, optional(token, "token_ms")?);
                let sample = SampleRecord { wall_ms, gpu_ms, ttft_ms, token_ms };
                jobs[*job].rounds.entry(round()?).or_default().push(sample);
            }
            "first" if !cell(first).is_empty() => {
                jobs[*job].first_results.entry(round()?).or_default().push(number(first, FIRST_RESULT)?);
            }
            _ => {}
        }
        Ok(())
    })?;
    let has_first_results = header.iter().any(|column| column == FIRST_RESULT);
    Ok(Run { folder: folder.to_owned(), jobs, has_first_results })
}

/// Gives every row of a CSV file, and its header, to `take`, whose error says what is wrong with the row; the header
/// comes back.
fn rows(
    path: &Path,
    mut take: impl FnMut(&csv::StringRecord, &csv::StringRecord) -> Result<(), String>,
) -> Result<csv::StringRecord, RecordError> {
    let not_rows = |reason: String| RecordError::NotTheRun {
        path: path.to_owned(),
        reason,
        help: "was it changed by hand or by a spreadsheet? A run that was killed is cleaned by --resume".to_owned(),
    };
    let file = user_file::open(path).map_err(RecordError::io("read", path))?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| not_rows(format!("is not readable: {error}")))?.clone();
    for record in reader.records() {
        let record = record.map_err(|error| not_rows(format!("is not readable: {error}")))?;
        take(&header, &record).map_err(not_rows)?;
    }
    Ok(header)
}
