//! A small lexer of Rust, for colour only: what it does not know stays plain, nothing is ever lost.
use coulter_proto::repl::{Line, Role, Span};

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match",
    "mod", "move", "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait", "type", "union", "unsafe", "use", "where", "while",
    "yield",
];

/// Splits a text into lines of spans.
pub(super) fn highlight(text: &str) -> Vec<Line> {
    let mut lines = Lines::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (role, len) = next(rest);
        lines.push(role, &rest[..len]);
        rest = &rest[len..];
    }
    lines.finish()
}

/// The role of what the text begins with, and its length in bytes (at least one character).
fn next(text: &str) -> (Role, usize) {
    let bytes = text.as_bytes();
    if text.starts_with("//") {
        return (Role::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Role::Comment, block_comment(bytes));
    }
    if let Some(len) = string(text) {
        return (Role::Literal, len);
    }
    if bytes[0] == b'\'' {
        return quote(text);
    }
    if bytes[0].is_ascii_digit() {
        return (Role::Literal, number(bytes));
    }
    let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    if word > 0 {
        return (word_role(&text[..word], &text[word..]), word);
    }
    (Role::Plain, text.chars().next().map_or(1, char::len_utf8))
}

fn word_role(word: &str, after: &str) -> Role {
    if KEYWORDS.contains(&word) {
        Role::Keyword
    } else if matches!(word, "true" | "false") {
        Role::Literal
    } else if after.starts_with('(') || (after.starts_with('!') && !after.starts_with("!=")) {
        Role::Name
    } else {
        Role::Plain
    }
}

/// They nest.
fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => {
                depth += 1;
                at += 2;
            }
            Some(b"*/") => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A string literal of any kind, with its prefix.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        let after = text.strip_prefix(prefix).unwrap_or_default();
        after.starts_with('"') || (prefix.contains('r') && after.starts_with('#') && after.trim_start_matches('#').starts_with('"'))
    });
    let prefix = prefix.unwrap_or_default();
    let body = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let start = prefix.len() + hashes + 1;
        return Some(text.get(start..)?.find(&close).map_or(text.len(), |at| start + at + close.len()));
    }
    if !body.starts_with('"') {
        return None;
    }
    Some(prefix.len() + until_unescaped(body, b'"'))
}

/// The length up to and with the closing quote of what begins with one.
fn until_unescaped(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            found if found == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// A character or a lifetime.
fn quote(text: &str) -> (Role, usize) {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => (Role::Literal, until_unescaped(text, b'\'')),
        (Some(_), Some((at, '\''))) => (Role::Literal, at + 1),
        (Some((_, first)), _) if first.is_alphabetic() || first == '_' => {
            let len = text[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(text.len(), |at| at + 1);
            (Role::Keyword, len)
        }
        _ => (Role::Plain, 1),
    }
}

fn number(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let decimal_point = bytes[at] == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !(bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || decimal_point) {
            break;
        }
        at += 1;
    }
    at
}

/// Lines under construction; neighbours of one role become one span.
#[derive(Default)]
struct Lines {
    done: Vec<Line>,
    open: Vec<Span>,
}

impl Lines {
    fn push(&mut self, role: Role, text: &str) {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.done.push(Line(std::mem::take(&mut self.open)));
            }
            let part = clean(part);
            match self.open.last_mut() {
                _ if part.is_empty() => {}
                Some(last) if last.role == role => last.text.push_str(&part),
                _ => self.open.push(Span::new(role, part)),
            }
        }
    }
    fn finish(mut self) -> Vec<Line> {
        if !self.open.is_empty() {
            self.done.push(Line(self.open));
        }
        self.done
    }
}

/// Tabs as spaces; nothing that a terminal would obey.
fn clean(text: &str) -> String {
    let text = text.replace('\t', "    ");
    if text.contains(char::is_control) { text.chars().filter(|c| !c.is_control()).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter for each character's role.
    fn roles(text: &str) -> String {
        let letter = |role| match role {
            Role::Keyword => 'k',
            Role::Literal => 'l',
            Role::Comment => 'c',
            Role::Name => 'n',
            _ => '.',
        };
        let line = |line: &Line| line.0.iter().flat_map(|span| span.text.chars().map(move |_| letter(span.role))).collect::<String>();
        highlight(text).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn words_numbers_and_calls() {
        assert_eq!(roles("let x = foo(1_0.5);"), "kkk.....nnn.lllll..");
        assert_eq!(roles("pause!(x) != y"), "nnnnn.........");
        assert_eq!(roles("a..10"), "...ll");
    }

    #[test]
    fn strings_of_every_kind() {
        for text in [r#""a\"b""#, r##"r#"a"b"#"##, r#"b"x""#, r##"br#"x"#"##, r#"c"x""#, r"'x'", r"'\''", r"'\u{1F600}'"] {
            assert!(roles(text).chars().all(|role| role == 'l'), "{text}: {}", roles(text));
        }
        assert_eq!(roles("&'a str"), ".kk....");
        assert_eq!(roles("rust # \""), ".......l");
    }

    #[test]
    fn comments_nest_and_cross_lines() {
        assert_eq!(roles("a /* b /* c */\nd */ e"), "..cccccccccccc\ncccc..");
        assert_eq!(roles("a // \"b\nc"), "..ccccc\n.");
    }

    #[test]
    fn nothing_is_lost_and_nothing_hostile_stays() {
        let text = "fn a<'b>(x: &'b str) -> r#type { \"\u{1b}[2J\" }\n\n/* open";
        let back: Vec<String> = highlight(text).iter().map(Line::text).collect();
        assert_eq!(back.join("\n"), text.replace('\u{1b}', ""));
    }
}
