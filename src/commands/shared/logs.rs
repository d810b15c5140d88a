//! Where the words of pages and drivers go: a file a browser in the run folder, and stderr as far as was asked.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::harness::PAGE_MARK;
use crate::report::live::Live;
use crate::terminal;
use crate::webdriver::LogSink;

/// How much of it stderr shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verbosity {
    /// Nothing.
    Silent,
    /// What pages write on their console.
    Console,
    /// What drivers print as well.
    Drivers,
}

impl Verbosity {
    /// Of so many `-v`.
    fn of(count: u8) -> Self {
        match count {
            0 => Self::Silent,
            1 => Self::Console,
            _ => Self::Drivers,
        }
    }
}

/// The logs of a run.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Logs {
    folder: Option<PathBuf>,
    verbosity: Verbosity,
    live: Live,
}

impl Logs {
    /// In the folder `logs` of a run folder; as many `-v` as were typed show them above the progress as well.
    #[must_use]
    pub(in crate::commands) fn in_folder(run: &Path, verbose: u8, live: &Live) -> Self {
        Self { folder: Some(run.join("logs")), verbosity: Verbosity::of(verbose), live: live.clone() }
    }

    /// On stderr alone, as far as so many `-v` ask for it.
    #[must_use]
    pub(in crate::commands) fn to_stderr(verbose: u8) -> Self {
        Self { folder: None, verbosity: Verbosity::of(verbose), live: Live::new(0, verbose == 0) }
    }

    /// The sink of one browser.
    #[must_use]
    pub(super) fn of_browser(&self, browser: &str) -> LogSink {
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{browser}.log")));
        let file = path.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
        let file = Arc::new(Mutex::new(file));
        let Self { verbosity, live, .. } = self.clone();
        let name = browser.to_owned();
        LogSink::new(move |line| {
            let line = terminal::line(line);
            if let Ok(mut file) = file.lock()
                && let Some(file) = file.as_mut()
            {
                // A log that can't be written must not end the run.
                let _ = writeln!(file, "{line}");
            }
            let from_page = line.starts_with(PAGE_MARK);
            if verbosity == Verbosity::Drivers || (verbosity == Verbosity::Console && from_page) {
                live.line(&format!("{name}: {line}"));
            }
        })
    }
}
