//! Shards in a real browser: four of them, one of which was killed and resumed, are one whole run.
//!
//! Needs Chromium with its driver (`gpujobs setup`); a missing one fails its test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::support::browser_turn;
use crate::support::traces;
use crate::support::workshop::{Row, Workshop, rows};

const MANIFEST: &str = "name = 'parts'\n[matrix]\nbrowser = 'chrome'\nmodel = ['axpy', 'copy', 'softmax', 'matmul']\n\
    workgroup_size = [[64, 1, 1], [32, 1, 1]]\n[model.copy]\nparams = { n = 4096 }\n\
    [model.softmax]\nparams = { rows = 8, columns = 64 }\n[model.matmul]\nparams = { m = 16, n = 16, k = 16 }\n\
    [measure]\nwarmup = 1\nsamples = 4\nrounds = 2\ninstances = 1\niterations = 1\nfallback = []\nretries = 0\n";

/// Runs and gives the folder.
fn run(shop: &Workshop, arguments: &[&str]) -> PathBuf {
    let ended = shop.gpujobs(&[&["run", "m.toml", "--quiet"], arguments].concat()).expect(0);
    traces::assert_none(shop);
    let out = arguments.iter().skip_while(|argument| **argument != "--out").nth(1).unwrap();
    let mut folders: Vec<PathBuf> = fs::read_dir(shop.path(out)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?} {}", ended.stderr);
    folders.remove(0)
}

/// What two runs of one job have in common: no times, no bytes that the browser's memory takes, nothing of the machine's state.
fn lasting(row: &Row) -> BTreeMap<&str, &str> {
    const PASSING: [&str; 8] = ["_ms", "_us", "_ns", "_percent", "_bytes", "_per_s", "_load", "_at"];
    const NAMED: [&str; 5] = ["run_id", "warmup", "warnings", "gflops", "gpu_buffers_per_inference"];
    let lasting = |name: &str| !PASSING.iter().any(|end| name.ends_with(end)) && !NAMED.contains(&name);
    row.iter().filter(|(name, _)| lasting(name)).map(|(name, cell)| (name.as_str(), cell.as_str())).collect()
}

#[test]
fn shards_are_the_whole_run() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    shop.write("m.toml", MANIFEST);
    let whole = run(&shop, &["--out", "whole", "--machine", "here"]);
    let names: Vec<String> = (1..=4).map(|number| format!("{number}/4")).collect();
    let shards: Vec<PathBuf> = names
        .iter()
        .map(|name| run(&shop, &["--shard", name, "--out", &name.replace('/', "-of-"), "--machine", "here"]))
        .collect();
    let planned = shop.gpujobs(&["plan", "m.toml", "--shard", "2/4", "--format", "json"]).expect(0).stdout;
    let planned: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_str(&planned).unwrap();
    let planned: BTreeSet<&str> = planned.iter().map(|job| job["id"].as_str().unwrap()).collect();
    let second = rows(&shards[1].join("jobs.csv"));
    assert_eq!(second.iter().map(|row| row["job_id"].as_str()).collect::<BTreeSet<_>>(), planned);
    let table = shop.gpujobs(&["plan", "m.toml", "--shard", "2/4"]).expect(0).stdout;
    assert!(table.contains("shard 2/4 of 8 jobs"), "{table}");

    // The last job of one is lost, and measured again: neither its shard nor its machine is named again.
    let path = shards[2].join("jobs.csv");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&path, lines[..lines.len() - 1].join("\r\n") + "\r\n").unwrap();
    let folder = shards[2].to_str().unwrap();
    let folders: Vec<&str> = shards.iter().map(|shard| shard.to_str().unwrap()).collect();
    let merge = [&["merge", "-o", "all"], &folders[..]].concat();
    let refused = shop.gpujobs(&merge).expect(2).stderr;
    assert!(refused.contains("is unfinished: found 1 of its 2 jobs"), "{refused}");
    let refused = shop.gpujobs(&["run", "m.toml", "--resume", folder, "--shard", "1/4"]).expect(2).stderr;
    assert!(refused.contains("is shard 3/4, expected the 1/4 of --shard"), "{refused}");
    let refused = shop.gpujobs(&["run", "m.toml", "--resume", folder, "--filter", "model!=copy"]).expect(2).stderr;
    assert!(refused.contains("--shard 3/4: the jobs of m.toml are no more than 3"), "{refused}");
    let some = "id!=*copy*32x1x1*";
    let refused = shop.gpujobs(&["run", "m.toml", "--resume", folder, "--filter", some]).expect(2).stderr;
    assert!(refused.contains("is a shard of other jobs than these"), "{refused}");
    shop.gpujobs(&["run", "m.toml", "--quiet", "--resume", folder]).expect(0);
    traces::assert_none(&shop);

    shop.gpujobs(&merge).expect(0);
    let (found, expected) = (rows(&shop.path("all/jobs.csv")), rows(&whole.join("jobs.csv")));
    assert!(found.iter().all(|row| row["status"] == "ok" && row["verified"] == "true"), "{found:#?}");
    assert!(found.is_sorted_by_key(|row| row["job_number"].parse::<usize>().unwrap()));
    let by_id = |rows: &[Row]| -> BTreeMap<String, String> {
        rows.iter().map(|row| (row["job_id"].clone(), format!("{:#?}", lasting(row)))).collect()
    };
    let (mut found, mut expected) = (by_id(&found), by_id(&expected));
    // What was measured again alone had nobody to take turns with.
    let again = lines.last().unwrap().split(',').nth(1).unwrap();
    assert!(found.remove(again).is_some() && expected.remove(again).is_some(), "{again}");
    assert_eq!(found, expected);

    // A shard is repeated as that shard, a merged run as a whole.
    let jobs = |from: &str| {
        let told = shop.gpujobs(&["plan", "--from", from, "--format", "json"]).expect(0).stdout;
        serde_json::from_str::<serde_json::Value>(&told).unwrap().as_array().unwrap().len()
    };
    assert_eq!((jobs(folder), jobs("all")), (2, 8));
}
