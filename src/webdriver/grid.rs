//! What an endpoint serves, by its own word: `GET /status` of the WebDriver specification, to which a Selenium Grid 4 adds its
//! nodes with their slots.
//!
//! Asked by `launch` before a session is asked for, because a Grid keeps whoever wants what no node has in its queue for
//! minutes; by `gpujobs doctor` and `plan` for those who want to know.

use std::time::Duration;

use hyper::Method;
use serde::Serialize;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::error::BrowserError;
use super::http::{self, DriverAnswer};
use super::os::Os;
use super::products::BrowserSettings;

/// How long an endpoint may take to say what it is.
const STATUS_WITHIN: Duration = Duration::from_secs(20);

/// What an endpoint says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointStatus {
    /// Whether it takes sessions. A Grid is ready when any node is up.
    pub ready: bool,
    /// In its own words.
    pub message: String,
    /// Its nodes, where it is a Grid.
    pub nodes: Vec<GridNode>,
}

/// A machine of a Grid, or one of several node processes of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GridNode {
    /// What the Grid calls it; another after each start.
    pub id: String,
    /// Where the Grid reaches it.
    pub url: String,
    /// Its system with its version, such as `Linux 6.1`.
    pub os: String,
    /// Whether it takes sessions: neither down nor draining.
    pub up: bool,
    /// The most sessions that it has at a time, whatever its slots.
    pub most_sessions: u64,
    /// What it can open.
    pub slots: Vec<GridSlot>,
}

/// A place for one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GridSlot {
    /// WebDriver's name of the browser: `chrome`, `MicrosoftEdge`.
    pub browser: String,
    /// As the node was told, or empty.
    pub version: String,
    /// As the node was told, or empty.
    pub platform: String,
    /// The id of the session that has it.
    pub session: Option<String>,
}

impl EndpointStatus {
    /// Asks an endpoint.
    pub async fn of(endpoint: &Endpoint) -> Result<Self, BrowserError> {
        Self::within(endpoint, STATUS_WITHIN).await
    }

    /// Asks an endpoint, which has so long to answer.
    pub(super) async fn within(endpoint: &Endpoint, limit: Duration) -> Result<Self, BrowserError> {
        match http::command(endpoint, Method::GET, "status", &Value::Null, limit).await? {
            DriverAnswer::Value(value) => Ok(Self::read(&value)),
            DriverAnswer::Failure { error, message } => Err(BrowserError::NotWebDriver {
                url: format!("{endpoint}status"),
                reason: format!("{error}: {message}"),
            }),
        }
    }

    fn read(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let slot = |slot: &Value| GridSlot {
            browser: text(&slot["stereotype"]["browserName"]),
            version: text(&slot["stereotype"]["browserVersion"]),
            platform: text(&slot["stereotype"]["platformName"]),
            session: slot["session"]["sessionId"].as_str().map(str::to_owned),
        };
        let node = |node: &Value| GridNode {
            id: text(&node["id"]),
            url: text(&node["uri"]),
            os: format!("{} {}", text(&node["osInfo"]["name"]), text(&node["osInfo"]["version"])).trim().to_owned(),
            up: node["availability"] == "UP",
            most_sessions: node["maxSessions"].as_u64().unwrap_or(u64::MAX),
            slots: list(&node["slots"]).iter().map(slot).collect(),
        };
        Self {
            ready: value["ready"].as_bool().unwrap_or(false),
            message: text(&value["message"]),
            nodes: list(&value["nodes"]).iter().map(node).collect(),
        }
    }

    /// Whether it is a Grid that says what its nodes have.
    #[must_use]
    pub fn is_grid(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The nodes that are up and have a slot for a browser.
    pub fn nodes_for(&self, browser: &BrowserSettings) -> impl Iterator<Item = &GridNode> {
        self.nodes.iter().filter(move |node| node.up && node.slots.iter().any(|slot| slot.is_for(browser)))
    }

    /// The slots for a browser, and how many of them could be had now.
    #[must_use]
    pub fn slots_for(&self, browser: &BrowserSettings) -> (usize, usize) {
        self.nodes_for(browser).fold((0, 0), |(all, free), node| {
            let own = node.slots.iter().filter(|slot| slot.is_for(browser));
            let unused = own.clone().filter(|slot| slot.session.is_none()).count();
            let room = node.most_sessions.saturating_sub(node.sessions());
            (all + own.count(), free + unused.min(usize::try_from(room).unwrap_or(usize::MAX)))
        })
    }

    /// What it has instead, where it is a Grid without a node for this browser.
    #[must_use]
    pub fn lacks(&self, browser: &BrowserSettings) -> Option<String> {
        (self.is_grid() && self.slots_for(browser).0 == 0).then(|| self.browsers())
    }

    /// The system of the first node that has a browser.
    #[must_use]
    pub fn os_for(&self, browser: &BrowserSettings) -> Option<Os> {
        let slot = self.nodes_for(browser).flat_map(|node| &node.slots).find(|slot| slot.is_for(browser))?;
        Os::of_platform(&slot.platform)
    }

    /// The node that has a session.
    #[must_use]
    pub fn node_of(&self, session: &str) -> Option<&GridNode> {
        self.nodes.iter().find(|node| node.slots.iter().any(|slot| slot.session.as_deref() == Some(session)))
    }

    /// What it has, for those who ask for something else.
    #[must_use]
    pub fn browsers(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for slot in self.nodes.iter().filter(|node| node.up).flat_map(|node| &node.slots) {
            if !names.contains(&slot.browser.as_str()) {
                names.push(&slot.browser);
            }
        }
        if names.is_empty() { "no node that is up".to_owned() } else { names.join(", ") }
    }
}

impl GridNode {
    /// Each kind of slot that it has, how many of them there are and how many are taken.
    #[must_use]
    pub fn alike(&self) -> Vec<(&GridSlot, usize, usize)> {
        let mut kinds: Vec<(&GridSlot, usize, usize)> = Vec::new();
        let kind = |slot: &GridSlot| (slot.browser.clone(), slot.version.clone(), slot.platform.clone());
        for slot in &self.slots {
            let taken = usize::from(slot.session.is_some());
            match kinds.iter_mut().find(|(other, ..)| kind(other) == kind(slot)) {
                Some((_, all, used)) => (*all, *used) = (*all + 1, *used + taken),
                None => kinds.push((slot, 1, taken)),
            }
        }
        kinds
    }

    /// How many sessions it has.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.slots.iter().filter(|slot| slot.session.is_some()).count() as u64
    }
}

impl GridSlot {
    /// By the name and, where both sides have one, by the platform.
    fn is_for(&self, browser: &BrowserSettings) -> bool {
        let platform = browser.capabilities.get("platformName").and_then(Value::as_str).unwrap_or_default();
        let is_one = |asked: Option<Os>, own: Option<Os>| asked.is_none() || own.is_none() || asked == own;
        self.browser.eq_ignore_ascii_case(browser.asked_name())
            && is_one(Os::of_platform(platform), Os::of_platform(&self.platform))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::products::BrowserKind;
    use super::*;

    fn slot(browser: &str, platform: &str, session: Option<&str>) -> Value {
        let session = session.map(|id| json!({ "sessionId": id, "uri": "http://192.0.2.2:5601" }));
        json!({
            "id": { "hostId": "h", "id": "s" }, "lastStarted": "1970-01-01T00:00:00Z", "session": session,
            "stereotype": { "browserName": browser, "browserVersion": "156", "platformName": platform }
        })
    }

    fn grid() -> EndpointStatus {
        let node = |id: &str, availability: &str, slots: &[Value]| {
            json!({
                "id": id, "uri": format!("http://{id}:5555"), "availability": availability, "maxSessions": 2,
                "osInfo": { "arch": "amd64", "name": "Linux", "version": "6.1" }, "slots": slots
            })
        };
        EndpointStatus::read(&json!({ "ready": true, "message": "Selenium Grid ready.", "nodes": [
            node("a", "UP", &[slot("chrome", "linux", Some("one")), slot("chrome", "linux", None), slot("firefox", "linux", None)]),
            node("b", "UP", &[slot("chrome", "mac", Some("two")), slot("chrome", "mac", Some("three"))]),
            node("c", "DRAINING", &[slot("MicrosoftEdge", "Windows 11", None)]),
        ] }))
    }

    #[test]
    fn a_grid_says_what_it_has_and_what_of_it_is_free() {
        let grid = grid();
        let [mut chrome, firefox, edge] =
            [BrowserKind::Chrome, BrowserKind::Firefox, BrowserKind::Edge].map(BrowserSettings::of);
        assert!(grid.is_grid() && grid.ready);
        assert_eq!(grid.slots_for(&chrome), (4, 1), "the first node may have one more session");
        assert_eq!(grid.slots_for(&firefox), (1, 1));
        assert_eq!(grid.slots_for(&edge), (0, 0), "a node that drains takes none");
        assert_eq!(grid.browsers(), "chrome, firefox");
        assert_eq!(grid.nodes_for(&chrome).count(), 2);
        assert_eq!(grid.node_of("three").map(|node| (&*node.id, &*node.os)), Some(("b", "Linux 6.1")));
        assert_eq!((grid.node_of("four"), grid.os_for(&chrome)), (None, Some(Os::Linux)));
        chrome.capabilities.insert("platformName".into(), json!("macOS 15"));
        assert_eq!((grid.slots_for(&chrome), grid.os_for(&chrome)), ((2, 0), Some(Os::Macos)));
        chrome.capabilities.insert("platformName".into(), json!("Windows 11"));
        assert_eq!(grid.lacks(&chrome).as_deref(), Some("chrome, firefox"));
    }

    #[test]
    fn a_driver_is_no_grid() {
        let driver = EndpointStatus::read(&json!({ "ready": true, "message": "ChromeDriver ready for new sessions." }));
        assert!(!driver.is_grid() && driver.ready);
        assert!(!EndpointStatus::read(&json!("what?")).ready);
    }
}
