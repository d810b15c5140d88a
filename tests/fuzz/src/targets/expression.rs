//! An expression, and values of the names that it may use: `name = value`, one a line, below it; what is no number is a text.

use std::collections::HashMap;

use gpujobs::manifest::model::Expr;
use gpujobs::manifest::model::expr::Scope;

/// Names with their values.
struct Names(HashMap<String, minijinja::Value>);

impl Scope for Names {
    fn get(&self, name: &str) -> Option<&minijinja::Value> {
        self.0.get(name)
    }

    fn all(&self) -> minijinja::Value {
        minijinja::Value::from_pairs(self.0.iter().map(|(name, value)| (name.clone(), value.clone())))
    }
}

/// An error of so many letters is one that a person may read.
const MOST_LETTERS: usize = 100_000;

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let (text, names) = text.split_once('\n').unwrap_or((text, ""));
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let whole = value.parse::<i64>().map(minijinja::Value::from);
        let number = whole.or_else(|_| value.parse::<f64>().map(minijinja::Value::from));
        Some((name.trim().to_owned(), number.unwrap_or_else(|_| minijinja::Value::from(value))))
    };
    let scope = Names(names.lines().filter_map(value).collect());
    let Ok(expr) = Expr::compile(text, 3..7) else { return };
    assert_eq!(expr.span(), 3..7);
    let _ = expr.names();
    let again = Expr::compile(expr.text(), 3..7).expect("its text is the expression");
    assert_eq!(again, expr);
    match (expr.extent(&scope, 1), again.extent(&scope, 1)) {
        (Ok(extent), Ok(other)) => assert!(extent == other && (1..=1 << 31).contains(&extent), "{extent} {other}"),
        (Err(message), Err(_)) => assert!(message.len() < MOST_LETTERS, "an error of {} letters", message.len()),
        (one, other) => panic!("{one:?} and {other:?}"),
    }
}
