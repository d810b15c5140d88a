//! A page that is open in a browser, with the jobs that are ready in it: commands go to it, its events come from it, and
//! what it posts is checked.
//!
//! Opened by `live`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::check::OutputChecker;
use super::executor::{Check, Checked, ExecuteError, Opened};
use super::leftovers;
use super::shader_texts::ShaderTexts;
use crate::memory;
use crate::plan::Cache;
use crate::protocol::command::PageCommand;
use crate::protocol::event::{self, PageEvent, RawFault};
use crate::reference::{Failure, Spread};
use crate::serve::{PageChannel, SessionEvent, Subject};
use crate::webdriver::{Browser, LogSink};

/// What begins a log line that a page wrote on its console.
pub const PAGE_MARK: &str = "page ";
/// How long a page may take to say what it holds; it gives its browser less.
const WEIGHED_WITHIN: Duration = Duration::from_secs(20);

/// An open browser with its page.
#[derive(Debug)]
pub(super) struct OpenPage {
    pub(super) browser: Browser,
    pub(super) channel: PageChannel,
    pub(super) opened: Opened,
    /// The jobs that are ready in the page, by their numbers.
    pub(super) jobs: HashMap<u64, Ready>,
    /// Held while something is computed beside the page, see `RunContext`.
    pub(super) making: Arc<tokio::sync::Mutex<()>>,
    /// The job that it runs now.
    pub(super) current: Option<u64>,
    /// Whether its caches are off.
    pub(super) cache: Cache,
    /// Bytes of memory that the browser held before its first job; `None` where nothing tells.
    pub(super) fresh: Option<u64>,
}

/// A job that the page knows.
#[derive(Debug)]
pub(super) struct Ready {
    /// `None` while it checks.
    pub(super) checker: Option<OutputChecker>,
    pub(super) check: Option<Check>,
    /// The check of what was posted last, while the page looks for a witness.
    pub(super) doubt: Option<Box<Check>>,
    /// How far outputs were from those of the recorded run, see [`Check`].
    pub(super) spread: Spread,
    /// `None` for a job without shaders of its own.
    pub(super) shaders: Option<ShaderTexts>,
}

impl Ready {
    /// A job of which nothing was posted yet.
    pub(super) fn new(checker: OutputChecker, shaders: Option<ShaderTexts>) -> Self {
        Self { checker: Some(checker), check: None, doubt: None, spread: Spread::default(), shaders }
    }

    /// The check as it stands. A page that goes on without the witness that it was to look for has none.
    pub(super) fn settled(&mut self) -> Option<&Check> {
        if let Some(doubt) = self.doubt.take() {
            self.take(*doubt);
        }
        self.check.as_ref()
    }

    /// Takes a check. What was wrong once stays so: a page must not try until it is right.
    fn take(&mut self, check: Check) {
        if self.check.as_ref().is_none_or(|known| known.verdict.failure.is_none()) {
            self.check = Some(check);
        }
    }

    /// Takes what was found of an inference whose outputs differ from the recorded run's; whether they are right.
    fn take_repeated(&mut self, found: Result<Spread, Box<Failure>>) -> bool {
        let failure = match found {
            Ok(spread) => {
                self.spread = self.spread.and(spread);
                return true;
            }
            Err(failure) => *failure,
        };
        if let Some(check) = self.check.as_mut().filter(|check| check.verdict.failure.is_none()) {
            (check.verdict.verified, check.verdict.failure) = (Some(false), Some(failure));
        }
        false
    }
}

impl OpenPage {
    /// Sends a command to the page; whether the page is still there.
    pub(super) async fn send(&self, command: &PageCommand) -> bool {
        self.channel.send(json!(command).to_string()).await
    }

    pub(super) async fn command(&self, command: &PageCommand) -> Result<(), ExecuteError> {
        if self.send(command).await {
            return Ok(());
        }
        Err(ExecuteError::Lost("the page is gone".to_owned()))
    }

    /// The next event of the current job; one that says that the job can't go on is the error.
    pub(super) async fn next_event(&mut self, log: &LogSink) -> Result<PageEvent, ExecuteError> {
        loop {
            let event = tokio::select! {
                event = self.channel.next() => event,
                message = self.browser.exited() => return Err(ExecuteError::Lost(self.channel.without_token(&message))),
            };
            match event {
                SessionEvent::Gone => return Err(self.lost().await),
                SessionEvent::Posted { job, subject, from, bytes, reply } => {
                    self.check(job, (subject, from), bytes, reply).await?;
                }
                SessionEvent::Said(text) => {
                    let (job, event) = event::read(&text)
                        .map_err(|error| ExecuteError::Failed(format!("the page said nonsense: {error}")))?;
                    if let PageEvent::Log { level, text } = &event {
                        log.line(&format!("{PAGE_MARK}{level}: {text}"));
                    } else if job.is_none() || job == self.current {
                        return self.classify(event);
                    }
                }
            }
        }
    }

    fn classify(&mut self, event: PageEvent) -> Result<PageEvent, ExecuteError> {
        match event {
            PageEvent::Unsupported { message } => Err(ExecuteError::Unsupported(message)),
            PageEvent::Failed { message, faults } => Err(ExecuteError::Failed(self.explained(message, &faults))),
            PageEvent::Lost { message } => Err(ExecuteError::Lost(message)),
            PageEvent::Incorrect { message } => {
                let check = self.current.and_then(|current| self.jobs.get_mut(&current)?.settled().cloned());
                let found = check.as_ref().and_then(|check| check.verdict.failure.as_ref());
                let message = found.map_or(message, ToString::to_string);
                Err(ExecuteError::Incorrect { message, check: check.map(Box::new) })
            }
            // Whatever the page makes of the answer to its check: what was found wrong has no figures.
            event => match self.wrong() {
                Some(error) => Err(error),
                None => Ok(event),
            },
        }
    }

    /// Why the current job failed: what its shaders' compiler says, at the lines that the user wrote.
    fn explained(&self, message: String, faults: &[RawFault]) -> String {
        let shaders = self.current.and_then(|current| self.jobs.get(&current)?.shaders.as_ref());
        shaders.and_then(|shaders| shaders.explain(faults)).unwrap_or(message)
    }

    /// That what the current job posted last is wrong.
    fn wrong(&mut self) -> Option<ExecuteError> {
        let check = self.jobs.get_mut(&self.current?)?.settled()?;
        let message = check.verdict.failure.as_ref()?.to_string();
        Some(ExecuteError::Incorrect { message, check: Some(Box::new(check.clone())) })
    }

    /// Why the page is gone: the driver's last output, if it dies too.
    async fn lost(&self) -> ExecuteError {
        let words = timeout(Duration::from_millis(500), self.browser.exited()).await;
        let words = words.unwrap_or_else(|_| "the page or its browser closed in the middle of the job".to_owned());
        ExecuteError::Lost(self.channel.without_token(&words))
    }

    /// Why the browser is to be started anew before its next job, in words: nothing is ready in it, and what it has not let go
    /// of leaves too little memory.
    pub(super) fn leftovers(&self) -> Option<String> {
        if !self.jobs.is_empty() {
            return None;
        }
        leftovers::too_large(self.fresh, self.browser.resident(), memory::free())
    }

    /// What the document of a job holds of the JS heap, in bytes; `None` where the page does not say. Whoever comes next finds out
    /// what happened to it.
    pub(super) async fn weigh(&mut self, number: u64, log: &LogSink) -> Option<u64> {
        self.current = Some(number);
        let weighed = async {
            self.command(&PageCommand::Weigh { job: number }).await?;
            loop {
                if let PageEvent::Weighed { heap_bytes } = self.next_event(log).await? {
                    return Ok::<_, ExecuteError>(heap_bytes);
                }
            }
        };
        timeout(WEIGHED_WITHIN, weighed).await.ok()?.ok()?
    }

    /// Compares what the page posted with the reference and answers it.
    async fn check(
        &mut self,
        job: u64,
        (subject, from): (Subject, u64),
        bytes: bytes::Bytes,
        reply: tokio::sync::oneshot::Sender<String>,
    ) -> Result<(), ExecuteError> {
        let Some(ready) = self.jobs.get_mut(&job) else { return Ok(()) };
        let Some(mut checker) = ready.checker.take() else { return Ok(()) };
        let making = self.making.clone().lock_owned().await;
        let (checker, check) = tokio::task::spawn_blocking(move || {
            let _making = making;
            let check = checker.check(subject, from, &bytes);
            (checker, check)
        })
        .await
        .map_err(|error| ExecuteError::Failed(format!("the check of the output broke off: {error}")))?;
        ready.checker = Some(checker);
        let verdict = match check.map_err(ExecuteError::Failed)? {
            Checked::More => "more",
            Checked::Record => "record",
            Checked::Repeated(found) => {
                if let Some(reason) = found.as_ref().err().and_then(|failure| failure.not_compared()) {
                    return Err(ExecuteError::Failed(reason));
                }
                if ready.take_repeated(found) { "ok" } else { "incorrect" }
            }
            Checked::Witness(check) => {
                ready.doubt = Some(check);
                "witness"
            }
            Checked::Done(check) => {
                if let Some(reason) = check.verdict.failure.as_ref().and_then(Failure::not_compared) {
                    return Err(ExecuteError::Failed(reason));
                }
                let verdict = match check.verdict.failure {
                    Some(_) => "incorrect",
                    None if check.random => "random",
                    None => "ok",
                };
                ready.doubt = None;
                ready.take(*check);
                verdict
            }
        };
        // A page that is gone by now says so itself.
        let compared = ready.check.as_ref().is_some_and(|check| check.verdict.verified.is_some());
        let _ = reply.send(json!({ "verdict": verdict, "compared": compared }).to_string());
        Ok(())
    }
}
