//! Values as text, near to how Rust would write them.
use serde_json::Value;

/// What a value is, in a word with its article.
pub(in crate::devx) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// On one line.
pub(in crate::devx) fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, &mut out);
    out
}

/// On as many lines as it has parts.
pub(in crate::devx) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), &mut out);
    out
}

/// `indent` is `None` for one line.
fn write(value: &Value, indent: Option<usize>, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => out.push_str(&format!("{text:?}")),
        Value::Array(items) => {
            let parts = items.iter().map(|item| (None, item));
            list(parts, ("[", "]"), indent, out);
        }
        Value::Object(fields) => {
            let parts = fields.iter().map(|(name, value)| (Some(name.as_str()), value));
            list(parts, ("{", "}"), indent, out);
        }
    }
}

fn list<'v>(parts: impl ExactSizeIterator<Item = (Option<&'v str>, &'v Value)>, brackets: (&str, &str), indent: Option<usize>, out: &mut String) {
    out.push_str(brackets.0);
    let (count, spaced) = (parts.len(), brackets.0 == "{");
    for (index, (name, value)) in parts.enumerate() {
        match indent {
            Some(depth) => {
                out.push('\n');
                out.push_str(&"    ".repeat(depth + 1));
            }
            None if index > 0 || spaced => out.push(' '),
            None => {}
        }
        if let Some(name) = name {
            out.push_str(&if is_plain(name) { format!("{name}: ") } else { format!("{name:?}: ") });
        }
        write(value, indent.map(|depth| depth + 1), out);
        if index + 1 < count || indent.is_some() {
            out.push(',');
        }
    }
    match indent {
        Some(depth) if count > 0 => {
            out.push('\n');
            out.push_str(&"    ".repeat(depth));
        }
        None if count > 0 && spaced => out.push(' '),
        _ => {}
    }
    out.push_str(brackets.1);
}

fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}
