//! The last resort: a driver that ends when gpujobs does, should the watchdog be killed as well.
//!
//! Used by `driver`. Linux only; elsewhere the watchdog is all there is.

use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process::Stdio;

use tokio::process::Command;

#[cfg(target_os = "linux")]
use super::discover::ProgramSearch;

/// A program that is asked to end when gpujobs ends, however that ends, where the system can do it: the last resort, should
/// the watchdog be killed as well. A driver that ends so takes its browser with it: geckodriver closes Firefox, and Chromium
/// ends with the pipe to chromedriver.
///
/// Linux sends the signal when the thread ends that started the program; only the main thread ends no sooner than gpujobs.
pub(super) fn dying_with_us(program: &Path) -> Command {
    #[cfg(target_os = "linux")]
    if nix::unistd::gettid() == nix::unistd::getpid()
        && let Some(setpriv) = setpriv()
    {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "TERM", "--", "sh", "-c", OUTLIVES_ITS_READER, "sh"]);
        command.arg(std::process::id().to_string()).arg(program);
        return command;
    }
    Command::new(program)
}

/// Becomes the program after its first argument, the number of gpujobs' process, unless that has ended already: the signal of
/// its death would never come.
///
/// The program reads its own output as well, so that it can still write when gpujobs no longer reads. geckodriver (0.37)
/// says that it ends, panics where it can't, and leaves the Firefox that it was starting.
#[cfg(target_os = "linux")]
const OUTLIVES_ITS_READER: &str = r#"[ "$PPID" = "$1" ] || exit; shift; exec "$@" 8</proc/self/fd/1 9</proc/self/fd/2"#;

/// The program of util-linux that sets the signal of a parent's death and becomes another program; that of `BusyBox` can't.
#[cfg(target_os = "linux")]
fn setpriv() -> Option<&'static Path> {
    use std::sync::OnceLock;

    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = || {
        let setpriv = ProgramSearch::of_this_machine().on_path(&["setpriv"])?;
        let mut trial = std::process::Command::new(&setpriv);
        trial
            .args(["--pdeathsig", "TERM", "--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        trial.status().is_ok_and(|status| status.success()).then_some(setpriv)
    };
    FOUND.get_or_init(found).as_deref()
}
