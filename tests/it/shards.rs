//! Shards: which part of a plan's jobs each has, and what a part is that is resumed or repeated.

use std::collections::BTreeSet;

use gpujobs::manifest::Manifest;
use gpujobs::plan::{Plan, Shard, ShardPart};
use gpujobs::run::blocks;

const MANIFEST: &str = "name = 'shards'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = ['axpy', 'copy']\n\
    cache = ['warm', 'cold']\n[axes]\nu = [1, 2, 3, 4, 5, 6, 7]\n[measure]\nrounds = 2\nfallback = []\n";

fn plan(text: &str) -> Plan {
    Plan::of(Manifest::parse("manifests/shards.toml".as_ref(), text.to_owned(), &[]).unwrap())
}

fn shard(text: &str, number: u32, of: u32) -> (Plan, ShardPart) {
    let mut plan = plan(text);
    let blocks = blocks(&plan);
    let part = plan.keep_shard(Shard { number, of }, &blocks).unwrap();
    (plan, part)
}

fn numbers(plan: &Plan) -> BTreeSet<usize> {
    plan.jobs.iter().map(|job| job.number).collect()
}

#[test]
fn shards_have_every_job_once_and_part_no_group() {
    let whole = plan(MANIFEST);
    for of in 1..=8 {
        let shards: Vec<(Plan, ShardPart)> = (1..=of).map(|number| shard(MANIFEST, number, of)).collect();
        let all: Vec<usize> = shards.iter().flat_map(|(plan, _)| numbers(plan)).collect();
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (56, 56));
        for (plan, part) in &shards {
            assert_eq!((part.jobs, &part.division), (56, &shards[0].1.division));
            assert!(plan.jobs.is_sorted_by_key(|job| job.number), "in the documented order");
        }
        for block in blocks(&whole) {
            let block: BTreeSet<usize> = block.into_iter().map(|place| whole.jobs[place].number).collect();
            let with = shards.iter().filter(|(plan, _)| !numbers(plan).is_disjoint(&block)).count();
            assert_eq!(with, 1, "{block:?} of {of} shards");
        }
    }
    assert_ne!(shard(MANIFEST, 1, 2).1.division, shard(MANIFEST, 1, 3).1.division);
}

#[test]
fn a_shard_takes_turns_in_the_groups_of_the_whole_plan() {
    let group = |plan: &Plan| -> BTreeSet<Vec<usize>> {
        let number = |block: Vec<usize>| block.into_iter().map(|place| plan.jobs[place].number).collect();
        blocks(plan).into_iter().map(number).collect()
    };
    let whole = group(&plan(MANIFEST));
    for of in [2, 3, 7] {
        let parts: BTreeSet<Vec<usize>> = (1..=of).flat_map(|number| group(&shard(MANIFEST, number, of).0)).collect();
        assert_eq!(parts, whole, "{of} shards");
    }
}

#[test]
fn shards_are_about_equally_long() {
    for of in 2..=6 {
        let least: Vec<_> = (1..=of).map(|number| shard(MANIFEST, number, of).0.estimate().least).collect();
        let (shortest, longest) = (least.iter().min().unwrap(), least.iter().max().unwrap());
        assert!(longest.as_secs_f64() < 1.5 * shortest.as_secs_f64(), "{least:?}");
    }
}

#[test]
fn there_are_no_more_shards_than_what_must_stay_together() {
    let text = MANIFEST.replace("['warm', 'cold']", "'warm'");
    let mut plan = plan(&text);
    let blocks = blocks(&plan);
    assert_eq!(blocks.iter().map(Vec::len).collect::<Vec<_>>(), [12, 2, 12, 2]);
    let error = plan.keep_shard(Shard { number: 1, of: 5 }, &blocks).unwrap_err();
    assert_eq!((error.blocks, plan.jobs.len()), (4, 28));
}
