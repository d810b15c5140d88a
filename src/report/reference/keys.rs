//! The keys of a TOML file, from its JSON Schema: a table for each table that the file may have.

use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value};

use super::{ReferenceTable, code};

/// How a table stands in the one above it.
#[derive(Clone, Copy)]
enum Place {
    /// `[key]`
    Itself,
    /// `[key.NAME]`
    ByName,
    /// `[[key]]`
    InList,
}

/// A table of the file, still to be written.
struct Found<'schema> {
    title: String,
    is_top: bool,
    properties: &'schema Map<String, Value>,
}

/// The tables of a schema, that of the file itself first; a table that stands in several places is written once. `hidden` says
/// which key of which table is documented elsewhere.
pub(super) fn tables(schema: &Value, top: &str, hidden: impl Fn(&str, &str) -> bool) -> Vec<ReferenceTable> {
    let mut tables = Vec::new();
    let mut seen = HashSet::new();
    let mut queue = VecDeque::new();
    if let Some(properties) = properties(schema) {
        queue.push_back(Found { title: top.to_owned(), is_top: true, properties });
    }
    while let Some(Found { title, is_top, properties }) = queue.pop_front() {
        let mut rows = Vec::new();
        for (key, value) in properties {
            let inside = nested(schema, value, Place::Itself);
            let own_table = is_top && !inside.is_empty();
            for (name, place, properties) in inside {
                if name.is_none_or(|name| seen.insert(name)) {
                    queue.push_back(Found { title: heading(key, place, &title, is_top), is_top: false, properties });
                }
            }
            // What has a table of its own is described there.
            if !own_table && !hidden(&title, key) {
                rows.push(vec![code(key), kind(schema, value), description(value)]);
            }
        }
        if !rows.is_empty() {
            tables.push(ReferenceTable::new(title, &["key", "is", ""], rows));
        }
    }
    tables
}

fn heading(key: &str, place: Place, parent: &str, at_top: bool) -> String {
    match (at_top, place) {
        (true, Place::Itself) => format!("`[{key}]`"),
        (true, Place::ByName) => format!("`[{key}.NAME]`"),
        (true, Place::InList) => format!("`[[{key}]]`"),
        (false, Place::Itself | Place::InList) => format!("`{key} = {{ … }}` in {parent}"),
        (false, Place::ByName) => format!("`{key} = {{ NAME = {{ … }} }}` in {parent}"),
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// What a schema refers to, with its name, or the schema itself.
fn resolved<'schema>(root: &'schema Value, schema: &'schema Value) -> (Option<&'schema str>, &'schema Value) {
    let name = schema.get("$ref").and_then(|name| name.as_str()?.strip_prefix("#/$defs/"));
    let target = name.and_then(|name| root.get("$defs")?.get(name));
    target.map_or((None, schema), |target| (name, target))
}

/// The tables that a value may be, or that may stand in it, each with its name in the schema.
fn nested<'schema>(
    root: &'schema Value,
    schema: &'schema Value,
    place: Place,
) -> Vec<(Option<&'schema str>, Place, &'schema Map<String, Value>)> {
    let (name, schema) = resolved(root, schema);
    if let Some(properties) = properties(schema) {
        return vec![(name, place, properties)];
    }
    let by_name = schema.get("additionalProperties").filter(|schema| schema.is_object());
    let in_list = schema.get("items").filter(|schema| schema.is_object());
    let either = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let inside = by_name.into_iter().flat_map(|schema| nested(root, schema, Place::ByName));
    let inside = inside.chain(in_list.into_iter().flat_map(|schema| nested(root, schema, Place::InList)));
    inside.chain(either.flat_map(|schema| nested(root, schema, place))).collect()
}

/// What a value is, in words.
fn kind(root: &Value, schema: &Value) -> String {
    let (_, schema) = resolved(root, schema);
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(|word| code(&word.to_string())).collect::<Vec<_>>().join(", ");
    }
    if let Some(word) = schema.get("const") {
        return code(&word.to_string());
    }
    if let Some(either) = schema.get("anyOf").and_then(Value::as_array) {
        let kinds: Vec<String> = either.iter().map(|schema| kind(root, schema)).collect();
        return match kinds.as_slice() {
            [one, list] if *list == format!("list of {one}") => format!("{one}, or a list"),
            _ => kinds.join(" or "),
        };
    }
    let named = |name: &str| match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true`/`false`".to_owned(),
        "array" => match schema.get("items").filter(|items| items.is_object()) {
            Some(items) => format!("list of {}", kind(root, items)),
            None => "list".to_owned(),
        },
        // What stands in it, its description says.
        "object" => "table".to_owned(),
        other => other.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(name)) => named(name),
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).map(named).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

/// Its description on one line; beside a reference it is the key's own.
fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
