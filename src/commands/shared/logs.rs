//! Where the words of pages and drivers go: a file a browser in the run folder, and stderr as far as was asked.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::harness::PAGE_MARK;
use crate::report::live::Live;
use crate::terminal;
use crate::webdriver::LogSink;

/// Bytes of one browser's words that are kept; a page or a driver may write without end.
const LARGEST_LOG: u64 = 16 << 20;

/// Bytes of the beginning of a log that has grown too large; the rest of it is for the end, where faults show.
const HEAD: u64 = LARGEST_LOG / 2;

/// Bytes of the end that are kept at least.
const TAIL: u64 = LARGEST_LOG / 4;

/// What stands between the two.
const LEFT_OUT: &str = "what was written here is left out: this log keeps its first 8 MiB and at least the last 4 MiB";

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
            let is_large = log.lock().is_ok_and(|mut log| log.keep(&line));
            if is_large && let Some(path) = &path {
                let path = path.display();
                live.line(&format!("warning: {name} has written 16 MiB: {path} keeps the first 8 MiB and the end"));
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
    bytes: u64,
    /// Whether something of it was left out.
    is_cut: bool,
}

impl Log {
    /// That of a file, which goes on where the file was written before.
    fn open(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| OpenOptions::new().create(true).read(true).append(true).open(path).ok());
        let bytes = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
        Self { file, bytes, is_cut: false }
    }

    /// Keeps a line; whether it is the first for which others were left out.
    fn keep(&mut self, line: &str) -> bool {
        let Some(file) = &mut self.file else { return false };
        let mut is_first = false;
        if self.bytes + line.len() as u64 >= LARGEST_LOG {
            // A log that can't be read must not grow for ever; one that can't be written must not end the run.
            let Ok(bytes) = leave_out(file) else {
                self.file = None;
                return false;
            };
            self.bytes = bytes;
            is_first = !self.is_cut;
            self.is_cut = true;
        }
        if writeln!(file, "{line}").is_ok() {
            self.bytes += line.len() as u64 + 1;
        }
        is_first
    }
}

/// Takes the middle out of a log; gives the bytes that are left.
fn leave_out(file: &mut File) -> io::Result<u64> {
    // Both are cut where lines end.
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(&mut *file);
    reader.seek(SeekFrom::Start(HEAD.min(length)))?;
    reader.skip_until(b'\n')?;
    let head = reader.stream_position()?;
    reader.seek(SeekFrom::Start(length.saturating_sub(TAIL).max(head)))?;
    reader.skip_until(b'\n')?;
    let mut tail = Vec::new();
    reader.read_to_end(&mut tail)?;
    // What is written goes to the end.
    file.set_len(head)?;
    file.write_all(format!("{LEFT_OUT}\n").as_bytes())?;
    file.write_all(&tail)?;
    Ok(file.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_end_keeps_its_beginning_and_its_end() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir(run.path().join("logs")).unwrap();
        let path = run.path().join("logs/chrome.log");
        let logs = Logs::in_folder(run.path(), 0, &Live::new(0, true));
        let filling = "x".repeat(100 << 10);
        for (first, last) in [(0, 600), (600, 700)] {
            let sink = logs.of_browser("chrome");
            (first..last).for_each(|index| sink.line(&format!("{index} {filling}")));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.len() as u64 <= LARGEST_LOG, "{}", text.len());
            assert_eq!(text.matches(LEFT_OUT).count(), 1);
            let (head, tail) = text.split_once(&format!("\n{LEFT_OUT}\n")).unwrap();
            let number = |line: &str| line.split_once(" x").unwrap().0.parse::<usize>().unwrap();
            let numbers = |text: &str| text.lines().map(number).collect::<Vec<_>>();
            let (head, tail) = (numbers(head), numbers(tail));
            assert!(head.len() >= 80 && head.iter().copied().eq(0..head.len()), "{head:?}");
            assert!(tail.len() >= 40 && tail.iter().copied().eq(last - tail.len()..last), "{tail:?}");
        }
    }

    #[test]
    fn what_is_left_out_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(Some(&folder.path().join("a.log")));
        let line = "x".repeat(1 << 20);
        let told: Vec<usize> = (0..40).filter(|_| log.keep(&line)).collect();
        assert_eq!(told, [15]);
        assert!(!Log::open(None).keep(&line));
    }
}
