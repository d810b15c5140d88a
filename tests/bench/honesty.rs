//! Is `compare` honest? Equal jobs must not be called different, and longer work must be called slower.
//!
//! Runs the manifests of `honesty/` in Chromium and Firefox by the real program, which takes some minutes, counts the
//! verdicts, and fails where there are too many wrong ones: `cargo bench --bench honesty`, on a machine that does nothing
//! else. The runs stay under `target/tmp/honesty` for a closer look.

#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;

/// Of 40 pairs of equal jobs, how many may be called different.
const MOST_FALSE: usize = 3;
/// Of 20 pairs that differ by 5 %, how many must be called slower.
const LEAST_SLOWER: usize = 18;
/// Of 20 pairs that differ by 2 %, how many must be called slower, or undecided.
const LEAST_NOT_SAME: usize = 12;

/// The verdicts on the pairs of one effect in one browser.
#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<String, usize>,
    ratios: Vec<f64>,
    /// Mean width of the intervals of the ratio, as a sum.
    widths: f64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("honesty");
    // Of an earlier run, if there was one.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let mut tallies: BTreeMap<(&str, String), Tally> = BTreeMap::new();
    for (manifest, axis) in [("equal", "twin"), ("longer", "k")] {
        for row in compared(&measured(manifest, &folder)?, axis)? {
            let effect = match row["new"].as_str().unwrap_or_default() {
                "1632" => "2 % longer",
                "1680" => "5 % longer",
                _ => "equal",
            };
            let browser = row["job"].as_str().unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
            let tally = tallies.entry((effect, browser)).or_default();
            *tally.verdicts.entry(row["verdict"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            tally.ratios.extend(row["ratio"].as_f64());
            tally.widths +=
                row["ratio_high"].as_f64().unwrap_or(f64::NAN) - row["ratio_low"].as_f64().unwrap_or(f64::NAN);
        }
    }
    Ok(if told(&mut tallies) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a manifest; its run folder.
fn measured(manifest: &str, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let out = folder.join(manifest);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/honesty").join(manifest).with_extension("toml");
    let mut run = Command::new(env!("CARGO_BIN_EXE_gpujobs"));
    // Its closing table is of no use here, its progress is.
    let status = run.arg("run").arg(path).arg("--out").arg(&out).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(format!("`gpujobs run` of {manifest}.toml: {status}").into());
    }
    let entry = std::fs::read_dir(&out)?.next().ok_or("no run folder")??;
    Ok(entry.path())
}

/// What `compare` says of a run's pairs.
fn compared(run: &Path, axis: &str) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut compare = Command::new(env!("CARGO_BIN_EXE_gpujobs"));
    let output = compare.arg("compare").arg(run).args(["--by", axis, "--format", "json"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Prints the table and the rules; whether all of them hold.
fn told(tallies: &mut BTreeMap<(&str, String), Tally>) -> bool {
    let names = ["faster", "slower", "same", "undecided", "refused"];
    println!(
        "| effect     | browser | pairs | faster | slower | same | undecided | refused | median ratio | mean width |"
    );
    println!(
        "|------------|---------|-------|--------|--------|------|-----------|---------|--------------|------------|"
    );
    for ((effect, browser), tally) in &mut *tallies {
        tally.ratios.sort_by(f64::total_cmp);
        let median = tally.ratios.get(tally.ratios.len() / 2).copied().unwrap_or(f64::NAN);
        let [faster, slower, same, undecided, refused] =
            names.map(|name| tally.verdicts.get(name).copied().unwrap_or(0));
        let pairs: usize = tally.verdicts.values().sum();
        let width = tally.widths / pairs as f64;
        println!(
            "| {effect:<10} | {browser:<7} | {pairs:>5} | {faster:>6} | {slower:>6} | {same:>4} | {undecided:>9} \
             | {refused:>7} | {median:>12.4} | {width:>10.4} |"
        );
    }
    let count = |effect: &str, name: &str| -> usize {
        let of_effect = tallies.iter().filter(|((this, _), _)| *this == effect);
        of_effect.filter_map(|(_, tally)| tally.verdicts.get(name)).sum()
    };
    let wrong = count("equal", "faster") + count("equal", "slower");
    let seen = count("5 % longer", "slower");
    let (backwards, small) = (count("2 % longer", "faster"), count("2 % longer", "slower"));
    let not_same = small + count("2 % longer", "undecided");
    let rules = [
        (wrong <= MOST_FALSE, format!("equal jobs called different: {wrong}, at most {MOST_FALSE} of 40")),
        (seen >= LEAST_SLOWER, format!("5 % called slower: {seen}, at least {LEAST_SLOWER} of 20")),
        (backwards == 0, format!("2 % called faster: {backwards}, never")),
        (
            not_same >= LEAST_NOT_SAME,
            format!("2 % called slower ({small}) or undecided: {not_same}, at least {LEAST_NOT_SAME} of 20"),
        ),
    ];
    for (held, rule) in &rules {
        println!("{} {rule}", if *held { "ok    " } else { "FAILED" });
    }
    rules.iter().all(|(held, _)| *held)
}
