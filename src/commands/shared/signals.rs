//! Ctrl-C and SIGTERM: the first asks the run to stop and close its browsers, the second ends gpujobs, and then the
//! watchdog closes them.

use std::sync::OnceLock;

use tokio::sync::watch;

/// That of all sessions: the first signal ends them all.
static STOP: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// Becomes true with the first signal. A thread of its own listens from the first session to the end of the program, so that
/// the second signal is heard whatever the others wait for.
pub(super) fn stop() -> std::io::Result<watch::Receiver<bool>> {
    if let Some(receiver) = STOP.get() {
        return Ok(receiver.clone());
    }
    let (sender, receiver) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _guard = runtime.enter();
        Signals::new()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            let _ = sender.send(true);
            // Who does not read what is said must not keep the second from being heard.
            std::thread::spawn(|| anstream::eprintln!("stopping; what was measured is kept (again to stop at once)"));
            signals.next().await;
            #[expect(clippy::exit, reason = "the user asked twice, and the watchdog cleans up")]
            std::process::exit(i32::from(crate::error::Exit::Interrupted.code()));
        });
    })?;
    Ok(STOP.get_or_init(|| receiver).clone())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the shape of the unix one")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // An error means that no handler could be set: then nothing is ever heard.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
