//! A remote browser: a session at an endpoint that is not a driver of ours.
//!
//! Opened by `launch`. A Grid is asked first what it has: it keeps a request for a browser that no node has in its queue, and does
//! not say that a session waited there.

use std::time::{Duration, Instant};

use super::capabilities;
use super::endpoint::Endpoint;
use super::error::BrowserError;
use super::gpu::Gpu;
use super::grid::EndpointStatus;
use super::os::Os;
use super::output::LogSink;
use super::products::{BrowserSettings, Options};
use super::session::{RemoteFacts, Session, SessionFacts};
use super::watchdog::Watchdog;

/// How long a session may wait in the queue of a Grid: as long as a Grid keeps it by default.
const QUEUED_WITHIN: Duration = Duration::from_mins(5);

/// What is asked of an endpoint.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) settings: &'a BrowserSettings,
    pub(super) gpu: Gpu,
    pub(super) cold: bool,
    pub(super) timeout: Duration,
    pub(super) accept_insecure_certs: bool,
    pub(super) log: Option<&'a LogSink>,
}

/// Opens a session.
pub(super) async fn open(request: Request<'_>, watchdog: &Watchdog) -> Result<(Session, SessionFacts), BrowserError> {
    let Request { endpoint, settings, timeout, log, .. } = request;
    // An endpoint without a status may serve sessions all the same; one that can't be reached, or wants a login, does not.
    let status = match EndpointStatus::within(endpoint, timeout).await {
        Ok(status) => Some(status).filter(EndpointStatus::is_grid),
        Err(BrowserError::NotWebDriver { .. }) => None,
        Err(error) => return Err(error),
    };
    let (all, free) = status.as_ref().map_or((1, 1), |status| status.slots_for(settings));
    if let (Some(status), 0) = (&status, all) {
        let (url, browser) = (endpoint.to_string(), settings.name.clone());
        return Err(BrowserError::NotServed { url, browser, has: status.browsers() });
    }
    let queued = free == 0;
    if let (true, Some(log)) = (queued, log) {
        log.line(&format!("{}: each of the {all} slots at {endpoint} is taken; waiting for one", settings.name));
    }
    let options = options(request, status.as_ref());
    let body = capabilities::new_session(settings, &options);
    let limit = if queued { timeout + QUEUED_WITHIN } else { timeout };
    let began = Instant::now();
    let session = Session::open(endpoint, settings, &body, limit, Some(watchdog)).await;
    let opened_in = began.elapsed();
    let session = session.map_err(|error| match error {
        BrowserError::TimedOut { limit, .. } if queued => {
            BrowserError::Queued { url: endpoint.to_string(), browser: settings.name.clone(), slots: all, limit }
        }
        BrowserError::Refused { browser, error, message } if is_sandbox(&message, settings) => {
            BrowserError::Sandbox { browser, url: endpoint.to_string(), message: format!("{error}: {message}") }
        }
        error => error,
    })?;
    let mut facts = session.facts();
    facts.start = (!queued).then(|| opened_in.into());
    let mut remote = RemoteFacts { endpoint: endpoint.to_string(), ..RemoteFacts::default() };
    // Asked again, now that one of the nodes has it.
    if status.is_some()
        && let Ok(status) = EndpointStatus::of(endpoint).await
        && let Some(node) = status.node_of(session.id())
    {
        (remote.node, remote.os) = (Some(node.url.clone()), node.os.clone());
    }
    facts.remote = Some(remote);
    Ok((session, facts))
}

fn options(request: Request<'_>, status: Option<&EndpointStatus>) -> Options {
    let Request { settings, gpu, cold, timeout, accept_insecure_certs, .. } = request;
    let own = settings.capabilities.get("platformName").and_then(|name| Os::of_platform(name.as_str()?));
    let os = own.or_else(|| status?.os_for(settings)).unwrap_or(Os::current());
    let label = status.map(|_| format!("gpujobs {}", settings.name));
    let binary = settings.binary.clone();
    Options { gpu, cold, os, local: false, label, root: false, binary, timeout, accept_insecure_certs }
}

/// Whether a browser that ended as it started is one that will not run as root with its sandbox.
fn is_sandbox(message: &str, settings: &BrowserSettings) -> bool {
    let told = settings.args.iter().any(|argument| argument.trim_start_matches('-') == "no-sandbox");
    let ended = ["exited", "crashed", "DevToolsActivePort", "no-sandbox"].iter().any(|word| message.contains(word));
    !told && ended && !settings.kind.product().runs_sandboxed_as_root
}
