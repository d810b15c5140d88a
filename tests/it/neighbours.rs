//! What another user of the machine can read and change during a run: nothing, but for the ports of drivers, which are warned
//! of. Runs as root only, as CI does: it needs a second user.
//!
//! These need Chromium with its driver (`gpujobs setup`); a missing one fails its test.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use nix::unistd::User;

use crate::killed::{in_the_second_job, long};
use crate::support::browser_turn;
use crate::support::traces;
use crate::support::workshop::{Workshop, ended};

/// Runs a command as `nobody`.
fn as_nobody(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    use std::os::unix::process::CommandExt;

    let nobody = User::from_name("nobody").unwrap().expect("the user nobody");
    let mut command = Command::new(program);
    command.args(arguments).uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw()).current_dir("/");
    command.output().unwrap()
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        assert!(std::env::var_os("CI").is_none(), "CI has to be root: only root can become another user");
        println!("not run: only root can become another user");
    }
    root
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The ports on which processes listen, with what these were started with.
fn listening(processes: &[u32]) -> Vec<String> {
    let tables = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/net/{table}")).unwrap());
    let rows = tables.iter().flat_map(|table| table.lines()).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // State 0A is LISTEN; the tenth column is the socket's number.
    let sockets: Vec<String> =
        rows.filter(|row| row.get(3) == Some(&"0A")).map(|row| format!("socket:[{}]", row[9])).collect();
    let listens = |id: &u32| {
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut places = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        places.any(|place| sockets.iter().any(|socket| Path::new(socket) == place))
    };
    processes.iter().filter(|id| listens(id)).map(|id| traces::command_line(*id)).collect()
}

#[test]
fn another_user_reads_and_changes_nothing_of_a_run() {
    if !is_root() {
        return;
    }
    let _turn = browser_turn();
    let shop = Workshop::new();
    // As a machine has them: what is kept to itself is kept so by gpujobs.
    mode(&shop.path(""), 0o755);
    mode(&shop.path("tmp"), 0o1777);
    let script = shop.write("neighbour.sh", include_str!("../neighbour.sh"));
    mode(&script, 0o755);
    let child = in_the_second_job(&shop, &long("chrome", 0));
    let processes = traces::processes(&shop.path("tmp"));
    let [tmp, run] = [shop.path("tmp"), shop.run_folder()].map(|path| path.display().to_string());
    let numbers: Vec<String> = processes.iter().map(ToString::to_string).collect();
    let mut arguments = vec![tmp.as_str(), run.as_str()];
    arguments.extend(numbers.iter().map(String::as_str));
    let tried = as_nobody(&script, &arguments);
    assert!(tried.status.success() && tried.stderr.is_empty(), "{tried:?}");

    let listening = listening(&processes);
    let expected = ["gpujobs run", "chromedriver"];
    let is_expected = |line: &String| expected.iter().any(|name| line.contains(name));
    assert!(listening.iter().all(is_expected) && listening.len() == 2, "DevTools has no port: {listening:?}");

    // What looks like the folder of a dead run, by which the next one is to be led to end a process of this one.
    let planted = shop.path("tmp/gpujobs-planted");
    let group = traces::group(child.id()).unwrap().to_string();
    let plant = format!("mkdir {0} && echo {group} > {0}/gpujobs.owner", planted.display());
    assert!(as_nobody("sh", &["-c", &plant]).status.success());
    // The next run passes the planted folder by, and this one goes on to its end.
    shop.write("next.toml", &format!("{}[browser.chrome]\ndriver = '/bin/false'\n", long("chrome", 0)));
    shop.gpujobs(&["run", "next.toml", "--out", "next"]).expect(3);
    ended(child).expect(0);
    assert_eq!(shop.column("status"), ["ok", "ok", "ok"]);
    assert!(planted.join("gpujobs.owner").exists());
    std::fs::remove_dir_all(&planted).unwrap();
    traces::assert_none(&shop);
}

/// How an X server answers somebody with these credentials: whether it lets him in.
fn display_admits(display: &str, name: &[u8], key: &[u8]) -> bool {
    use std::io::{Read, Write};

    let mut stream = std::os::unix::net::UnixStream::connect(format!("/tmp/.X11-unix/X{display}")).unwrap();
    // Little-endian, version 11.0, and both texts filled up to 4 bytes.
    let mut hello = vec![b'l', 0, 11, 0, 0, 0];
    hello.extend(
        [name.len(), key.len()].map(|length| u8::try_from(length).unwrap()).iter().flat_map(|&length| [length, 0]),
    );
    hello.extend([0, 0]);
    for text in [name, key] {
        hello.extend(text);
        hello.resize(hello.len().next_multiple_of(4), 0);
    }
    stream.write_all(&hello).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    answer == [1]
}

#[test]
fn a_display_is_shown_to_those_who_have_its_key() {
    let shop = Workshop::new();
    let heard = shop.path("heard");
    let script = format!(
        "#!/bin/sh\necho \"$DISPLAY $XAUTHORITY\" > {0}.new\nmv {0}.new {0}\nexec sleep 600\n",
        heard.display()
    );
    let driver = shop.write("WebKitWebDriver", &script);
    mode(&driver, 0o755);
    let tables = format!("[browser.webkitgtk]\ndriver = '{0}'\nbinary = '{0}'\n", driver.display());
    shop.write("m.toml", &format!("{}{tables}", long("webkitgtk", 0)));
    let child = shop.command(&["run", "m.toml", "--out", "out"]).spawn().unwrap();
    let said = traces::wait_for(|| std::fs::read_to_string(&heard).ok());
    let (display, file) = said.trim().strip_prefix(':').unwrap().split_once(' ').unwrap();
    let file = Path::new(file);
    assert!(file.starts_with(shop.path("tmp")), "{said}");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let entry = std::fs::read(file).unwrap();
    let key = &entry[entry.len() - 16..];
    let name = b"MIT-MAGIC-COOKIE-1";
    assert!(!display_admits(display, b"", b""));
    assert!(!display_admits(display, name, &[0; 16]));
    assert!(display_admits(display, name, key));
    traces::signal(child.id(), nix::sys::signal::Signal::SIGINT);
    ended(child).expect(130);
    traces::assert_none(&shop);
}

#[test]
fn other_peoples_processes_are_warned_of() {
    use std::os::unix::process::CommandExt;

    if !is_root() {
        return;
    }
    let shop = Workshop::new();
    shop.write("m.toml", &format!("{}[browser.chrome]\ndriver = '/bin/false'\n", long("chrome", 0)));
    // A number of which no account is known, and which is a person's.
    let mut other = Command::new("sleep").arg("600").uid(47113).spawn().unwrap();
    let shared = shop.gpujobs(&["run", "m.toml", "--out", "out"]).expect(3);
    let quiet = shop.gpujobs(&["run", "m.toml", "--out", "out", "--quiet"]).expect(3);
    let verify =
        ended(shop.command(&["verify", "--browser", "chrome"]).env("CHROMEDRIVER", "/bin/false").spawn().unwrap());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(shared.stderr.contains("47113"), "{}", shared.stderr);
    assert_eq!(
        shared.stderr.matches("any local user who finds the port can start programs as you; SECURITY.md").count(),
        1
    );
    assert_eq!(shared.stderr.matches("as root chrome runs without a sandbox").count(), 1);
    let verify = verify.expect(3);
    assert!(verify.stderr.contains("47113") && verify.stdout.contains("did not start"), "{verify:?}");
    assert!(!quiet.stderr.contains("warning"), "{}", quiet.stderr);
    let alone = shop.gpujobs(&["run", "m.toml", "--out", "out"]).expect(3);
    assert!(!alone.stderr.contains("47113"), "{}", alone.stderr);
}
