//! An address that is not loopback's: in a network of its own where the system lets a test make one, else one of this machine's.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

/// What gpujobs runs in.
pub(crate) struct Lan {
    /// An address of it, on which gpujobs can listen and browsers reach it.
    pub(crate) address: Ipv4Addr,
    is_own: bool,
}

/// Becomes the program after it in a network that has nothing but its own interface, with one more address.
const OWN: &str = "ip link set lo up && ip address add 10.203.0.7/32 dev lo && exec \"$@\"";

impl Lan {
    pub(crate) fn new() -> Self {
        let mut trial = own(&Command::new("true"));
        trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if trial.status().is_ok_and(|status| status.success()) {
            return Self { address: Ipv4Addr::new(10, 203, 0, 7), is_own: true };
        }
        let table = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
        let address = of_this_machine(&table);
        let address = address.expect("a network of one's own (unshare and iproute2), or an address beside loopback's");
        Self { address, is_own: false }
    }

    /// The command, run in it.
    pub(crate) fn command(&self, command: Command) -> Command {
        if self.is_own { own(&command) } else { command }
    }
}

fn own(command: &Command) -> Command {
    let mut outer = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        outer.args(["--map-current-user", "--keep-caps"]);
    }
    outer.args(["--net", "sh", "-c", OWN, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    outer
}

/// The first address of this machine's own that is not loopback's, in the kernel's table of routes.
fn of_this_machine(table: &str) -> Option<Ipv4Addr> {
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    lines.windows(2).filter(|pair| pair[1].starts_with("/32 host LOCAL")).find_map(|pair| {
        let address: Ipv4Addr = pair[0].strip_prefix("|-- ")?.parse().ok()?;
        (!address.is_loopback()).then_some(address)
    })
}

#[test]
fn the_addresses_of_this_machine_are_read() {
    let table = "Local:\n  |-- 127.0.0.1\n        /32 host LOCAL\n  |-- 10.1.2.255\n        /32 link BROADCAST\n  \
                 |-- 10.1.2.3\n        /32 host LOCAL\n";
    assert_eq!(of_this_machine(table), Some(Ipv4Addr::new(10, 1, 2, 3)));
    assert_eq!(of_this_machine(""), None);
}
