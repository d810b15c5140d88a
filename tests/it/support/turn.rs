//! Browsers take turns: a machine that runs too many at once is slow enough for their jobs to time out.

use std::sync::{Condvar, Mutex, PoisonError};

/// One of as many places for browsers as the machine has processors, so that jobs do not time out for want of them.
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
    let seats = std::thread::available_parallelism().map_or(2, |cores| cores.get().div_ceil(2).clamp(2, 8));
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    *LEFT.wait_while(taken, |taken| *taken >= seats).unwrap_or_else(PoisonError::into_inner) += 1;
    Seat
}
