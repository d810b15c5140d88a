//! `gpujobs watchdog`, hidden: the child that cleans up when gpujobs itself is killed.

use crate::webdriver::cleanup;

/// Obeys the lines on stdin and cleans up at their end; see [`cleanup`] for the protocol. Meanwhile it removes what earlier
/// runs have left.
pub fn run() {
    cleanup::detach();
    let sweep = std::thread::spawn(cleanup::sweep);
    cleanup::serve(std::io::stdin().lock());
    // A panic in it was shown, and there is nobody else to tell.
    let _ = sweep.join();
}
