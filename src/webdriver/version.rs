//! The versions of a browser and its driver, found by running each with `--version`.
//!
//! Used by `gpujobs doctor`. A launch does not ask: it takes up to half a second, and the driver itself refuses a
//! browser that is not its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::products::BrowserKind;

/// How long a program may take to say its version. A cold start of Firefox takes seconds.
const LIMIT: Duration = Duration::from_secs(15);

/// The version that a program prints, or `None` when it prints none in time.
#[must_use]
pub fn of(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let start = Instant::now();
    // A version is far shorter than a pipe is deep, so the program can end before it is read.
    while child.try_wait().ok()?.is_none() {
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().ok()?;
    in_text(&String::from_utf8_lossy(&output.stdout))
}

/// The first word of a text that is a version: it begins with a digit and has a dot.
fn in_text(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.')).map(str::to_owned)
}

/// Whether a browser and its driver of these versions work together.
#[must_use]
pub fn matches(kind: BrowserKind, browser: &str, driver: &str) -> bool {
    !kind.product().one_major_version || browser.split('.').next() == driver.split('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_really_print() {
        for (text, version) in [
            ("Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)\n", "156.0.8078.79"),
            ("ChromeDriver 156.0.8078.79 (a21ce95c24ce-refs/branch-heads/8078@{#1704})", "156.0.8078.79"),
            ("Mozilla Firefox 153.7.0esr", "153.7.0esr"),
            ("geckodriver 0.37.1\n\nThe source code of this program is available from", "0.37.1"),
            ("v22.14.0\n", "22.14.0"),
        ] {
            assert_eq!(in_text(text).as_deref(), Some(version));
        }
        assert_eq!(in_text("Usage: WebKitWebDriver options"), None);
    }

    #[test]
    fn only_the_chromium_drivers_are_tied_to_a_major_version() {
        assert!(matches(BrowserKind::Chrome, "156.0.8078.79", "156.0.1.2"));
        assert!(!matches(BrowserKind::Edge, "156.0.8078.79", "155.0.8078.79"));
        assert!(matches(BrowserKind::Firefox, "153.7.0esr", "0.37.1"));
    }
}
