//! A browser is a running product under WebDriver: found on the machine, started, navigated and closed.
//!
//! `products` has what is special to each, `discover` finds its program and its driver, `capabilities` says how it is to
//! be started, `driver` starts the driver in a process group and a folder of its own, `session` opens the browser through
//! it, `watchdog` and `cleanup` clean up when gpujobs itself is killed. `harness` makes a [`Browser`] with [`launch`],
//! sends it to pages and closes it; everything that a page measures goes over its own WebSocket, never through here.
//!
//! After [`Browser::close`], [`Browser::kill`] or a drop no process of the browser and none of its files is left.

mod capabilities;
pub mod cleanup;
pub mod discover;
mod driver;
mod endpoint;
mod error;
mod folder;
mod gpu;
pub mod grid;
mod group;
mod http;
mod last_resort;
mod note;
pub mod os;
mod output;
pub mod process;
pub mod products;
mod remote;
mod resident;
mod risks;
mod session;
mod tunnel;
pub mod user;
pub mod version;
mod watchdog;
mod xauthority;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

pub use endpoint::{Endpoint, EndpointFault, HEADER_VARIABLE, is_header, masked_logins, without_logins};
pub use error::BrowserError;
pub use gpu::{Gpu, machine_has_gpu};
pub use os::Os;
pub use output::LogSink;
pub use products::{BrowserKind, BrowserSettings, Compiler, PrefValue};
pub use risks::risks;
pub use session::{RemoteFacts, SessionFacts};
pub use tunnel::{Tunnel, Tunnels};
pub use watchdog::Watchdog;

use crate::units::Nanos;
use driver::Driver;
use products::Options;
use session::Session;

/// How a browser is to be started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The product, its programs, arguments and preferences.
    pub settings: BrowserSettings,
    /// Which adapter the browser should offer.
    pub gpu: Gpu,
    /// Whether the browser's and the GPU driver's shader caches are off.
    pub cold: bool,
    /// How long the driver may take to open the browser, and the browser to load a page.
    pub timeout: Duration,
    /// Where the driver's and the browser's output goes, line by line.
    pub log: Option<LogSink>,
    /// What cleans up when gpujobs is killed; one for the process.
    pub watchdog: Watchdog,
    /// Whether the browser accepts certificates that it does not know.
    pub accept_insecure_certs: bool,
    /// By which the browser reaches its pages; what fails with it fails for that reason.
    pub tunnel: Option<Arc<Tunnel>>,
}

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    /// What it said about itself when it started.
    pub facts: SessionFacts,
    // Before the driver: a drop ends the session's client first.
    session: Session,
    /// `None` when the endpoint is remote.
    driver: Option<Driver>,
    tunnel: Option<Arc<Tunnel>>,
    navigation_limit: Duration,
}

/// Starts a browser, and its driver unless `settings.webdriver` names a remote endpoint. Each step has its limit; dropping
/// the future ends whatever was started.
pub async fn launch(launch: Launch) -> Result<Browser, BrowserError> {
    let started = Instant::now();
    let mut browser = start(launch).await?;
    if browser.facts.remote.is_none() {
        browser.facts.start = Some(Nanos::from(started.elapsed()));
    }
    Ok(browser)
}

async fn start(launch: Launch) -> Result<Browser, BrowserError> {
    let Launch { settings, gpu, cold, timeout, log, watchdog, accept_insecure_certs, tunnel } = launch;
    if let Some(endpoint) = &settings.webdriver {
        let log = log.as_ref();
        let request = remote::Request { endpoint, settings: &settings, gpu, cold, timeout, accept_insecure_certs, log };
        let (session, facts) = remote::open(request, &watchdog).await?;
        return Ok(Browser { facts, session, driver: None, tunnel, navigation_limit: timeout });
    }
    let os = Os::current();
    let programs = discover::programs(&settings, &discover::ProgramSearch::of_this_machine())?;
    let root = user::is_root();
    let (gpu, binary) = (gpu.resolve(os), programs.browser);
    let options = Options { gpu, cold, os, local: true, label: None, root, binary, timeout, accept_insecure_certs };
    let driver = Driver::start(&settings, &programs.driver, cold, log, &watchdog).await?;
    let body = capabilities::new_session(&settings, &options);
    let session = tokio::select! {
        session = Session::open(driver.endpoint(), &settings, &body, timeout, None) => session?,
        message = driver.exited() => return Err(BrowserError::Died { message }),
    };
    Ok(Browser { facts: session.facts(), session, driver: Some(driver), tunnel, navigation_limit: timeout })
}

impl Browser {
    /// Sends the browser to a page and waits until it has loaded.
    pub async fn navigate(&self, url: &Url) -> Result<(), BrowserError> {
        tokio::select! {
            result = self.session.navigate(url.as_str(), self.navigation_limit) => result,
            message = self.driver_died() => Err(BrowserError::Died { message }),
            error = self.tunnel_failed() => Err(error),
        }
    }

    /// Runs a function body in the page and gives what it returns. For tests and probes: jobs talk over their WebSocket.
    pub async fn execute(&self, script: &str) -> Result<serde_json::Value, BrowserError> {
        self.session.execute(script, self.navigation_limit).await
    }

    /// Posts one command of WebDriver below the session's address, such as `window/rect`, and gives its value. For tests and
    /// probes.
    pub async fn post(&self, command: &str, body: &serde_json::Value) -> Result<serde_json::Value, BrowserError> {
        self.session.post(command, body, self.navigation_limit).await
    }

    /// The process group and the temporary folder of a local browser; both are gone after its end.
    #[must_use]
    pub fn local(&self) -> Option<(u32, &Path)> {
        self.driver.as_ref().map(Driver::traces)
    }

    /// Bytes of memory that a local browser's processes and its driver's hold now, see `resident`.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        resident::of_group(self.local()?.0)
    }

    /// Ends when the driver has died or the tunnel has failed, with its last output.
    pub async fn exited(&self) -> String {
        tokio::select! {
            message = self.driver_died() => message,
            error = self.tunnel_failed() => error.to_string(),
        }
    }

    /// Ends when the driver has died; never ends for a remote endpoint.
    async fn driver_died(&self) -> String {
        match &self.driver {
            Some(driver) => driver.exited().await,
            None => std::future::pending().await,
        }
    }

    /// Ends when the tunnel has failed; never where there is none.
    pub async fn tunnel_failed(&self) -> BrowserError {
        match &self.tunnel {
            Some(tunnel) => tunnel.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Closes the browser: asks it to for at most `limit`, then ends every process and removes every file of it.
    pub async fn close(self, limit: Duration) {
        self.session.close(limit).await;
        if let Some(driver) = self.driver {
            driver.end().await;
        }
    }

    /// Ends a browser that no longer answers, without asking it.
    pub async fn kill(self) {
        match self.driver {
            Some(driver) => driver.end().await,
            // A remote browser has no other way to end; a short request may still reach its driver.
            None => self.session.close(Duration::from_secs(2)).await,
        }
    }
}
