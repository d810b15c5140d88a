//! `gpujobs schema`: the JSON Schema of a manifest, for editors.

use std::io::{self, Write};

use crate::manifest::schema::json_schema;

/// Writes the schema, indented, with a newline at its end.
pub fn run(out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &json_schema())?;
    writeln!(out)
}
