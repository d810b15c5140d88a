//! Progress on stderr: a bar on a terminal, a line a job elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plan::Job;
use crate::record::row::Row;
use crate::run::Status;
use crate::terminal;
use crate::units::significant;

/// The progress of a run.
#[derive(Debug, Clone)]
pub struct Live {
    bar: ProgressBar,
    how: How,
    jobs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Bar,
    Lines,
    Silent,
}

impl Live {
    /// Of a run of so many jobs.
    #[must_use]
    pub fn new(jobs: usize, quiet: bool) -> Self {
        let how = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => How::Silent,
            (false, true) => How::Bar,
            (false, false) => How::Lines,
        };
        let bar = ProgressBar::with_draw_target(Some(jobs as u64), ProgressDrawTarget::hidden());
        if how == How::Bar {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg} {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar, how, jobs }
    }

    /// A job is tried now.
    pub fn started(&self, job: &Job) {
        self.bar.set_message(terminal::line(&job.id.0));
    }

    /// A job ended.
    pub fn finished(&self, job: &Job, row: &Row) {
        self.ended(job, row.status, &status_line(row));
    }

    /// A job ended, with this status line.
    pub fn ended(&self, job: &Job, status: Status, status_line: &str) {
        self.bar.inc(1);
        let done = self.bar.position();
        let line = format!("[{done}/{}] {} {status_line}", self.jobs, job.id);
        match self.how {
            How::Lines => self.line(&line),
            How::Bar if status != Status::Ok => self.line(&line),
            How::Bar | How::Silent => {}
        }
    }

    /// A line of its own, above the bar where there is one.
    pub fn line(&self, line: &str) {
        let line = terminal::line(line);
        match self.how {
            How::Bar => self.bar.println(line),
            How::Lines => anstream::eprintln!("{line}"),
            How::Silent => {}
        }
    }

    /// A line that is shown even where no other is: what the user has to know.
    pub fn loud(&self, line: &str) {
        match self.how {
            How::Silent => anstream::eprintln!("{}", terminal::line(line)),
            How::Bar | How::Lines => self.line(line),
        }
    }

    /// The run is over.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// How a job ended, on one line.
fn status_line(row: &Row) -> String {
    let status = row.status;
    match (row.status, row.figures.wall) {
        (Status::Ok, Some(wall)) => format!("{status} {} ms", significant(wall.median, 3)),
        (Status::Ok, None) => status.to_string(),
        _ => format!("{status}: {}", row.figures.reason),
    }
}
