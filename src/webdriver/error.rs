//! Why a browser could not be started, driven or reached.
//!
//! Made by every file of this stage; the runner turns one into a job's reason or into exit code 3.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use miette::Diagnostic;
use thiserror::Error;

/// Why a browser could not be started, driven or reached; `help` is the remedy.
#[derive(Debug, Error, Diagnostic)]
pub enum BrowserError {
    /// A program is not on the machine.
    #[error("no {what} found for `{browser}`; looked at {}", looked.join(", "))]
    #[diagnostic(help("any one of these helps:\n{}", bullets(remedies)))]
    NotFound {
        /// The name in the manifest.
        browser: String,
        /// `browser` or `driver`, with the product's name.
        what: String,
        /// Where it was looked for.
        looked: Vec<String>,
        /// Each way to a working set-up.
        remedies: Vec<String>,
    },
    /// A remote endpoint that serves no such browser.
    #[error("{url} serves no browser for `{browser}`: it has {has}")]
    #[diagnostic(help("start a node with that browser, or leave its jobs out with --filter"))]
    NotServed {
        /// The endpoint.
        url: String,
        /// The name in the manifest.
        browser: String,
        /// What its slots are for.
        has: String,
    },
    /// The driver, or the display that it needs, could not be started.
    #[error("{} did not start: {reason}", program.display())]
    #[diagnostic(help("{}", last_words(output)))]
    DriverStart {
        /// The program.
        program: PathBuf,
        /// What happened.
        reason: String,
        /// Its last lines of output.
        output: Vec<String>,
    },
    /// Browser and driver are of different versions.
    #[error("the driver is for version {driver} and the browser of `{browser}` is {found}")]
    #[diagnostic(help(
        "install the driver of the browser's version (`gpujobs setup {kind}` brings both from the same source), or name a matching pair with \
         `binary` and `driver` under [browser.{browser}]"
    ))]
    VersionMismatch {
        /// The name in the manifest.
        browser: String,
        /// What it is.
        kind: &'static str,
        /// The version that the driver is for.
        driver: String,
        /// The browser's version.
        found: String,
    },
    /// The driver answered that it will not start the browser.
    #[error("the driver refused to start `{browser}`: {error}: {message}")]
    #[diagnostic(help("run again with -vv to see the driver's output; `gpujobs doctor` lists what is installed"))]
    Refused {
        /// The name in the manifest.
        browser: String,
        /// The WebDriver error code.
        error: String,
        /// The driver's message without its stack trace.
        message: String,
    },
    /// Something answered that does not speak WebDriver.
    #[error("{url} does not answer as a WebDriver endpoint: {reason}")]
    #[diagnostic(help("check the URL and its path: a Selenium Grid 3 wants `/wd/hub/`"))]
    NotWebDriver {
        /// The address asked.
        url: String,
        /// What came instead.
        reason: String,
    },
    /// The endpoint could not be reached.
    #[error("{url} can't be reached: {reason}")]
    #[diagnostic(help("is the driver or the grid running there?"))]
    Unreachable {
        /// The address asked.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The endpoint wants another login.
    #[error("{url} turned gpujobs away: HTTP {status}")]
    #[diagnostic(help(
        "name the user and the password in the address, `https://USER:PASSWORD@HOST`, or a header in an environment variable: \
         headers_from_env = {{ Authorization = \"VARIABLE\" }} under [browser.NAME], or GPUJOBS_WEBDRIVER_HEADER for --webdriver"
    ))]
    Login {
        /// The address asked.
        url: String,
        /// Its answer.
        status: String,
    },
    /// The endpoint shows a certificate that nothing here trusts.
    #[error("the certificate of {url} is not trusted: {reason}")]
    #[diagnostic(help(
        "where it is signed by an authority of your own, name that authority's certificate (PEM): SSL_CERT_FILE=authority.pem"
    ))]
    Certificate {
        /// The address asked.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something took too long.
    #[error("{doing} took longer than {}", humantime::format_duration(*limit))]
    #[diagnostic(help(
        "-vv shows the driver's output; a grid queues when all its browsers are taken: run again when one is free; a machine that \
         is busy with other programs may need them stopped"
    ))]
    TimedOut {
        /// What was waited for.
        doing: String,
        /// How long.
        limit: Duration,
    },
    /// A Grid had no room.
    #[error(
        "{url} had no free slot for `{browser}` within {}: {slots} {} taken",
        humantime::format_duration(*limit),
        if *slots == 1 { "is" } else { "are all" }
    )]
    #[diagnostic(help(
        "`gpujobs doctor --webdriver URL` says who has them; end those sessions, or give the Grid more nodes"
    ))]
    Queued {
        /// The endpoint.
        url: String,
        /// The name in the manifest.
        browser: String,
        /// How many slots it has for this browser.
        slots: usize,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A remote Chromium that ended as it started.
    #[error("the browser of `{browser}` ended as {url} started it: {message}")]
    #[diagnostic(help(
        "Chromium does not run as root with its sandbox: run the node as an ordinary user, or say that it may do without: \
         args = [\"--no-sandbox\"] under [browser.{browser}]"
    ))]
    Sandbox {
        /// The name in the manifest.
        browser: String,
        /// The endpoint.
        url: String,
        /// What the driver said.
        message: String,
    },
    /// The command by which a browser is to reach its pages failed.
    #[error("the tunnel `{command}` failed: {reason}")]
    #[diagnostic(help(
        "run the command by hand to see what it lacks: it has no terminal here to ask for a password, so ssh needs an agent or a \
         key without a passphrase (`-o BatchMode=yes` has it say so)"
    ))]
    Tunnel {
        /// Its words.
        command: String,
        /// How it failed, with its last lines of output.
        reason: String,
    },
    /// The driver died.
    #[error("{message}")]
    #[diagnostic(help("the machine may be out of memory; -vv shows all of the driver's output"))]
    Died {
        /// How it ended, with its last lines of output.
        message: String,
    },
    /// A command to the page failed.
    #[error("{doing} failed: {message}")]
    Command {
        /// What was asked of the browser.
        doing: String,
        /// The driver's message without its stack trace.
        message: String,
    },
    /// The folder, or the child that cleans up, could not be made.
    #[error("{doing} failed")]
    #[diagnostic(help("is the temporary folder writable, and is there space? TMPDIR names another one"))]
    Io {
        /// What was tried.
        doing: String,
        /// The system's error.
        source: io::Error,
    },
}

impl BrowserError {
    /// Whether another try can't but fail too: what is missing, or who turns us away, stays so for a run.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::NotServed { .. }
                | Self::Login { .. }
                | Self::Certificate { .. }
                | Self::Sandbox { .. }
        )
    }
}

/// What browsers say of an address at which nobody listens, or whoever does hangs up: Chromium's codes, Firefox's error pages,
/// WebKit's words.
const NOBODY_THERE: [&str; 10] = [
    "err_connection_refused",
    "err_connection_reset",
    "err_connection_closed",
    "err_empty_response",
    "e=connectionfailure",
    "e=netreset",
    "e=netinterrupt",
    "connection refused",
    "connection terminated",
    "could not connect",
];

/// What they say where no way leads to an address, or where who is there is not believed.
const NO_WAY: [&str; 10] = [
    "err_name_not_resolved",
    "err_address_unreachable",
    "err_internet_disconnected",
    "timed_out",
    "err_cert_",
    "err_ssl_",
    "e=dnsnotfound",
    "e=nettimeout",
    "e=nssfailure",
    "insecure certificate",
];

impl BrowserError {
    /// Whether a browser found nobody at the address of a page: somebody may be there soon.
    #[must_use]
    pub fn found_nobody(&self) -> bool {
        self.says_any(&NOBODY_THERE)
    }

    /// Whether a browser did not get to the address of a page.
    #[must_use]
    pub fn found_no_way(&self) -> bool {
        self.found_nobody() || self.says_any(&NO_WAY)
    }

    fn says_any(&self, words: &[&str]) -> bool {
        let Self::Command { message, .. } = self else { return false };
        let message = message.to_lowercase();
        words.iter().any(|words| message.contains(words))
    }
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}

fn last_words(output: &[String]) -> String {
    if output.is_empty() { "it printed nothing".to_owned() } else { format!("its last output:\n{}", output.join("\n")) }
}
