//! The expression language of the REPL, over JSON values.
//!
//! Paths, indexing, slices, arithmetic, comparison, `if`, closures in methods like `filter` and
//! `map`. Values are what captures serialise to; nothing of the program runs. Parsing is bounded in
//! depth and evaluation in work, so no line can hang or overflow a halted thread.
mod ast;
mod compare;
mod eval;
mod lexer;
mod methods;
mod parser;
mod place;
mod print;

use std::collections::BTreeMap;

use serde_json::Value;

pub(super) use methods::NAMES as METHODS;
pub(super) use print::{compact, kind, pretty};

/// What an expression can name.
pub(super) type Names = BTreeMap<String, Value>;

/// Why an expression has no value, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// In words.
    pub message: String,
    /// The byte it is about.
    pub at: usize,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }
}

type Outcome<T> = Result<T, Fault>;

/// The value of an expression.
pub(super) fn evaluate(text: &str, names: &Names) -> Outcome<Value> {
    let statement = parser::parse(text)?;
    match statement {
        ast::Statement::Value(node) => eval::value_of(&node, names),
        ast::Statement::Assign { at, .. } => Err(Fault::new(at, "`=` assigns, which only `set` does: `set PLACE = EXPR`; to compare, write `==`")),
    }
}

/// An assignment that was carried out on a copy.
#[derive(Debug, PartialEq)]
pub(super) struct Assigned {
    /// The name at the root of the place.
    pub root: String,
    /// All of that name's new value.
    pub whole: Value,
    /// The place's new value.
    pub value: Value,
}

/// Carries out `PLACE = EXPR` (also `+=`, `-=`, `*=`, `/=`) on a copy of the name it is about.
pub(super) fn assign(text: &str, names: &Names) -> Outcome<Assigned> {
    match parser::parse(text)? {
        ast::Statement::Assign { place, value, .. } => place::assign(&place, &value, names),
        ast::Statement::Value(node) => Err(Fault::new(node.at, "expected `PLACE = EXPR`")),
    }
}

/// The value of the longest path that ends at the cursor's dot, for completion: `a.b[0].|`.
pub(super) fn base_before_dot(text: &str, names: &Names) -> Option<Value> {
    let bytes = text.as_bytes();
    let mut start = text.len();
    while start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || b"_.[]$".contains(&bytes[start - 1])) {
        start -= 1;
    }
    evaluate(&text[start..], names).ok()
}

#[cfg(test)]
mod tests;
