//! Expressions as a table: what goes in, what comes out, and where what is wrong is marked.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics has failed
use serde_json::json;

use super::*;

fn names() -> Names {
    let value = json!({
        "n": 7,
        "big": u64::MAX,
        "f": 2.5,
        "yes": true,
        "none": null,
        "s": "hello",
        "xs": [3, 1, 2],
        "order": { "sku": "A1", "qty": 4, "tags": ["x", "y"], "lines": [{ "price": 10, "qty": 1 }, { "price": 20, "qty": 3 }] },
        "pair": [1, [2, 3]],
        "self.total": 12,
        "map": { "1": "one", "two words": 2 },
    });
    match value {
        Value::Object(fields) => fields.into_iter().collect(),
        _ => Names::new(),
    }
}

/// The value as text, or the fault as `byte: message`.
fn run(text: &str) -> String {
    match evaluate(text, &names()) {
        Ok(value) => compact(&value),
        Err(fault) => format!("{}: {}", fault.at, fault.message),
    }
}

#[test]
fn expressions_have_values() {
    for (text, value) in [
        // literals
        ("1_000", "1000"),
        ("0xff", "255"),
        ("0b101u8", "5"),
        ("1.5e3", "1500.0"),
        ("5u64", "5"),
        ("\"a\\n\"", "\"a\\n\""),
        ("'x'", "\"x\""),
        ("None", "None"),
        ("Some(n)", "7"),
        ("[1, \"a\", none]", "[1, \"a\", None]"),
        ("{a: 1, \"b c\": n}", "{ a: 1, \"b c\": 7 }"),
        // paths
        ("order.qty", "4"),
        ("order.lines[1].price", "20"),
        ("order[\"sku\"]", "\"A1\""),
        ("xs[-1]", "2"),
        ("pair.1.0", "2"),
        ("map[1]", "\"one\""),
        ("self.total + 1", "13"),
        ("(order).tags[0]", "\"x\""),
        ("&order.qty", "4"),
        ("*n", "7"),
        // slices
        ("xs[1..]", "[1, 2]"),
        ("xs[..2]", "[3, 1]"),
        ("xs[0..=1]", "[3, 1]"),
        ("xs[1..99]", "[1, 2]"),
        ("s[1..3]", "\"el\""),
        // arithmetic
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("7 / 2", "3"),
        ("7 % 4", "3"),
        ("n * f", "17.5"),
        ("-n + 1", "-6"),
        ("big - 1", "18446744073709551614"),
        ("s + \"!\" + n", "\"hello!7\""),
        ("xs + [9]", "[3, 1, 2, 9]"),
        // comparison and logic
        ("n == 7.0", "true"),
        ("big > 9223372036854775807", "true"),
        ("s < \"help\"", "true"),
        ("yes && !none", "true"),
        ("none || n > 100", "false"),
        ("order.tags == [\"x\", \"y\"]", "true"),
        ("if n > 5 { s } else { 0 }", "\"hello\""),
        ("if n > 50 { 1 } else if yes { 2 } else { 3 }", "2"),
        // methods
        ("xs.len()", "3"),
        ("s.len()", "5"),
        ("xs.iter().filter(|x| x > 1).map(|&x| x * 10).collect()", "[30, 20]"),
        ("xs.sum()", "6"),
        ("xs.max() - xs.min()", "2"),
        ("xs.any(|x| x == 2)", "true"),
        ("xs.all(|x| x > 1)", "false"),
        ("xs.sort()", "[1, 2, 3]"),
        ("xs.rev().take(2)", "[2, 1]"),
        ("xs.find(|x| x < 3)", "1"),
        ("xs.position(|x| x == 2)", "2"),
        ("order.lines.map(|l| l.price * l.qty).sum()", "70"),
        ("order.lines.filter(|l| order.tags.contains(\"x\")).len()", "2"),
        ("order.keys()", "[\"lines\", \"qty\", \"sku\", \"tags\"]"),
        ("map.get(\"nothing\").is_none()", "true"),
        ("order.tags.join(\"-\")", "\"x-y\""),
        ("s.to_uppercase().starts_with(\"HE\")", "true"),
        ("\"a,b\".split(\",\")", "[\"a\", \"b\"]"),
        ("[[2], 1, \"z\", none].sort()", "[None, 1, \"z\", [2]]"),
    ] {
        assert_eq!(run(text), value, "{text}");
    }
}

#[test]
fn a_failing_expression_says_where_and_why() {
    for (text, fault) in [
        ("nn + 1", "0: `nn` is no name here; there are big, f, map, n, none, order, pair, s, self.total, xs, yes"),
        ("1 + order.qtty", "10: no field `qtty`; there are lines, qty, sku, tags"),
        ("n.foo", "2: a number has no field `foo`"),
        ("xs[3]", "2: index 3 is outside: there are 3 elements"),
        ("n[0]", "1: a number has no elements"),
        ("n[1..]", "1: a number cannot be sliced"),
        ("1 / 0", "2: division by zero"),
        ("big + 1", "4: 18446744073709551615 + 1 overflows"),
        ("n + yes", "2: `+` does not go with a number and a bool"),
        ("-s", "0: `-` does not go with a string"),
        ("n < s", "2: `<` does not go with a number and a string"),
        ("1 +", "3: expected a value, found the end"),
        ("(1", "2: expected `)`, found the end"),
        ("1 2", "2: expected an operator or the end, found `2`"),
        ("\"abc", "0: this string has no end"),
        ("n # 1", "2: '#' has no meaning here"),
        ("1x", "0: `1x` is no number"),
        ("xs.map(1)", "7: expected a closure: `|x| ..`"),
        ("xs.map()", "3: this method takes one argument"),
        ("xs.map(|a, b| a)", "7: this closure gets 1 value(s), not 2"),
        ("n.len()", "2: a number has no method `len()`"),
        ("|x| x", "0: a closure is no value; it goes into `filter`, `map`, `any`, `all`"),
        ("save(n)", "0: `save(..)`: functions of the program cannot be called here; methods can: `x.len()`"),
        ("n = 3", "2: `=` assigns, which only `set` does: `set PLACE = EXPR`; to compare, write `==`"),
        ("if n { 1 }", "10: expected `else`, found the end"),
        ("xs.map(|x| y)", "11: `y` is no name here; there are big, f, map, n, none, order, pair, s, self.total, xs, yes"),
        ("", "0: expected a value, found the end"),
    ] {
        assert_eq!(run(text), fault, "{text}");
    }
    assert!(run("xs.frobnicate()").starts_with("3: no method `frobnicate()`; "));
}

#[test]
fn no_line_hangs_or_overflows_the_stack() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(5000), close.repeat(5000));
    for text in [
        deep("(", ")"),
        deep("[", "]"),
        deep("-", ""),
        deep("!", ""),
        deep("if true {", "} else { 1 }"),
        deep("|x| ", ""),
        format!("1{}", " + 1".repeat(3000)),
        format!("xs{}", ".rev()".repeat(2000)),
        "1".repeat(100_000),
    ] {
        let fault = evaluate(&text, &names()).expect_err(&text[..20]);
        assert!(fault.message.contains("too"), "{}: {}", &text[..20], fault.message);
    }
    let many = (0..300).collect::<Vec<i32>>();
    let names = Names::from([("xs".to_owned(), json!(many))]);
    let cubed = "xs.map(|a| xs.map(|b| xs.map(|c| a + b + c)))";
    let fault = evaluate(cubed, &names).expect_err("27 million steps");
    assert_eq!(fault.message, "this takes too long; look at a part of it");
    let doubled = format!("{}xs{}", "[".repeat(20), ", xs]".repeat(20));
    assert!(evaluate(&doubled, &names).is_ok());
}

#[test]
fn assignment_changes_a_copy_of_its_name() {
    let names = names();
    for (text, root, value, whole) in [
        ("n = 8", "n", "8", "8"),
        ("n += f", "n", "9.5", "9.5"),
        ("xs[-1] *= 5", "xs", "10", "[3, 1, 10]"),
        ("map[\"1\"] = [1]", "map", "[1]", "{ \"1\": [1], \"two words\": 2 }"),
        ("pair.1.0 = n", "pair", "7", "[1, [7, 3]]"),
        ("self.total -= 2", "self.total", "10", "10"),
    ] {
        let assigned = assign(text, &names).unwrap_or_else(|fault| panic!("{text}: {}", fault.message));
        assert_eq!((assigned.root.as_str(), compact(&assigned.value).as_str()), (root, value), "{text}");
        assert_eq!(compact(&assigned.whole), whole, "{text}");
    }
    for (text, at, message) in [
        ("zz = 1", 0, "`zz` is no name here"),
        ("order.none = 1", 6, "no field `none`"),
        ("xs[9] = 1", 2, "index 9 is outside"),
        ("1 = 2", 0, "this is no place"),
        ("xs.len() = 2", 3, "this is no place"),
        ("n", 0, "expected `PLACE = EXPR`"),
    ] {
        let fault = assign(text, &names).expect_err(text);
        assert_eq!(fault.at, at, "{text}: {}", fault.message);
        assert!(fault.message.contains(message), "{text}: {}", fault.message);
    }
}

#[test]
fn values_print_near_to_rust() {
    let value = json!({ "a": [1, 2], "b": {}, "c": [], "d": { "two words": null } });
    assert_eq!(compact(&value), "{ a: [1, 2], b: {}, c: [], d: { \"two words\": None } }");
    assert_eq!(pretty(&json!({ "a": [1], "b": [] })), "{\n    a: [\n        1,\n    ],\n    b: [],\n}");
}
