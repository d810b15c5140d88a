//! A driver is the local program that speaks WebDriver for one browser: chromedriver, geckodriver, `WebKitWebDriver`, ….
//!
//! Started by `launch`, one for a browser because geckodriver and `WebKitWebDriver` hold one session each. It runs in a
//! process group and in a temporary folder of its own; both end with it.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::discover::ProgramSearch;
use super::endpoint::Endpoint;
use super::error::BrowserError;
use super::folder::Folder;
use super::group::{ProcessGroup, spawn, watchdog_error};
use super::last_resort::dying_with_us;
use super::os::Os;
use super::output::{DriverOutput, LogSink};
use super::products::{BrowserSettings, DriverPort, Product};
use super::user;
use super::watchdog::Watchdog;
use super::xauthority;

/// How long a driver, or the display that it needs, may take until it listens. Measured: 3 to 350 ms.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How often a driver is started that dies because another program took its port.
const START_TRIES: usize = 5;

/// A running driver.
#[derive(Debug)]
pub(super) struct Driver {
    endpoint: Endpoint,
    /// How it died, once it has.
    exit: watch::Receiver<Option<String>>,
    output: DriverOutput,
    // In the order of a drop: the processes end before their folder goes.
    group: ProcessGroup,
    folder: Folder,
}

impl Driver {
    /// Starts a driver and waits until it listens; a browser that needs a display gets one first.
    pub(super) async fn start(
        settings: &BrowserSettings,
        program: &Path,
        cold: bool,
        log: Option<LogSink>,
        watchdog: &Watchdog,
    ) -> Result<Self, BrowserError> {
        for _ in 1..START_TRIES {
            match Self::start_once(settings, program, cold, log.clone(), watchdog).await {
                Err(error) if lost_its_port(&error) => {}
                started => return started,
            }
        }
        Self::start_once(settings, program, cold, log, watchdog).await
    }

    async fn start_once(
        settings: &BrowserSettings,
        program: &Path,
        cold: bool,
        log: Option<LogSink>,
        watchdog: &Watchdog,
    ) -> Result<Self, BrowserError> {
        let product = settings.kind.product();
        let mut folder = Folder::new(watchdog)
            .map_err(|source| BrowserError::Io { doing: "making a temporary folder".to_owned(), source })?;
        let output = DriverOutput::new(log);
        let mut command = dying_with_us(program);
        command.envs(environment(product, cold, user::is_root(), folder.path())).env("TMPDIR", folder.path());
        let mut group = None;
        if let Some(xvfb) = display_server(settings)? {
            let key = xauthority::write(folder.path())
                .map_err(|source| BrowserError::Io { doing: "writing the key of a display".to_owned(), source })?;
            let (display, own) = start_display(&xvfb, &key, &output, watchdog).await?;
            folder.used_by(own.id()).map_err(watchdog_error)?;
            command
                .env("XAUTHORITY", key)
                .env("DISPLAY", display)
                .env("GDK_BACKEND", "x11")
                .env_remove("WAYLAND_DISPLAY");
            group = Some(own);
        }
        let chosen = free_port(product.port)
            .map_err(|source| BrowserError::Io { doing: "choosing a port for the driver".to_owned(), source })?;
        command.args((product.driver_arguments)(chosen.unwrap_or(0), folder.path()));
        let (mut child, group) = spawn(&mut command, program, group, watchdog)?;
        folder.used_by(group.id()).map_err(watchdog_error)?;
        let mut printed_port = drain(&mut child, &output, product.port);
        let exit = watch_exit(child, program);

        let mut dead = exit.clone();
        let listening = async {
            match chosen {
                Some(port) => connectable(port).await,
                None => (&mut printed_port).await.ok(),
            }
        };
        let failed = |reason: &str| {
            let (program, reason) = (program.to_owned(), reason.to_owned());
            BrowserError::DriverStart { program, reason, output: output.last_lines() }
        };
        let port = tokio::select! {
            port = timeout(START_LIMIT, listening) => port.map_err(|_| failed("it did not listen in time"))?,
            message = death(&mut dead) => return Err(failed(&message)),
        };
        // Without a port its output has ended, so its exit follows.
        let Some(port) = port else { return Err(failed(&death(&mut dead).await)) };
        let address = format!("http://127.0.0.1:{port}/");
        let endpoint = address.parse().map_err(|_| failed(&format!("{address} is no address")))?;
        Ok(Self { endpoint, exit, output, group, folder })
    }

    /// Where it listens.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its process group and its folder.
    pub(super) fn traces(&self) -> (u32, &Path) {
        (self.group.id(), self.folder.path())
    }

    /// Ends when the driver has died, with how it ended and its last output.
    pub(super) async fn exited(&self) -> String {
        let how = death(&mut self.exit.clone()).await;
        let lines = self.output.last_lines();
        if lines.is_empty() { how } else { format!("{how}; its last output:\n{}", lines.join("\n")) }
    }

    /// Ends the driver, its browser and everything that they started, and removes their files.
    pub(super) async fn end(self) {
        let work = move || {
            self.group.end();
            drop(self.folder);
        };
        // Only a runtime that shuts down refuses; the drops have then happened all the same.
        let _ = tokio::task::spawn_blocking(work).await;
    }
}

/// Whether a driver died because another program holds its port, which a new start with another port cures.
///
/// chromedriver takes a free port for IPv6 and then needs the same one for IPv4: of thousands of starts on a busy machine, one
/// dies with `bind() failed: Address already in use (98)`. Windows says `Only one usage of each socket address`.
fn lost_its_port(error: &BrowserError) -> bool {
    let BrowserError::DriverStart { reason, output, .. } = error else { return false };
    let taken = |line: &str| {
        let line = line.to_lowercase();
        ["address already in use", "port not available", "only one usage of each socket address"]
            .iter()
            .any(|words| line.contains(words))
    };
    taken(reason) || output.iter().any(|line| taken(line))
}

async fn death(exit: &mut watch::Receiver<Option<String>>) -> String {
    match exit.wait_for(Option::is_some).await {
        Ok(message) => message.clone().unwrap_or_default(),
        Err(_) => "the driver is no longer watched".to_owned(),
    }
}

/// Drains both pipes of a driver; gives the port that it prints.
fn drain(child: &mut Child, output: &DriverOutput, port: DriverPort) -> oneshot::Receiver<u16> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    if let Some(pipe) = child.stdout.take() {
        tokio::spawn(output.clone().drain(pipe, move |line| {
            if let Some(port) = port.in_line(line)
                && let Some(sender) = sender.take()
            {
                // The receiver is gone when the start was given up.
                let _ = sender.send(port);
            }
        }));
    }
    if let Some(pipe) = child.stderr.take() {
        tokio::spawn(output.clone().drain(pipe, |_| ()));
    }
    receiver
}

/// Waits for the end of a driver in a task, which reaps it and reports how it ended.
fn watch_exit(mut child: Child, program: &Path) -> watch::Receiver<Option<String>> {
    let (sender, exit) = watch::channel(None);
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    tokio::spawn(async move {
        let status = child.wait().await;
        // The last lines may still be in the pipe.
        sleep(Duration::from_millis(20)).await;
        let how = status.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string());
        sender.send_replace(Some(format!("{name} died ({how})")));
    });
    exit
}

/// A port for a driver that does not print the one it took; another program may take it first: see [`lost_its_port`].
fn free_port(port: DriverPort) -> std::io::Result<Option<u16>> {
    match port {
        DriverPort::Printed(_) => Ok(None),
        DriverPort::Given => Ok(Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())),
    }
}

/// Tries a port until something listens there. The only poll in gpujobs: these drivers give no sign.
async fn connectable(port: u16) -> Option<u16> {
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    Some(port)
}

/// What the driver, and through it the browser, finds in its environment.
fn environment(product: &Product, cold: bool, root: bool, folder: &Path) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&str, OsString)> = if cold {
        vec![("MESA_SHADER_CACHE_DISABLE", "true".into()), ("__GL_SHADER_DISK_CACHE", "0".into())]
    } else {
        // The graphics drivers keep compiled shaders in the user's home, where they outlive the run: the first job would
        // compile or not as some earlier program had left it. In the session's own folder they begin empty.
        ["MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH"].map(|name| (name, folder.into())).to_vec()
    };
    variables.extend(product.folder_variables.iter().map(|&name| (name, folder.into())));
    if root {
        variables.extend(product.root_environment.iter().map(|&(name, value)| (name, value.into())));
    }
    variables
}

/// The Xvfb to start, for a product without a headless mode. A user's own display serves where there is no Xvfb.
fn display_server(settings: &BrowserSettings) -> Result<Option<PathBuf>, BrowserError> {
    if !settings.kind.product().needs_display || !settings.headless || Os::current() != Os::Linux {
        return Ok(None);
    }
    let search = ProgramSearch::of_this_machine();
    match search.on_path(&["Xvfb"]) {
        Some(xvfb) => Ok(Some(xvfb)),
        None if search.variables.contains_key("DISPLAY") => Ok(None),
        None => Err(BrowserError::NotFound {
            browser: settings.name.clone(),
            what: "display (Xvfb)".to_owned(),
            looked: vec!["PATH (Xvfb)".to_owned(), "$DISPLAY".to_owned()],
            remedies: vec![
                format!("install it: `gpujobs setup {}`", settings.kind),
                "run within a desktop session".to_owned(),
            ],
        }),
    }
}

/// Starts an Xvfb on a free display, for those who have the key; it leads the group which the driver then joins.
async fn start_display(
    xvfb: &Path,
    key: &Path,
    output: &DriverOutput,
    watchdog: &Watchdog,
) -> Result<(String, ProcessGroup), BrowserError> {
    let mut command = dying_with_us(xvfb);
    command.args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-auth"]).arg(key);
    let (mut child, group) = spawn(&mut command, xvfb, None, watchdog)?;
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    if let Some(pipe) = child.stdout.take() {
        tokio::spawn(output.clone().drain(pipe, move |line| {
            if let (Ok(number), Some(sender)) = (line.trim().parse::<u32>(), sender.take()) {
                let _ = sender.send(number);
            }
        }));
    }
    if let Some(pipe) = child.stderr.take() {
        tokio::spawn(output.clone().drain(pipe, |_| ()));
    }
    let number = timeout(START_LIMIT, receiver).await;
    // Reaped when it ends; it ends with its group.
    tokio::spawn(async move { child.wait().await });
    match number {
        Ok(Ok(number)) => Ok((format!(":{number}"), group)),
        _ => Err(BrowserError::DriverStart {
            program: xvfb.to_owned(),
            reason: "it named no display".to_owned(),
            output: output.last_lines(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::products::BrowserKind;
    use super::*;

    #[test]
    fn a_cold_start_takes_the_drivers_caches_away_and_a_warm_one_begins_them_empty() {
        let folder = Path::new("/tmp/gpujobs-x");
        let all = |kind: BrowserKind, cold, root| environment(kind.product(), cold, root, folder);
        let names = |kind, cold, root| all(kind, cold, root).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let caches = ["MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH"];
        assert_eq!(names(BrowserKind::Firefox, true, true), ["MESA_SHADER_CACHE_DISABLE", "__GL_SHADER_DISK_CACHE"]);
        assert_eq!(names(BrowserKind::Webkitgtk, false, false), caches);
        assert!(names(BrowserKind::Webkitgtk, false, true).contains(&"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"));
        assert!(all(BrowserKind::Chrome, false, false).iter().all(|(_, value)| value == folder.as_os_str()));
        // Crash reports would lie in the user's home.
        for cold in [false, true] {
            let report = ("BREAKPAD_DUMP_LOCATION", folder.as_os_str().to_owned());
            assert!(all(BrowserKind::Chrome, cold, false).contains(&report));
        }
    }
}
