//! A format is how a table is written to stdout: as typed on the command line, obeyed by each report.

use clap::ValueEnum;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{ContentArrangement, Table};

/// How a closing table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For a terminal.
    Table,
    /// For a program.
    Json,
    /// For a document.
    Markdown,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For a terminal.
    Table,
    /// For a program.
    Json,
    /// For a document.
    Markdown,
    /// For a spreadsheet.
    Csv,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableStyle {
    /// With lines, its columns as wide as the terminal lets them.
    Terminal,
    /// Markdown, its columns as wide as their content.
    Markdown,
}

/// The width of a table where no terminal says how wide it is.
pub(super) const USUAL_WIDTH: u16 = 160;

/// An empty table; in a terminal it is at most `widest` columns wide.
pub(super) fn empty_table(style: TableStyle, widest: u16) -> Table {
    let mut table = Table::new();
    match style {
        TableStyle::Markdown => {
            table.load_style(ASCII_MARKDOWN);
        }
        TableStyle::Terminal => {
            table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
            let width = table.width().unwrap_or(USUAL_WIDTH).min(widest);
            table.set_width(width);
        }
    }
    table
}
