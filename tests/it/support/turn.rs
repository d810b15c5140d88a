//! Browsers take turns, one for every two processors and two at least: threads of wasm and of software adapters spin while
//! they wait, so that four at once on two processors took 263 s for the tests of ONNX where two took 206, and jobs time out
//! for want of processors.

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
    let seats = std::thread::available_parallelism().map_or(2, |cores| cores.get().div_ceil(2).clamp(2, 8));
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    *LEFT.wait_while(taken, |taken| *taken >= seats).unwrap_or_else(PoisonError::into_inner) += 1;
    Seat
}
