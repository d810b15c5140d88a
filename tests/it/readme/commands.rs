//! Commands: those that a reader runs are run, the others are looked at.

use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use gpujobs::cli::Cli;

use super::{Block, blocks, root};
use crate::support::hub::FakeHub;

/// A folder that looks like the checkout to a command.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("results")).unwrap();
    for name in [".github", "manifests", "shaders", "templates", "tests", "results/h100", "results/h200"] {
        std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// What each command is shortened with here: that it works is asked, not how long anything takes. Where a block compares,
/// there are as many rounds and makings as an interval needs. Models are smaller, sessions are shared that manifests want
/// cold, one browser or one shape stands for all, and the form is tuned that compiles fast; the winners of the tiled one are
/// those of `tuning`.
const SHORTER: [(&str, &str); 6] = [
    (
        "run manifests/audio.toml",
        "measure.samples=1 matrix.cache=warm matrix.shader_precompilation=true matrix.workgroup_size=[64,1,1] \
         model.whisper-tiny-encoder.params.seconds=0.1",
    ),
    ("run mine.toml", "matrix.browser=chrome measure.samples=6 measure.rounds=6 measure.instances=1"),
    ("run manifests/text.toml", "measure.samples=3 measure.rounds=1 measure.instances=1"),
    (
        "run manifests/clip.toml",
        "measure.samples=6 measure.rounds=6 measure.instances=6 model.clip.params.layers=1 model.clip.params.vocab=400",
    ),
    (
        "tune manifests/tune.toml",
        "matrix.browser=chrome matrix.model=matmul tune.evaluations=6 tune.parameters.form=direct measure.samples=6",
    ),
    ("run manifests/smoke.toml --out", "measure.samples=6 measure.rounds=6 measure.instances=1"),
];

/// A command as it is run here: by this very binary instead of one that cargo builds, as the tests are running already.
fn here(command: &str) -> String {
    let mut here = command
        .replace("cargo run --release -- ", "gpujobs ")
        .replace("cargo run -- ", "gpujobs ")
        .replace("&& cargo test", "");
    assert!(!here.contains("cargo"), "{here}");
    for (_, sets) in SHORTER.iter().filter(|(run, _)| command.contains(run)) {
        here.extend(sets.split(' ').map(|set| format!(" --set {set}")));
    }
    here
}

/// The commands of a block without their comments, those of several lines joined.
fn commands(block: &Block) -> Vec<String> {
    let text = block.text.replace("\\\n", " ");
    let commands = text.lines().map(|line| line.split(" #").next().unwrap().trim());
    commands.filter(|command| !command.is_empty() && !command.starts_with('#')).map(str::to_owned).collect()
}

/// A shell in this folder, for which `gpujobs` is this build.
fn shell(folder: &Path, command: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_gpujobs")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder);
    shell.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    shell.env("GPUJOBS_MODELS", folder.join("store")).env("GPUJOBS_LIBRARIES", root().join("node_modules"));
    shell
}

/// Runs the commands of a block one after the other, as a reader would.
fn run_block(block: &Block) {
    let _turn = crate::support::browser_turn();
    let folder = checkout();
    let hub = FakeHub::tiny();
    for command in commands(block) {
        let output = shell(folder.path(), &here(&command)).env("HF_ENDPOINT", &hub.url).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: `{command}` ended with {}:\n{told}", block.place(), output.status);
    }
}

/// One command follows from another within a block only.
#[test]
fn every_command_runs() {
    let blocks = blocks(&["sh"]);
    let commands: usize = blocks.iter().map(|block| commands(block).len()).sum();
    assert!(commands >= 15, "{commands}");
    for (run, _) in SHORTER {
        assert!(blocks.iter().any(|block| block.text.contains(run)), "no command is `{run}`");
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = blocks.iter().map(|block| scope.spawn(|| run_block(block))).collect();
        for block in running {
            if let Err(panic) = block.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// What begins a command that no test can run: it would build the project anew, change the machine, or take hours on a GPU.
const ELSEWHERE: [&str; 10] =
    ["gpujobs", "cargo", "rustup", "npx", "python3", "cp", "export", "unshare", ".ci/run", "tests/fuzz/run"];

/// Options of `run` and `tune` that `plan` doesn't have, with their values.
const NOT_OF_PLAN: [(&str, usize); 5] =
    [("--require-hardware", 0), ("--exhaustive", 0), ("--out", 1), ("--format", 1), ("--machine", 1)];

/// The words of a command as a shell splits it, quotes and blanks being all that it knows.
fn words(command: &str) -> Vec<String> {
    let mut quoted = false;
    let split = command.split(|letter| {
        quoted ^= letter == '\'';
        !quoted && letter == ' '
    });
    split.filter(|word| !word.is_empty()).map(|word| word.replace('\'', "")).collect()
}

/// The command that lists the jobs which a `run` or `tune` would have.
fn as_plan(words: &[String]) -> Vec<String> {
    let mut plan = vec!["plan".to_owned()];
    let mut rest = words[2..].iter();
    while let Some(word) = rest.next() {
        match NOT_OF_PLAN.iter().find(|(option, _)| option == word) {
            Some((_, values)) => drop(rest.by_ref().take(*values).count()),
            None => plan.push(word.clone()),
        }
    }
    plan
}

/// What is wrong with a command of `gpujobs`.
fn fault_of_gpujobs(folder: &Path, words: &[String]) -> Option<String> {
    if let Err(error) = Cli::try_parse_from(words) {
        return Some(error.to_string());
    }
    if !["run", "tune"].contains(&words[1].as_str()) {
        return None;
    }
    let plan = as_plan(words).iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let output = shell(folder, &format!("gpujobs {plan}")).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What is wrong with a command of cargo: it names a target or a test that is not there.
fn fault_of_cargo(words: &[String]) -> Option<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let targets = words.windows(2).filter(|pair| ["--test", "--bench"].contains(&pair[0].as_str()));
    for target in targets.map(|pair| &pair[1]) {
        if !manifest.contains(&format!("name = \"{target}\"")) {
            return Some(format!("Cargo.toml has no target {target}"));
        }
    }
    let filter = words.last().filter(|word| words[1] == "test" && words.len() > 2 && !word.starts_with('-'))?;
    let known = ["tests/it", "src"].iter().any(|folder| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).any(|name| name.to_string_lossy().contains(filter.as_str()))
    });
    (!known).then(|| format!("no test is in a file or folder {filter}"))
}

#[test]
fn every_command_that_is_not_run_could_be() {
    let folder = checkout();
    let blocks = blocks(&["console"]);
    assert!(blocks.len() > 5);
    let mut faults = Vec::new();
    for block in &blocks {
        for command in commands(block) {
            let mut words = words(&command);
            while words[0].contains('=') {
                words.remove(0);
            }
            assert!(ELSEWHERE.contains(&words[0].as_str()), "{}: `{command}` is to be an `sh` block", block.place());
            let ours =
                |word: &&String| ["tests/", "manifests/", "results/h"].iter().any(|folder| word.starts_with(folder));
            let missing = words.iter().filter(ours).find(|word| !root().join(word).exists());
            let fault = match (missing, words[0].as_str()) {
                (Some(missing), _) => Some(format!("there is no {missing}")),
                (None, "gpujobs") => fault_of_gpujobs(folder.path(), &words),
                (None, "cargo") => fault_of_cargo(&words),
                (None, _) => None,
            };
            faults.extend(fault.map(|fault| format!("{}: `{command}`: {fault}", block.place())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
