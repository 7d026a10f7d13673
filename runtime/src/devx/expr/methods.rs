//! What can be asked of a value by name.
use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use super::ast::{Node, Operator};
use super::eval::{Eval, Val, count, truth, weight};
use super::print::{compact, kind};
use super::{Fault, Outcome, compare};

/// All of them, for completion and for the fault that names them.
pub(in crate::devx) const NAMES: &[&str] = &[
    "all",
    "any",
    "clone",
    "collect",
    "contains",
    "count",
    "ends_with",
    "filter",
    "find",
    "first",
    "get",
    "is_empty",
    "is_none",
    "is_some",
    "iter",
    "join",
    "keys",
    "last",
    "len",
    "map",
    "max",
    "min",
    "position",
    "rev",
    "skip",
    "sort",
    "split",
    "starts_with",
    "sum",
    "take",
    "to_lowercase",
    "to_string",
    "to_uppercase",
    "trim",
    "unwrap",
    "values",
];

/// Calls a method.
pub(super) fn call<'a>(eval: &mut Eval<'a>, base: Val<'a>, name: &str, arguments: &'a [Node], at: usize) -> Outcome<Val<'a>> {
    match name {
        "clone" | "iter" | "collect" | "unwrap" | "into_iter" | "as_str" | "as_ref" | "to_owned" => return Ok(base),
        "is_some" => return Ok(owned(!base.is_null())),
        "is_none" => return Ok(owned(base.is_null())),
        "to_string" => {
            return Ok(owned(base.as_str().map_or_else(|| compact(&base), str::to_owned)));
        }
        _ => {}
    }
    eval.spend(1, at)?;
    let answer = match &*base {
        Value::String(text) => of_text(eval, text, name, arguments, at)?,
        Value::Object(object) => match name {
            "len" | "count" => Some(count(object.len())),
            "is_empty" => Some(json!(object.is_empty())),
            "keys" => Some(object.keys().cloned().collect()),
            "values" => {
                eval.spend(weight(&base), at)?;
                Some(object.values().cloned().collect())
            }
            "get" => Some(object.get(&text_argument(eval, arguments, at)?).cloned().unwrap_or_default()),
            "contains" | "contains_key" => Some(json!(object.contains_key(&text_argument(eval, arguments, at)?))),
            _ => None,
        },
        _ => None,
    };
    match answer {
        Some(value) => Ok(Cow::Owned(value)),
        None if base.is_array() => of_array(eval, base, name, arguments, at),
        None => Err(no_method(name, &base, at)),
    }
}

fn owned<'a>(value: impl Into<Value>) -> Val<'a> {
    Cow::Owned(value.into())
}

fn no_method(name: &str, base: &Value, at: usize) -> Fault {
    if NAMES.contains(&name) {
        return Fault::new(at, format!("{} has no method `{name}()`", kind(base)));
    }
    Fault::new(at, format!("no method `{name}()`; methods of the program cannot be called here, these can: {}", NAMES.join(" ")))
}

fn argument(arguments: &[Node], at: usize) -> Outcome<&Node> {
    match arguments {
        [one] => Ok(one),
        _ => Err(Fault::new(at, "this method takes one argument")),
    }
}

fn text_argument<'a>(eval: &mut Eval<'a>, arguments: &'a [Node], at: usize) -> Outcome<String> {
    let node = argument(arguments, at)?;
    let value = eval.value(node)?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn size_argument<'a>(eval: &mut Eval<'a>, arguments: &'a [Node], at: usize) -> Outcome<usize> {
    let node = argument(arguments, at)?;
    let value = eval.value(node)?;
    let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| Fault::new(node.at, format!("expected a number from 0, found {value}")))
}

fn of_text<'a>(eval: &mut Eval<'a>, text: &str, name: &str, arguments: &'a [Node], at: usize) -> Outcome<Option<Value>> {
    eval.spend(text.len() / 64, at)?;
    Ok(Some(match name {
        "len" => count(text.len()),
        "count" => count(text.chars().count()),
        "is_empty" => json!(text.is_empty()),
        "contains" => json!(text.contains(&text_argument(eval, arguments, at)?)),
        "starts_with" => json!(text.starts_with(&text_argument(eval, arguments, at)?)),
        "ends_with" => json!(text.ends_with(&text_argument(eval, arguments, at)?)),
        "to_lowercase" => json!(text.to_lowercase()),
        "to_uppercase" => json!(text.to_uppercase()),
        "trim" => json!(text.trim()),
        "split" => text.split(&text_argument(eval, arguments, at)?).map(str::to_owned).collect(),
        "rev" => json!(text.chars().rev().collect::<String>()),
        _ => return Ok(None),
    }))
}

/// The elements, borrowed where the array is.
fn elements(base: Val<'_>) -> Vec<Val<'_>> {
    match base {
        Cow::Borrowed(Value::Array(array)) => array.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(array)) => array.into_iter().map(Cow::Owned).collect(),
        _ => Vec::new(),
    }
}

fn of_array<'a>(eval: &mut Eval<'a>, base: Val<'a>, name: &str, arguments: &'a [Node], at: usize) -> Outcome<Val<'a>> {
    if !NAMES.contains(&name) {
        return Err(no_method(name, &base, at));
    }
    let items = elements(base);
    eval.spend(items.len(), at)?;
    let mut kept = Vec::new();
    match name {
        "len" | "count" => return Ok(owned(items.len())),
        "is_empty" => return Ok(owned(items.is_empty())),
        "first" => return Ok(items.into_iter().next().unwrap_or_default()),
        "last" => return Ok(items.into_iter().last().unwrap_or_default()),
        "get" => {
            let index = size_argument(eval, arguments, at)?;
            return Ok(items.into_iter().nth(index).unwrap_or_default());
        }
        "contains" => {
            let wanted = eval.value(argument(arguments, at)?)?;
            let same = |item: &Val<'_>| compare::binary(Operator::Equal, item, &wanted).is_ok_and(|same| truth(&same));
            return Ok(owned(items.iter().any(same)));
        }
        "join" => {
            let between = if arguments.is_empty() { String::new() } else { text_argument(eval, arguments, at)? };
            let words: Vec<String> = items.iter().map(|item| item.as_str().map_or_else(|| compact(item), str::to_owned)).collect();
            return Ok(owned(words.join(&between)));
        }
        "sum" => {
            let mut sum = json!(0);
            for item in &items {
                sum = compare::binary(Operator::Add, &sum, item).map_err(|why| Fault::new(at, why))?;
            }
            return Ok(Cow::Owned(sum));
        }
        "max" => return extreme(items, Ordering::Greater, at),
        "min" => return extreme(items, Ordering::Less, at),
        "map" => {
            let closure = argument(arguments, at)?;
            for item in items {
                kept.push(eval.call(closure, vec![item])?);
            }
        }
        "filter" | "any" | "all" | "find" | "position" => {
            let closure = argument(arguments, at)?;
            for (index, item) in items.into_iter().enumerate() {
                let holds = truth(&*eval.call(closure, vec![item.clone()])?);
                match (name, holds) {
                    ("filter", true) => kept.push(item),
                    ("any", true) => return Ok(owned(true)),
                    ("all", false) => return Ok(owned(false)),
                    ("find", true) => return Ok(item),
                    ("position", true) => return Ok(owned(index)),
                    _ => {}
                }
            }
            match name {
                "any" => return Ok(owned(false)),
                "all" => return Ok(owned(true)),
                "find" | "position" => return Ok(Val::default()),
                _ => {}
            }
        }
        "rev" => kept.extend(items.into_iter().rev()),
        "take" => kept.extend(items.into_iter().take(size_argument(eval, arguments, at)?)),
        "skip" => kept.extend(items.into_iter().skip(size_argument(eval, arguments, at)?)),
        "sort" => {
            kept = items;
            kept.sort_by(|left, right| compare::total(left, right));
        }
        _ => return Err(Fault::new(at, format!("an array has no method `{name}()`"))),
    }
    let mut array = Vec::with_capacity(kept.len());
    for item in kept {
        array.push(eval.own(item, at)?);
    }
    Ok(Cow::Owned(Value::Array(array)))
}

fn extreme<'a>(items: Vec<Val<'a>>, wanted: Ordering, at: usize) -> Outcome<Val<'a>> {
    let mut items = items.into_iter();
    let Some(mut best) = items.next() else {
        return Ok(Val::default());
    };
    for item in items {
        let order = compare::compare(&item, &best);
        let order = order.ok_or_else(|| Fault::new(at, format!("{} and {} have no order", kind(&item), kind(&best))))?;
        if order == wanted {
            best = item;
        }
    }
    Ok(best)
}
