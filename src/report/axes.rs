//! The axes of a manifest, as Markdown.

use std::fmt::Write as _;

use crate::manifest::axes::AXES;

/// A row an axis.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| axis | values |\n|---|---|\n".to_owned();
    for axis in AXES {
        // Writing to a String can't fail.
        let _ = writeln!(text, "| `{}` | {} |", axis.name, axis.doc);
    }
    text
}
