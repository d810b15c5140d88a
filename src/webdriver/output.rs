//! What a driver and its browser print: kept as a few last lines for errors, and passed on to a log.
//!
//! The pipes are always drained: a full one would stop the browser.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How many last lines an error shows.
const LINES: usize = 12;

/// A line is cut here, in bytes: a browser may print a whole page of base64.
const LINE_BYTES: usize = 4096;

/// A function that gets each line, for `-v` and for the run folder's `logs/`.
#[derive(Clone)]
pub struct LogSink(Arc<dyn Fn(&str) + Send + Sync>);

impl LogSink {
    /// From a function, which is called on the runtime's threads and must not block.
    pub fn new(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Hands on one line.
    pub fn line(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}

/// The last lines of a program's output; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct DriverOutput {
    last: Arc<Mutex<VecDeque<String>>>,
    sink: Option<LogSink>,
}

impl DriverOutput {
    pub(super) fn new(sink: Option<LogSink>) -> Self {
        Self { last: Arc::default(), sink }
    }

    /// The last lines, oldest first.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Takes lines from a pipe until it ends, and shows each to `notice`.
    pub(super) async fn drain(self, mut pipe: impl AsyncRead + Unpin, mut notice: impl FnMut(&str)) {
        let mut line = Vec::new();
        let mut chunk = [0; 8192];
        while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
            for &byte in &chunk[..count] {
                if byte != b'\n' {
                    if line.len() < LINE_BYTES {
                        line.push(byte);
                    }
                    continue;
                }
                self.take(&line, &mut notice);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.take(&line, &mut notice);
        }
    }

    fn take(&self, line: &[u8], notice: &mut impl FnMut(&str)) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        notice(line);
        if let Some(sink) = &self.sink {
            sink.line(line);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LINES {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_lines_are_kept_and_every_line_is_passed_on() {
        let seen = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&seen);
        let output = DriverOutput::new(Some(LogSink::new(move |_| *counter.lock().unwrap() += 1)));
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}\r\n")).collect();
        let text = lines.concat() + "no end";
        output.clone().drain(text.as_bytes(), |_| ()).await;
        assert_eq!(*seen.lock().unwrap(), 101);
        let lines = output.last_lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[LINES - 1].as_str()), (LINES, "line 89", "no end"));
    }

    #[tokio::test]
    async fn a_line_without_end_does_not_fill_the_memory() {
        let output = DriverOutput::default();
        output.clone().drain(&vec![b'x'; 1 << 20][..], |_| ()).await;
        assert_eq!(output.last_lines()[0].len(), LINE_BYTES);
    }
}
