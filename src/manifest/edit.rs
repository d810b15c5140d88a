//! `--set KEY=VALUE`: a manifest's text with one value replaced or added, before it is read.
//!
//! The edited text is what is checked, run and kept in the run folder, so a run folder says what really ran.

use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Key, Table, Value};

use super::problem::{ManifestError, Problem};

/// `text` with each of `sets` applied in turn. A text that is not TOML stays as it is: reading it says why.
pub(super) fn edited(text: String, sets: &[String]) -> Result<String, Vec<ManifestError>> {
    if sets.is_empty() {
        return Ok(text);
    }
    let Ok(mut document) = text.parse::<DocumentMut>() else { return Ok(text) };
    let errors: Vec<ManifestError> = sets
        .iter()
        .filter_map(|set| {
            let problem = apply(&mut document, set).err()?;
            Some(ManifestError::new(Path::new("--set"), set, vec![problem]))
        })
        .collect();
    if errors.is_empty() { Ok(document.to_string()) } else { Err(errors) }
}

fn apply(document: &mut DocumentMut, set: &str) -> Result<(), Problem> {
    const HELP: &str = "write `--set measure.samples=20`: a key of the manifest, `=`, and a value as in TOML";
    let whole = 0..set.len();
    let Some((path, value)) = set.split_once('=') else {
        return Err(Problem::at(whole, "`--set` without a value", "there is no `=`").help(HELP));
    };
    let keys = Key::parse(path)
        .map_err(|_| Problem::at(0..path.len(), "this is not a key", "expected words joined by dots").help(HELP))?;
    let value = value_of(value.trim()).ok_or_else(|| {
        Problem::at(path.len() + 1..set.len(), "this is not a value", "expected a value as in TOML, or a bare word")
            .help("a text with spaces or brackets needs its own quotes: --set 'description=\"two words\"'")
    })?;
    let Some((last, tables)) = keys.split_last() else {
        return Err(Problem::at(whole, "`--set` without a key", "nothing stands before `=`").help(HELP));
    };
    let mut item: &mut Item = document.as_item_mut();
    for key in tables {
        item = step(item, key).ok_or_else(|| not_a_table(path, key))?;
    }
    let table = item.as_table_like_mut().ok_or_else(|| not_a_table(path, last))?;
    table.insert(last.get(), Item::Value(value));
    Ok(())
}

/// The table under `key`, made when it is not there; `None` when something else is.
fn step<'a>(item: &'a mut Item, key: &Key) -> Option<&'a mut Item> {
    let inline = item.is_inline_table();
    let table = item.as_table_like_mut()?;
    if !table.contains_key(key.get()) {
        let made = if inline { Item::Value(InlineTable::new().into()) } else { Item::Table(Table::new()) };
        table.insert(key.get(), made);
    }
    table.get_mut(key.get()).filter(|item| item.is_table_like())
}

fn not_a_table(path: &str, key: &Key) -> Problem {
    let start = path.find(key.get()).unwrap_or(0);
    let span = start..(start + key.get().len()).min(path.len());
    Problem::at(span, format!("`{}` is not a table of this manifest", key.get()), "no key can be set below it")
        .help("a value is replaced as a whole, for instance --set 'measure.samples={min=5,max=10}'")
}

/// A TOML value, or a bare word (`60s`, `chrome`, `2%`) as a text.
fn value_of(text: &str) -> Option<Value> {
    if let Ok(value) = text.parse::<Value>() {
        return Some(value);
    }
    let bare = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "[]{}\"'".contains(c));
    bare.then(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, sets: &[&str]) -> Result<String, String> {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        edited(text.to_owned(), &sets).map_err(|errors| errors[0].problems[0].message.clone())
    }

    #[test]
    fn values_are_replaced_and_added() {
        let text = "# kept\n[measure]\nsamples = 3 # kept\n";
        assert_eq!(set(text, &["measure.samples=20"]).unwrap(), "# kept\n[measure]\nsamples = 20\n");
        assert_eq!(set("", &["measure.timeout=60s"]).unwrap(), "[measure]\ntimeout = \"60s\"\n");
        assert_eq!(set("a = { b = 1 }\n", &["a.b=[1, 2]"]).unwrap(), "a = { b = [1, 2] }\n");
        assert_eq!(
            set("", &["browser.firefox.prefs.\"dom.webgpu.enabled\"=true"]).unwrap().lines().last(),
            Some("\"dom.webgpu.enabled\" = true")
        );
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(set("", &["samples"]).unwrap_err(), "`--set` without a value");
        assert_eq!(set("", &["a b=1"]).unwrap_err(), "this is not a key");
        assert_eq!(set("", &["a=[1"]).unwrap_err(), "this is not a value");
        assert_eq!(set("", &["a="]).unwrap_err(), "this is not a value");
        assert_eq!(set("name = 'x'", &["name.x=1"]).unwrap_err(), "`name` is not a table of this manifest");
    }
}
