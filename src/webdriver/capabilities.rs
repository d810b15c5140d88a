//! The body of `POST /session`: what is asked of a driver.
//!
//! Pure functions from settings to JSON; what is special to a product comes from `products`. `session` sends what they
//! give.

use serde_json::{Map, Value, json};

use super::products::{BrowserSettings, Options};

/// The body of `POST /session`.
#[must_use]
pub(super) fn new_session(settings: &BrowserSettings, options: &Options) -> Value {
    let product = settings.kind.product();
    let millis = u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX);
    let mut asked = Map::from_iter([("browserName".to_owned(), json!(product.browser_name))]);
    asked.extend((product.capabilities)(settings, options));
    asked.insert("timeouts".to_owned(), json!({ "script": millis, "pageLoad": millis }));
    // Not every driver knows the key, so it is there only where it is needed.
    if options.accept_insecure_certs {
        asked.insert("acceptInsecureCerts".to_owned(), json!(true));
    }
    asked.insert("unhandledPromptBehavior".to_owned(), json!("dismiss"));
    if let Some(label) = &options.label {
        asked.insert("se:name".to_owned(), json!(label));
    }
    put_over(&mut asked, &settings.capabilities);
    json!({ "capabilities": { "alwaysMatch": asked } })
}

/// The user's values over ours, objects key by key.
fn put_over(ours: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    for (key, value) in theirs {
        match (ours.get_mut(key), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => put_over(ours, theirs),
            _ => drop(ours.insert(key.clone(), value.clone())),
        }
    }
}
