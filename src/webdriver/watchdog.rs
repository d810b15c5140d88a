//! The watchdog: a child process that cleans up after gpujobs when gpujobs can't, because it was killed or aborted.
//!
//! It reads lines from a pipe whose other end only gpujobs holds. When the pipe ends, whatever the reason, it ends each
//! process group, closes each remote session and removes each folder that was registered and not forgotten. There is one for a
//! gpujobs process, started with the first driver or remote session, and started anew where it ends before gpujobs does; `driver` and `folder`
//! send it notes, `cleanup` is its other side.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use indexmap::IndexSet;

use super::note::Note;

/// What it is called: not gpujobs, so that a `pkill gpujobs` does not end the one that cleans up after it.
pub(super) const NAME: &str = "browser-watch";

/// How often it is started anew when it ends by itself: a program that can't run would be started for ever.
const MOST_RESTARTS: u32 = 20;

/// gpujobs' handle on its watchdog; clones share the one child.
#[derive(Debug, Clone)]
pub struct Watchdog(Arc<Mutex<WatchdogState>>);

#[derive(Debug)]
struct WatchdogState {
    program: PathBuf,
    arguments: Vec<OsString>,
    /// What is registered and not forgotten: a new child has to know it.
    registered: IndexSet<Note>,
    /// The child's number and the way to it; `None` before the first note.
    child: Option<(u32, ChildStdin)>,
    restarts: u32,
}

impl Watchdog {
    /// The watchdog of this process: this very program with the argument `watchdog`. It starts with the first note.
    pub fn start() -> io::Result<Self> {
        Ok(Self::with_command(std::env::current_exe()?, ["watchdog"]))
    }

    /// A watchdog that is another program; for tests, whose own program is not gpujobs.
    pub fn with_command<A: Into<OsString>>(program: PathBuf, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let state = WatchdogState { program, arguments, registered: IndexSet::new(), child: None, restarts: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Sends a note to the watchdog, which is started if it does not run.
    pub(super) fn send(&self, note: &Note) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match note.forgets() {
            Some(registered) => drop(state.registered.swap_remove(&registered)),
            None => drop(state.registered.insert(note.clone())),
        }
        let sent = state.child.as_mut().map(|(_, pipe)| write(pipe, note));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { start(&self.0, &mut state) }
    }
}

fn write(pipe: &mut ChildStdin, note: &Note) -> io::Result<()> {
    pipe.write_all(format!("{note}\n").as_bytes())
}

/// Starts a child and tells it all that is registered.
fn start(shared: &Arc<Mutex<WatchdogState>>, state: &mut WatchdogState) -> io::Result<()> {
    state.child = None;
    let mut command = Command::new(&state.program);
    // With gpujobs' own stdout it would keep the reader of that pipe waiting.
    command.args(&state.arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, NAME);
    let mut child = command.spawn()?;
    let mut pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let told = state.registered.iter().try_for_each(|note| write(&mut pipe, note));
    state.child = Some((child.id(), pipe));
    let shared = Arc::downgrade(shared);
    std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(child, &shared))?;
    told
}

/// Waits for the end of a child, and starts another where it is not that of its handle.
fn watch(mut child: Child, shared: &Weak<Mutex<WatchdogState>>) {
    let id = child.id();
    let _ = child.wait();
    let Some(shared) = shared.upgrade() else { return };
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let is_current = state.child.as_ref().is_some_and(|(current, _)| *current == id);
    if is_current && state.restarts < MOST_RESTARTS {
        state.restarts += 1;
        // Where it can't be started the next note says so.
        let _ = start(&shared, &mut state);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn one_that_ends_is_started_anew_and_told_all_that_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let script = format!("echo started $$ >> {0}; exec cat >> {0}", heard.display());
        let watchdog = Watchdog::with_command("/bin/sh".into(), ["-c", &script]);
        let wait_for = |lines: usize| {
            let begin = Instant::now();
            loop {
                let text = std::fs::read_to_string(&heard).unwrap_or_default();
                if text.lines().count() == lines {
                    return text;
                }
                assert!(begin.elapsed() < Duration::from_mins(5), "{text}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        watchdog.send(&Note::Group(7)).unwrap();
        watchdog.send(&Note::Folder("/x".into())).unwrap();
        watchdog.send(&Note::ForgetGroup(7)).unwrap();
        let text = wait_for(4);
        let id = text.lines().next().unwrap().strip_prefix("started ").unwrap().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGKILL).unwrap();
        // By itself, before anything more is to be sent.
        let text = wait_for(6);
        assert!(text.ends_with("\nfolder /x\n") && text.matches("started").count() == 2, "{text}");
        watchdog.send(&Note::Group(8)).unwrap();
        assert!(wait_for(7).ends_with("group 8\n"));
    }

    #[test]
    fn one_that_never_runs_is_an_error_and_not_started_for_ever() {
        let watchdog = Watchdog::with_command("/nonexistent".into(), [""; 0]);
        assert!(watchdog.send(&Note::Group(7)).is_err());
        let folder = tempfile::tempdir().unwrap();
        let starts = folder.path().join("starts");
        let script = format!("echo x >> {}; exit 1", starts.display());
        let watchdog = Watchdog::with_command("/bin/sh".into(), ["-c", &script]);
        let _ = watchdog.send(&Note::Group(7));
        let begin = Instant::now();
        let count = || std::fs::read_to_string(&starts).unwrap_or_default().lines().count();
        while count() < 21 {
            assert!(begin.elapsed() < Duration::from_mins(5));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(watchdog.0.lock().unwrap().restarts, MOST_RESTARTS);
    }
}
