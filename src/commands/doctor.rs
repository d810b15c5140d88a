//! `gpujobs doctor`: what is installed, and one remedy for each gap.

use std::io::{self, Write};

use comfy_table::Table;

use crate::cli::PlanFormat;
use crate::setup::survey::{BrowserState, InstalledProgram, Survey, survey};
use crate::units::Bytes;

/// Prints what is installed; whether nothing is missing.
pub fn run(format: PlanFormat, out: &mut dyn Write) -> io::Result<bool> {
    let survey = survey();
    match format {
        PlanFormat::Table => print(&survey, out)?,
        PlanFormat::Json => writeln!(out, "{:#}", serde_json::to_value(&survey)?)?,
    }
    Ok(survey.gaps.is_empty())
}

/// Prints a survey.
pub fn print(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(["browser", "program", "version", "driver", "version", "match"]);
    for state in &survey.browsers {
        table.add_row(row(state));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    if let Some(gpu) = survey.gpu {
        writeln!(
            out,
            "GPU             {}",
            if gpu { "a device file is there" } else { "none seen: browsers compute in software" }
        )?;
        writeln!(out, "Vulkan drivers  {}", list(survey.vulkan_drivers.iter().cloned()))?;
        writeln!(out, "Xvfb            {}", list(survey.xvfb.iter().map(|path| path.display().to_string())))?;
    }
    let runtimes =
        survey.runtimes.iter().map(|runtime| format!("{} {}", runtime.path.display(), version(Some(runtime))));
    writeln!(out, "JS runtimes     {}", list(runtimes))?;
    writeln!(out, "libraries       {}", list(survey.libraries.iter().cloned()))?;
    models(survey, out)?;
    for gap in &survey.gaps {
        writeln!(out, "\n{}\n  remedy: {}", gap.what, gap.remedy)?;
    }
    if survey.gaps.is_empty() {
        writeln!(out, "\nnothing is missing; `gpujobs verify` opens the browsers and says what they really have")?;
    }
    Ok(())
}

/// The models of the store, a line each.
fn models(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    let folder = survey.store.as_ref().map_or("-".to_owned(), |folder| folder.display().to_string());
    writeln!(out, "models          {} in {folder}", survey.models.len())?;
    for model in &survey.models {
        writeln!(
            out,
            "  {}: {}, {}",
            model.id,
            Bytes(model.bytes),
            list(model.dtypes.iter().copied().map(str::to_owned))
        )?;
    }
    Ok(())
}

fn row(state: &BrowserState) -> [String; 6] {
    let path = |program: &Option<InstalledProgram>| {
        program.as_ref().map_or("-".to_owned(), |program| program.path.display().to_string())
    };
    let matched = match state.versions_match {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    [
        state.name.to_owned(),
        path(&state.browser),
        version(state.browser.as_ref()),
        path(&state.driver),
        version(state.driver.as_ref()),
        matched.to_owned(),
    ]
}

fn version(program: Option<&InstalledProgram>) -> String {
    program.and_then(|program| program.version.clone()).unwrap_or_default()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}
