//! Names of types and functions, short enough to read.
//!
//! `core::option::Option<alloc::string::String>` is `Option<String>`; of a function the path stays,
//! and what the compiler adds to it (closures of async bodies, hashes) goes.

/// A type with every path in it cut to its last part.
pub(super) fn short_type(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut word = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else if c == ':' && chars.peek() == Some(&':') {
            chars.next();
            if word.is_empty() {
                // `<T as Trait>::Item`: what stands before is kept.
                out.push_str("::");
            } else {
                word.clear();
            }
        } else {
            out.push_str(&word);
            word.clear();
            out.push(c);
        }
    }
    out.push_str(&word);
    out.replace("{{closure}}", "{closure}")
}

/// A function: its path, with the types in it cut short and without the compiler's additions.
pub(super) fn short_function(name: &str) -> String {
    let name = without_hash(name);
    let parts = path_parts(name);
    let mut kept: Vec<String> = Vec::new();
    for part in parts {
        if part == "{{closure}}" || part == "{closure#0}" || part.starts_with("{{closure") || part.starts_with("{closure") {
            continue;
        }
        if part.starts_with('<') {
            // `<T>` behind a name are its generics: say no more than the names.
            if kept.is_empty() {
                kept.push(short_type(part));
            }
            continue;
        }
        let plain = part.find('<').map_or(part, |at| &part[..at]);
        kept.push(plain.to_owned());
    }
    if kept.is_empty() { short_type(name) } else { kept.join("::") }
}

/// The crate (or first name) that a function's path begins with, also inside `<T as Trait>::f`.
pub(super) fn crate_of(name: &str) -> &str {
    let mut rest = name;
    loop {
        let trimmed = rest.trim_start_matches(['<', '&', '*', '(', '[', ' ']);
        let trimmed = ["dyn ", "mut ", "const ", "impl "].iter().fold(trimmed, |text, word| text.strip_prefix(word).unwrap_or(text));
        if trimmed.len() == rest.len() {
            break;
        }
        rest = trimmed;
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    &rest[..end]
}

/// Without the `::h0123456789abcdef` of the older mangling.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((head, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => head,
        _ => name,
    }
}

/// Splits at `::` outside of brackets.
fn path_parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0i32, 0);
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'<' | b'(' | b'[' => depth += 1,
            // Not the `>` of `->`.
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => depth -= 1,
            b':' if depth == 0 && bytes.get(at + 1) == Some(&b':') => {
                parts.push(&name[start..at]);
                at += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&name[start.min(name.len())..]);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_cut_to_their_last_names() {
        for (long, short) in [
            ("core::option::Option<alloc::string::String>", "Option<String>"),
            ("u8", "u8"),
            ("&str", "&str"),
            ("&mut alloc::vec::Vec<my::Order>", "&mut Vec<Order>"),
            ("alloc::boxed::Box<dyn core::error::Error + core::marker::Send>", "Box<dyn Error + Send>"),
            ("std::collections::hash::map::HashMap<alloc::string::String, (u8, my::T)>", "HashMap<String, (u8, T)>"),
            ("[core::option::Option<u8>; 3]", "[Option<u8>; 3]"),
            ("fn(my::A) -> my::B", "fn(A) -> B"),
            ("<my::T as core::iter::Iterator>::Item", "<T as Iterator>::Item"),
            ("app::main::{{closure}}", "{closure}"),
        ] {
            assert_eq!(short_type(long), short, "{long}");
        }
    }

    #[test]
    fn functions_keep_their_path_and_lose_the_rest() {
        for (long, short) in [
            ("nested_errors::worker::fail", "nested_errors::worker::fail"),
            ("nested_errors::worker::fail::{{closure}}", "nested_errors::worker::fail"),
            ("nested_errors::worker::fail::{{closure}}::{{closure}}::h0123456789abcdef", "nested_errors::worker::fail"),
            ("app::generic::<alloc::string::String>", "app::generic"),
            ("app::generic<alloc::string::String>::run", "app::generic::run"),
            ("<app::Order as core::fmt::Display>::fmt", "<Order as Display>::fmt"),
            ("<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once", "<Box<F,A> as FnOnce<Args>>::call_once"),
            ("main", "main"),
        ] {
            assert_eq!(short_function(long), short, "{long}");
        }
    }

    #[test]
    fn the_crate_is_found_inside_brackets() {
        for (name, krate) in [
            ("tokio::runtime::park", "tokio"),
            ("<app::Order as core::fmt::Display>::fmt", "app"),
            ("<&mut dyn core::future::Future as x::Y>::poll", "core"),
            ("main", "main"),
        ] {
            assert_eq!(crate_of(name), krate, "{name}");
        }
    }
}
