//! `gpujobs fetch`: models from a hub into the model store.

use std::io::Write;

use crate::cli::FetchArgs;
use crate::error::Error;
use crate::report::fetching::Fetching;
use crate::store::fetch::fetch;
use crate::store::fetch_error::FetchError;
use crate::store::hub::Hub;
use crate::store::{FetchRequest, ModelId, Store};

/// Fetches each model in turn and prints its folder, a line each.
pub fn run(args: &FetchArgs, out: &mut dyn Write) -> Result<(), Error> {
    let store = args.store.clone().map_or_else(|| Store::new(None), Store::at);
    let ids: Result<Vec<ModelId>, _> = args.ids.iter().map(|id| id.parse()).collect();
    let hub = Hub::from_env()?;
    let dtypes = args.dtypes.iter().filter_map(|name| name.parse().ok()).collect();
    let wish = FetchRequest { dtypes, revision: args.revision.clone(), all: args.all };
    let fetching = Fetching::new(args.quiet);
    for id in &ids.map_err(FetchError::from)? {
        let folder = fetch(&hub, &store, id, &wish, &mut |event| fetching.show(event));
        fetching.end();
        writeln!(out, "{}", folder?.display())?;
    }
    Ok(())
}
