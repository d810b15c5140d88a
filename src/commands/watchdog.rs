//! `gpujobs watchdog`, hidden: the child that cleans up when gpujobs itself is killed.

use crate::webdriver::cleanup;

/// Obeys the lines on stdin and cleans up at their end; see [`cleanup`] for the protocol.
pub fn run() {
    cleanup::serve(std::io::stdin().lock());
}
