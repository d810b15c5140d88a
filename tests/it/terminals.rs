//! Hostile text on a real terminal: whatever a page, a driver, a model, a manifest, a hub or a template holds, none of it is an
//! order to the terminal that shows it.

use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};

use crate::faults::broken;
use crate::onnx;
use crate::support::fake_browser::{FakeBrowser, FakePage};
use crate::support::fake_driver::Fault as DriverFault;
use crate::support::hub::{FakeHub, Fault as HubFault, LISTING};
use crate::support::workshop::Workshop;

/// Renames the window, clears the screen, goes back over what was written, rings; and an order of eight bits.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[1;1H\r\u{8}\u{9b}2Jword";

/// What gpujobs' progress bar writes itself: to the beginning of a line, up by lines, and clearing one.
const BAR: [&str; 4] = ["\r", "\u{1b}[2K", "\u{1b}[1A", "\u{1b}[1B"];

/// What a terminal gets on which a command writes both its outputs, with the line ends as they were written.
fn shown(mut command: Command) -> String {
    let size = Winsize { ws_row: 40, ws_col: 250, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    command.env("TERM", "xterm-256color").env_remove("COLUMNS").stdin(Stdio::null());
    command.stdout(Stdio::from(pty.slave.try_clone().unwrap())).stderr(Stdio::from(pty.slave));
    let mut child = command.spawn().unwrap();
    // It holds the other end as well, and reading would have no end.
    drop(command);
    let mut bytes = Vec::new();
    // The end of a terminal that nobody writes to any more is an error.
    let _ = std::fs::File::from(pty.master).read_to_end(&mut bytes);
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// Panics unless each character is one to see, or a line's end.
#[track_caller]
fn assert_harmless(source: &str, shown: &str) {
    let control: Vec<char> = shown.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert!(control.is_empty(), "{source}: {control:?} in {shown:?}");
}

/// The commands that show hostile text of every source, and a part of what each must show.
fn sources(shop: &Workshop) -> Vec<(&'static str, Command, &'static str)> {
    let plain = "name = 'm'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n";
    shop.write("lines.toml", &plain.replace("\n[matrix]", &format!(" # {HOSTILE}\n[matrix]")));
    shop.write("plain.toml", plain);
    shop.write("own/axpy.wgsl", &broken("shaders/axpy.wgsl", "lib/elementwise.wgsl", HOSTILE));
    let name: &[u8; 6] = b"\x1b]0;p\x07";
    let file = std::fs::read(format!("{}/tests/data/onnx/dynamic.onnx", onnx::ROOT)).unwrap();
    let at = file.windows(6).position(|window| window == b"length").expect("the dimension that is left open");
    std::fs::write(shop.path("dynamic.onnx"), [&file[..at], name, &file[at + 6..]].concat()).unwrap();
    shop.write("models/open.toml", "family = 'text'\nengine = 'onnxruntime'\nfile = '../dynamic.onnx'\n");
    shop.write("onnx.toml", &plain.replace("'axpy'", "'open'"));
    vec![
        ("a manifest's line", shop.command(&["plan", "lines.toml"]), "word"),
        ("a template", shop.command(&["render", "plain.toml", "--out", "o", "--shaders", "own"]), "word"),
        ("a dimension of ONNX", shop.command(&["render", "onnx.toml", "--out", "o"]), "]0;p"),
    ]
}

#[test]
fn no_text_is_an_order_to_the_terminal() {
    let shop = Workshop::new();
    for (source, mut command, part) in sources(&shop) {
        let bare = shown({
            command.env("NO_COLOR", "1");
            command
        });
        assert!(bare.contains(part), "{source} is not shown: {bare}");
        assert_harmless(source, &bare);
    }
    let listed = serde_json::json!([{ "type": "file", "path": HOSTILE, "size": 1, "oid": "0".repeat(40) }]).to_string();
    let hub = FakeHub::tiny().fails(LISTING, 9, HubFault::Lists(listed));
    let mut command = shop.command(&["fetch", "tests/tiny"]);
    command.env("NO_COLOR", "1").env("HF_ENDPOINT", &hub.url);
    let bare = shown(command);
    assert!(bare.contains("it lists a file"), "{bare}");
    assert_harmless("a hub", &bare);
}

#[test]
fn errors_are_in_colour_and_nothing_else_is_an_order() {
    let shop = Workshop::new();
    for (source, command, _) in sources(&shop) {
        let coloured = shown(command);
        let mut rest = coloured.as_str();
        let mut bare = String::new();
        while let Some((before, code)) = rest.split_once("\u{1b}[") {
            bare += before;
            let end = code.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap();
            assert!(code[end..].starts_with('m'), "{source}: {code:?}");
            rest = &code[end + 1..];
        }
        assert!(rest.len() < coloured.len(), "{source} is not in colour");
        assert_harmless(source, &(bare + rest));
    }
}

#[test]
fn an_error_is_wrapped_where_a_terminal_is_and_nowhere_else() {
    let shop = Workshop::new();
    let wrong = ["fetch", "../evil"];
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest(&shop.gpujobs(&wrong).expect(2).stderr) > 110);
    let mut command = shop.command(&wrong);
    command.env("NO_COLOR", "1");
    assert!(longest(&shown(command)) <= 110);
}

/// A page that says it on its console and as its error.
fn hostile(mut page: FakePage) {
    page.hello();
    while let Some(command) = page.prepare() {
        page.say(&command["job"], "log", serde_json::json!({ "level": HOSTILE, "text": HOSTILE }));
        page.say(&command["job"], "failed", serde_json::json!({ "message": HOSTILE }));
    }
}

#[test]
fn a_run_shows_what_pages_and_drivers_say_without_obeying_it() {
    let refuses = DriverFault::RefusesSession(HOSTILE, HOSTILE);
    for (source, fault) in [("a page", DriverFault::None), ("a driver", refuses)] {
        let shop = Workshop::new();
        let prints = format!("printf '{}\\n'", HOSTILE.replace('\u{1b}', "\\033").replace('\r', "\\r"));
        let browser = FakeBrowser::start(&shop, fault, hostile, &prints);
        let text = "name = 'm'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[measure]\nretries = 1\nfallback = []\n";
        shop.write("m.toml", &format!("{text}{}", browser.table()));
        for (arguments, is_bar) in [(["run", "m.toml", "--quiet"], false), (["run", "m.toml", "-vv"], true)] {
            let mut command = shop.command(&arguments);
            command.env("NO_COLOR", "1");
            let mut shown = shown(command);
            assert!(shown.contains("word"), "{source}: {shown}");
            if is_bar {
                shown = BAR.iter().fold(shown, |text, order| text.replace(order, ""));
            }
            assert_harmless(source, &shown);
        }
    }
}
