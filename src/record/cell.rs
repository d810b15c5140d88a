//! A cell is one value of a row, with its type; an empty one was not measured.

use jiff::Timestamp;
use serde_json::Value;

use super::csv::harmless;
use crate::units::{Nanos, significant};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not measured, or there is none.
    Empty,
    /// Words, which may come from anywhere.
    Text(String),
    /// A count.
    Whole(u64),
    /// A whole number of either sign, which is a name as much as a number.
    Int(i64),
    /// A number with all its digits, which is a name as much as a number.
    Exact(f64),
    /// A figure.
    Float(f64),
    /// Yes or no.
    Flag(bool),
}

/// What the cells of a column are, those that are not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum CellKind {
    /// Words, also where they look like a number.
    #[strum(to_string = "a text")]
    Text,
    /// Whole numbers.
    #[strum(to_string = "a whole number")]
    Whole,
    /// Figures.
    #[strum(to_string = "a number")]
    Float,
    /// Yes or no.
    #[strum(to_string = "`true` or `false`")]
    Flag,
    /// Moments, RFC 3339.
    #[strum(to_string = "a time such as 2026-11-22T17:52:00Z")]
    Time,
}

impl CellKind {
    /// The cell that a CSV file has as this text, without what keeps spreadsheets from taking it for a formula; `None` for a
    /// text that is no cell of this kind.
    #[must_use]
    pub fn read(self, text: &str) -> Option<Cell> {
        if text.is_empty() {
            return Some(Cell::Empty);
        }
        match self {
            Self::Text => Some(Cell::text(text)),
            Self::Whole => text.parse().ok().map(Cell::Int),
            Self::Float => text.parse().ok().map(Cell::Float),
            Self::Flag => text.parse().ok().map(Cell::Flag),
            Self::Time => text.parse::<Timestamp>().ok().map(|_| Cell::text(text)),
        }
    }

    /// The narrowest kind that all these texts are of; text where all are empty.
    #[must_use]
    pub fn of_all<'text>(texts: impl Iterator<Item = &'text str> + Clone) -> Self {
        let texts = texts.filter(|text| !text.is_empty());
        let kinds = [Self::Flag, Self::Whole, Self::Float];
        // A word such as `inf` or `nan` is a name here.
        let holds = |kind: &Self| {
            texts.clone().all(|text| match kind.read(text) {
                // `1.10` beside `1.1`, `007` and `+5` are names: as numbers they would be other texts, or the same one.
                Some(Cell::Float(number)) => number.is_finite() && number.to_string() == text,
                Some(cell) => cell.csv().trim_start_matches('\'') == text,
                None => false,
            })
        };
        if texts.clone().next().is_none() {
            return Self::Text;
        }
        kinds.into_iter().find(holds).unwrap_or(Self::Text)
    }
}

impl Cell {
    /// Words of ours or of others; empty for none.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    /// A count.
    pub fn whole(count: impl TryInto<u64>) -> Self {
        count.try_into().map_or(Self::Empty, Self::Whole)
    }

    /// A time, in ms.
    #[must_use]
    pub fn millis(time: Nanos) -> Self {
        Self::Float(time.millis())
    }

    /// As in a CSV file: `.` decimals, no text that a spreadsheet takes for a formula.
    #[must_use]
    pub fn csv(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => harmless(text),
            Self::Whole(count) => count.to_string(),
            Self::Int(number) => harmless(&number.to_string()),
            Self::Exact(number) => harmless(&number.to_string()),
            Self::Float(figure) => decimal(*figure),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    /// As in JSON, with the digits of the CSV file; null where it is empty.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => Value::String(harmless(text)),
            Self::Whole(count) => Value::from(*count),
            Self::Int(number) => Value::from(*number),
            Self::Exact(number) => Value::from(*number),
            Self::Float(figure) => serde_json::from_str(&decimal(*figure)).unwrap_or(Value::Null),
            Self::Flag(flag) => Value::Bool(*flag),
        }
    }
}

/// The cell of what may be absent.
pub fn of<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Empty, cell)
}

/// Six significant digits without trailing zeros.
fn decimal(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-4 {
        return format!("{number:.3e}");
    }
    let text = significant(number, 6);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_plain_decimals() {
        assert_eq!(decimal(0.0), "0");
        assert_eq!(decimal(12.5), "12.5");
        assert_eq!(decimal(1_234_567.0), "1234567");
        assert_eq!(decimal(0.001_234_567), "0.00123457");
        assert_eq!(decimal(4.5e-7), "4.500e-7");
    }

    #[test]
    fn texts_are_read_by_the_kind_of_their_column() {
        assert_eq!(CellKind::Text.read("156"), Some(Cell::text("156")));
        assert_eq!(CellKind::Whole.read("-3"), Some(Cell::Int(-3)));
        assert_eq!((CellKind::Whole.read("1.5"), CellKind::Float.read("1.5")), (None, Some(Cell::Float(1.5))));
        assert_eq!((CellKind::Flag.read("yes"), CellKind::Flag.read("true")), (None, Some(Cell::Flag(true))));
        assert_eq!(CellKind::Time.read("yesterday"), None);
        assert!(CellKind::Time.read("2026-11-25T16:12:41.739Z").is_some());
        assert_eq!(CellKind::Float.read(""), Some(Cell::Empty));
        for (texts, kind) in [
            (&["1", "", "2"][..], CellKind::Whole),
            (&["1", "0.5"], CellKind::Float),
            (&["true", "false"], CellKind::Flag),
            (&["1", "true"], CellKind::Text),
            (&["nan"], CellKind::Text),
            (&["", ""], CellKind::Text),
        ] {
            assert_eq!(CellKind::of_all(texts.iter().copied()), kind, "{texts:?}");
        }
    }

    #[test]
    fn json_has_the_type_of_the_cell_not_of_its_text() {
        assert_eq!(Cell::Float(12.0).json(), json!(12));
        assert_eq!(Cell::Float(-0.05).json(), json!(-0.05));
        assert_eq!(Cell::Float(f64::INFINITY).json(), Value::Null);
        assert_eq!(Cell::whole(4096_u64).json(), json!(4096));
        assert_eq!((Cell::Int(-1).json(), Cell::Int(-1).csv()), (json!(-1), "'-1".to_owned()));
        assert_eq!((Cell::Exact(0.5).json(), Cell::Exact(0.5).csv()), (json!(0.5), "0.5".to_owned()));
        assert_eq!(Cell::text("156.0").json(), json!("156.0"));
        assert_eq!(Cell::text("true").json(), json!("true"));
        assert_eq!(Cell::Flag(true).json(), json!(true));
        assert_eq!(Cell::text("").json(), Value::Null);
    }
}
