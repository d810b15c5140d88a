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
/// Linux sends the signal when the thread ends that started the program; only the main thread ends no sooner than gpujobs. It
/// sends it once more for each other thread of gpujobs that inherits the children and ends in turn, and at a second SIGTERM
/// geckodriver (0.37) leaves without closing its Firefox. So a shell, which has one thread, stands between the two: it is
/// killed at the first signal, and its end is the only one that the program hears of.
pub(super) fn dying_with_us(program: &Path) -> Command {
    #[cfg(target_os = "linux")]
    if nix::unistd::gettid() == nix::unistd::getpid()
        && let Some(setpriv) = setpriv()
    {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "KILL", "--", "sh", "-c", STANDS_BETWEEN, "sh"]);
        command.arg(std::process::id().to_string()).arg(setpriv).arg(OUTLIVES_ITS_READER).arg(program);
        return command;
    }
    Command::new(program)
}

/// Starts the program after its first three arguments (the number of gpujobs' process, setpriv, the script below), and ends as
/// that ends: with its exit status, or by its signal unless that only stops; a shell can't tell an exit status of 130 from signal
/// 2. What the group is asked (SIGTERM) is the program's to answer. SIGINT and SIGQUIT, which nobody sends it, it ignores, as
/// all do that a shell starts in the background.
///
/// Each of the two shells ends at once if its parent has ended already: the signal of that death would never come.
#[cfg(target_os = "linux")]
const STANDS_BETWEEN: &str = r#"
[ "$PPID" = "$1" ] || exit
setpriv=$2 script=$3
shift 3
trap : TERM INT HUP
"$setpriv" --pdeathsig TERM -- sh -c "$script" sh $$ "$@" &
exec >/dev/null 2>&1
while wait $!; ended=$?; [ $ended -gt 128 ] && kill -0 $!; do :; done
trap - TERM INT HUP
ulimit -c 0
case $((ended - 128)) in
    19 | 2[0-2] | 0 | -*) ;;
    *) kill -$((ended - 128)) $$ ;;
esac
exit $ended
"#;

/// Becomes the program after its first argument, the number of the shell that started it.
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
