//! What the TOML parser and serde say, in the words of a user who knows neither.
//!
//! Used by `read` for each error of a file.

use super::problem::{Problem, listed, nearest, with_near};

/// Of the syntax errors, the first of each line: the others on it are the parser finding its way back.
pub(super) fn syntax(errors: &[toml::de::Error], text: &str) -> Vec<Problem> {
    let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count();
    let mut errors: Vec<&toml::de::Error> = errors.iter().collect();
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    let mut problems: Vec<(usize, Problem)> = Vec::new();
    for error in errors {
        let here = line(error.span().unwrap_or(0..0).start);
        if problems.last().is_none_or(|(last, _)| *last != here) {
            problems.push((here, problem(error, text)));
        }
    }
    problems.into_iter().map(|(_, problem)| problem).collect()
}

/// A serde or syntax error as a problem with its remedy.
pub(super) fn problem(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let found = text.get(span.clone()).unwrap_or_default();
    let message = error.message();
    if let Some((_, known)) = message.strip_prefix("unknown field").and_then(|rest| rest.split_once("expected")) {
        let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let help = with_near(nearest(found, names.iter().copied()), &format!("the keys here are {}", listed(&names)));
        return Problem::at(span, format!("unknown key `{found}`"), "not a key of this table").help(help);
    }
    if message == "duplicate key" {
        return Problem::at(span, format!("`{found}` is there twice"), "the second time")
            .help("keep one of the two; what belongs to one table stands under one header");
    }
    let (what, wanted) = message.split_once(", expected ").unwrap_or((message, ""));
    let label = if wanted.is_empty() { "here".to_owned() } else { format!("expected {}", expected(wanted)) };
    let unexpected = what.strip_prefix("invalid type: ").or_else(|| what.strip_prefix("invalid value: "));
    let problem = Problem::at(span, unexpected.map_or_else(|| what.to_owned(), unwanted), label);
    match what {
        "invalid type: map" if found.starts_with('[') && !found.starts_with("[[") => {
            problem.help(format!("each entry is a table of its own, under a header in two brackets: [{found}]"))
        }
        "string values must be quoted" if found.is_empty() => {
            Problem::at(problem.span.unwrap_or_default(), "a value is missing", "nothing stands here")
        }
        "string values must be quoted" if found.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) => {
            Problem::at(problem.span.unwrap_or_default(), "a text must be quoted", "neither a text nor a number")
                .help(format!("write \"{found}\""))
        }
        "invalid unquoted key" if found == ":" => problem.help("TOML has `=` between a key and its value"),
        _ if what.contains("array") => {
            problem.help("a list that was opened with `[` needs a comma or its `]` here or above")
        }
        _ if what.contains("inline table") || what.contains("key-value pairs") => {
            problem.help("a table that was opened with `{` needs a comma or its `}` here or above")
        }
        _ => problem,
    }
}

/// `string "x"` and the like, as serde names what it found.
fn unwanted(found: &str) -> String {
    let value = |rest: &str| rest.trim_matches('`').to_owned();
    match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text} can't stand here"),
        Some(("integer", number)) => format!("the number {} can't stand here", value(number)),
        Some(("floating", rest)) => format!("the number {} can't stand here", value(rest.trim_start_matches("point "))),
        Some(("boolean", truth)) => format!("{} can't stand here", value(truth)),
        _ => match found {
            "sequence" => "a list can't stand here".to_owned(),
            "map" => "a table can't stand here".to_owned(),
            other => format!("{other} can't stand here"),
        },
    }
}

/// Rust's names of types, as a user writes their values.
fn expected(wanted: &str) -> String {
    match wanted {
        "u32" => "a whole number from 0",
        "i64" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" => "a text in quotes",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
    .to_owned()
}
