//! Browsers take turns: a machine that runs too many at once is slow enough for their jobs to time out. Two for each
//! processor, since a test of browsers waits for half of its time.

use std::sync::{Condvar, Mutex, PoisonError};

/// One of the places for browsers.
pub(crate) fn browser_turn() -> impl Drop {
    static TAKEN: Mutex<usize> = Mutex::new(0);
    static LEFT: Condvar = Condvar::new();
    struct Seat;
    impl Drop for Seat {
        fn drop(&mut self) {
            *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            LEFT.notify_one();
        }
    }
    let seats = std::thread::available_parallelism().map_or(2, |cores| (2 * cores.get()).clamp(2, 16));
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    *LEFT.wait_while(taken, |taken| *taken >= seats).unwrap_or_else(PoisonError::into_inner) += 1;
    Seat
}
