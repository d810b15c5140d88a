//! A live browser: the executor that opens a real one, keeps its page, and runs one job after the other in it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;
use url::Url;

use super::check::{Checker, OnnxChecker, References};
use super::executor::{Ask, Check, ExecuteError, Executor, OpenError, Opened, Piloted, Prepared};
use super::payload::Payloads;
use super::wire::{self, AdapterKind, PageEvent, PageFacts, RawKernel, RawPrepared, RawSample};
use super::{Browser, BrowserError, Gpu, Launch, LogSink, Watchdog};
use crate::manifest::BrowserSettings;
use crate::render::Templates;
use crate::render::page::{Content, Page, served_html};
use crate::render::target::Site;
use crate::serve::{PageChannel, Posted, Published, Server, SessionEvent};

/// How long a browser may take to start, its driver included: Firefox through a Grid takes 11 s.
const START_WITHIN: Duration = Duration::from_mins(1);
/// How long a page may take from its navigation to its first word.
const HELLO_WITHIN: Duration = Duration::from_secs(30);
/// How long a browser is given to close by itself before it is ended.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// What begins a log line that a page wrote on its console.
pub const PAGE_MARK: &str = "page ";

/// What all live browsers of a run share.
#[derive(Debug)]
pub struct Studio {
    /// Where pages load from.
    pub server: Server,
    /// What pages are made of.
    pub templates: Templates,
    /// Cleans up when gpujobs is killed.
    pub watchdog: Watchdog,
    /// Inputs and weights, made once.
    pub payloads: Payloads,
    /// What ONNX models must give, computed once.
    pub references: Arc<References>,
    /// Whether checks are to hold the outputs, which are saved then.
    pub keep_outputs: bool,
}

/// A browser of the manifest, open or not.
#[derive(Debug)]
pub struct LiveBrowser {
    studio: Arc<Studio>,
    settings: BrowserSettings,
    log: LogSink,
    /// Which adapter to ask for; settled once the first session has shown what there is.
    gpu: Gpu,
    settled: bool,
    /// What was found then.
    site: Site,
    open: Option<Session>,
}

/// An open browser with its page.
#[derive(Debug)]
struct Session {
    browser: Browser,
    channel: PageChannel,
    opened: Opened,
    /// The jobs that are ready in the page, by their numbers.
    jobs: HashMap<u64, Ready>,
    /// The one that it was last told to run.
    current: Option<u64>,
    /// Whether its caches are off.
    cold: bool,
}

#[derive(Debug)]
struct Ready {
    /// `None` while it is at work.
    checker: Option<Checker>,
    check: Option<Check>,
}

impl LiveBrowser {
    /// A browser that opens with its first job; `log` gets what driver and page print.
    #[must_use]
    pub fn new(studio: Arc<Studio>, settings: BrowserSettings, log: LogSink) -> Self {
        Self { studio, settings, log, gpu: Gpu::Auto, settled: false, site: Site::default(), open: None }
    }

    /// Starts a browser, sends it to its page and waits for the page's first word.
    async fn start(&self, cold: bool) -> Result<Session, OpenError> {
        let launch = Launch {
            settings: self.settings.clone(),
            gpu: self.gpu,
            cold,
            timeout: START_WITHIN,
            log: Some(self.log.clone()),
            watchdog: self.studio.watchdog.clone(),
        };
        let browser = super::launch(launch).await.map_err(|error| open_error(&error))?;
        match self.greet(&browser).await {
            Ok((channel, page, page_ready)) => {
                let facts = &browser.facts;
                let opened = Opened {
                    browser_version: facts.browser_version.clone(),
                    driver_version: facts.driver_version.clone().unwrap_or_default(),
                    headless: facts.headless,
                    site: self.site.clone(),
                    page: Some(page),
                    session_start: Duration::from_nanos(facts.start.0),
                    page_ready,
                };
                Ok(Session { browser, channel, opened, jobs: HashMap::new(), current: None, cold })
            }
            Err(error) => {
                browser.close(CLOSE_WITHIN).await;
                Err(error)
            }
        }
    }

    async fn greet(&self, browser: &Browser) -> Result<(PageChannel, PageFacts, Duration), OpenError> {
        let Studio { server, templates, .. } = &*self.studio;
        let mut channel = server
            .open_session(|session| served_html(templates, &server.channel_url(session)))
            .map_err(|error| passing(error.to_string()))?;
        let url = Url::parse(&channel.url).map_err(|error| passing(error.to_string()))?;
        let began = Instant::now();
        browser.navigate(&url).await.map_err(|error| open_error(&error))?;
        let name = &self.settings.name;
        let hello = async {
            loop {
                match channel.next().await {
                    SessionEvent::Said(text) => match wire::read(&text) {
                        Ok((_, PageEvent::Hello { facts })) => return Ok(facts),
                        Ok((_, PageEvent::Log { level, text })) => {
                            self.log.line(&format!("{PAGE_MARK}{level}: {text}"));
                        }
                        Ok((_, PageEvent::Failed { message })) => return Err(passing(message)),
                        other => return Err(passing(format!("the page's first word was {other:?}"))),
                    },
                    SessionEvent::Gone => return Err(passing(format!("the page of {name} closed at once"))),
                    SessionEvent::Posted { .. } => {}
                }
            }
        };
        let limit = humantime::format_duration(HELLO_WITHIN);
        let facts = timeout(HELLO_WITHIN, hello)
            .await
            .map_err(|_| passing(format!("the page of {name} said nothing within {limit}; -v shows its console")))??;
        Ok((channel, facts, began.elapsed()))
    }

    /// The adapter that an open page finds; `None` where there is none.
    async fn probe(&self, session: &mut Session) -> Result<Option<wire::AdapterFacts>, OpenError> {
        session.channel.send(json!({ "do": "probe" }).to_string()).await;
        let answer = timeout(HELLO_WITHIN, async {
            loop {
                match session.channel.next().await {
                    SessionEvent::Said(text) => match wire::read(&text) {
                        Ok((_, PageEvent::Probed { adapter })) => return Ok(adapter),
                        Ok((_, PageEvent::Failed { message })) => return Err(passing(message)),
                        _ => {}
                    },
                    SessionEvent::Gone => return Err(passing("the page closed while it looked for an adapter".into())),
                    SessionEvent::Posted { .. } => {}
                }
            }
        });
        answer.await.map_err(|_| passing("the page did not say whether it has an adapter".into()))?
    }

    /// Opens a session in which hardware is offered where there is any: the flags that reach a GPU hide the software
    /// adapter, so a machine whose GPU turns out to be of no use is asked again for software.
    async fn start_settled(&mut self, cold: bool) -> Result<Session, OpenError> {
        let mut session = self.start(cold).await?;
        if self.settled {
            return Ok(session);
        }
        self.settled = true;
        self.site.kind = AdapterKind::Software;
        let has_webgpu = session.opened.page.as_ref().is_some_and(|page| page.webgpu);
        if !has_webgpu || self.gpu.resolve(super::capabilities::Os::current()) == Gpu::Software {
            session.opened.site = self.site.clone();
            return Ok(session);
        }
        let found = self.probe(&mut session).await?;
        let found = found.filter(|adapter| adapter.kind == AdapterKind::Hardware);
        let found_hardware = found.is_some();
        if let Some(adapter) = found {
            let adapter = format!("{} {}", adapter.vendor, adapter.architecture).trim().to_owned();
            self.site = Site { kind: AdapterKind::Hardware, adapter };
        } else {
            self.log.line("no hardware adapter; starting again with the software adapter");
            self.gpu = Gpu::Software;
        }
        if !found_hardware || cold {
            // A probed session is no longer cold.
            session.browser.close(CLOSE_WITHIN).await;
            session = self.start(cold).await?;
        }
        session.opened.site = self.site.clone();
        Ok(session)
    }

    fn session(&mut self) -> Result<&mut Session, ExecuteError> {
        self.open.as_mut().ok_or_else(|| ExecuteError::Lost("no session is open".to_owned()))
    }
}

impl Executor for LiveBrowser {
    async fn open(&mut self, cold: bool) -> Result<Opened, OpenError> {
        // A session without caches is none for a warm job either.
        if cold || self.open.as_ref().is_some_and(|session| session.cold) {
            self.close().await;
        }
        if self.open.is_none() {
            self.open = Some(self.start_settled(cold).await?);
        }
        Ok(self.open.as_ref().map(|session| session.opened.clone()).unwrap_or_default())
    }

    async fn prepare(&mut self, page: &Page) -> Result<Prepared, ExecuteError> {
        let studio = self.studio.clone();
        let log = self.log.clone();
        let name = self.settings.name.clone();
        let session = self.session()?;
        let (published, checker) = material(&studio, page, name, session.channel.number)?;
        let number = page.number;
        let at = |path: &str| studio.server.url(&format!("jobs/{number}/{path}"));
        let frame = published.frame.is_some().then(|| at("frame"));
        studio.server.publish(number, published);
        session.jobs.insert(number, Ready { checker: Some(checker), check: None });
        session.current = Some(number);
        let prepare =
            json!({ "do": "prepare", "job": number, "module": at("job.js"), "frame": frame, "tensors": at("tensors") });
        session.command(&prepare).await?;
        loop {
            if let PageEvent::Prepared(prepared) = session.hear(&log).await? {
                let RawPrepared { adapter, ran, phases, parts, first, clocks } = *prepared;
                let check = session.jobs.get(&number).and_then(|job| job.check.clone());
                let check = check.ok_or_else(|| {
                    ExecuteError::Failed("the page went on without having its output checked".to_owned())
                })?;
                return Ok(Prepared { adapter, ran, clocks, phases, parts, first, check });
            }
        }
    }

    async fn pilot(&mut self, number: u64) -> Result<Piloted, ExecuteError> {
        let log = self.log.clone();
        let session = self.session()?;
        session.current = Some(number);
        session.command(&json!({ "do": "pilot", "job": number })).await?;
        let mut samples = Vec::new();
        loop {
            match session.hear(&log).await? {
                PageEvent::Sample { sample } => samples.push(sample),
                PageEvent::Piloted { iterations, inference } => return Ok(Piloted { iterations, inference, samples }),
                _ => {}
            }
        }
    }

    async fn measure(&mut self, number: u64, asks: &[Ask]) -> Result<Vec<RawSample>, ExecuteError> {
        let log = self.log.clone();
        let session = self.session()?;
        session.current = Some(number);
        session.command(&json!({ "do": "measure", "job": number, "asks": asks })).await?;
        let mut taken = Vec::new();
        loop {
            match session.hear(&log).await? {
                PageEvent::Sample { sample } => taken.push(sample),
                PageEvent::Measured {} => return Ok(taken),
                _ => {}
            }
        }
    }

    async fn profile(&mut self, number: u64) -> Result<Vec<RawKernel>, ExecuteError> {
        let log = self.log.clone();
        let session = self.session()?;
        session.current = Some(number);
        session.command(&json!({ "do": "profile", "job": number })).await?;
        loop {
            if let PageEvent::Profiled { kernels } = session.hear(&log).await? {
                return Ok(kernels);
            }
        }
    }

    async fn release(&mut self, number: u64) {
        self.studio.server.withdraw(number);
        if let Some(session) = &mut self.open
            && session.jobs.remove(&number).is_some()
        {
            // A page that is gone holds nothing.
            let _ = session.command(&json!({ "do": "dispose", "job": number })).await;
        }
    }

    async fn close(&mut self) {
        if let Some(session) = self.open.take() {
            for number in session.jobs.keys() {
                self.studio.server.withdraw(*number);
            }
            session.browser.close(CLOSE_WITHIN).await;
        }
    }
}

impl Session {
    async fn command(&self, command: &serde_json::Value) -> Result<(), ExecuteError> {
        if self.channel.send(command.to_string()).await {
            return Ok(());
        }
        Err(ExecuteError::Lost("the page is gone".to_owned()))
    }

    /// The next word about the current job that is good news; bad news is the error.
    async fn hear(&mut self, log: &LogSink) -> Result<PageEvent, ExecuteError> {
        loop {
            let event = tokio::select! {
                event = self.channel.next() => event,
                message = self.browser.exited() => return Err(ExecuteError::Lost(message)),
            };
            match event {
                SessionEvent::Gone => return Err(self.lost().await),
                SessionEvent::Posted { job, from, bytes, reply } => self.check(job, from, bytes, reply).await?,
                SessionEvent::Said(text) => {
                    let (job, event) = wire::read(&text)
                        .map_err(|error| ExecuteError::Failed(format!("the page said nonsense: {error}")))?;
                    if let PageEvent::Log { level, text } = &event {
                        log.line(&format!("{PAGE_MARK}{level}: {text}"));
                    } else if job.is_none() || job == self.current {
                        return self.judged(event);
                    }
                }
            }
        }
    }

    fn judged(&self, event: PageEvent) -> Result<PageEvent, ExecuteError> {
        match event {
            PageEvent::Unsupported { message } => Err(ExecuteError::Unsupported(message)),
            PageEvent::Failed { message } => Err(ExecuteError::Failed(message)),
            PageEvent::Lost { message } => Err(ExecuteError::Lost(message)),
            PageEvent::Incorrect { message } => {
                let check = self.current.and_then(|current| self.jobs.get(&current)?.check.clone());
                let found = check.as_ref().and_then(|check| check.verdict.failure.as_ref());
                let message = found.map_or(message, ToString::to_string);
                Err(ExecuteError::Incorrect { message, check: check.map(Box::new) })
            }
            event => Ok(event),
        }
    }

    /// Why the page is gone: the driver's last words, if it dies too.
    async fn lost(&self) -> ExecuteError {
        let words = timeout(Duration::from_millis(500), self.browser.exited()).await;
        ExecuteError::Lost(
            words.unwrap_or_else(|_| "the page or its browser closed in the middle of the job".to_owned()),
        )
    }

    /// Compares what the page posted with the reference and answers it.
    async fn check(
        &mut self,
        job: u64,
        from: u64,
        bytes: bytes::Bytes,
        reply: tokio::sync::oneshot::Sender<String>,
    ) -> Result<(), ExecuteError> {
        let Some(ready) = self.jobs.get_mut(&job) else { return Ok(()) };
        let Some(mut checker) = ready.checker.take() else { return Ok(()) };
        let (checker, check) = tokio::task::spawn_blocking(move || {
            let check = checker.check(from, &bytes);
            (checker, check)
        })
        .await
        .map_err(|error| ExecuteError::Failed(format!("the check of the output broke off: {error}")))?;
        ready.checker = Some(checker);
        let verdict = match check.map_err(ExecuteError::Failed)? {
            None => "more",
            Some(check) => {
                let verdict = if check.verdict.failure.is_none() { "ok" } else { "incorrect" };
                ready.check = Some(check);
                verdict
            }
        };
        // A page that is gone by now says so itself.
        let _ = reply.send(json!({ "verdict": verdict }).to_string());
        Ok(())
    }
}

/// The most that a page may post to be checked: what a runtime was given and returned has no size known before.
const MOST_POSTED: u64 = 1 << 30;

/// What a page loads, and what checks it.
fn material(studio: &Studio, page: &Page, browser: String, session: u64) -> Result<(Published, Checker), ExecuteError> {
    let fail = |error: &dyn std::fmt::Display| ExecuteError::Failed(error.to_string());
    let module = page.module(&studio.templates).map_err(|error| fail(&error))?.into();
    let frame = page.frame(&studio.templates).map_err(|error| fail(&error))?.map(Into::into);
    Ok(match &page.content {
        Content::Stages(stages) => {
            let payload = studio.payloads.of(stages).map_err(|error| fail(&error))?;
            let (parts, posted) = (payload.parts.clone(), Posted::InPieces(stages.posted_bytes()));
            let published = Published { module, frame, parts, files: HashMap::new(), posted, session };
            (published, Checker::of_stages(stages.graph.clone(), payload, studio.keep_outputs))
        }
        Content::Onnx(onnx) => {
            let files = onnx.served().map(|(path, place)| (path, place.clone())).collect();
            let posted = Posted::AtMost(MOST_POSTED);
            let published = Published { module, frame, parts: Vec::new(), files, posted, session };
            let checker = OnnxChecker::new(onnx, page.backend, browser, studio);
            (published, Checker::Onnx(Arc::new(checker)))
        }
    })
}

/// An error that another try may not meet.
fn passing(message: String) -> OpenError {
    OpenError { message, missing: false }
}

fn open_error(error: &BrowserError) -> OpenError {
    let help = miette::Diagnostic::help(error).map(|help| format!("; {help}")).unwrap_or_default();
    let missing = matches!(error, BrowserError::NotFound { .. } | BrowserError::Endpoint { .. });
    OpenError { message: format!("{error}{help}"), missing }
}

/// The address that the server of a run binds.
pub const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
