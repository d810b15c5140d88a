//! A body that comes must come at a pace: a hub that sends a byte now and then never falls silent, and never ends.
//!
//! Made by `reply` around each body.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// The slowest that is waited for: a model of a gigabyte would take 12 days.
const BYTES_A_SECOND: u64 = 1024;

/// Reads what comes, and is an error where too little came in a window of time.
pub(super) struct Paced<R> {
    inner: R,
    window: Duration,
    began: Instant,
    /// Bytes of this window.
    came: u64,
}

impl<R> Paced<R> {
    /// Looks at the end of each such window.
    pub(super) fn new(inner: R, window: Duration) -> Self {
        Self { inner, window, began: Instant::now(), came: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.came += read as u64;
        let elapsed = self.began.elapsed();
        if read > 0 && elapsed >= self.window {
            if (self.came as f64) < BYTES_A_SECOND as f64 * elapsed.as_secs_f64() {
                let came = if self.came == 1 { "1 byte".to_owned() } else { format!("{} bytes", self.came) };
                let message = format!("only {came} came in {} s, less than 1 KiB a second", elapsed.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            (self.began, self.came) = (Instant::now(), 0);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_drips_is_an_error_and_one_that_flows_is_not() {
        // Without a wait: each read is looked at.
        let mut dripping = Paced::new(io::repeat(1), Duration::ZERO);
        dripping.began = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let error = dripping.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "only 1 byte came in 5 s, less than 1 KiB a second");

        let mut flowing = Paced::new(io::repeat(1).take(1 << 20), Duration::ZERO);
        flowing.began = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(flowing.read(&mut vec![0; 1 << 16]).unwrap(), 1 << 16);
    }
}
