//! `gpujobs watchdog`, hidden: the child that cleans up when gpujobs itself is killed.

use crate::browser::watchdog;

/// Obeys the lines on stdin and cleans up at their end; see [`watchdog`] for the protocol.
pub fn run() {
    watchdog::serve(std::io::stdin().lock());
}
