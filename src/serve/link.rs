//! The link is what the pages' network is like beyond loopback itself: it carries the parts and files of models.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What the link is like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network {
    /// Waited before the first byte of each answer.
    pub latency: Duration,
    /// Bytes a second, of all answers together.
    pub bandwidth: Option<u64>,
}

/// A link that all answers share, as the requests of a page share its network.
#[derive(Debug)]
pub(super) struct Link {
    network: Network,
    /// When the last byte that was let through has passed.
    free_at: Mutex<Instant>,
}

impl Link {
    pub(super) fn new(network: Network) -> Self {
        Self { network, free_at: Mutex::new(Instant::now()) }
    }

    /// Waits for the way to the server and back.
    pub(super) async fn answer(&self) {
        if !self.network.latency.is_zero() {
            tokio::time::sleep(self.network.latency).await;
        }
    }

    /// Waits until so many bytes have passed; answers take turns, a chunk each.
    pub(super) async fn pass(&self, bytes: usize) {
        let Some(bandwidth) = self.network.bandwidth.filter(|bandwidth| *bandwidth > 0) else { return };
        let passed = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            *free_at = (*free_at).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / bandwidth as f64);
            *free_at
        };
        tokio::time::sleep_until(passed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_share_the_bandwidth() {
        let link = Link::new(Network { latency: Duration::ZERO, bandwidth: Some(10_000) });
        let began = Instant::now();
        tokio::join!(link.pass(500), link.pass(500), link.pass(1000));
        assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    }
}
