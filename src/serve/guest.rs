//! A guest is a connection as the routes see it: a stranger until it shows the run's token.
//!
//! Made by `connections`; `routes` says who has shown the token.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::lock;

/// Connections at a time that have shown the token; a browser opens about six to one host.
const MOST_KNOWN: usize = 192;
/// Connections at a time that have not.
const MOST_STRANGERS: usize = 64;

/// The places for guests; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Places {
    known: Arc<Semaphore>,
    /// What ends each stranger, the oldest first.
    strangers: Arc<Mutex<VecDeque<Arc<Notify>>>>,
}

/// A connection; its place is free again with its drop.
#[derive(Debug)]
pub(super) struct Guest {
    places: Places,
    ended: Arc<Notify>,
    /// Its place among those that have shown the token.
    place: OnceLock<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { known: Arc::new(Semaphore::new(MOST_KNOWN)), strangers: Arc::default() }
    }

    /// Lets a stranger in; where there is no place the oldest one gives up its own.
    pub(super) fn enter(&self) -> Guest {
        let ended = Arc::new(Notify::new());
        let mut strangers = lock(&self.strangers);
        if strangers.len() == MOST_STRANGERS
            && let Some(oldest) = strangers.pop_front()
        {
            oldest.notify_one();
        }
        strangers.push_back(ended.clone());
        Guest { places: self.clone(), ended, place: OnceLock::new() }
    }

    fn leave(&self, ended: &Arc<Notify>) {
        lock(&self.strangers).retain(|other| !Arc::ptr_eq(other, ended));
    }
}

impl Guest {
    /// Notes that it has shown the token; whether there is a place for it.
    pub(super) fn show_token(&self) -> bool {
        if self.is_known() {
            return true;
        }
        let Ok(place) = self.places.known.clone().try_acquire_owned() else { return false };
        // A connection has one request at a time.
        let _ = self.place.set(place);
        self.places.leave(&self.ended);
        true
    }

    /// Whether it has shown the token.
    pub(super) fn is_known(&self) -> bool {
        self.place.get().is_some()
    }

    /// Ends when its place was given to another; never for one that has shown the token.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.places.leave(&self.ended);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_oldest_stranger_makes_room_and_who_has_shown_the_token_stays() {
        let places = Places::new();
        let known = places.enter();
        assert!(known.show_token() && known.show_token() && known.is_known());
        let mut strangers: Vec<Guest> = (0..MOST_STRANGERS).map(|_| places.enter()).collect();
        let is_ended = |guest: &Guest| guest.ended().now_or_never().is_some();
        assert!(strangers.iter().all(|guest| !is_ended(guest)));
        let newest = places.enter();
        assert!(is_ended(&strangers[0]) && !is_ended(&strangers[1]) && !is_ended(&newest) && !is_ended(&known));
        strangers.pop();
        let next = places.enter();
        assert!(!is_ended(&strangers[1]) && !is_ended(&next), "one that left makes room");
    }

    #[test]
    fn those_who_have_shown_the_token_are_bounded_too() {
        let places = Places::new();
        let mut known: Vec<Guest> = (0..MOST_KNOWN).map(|_| places.enter()).collect();
        assert!(known.iter().all(Guest::show_token));
        let late = places.enter();
        assert!(!late.show_token() && !late.is_known());
        known.pop();
        assert!(late.show_token());
    }
}
