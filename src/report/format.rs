//! A format is how a table is written to stdout: as typed on the command line, obeyed by each report.

use clap::ValueEnum;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{ContentArrangement, Table};

use crate::terminal;

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

/// The format of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum ExportFormat {
    /// A workbook for spreadsheets, a sheet for each table.
    Xlsx,
    /// Tables with types for programs that read Parquet: a file for each, in a folder.
    Parquet,
    /// The whole run for a program; `gpujobs schema --run` prints its schema.
    Json,
    /// Bencher Metric Format: what `bencher run --adapter json` takes.
    Bencher,
    /// What github-action-benchmark takes with the tool `customSmallerIsBetter`.
    GithubActionBenchmark,
}

impl ExportFormat {
    /// Whether it holds figures of jobs that are followed over commits, and not the run as it is.
    #[must_use]
    pub fn is_of_benchmarks(self) -> bool {
        matches!(self, Self::Bencher | Self::GithubActionBenchmark)
    }
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableStyle {
    /// With lines, its columns as wide as the terminal lets them.
    Terminal,
    /// Markdown, its columns as wide as their content.
    Markdown,
}

impl TableStyle {
    /// A text as a cell: on one line, harmless to a terminal, and in Markdown without what would end the cell or be taken for
    /// markup.
    pub(super) fn cell(self, text: &str) -> String {
        let line = terminal::line(text);
        match self {
            Self::Terminal => line,
            Self::Markdown => escaped(&line),
        }
    }
}

/// A line of Markdown that says the text. Underscores inside a word are no markup.
fn escaped(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let after = chars.peek().copied().unwrap_or(' ');
        let inside = before.is_alphanumeric() && after.is_alphanumeric();
        if "\\|<>*`[]~&$".contains(c) || (c == '_' && !inside) {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_foreign_words_stay_in_their_table() {
        let hostile = "a|b\nc\u{1b}[2J \\";
        assert_eq!(TableStyle::Markdown.cell(hostile), "a\\|b c \\[2J \\\\");
        let markup = "<img src=x> *b* _i_ a_name `c` &lt;";
        assert_eq!(TableStyle::Markdown.cell(markup), "\\<img src=x\\> \\*b\\* \\_i\\_ a_name \\`c\\` \\&lt;");
        assert_eq!(TableStyle::Terminal.cell(hostile), "a|b c [2J \\");
    }
}
