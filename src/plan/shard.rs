//! A shard is one of several parts of a plan that run by themselves, on one machine or on many: `--shard 2/4`.
//!
//! Jobs that may take turns stay together, in blocks that `run` makes. What comes out follows from manifest and filter alone, so
//! that machines which never heard of each other run parts that fit together; `record`'s merge makes one run of them again.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Job, Plan};

/// Which part of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a part of a whole like 2/4, found {text:?}");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let number_of = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with('+'));
        let (number, of) = number_of(number).zip(number_of(of)).ok_or_else(wrong)?;
        if number == 0 || number > of {
            return Err(format!("the shards of {of} are 1/{of} to {of}/{of}, found {text:?}"));
        }
        Ok(Self { number, of })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What a plan is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardPart {
    /// Which part.
    pub shard: Shard,
    /// The jobs of all shards together.
    pub jobs: usize,
    /// SHA-256 of which job is in which shard, the first 16 digits: parts with the same one fit together.
    pub division: String,
}

/// There are fewer blocks than shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyShards {
    /// The blocks.
    pub blocks: usize,
}

impl Plan {
    /// Keeps the jobs of one shard. `blocks` holds the positions of all jobs, those together that must not be parted; it is the
    /// same on every machine, and then so are the shards.
    ///
    /// The longest block goes first, each to the shard that has least so far, by what the estimate says a job takes at least.
    pub fn keep_shard(&mut self, shard: Shard, blocks: &[Vec<usize>]) -> Result<ShardPart, TooManyShards> {
        if blocks.len() < shard.of as usize {
            return Err(TooManyShards { blocks: blocks.len() });
        }
        let costs: Vec<Duration> =
            blocks.iter().map(|block| block.iter().map(|place| self.cost(&self.jobs[*place])).sum()).collect();
        let shards = balanced(&costs, shard.of);
        let mut of_job: HashMap<usize, (u32, usize)> = HashMap::new();
        for (place, (block, shard)) in blocks.iter().zip(&shards).enumerate() {
            of_job.extend(block.iter().map(|job| (*job, (*shard, place))));
        }
        let mut digest = Sha256::new();
        let jobs = self.jobs.len();
        let mut kept: Vec<Job> = Vec::new();
        for (place, mut job) in std::mem::take(&mut self.jobs).into_iter().enumerate() {
            let Some((number, block)) = of_job.get(&place) else { continue };
            digest.update(format!("{number}/{} {}\n", shard.of, job.id));
            if *number == shard.number {
                job.block = Some(*block);
                kept.push(job);
            }
        }
        self.jobs = kept;
        let first = digest.finalize().iter().take(8).fold(0, |digits, byte| digits << 8 | u64::from(*byte));
        let division = format!("{first:016x}");
        Ok(ShardPart { shard, jobs, division })
    }
}

/// For each cost the shard that it falls to, from 1; none is empty where there are as many costs as shards.
fn balanced(costs: &[Duration], shards: u32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(costs[*place]));
    let mut loads: Vec<(Duration, usize)> = vec![(Duration::ZERO, 0); shards as usize];
    let mut of = vec![0; costs.len()];
    for place in order {
        // Of equal loads the one with fewer blocks: blocks that cost nothing are spread too.
        let least = (0..loads.len()).min_by_key(|shard| loads[*shard]).unwrap_or(0);
        loads[least].0 = loads[least].0.saturating_add(costs[place]);
        loads[least].1 += 1;
        of[place] = u32::try_from(least).unwrap_or(u32::MAX - 1) + 1;
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_part_of_a_whole() {
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(Shard { number: 2, of: 4 }.to_string(), "2/4");
        for wrong in ["", "2", "0/4", "5/4", "2/4/6", "a/b", "-1/4", "+1/4", "1/0", "1/99999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_longest_go_first_and_no_shard_is_empty() {
        let seconds = |costs: &[u64]| costs.iter().map(|cost| Duration::from_secs(*cost)).collect::<Vec<_>>();
        assert_eq!(balanced(&seconds(&[1, 5, 2, 4]), 2), [1, 1, 2, 2]);
        assert_eq!(balanced(&seconds(&[0, 0, 0]), 3), [1, 2, 3]);
        assert_eq!(balanced(&seconds(&[3, 3, 3, 3]), 2), [1, 2, 1, 2]);
    }
}
