//! Text into tokens.
use serde_json::{Number, Value};

use super::{Fault, Outcome};

/// A token, and the byte it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub at: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(Value),
    Text(String),
    Word(String),
    Symbol(&'static str),
    End,
}

impl Kind {
    /// As a person would name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Number(number) => format!("`{number}`"),
            Self::Text(text) => format!("{text:?}"),
            Self::Word(word) => format!("`{word}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Longest first.
const SYMBOLS: &[&str] = &[
    "..=", "..", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "|", "+", "-", "*", "/", "%", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",",
    ".", "=", ":", "&",
];

/// All tokens, the last of them [`Kind::End`].
pub(super) fn tokens(text: &str) -> Outcome<Vec<Token>> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (kind, len) = if c.is_ascii_digit() {
            // `pair.0.1`: behind a dot only digits, so that the second dot stays one.
            let after_dot = tokens.last().is_some_and(|token| token.kind == Kind::Symbol("."));
            number(rest, at, after_dot)?
        } else if is_word(c) {
            let len = rest.find(|c: char| !(is_word(c) || c.is_numeric())).unwrap_or(rest.len());
            (Kind::Word(rest[..len].to_owned()), len)
        } else if c == '"' || c == '\'' {
            string(rest, at, c)?
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Kind::Symbol(symbol), symbol.len())
        } else {
            return Err(Fault::new(at, format!("{c:?} has no meaning here")));
        };
        tokens.push(Token { at, kind });
        at += len;
    }
    tokens.push(Token { at: text.len(), kind: Kind::End });
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

fn number(rest: &str, at: usize, index_only: bool) -> Outcome<(Kind, usize)> {
    let bytes = rest.as_bytes();
    let mut len = 0;
    while let Some(byte) = bytes.get(len) {
        let fraction = *byte == b'.' && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        let exponent = (*byte == b'-' || *byte == b'+') && matches!(bytes.get(len.wrapping_sub(1)), Some(b'e' | b'E')) && !rest.starts_with("0x");
        if !(byte.is_ascii_alphanumeric() || *byte == b'_' || (fraction && !index_only) || exponent) {
            break;
        }
        len += 1;
    }
    let digits: String = rest[..len].chars().filter(|c| *c != '_').collect();
    let bad = || Fault::new(at, format!("`{}` is no number", &rest[..len]));
    let value = match digits.get(..2) {
        Some("0x") => radix(&digits[2..], 16),
        Some("0b") => radix(&digits[2..], 2),
        Some("0o") => radix(&digits[2..], 8),
        _ => decimal(without_suffix(&digits)),
    };
    Ok((Kind::Number(value.ok_or_else(bad)?), len))
}

fn radix(digits: &str, radix: u32) -> Option<Value> {
    // `f32` is three hexadecimal digits.
    let digits = if digits.ends_with("f32") || digits.ends_with("f64") { digits } else { without_suffix(digits) };
    u64::from_str_radix(digits, radix).ok().map(Value::from)
}

fn decimal(digits: &str) -> Option<Value> {
    if digits.contains(['.', 'e', 'E']) {
        return digits.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number);
    }
    digits.parse::<i64>().map(Value::from).or_else(|_| digits.parse::<u64>().map(Value::from)).ok()
}

/// Rust's literals may carry a type: it says nothing here.
fn without_suffix(digits: &str) -> &str {
    ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64"]
        .iter()
        .find_map(|suffix| digits.strip_suffix(suffix))
        .unwrap_or(digits)
}

fn string(rest: &str, at: usize, quote: char) -> Outcome<(Kind, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        if c == quote {
            return Ok((Kind::Text(text), index + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, 'r')) => text.push('\r'),
            Some((_, '0')) => text.push('\0'),
            Some((_, other)) => text.push(other),
            None => break,
        }
    }
    Err(Fault::new(at, "this string has no end"))
}
