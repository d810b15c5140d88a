//! A run as one JSON document: what `run.toml` says of it, and the rows of each of its tables with their types; what is empty is
//! null. [`json_schema()`] says the same to other programs, `gpujobs schema --run` prints it.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ExportError;
use crate::record::cell::{Cell, CellKind};
use crate::record::run_toml::RunToml;
use crate::record::side_tables::{self, KEY};
use crate::record::typed::TypedTable;
use crate::record::{columns, read::CUSTOM_AXIS};

/// The version of the document; raised when a reader of the older one would misread the new one.
pub const VERSION: u32 = 1;

type Rows = Vec<Map<String, Value>>;

/// A run of gpujobs: what it was, and every row that it wrote.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "gpujobs run")]
pub struct RunDocument {
    /// The version of this format.
    #[schemars(schema_with = "version")]
    version: u32,
    /// What `run.toml` says: versions, machine, browsers, adapters, the command, and the manifest as it was read.
    run: RunToml,
    /// A row a job, in the order in which they ended.
    #[schemars(schema_with = "jobs")]
    jobs: Rows,
    /// A row a sample.
    #[schemars(schema_with = "samples")]
    samples: Rows,
    /// A row a part of a model that was loaded by itself.
    #[schemars(schema_with = "parts")]
    parts: Rows,
    /// A row a kernel, of jobs that were profiled.
    #[schemars(schema_with = "kernels")]
    kernels: Rows,
}

impl RunDocument {
    /// Of a run's folder.
    #[must_use]
    pub fn of(run: RunToml, tables: &[TypedTable]) -> Self {
        let rows = |name: &str| tables.iter().find(|table| table.name == name).map(rows).unwrap_or_default();
        let (jobs, samples) = (rows("jobs"), rows("samples"));
        Self { version: VERSION, run, jobs, samples, parts: rows("parts"), kernels: rows("kernels") }
    }

    /// The document as a text that ends with a newline.
    pub fn text(&self) -> Result<Vec<u8>, ExportError> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

fn rows(table: &TypedTable) -> Rows {
    let row = |cells: &Vec<Cell>| {
        let pairs = table.columns.iter().zip(cells);
        pairs.map(|(column, cell)| (column.name.clone(), value(cell))).collect()
    };
    table.rows.iter().map(row).collect()
}

/// A text as it was said, whatever a spreadsheet would take it for; a number that JSON has not is null.
fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => Value::String(text.clone()),
        Cell::Float(figure) => Value::from(*figure),
        cell => cell.json(),
    }
}

/// The JSON Schema of the document, draft 2020-12.
#[must_use]
pub fn json_schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<RunDocument>()
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": VERSION })
}

fn jobs(_: &mut SchemaGenerator) -> Schema {
    rows_of(columns::named(), &["job_id", "status"])
}

fn samples(_: &mut SchemaGenerator) -> Schema {
    side_table("samples.csv")
}

fn parts(_: &mut SchemaGenerator) -> Schema {
    side_table("parts.csv")
}

fn kernels(_: &mut SchemaGenerator) -> Schema {
    side_table("kernels.csv")
}

fn side_table(file: &str) -> Schema {
    let docs = ["The name of the run folder.", "Of the job's row."];
    let key = KEY.into_iter().zip(docs).map(|(name, doc)| (name, CellKind::Text, doc));
    rows_of(key.chain(side_tables::named(file)), &["job_id"])
}

/// Rows with these columns. Older versions of gpujobs lack some of them, newer ones may have others, which are texts.
fn rows_of(columns: impl Iterator<Item = (&'static str, CellKind, &'static str)>, required: &[&str]) -> Schema {
    let properties: Map<String, Value> = columns.map(|(name, kind, doc)| (name.to_owned(), cell(kind, doc))).collect();
    let custom = format!("^{CUSTOM_AXIS}");
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "patternProperties": { custom: { "type": ["boolean", "number", "string", "null"] } },
            "additionalProperties": { "type": ["string", "null"] },
            "required": required,
        },
    })
}

fn cell(kind: CellKind, doc: &str) -> Value {
    let name = match kind {
        CellKind::Text | CellKind::Time => "string",
        CellKind::Whole => "integer",
        CellKind::Float => "number",
        CellKind::Flag => "boolean",
    };
    let mut cell = json!({ "type": [name, "null"], "description": doc });
    if kind == CellKind::Time {
        cell["format"] = "date-time".into();
    }
    cell
}
