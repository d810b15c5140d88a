//! `gpujobs doctor --webdriver URL`: what an endpoint has, by its own word.

use std::io::Write;

use comfy_table::{Table, presets};

use super::shared::prepare::endpoint;
use crate::cli::PlanFormat;
use crate::error::Error;
use crate::webdriver::grid::EndpointStatus;

/// Prints what an endpoint says of itself; whether it takes sessions.
pub fn run(url: &str, format: PlanFormat, out: &mut dyn Write) -> Result<bool, Error> {
    let endpoint = endpoint(url)?;
    let asked = tokio::runtime::Runtime::new()?.block_on(EndpointStatus::of(&endpoint));
    let status = asked.map_err(|error| Error::Environment {
        help: miette::Diagnostic::help(&error).map(|help| help.to_string()).unwrap_or_default(),
        message: error.to_string(),
    })?;
    match format {
        PlanFormat::Json => {
            writeln!(out, "{:#}", serde_json::to_value(&status).map_err(std::io::Error::from)?)?;
        }
        PlanFormat::Table => {
            writeln!(out, "{endpoint}: {}", if status.ready { "ready" } else { "NOT READY" })?;
            writeln!(out, "{}", status.message)?;
            if status.is_grid() {
                writeln!(out, "\n{}", table(&status))?;
            }
        }
    }
    Ok(status.ready)
}

/// A row for the slots of a node that are alike.
fn table(status: &EndpointStatus) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["node", "system", "state", "browser", "version", "platform", "slots", "taken"]);
    for node in &status.nodes {
        let state = if node.up { "up" } else { "takes no sessions" };
        for (slot, all, taken) in node.alike() {
            table.add_row([
                node.url.clone(),
                node.os.clone(),
                state.to_owned(),
                slot.browser.clone(),
                slot.version.clone(),
                slot.platform.clone(),
                all.to_string(),
                taken.to_string(),
            ]);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
