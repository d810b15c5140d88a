//! `gpujobs schema`: the JSON Schema of a manifest or of a model's file, for editors.

use std::io::{self, Write};

use crate::cli::SchemaArgs;
use crate::manifest;

/// Writes the schema, indented, with a newline at its end.
pub fn run(args: &SchemaArgs, out: &mut dyn Write) -> io::Result<()> {
    let schema = if args.model { manifest::model::schema::json_schema() } else { manifest::schema::json_schema() };
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)
}
