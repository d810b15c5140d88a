//! Memory is compared before it is asked for: a size comes from a user's file, and what the system does not have ends the
//! program, or by way of its OOM killer another one.
//!
//! Asked wherever something grows with what a manifest or a file says; a job that does not fit is `unsupported`.

use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use crate::units::Bytes;

/// Elements of the largest tensor: in f32 they are 4 TiB. Products of three extents, two of them of one tensor each, stay
/// below 2^64.
pub const MOST_ELEMENTS: usize = 1 << 40;

/// What is not worth a look at the system.
const SMALL: u64 = 32 << 20;

/// A size beyond what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Of a tensor.
    #[error("{found} elements, and a tensor has at most {MOST_ELEMENTS}")]
    Elements {
        /// How many it would have.
        found: u128,
    },
    /// Of what this machine has to hold.
    #[error("{needed} of this machine's memory are needed, and {free} are free")]
    Memory {
        /// What it takes at least.
        needed: Bytes,
        /// What there is.
        free: Bytes,
    },
}

/// How many elements a tensor of this shape has.
pub fn elements(shape: &[usize]) -> Result<usize, TooLarge> {
    let found = shape.iter().fold(1_u128, |product, extent| product.saturating_mul(*extent as u128));
    usize::try_from(found).ok().filter(|found| *found <= MOST_ELEMENTS).ok_or(TooLarge::Elements { found })
}

/// Whether so many bytes can be had.
pub fn check(needed: u64) -> Result<(), TooLarge> {
    if needed <= SMALL {
        return Ok(());
    }
    match free() {
        Some(free) if free < needed => Err(TooLarge::Memory { needed: Bytes(needed), free: Bytes(free) }),
        _ => Ok(()),
    }
}

/// The bytes that this process, or one that it starts, may still take; `None` where the system does not say. What limits the
/// address space limits that of browsers as well, which inherit it.
#[must_use]
pub fn free() -> Option<u64> {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut system = System::new_with_specifics(memory).ok()?;
    // Some systems say 0 where they do not know.
    let mut free = Some(system.available_memory()).filter(|free| *free > 0);
    if let Some(group) = system.cgroup_limits() {
        free = smaller(free, Some(group.total_memory.saturating_sub(group.rss)));
    }
    smaller(free, address_space(&mut system))
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// What `ulimit -v` leaves.
#[cfg(unix)]
fn address_space(system: &mut System) -> Option<u64> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok().filter(|(limit, _)| *limit != RLIM_INFINITY)?;
    let own = sysinfo::get_current_pid().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[own]),
        false,
        ProcessRefreshKind::nothing().with_memory(),
    );
    Some(limit.saturating_sub(system.process(own)?.virtual_memory()))
}

#[cfg(not(unix))]
fn address_space(_: &mut System) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_without_wrapping() {
        assert_eq!(elements(&[]), Ok(1));
        assert_eq!(elements(&[3, 0, 1 << 40]), Ok(0));
        assert_eq!(elements(&[1 << 20, 1 << 20]), Ok(MOST_ELEMENTS));
        let error = elements(&[4_194_304, 4_194_304, 4_194_304]).unwrap_err().to_string();
        assert_eq!(error, "73786976294838206464 elements, and a tensor has at most 1099511627776");
        assert_eq!(elements(&[usize::MAX; 4]), Err(TooLarge::Elements { found: u128::MAX }));
    }

    #[test]
    fn more_than_there_is_is_refused_with_both_numbers() {
        assert_eq!(check(SMALL), Ok(()));
        let error = check(1 << 50).unwrap_err().to_string();
        assert!(error.starts_with("1048576 GiB of this machine's memory are needed, and "), "{error}");
        assert!(error.ends_with("iB are free"), "{error}");
    }
}
