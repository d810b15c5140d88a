//! What stands above the table: how the jobs ended, and what is the same for all of them.

use indexmap::IndexMap;

use super::axes::constant;
use crate::plan::{Job, Plan};
use crate::protocol::adapter::{AdapterFacts, AdapterKind};
use crate::record::csv::harmless;
use crate::record::row::Row;
use crate::report::format::TableStyle;
use crate::report::layout::hanging;
use crate::report::tone::Tone;
use crate::run::Status;

/// The adapters of the rows that have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Adapters {
    /// No row has one.
    None,
    /// They follow from the browser: each browser with its own.
    ByBrowser(IndexMap<String, String>),
    /// One browser used several: each row has to say which.
    Various,
}

impl Adapters {
    /// Of rows.
    pub(super) fn of(rows: &[(Job, Row)]) -> Self {
        let mut by_browser: IndexMap<String, String> = IndexMap::new();
        for (job, row) in rows.iter().filter(|(_, row)| row.status == Status::Ok) {
            let Some(facts) = &row.figures.adapter else { continue };
            let name = adapter(facts);
            let known = by_browser.entry(job.axes.browser.clone()).or_insert_with(|| name.clone());
            if *known != name {
                return Self::Various;
            }
        }
        if by_browser.is_empty() { Self::None } else { Self::ByBrowser(by_browser) }
    }
}

/// The kind of an adapter, with the most telling of its names.
pub(super) fn adapter(facts: &AdapterFacts) -> String {
    let names = [&facts.description, &facts.device, &facts.architecture, &facts.vendor];
    let name = names.into_iter().find(|name| !name.is_empty());
    harmless(&name.map_or_else(|| facts.kind.to_string(), |name| format!("{}, {name}", facts.kind)))
}

/// The lines above the table.
pub(super) fn heading(
    plan: &Plan,
    rows: &[(Job, Row)],
    adapters: &Adapters,
    style: TableStyle,
    width: usize,
) -> String {
    let ended = format!("{}: {}", plan.manifest.name, ended(plan.jobs.len(), rows));
    let mut lines = vec![match style {
        TableStyle::Terminal => Tone::Heading.paint(&style.cell(&ended)),
        TableStyle::Markdown => style.cell(&ended),
    }];
    let mut fact = |title: &str, text: &str, tone: Tone| {
        let first = format!("{title}: ");
        lines.push(match style {
            TableStyle::Terminal => {
                let text = hanging(&first, &style.cell(text), width);
                text.lines().map(|line| tone.paint(line)).collect::<Vec<_>>().join("\n")
            }
            TableStyle::Markdown => format!("\n{first}{}", style.cell(text)),
        });
    };
    let same: Vec<String> = constant(plan).into_iter().map(|(axis, value)| format!("{axis} {value}")).collect();
    if !same.is_empty() {
        fact("The same in all rows", &same.join(", "), Tone::Plain);
    }
    if let Adapters::ByBrowser(by_browser) = adapters {
        let mut known = rows.iter().filter_map(|(_, row)| row.figures.adapter.as_ref());
        let tone =
            if known.all(|adapter| adapter.kind == AdapterKind::Hardware) { Tone::Plain } else { Tone::Doubtful };
        let mut names = by_browser.values();
        let first = names.next().map_or("", String::as_str);
        let mut ok = rows.iter().filter(|(_, row)| row.status == Status::Ok);
        if ok.all(|(_, row)| row.figures.adapter.is_some()) && names.all(|name| name == first) {
            fact("Adapter", first, tone);
        } else {
            let each = by_browser.iter().map(|(browser, name)| format!("{browser}: {name}"));
            fact("Adapters", &each.collect::<Vec<_>>().join("; "), tone);
        }
    }
    lines.join("\n")
}

/// `12 jobs, all ok and verified`, or how many ended in which way.
fn ended(planned: usize, rows: &[(Job, Row)]) -> String {
    let total = if planned == rows.len() { plural(planned) } else { format!("{} of {}", rows.len(), plural(planned)) };
    let ok: Vec<&Row> = rows.iter().map(|(_, row)| row).filter(|row| row.status == Status::Ok).collect();
    let verified = ok.iter().filter(|row| row.figures.verified == Some(true)).count();
    let checked = match verified {
        count if count == ok.len() => " and verified".to_owned(),
        0 => ", none verified".to_owned(),
        count => format!(", {count} verified"),
    };
    if ok.len() == rows.len() {
        return match rows.len() {
            0 => total,
            1 => format!("{total}, ok{checked}"),
            _ => format!("{total}, all ok{checked}"),
        };
    }
    let mut others: IndexMap<Status, usize> = IndexMap::new();
    for (_, row) in rows.iter().filter(|(_, row)| row.status != Status::Ok) {
        *others.entry(row.status).or_default() += 1;
    }
    let others = others.into_iter().map(|(status, count)| format!("{count} {}", status.to_string().replace('_', " ")));
    let ok = (!ok.is_empty()).then(|| format!("{} ok{checked}", ok.len()));
    format!("{total}: {}", ok.into_iter().chain(others).collect::<Vec<_>>().join(", "))
}

fn plural(jobs: usize) -> String {
    if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") }
}
