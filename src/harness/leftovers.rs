//! Leftovers are what a browser still holds of jobs that have ended. Firefox lets go of a job's document late: with one after the
//! other it runs out of memory, and whatever it does then fails. So it gets a successor before, between two jobs, when there is
//! nothing to lose.
//!
//! Looked at by `live` when it opens a browser that holds no job.

use crate::units::Bytes;

/// What is not worth a new browser.
const SMALL: u64 = 256 << 20;
/// The next jobs may need as much as those before them, and as much again while they load: a browser is started anew when fewer
/// times what it has not let go of are free.
const FREE_FOR_LEFTOVERS: u64 = 2;

/// Why a browser is to be started anew, in words; `None` where it may go on, or the system does not say what it holds. All in
/// bytes: what it held when it was new, what it holds now, and what it may still take.
pub(super) fn too_large(fresh: Option<u64>, held: Option<u64>, free: Option<u64>) -> Option<String> {
    let (left, free) = (held?.saturating_sub(fresh?), free?);
    (left > SMALL && free < FREE_FOR_LEFTOVERS * left).then(|| {
        let [left, free] = [left, free].map(Bytes);
        format!("it still holds {left} of jobs that have ended, and {free} of memory are free: it is started anew")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_goes_on_as_long_as_twice_its_leftovers_are_free() {
        let gib = |count: u64| Some(count << 30);
        assert_eq!(too_large(gib(1), gib(4), gib(6)), None);
        let said = too_large(gib(1), gib(4), gib(5)).unwrap();
        assert_eq!(
            said,
            "it still holds 3.00 GiB of jobs that have ended, and 5.00 GiB of memory are free: it is started anew"
        );
        // It holds little, or less than at first.
        assert_eq!(too_large(Some(0), Some(SMALL), Some(0)), None);
        assert_eq!(too_large(gib(4), gib(1), Some(0)), None);
    }

    #[test]
    fn what_is_not_known_ends_no_browser() {
        for (fresh, held, free) in
            [(None, Some(1 << 40), Some(0)), (Some(0), None, Some(0)), (Some(0), Some(1 << 40), None)]
        {
            assert_eq!(too_large(fresh, held, free), None);
        }
    }
}
