//! The page of a report: data, styles, modules and the charting library in one file that asks nobody for anything.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use indexmap::{IndexMap, IndexSet};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use serde_json::Value;

use crate::render::built_in;

use super::Report;
use super::panel::{Panel, PanelCell, PanelColumn};

/// The charting library, which `build.rs` packs.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plotly.js.gz"));
/// Most bytes of a report.
const LARGEST: usize = 5 << 20;
/// Rows that charts are given for each that a table shows: packed data are a tenth as long as a table.
const DATA_ROWS: usize = 5;
/// Characters of a manifest for each of another text.
const MANIFEST: usize = 20;

/// How much of everything stands in a page.
#[derive(Debug, Clone, Copy, Serialize)]
struct Cut {
    /// Rows of each table.
    rows: usize,
    /// Panels, and runs with their grids.
    panels: usize,
    /// Winners, and warnings.
    list: usize,
    /// Characters of each text; 0 for all of them.
    text: usize,
}

/// Tried in turn until a page is small enough.
const CUTS: [Cut; 9] = [
    Cut { rows: 10_000, panels: 400, list: 1000, text: 0 },
    Cut { rows: 5000, panels: 400, list: 1000, text: 2000 },
    Cut { rows: 2000, panels: 300, list: 500, text: 1000 },
    Cut { rows: 1000, panels: 200, list: 300, text: 500 },
    Cut { rows: 300, panels: 100, list: 200, text: 500 },
    Cut { rows: 100, panels: 60, list: 100, text: 300 },
    Cut { rows: 20, panels: 40, list: 60, text: 200 },
    Cut { rows: 10, panels: 15, list: 20, text: 100 },
    Cut { rows: 5, panels: 6, list: 5, text: 60 },
];
/// Bytes of data from which on they are packed.
const PACKED: usize = 16 << 10;
/// Adapters that a panel names.
const MOST_ADAPTERS: usize = 5;
/// The modules, each before those that import it.
const MODULES: [&str; 16] = [
    "plain.js",
    "rows.js",
    "theme.js",
    "sweep.js",
    "start_up.js",
    "parts.js",
    "samples.js",
    "forest.js",
    "kernels.js",
    "tuning.js",
    "parameters.js",
    "roofline.js",
    "memory.js",
    "over_runs.js",
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
    /// Cutting does not help: there are too many columns, or browsers.
    #[error("with 5 rows of each table it has {bytes} bytes, and {LARGEST} at most are allowed")]
    TooLarge {
        /// Of the shortest page.
        bytes: usize,
    },
}

/// A panel as the page has it.
#[derive(Serialize)]
struct PanelView<'a> {
    id: &'a str,
    /// Empty for a panel of several runs.
    run: &'a str,
    title: Cow<'a, str>,
    note: &'a str,
    columns: Vec<PanelColumn>,
    /// The rows that stand in its table.
    rows: Vec<Vec<PanelCell>>,
    total: usize,
    /// What computed jobs that no hardware did, and how many.
    software: IndexSet<Cow<'a, str>>,
    software_jobs: usize,
    /// Its data as JSON whose `<` are escaped, or packed.
    data: String,
    packed: bool,
}

impl Report {
    /// The whole file, cut where it would be too large, which it then says.
    pub fn html(&self) -> Result<String, ReportError> {
        let library = STANDARD.encode(LIBRARY);
        let environment = environment()?;
        let mut bytes = 0;
        for cut in CUTS {
            let page = self.with(cut, &environment, &library)?;
            if page.len() <= LARGEST {
                return Ok(page);
            }
            bytes = page.len();
        }
        Err(ReportError::TooLarge { bytes })
    }

    fn with(&self, cut: Cut, environment: &Environment<'_>, library: &str) -> Result<String, ReportError> {
        let shown = self.panels.iter().take(cut.panels);
        let panels: Vec<PanelView> = shown.map(|panel| view(panel, cut)).collect::<Result<_, _>>()?;
        let mut report = serde_json::to_value(self)?;
        cut.shorten(&mut report, false);
        let page = environment.get_template("page.html")?.render(context! {
            report => Serde(&report),
            panels => Serde(&panels),
            cut => Serde(&cut),
            left_out => self.left_out(cut),
            library,
            style => built_in("report/report.css").unwrap_or_default(),
            script => script(),
        })?;
        Ok(page)
    }

    /// What a page does not hold, in words; empty where it holds everything.
    fn left_out(&self, cut: Cut) -> String {
        let rows = self.panels.iter().map(|panel| panel.table.rows.len());
        let rows = rows.chain(self.grids.iter().map(|grid| grid.rows.len())).chain([self.refusals.len()]);
        let lists = [self.winners.len(), self.warnings.len()];
        let several =
            |what: &str, all: usize, most: usize| (all > most).then(|| format!("{most} of {all} {what} are here"));
        let said = [
            rows.max().filter(|rows| *rows > cut.rows).map(|rows| {
                format!("of up to {rows} rows a table shows {} and a chart knows {}", cut.rows, cut.rows * DATA_ROWS)
            }),
            several("panels", self.panels.len(), cut.panels),
            several("runs", self.runs.len(), cut.panels),
            lists
                .into_iter()
                .find(|all| *all > cut.list)
                .map(|_| format!("{} winners or warnings are named", cut.list)),
            (cut.text > 0).then(|| format!("texts end with … after {} characters", cut.text)),
        ];
        said.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Cut {
    /// A text as long as it may be.
    fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        shortened(text, self.text)
    }

    /// Shortens all texts in a value; a manifest may be longer than others.
    fn shorten(&self, value: &mut Value, manifest: bool) {
        match value {
            Value::String(text) => {
                let longest = self.text * if manifest { MANIFEST } else { 1 };
                if let Cow::Owned(short) = shortened(text, longest) {
                    *text = short;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.shorten(value, manifest)),
            Value::Object(values) => values.iter_mut().for_each(|(key, value)| self.shorten(value, key == "manifest")),
            _ => {}
        }
    }
}

/// The first characters of a text that has more; 0 for all of them.
fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((end, _)) if longest > 0 => Cow::Owned(format!("{}…", &text[..end])),
        _ => Cow::Borrowed(text),
    }
}

/// A panel with as many rows as there is room for.
fn view(panel: &Panel, cut: Cut) -> Result<PanelView<'_>, ReportError> {
    let kept = panel.table.rows.len().min(cut.rows * DATA_ROWS);
    let cell = |cell: &PanelCell| match cell {
        PanelCell::Text(text) => PanelCell::Text(cut.text(text).into_owned()),
        other => other.clone(),
    };
    let mut rows: Vec<Vec<PanelCell>> =
        panel.table.rows[..kept].iter().map(|row| row.iter().map(cell).collect()).collect();
    let column = |column: &PanelColumn| PanelColumn { name: cut.text(&column.name).into_owned(), ..column.clone() };
    let columns: Vec<PanelColumn> = panel.table.columns.iter().map(column).collect();
    let software: IndexMap<_, _> =
        panel.software.iter().take(kept).map(|(job, adapter)| (cut.text(job), cut.text(adapter))).collect();
    let title = cut.text(&panel.title);
    let data = serde_json::to_string(&serde_json::json!({
        "charts": panel.charts,
        "columns": columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
        "rows": rows,
        "total": panel.table.total,
        "software": software,
        "same_within": panel.same_within,
    }))?;
    let pack = data.len() > PACKED;
    let data = if pack { packed(data.as_bytes())? } else { data.replace('<', "\\u003c") };
    rows.truncate(cut.rows);
    Ok(PanelView {
        id: &panel.id,
        run: &panel.run,
        title,
        note: &panel.note,
        columns,
        rows,
        total: panel.table.total,
        software: software.into_values().take(MOST_ADAPTERS).collect(),
        software_jobs: panel.software.len(),
        data,
        packed: pack,
    })
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

/// Gzip as base64, which a page unpacks by itself.
fn packed(bytes: &[u8]) -> Result<String, std::io::Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(STANDARD.encode(encoder.finish()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::panel::{PanelTable, words};
    use super::*;

    /// A report of panels that all have the same rows.
    fn report(panels: usize, rows: &[Vec<PanelCell>]) -> Report {
        let panel = |place: usize| Panel {
            id: format!("panel-{place}"),
            charts: vec!["sweep"],
            table: PanelTable::new(vec![words("job_id"), words("reason")], rows.to_vec()),
            ..Panel::default()
        };
        Report { panels: (0..panels).map(panel).collect(), ..Report::default() }
    }

    #[test]
    fn a_page_is_small_whatever_its_texts_are_and_says_what_it_lacks() {
        // Rows that can't be packed to much less.
        let noise = |place: u64| {
            let letter = |at: u64| char::from_digit((at * at * (place + 7) % 97 % 36) as u32, 36);
            (0..20_000).filter_map(letter).collect::<String>()
        };
        let row = |place: u64| -> Vec<PanelCell> { vec![place.to_string().into(), noise(place).into()] };
        let rows: Vec<Vec<PanelCell>> = (0..30).map(row).collect();
        let page = report(40, &rows).html().unwrap();
        assert!(page.len() <= LARGEST, "{}", page.len());
        assert!(page.contains("This page is cut") && page.contains("texts end with"), "{}", &page[..2000]);
        let page = report(1000, &rows[..1]).html().unwrap();
        assert!(page.len() <= LARGEST && page.contains("400 of 1000 panels are here"));
        let page = report(2, &[vec!["id".into(), "short".into()]]).html().unwrap();
        assert!(!page.contains("This page is cut"));
    }

    #[test]
    fn what_can_not_be_cut_is_an_error() {
        let mut report = report(1, &[]);
        report.panels[0].table.columns = (0..300_000).map(|place| words(&format!("column_{place}"))).collect();
        assert!(matches!(report.html(), Err(ReportError::TooLarge { .. })));
    }

    #[test]
    fn the_library_is_whole_and_alone() {
        let mut library = String::new();
        flate2::read::GzDecoder::new(LIBRARY).read_to_string(&mut library).unwrap();
        assert!(library.len() > 4_000_000 && library.len() < 5_000_000, "{}", library.len());
        // It knows of MathJax, and has none of it.
        assert!(library.contains("plotly.js v3") && !library.contains("tex-svg"));
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
