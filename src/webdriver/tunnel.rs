//! A tunnel is a command of the user's by which a browser elsewhere reaches the page server while that keeps to loopback:
//! `ssh -R`, which lasts as long as the tunnel does, or `adb reverse`, which ends at once.
//!
//! Opened by `harness` before the browser that needs it, and ended with that.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::sleep;

use super::discover::ProgramSearch;
use super::error::BrowserError;
use super::group::{ProcessGroup, spawn};
use super::last_resort::dying_with_us;
use super::output::{DriverOutput, LogSink};
use super::process;
use super::watchdog::Watchdog;

/// What stands for the page server's port in a command.
const PORT: &str = "{port}";

/// The tunnels of a run. Browsers whose commands are the same share one: two to the same machine would take each other's port.
#[derive(Debug, Default)]
pub struct Tunnels(Mutex<HashMap<Vec<String>, Weak<Tunnel>>>);

impl Tunnels {
    /// The tunnel of these words to a port of this machine, started without a shell unless it runs: its output goes to `log`.
    /// There is no sign of when it is ready.
    pub fn open(
        &self,
        words: &[String],
        port: u16,
        log: Option<LogSink>,
        watchdog: &Watchdog,
    ) -> Result<Arc<Tunnel>, BrowserError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tunnel) = open.get(words).and_then(Weak::upgrade).filter(|tunnel| !tunnel.has_failed()) {
            return Ok(tunnel);
        }
        let tunnel = Arc::new(Tunnel::start(words, port, log, watchdog)?);
        open.insert(words.to_vec(), Arc::downgrade(&tunnel));
        Ok(tunnel)
    }
}

/// A command that runs, or has done what it had to.
#[derive(Debug)]
pub struct Tunnel {
    /// Its words, as they are shown.
    command: String,
    output: DriverOutput,
    /// How it ended, once it has: the words where it failed, none where it succeeded.
    ended: watch::Receiver<Option<Result<(), String>>>,
    /// Empty once none of its processes is left: its number may then become another's.
    group: Arc<Mutex<Option<ProcessGroup>>>,
}

impl Tunnel {
    fn start(words: &[String], port: u16, log: Option<LogSink>, watchdog: &Watchdog) -> Result<Self, BrowserError> {
        let words: Vec<String> = words.iter().map(|word| word.replace(PORT, &port.to_string())).collect();
        let command = words.join(" ");
        let failed = |reason: String| BrowserError::Tunnel { command: command.clone(), reason };
        let [program, arguments @ ..] = words.as_slice() else { return Err(failed("it has no words".to_owned())) };
        let program = Path::new(program);
        let is_missing = match program.components().count() {
            1 => program.to_str().is_none_or(|name| ProgramSearch::of_this_machine().on_path(&[name]).is_none()),
            _ => !program.exists(),
        };
        if is_missing {
            return Err(failed(format!("there is no program {}", program.display())));
        }
        let output = DriverOutput::new(log);
        let (mut child, group) = spawn(dying_with_us(program).args(arguments), program, None, watchdog)?;
        if let Some(pipe) = child.stdout.take() {
            tokio::spawn(output.clone().drain(pipe, |_| ()));
        }
        if let Some(pipe) = child.stderr.take() {
            tokio::spawn(output.clone().drain(pipe, |_| ()));
        }
        let group = Arc::new(Mutex::new(Some(group)));
        let ended = watch_end(child, group.clone());
        Ok(Self { command, output, ended, group })
    }

    /// Whether it has failed.
    fn has_failed(&self) -> bool {
        matches!(*self.ended.borrow(), Some(Err(_)))
    }

    /// Ends when the command has failed, with what it printed; never where it ended with success.
    pub async fn failed(&self) -> BrowserError {
        let mut ended = self.ended.clone();
        let how = match ended.wait_for(|ended| matches!(ended, Some(Err(_)))).await {
            Ok(ended) => ended.clone().and_then(Result::err).unwrap_or_default(),
            // Its watcher is gone, which is so once it has ended well.
            Err(_) => return std::future::pending().await,
        };
        let lines = self.output.last_lines();
        let reason = if lines.is_empty() {
            format!("{how}; it printed nothing")
        } else {
            format!("{how}; its last output:\n{}", lines.join("\n"))
        };
        BrowserError::Tunnel { command: self.command.clone(), reason }
    }

    /// Lets go of a tunnel; the last who does ends the command and all that it started.
    pub async fn close(self: Arc<Self>) {
        let Some(tunnel) = Arc::into_inner(self) else { return };
        let group = tunnel.group.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(group) = group {
            // Only a runtime that shuts down refuses; the drop has then happened all the same.
            let _ = tokio::task::spawn_blocking(|| group.end()).await;
        }
    }
}

/// Waits for the end of a command in a task, which reaps it.
fn watch_end(mut child: Child, group: Arc<Mutex<Option<ProcessGroup>>>) -> watch::Receiver<Option<Result<(), String>>> {
    let (sender, ended) = watch::channel(None);
    tokio::spawn(async move {
        let status = child.wait().await;
        // The last lines may still be in the pipe.
        sleep(Duration::from_millis(20)).await;
        {
            let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
            group.take_if(|group| !process::alive(group.id()));
        }
        sender.send_replace(Some(match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        }));
    });
    ended
}
