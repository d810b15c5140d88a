//! `capabilities` of `[browser.NAME]`: JSON as WebDriver has it, with values of the environment where secrets stand.

use serde_json::{Map, Value as Json, json};
use toml::Value;

use super::Checker;
use crate::manifest::problem::Problem;
use crate::manifest::schema::BrowserFile;
use crate::manifest::values::At;

/// Ends of the names of what nobody may read in a run folder: `accessKey`, `access_key`, `authToken`.
const SECRETS: [&str; 7] = ["key", "password", "passwd", "secret", "token", "authorization", "credentials"];

/// What is wrong with a capability, and the remedy.
struct Fault {
    message: String,
    /// Not of a secret: what stands there is not to be shown.
    label: Option<String>,
    help: String,
}

impl Checker<'_> {
    /// The capabilities of a browser.
    pub(super) fn capabilities(&mut self, table: &BrowserFile) -> Map<String, Json> {
        let mut found = Map::new();
        for (name, value) in &table.capabilities {
            match json_of(name.get(), value.get()) {
                Ok(json) => drop(found.insert(name.get().clone(), json)),
                Err(fault) => self.note(at(value, fault)),
            }
        }
        found
    }
}

fn at(value: &At<Value>, Fault { message, label, help }: Fault) -> Problem {
    match label {
        Some(label) => Problem::at(value.span(), message, label),
        None => Problem::whole(message),
    }
    .help(help)
}

/// A value of TOML as JSON; `name` is its key.
fn json_of(name: &str, value: &Value) -> Result<Json, Fault> {
    Ok(match value {
        Value::String(_) if is_secret(name) => {
            return Err(Fault {
                message: format!("the secret `{name}` among the capabilities would be written into every run folder"),
                label: None,
                help: format!(
                    "keep it in an environment variable: {name} = {{ env = \"GRID_{}\" }}",
                    name.to_uppercase()
                ),
            });
        }
        Value::String(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Boolean(on) => json!(on),
        // JSON has no times.
        Value::Datetime(time) => json!(time.to_string()),
        Value::Array(values) => values.iter().map(|value| json_of(name, value)).collect::<Result<_, _>>()?,
        Value::Table(table) => match table.get("env") {
            Some(Value::String(variable)) if table.len() == 1 => json!(variable_of(variable)?),
            _ => {
                // What lies within a secret is one as well.
                let named = |key: &'_ str| if is_secret(name) { name.to_owned() } else { key.to_owned() };
                let entries = table.iter().map(|(key, value)| Ok((key.clone(), json_of(&named(key), value)?)));
                Json::Object(entries.collect::<Result<_, Fault>>()?)
            }
        },
    })
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    SECRETS.iter().any(|end| plain.ends_with(end))
}

/// The values that come from the environment.
pub(super) fn of_environment(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(of_environment).collect(),
        Value::Table(table) => match table.get("env") {
            Some(Value::String(variable)) if table.len() == 1 => variable_of(variable).into_iter().collect(),
            _ => table.values().flat_map(of_environment).collect(),
        },
        _ => Vec::new(),
    }
}

fn variable_of(variable: &str) -> Result<String, Fault> {
    std::env::var(variable).ok().filter(|value| !value.is_empty()).ok_or_else(|| Fault {
        message: format!("the environment variable {variable} is not set"),
        label: Some("`{ env = … }` names a variable".to_owned()),
        help: format!("set it: {variable}=… gpujobs run …"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> Result<Json, Fault> {
        json_of("x", &text.parse::<toml::Table>().unwrap().into())
    }

    #[test]
    fn capabilities_become_json_and_secrets_come_from_the_environment() {
        let path = std::env::var("PATH").unwrap();
        let found = converted(
            "\"bstack:options\" = { os = \"Windows\", sessions = [1, 2.5, true], accessKey = { env = \"PATH\" } }\n\
             day = 2026-11-28\nenv = { env = \"x\", other = 1 }",
        );
        let expected = json!({
            "bstack:options": { "os": "Windows", "sessions": [1, 2.5, true], "accessKey": path },
            "day": "2026-11-28", "env": { "env": "x", "other": 1 }
        });
        assert_eq!(found.ok().unwrap(), expected);
    }

    #[test]
    fn a_secret_in_the_text_and_a_variable_that_is_not_set_are_faults() {
        let fault = |text: &str| converted(text).err().unwrap();
        for text in [
            "a.access_key = \"s3cret\"",
            "a = [{ authToken = \"s3cret\" }]",
            "LT.password = \"s3cret\"",
            "token = { value = \"s3cret\" }",
        ] {
            let Fault { message, label, help } = fault(text);
            assert!(message.contains("would be written into every run folder") && label.is_none(), "{message}");
            assert!(!format!("{message}{help}").contains("s3cret"));
        }
        assert!(fault("a = { env = \"GPUJOBS_NO_SUCH_VARIABLE\" }").message.ends_with("is not set"));
        assert!(converted("tokenLimit = \"7\"\npassword = 3").is_ok());
    }
}
