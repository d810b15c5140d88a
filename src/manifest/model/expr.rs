//! An expression over params, dims and job variables, in minijinja's syntax: `seconds * 16000`, `heads // 2`.
//!
//! Compiled once when a model is read; evaluated for each job. Plain numbers and names skip the evaluator. Of minijinja's
//! language it has what arithmetic needs (`arithmetic.rs`).

mod arithmetic;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use minijinja::value::ValueKind;
use minijinja::{Environment, Expression, UndefinedBehavior, Value, filters};

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.add_filter("abs", filters::abs);
    environment.add_filter("float", filters::float);
    environment.add_filter("int", filters::int);
    environment.add_filter("round", filters::round);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // An extent is a line of arithmetic.
    environment.set_fuel(Some(100_000));
    environment
});

/// Letters of a value that an error shows.
const LONGEST_SHOWN: usize = 80;

/// Letters that are shown of what minijinja says.
const LONGEST_MESSAGE: usize = 1000;

/// A compiled expression with its text.
#[derive(Debug, Clone)]
pub struct Expr {
    text: String,
    code: Code,
    span: Range<usize>,
}

#[derive(Debug, Clone)]
enum Code {
    Int(i64),
    Name,
    Compiled(Arc<Expression<'static, 'static>>),
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The variables that an expression sees, by name.
pub trait Scope {
    /// One variable.
    fn get(&self, name: &str) -> Option<&Value>;
    /// All variables as a map.
    fn all(&self) -> Value;
}

impl Expr {
    /// A constant that stands at `span` of its file.
    #[must_use]
    pub fn int(value: i64, span: Range<usize>) -> Self {
        Self { text: value.to_string(), code: Code::Int(value), span }
    }

    /// Compiles `text`, which stands at `span` of its file; the error is minijinja's message.
    pub fn compile(text: &str, span: Range<usize>) -> Result<Self, String> {
        let text = text.trim().to_owned();
        if let Ok(value) = text.parse() {
            return Ok(Self::int(value, span));
        }
        if is_name(&text) {
            return Ok(Self { text, code: Code::Name, span });
        }
        arithmetic::check(&text)?;
        let compiled = ENVIRONMENT.compile_expression_owned(text.clone()).map_err(|error| message(&error))?;
        Ok(Self { text, code: Code::Compiled(Arc::new(compiled)), span })
    }

    /// Where it stands in its file; of a shape's extent, the whole shape.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The names that its value depends on.
    #[must_use]
    pub fn names(&self) -> HashSet<String> {
        match &self.code {
            Code::Int(_) => HashSet::new(),
            Code::Name => HashSet::from([self.text.clone()]),
            Code::Compiled(code) => code.undeclared_variables(false),
        }
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value; the error says what is wrong without naming the expression.
    pub fn value(&self, scope: &impl Scope) -> Result<Value, String> {
        match &self.code {
            Code::Int(value) => Ok(Value::from(*value)),
            Code::Name => scope.get(&self.text).cloned().ok_or_else(|| format!("`{}` is not defined", self.text)),
            Code::Compiled(code) => code.eval(scope.all()).map_err(|error| {
                let unknown =
                    code.undeclared_variables(false).into_iter().filter(|name| scope.get(name).is_none()).min();
                unknown.map_or_else(|| message(&error), |name| format!("`{name}` is not defined"))
            }),
        }
    }

    /// The value as an extent: a whole number from `least` to 2^31.
    ///
    /// Rounding in products of decimals (`0.3 * 16000`) is forgiven: a value within 1e-6 of a whole number is that number.
    pub fn extent(&self, scope: &impl Scope, least: u32) -> Result<usize, String> {
        let value = self.value(scope)?;
        let number =
            f64::try_from(value.clone()).map_err(|_| format!("it is {}, which is not a number", brief(&value)))?;
        let whole = number.round();
        if (number - whole).abs() > 1e-6 {
            return Err(format!("it is {number}, which is not a whole number"));
        }
        if !(f64::from(least)..=f64::from(1_u32 << 31)).contains(&whole) {
            return Err(format!("it is {number}, which is not in {least}..=2147483648"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 0..=2^31")]
        Ok(whole as usize)
    }
}

/// Whether `text` is an identifier.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["true", "false", "none", "not", "and", "or", "in", "is", "if", "else"].contains(&text)
}

/// A value for a message. A text may have grown long (`'a' * 10000`), so that what is not shown is not written either. A list,
/// which an expression can't make but a name may have, is counted: repeated millions of times it takes minijinja seconds only
/// to begin writing it.
#[must_use]
pub fn brief(value: &Value) -> String {
    match (value.kind(), value.len()) {
        (ValueKind::Seq | ValueKind::Iterable, Some(1)) => return "a list of 1 value".to_owned(),
        (ValueKind::Seq | ValueKind::Iterable, Some(length)) => return format!("a list of {length} values"),
        (ValueKind::Seq | ValueKind::Iterable, None) => return "a list".to_owned(),
        (ValueKind::Map, _) => return "a map".to_owned(),
        _ => {}
    }
    let mut shown = Beginning(String::new());
    match write!(shown, "{value:?}") {
        Ok(()) => shown.0,
        Err(_) => format!("{}…", shown.0),
    }
}

/// Takes so many letters and then refuses.
struct Beginning(String);

impl std::fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let free = LONGEST_SHOWN - self.0.chars().count();
        let end = text.char_indices().nth(free).map_or(text.len(), |(end, _)| end);
        self.0.push_str(&text[..end]);
        if end < text.len() { Err(std::fmt::Error) } else { Ok(()) }
    }
}

fn message(error: &minijinja::Error) -> String {
    let mut text = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    if error.kind() == minijinja::ErrorKind::UnknownFilter {
        text += "; there are abs, float, int and round";
    }
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Scope for Nothing {
        fn get(&self, _: &str) -> Option<&Value> {
            None
        }

        fn all(&self) -> Value {
            Value::UNDEFINED
        }
    }

    #[test]
    fn an_error_shows_the_beginning_of_a_long_value() {
        let extent = |text: &str| Expr::compile(text, 0..1).unwrap().extent(&Nothing, 1).unwrap_err();
        assert_eq!(extent("'ab' * 2"), "it is 'abab', which is not a number");
        assert_eq!(extent("'ä' * 10000"), format!("it is '{}…, which is not a number", "ä".repeat(79)));
    }

    #[test]
    fn a_list_and_a_map_are_shown_by_what_they_are() {
        assert_eq!(brief(&Value::from(vec![1, 2])), "a list of 2 values");
        assert_eq!(brief(&Value::from(vec![1])), "a list of 1 value");
        assert_eq!(brief(&Value::from_pairs([("a", 1)])), "a map");
    }

    #[test]
    fn what_the_language_lacks_is_said() {
        let extent = |text: &str| Expr::compile(text, 0..1).unwrap().extent(&Nothing, 1).unwrap_err();
        assert_eq!(extent("range(1000) * 1000"), "`range` is not defined");
        assert_eq!(extent("'abc'|list"), "filter list is unknown; there are abs, float, int and round");
        assert!(extent("'a' * 99999999").contains("fuel"), "{}", extent("'a' * 99999999"));
    }

    #[test]
    fn what_arithmetic_needs_is_taken() {
        struct Names;
        impl Scope for Names {
            fn get(&self, name: &str) -> Option<&Value> {
                static WG: LazyLock<Value> = LazyLock::new(|| Value::from(vec![8, 4, 1]));
                (name == "wg").then_some(&WG)
            }

            fn all(&self) -> Value {
                Value::from_pairs([("wg".to_owned(), Value::from(vec![8, 4, 1]))])
            }
        }
        let cases = [
            ("wg[0] * wg[1]", 32),
            ("(3 if wg[1] in [2, 4] and 'a' not in ['[', '~', \"{\"] else 5) * 2", 6),
            ("(wg[0] - 9)|abs + 6.7|int + 2.4|round|int", 9),
            ("7 // 2 if wg [0] in[8] else 1", 3),
            ("1 if (wg[0] * 1e3 >= 8_000.0 or wg[2] in [wg[0] // 8, (3)]) != false else 2 ** -1", 1),
        ];
        for (text, value) in cases {
            assert_eq!(Expr::compile(text, 0..1).unwrap().extent(&Names, 1), Ok(value), "{text}");
        }
    }
}
