//! What the remote endpoints of a plan's browsers have: asked before jobs run there.

use indexmap::IndexMap;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::run::Nodes;
use crate::webdriver::grid::EndpointStatus;
use crate::webdriver::{BrowserError, BrowserSettings, Endpoint};

/// What the endpoints said of themselves.
type Statuses = IndexMap<Endpoint, Result<EndpointStatus, BrowserError>>;

/// Asks each endpoint of a manifest for its status, once.
async fn statuses(manifest: &Manifest) -> Statuses {
    let mut asked = IndexMap::new();
    for browser in manifest.browsers.values() {
        if let Some(endpoint) = browser.webdriver.as_ref().filter(|endpoint| !asked.contains_key(*endpoint)) {
            asked.insert(endpoint.clone(), EndpointStatus::of(endpoint).await);
        }
    }
    asked
}

/// How many nodes behind its endpoint have each browser of a manifest; nothing where that is not known.
pub(in crate::commands) async fn nodes(manifest: &Manifest) -> Nodes {
    let statuses = statuses(manifest).await;
    let nodes = manifest.browsers.iter().filter_map(|(name, browser)| {
        let status = statuses.get(browser.webdriver.as_ref()?)?.as_ref().ok()?;
        Some((name.clone(), status.nodes_for(browser).count()))
    });
    nodes.filter(|(_, nodes)| *nodes > 0).collect()
}

/// Notes at each job that its endpoint can't serve why; says of an endpoint that does not answer that its jobs are not
/// checked.
pub(in crate::commands) fn check(plan: &mut Plan) -> Result<(), Error> {
    let statuses = tokio::runtime::Runtime::new()?.block_on(statuses(&plan.manifest));
    for (endpoint, status) in &statuses {
        if let Err(error) = status {
            anstream::eprintln!("warning: what {endpoint} can serve is not known: {error}");
        }
    }
    let Plan { jobs, manifest, .. } = plan;
    for job in jobs.iter_mut().filter(|job| job.unsupported_reason.is_none()) {
        let browser = manifest.browsers.get(&job.axes.browser);
        job.unsupported_reason = browser.and_then(|browser| unserved(browser, &statuses));
    }
    Ok(())
}

fn unserved(browser: &BrowserSettings, statuses: &Statuses) -> Option<String> {
    let endpoint = browser.webdriver.as_ref()?;
    let status = statuses.get(endpoint)?.as_ref().ok()?;
    status.lacks(browser).map(|has| format!("{endpoint} serves no {}: it has {has}", browser.asked_name()))
}
