//! Sending a browser to its page, until the page has said what it has: also where the two are on different machines, and then
//! the errors say what reaches from one to the other.
//!
//! Used by `live`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use url::Url;

use super::context::RunContext;
use super::executor::OpenError;
use super::open_page::PAGE_MARK;
use crate::protocol::event::{self, PageEvent, PageFacts};
use crate::render::page::served_html;
use crate::serve::{PageChannel, SessionEvent};
use crate::webdriver::{Browser, BrowserError, BrowserSettings, LogSink};

/// How long a page may take from its navigation to its first event.
pub(super) const HELLO_WITHIN: Duration = Duration::from_secs(30);
/// How long a tunnel may take until it leads somewhere; a first connection by ssh takes a few seconds.
const TUNNEL_WITHIN: Duration = Duration::from_secs(30);
/// How long after a browser found nobody it is sent again: a tunnel gives no sign of when it is there.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long a page may be silent before its browser is asked what it shows.
const ASKED_AFTER: Duration = Duration::from_secs(3);

/// A browser that is to be sent to a page.
#[derive(Debug)]
pub(super) struct Visitor<'a> {
    pub(super) context: &'a RunContext,
    pub(super) settings: &'a BrowserSettings,
    pub(super) log: &'a LogSink,
}

impl Visitor<'_> {
    /// Opens a page in it; the page's channel, what it has, and how long that took.
    pub(super) async fn connect(&self, browser: &Browser) -> Result<(PageChannel, PageFacts, Duration), OpenError> {
        let RunContext { server, templates, .. } = self.context;
        let mut channel = server
            .open_session(|session| served_html(templates, &server.channel_url(session)))
            .map_err(|error| passing(error.to_string()))?;
        let url = Url::parse(&channel.url).map_err(|error| passing(error.to_string()))?;
        let began = self.navigate(browser, &url).await?;
        let limit = humantime::format_duration(HELLO_WITHIN);
        let silent = || {
            let message =
                format!("the page of {} said nothing within {limit}; -v shows its console", self.settings.name);
            self.unreached(&message)
        };
        let facts = tokio::select! {
            facts = timeout(HELLO_WITHIN, self.hello(&mut channel)) => facts.map_err(|_| silent())??,
            error = browser.tunnel_failed() => return Err(open_error(self.context, self.settings, &error)),
            shown = astray(browser) => {
                let message = format!("{} shows {shown} instead of its page", self.settings.name);
                return Err(self.unreached(&message));
            }
        };
        self.check_isolation(&facts)?;
        Ok((channel, facts, began.elapsed()))
    }

    /// Sends the browser to a page, again where the tunnel may not be there yet; when it was sent the last time.
    async fn navigate(&self, browser: &Browser, url: &Url) -> Result<Instant, OpenError> {
        let first = Instant::now();
        loop {
            let began = Instant::now();
            let Err(error) = browser.navigate(url).await else { return Ok(began) };
            let may_come = !self.settings.tunnel.is_empty() && first.elapsed() < TUNNEL_WITHIN;
            if error.found_nobody() && may_come {
                sleep(AGAIN_AFTER).await;
            } else if error.found_no_way() {
                return Err(self.unreached(&error.to_string()));
            } else {
                return Err(open_error(self.context, self.settings, &error));
            }
        }
    }

    /// The page's first word.
    async fn hello(&self, channel: &mut PageChannel) -> Result<PageFacts, OpenError> {
        loop {
            match channel.next().await {
                SessionEvent::Said(text) => match event::read(&text) {
                    Ok((_, PageEvent::Hello { facts })) => return Ok(facts),
                    Ok((_, PageEvent::Log { level, text })) => self.log.line(&format!("{PAGE_MARK}{level}: {text}")),
                    Ok((_, PageEvent::Failed { message, .. })) => return Err(passing(message)),
                    other => return Err(passing(format!("the page's first word was {other:?}"))),
                },
                SessionEvent::Gone => {
                    return Err(passing(format!("the page of {} closed at once", self.settings.name)));
                }
                SessionEvent::Posted { .. } => {}
            }
        }
    }

    /// That a browser does not reach its page, with what reaches from one machine to the other.
    fn unreached(&self, message: &str) -> OpenError {
        let BrowserSettings { name, webdriver, tunnel, .. } = self.settings;
        let server = &self.context.server;
        let help = match webdriver {
            Some(endpoint) if tunnel.is_empty() && server.address().ip().is_loopback() => {
                remedies(name, endpoint.url(), server.address(), &server.origin())
            }
            _ if !tunnel.is_empty() => {
                format!(
                    "does the tunnel of [browser.{name}] lead from {} there to port {} here?",
                    server.origin(),
                    server.address().port()
                )
            }
            Some(_) => format!("does {} lead to {} from where the browser runs?", server.origin(), server.address()),
            None if server.origin().starts_with("https:") && !server.has_certificate_of_run() => {
                "does the browser know the certificate? With [serve] tls = true it is told to accept one that is made for the run"
                    .to_owned()
            }
            None => return passing(server.without_token(message)),
        };
        passing(server.without_token(&format!("{message}; {help}")))
    }

    /// Whether the page can measure anything: a browser gives WebGPU to secure contexts alone, and fine clocks and threads to
    /// isolated ones. Both are known before the first job, and another try changes neither.
    fn check_isolation(&self, facts: &PageFacts) -> Result<(), OpenError> {
        let (name, origin) = (&self.settings.name, self.context.server.origin());
        let message = if facts.secure_context != Some(true) {
            format!(
                "{name} takes {origin} for no secure context, in which there is no WebGPU: serve it over https ([serve] tls = true, \
                 or an https public_url), or keep to loopback and let a tunnel lead there ([browser.{name}] tunnel)"
            )
        } else if !facts.cross_origin_isolated {
            format!(
                "{name} does not isolate the page at {origin}, whose clocks are coarse then and which has no threads: what stands \
                 between has to pass on the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy"
            )
        } else {
            return Ok(());
        };
        Err(OpenError { message, missing: true })
    }
}

/// What a browser shows instead of a page, where it does: drivers don't tell of every page of an error (chromedriver 156 takes
/// a refused certificate for a success).
async fn astray(browser: &Browser) -> String {
    sleep(ASKED_AFTER).await;
    let shown = browser.execute("return location.href").await;
    let shown = shown.ok().and_then(|shown| shown.as_str().map(str::to_owned));
    match shown {
        Some(shown) if !shown.starts_with("http") => shown.split('?').next().unwrap_or_default().to_owned(),
        _ => std::future::pending().await,
    }
}

/// What leads from a browser behind `endpoint` to a server at `address`, which is loopback's.
fn remedies(name: &str, endpoint: &Url, address: SocketAddr, origin: &str) -> String {
    let is_own = endpoint.host_str().is_none_or(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    let host = endpoint.host_str().filter(|_| !is_own).unwrap_or("HOST");
    let port = address.port();
    format!(
        "{origin} is this machine's own loopback, and the browser runs elsewhere: let a tunnel lead there, `ssh -N -R \
         {port}:127.0.0.1:{port} {host}`, which gpujobs runs by itself with [browser.{name}] tunnel = \"ssh -N -R \
         {{port}}:127.0.0.1:{{port}} {host}\", or listen where the browser reaches it: [serve] address = \"ADDRESS\", an address of \
         this machine, over https with a certificate that is made for the run"
    )
}

/// What a driver says may name the address of a page.
pub(super) fn open_error(context: &RunContext, settings: &BrowserSettings, error: &BrowserError) -> OpenError {
    let help = miette::Diagnostic::help(error).map(|help| format!("; {help}")).unwrap_or_default();
    let missing = error.is_lasting();
    let message = context.server.without_token(&format!("{error}{help}"));
    // An endpoint may quote what it was asked for.
    let message = settings.webdriver.as_ref().map(|endpoint| endpoint.without_secrets(&message)).unwrap_or(message);
    OpenError { message, missing }
}

/// An error that another try may not meet.
pub(super) fn passing(message: String) -> OpenError {
    OpenError { message, missing: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedies_name_the_very_command() {
        let told = |endpoint: &str| {
            let address = "127.0.0.1:4711".parse().unwrap();
            remedies("mac", &endpoint.parse().unwrap(), address, "http://127.0.0.1:4711")
        };
        let text = told("http://mac.lab.test:4444/wd/hub");
        assert!(text.contains("`ssh -N -R 4711:127.0.0.1:4711 mac.lab.test`"), "{text}");
        assert!(text.contains("[browser.mac] tunnel = \"ssh -N -R {port}:127.0.0.1:{port} mac.lab.test\""), "{text}");
        // A Grid behind a tunnel, or in a container, may be anywhere.
        assert!(told("http://localhost:4444").contains(" HOST`"));
    }
}
