//! Runs that are interrupted, and drivers, pages and GPU processes that are killed in the middle of a job.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::process::Child;

use nix::sys::signal::Signal;

use crate::faults::broken;
use crate::support::browser_turn;
use crate::support::traces;
use crate::support::workshop::{Workshop, ended};

/// How a sample of the engine `wgsl` begins.
const A_SAMPLE: &str = "  await keepBusy(run);\n  spoil(job, run);\n";

/// Three jobs of some seconds each.
pub(crate) fn long(browser: &str, retries: u32) -> String {
    format!(
        "name = 'long'\n[matrix]\nbrowser = '{browser}'\nmodel = 'axpy'\n\
         workgroup_size = [[64, 1, 1], [32, 1, 1], [16, 1, 1]]\n\
         [measure]\nwarmup = 0\nsamples = 300\nrounds = 1\nretries = {retries}\nfallback = []\n"
    )
}

/// Starts a run and waits until its first job is on disk; the second one runs by then.
pub(crate) fn in_the_second_job(shop: &Workshop, manifest: &str) -> Child {
    shop.write("m.toml", manifest);
    let mut child = shop.command(&["run", "m.toml", "--out", "out"]).spawn().unwrap();
    shop.wait_for(&mut child, "jobs.csv", "/64x1x1/");
    child
}

/// Kills the driver of a run, and not the shell that stands before it.
fn kill_driver(shop: &Workshop, name: &str) {
    kill(shop, |line| line.split(' ').next().is_some_and(|program| program.ends_with(name)));
}

/// Kills the processes of a run whose command line holds `mark`.
fn kill_marked(shop: &Workshop, mark: &str) {
    kill(shop, |line| line.contains(mark));
}

/// Kills the processes of a run by their command lines.
fn kill(shop: &Workshop, is_meant: impl Fn(&str) -> bool) {
    let all = traces::processes(&shop.path("tmp"));
    let marked: Vec<u32> = all.into_iter().filter(|id| is_meant(&traces::command_line(*id))).collect();
    assert!(!marked.is_empty(), "there is no such process");
    for id in marked {
        traces::signal(id, Signal::SIGKILL);
    }
}

#[test]
fn a_job_whose_driver_is_killed_is_tried_again() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let child = in_the_second_job(&shop, &long("chrome", 1));
    kill_driver(&shop, "chromedriver");
    let ended = ended(child).expect(0);
    assert_eq!(shop.column("status"), ["ok", "ok", "ok"]);
    assert_eq!(shop.column("attempts"), ["1", "2", "1"]);
    assert!(ended.stderr.contains("trying again: chromedriver died (signal: 9 (SIGKILL))"), "{}", ended.stderr);
    // No sample of the lost try is kept.
    assert_eq!(shop.samples().iter().filter(|sample| sample["kind"] == "steady").count(), 3 * 300);
    traces::assert_none(&shop);
}

#[test]
fn a_job_whose_driver_is_killed_without_retries_fails_and_later_jobs_run() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let child = in_the_second_job(&shop, &long("firefox", 0));
    kill_driver(&shop, "geckodriver");
    ended(child).expect(1);
    assert_eq!(shop.column("status"), ["ok", "failed", "ok"]);
    let reason = &shop.column("reason")[1];
    assert!(reason.contains("geckodriver died (signal: 9 (SIGKILL))"), "{reason}");
    traces::assert_none(&shop);
}

#[test]
fn a_job_whose_page_is_killed_is_tried_again() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let child = in_the_second_job(&shop, &long("chrome", 1));
    kill_marked(&shop, "--type=renderer");
    let ended = ended(child).expect(0);
    assert_eq!(shop.column("status"), ["ok", "ok", "ok"]);
    assert_eq!(shop.column("attempts"), ["1", "2", "1"]);
    assert!(ended.stderr.contains("trying again: "), "{}", ended.stderr);
    traces::assert_none(&shop);
}

#[test]
fn a_job_whose_gpu_process_is_killed_is_tried_again() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    // The second job says that it has its device and its samples, and waits for the kill; a try made again does not.
    let held = "  if (job.number === 2 && how.kind === 'steady' && (globalThis.taken = (globalThis.taken ?? 0) + 1) === 3) {\n\
                \x20   console.log('the third sample waits');\n    await new Promise(() => {});\n  }\n";
    shop.write(
        "own/harness/engine_wgsl.js",
        &broken("templates/harness/engine_wgsl.js", A_SAMPLE, &format!("{held}{A_SAMPLE}")),
    );
    shop.write("m.toml", &long("chrome", 1));
    let mut child = shop.command(&["run", "m.toml", "--out", "out", "--templates", "own"]).spawn().unwrap();
    shop.wait_for(&mut child, "logs/chrome.log", "the third sample waits");
    kill_marked(&shop, "--type=gpu-process");
    let ended = ended(child).expect(0);
    assert_eq!(shop.column("status"), ["ok", "ok", "ok"]);
    assert_eq!(shop.column("attempts"), ["1", "2", "1"], "{}", ended.stderr);
    assert!(ended.stderr.contains("trying again: the GPU device was lost"), "{}", ended.stderr);
    traces::assert_none(&shop);
}

/// The device of the first job's first try goes away under its third steady sample, as it does where a driver resets.
fn a_device_goes_away(browser: &str) {
    let shop = Workshop::new();
    let tamper = |file: &str, from: &str, to: &str| {
        shop.write(&format!("own/harness/{file}"), &broken(&format!("templates/harness/{file}"), from, to));
    };
    // A try that is made again has another number.
    let gone = "  if (job.number === 1 && how.kind === 'steady' && (globalThis.taken = (globalThis.taken ?? 0) + 1) === 3) \
                device.destroy();\n";
    tamper("engine_wgsl.js", A_SAMPLE, &format!("{gone}{A_SAMPLE}"));
    // What a page destroys itself is no loss otherwise.
    tamper("device.js", "info.reason !== \"destroyed\"", "true");
    let manifest = format!(
        "name = 'gone'\n[matrix]\nbrowser = '{browser}'\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [32, 1, 1]]\n\
         [measure]\nwarmup = 0\nsamples = 6\nrounds = 1\nretries = RETRIES\nfallback = []\n"
    );
    let ended = shop.run(&manifest.replace("RETRIES", "1"), &["--templates", "own"]).expect(0);
    assert_eq!(shop.column("status"), ["ok", "ok"]);
    assert_eq!(shop.column("attempts"), ["2", "1"]);
    assert!(ended.stderr.contains("trying again: the GPU device was lost"), "{}", ended.stderr);
    assert_eq!(shop.samples().iter().filter(|sample| sample["kind"] == "steady").count(), 2 * 6);

    std::fs::remove_dir_all(shop.path("out")).unwrap();
    shop.run(&manifest.replace("RETRIES", "0"), &["--templates", "own"]).expect(1);
    assert_eq!(shop.column("status"), ["failed", "ok"]);
    let reason = &shop.column("reason")[0];
    assert!(reason.contains("the GPU device was lost"), "{reason}");
}

#[test]
fn a_job_whose_device_is_lost_in_chromium_is_tried_again() {
    a_device_goes_away("chrome");
}

#[test]
fn a_job_whose_device_is_lost_in_firefox_is_tried_again() {
    a_device_goes_away("firefox");
}

/// Interrupts a run: what was measured is kept, and nothing else is left.
fn interrupted(browser: &str, signal: Signal) {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let child = in_the_second_job(&shop, &long(browser, 1));
    let groups = traces::groups(&shop.path("tmp"));
    assert!(groups.len() >= 3, "gpujobs, its watchdog and a driver: {groups:?}");
    let own = traces::group(std::process::id()).unwrap();
    let others: Vec<u32> = groups.into_iter().filter(|group| *group != own).collect();
    traces::signal(child.id(), signal);
    let ended = ended(child);
    traces::assert_none_of(&shop, &others);
    assert_eq!(shop.column("status")[0], "ok");
    assert!(shop.jobs().len() < 3);
    if signal == Signal::SIGKILL {
        assert_eq!(ended.code, None);
    } else {
        let ended = ended.expect(130);
        assert!(ended.stderr.contains("stopping;") && ended.stderr.contains("--resume out/long-"), "{}", ended.stderr);
        assert!(ended.stdout.contains("ok"), "{}", ended.stdout);
    }
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_leaves_nothing_else() {
    interrupted("chrome", Signal::SIGINT);
}

#[test]
fn sigterm_keeps_what_was_measured_and_leaves_nothing_else() {
    interrupted("firefox", Signal::SIGTERM);
}

#[test]
fn sigkill_keeps_what_was_measured_and_the_watchdog_leaves_nothing_else() {
    interrupted("chrome", Signal::SIGKILL);
    interrupted("firefox", Signal::SIGKILL);
}

/// Kills gpujobs and its watchdog at once, as `pkill -9 -f` with a broad pattern does: what the system can end ends with
/// them, and the folder goes with the next run.
fn nothing_survives_both(shop: &Workshop, child: Child) {
    let tmp = shop.path("tmp");
    let groups = traces::groups(&tmp);
    let own = traces::group(std::process::id()).unwrap();
    let others: Vec<u32> = groups.into_iter().filter(|group| *group != own).collect();
    let watchdog = watchdog_of(shop);
    traces::signal(watchdog, Signal::SIGSTOP);
    traces::signal(child.id(), Signal::SIGKILL);
    traces::signal(watchdog, Signal::SIGKILL);
    assert_eq!(ended(child).code, None);
    traces::wait_until_ended(shop, &others);
    assert!(std::fs::read_dir(&tmp).unwrap().next().is_some(), "the folder is still there");
    sweeps(shop);
    traces::assert_none_of(shop, &others);
}

/// A run whose driver ends at once: all that a next run has to do. Its watchdog, which sweeps, outlives it: waits for that too.
fn sweeps(shop: &Workshop) {
    let none = format!("{}[browser.chrome]\ndriver = '/bin/false'\n", long("chrome", 0));
    shop.write("next.toml", &none);
    shop.gpujobs(&["run", "next.toml", "--out", "next"]);
    traces::wait_until_ended(shop, &[]);
}

/// The watchdog of the run in a workshop, once it is out of reach: its name is the last thing that it changes.
fn watchdog_of(shop: &Workshop) -> u32 {
    let all = traces::processes(&shop.path("tmp"));
    let found: Vec<u32> =
        all.into_iter().filter(|id| traces::command_line(*id).starts_with("browser-watch ")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let name = || std::fs::read_to_string(format!("/proc/{}/comm", found[0])).ok();
    traces::wait_for(|| name().filter(|name| name == "browser-watch\n"));
    found[0]
}

#[test]
fn sigkill_of_gpujobs_and_its_watchdog_leaves_nothing_in_the_end() {
    let _turn = browser_turn();
    for browser in ["chrome", "firefox"] {
        let shop = Workshop::new();
        let child = in_the_second_job(&shop, &long(browser, 1));
        nothing_survives_both(&shop, child);
    }
}

/// The driver has started its browser and knows no session yet: it has to end the one all the same, with nobody left who
/// reads what it says of that.
#[test]
fn sigkill_of_both_while_a_browser_starts_leaves_nothing_in_the_end() {
    let _turn = browser_turn();
    for (browser, mark) in [("chrome", "--type=zygote"), ("firefox", "--marionette")] {
        let shop = Workshop::new();
        shop.write("m.toml", &long(browser, 1));
        let child = shop.command(&["run", "m.toml", "--out", "out"]).spawn().unwrap();
        let tmp = shop.path("tmp");
        let starts = |id: &u32| traces::command_line(*id).contains(mark);
        traces::wait_for(|| traces::processes(&tmp).iter().find(|id| starts(id)).copied());
        nothing_survives_both(&shop, child);
    }
}

#[test]
fn a_driver_that_outlives_everything_is_ended_by_the_next_run() {
    let shop = Workshop::new();
    // It takes commands and answers none, heeds no signal that can be heeded, and neither does its child.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stubborn = format!(
        "#!/bin/sh\ntrap '' TERM INT HUP\necho ChromeDriver was started successfully on port {}.\nsleep 600\n",
        deaf.local_addr().unwrap().port()
    );
    let driver = shop.write("chromedriver", &stubborn);
    std::fs::set_permissions(&driver, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let manifest = format!("{}[browser.chrome]\ndriver = '{1}'\nbinary = '{1}'\n", long("chrome", 0), driver.display());
    shop.write("m.toml", &manifest);
    let child = shop.command(&["run", "m.toml", "--out", "out"]).spawn().unwrap();
    let tmp = shop.path("tmp");
    let survivors = traces::wait_for(|| {
        let all = traces::processes(&tmp).into_iter();
        let sleeping: Vec<u32> = all.filter(|id| traces::command_line(*id).starts_with("sleep 600")).collect();
        (!sleeping.is_empty()).then_some(sleeping)
    });
    let watchdog = watchdog_of(&shop);
    // What a terminal or a service manager sends to all of them does not end the one that cleans up.
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        traces::signal(watchdog, signal);
    }
    assert_eq!(std::fs::read_to_string(format!("/proc/{watchdog}/comm")).unwrap(), "browser-watch\n", "it lives");
    assert_eq!(traces::group(watchdog), Some(watchdog), "a session of its own");
    traces::signal(watchdog, Signal::SIGSTOP);
    traces::signal(child.id(), Signal::SIGKILL);
    traces::signal(watchdog, Signal::SIGKILL);
    assert_eq!(ended(child).code, None);
    assert!(survivors.iter().all(|id| traces::command_line(*id).starts_with("sleep 600")));
    // What somebody else put there, a folder that is in use and a link are not touched.
    std::fs::create_dir(tmp.join("gpujobs-theirs")).unwrap();
    std::fs::create_dir(shop.path("elsewhere")).unwrap();
    std::fs::write(shop.path("elsewhere/gpujobs.owner"), "").unwrap();
    std::os::unix::fs::symlink(shop.path("elsewhere"), tmp.join("gpujobs-link")).unwrap();
    std::fs::create_dir(tmp.join("gpujobs-living")).unwrap();
    let living = std::fs::File::create(tmp.join("gpujobs-living/gpujobs.owner")).unwrap();
    living.lock().unwrap();
    sweeps(&shop);
    assert!(survivors.iter().all(|id| traces::command_line(*id).is_empty()), "{survivors:?}");
    let mut left: Vec<_> = std::fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["gpujobs-link", "gpujobs-living", "gpujobs-theirs"]);
    assert!(shop.path("elsewhere/gpujobs.owner").exists());
    drop(living);
}

/// The first line of an owner's file, of an owner in this boot of this machine.
fn here() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    format!("{} {}", boot.trim(), std::fs::read_link("/proc/self/ns/pid").unwrap().display())
}

#[test]
fn a_folder_of_another_machine_or_of_a_living_group_is_not_swept() {
    let shop = Workshop::new();
    let abandon = |name: &str, place: &str, group: u32| {
        let folder = shop.path("tmp").join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("profile"), "").unwrap();
        std::fs::write(folder.join("gpujobs.owner"), format!("{place}\n{group}\n")).unwrap();
    };
    // It doesn't name the folder where that can be read.
    let mut command = std::process::Command::new("sleep");
    let mut living = std::os::unix::process::CommandExt::process_group(command.arg("600"), 0).spawn().unwrap();
    let [boot, numbers] = [0, 1].map(|at| here().split(' ').nth(at).unwrap().to_owned());
    abandon("gpujobs-dead", &here(), 0);
    abandon("gpujobs-busy", &here(), living.id());
    abandon("gpujobs-host", &format!("00000000-0000-4000-8000-000000000000 {numbers}"), 0);
    abandon("gpujobs-room", &format!("{boot} pid:[1]"), 0);
    let left = || {
        let entries = std::fs::read_dir(shop.path("tmp")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    sweeps(&shop);
    assert_eq!(left(), ["gpujobs-busy", "gpujobs-host", "gpujobs-room"]);
    assert!(shop.path("tmp/gpujobs-busy/profile").exists() && living.try_wait().unwrap().is_none());
    living.kill().unwrap();
    living.wait().unwrap();
    sweeps(&shop);
    assert_eq!(left(), ["gpujobs-host", "gpujobs-room"]);
}

#[test]
fn a_watchdog_that_is_killed_in_the_middle_is_started_anew() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let mut child = in_the_second_job(&shop, &long("chrome", 0).replace("'axpy'\n", "'axpy'\ncache = 'cold'\n"));
    let first = watchdog_of(&shop);
    traces::signal(first, Signal::SIGKILL);
    let second = traces::wait_for(|| {
        let all = traces::processes(&shop.path("tmp")).into_iter();
        all.filter(|id| *id != first).find(|id| traces::command_line(*id).starts_with("browser-watch "))
    });
    // Each job of a cold run has a driver and a folder of its own, which the new one has to know.
    shop.wait_for(&mut child, "jobs.csv", "/32x1x1/");
    assert_eq!(watchdog_of(&shop), second);
    traces::signal(child.id(), Signal::SIGKILL);
    ended(child);
    traces::assert_none(&shop);
    assert_eq!(shop.column("status"), ["ok", "ok"]);
}
