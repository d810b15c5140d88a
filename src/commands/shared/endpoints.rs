//! What the remote endpoints of a plan's browsers have: asked before jobs run there.

use indexmap::IndexMap;

use crate::error::Error;
use crate::plan::Plan;
use crate::webdriver::grid::EndpointStatus;
use crate::webdriver::{BrowserError, BrowserSettings, Endpoint};

/// Asks each endpoint of a plan for its status, once.
pub(in crate::commands) fn statuses(
    plan: &Plan,
) -> Result<IndexMap<Endpoint, Result<EndpointStatus, BrowserError>>, Error> {
    let mut asked = IndexMap::new();
    let runtime = tokio::runtime::Runtime::new()?;
    for browser in plan.manifest.browsers.values() {
        if let Some(endpoint) = browser.webdriver.as_ref().filter(|endpoint| !asked.contains_key(*endpoint)) {
            asked.insert(endpoint.clone(), runtime.block_on(EndpointStatus::of(endpoint)));
        }
    }
    Ok(asked)
}

/// Notes at each job that its endpoint can't serve why; says of an endpoint that does not answer that its jobs are not
/// checked.
pub(in crate::commands) fn check(plan: &mut Plan) -> Result<(), Error> {
    let statuses = statuses(plan)?;
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

fn unserved(
    browser: &BrowserSettings,
    statuses: &IndexMap<Endpoint, Result<EndpointStatus, BrowserError>>,
) -> Option<String> {
    let endpoint = browser.webdriver.as_ref()?;
    let status = statuses.get(endpoint)?.as_ref().ok()?;
    status.lacks(browser).map(|has| format!("{endpoint} serves no {}: it has {has}", browser.asked_name()))
}
