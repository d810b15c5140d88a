//! A lane is where groups run one after the other: this machine, another host, or one of the nodes of a Grid. Lanes run side by
//! side.
//!
//! Behind a Grid nobody can say which node opens a session. So a lane has one browser open at a time, and a Grid, which gives a
//! session to the node with the fewest, keeps it where it was; jobs take turns with those of their own browser only. Should two
//! lanes meet on a node all the same, their groups take turns there.
//!
//! Made by the dispatcher for one plan.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use url::{Host, Url};

use super::groups::{Indexed, groups};
use crate::harness::executor::Opened;
use crate::plan::{Job, Plan};
use crate::webdriver::Endpoint;

/// How many nodes behind an endpoint have a browser, by the browser's name in the manifest.
pub type Nodes = HashMap<String, usize>;

/// What a node's turns are held by, shared by all places: two may lead to one machine.
type Turns = Rc<RefCell<HashMap<String, Arc<Mutex<()>>>>>;

/// The groups of a place, and how many of them may run at a time.
pub(super) struct Place<'run> {
    /// A host that endpoints name, or a Grid's address; this machine has none.
    pub(super) name: Option<String>,
    /// How many lanes lead there.
    pub(super) lanes: usize,
    /// The names of its browsers.
    pub(super) browsers: Vec<String>,
    queue: RefCell<VecDeque<Indexed<'run>>>,
    /// How many lanes may have a browser open, and how many have; nothing where there is one lane, which has them all.
    open: RefCell<HashMap<String, (usize, usize)>>,
    changed: Notify,
    /// How many lanes have not ended.
    working: Cell<usize>,
    /// Held by the lane whose group runs on a node, by the node's host.
    turns: Turns,
}

/// A node, held against other lanes.
pub(super) struct NodeTurn {
    node: String,
    _held: OwnedMutexGuard<()>,
}

/// Divides jobs by where they run, and then into groups.
pub(super) fn places<'run>(plan: &Plan, jobs: &[(usize, &'run Job)], nodes: &Nodes) -> Vec<Place<'run>> {
    let endpoint_of = |browser: &String| plan.manifest.browsers.get(browser)?.webdriver.as_ref();
    let several = nodes.iter().filter(|(_, nodes)| **nodes > 1).filter_map(|(browser, _)| endpoint_of(browser));
    let grids: HashSet<&Url> = several.map(Endpoint::url).collect();
    let mut alike: IndexMap<Option<String>, Vec<(usize, &'run Job)>> = IndexMap::new();
    for (index, job) in jobs {
        let endpoint = endpoint_of(&job.axes.browser).map(Endpoint::url);
        let name = endpoint.and_then(|url| if grids.contains(url) { Some(url.to_string()) } else { host_of(url) });
        alike.entry(name).or_default().push((*index, job));
    }
    let turns = Turns::default();
    alike.into_iter().map(|(name, jobs)| Place::new(plan, name, &jobs, nodes, &turns)).collect()
}

/// Drivers of one host share its GPU, and those of loopback this machine's, which has no name.
fn host_of(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Ipv4(address) if address.is_loopback() => None,
        Host::Ipv6(address) if address.is_loopback() => None,
        Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => None,
        host => Some(host.to_string()),
    }
}

impl<'run> Place<'run> {
    fn new(plan: &Plan, name: Option<String>, jobs: &[(usize, &'run Job)], nodes: &Nodes, turns: &Turns) -> Self {
        let mut browsers: IndexMap<&str, Vec<(usize, &'run Job)>> = IndexMap::new();
        for (index, job) in jobs {
            browsers.entry(&job.axes.browser).or_default().push((*index, job));
        }
        let nodes_of = |browser: &str| name.as_ref().and(nodes.get(browser)).copied().unwrap_or(1);
        let lanes = browsers.keys().map(|browser| nodes_of(browser)).max().unwrap_or(1);
        let (queue, capacity) = if lanes < 2 {
            (groups(plan, jobs), HashMap::new())
        } else {
            let capacity = browsers.keys().map(|browser| ((*browser).to_owned(), (nodes_of(browser), 0))).collect();
            (browsers.values().flat_map(|jobs| groups(plan, jobs)).collect(), capacity)
        };
        let lanes = lanes.min(queue.len());
        Self {
            name,
            lanes,
            working: Cell::new(lanes),
            browsers: browsers.keys().map(|browser| (*browser).to_owned()).collect(),
            queue: RefCell::new(queue.into()),
            open: RefCell::new(capacity),
            changed: Notify::new(),
            turns: turns.clone(),
        }
    }

    /// Whether a lane has one browser open at a time.
    fn is_shared(&self) -> bool {
        !self.open.borrow().is_empty()
    }

    /// What a lane that has `open` open does next. It goes on with its own browser where it can.
    pub(super) fn next(&self, open: &mut Option<String>) -> Next<'run> {
        let mut queue = self.queue.borrow_mut();
        if !self.is_shared() {
            return queue.pop_front().map_or(Next::End, Next::Run);
        }
        if queue.is_empty() {
            return Next::End;
        }
        let is_own = |group: &Indexed<'run>| Some(browser_of(group)) == open.as_deref();
        if let Some(group) = queue.iter().position(is_own).and_then(|at| queue.remove(at)) {
            return Next::Run(group);
        }
        if open.is_some() {
            return Next::Close;
        }
        let mut browsers = self.open.borrow_mut();
        let is_free =
            |group: &Indexed<'run>| browsers.get(browser_of(group)).is_some_and(|(nodes, lanes)| lanes < nodes);
        let Some(group) = queue.iter().position(is_free).and_then(|at| queue.remove(at)) else { return Next::Wait };
        let browser = browser_of(&group).to_owned();
        if let Some((_, lanes)) = browsers.get_mut(&browser) {
            *lanes += 1;
        }
        *open = Some(browser);
        Next::Run(group)
    }

    /// Whether a lane that can't start its browser may leave its groups to other lanes, which have it or may yet have it: this
    /// one has a node that is broken.
    pub(super) fn may_leave(&self, browser: &str) -> bool {
        if !self.is_shared() || self.working.get() < 2 {
            return false;
        }
        let mut browsers = self.open.borrow_mut();
        let Some((nodes, _)) = browsers.get_mut(browser) else { return false };
        let others = *nodes > 1;
        if others {
            *nodes -= 1;
            self.working.set(self.working.get() - 1);
        }
        others
    }

    /// A lane has closed its browser.
    pub(super) fn closed(&self, open: &mut Option<String>) {
        if let Some(browser) = open.take()
            && let Some((_, lanes)) = self.open.borrow_mut().get_mut(&browser)
        {
            *lanes -= 1;
        }
        self.changed.notify_waiters();
    }

    /// Waits until no other lane has a job on the node of a session. A lane with one browser has one node, so that none waits for
    /// another that waits.
    pub(super) async fn take_turn(&self, opened: &Opened, turn: &mut Option<NodeTurn>) {
        let node = opened.remote.as_ref().and_then(|remote| remote.node.as_deref()).filter(|_| self.is_shared());
        let host = |node: &str| Some(Url::parse(node).ok()?.host_str()?.to_owned());
        let node = node.map(|node| host(node).unwrap_or_else(|| node.to_owned()));
        let Some(node) = node.filter(|node| turn.as_ref().is_none_or(|turn| turn.node != *node)) else { return };
        *turn = None;
        let mutex = self.turns.borrow_mut().entry(node.clone()).or_default().clone();
        *turn = Some(NodeTurn { node, _held: mutex.lock_owned().await });
    }

    /// Ends with the next change of what is open; to be made before [`next`](Self::next) is asked.
    pub(super) fn changed(&self) -> impl Future<Output = ()> {
        self.changed.notified()
    }
}

/// What a lane does next.
pub(super) enum Next<'run> {
    /// Runs these.
    Run(Indexed<'run>),
    /// Closes its browser: what is left is for others.
    Close,
    /// Waits until another lane has closed the browser that its groups need.
    Wait,
    /// Has nothing more to do.
    End,
}

fn browser_of<'run>(group: &Indexed<'run>) -> &'run str {
    group.first().map_or("", |(_, job)| job.axes.browser.as_str())
}
