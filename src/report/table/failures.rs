//! The rows that have no times: why, which jobs, and where to read more.

use std::path::Path;

use indexmap::IndexMap;

use crate::plan::Job;
use crate::record::row::Row;
use crate::report::format::TableStyle;
use crate::report::layout::hanging;
use crate::report::tone::Tone;
use crate::run::Status;

/// What stands below the table; `None` where each job has its times. A reason that several jobs share stands there once.
pub(super) fn below(rows: &[(Job, Row)], logs: Option<&Path>, style: TableStyle, width: usize) -> Option<String> {
    let mut reasons: IndexMap<(Status, &str), Vec<&str>> = IndexMap::new();
    for (job, row) in rows.iter().filter(|(_, row)| row.status != Status::Ok) {
        reasons.entry((row.status, &row.figures.reason)).or_default().push(&job.id.0);
    }
    if reasons.is_empty() {
        return None;
    }
    let missing: usize = reasons.values().map(Vec::len).sum();
    let logs = logs.map(|logs| format!("; logs: {}", logs.display())).unwrap_or_default();
    let title = format!("{missing} of {} jobs have no times{logs}", rows.len());
    let listed = reasons.into_iter().map(|((status, reason), jobs)| match style {
        TableStyle::Terminal => on_terminal(status, reason, &jobs, width),
        TableStyle::Markdown => {
            let jobs = jobs.iter().map(|job| format!("\n  - {}", style.cell(job)));
            format!("- **{status}**: {}{}", style.cell(reason), jobs.collect::<String>())
        }
    });
    let between = if style == TableStyle::Markdown { "\n\n" } else { "\n" };
    Some(format!("{}{between}{}", style.cell(&title), listed.collect::<Vec<_>>().join("\n")))
}

fn on_terminal(status: Status, reason: &str, jobs: &[&str], width: usize) -> String {
    let tone = if status == Status::Unsupported || status == Status::Skipped { Tone::Doubtful } else { Tone::Bad };
    let first = format!("  {status}: ");
    let reason = hanging(&first, &TableStyle::Terminal.cell(reason), width);
    let reason = format!("{}{}", tone.paint(&first), &reason[first.len()..]);
    let jobs = jobs.iter().map(|job| format!("\n    {}", TableStyle::Terminal.cell(job)));
    reason + &jobs.collect::<String>()
}
