//! The page of a report: data, styles, modules and the charting library in one file that asks nobody for anything.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

use crate::render::built_in;

use super::Report;
use super::panel::Panel;

/// Most bytes of a report.
const LARGEST: usize = 5 << 20;
/// Rows of each table that are tried in turn until the report is small enough.
const ROWS: [usize; 7] = [10_000, 5_000, 2_000, 1_000, 300, 100, 20];
/// Rows that charts are given for each that a table shows: packed data are a tenth as long as a table.
const DATA_ROWS: usize = 5;
/// Bytes of data from which on they are packed.
const PACKED: usize = 16 << 10;
/// The modules, each before those that import it.
const MODULES: [&str; 11] = [
    "plain.js",
    "rows.js",
    "theme.js",
    "sweep.js",
    "start_up.js",
    "samples.js",
    "forest.js",
    "kernels.js",
    "tuning.js",
    "figures.js",
    "main.js",
];

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A template is faulty.
    #[error("{0}")]
    Template(#[from] minijinja::Error),
    /// Data could not be packed.
    #[error("{0}")]
    Packing(#[from] std::io::Error),
    /// Data are no JSON.
    #[error("{0}")]
    Data(#[from] serde_json::Error),
}

/// A panel as the page has it.
#[derive(Serialize)]
struct PanelView<'a> {
    panel: &'a Panel,
    /// How many rows of the table stand in the page.
    shown: usize,
    /// Its data as JSON whose `<` are escaped, or packed.
    data: String,
    packed: bool,
}

impl Report {
    /// The whole file.
    pub fn html(&self) -> Result<String, ReportError> {
        let library = packed(library().as_bytes())?;
        let mut page = String::new();
        for rows in ROWS {
            page = self.with(rows, &library)?;
            if page.len() <= LARGEST {
                break;
            }
        }
        Ok(page)
    }

    fn with(&self, rows: usize, library: &str) -> Result<String, ReportError> {
        let panels: Vec<PanelView> = self.panels.iter().map(|panel| view(panel, rows)).collect::<Result<_, _>>()?;
        let environment = environment()?;
        let page = environment.get_template("page.html")?.render(context! {
            report => Serde(self),
            panels => Serde(&panels),
            rows,
            library,
            style => built_in("report/report.css").unwrap_or_default(),
            script => script(),
        })?;
        Ok(page)
    }
}

/// A panel with as many rows as there is room for.
fn view(panel: &Panel, rows: usize) -> Result<PanelView<'_>, ReportError> {
    let kept = panel.table.rows.len().min(rows * DATA_ROWS);
    let data = serde_json::to_string(&serde_json::json!({
        "charts": panel.charts,
        "columns": panel.table.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
        "rows": &panel.table.rows[..kept],
        "total": panel.table.total,
        "title": panel.title,
    }))?;
    let pack = data.len() > PACKED;
    let data = if pack { packed(data.as_bytes())? } else { data.replace('<', "\\u003c") };
    Ok(PanelView { panel, shown: panel.table.rows.len().min(rows), data, packed: pack })
}

/// One strict environment that escapes all text for HTML.
fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.build()?);
    environment.add_template("page.html", built_in("report/page.html").unwrap_or_default())?;
    Ok(environment)
}

/// All modules as one: an inline module can import no other one without an address. Their names are distinct, which the
/// browser would say where they were not.
fn script() -> String {
    let lines = MODULES.iter().flat_map(|name| {
        let module = built_in(&format!("report/{name}")).unwrap_or_default();
        module.lines().filter(|line| !line.starts_with("import "))
    });
    lines.map(|line| line.strip_prefix("export ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The charting library alone: the first of the scripts that the crate hands out; the other sets formulas.
fn library() -> String {
    let scripts = plotly::Plot::offline_js_sources();
    let library = scripts.split_once('>').map_or("", |(_, rest)| rest);
    // The library has no such end in it, or it could not stand in a page.
    library.split_once("</script>").map_or(library, |(library, _)| library).to_owned()
}

/// Gzip as base64, which a page unpacks by itself.
fn packed(bytes: &[u8]) -> Result<String, std::io::Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(STANDARD.encode(encoder.finish()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_library_is_whole_and_alone() {
        let library = library();
        assert!(library.len() > 4_000_000 && library.len() < 5_000_000, "{}", library.len());
        // It knows of MathJax, and has none of it.
        assert!(library.contains("plotly.js v3") && !library.contains("tex-svg"));
        let mut unpacked = String::new();
        let bytes = STANDARD.decode(packed(library.as_bytes()).unwrap()).unwrap();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, library);
    }

    #[test]
    fn each_module_is_there_and_says_nothing_twice() {
        let script = script();
        assert!(!script.contains("import ") && !script.contains("export "), "{script}");
        for name in MODULES {
            assert!(built_in(&format!("report/{name}")).is_some_and(|text| !text.contains("</script")), "{name}");
        }
    }
}
