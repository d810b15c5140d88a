//! A live browser: the executor that opens a real one, keeps its page, and runs one job after the other in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::connect::{HELLO_WITHIN, Visitor, open_error, passing};
use super::context::RunContext;
use super::executor::{ExecuteError, Executor, OpenError, Opened, Piloted, PreparedJob};
use super::open_page::{OpenPage, Ready};
use super::plausible::Step;
use super::publish::{given, publishable};
use super::shader_texts::ShaderTexts;
use crate::plan::Cache;
use crate::protocol::adapter::{AdapterFacts, AdapterKind};
use crate::protocol::command::{Ask, PageCommand};
use crate::protocol::event::{self, PageEvent, RawKernel, RawPrepared, RawSample};
use crate::reference::{Spread, verifiable};
use crate::render::page::{Content, Page};
use crate::render::target::AdapterHint;
use crate::serve::SessionEvent;
use crate::webdriver::{self, BrowserSettings, Gpu, Launch, LogSink, Os, Tunnel};

/// How long a browser may take to start, its driver included: Firefox through a Grid takes 11 s.
const START_WITHIN: Duration = Duration::from_mins(1);
/// What every adapter of WebGPU takes: the least `maxStorageBufferBindingSize` of the specification, in bytes.
const ANY_ADAPTER_TAKES: u64 = 128 << 20;
/// How long a browser may look for a GPU; the runs on H100 and H200 in `results` had their device after at most 1.1 s.
const ADAPTER_WITHIN: Duration = Duration::from_secs(15);
/// How long a browser is given to close by itself before it is ended.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// A browser of the manifest, open or not.
#[derive(Debug)]
pub struct LiveBrowser {
    context: Arc<RunContext>,
    settings: BrowserSettings,
    log: LogSink,
    /// Which adapter to ask for; settled once the first session has shown what there is.
    gpu: Gpu,
    settled: bool,
    /// Whose adapter it is, behind a Grid.
    node: Option<String>,
    /// What was found then.
    adapter_hint: AdapterHint,
    /// Bytes of the largest buffer of the adapters that were asked, by the preference that finds them.
    largest_buffers: HashMap<Option<String>, f64>,
    open: Option<OpenPage>,
    /// Kept while browsers of cold jobs come and go.
    tunnel: Option<Arc<Tunnel>>,
}

impl LiveBrowser {
    /// A browser that opens with its first job; `log` gets what driver and page print.
    #[must_use]
    pub fn new(context: Arc<RunContext>, settings: BrowserSettings, log: LogSink) -> Self {
        let shared = context.clone();
        let log = LogSink::new(move |line| log.line(&shared.server.without_token(line)));
        // Whether another machine has a GPU can only be found out by a page there.
        let gpu = if settings.webdriver.is_some() { Gpu::Hardware } else { Gpu::Auto };
        Self {
            context,
            settings,
            log,
            gpu,
            settled: false,
            node: None,
            adapter_hint: AdapterHint::default(),
            largest_buffers: HashMap::new(),
            open: None,
            tunnel: None,
        }
    }

    /// The tunnel by which the browser reaches its page, opened where there is none any more.
    fn tunnel(&mut self) -> Result<Option<Arc<Tunnel>>, OpenError> {
        let (words, RunContext { server, tunnels, watchdog, .. }) = (&self.settings.tunnel, &*self.context);
        if !words.is_empty() {
            let open = tunnels.open(words, server.address().port(), Some(self.log.clone()), watchdog);
            self.tunnel = Some(open.map_err(|error| open_error(&self.context, &self.settings, &error))?);
        }
        Ok(self.tunnel.clone())
    }

    /// Starts a browser, sends it to its page and waits for the page's first word.
    async fn start(&mut self, cache: Cache) -> Result<OpenPage, OpenError> {
        let tunnel = self.tunnel()?;
        let launch = Launch {
            settings: self.settings.clone(),
            gpu: self.gpu,
            cold: cache == Cache::Cold,
            timeout: START_WITHIN,
            log: Some(self.log.clone()),
            watchdog: self.context.watchdog.clone(),
            accept_insecure_certs: self.context.server.has_certificate_of_run(),
            tunnel,
        };
        let browser =
            webdriver::launch(launch).await.map_err(|error| open_error(&self.context, &self.settings, &error))?;
        let visitor = Visitor { context: &self.context, settings: &self.settings, log: &self.log };
        match visitor.connect(&browser).await {
            Ok((channel, page, page_ready)) => {
                let facts = &browser.facts;
                let opened = Opened {
                    browser_version: facts.browser_version.clone(),
                    driver_version: facts.driver_version.clone().unwrap_or_default(),
                    headless: facts.headless,
                    adapter_hint: self.adapter_hint.clone(),
                    page: Some(page),
                    remote: facts.remote.clone(),
                    session_start: facts.start.map(|start| Duration::from_nanos(start.0)),
                    page_ready,
                };
                let (making, fresh) = (self.context.making.clone(), browser.resident());
                Ok(OpenPage { browser, channel, opened, jobs: HashMap::new(), making, current: None, cache, fresh })
            }
            Err(error) => {
                browser.close(CLOSE_WITHIN).await;
                Err(error)
            }
        }
    }

    /// The adapter that an open page finds by a preference, and its largest buffer; `None` where there is none.
    async fn probe(
        &self,
        session: &mut OpenPage,
        power_preference: Option<String>,
    ) -> Result<(Option<AdapterFacts>, Option<f64>), OpenError> {
        session.send(&PageCommand::Probe { power_preference }).await;
        let answer = timeout(HELLO_WITHIN, async {
            loop {
                match session.channel.next().await {
                    SessionEvent::Said(text) => match event::read(&text) {
                        Ok((_, PageEvent::Probed { adapter, largest_buffer })) => return Ok((adapter, largest_buffer)),
                        Ok((_, PageEvent::Failed { message, .. })) => return Err(passing(message)),
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
    async fn start_settled(&mut self, cache: Cache) -> Result<OpenPage, OpenError> {
        let mut session = self.start(cache).await?;
        let node = session.opened.remote.as_ref().and_then(|remote| remote.node.clone());
        if self.node != node {
            // What is known is known of another machine.
            self.largest_buffers.clear();
            (self.settled, self.adapter_hint) = (false, AdapterHint::default());
            if self.node.is_some() && self.gpu == Gpu::Software {
                self.gpu = Gpu::Hardware;
                session.browser.close(CLOSE_WITHIN).await;
                session = self.start(cache).await?;
            }
            self.node = node;
        }
        if self.settled {
            return Ok(session);
        }
        self.settled = true;
        self.adapter_hint.kind = AdapterKind::Software;
        let has_webgpu = session.opened.page.as_ref().is_some_and(|page| page.webgpu);
        if !has_webgpu || self.gpu.resolve(Os::current()) == Gpu::Software {
            session.opened.adapter_hint = self.adapter_hint.clone();
            return Ok(session);
        }
        // Chromium for Linux with the flags that reach a GPU never answers where there is none.
        let probed = timeout(ADAPTER_WITHIN, self.probe(&mut session, None)).await;
        let (found, largest_buffer) = probed.unwrap_or(Ok((None, None)))?;
        let found = found.filter(|adapter| adapter.kind != AdapterKind::Software);
        let found_gpu = found.is_some();
        if let Some(found) = found {
            let adapter = format!("{} {}", found.vendor, found.architecture).trim().to_owned();
            self.adapter_hint = AdapterHint { kind: found.kind, adapter };
            self.largest_buffers.extend(largest_buffer.map(|most| (None, most)));
        } else {
            self.log.line("no hardware adapter; starting again with the software adapter");
            self.gpu = Gpu::Software;
        }
        if !found_gpu || cache == Cache::Cold {
            // A probed session is no longer cold.
            session.browser.close(CLOSE_WITHIN).await;
            session = self.start(cache).await?;
        }
        session.opened.adapter_hint = self.adapter_hint.clone();
        Ok(session)
    }

    /// Whether the adapter takes the tensors of a page, where one is larger than what every adapter takes: known before such
    /// tensors are made. A cold session that was probed is none any more, so another one takes its place.
    async fn check_sizes(&mut self, page: &Page) -> Result<(), ExecuteError> {
        let Content::Stages(stages) = &page.content else { return Ok(()) };
        let largest = stages.graph.largest_bound().filter(|(_, bytes)| *bytes > ANY_ADAPTER_TAKES);
        let Some((tensor, bytes)) = largest else { return Ok(()) };
        let has_webgpu = |session: &OpenPage| session.opened.page.as_ref().is_some_and(|page| page.webgpu);
        let preference = &page.job.axes.power_preference;
        if !self.largest_buffers.contains_key(preference)
            && let Some(mut session) = self.open.take_if(|session| has_webgpu(session))
        {
            let probed = self.probe(&mut session, preference.clone()).await;
            if session.cache == Cache::Cold {
                session.browser.close(CLOSE_WITHIN).await;
                session = self.start(Cache::Cold).await.map_err(|error| ExecuteError::Lost(error.message))?;
            }
            self.open = Some(session);
            // A page that does not answer is lost with all that is ready in it.
            let (_, most) = probed.map_err(|error| ExecuteError::Lost(error.message))?;
            self.largest_buffers.extend(most.map(|most| (preference.clone(), most)));
        }
        match self.largest_buffers.get(preference).copied() {
            Some(most) if bytes as f64 > most => {
                let name = &tensor.name;
                let what = match tensor.texture {
                    None => format!("the tensor {name} has {bytes} bytes"),
                    Some(_) => format!("the texture {name} takes {bytes} bytes in a buffer"),
                };
                Err(ExecuteError::Unsupported(format!("{what}, this adapter allows {most}")))
            }
            _ => Ok(()),
        }
    }

    async fn close_browser(&mut self) {
        if let Some(session) = self.open.take() {
            for number in session.jobs.keys() {
                self.context.server.withdraw(*number);
            }
            session.browser.close(CLOSE_WITHIN).await;
        }
    }

    fn session(&mut self) -> Result<&mut OpenPage, ExecuteError> {
        self.open.as_mut().ok_or_else(|| ExecuteError::Lost("no session is open".to_owned()))
    }
}

impl Executor for LiveBrowser {
    async fn open(&mut self, cache: Cache) -> Result<Opened, OpenError> {
        drop(self.context.making.lock().await);
        // A session without caches is none for a warm job either.
        let is_cold = |session: &OpenPage| session.cache == Cache::Cold;
        if cache == Cache::Cold || self.open.as_ref().is_some_and(is_cold) {
            self.close_browser().await;
        }
        if let Some(why) = self.open.as_ref().and_then(OpenPage::leftovers) {
            self.log.line(&format!("{}: {why}", self.settings.name));
            self.close_browser().await;
        }
        if self.open.is_none() {
            self.open = Some(self.start_settled(cache).await?);
        }
        Ok(self.open.as_ref().map(|session| session.opened.clone()).unwrap_or_default())
    }

    async fn prepare(&mut self, page: &Page) -> Result<PreparedJob, ExecuteError> {
        let context = self.context.clone();
        let log = self.log.clone();
        let name = self.settings.name.clone();
        self.check_sizes(page).await?;
        let session = self.session()?;
        let compared = match &page.content {
            Content::Stages(stages) if !verifiable(&stages.graph) => Some((page.job.clone(), given(&stages.graph))),
            Content::Module(module) if module.expect.is_empty() => Some((page.job.clone(), Vec::new())),
            _ => None,
        };
        let shaders = ShaderTexts::of(&context, page);
        let (page, shared, channel) = (page.clone(), context.clone(), session.channel.number);
        let number = page.number;
        // Making large inputs takes long; what ends the run meanwhile must not wait for it.
        let making = context.making.clone().lock_owned().await;
        let made = tokio::task::spawn_blocking(move || {
            let _making = making;
            publishable(&shared, &page, name, channel)
        });
        let made = made.await;
        let (published, checker) =
            made.map_err(|error| ExecuteError::Failed(format!("making the job's data broke off: {error}")))??;
        let at = |path: &str| context.server.url(&format!("jobs/{number}/{path}"));
        let frame = published.frame.is_some().then(|| at("frame"));
        let key = context.server.publish(number, published);
        session.jobs.insert(number, Ready::new(checker, shaders));
        session.current = Some(number);
        let outputs = at("outputs");
        let (module, tensors) = (at("job.js"), at("tensors"));
        let step = Step::begin();
        session.command(&PageCommand::Prepare { job: number, module, frame, tensors, outputs, key }).await?;
        loop {
            if let PageEvent::Prepared(prepared) = session.next_event(&log).await? {
                let RawPrepared { adapter, ran, phases, parts, first, clocks } = *prepared;
                let check = session.jobs.get_mut(&number).and_then(|job| job.settled().cloned());
                let mut check = check.ok_or_else(|| {
                    ExecuteError::Failed("the page went on without having its output checked".to_owned())
                })?;
                if let Some((job, given)) = &compared {
                    context.agreement.add(number, job, given, &check);
                    if !context.keep_outputs {
                        check.outputs.clear();
                    }
                }
                step.span("the first inference", first.wall_ms).map_err(ExecuteError::Failed)?;
                step.span("the first result", phases.time_to_first_result_ms).map_err(ExecuteError::Failed)?;
                return Ok(PreparedJob { adapter, ran, clocks, phases, parts, first, check });
            }
        }
    }

    async fn pilot(&mut self, number: u64) -> Result<Piloted, ExecuteError> {
        drop(self.context.making.lock().await);
        let log = self.log.clone();
        let session = self.session()?;
        session.current = Some(number);
        let step = Step::begin();
        session.command(&PageCommand::Pilot { job: number }).await?;
        let mut samples = Vec::new();
        loop {
            match session.next_event(&log).await? {
                PageEvent::Sample { sample } => samples.push(sample),
                PageEvent::Piloted { iterations, inference } => {
                    step.times(&samples).map_err(ExecuteError::Failed)?;
                    step.span("an inference", inference).map_err(ExecuteError::Failed)?;
                    return Ok(Piloted { iterations, inference, samples });
                }
                _ => {}
            }
        }
    }

    async fn measure(&mut self, number: u64, asks: &[Ask]) -> Result<Vec<RawSample>, ExecuteError> {
        let log = self.log.clone();
        let session = self.session()?;
        session.current = Some(number);
        let step = Step::begin();
        session.command(&PageCommand::Measure { job: number, asks: asks.to_vec() }).await?;
        let mut taken = Vec::new();
        loop {
            match session.next_event(&log).await? {
                PageEvent::Sample { sample } => taken.push(sample),
                PageEvent::Measured {} => {
                    step.samples(asks, &taken).map_err(ExecuteError::Failed)?;
                    return Ok(taken);
                }
                _ => {}
            }
        }
    }

    async fn profile(&mut self, number: u64) -> Result<Vec<RawKernel>, ExecuteError> {
        let log = self.log.clone();
        let session = self.session()?;
        session.current = Some(number);
        session.command(&PageCommand::Profile { job: number }).await?;
        loop {
            if let PageEvent::Profiled { kernels } = session.next_event(&log).await? {
                return Ok(kernels);
            }
        }
    }

    fn beside(&self, number: u64) -> Option<String> {
        self.context.agreement.about(number)
    }

    fn spread(&self, number: u64) -> Spread {
        let job = self.open.as_ref().and_then(|session| session.jobs.get(&number));
        job.map_or_else(Spread::default, |job| job.spread)
    }

    async fn weigh(&mut self, number: u64) -> Option<u64> {
        self.open.as_mut()?.weigh(number, &self.log).await
    }

    fn resident(&self) -> Option<u64> {
        self.open.as_ref()?.browser.resident()
    }

    async fn release(&mut self, number: u64) {
        self.context.server.withdraw(number);
        if let Some(session) = &mut self.open
            && session.jobs.remove(&number).is_some()
        {
            // A page that is gone holds nothing.
            let _ = session.command(&PageCommand::Dispose { job: number }).await;
        }
    }

    async fn close(&mut self) {
        self.close_browser().await;
        if let Some(tunnel) = self.tunnel.take() {
            tunnel.close().await;
        }
    }
}
