//! Where the words of pages and drivers go: a file a browser in the run folder, and stderr as far as was asked.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::harness::PAGE_MARK;
use crate::report::live::Live;
use crate::terminal;
use crate::webdriver::LogSink;

/// Bytes of one browser's words that are kept and shown; a page or a driver may write without end.
const LARGEST_LOG: u64 = 16 << 20;

/// What stands at the end of a log that holds no more.
const FULL: &str = "this log is full: it holds 16 MiB, and what was written after that is left out";

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
        let log = Mutex::new(Log::open(path.as_deref()));
        let Self { verbosity, live, .. } = self.clone();
        let name = browser.to_owned();
        LogSink::new(move |line| {
            let line = terminal::line(line);
            match log.lock().map_or(Kept::Nothing, |mut log| log.keep(&line)) {
                Kept::Nothing => return,
                Kept::Cut => {
                    let place = path.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default();
                    live.line(&format!("warning: {name} writes without end: its log{place} is full at 16 MiB"));
                    return;
                }
                Kept::Whole => {}
            }
            let from_page = line.starts_with(PAGE_MARK);
            if verbosity == Verbosity::Drivers || (verbosity == Verbosity::Console && from_page) {
                live.line(&format!("{name}: {line}"));
            }
        })
    }
}

/// The log of one browser, as far as it may grow.
#[derive(Debug)]
struct Log {
    /// `None` where there is no run folder, or no way to write into it.
    file: Option<File>,
    /// Bytes that it may still take.
    left: u64,
    is_full: bool,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Whole,
    /// It is the first one that is left out.
    Cut,
    Nothing,
}

impl Log {
    /// That of a file, which goes on where the file was written before.
    fn open(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
        let written = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
        Self { file, left: LARGEST_LOG.saturating_sub(written), is_full: false }
    }

    fn keep(&mut self, line: &str) -> Kept {
        if self.is_full {
            return Kept::Nothing;
        }
        let bytes = line.len() as u64 + 1;
        self.is_full = bytes > self.left;
        self.left = self.left.saturating_sub(bytes);
        let written = if self.is_full { FULL } else { line };
        if let Some(file) = &mut self.file {
            // A log that can't be written must not end the run.
            let _ = writeln!(file, "{written}");
        }
        if self.is_full { Kept::Cut } else { Kept::Whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_end_is_cut_once_with_a_notice_and_stays_so() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir(run.path().join("logs")).unwrap();
        let path = run.path().join("logs/chrome.log");
        let logs = Logs::in_folder(run.path(), 0, &Live::new(0, true));
        let line = "x".repeat(1 << 20);
        for lines in [20, 2] {
            let sink = logs.of_browser("chrome");
            (0..lines).for_each(|_| sink.line(&line));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.len() as u64 <= LARGEST_LOG + 2 * (FULL.len() as u64 + 1), "{}", text.len());
            assert!(text.ends_with(&format!("{FULL}\n")));
        }
    }

    #[test]
    fn the_first_line_that_is_left_out_is_told_apart() {
        let mut log = Log { file: None, left: 10, is_full: false };
        let kept: Vec<Kept> = ["1234", "1234", "1", ""].into_iter().map(|line| log.keep(line)).collect();
        assert_eq!(kept, [Kept::Whole, Kept::Whole, Kept::Cut, Kept::Nothing]);
    }
}
