//! The progress of downloads on stderr: a bar on a terminal, a line a file elsewhere.
//!
//! Events come from the `store`; made by `gpujobs fetch`.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::store::FetchEvent;
use crate::units::Bytes;

/// Shows the events of a fetch.
#[derive(Debug)]
pub struct Fetching {
    bar: ProgressBar,
    quiet: bool,
}

impl Fetching {
    /// Shows nothing when `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if !quiet && std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            let style = "{bar:24} {bytes}/{total_bytes} {binary_bytes_per_sec} {wide_msg} {eta} left";
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        Self { bar, quiet }
    }

    /// Shows an event.
    pub fn show(&self, event: FetchEvent<'_>) {
        match event {
            FetchEvent::Waiting { id } => self.line(&format!("{id}: another gpujobs is fetching it; waiting for it")),
            FetchEvent::Chosen { id, files, bytes } => {
                let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
                self.line(&format!("{id}: {files}, {}", Bytes(bytes)));
            }
            FetchEvent::Started { path, bytes, from } => {
                self.bar.reset();
                self.bar.set_length(bytes);
                self.bar.set_position(from);
                self.bar.reset_eta();
                self.bar.set_message(path.to_owned());
                let there = if from > 0 { format!(", of which {} are there", Bytes(from)) } else { String::new() };
                if self.bar.is_hidden() {
                    self.line(&format!("{path}: {}{there}", Bytes(bytes)));
                }
            }
            FetchEvent::Received { at } => self.bar.set_position(at),
            FetchEvent::Retrying { path, why } => self.line(&format!("{path}: trying again: {why}")),
            FetchEvent::Finished { .. } => self.bar.set_message(""),
        }
    }

    /// The model was fetched, or the fetch failed.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// A line of its own, above the bar where there is one.
    fn line(&self, line: &str) {
        match (self.quiet, self.bar.is_hidden()) {
            (true, _) => {}
            (false, true) => anstream::eprintln!("{line}"),
            (false, false) => self.bar.println(line),
        }
    }
}
