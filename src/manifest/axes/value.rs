//! From what is written for an axis to its values, or to what is wrong with them.

use std::ops::Range;

use crate::manifest::AxisValue;
use crate::manifest::problem::{Problem, listed, nearest};
use crate::manifest::values::{At, Value};

/// The value of `workgroup_size` that gives each kernel the configuration that tuning found.
pub const TUNED: &str = "tuned";

/// The value of an axis of tables that names none.
pub const DEFAULT: &str = "default";

/// No adapter has a larger extent or product; what one really allows is asked of it at run time.
const LARGEST_EXTENT: i64 = 65_535;
const LARGEST_WORKGROUP: i64 = 1 << 20;
/// Larger counts are slips of the keyboard: no browser holds a million inputs, or runs a million threads.
const LARGEST_COUNT: i64 = 1_000_000;

/// What kind of value an axis takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name that is looked up elsewhere (a browser, a model).
    Name,
    /// The name of a table of this kind in the manifest, or `default`, which needs none.
    Table,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from 1.
    Count,
    /// `true` or `false`.
    Switch,
    /// A workgroup shape.
    Shape,
    /// A custom axis of the user: a number, a text, true or false.
    Custom,
}

impl Kind {
    /// The value that a cell of `jobs.csv` holds; `None` for an empty one, or one that an axis of this kind can't have.
    #[must_use]
    pub fn read(self, cell: &str) -> Option<AxisValue> {
        if cell.is_empty() {
            return None;
        }
        Some(match self {
            Self::Name | Self::Table | Self::Word(_) | Self::Custom => AxisValue::Text(cell.to_owned()),
            Self::Count => AxisValue::Int(cell.parse().ok()?),
            Self::Switch => AxisValue::Bool(cell.parse().ok()?),
            Self::Shape if cell == TUNED => AxisValue::Text(cell.to_owned()),
            Self::Shape => {
                let extents: Vec<u32> = cell.split('x').map(str::parse).collect::<Result<_, _>>().ok()?;
                AxisValue::Shape(extents.try_into().ok()?)
            }
        })
    }

    /// What is expected, for messages.
    fn expected(self) -> String {
        match self {
            Self::Name | Self::Table => "a name".to_owned(),
            Self::Word(words) => format!("one of {}", listed(words)),
            Self::Count => "a whole number from 1".to_owned(),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Shape => "three whole numbers from 1, such as [64, 1, 1], or \"tuned\"".to_owned(),
            Self::Custom => "a number, a text, `true` or `false`".to_owned(),
        }
    }
}

/// The values that are written for an axis: a single one, or each of a list.
#[must_use]
pub fn written(kind: Kind, value: &At<Value>) -> Vec<(&Value, Range<usize>)> {
    match value.get() {
        Value::List(items) if kind != Kind::Shape || !is_shape(items) => {
            items.iter().map(|item| (item.get(), item.span())).collect()
        }
        single => vec![(single, value.span())],
    }
}

/// A list with numbers in it is one shape (perhaps a faulty one); a list of lists, or of texts, is several.
#[must_use]
pub fn is_shape(items: &[At<Value>]) -> bool {
    items.iter().any(|item| matches!(item.get(), Value::Int(_) | Value::Float(_)))
        && !items.iter().any(|item| matches!(item.get(), Value::List(_)))
}

/// `value` as a value of the axis `axis`, or what is wrong with it.
pub fn value_of(axis: &str, kind: Kind, value: &Value, span: &Range<usize>) -> Result<AxisValue, Problem> {
    match (kind, value) {
        (Kind::Name | Kind::Table, Value::Text(name)) => name_of(axis, name, span),
        (Kind::Word(words), Value::Text(word)) => word_of(axis, words, word, span),
        (Kind::Count, Value::Int(count)) => count_of(axis, *count, span),
        (Kind::Switch | Kind::Custom, Value::Bool(value)) => Ok(AxisValue::Bool(*value)),
        (Kind::Shape, Value::List(items)) => shape_of(items, span),
        (Kind::Shape, Value::Text(word)) if word == TUNED => Ok(AxisValue::Text(word.clone())),
        (Kind::Custom, Value::Int(value)) => Ok(AxisValue::Int(*value)),
        (Kind::Custom, Value::Float(value)) if value.is_finite() => Ok(AxisValue::Float(*value)),
        (Kind::Custom, Value::Text(text)) => custom_text(axis, text, span),
        (kind, found) => {
            let problem = Problem::at(
                span.clone(),
                format!("{found} is not a value of `{axis}`"),
                format!("expected {}", kind.expected()),
            );
            Err(match (kind, found) {
                (Kind::Switch, Value::Text(text)) if matches!(text.as_str(), "true" | "false") => {
                    problem.help(format!("write {text} without quotes"))
                }
                (Kind::Shape, Value::Text(text)) if text.split('x').all(|part| part.parse::<u32>().is_ok()) => {
                    problem.help(format!("write [{}]", text.replace('x', ", ")))
                }
                (Kind::Shape, Value::Int(x)) => problem.help(format!("write [{x}, 1, 1]")),
                (Kind::Custom, Value::List(_)) => problem.help("a shape of your own can be a text, such as \"8x8\""),
                _ => problem,
            })
        }
    }
}

fn name_of(axis: &str, name: &str, span: &Range<usize>) -> Result<AxisValue, Problem> {
    if is_name(name) {
        return Ok(AxisValue::Text(name.to_owned()));
    }
    let message = format!("{name:?} can't be the name of a {axis}");
    Err(Problem::at(span.clone(), message, "names are letters, digits, `-`, `_` and `.`")
        .help("a name is part of job ids and file names, so it has no spaces, slashes or leading dot"))
}

/// Whether `name` can name a run folder, a browser or a model.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name.len() <= 100
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn word_of(axis: &str, words: &[&str], word: &str, span: &Range<usize>) -> Result<AxisValue, Problem> {
    if words.contains(&word) {
        return Ok(AxisValue::Text(word.to_owned()));
    }
    let expected = format!("expected one of {}", listed(words));
    let problem = Problem::at(span.clone(), format!("unknown {axis} `{word}`"), expected);
    Err(match nearest(&word.to_lowercase(), words.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    })
}

fn count_of(axis: &str, count: i64, span: &Range<usize>) -> Result<AxisValue, Problem> {
    if (1..=LARGEST_COUNT).contains(&count) {
        return Ok(AxisValue::Int(count));
    }
    let problem =
        Problem::at(span.clone(), format!("`{axis}` can't be {count}"), format!("expected 1 to {LARGEST_COUNT}"));
    Err(if axis == "threads" && count == 0 {
        problem.help("leave `threads` out to let the engine choose")
    } else {
        problem
    })
}

fn shape_of(items: &[At<Value>], span: &Range<usize>) -> Result<AxisValue, Problem> {
    let mut extents = [0_u32; 3];
    if items.len() != extents.len() {
        let message = format!("a workgroup shape has 3 extents, this one has {}", items.len());
        let problem = Problem::at(span.clone(), message, "expected [x, y, z]");
        let filled: Vec<String> = items.iter().map(|item| item.get().to_string()).collect();
        return Err(match filled.len() {
            1 => problem.help(format!("write [{}, 1, 1]", filled.join(", "))),
            2 => problem.help(format!("write [{}, 1]", filled.join(", "))),
            _ => problem,
        });
    }
    let mut product = 1_i64;
    for (extent, item) in extents.iter_mut().zip(items) {
        let found = item.get();
        let whole = match found {
            Value::Int(whole) if (1..=LARGEST_EXTENT).contains(whole) => *whole,
            _ => {
                let message = format!("{found} can't be the extent of a workgroup");
                let expected = format!("expected a whole number, 1 to {LARGEST_EXTENT}");
                return Err(Problem::at(item.span(), message, expected)
                    .help("an unused dimension has the extent 1, as in [64, 1, 1]"));
            }
        };
        *extent = u32::try_from(whole).unwrap_or(u32::MAX);
        product = product.saturating_mul(whole);
    }
    if product > LARGEST_WORKGROUP {
        return Err(Problem::at(
            span.clone(),
            format!("a workgroup of {product} threads runs on no GPU"),
            format!("the product is above {LARGEST_WORKGROUP}"),
        )
        .help("adapters allow 256 to 1024 threads in a workgroup"));
    }
    Ok(AxisValue::Shape(extents))
}

fn custom_text(axis: &str, text: &str, span: &Range<usize>) -> Result<AxisValue, Problem> {
    let bad = text.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | '=' | ',' | '*' | '?'));
    match bad {
        None if !text.is_empty() => Ok(AxisValue::Text(text.to_owned())),
        _ => {
            let found = bad.map_or_else(|| "it is empty".to_owned(), |c| format!("it contains {:?}", c.to_string()));
            Err(Problem::at(span.clone(), format!("{text:?} can't be a value of `{axis}`"), found).help(
                "the values of an axis are part of job ids and filters: no spaces, and none of `/`, `=`, `,`, `*` and `?`",
            ))
        }
    }
}
