//! A guest is a connection as the routes see it: a stranger until it shows the run's token.
//!
//! Made by `connections`; `routes` says who has shown the token.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::lock;

/// Connections at a time that have shown the token; a browser opens about six to one host.
const MOST_KNOWN: usize = 192;
/// Connections at a time that have not.
const MOST_STRANGERS: usize = 64;
/// How long a stranger has its place for certain: a browser asks within it, unless the machine is very busy.
const GRACE: Duration = Duration::from_millis(250);

/// The places for guests; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Places {
    known: Arc<Semaphore>,
    /// The oldest first.
    strangers: Arc<Mutex<VecDeque<Stranger>>>,
    /// Told of each stranger that leaves.
    left: Arc<Notify>,
}

/// One that has a place among the strangers.
#[derive(Debug)]
struct Stranger {
    since: Instant,
    ended: Arc<Notify>,
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
        Self { known: Arc::new(Semaphore::new(MOST_KNOWN)), strangers: Arc::default(), left: Arc::default() }
    }

    /// Lets a stranger in; where there is no place the oldest one gives up its own, once it has had its time.
    pub(super) async fn enter(&self) -> Guest {
        loop {
            match self.enter_at(Instant::now()) {
                Ok(guest) => return guest,
                Err(wait) => tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.left.notified() => {}
                },
            }
        }
    }

    /// Lets a stranger in, or says how long the oldest one has its place for certain.
    fn enter_at(&self, now: Instant) -> Result<Guest, Duration> {
        let mut strangers = lock(&self.strangers);
        if strangers.len() == MOST_STRANGERS
            && let Some(oldest) = strangers.front()
        {
            let left = GRACE.saturating_sub(now.saturating_duration_since(oldest.since));
            if !left.is_zero() {
                return Err(left);
            }
            oldest.ended.notify_one();
            strangers.pop_front();
        }
        let ended = Arc::new(Notify::new());
        strangers.push_back(Stranger { since: now, ended: ended.clone() });
        Ok(Guest { places: self.clone(), ended, place: OnceLock::new() })
    }

    fn leave(&self, ended: &Arc<Notify>) {
        lock(&self.strangers).retain(|other| !Arc::ptr_eq(&other.ended, ended));
        self.left.notify_one();
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

    /// Ends when its place was given to another; never for one that has shown the token, were it just before that was heard.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
        if self.is_known() {
            std::future::pending::<()>().await;
        }
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

    fn is_ended(guest: &Guest) -> bool {
        guest.ended().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_stranger_makes_room_and_who_has_shown_the_token_stays() {
        let places = Places::new();
        let began = Instant::now();
        let enter = |after: Duration| places.enter_at(began + after);
        let known = enter(Duration::ZERO).unwrap();
        assert!(known.show_token() && known.show_token() && known.is_known());
        let mut strangers: Vec<Guest> = (0..MOST_STRANGERS).map(|_| enter(Duration::ZERO).unwrap()).collect();
        assert!(strangers.iter().all(|guest| !is_ended(guest)));
        let newest = enter(GRACE).unwrap();
        assert!(is_ended(&strangers[0]) && !is_ended(&strangers[1]) && !is_ended(&newest) && !is_ended(&known));
        strangers.pop();
        let next = enter(GRACE).unwrap();
        assert!(!is_ended(&strangers[1]) && !is_ended(&next), "one that left makes room");
    }

    #[tokio::test]
    async fn a_flood_waits_until_the_oldest_has_had_its_time_or_has_left() {
        let places = Places::new();
        let began = Instant::now();
        let tick = Duration::from_millis(1);
        let mut strangers: Vec<Guest> =
            (0..MOST_STRANGERS).map(|index| places.enter_at(began + tick * u32::from(index > 0)).unwrap()).collect();
        assert_eq!(places.enter_at(began + tick).unwrap_err() + tick, GRACE);
        assert!(strangers.iter().all(|guest| !is_ended(guest)));
        let newest = places.enter_at(began + GRACE).unwrap();
        assert!(is_ended(&strangers[0]) && !is_ended(&newest));
        // None of the places is to be had by time, so it takes the one that becomes free.
        strangers[1..].iter().for_each(|guest| assert!(guest.show_token()));
        let far = Instant::now() + Duration::from_hours(1);
        strangers.extend((1..MOST_STRANGERS).map(|_| places.enter_at(far).unwrap()));
        drop(newest);
        let held = places.enter_at(far).unwrap();
        let mut waiting = Box::pin(places.enter());
        assert!((&mut waiting).now_or_never().is_none());
        drop(held);
        assert!(!waiting.await.is_known());
    }

    #[test]
    fn one_that_shows_the_token_as_its_place_is_given_away_is_not_ended() {
        let places = Places::new();
        let began = Instant::now();
        let strangers: Vec<Guest> = (0..MOST_STRANGERS).map(|_| places.enter_at(began).unwrap()).collect();
        let _newest = places.enter_at(began + GRACE).unwrap();
        assert!(strangers[0].show_token());
        assert!(!is_ended(&strangers[0]));
    }

    #[test]
    fn those_who_have_shown_the_token_are_bounded_too() {
        let places = Places::new();
        let enter = || places.enter_at(Instant::now()).unwrap();
        let mut known: Vec<Guest> = Vec::new();
        for _ in 0..MOST_KNOWN {
            let guest = enter();
            assert!(guest.show_token());
            known.push(guest);
        }
        let late = enter();
        assert!(!late.show_token() && !late.is_known());
        known.pop();
        assert!(late.show_token());
    }
}
