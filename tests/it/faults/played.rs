//! Faults that stand-ins play against the real program: each is one clear row or message, the exit code that is documented, a
//! run that goes on, and nothing left behind.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::table::Part;
use crate::support::fake_browser::{FakeBrowser, FakePage, PageScript};
use crate::support::fake_driver::Fault as DriverFault;
use crate::support::traces;
use crate::support::workshop::{Ended, Workshop, ended};

/// A fault that is played here.
#[derive(Clone)]
pub(super) struct Fault {
    pub(super) part: Part,
    /// What happens, and when.
    pub(super) name: &'static str,
    driver: DriverFault,
    /// Shell commands before the driver listens.
    first: &'static str,
    page: PageScript,
    /// More of the manifest's `[measure]`.
    measure: &'static str,
    /// Shell commands around gpujobs, `"$@"`.
    around: &'static str,
    /// The status of the first job's row and what its reason says; "" where there is no row.
    row: [&'static str; 2],
    /// The status of the second job's row.
    next: &'static str,
    /// What stderr says.
    says: &'static str,
    code: i32,
    also: fn(&Workshop, &Ended),
}

/// A run in which nothing goes wrong but that its jobs can't run here.
const NONE: Fault = Fault {
    part: Part::Page,
    name: "",
    driver: DriverFault::None,
    first: "",
    page: |mut page| {
        page.hello();
        page.decline_the_rest();
    },
    measure: "",
    around: "exec \"$@\"",
    row: ["unsupported", "a later job"],
    next: "unsupported",
    says: "",
    code: 0,
    also: |_, _| (),
};

/// What a page does with its first job; the rest it declines.
fn in_the_first_job(mut page: FakePage, act: fn(&mut FakePage, &Value)) {
    page.hello();
    if let Some(command) = page.prepare() {
        if command["job"] == 1 {
            act(&mut page, &command);
        } else {
            page.say(&command["job"], "unsupported", json!({ "message": "a later job" }));
        }
        page.decline_the_rest();
    }
}

/// Of what the model writes: 1024 values of f32.
const WHOLE: usize = 4096;

/// A result that no page has given that posted nothing.
fn result() -> Value {
    let sample =
        json!({ "kind": "first", "wallMs": 0.01, "gpuMs": null, "atMs": 0.1, "iterations": 1, "hidden": false });
    json!({
        "adapter": null,
        "ran": {
            "runtime": "", "threads": null, "dispatches": 1, "context": "", "nodes": null, "onCpu": [],
        },
        "phases": {
            "deviceReadyMs": 0.01, "modelLoadMs": 0.01, "shaderCompileMs": 0.01, "firstInferenceMs": 0.01,
            "timeToFirstResultMs": 0.01,
        },
        "parts": [],
        "first": sample,
        "clocks": {
            "clockStepUs": 5, "timestampStepNs": null, "timestampDriftPercent": null, "emptySubmitMs": null,
            "emptySubmitRawMs": null,
        },
    })
}

/// Says how a post was answered, as the harness does.
fn say_answer(page: &mut FakePage, command: &Value, (status, body): (String, String)) {
    page.say(&command["job"], "failed", json!({ "message": format!("the runner answered {status}: {body}") }));
}

pub(super) const PAGES: &[Fault] = &[
    Fault {
        name: "a page that says what is no JSON",
        page: |page| in_the_first_job(page, |page, _| page.send("fast!")),
        row: ["failed", "the page said nonsense"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a page that says where it is",
        page: |page| {
            in_the_first_job(page, |page, command| {
                let module = format!("at {}", command["module"].as_str().unwrap());
                page.say(&command["job"], "log", json!({ "level": "error", "text": module }));
                page.say(&command["job"], "failed", json!({ "message": module }));
            });
        },
        row: ["failed", "/TOKEN/jobs/1/job.js"],
        code: 1,
        also: no_token,
        ..NONE
    },
    Fault {
        name: "a page that says a word that there is not",
        page: |page| in_the_first_job(page, |page, command| page.say(&command["job"], "boast", json!({}))),
        row: ["failed", "unknown variant `boast`"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a page whose first word is not its greeting",
        page: |mut page| page.say(&Value::Null, "measured", json!({})),
        row: ["failed", "the page's first word was"],
        next: "skipped",
        code: 3,
        ..NONE
    },
    Fault {
        name: "a page that closes before its greeting",
        page: drop,
        row: ["failed", "the page of chrome closed at once"],
        next: "skipped",
        code: 3,
        ..NONE
    },
    Fault {
        name: "a page that closes in its first job",
        page: |mut page| {
            page.hello();
            match page.prepare() {
                Some(command) if command["job"] == 1 => drop(page),
                Some(command) => page.say(&command["job"], "unsupported", json!({ "message": "a later job" })),
                None => {}
            }
        },
        row: ["failed", "the page or its browser closed in the middle of the job"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a message of more than a MiB",
        page: |page| in_the_first_job(page, |page, _| page.send("x".repeat((1 << 20) + 1))),
        row: ["failed", "closed in the middle of the job"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a message of bytes",
        page: |page| in_the_first_job(page, |page, _| page.send_bytes(b"fast")),
        row: ["failed", "closed in the middle of the job"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a page that never answers",
        page: |page| in_the_first_job(page, |_, _| ()),
        // The next job has no more time, on a machine that does other things as well.
        measure: "timeout = '10s'",
        row: ["timed_out", "no result within 10s"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a page that logs without end",
        page: |page| {
            in_the_first_job(page, |page, command| {
                let text = "log ".repeat(200 << 10);
                (0..24).for_each(|_| page.say(&command["job"], "log", json!({ "level": "info", "text": text })));
                page.say(&command["job"], "failed", json!({ "message": "and then it failed" }));
            });
        },
        row: ["failed", "and then it failed"],
        says: "warning: chrome has written 16 MiB: ",
        code: 1,
        also: log_is_cut,
        ..NONE
    },
    Fault {
        name: "tensors without the job's key",
        page: |page| {
            in_the_first_job(page, |page, command| {
                let answer = FakePage::post(command, 0, &Value::Null, &[0; WHOLE]);
                say_answer(page, command, answer);
            });
        },
        row: ["failed", "the runner answered 403: Forbidden"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "more tensors than the job has",
        page: |page| {
            in_the_first_job(page, |page, command| {
                let answer = FakePage::post(command, 0, &command["key"], &[0; WHOLE + 4]);
                say_answer(page, command, answer);
            });
        },
        row: ["failed", "the runner answered 413: Payload Too Large"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a piece of tensors that does not follow the one before",
        page: |page| {
            in_the_first_job(page, |_, command| {
                FakePage::post(command, 8, &command["key"], &[0; 8]);
            });
        },
        row: ["failed", "the page posted tensors from byte 8 on, expected them from 0"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "a result without an output that was checked",
        page: |page| in_the_first_job(page, |page, command| page.say(&command["job"], "prepared", result())),
        row: ["failed", "without having its output checked"],
        code: 1,
        ..NONE
    },
    Fault {
        name: "zeros for an output, and a result nevertheless",
        page: |page| {
            in_the_first_job(page, |page, command| {
                let (_, verdict) = FakePage::post(command, 0, &command["key"], &[0; WHOLE]);
                assert_eq!(verdict, "{\"verdict\":\"incorrect\",\"compared\":true}");
                page.say(&command["job"], "prepared", result());
            });
        },
        row: ["incorrect", "differs from its reference"],
        code: 1,
        ..NONE
    },
];

pub(super) const DRIVERS: &[Fault] = &[
    Fault {
        part: Part::Driver,
        name: "a driver that ends at once",
        first: "echo no shared memory >&2; exit 3",
        row: ["failed", "did not start: chromedriver died (exit status: 3)"],
        next: "skipped",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "a driver that prints without end",
        first: "yes \"$(printf %4000d 0)\" | head -c 20000000; echo",
        says: "warning: chrome has written 16 MiB: ",
        also: log_is_cut,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "a driver that refuses the session",
        driver: DriverFault::RefusesSession("session not created", "DevToolsActivePort file doesn't exist"),
        row: ["failed", "the driver refused to start `chrome`: session not created: DevToolsActivePort"],
        next: "skipped",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "a driver for another version",
        driver: DriverFault::VersionMismatch,
        row: ["failed", "the driver is for version 114 and the browser of `chrome` is 156.0.8078.79"],
        next: "skipped",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "something else than a driver answers",
        driver: DriverFault::AnswersGarbage,
        row: ["failed", "does not answer as a WebDriver endpoint"],
        next: "skipped",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "a driver that is gone after it opened a session",
        driver: DriverFault::DiesAfterSession,
        row: ["failed", "/TOKEN/page/"],
        next: "skipped",
        code: 3,
        also: no_token,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "a browser that can't reach the page",
        driver: DriverFault::RefusesNavigation,
        row: ["failed", "net::ERR_CONNECTION_REFUSED"],
        next: "skipped",
        code: 3,
        also: no_token,
        ..NONE
    },
    Fault {
        part: Part::Driver,
        name: "a driver that never closes its browser",
        driver: DriverFault::NeverCloses,
        ..NONE
    },
];

pub(super) const MACHINE: &[Fault] = &[
    Fault {
        part: Part::Disk,
        name: "no file may grow beyond a KiB",
        around: "trap '' XFSZ; ulimit -f 1; exec \"$@\"",
        row: ["", ""],
        says: "File too large",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Disk,
        name: "stdout is a full disk",
        around: "exec \"$@\" > /dev/full",
        says: "free some space where stdout goes",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Disk,
        name: "stdout is a full disk where there is nothing to go on with",
        around: "exec \"$1\" schema > /dev/full",
        row: ["", ""],
        says: "free some space where stdout goes, and do it again",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Disk,
        name: "the folder for runs is a file",
        around: "echo > out; exec \"$@\"",
        row: ["", ""],
        says: "can't create out",
        code: 3,
        ..NONE
    },
    Fault {
        part: Part::Disk,
        name: "no temporary folder",
        around: "TMPDIR=/nonexistent exec \"$@\"",
        row: ["failed", "making a temporary folder failed"],
        next: "skipped",
        code: 3,
        ..NONE
    },
];

/// The log of a browser that wrote without end.
fn log_is_cut(shop: &Workshop, _: &Ended) {
    let log = std::fs::read_to_string(shop.run_folder().join("logs/chrome.log")).unwrap();
    assert!((12 << 20..=16 << 20).contains(&log.len()), "{}", log.len());
    assert_eq!(log.matches("\nwhat was written here is left out: ").count(), 1);
}

/// Neither the row, nor the log, nor stderr holds the run's token, though all tell of an address with it.
fn no_token(shop: &Workshop, ended: &Ended) {
    // It has 32 digits, as nothing else has that is written there.
    let token = |text: &str| text.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() == 32);
    assert!(token("at /0123456789abcdef0123456789abcdef/page"));
    let run = shop.run_folder();
    let entries = [run.clone(), run.join("logs")].into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    assert!(files.len() > 2, "{files:?}");
    for text in files.iter().map(|file| std::fs::read_to_string(file).unwrap()).chain([ended.stderr.clone()]) {
        assert!(!token(&text), "{text}");
    }
}

/// Plays a fault: two jobs of a small model in a stand-in that has it.
fn play(fault: &Fault) {
    let shop = Workshop::new();
    let browser = FakeBrowser::start(&shop, fault.driver.clone(), fault.page, fault.first);
    shop.write("m.toml", &manifest(&browser, fault.measure));
    let plain = shop.command(&["run", "m.toml", "--out", "out"]);
    let mut command = Command::new("sh");
    command.args(["-c", fault.around, "sh"]).arg(plain.get_program()).args(plain.get_args()).current_dir(shop.path(""));
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = ended(command.spawn().unwrap());
    let told = format!("{}: {ended:?}", fault.name);
    traces::assert_none(&shop);
    assert_eq!(ended.code, Some(fault.code), "{told}");
    assert!(ended.stderr.contains(fault.says) && !ended.stderr.contains("panicked"), "{told}");
    if fault.row[0].is_empty() {
        return;
    }
    let rows = shop.jobs();
    assert_eq!(rows.len(), 2, "{told}");
    assert_eq!([&rows[0]["status"], &rows[1]["status"]], [fault.row[0], fault.next], "{rows:?} {told}");
    assert!(rows[0]["reason"].contains(fault.row[1]), "{told}: {}", rows[0]["reason"]);
    assert!(shop.samples().is_empty() && rows.iter().all(|row| row["wall_median_ms"].is_empty()), "{told}");
    (fault.also)(&shop, &ended);
}

fn manifest(browser: &FakeBrowser, measure: &str) -> String {
    format!(
        "name = 'faults'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [32, 1, 1]]\n\
         [measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\nfallback = []\n{measure}\n{}",
        browser.table()
    )
}

#[test]
fn faults_of_pages() {
    PAGES.iter().for_each(play);
}

#[test]
fn faults_of_drivers() {
    DRIVERS.iter().for_each(play);
}

#[test]
fn faults_of_the_machine() {
    MACHINE.iter().for_each(play);
}

#[test]
fn sigkill_with_a_relative_temporary_folder_leaves_nothing() {
    let shop = Workshop::new();
    let browser = FakeBrowser::start(&shop, DriverFault::None, |page| in_the_first_job(page, |_, _| ()), "");
    shop.write("m.toml", &manifest(&browser, ""));
    let mut child = shop.command(&["run", "m.toml", "--out", "out"]).env("TMPDIR", "./tmp").spawn().unwrap();
    let driver = traces::wait_for(|| {
        assert!(child.try_wait().unwrap().is_none());
        let all = traces::processes(&shop.path("tmp")).into_iter();
        all.into_iter().find(|id| traces::command_line(*id).starts_with("sleep 600"))
    });
    let group = traces::group(driver).unwrap();
    assert_eq!(std::fs::read_dir(shop.path("tmp")).unwrap().count(), 1);
    traces::signal(child.id(), Signal::SIGKILL);
    assert_eq!(ended(child).code, None);
    traces::assert_none_of(&shop, &[group]);
}

#[test]
fn a_tensor_beyond_the_adapter_is_said_before_it_is_made_in_cold_sessions_too() {
    let shop = Workshop::new();
    let page = |mut page: FakePage| {
        page.greet(true);
        page.decline_the_rest();
    };
    let browser = FakeBrowser::start(&shop, DriverFault::None, page, "");
    let text = manifest(&browser, "").replace("[measure]", "cache = 'cold'\n[measure]");
    shop.write("m.toml", &(text.replace(", [32, 1, 1]]", "]") + "[model.axpy]\nparams = { n = 1073741824 }\n"));
    shop.gpujobs(&["run", "m.toml", "--out", "out"]).expect(0);
    traces::assert_none(&shop);
    let row = &shop.jobs()[0];
    assert_eq!(row["status"], "unsupported", "{row:?}");
    assert!(row["reason"].contains("has 4294967296 bytes, this adapter allows 1073741824"), "{row:?}");
}

#[test]
fn expected_values_that_can_not_be_read_any_more_say_nothing_about_the_output() {
    let shop = Workshop::new();
    let file = shop.path("models/y.f32");
    let page = move |page: FakePage| {
        let mut page = page;
        page.hello();
        if let Some(command) = page.prepare() {
            std::fs::remove_file(&file).unwrap();
            FakePage::post(&command, 0, &command["key"], &[0; 16]);
            page.decline_the_rest();
        }
    };
    let browser = FakeBrowser::start(&shop, DriverFault::None, page, "");
    shop.write(
        "shaders/own.wgsl",
        "{% set grid = [1, 1, 1] %}\n\
         @group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;\n\
         @group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<f32>;\n\
         @compute @workgroup_size(1)\nfn main() { y[0] = x[0]; }\n",
    );
    shop.write(
        "models/own.toml",
        "family = 'text'\n[[input]]\nname = 'x'\nshape = [4]\n[[stage]]\nop = 'own'\nshader = 'own.wgsl'\nin = ['x']\n\
         out = { y = [4] }\nexpect = { file = 'y.f32', absolute = 0.1 }\n",
    );
    std::fs::write(shop.path("models/y.f32"), [0; 16]).unwrap();
    let text = manifest(&browser, "").replace("'axpy'", "'own'").replace("[matrix]", "shaders = 'shaders'\n[matrix]");
    shop.write("m.toml", &text.replace(", [32, 1, 1]]", "]"));
    shop.gpujobs(&["run", "m.toml", "--out", "out"]).expect(1);
    traces::assert_none(&shop);
    let row = &shop.jobs()[0];
    assert_eq!((row["status"].as_str(), row["verified"].as_str()), ("failed", ""), "{row:?}");
    assert!(row["reason"].starts_with("stage `own`: `y` can't be compared with "), "{row:?}");
}
