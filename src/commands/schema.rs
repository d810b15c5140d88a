//! `gpujobs schema`: the JSON Schema of a manifest or of a model's file, for editors, or of an exported run.

use std::io::{self, Write};

use crate::cli::SchemaArgs;
use crate::manifest;
use crate::report::export::json;

/// Writes the schema, indented, with a newline at its end.
pub fn run(args: &SchemaArgs, out: &mut dyn Write) -> io::Result<()> {
    let schema = match args {
        SchemaArgs { model: true, .. } => manifest::model::schema::json_schema(),
        SchemaArgs { run: true, .. } => json::json_schema(),
        SchemaArgs { .. } => manifest::schema::json_schema(),
    };
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)
}
