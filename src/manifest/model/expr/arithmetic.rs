//! What an expression may hold: numbers, names, texts in quotes, `+ - * / // % **`, comparisons, `and or not`,
//! `x if condition else y`, `x in [1, 2]`, an index as in `wg[0]`, and filters.
//!
//! Everything else of minijinja's language is refused before minijinja sees it. Lists and tuples can be repeated, and values
//! be joined as texts (`~`), at a cost that its fuel does not count: a line of a model could take minutes and all memory.

use std::iter::Peekable;
use std::str::Chars;

/// What the letters before are, as far as it decides what may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing, an operator or an opening bracket.
    Nothing,
    /// What an index may follow.
    Operand,
    /// `in`.
    In,
    /// A list behind `in`.
    List,
}

/// An open bracket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Parenthesis,
    Index,
    List,
}

/// Refuses an expression that holds anything else; the error says what. Whether the rest makes sense is minijinja's to say.
pub(super) fn check(text: &str) -> Result<(), String> {
    let (mut before, mut open) = (Before::Nothing, Vec::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let is_end = matches!(letter, ')' | ']' | ',') || letter.is_alphabetic();
        if before == Before::List && !is_end {
            return Err(format!("a list can only be searched with `in`; `{letter}` can't follow it"));
        }
        before = match letter {
            '0'..='9' => number(letter, &mut letters)?,
            _ if is_of_a_word(letter) => word(letter, &mut letters),
            '\'' | '"' => {
                if letters.by_ref().take_while(|next| *next != letter).any(|next| next == '\\') {
                    return Err("a text of an expression can't hold a backslash".to_owned());
                }
                Before::Operand
            }
            '[' => {
                open.push(match before {
                    Before::Operand => Open::Index,
                    Before::In => Open::List,
                    _ => return Err("a list may only stand right behind `in`".to_owned()),
                });
                Before::Nothing
            }
            '(' => {
                open.push(Open::Parenthesis);
                Before::Nothing
            }
            ')' if before == Before::Nothing => return Err("`)` closes nothing".to_owned()),
            ']' if open.pop() == Some(Open::List) => Before::List,
            ']' => Before::Operand,
            ')' => {
                open.pop();
                Before::Operand
            }
            ',' if open.last() == Some(&Open::List) => Before::Nothing,
            ',' => return Err("`,` may only stand in a list behind `in`".to_owned()),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '|' => Before::Nothing,
            _ => return Err(format!("an expression can't hold `{letter}`")),
        };
    }
    Ok(())
}

/// Takes a number to its end. A keyword right behind it, which minijinja would read as one, is refused with it.
fn number(first: char, letters: &mut Peekable<Chars<'_>>) -> Result<Before, String> {
    let mut number = String::from(first);
    while let Some(next) = letters.next_if(|next| is_of_a_word(*next) || *next == '.') {
        number.push(next);
        let is_exponent = matches!(next, 'e' | 'E');
        number.extend(letters.next_if(|sign| is_exponent && matches!(sign, '+' | '-')));
    }
    match number.replace('_', "").parse::<f64>() {
        Ok(_) => Ok(Before::Operand),
        Err(_) => Err(format!("`{number}` is no number")),
    }
}

/// Takes a name or a keyword to its end.
fn word(first: char, letters: &mut Peekable<Chars<'_>>) -> Before {
    let mut word = String::from(first);
    while let Some(next) = letters.next_if(|next| is_of_a_word(*next)) {
        word.push(next);
    }
    match word.as_str() {
        "in" => Before::In,
        "and" | "or" | "not" | "if" | "else" => Before::Nothing,
        _ => Before::Operand,
    }
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_can_grow_is_refused() {
        let said = |text: &str| check(text).unwrap_err();
        let nowhere = "a list may only stand right behind `in`";
        for text in [
            "4*[1]*2444445",
            "4 * ([1, 2])",
            "[1] * 3 in 'a'",
            "1 in [[1]]",
            "not [1]",
            "1 and[0] * 9",
            "in[1] if a else [2]",
        ] {
            assert_eq!(said(text), nowhere, "{text}");
        }
        for (text, letter) in
            [("2 in [1] * 99999999", '*'), ("2 in [1]|list", '|'), ("1 in [1][0]", '['), ("1 in [1] == 1", '=')]
        {
            assert_eq!(
                said(text),
                format!("a list can only be searched with `in`; `{letter}` can't follow it"),
                "{text}"
            );
        }
        for (text, letter) in [("4 ~ 4", '~'), ("{'a': 1}", '{'), ("a.b", '.'), ("a[0:2]", ':'), ("a;", ';')] {
            assert_eq!(said(text), format!("an expression can't hold `{letter}`"), "{text}");
        }
        for text in ["(1, 2)", "((0,)*3000,)*3000", "x in (1, 2)", "a[1, 2]", "f(1, 2)", "1 in [(1, 2)]"] {
            assert_eq!(said(text), "`,` may only stand in a list behind `in`", "{text}");
        }
        assert_eq!(said("() == 1"), "`)` closes nothing");
    }

    #[test]
    fn what_only_looks_harmless_is_refused() {
        for text in [r"'\'' ~ [0] * 99999999 ~ '\''", r"'it\'s' in ['a']", r#""\"" * 2"#] {
            assert_eq!(check(text).unwrap_err(), "a text of an expression can't hold a backslash", "{text}");
        }
        for (text, number) in
            [("2in[0] * 99999999", "2in"), ("1and[0] * 99999999", "1and"), ("1.5.in[0]", "1.5.in"), ("0x10", "0x10")]
        {
            assert_eq!(check(text).unwrap_err(), format!("`{number}` is no number"), "{text}");
        }
    }

    #[test]
    fn what_arithmetic_needs_is_taken() {
        let all =
            "-a ** 2 // (b % 3.5) + 1e-3 / c_1|round(2)|int - wg[0] if a in [1, 'x', (2)] and not b != 1_000 else 'y'";
        assert_eq!(check(all), Ok(()));
        assert_eq!(check("1 if a in[1] else 2"), Ok(()));
        // Whether it makes sense is not asked here.
        assert_eq!(check("a b 'c"), Ok(()));
    }
}
