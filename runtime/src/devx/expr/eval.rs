//! A tree into a value, borrowing where it can: a path into a large value copies only its end.
use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::ast::{Kind, Node, Operator};
use super::print::kind;
use super::{Fault, Names, Outcome, compare, methods};

/// How much one expression may do: a step each, and one for each value it copies.
const FUEL: u32 = 2_000_000;

/// A value, borrowed from the names or made on the way.
pub(super) type Val<'a> = Cow<'a, Value>;

/// The value of a tree.
pub(super) fn value_of(node: &Node, names: &Names) -> Outcome<Value> {
    let mut eval = Eval { names, locals: Vec::new(), fuel: FUEL };
    let value = eval.value(node)?;
    eval.own(value, node.at)
}

/// One evaluation.
pub(super) struct Eval<'a> {
    names: &'a Names,
    /// Parameters of the closures around, innermost last.
    locals: Vec<(&'a str, Val<'a>)>,
    fuel: u32,
}

impl<'a> Eval<'a> {
    /// Pays for work.
    pub(super) fn spend(&mut self, cost: usize, at: usize) -> Outcome<()> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.fuel = self.fuel.checked_sub(cost).ok_or_else(|| Fault::new(at, "this takes too long; look at a part of it"))?;
        Ok(())
    }

    /// Copies a borrowed value, which is paid for.
    pub(super) fn own(&mut self, value: Val<'a>, at: usize) -> Outcome<Value> {
        if let Cow::Borrowed(borrowed) = value {
            self.spend(weight(borrowed), at)?;
        }
        Ok(value.into_owned())
    }

    /// The value of a tree.
    pub(super) fn value(&mut self, node: &'a Node) -> Outcome<Val<'a>> {
        self.spend(1, node.at)?;
        Ok(match &node.kind {
            Kind::Literal(value) => Cow::Borrowed(value),
            Kind::Name(name) => self.name(name, node.at)?,
            Kind::Field(base, name) => self.field(base, name, node)?,
            Kind::Index(base, index) => {
                let base = self.value(base)?;
                let index = self.value(index)?;
                element(base, &index, node.at)?
            }
            Kind::Slice { base, from, to, closed } => {
                let value = self.value(base)?;
                let from = self.bound(from.as_deref())?;
                let to = self.bound(to.as_deref())?;
                Cow::Owned(self.slice(&value, from, to, *closed, node.at)?)
            }
            Kind::Not(inner) => Cow::Owned(Value::Bool(!truth(&*self.value(inner)?))),
            Kind::Negate(inner) => {
                let value = self.value(inner)?;
                Cow::Owned(compare::negate(&value).map_err(|why| Fault::new(node.at, why))?)
            }
            Kind::Binary(Operator::And, left, right) => Cow::Owned(Value::Bool(truth(&*self.value(left)?) && truth(&*self.value(right)?))),
            Kind::Binary(Operator::Or, left, right) => Cow::Owned(Value::Bool(truth(&*self.value(left)?) || truth(&*self.value(right)?))),
            Kind::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.spend(weight(&left).min(weight(&right)), node.at)?;
                Cow::Owned(compare::binary(*operator, &left, &right).map_err(|why| Fault::new(node.at, why))?)
            }
            Kind::Method(base, name, arguments) => {
                let base = self.value(base)?;
                methods::call(self, base, name, arguments, node.at)?
            }
            Kind::Closure(..) => {
                return Err(Fault::new(node.at, "a closure is no value; it goes into `filter`, `map`, `any`, `all`"));
            }
            Kind::Array(items) => {
                let mut array = Vec::new();
                for item in items {
                    let value = self.value(item)?;
                    array.push(self.own(value, item.at)?);
                }
                Cow::Owned(Value::Array(array))
            }
            Kind::Object(fields) => {
                let mut object = Map::new();
                for (name, field) in fields {
                    let value = self.value(field)?;
                    object.insert(name.clone(), self.own(value, field.at)?);
                }
                Cow::Owned(Value::Object(object))
            }
            Kind::If(condition, then, otherwise) => {
                let branch = if truth(&*self.value(condition)?) { then } else { otherwise };
                self.value(branch)?
            }
        })
    }

    fn name(&self, name: &str, at: usize) -> Outcome<Val<'a>> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return Ok(value.clone());
        }
        let names: &'a Names = self.names;
        names.get(name).map(Cow::Borrowed).ok_or_else(|| Fault::new(at, unknown(name, names)))
    }

    fn field(&mut self, base: &'a Node, name: &str, node: &'a Node) -> Outcome<Val<'a>> {
        // What was captured as `self.x` goes by that name.
        let names: &'a Names = self.names;
        if let Some(value) = dotted(node).and_then(|path| names.get(&path)) {
            return Ok(Cow::Borrowed(value));
        }
        let base = self.value(base)?;
        let missing = |value: &Value| Fault::new(node.at, no_field(name, value));
        match base {
            Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed).ok_or_else(|| missing(value)),
            Cow::Owned(mut value) => match value.get_mut(name).map(Value::take) {
                Some(taken) => Ok(Cow::Owned(taken)),
                None => Err(missing(&value)),
            },
        }
    }

    fn bound(&mut self, node: Option<&'a Node>) -> Outcome<Option<usize>> {
        let Some(node) = node else { return Ok(None) };
        let value = self.value(node)?;
        let bound = value.as_u64().and_then(|bound| usize::try_from(bound).ok());
        bound.map(Some).ok_or_else(|| Fault::new(node.at, format!("a bound is a number from 0, not {value}")))
    }

    fn slice(&mut self, value: &Value, from: Option<usize>, to: Option<usize>, closed: bool, at: usize) -> Outcome<Value> {
        let len = match value {
            Value::Array(array) => array.len(),
            Value::String(text) => text.chars().count(),
            other => return Err(Fault::new(at, format!("{} cannot be sliced", kind(other)))),
        };
        let to = to.map_or(len, |to| to.saturating_add(usize::from(closed))).min(len);
        let from = from.unwrap_or(0).min(to);
        self.spend(weight(value), at)?;
        Ok(match value {
            Value::Array(array) => Value::Array(array[from..to].to_vec()),
            Value::String(text) => Value::String(text.chars().skip(from).take(to - from).collect()),
            other => other.clone(),
        })
    }

    /// Calls a closure.
    pub(super) fn call(&mut self, closure: &'a Node, arguments: Vec<Val<'a>>) -> Outcome<Val<'a>> {
        let Kind::Closure(parameters, body) = &closure.kind else {
            return Err(Fault::new(closure.at, "expected a closure: `|x| ..`"));
        };
        if parameters.len() != arguments.len() {
            return Err(Fault::new(closure.at, format!("this closure gets {} value(s), not {}", arguments.len(), parameters.len())));
        }
        let outer = self.locals.len();
        self.locals.extend(parameters.iter().map(String::as_str).zip(arguments));
        let value = self.value(body);
        self.locals.truncate(outer);
        value
    }
}

/// `a.b.c`, if it is only names.
fn dotted(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Name(name) => Some(name.clone()),
        Kind::Field(base, name) => Some(format!("{}.{name}", dotted(base)?)),
        Kind::Index(base, index) => match &index.kind {
            Kind::Literal(Value::Number(number)) => Some(format!("{}.{number}", dotted(base)?)),
            _ => None,
        },
        _ => None,
    }
}

fn element<'a>(base: Val<'a>, index: &Value, at: usize) -> Outcome<Val<'a>> {
    match base {
        Cow::Borrowed(value) => find(value, index).map(Cow::Borrowed).map_err(|why| Fault::new(at, why)),
        Cow::Owned(value) => find(&value, index).cloned().map(Cow::Owned).map_err(|why| Fault::new(at, why)),
    }
}

/// An element of an array (from the end when negative), or the value of a key.
pub(super) fn find<'v>(value: &'v Value, index: &Value) -> Result<&'v Value, String> {
    match (value, index) {
        (Value::Array(array), Value::Number(number)) => {
            position(array.len(), number).and_then(|at| array.get(at)).ok_or_else(|| format!("index {number} is outside: there are {} elements", array.len()))
        }
        (Value::Object(object), Value::String(key)) => object.get(key).ok_or_else(|| no_field(key, value)),
        (Value::Object(object), key) => object.get(&key.to_string()).ok_or_else(|| no_field(&key.to_string(), value)),
        (other, _) => Err(format!("{} has no elements", kind(other))),
    }
}

/// An index as a position, from the end when negative.
pub(super) fn position(len: usize, number: &serde_json::Number) -> Option<usize> {
    let index = number.as_i64()?;
    let from_end = if index < 0 { i64::try_from(len).ok()? } else { 0 };
    usize::try_from(index.checked_add(from_end)?).ok()
}

/// What an `if` takes for yes: all but `false` and `None`.
pub(super) fn truth(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// How many values a value is made of.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Array(array) => 1 + array.iter().map(weight).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(weight).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 64,
        _ => 1,
    }
}

/// That a name means nothing, and what there is.
pub(super) fn unknown(name: &str, names: &Names) -> String {
    let known: Vec<&str> = names.keys().map(String::as_str).filter(|known| *known != "_").collect();
    if known.is_empty() {
        return format!("`{name}` is no name here: nothing was captured");
    }
    format!("`{name}` is no name here; there are {}", known.join(", "))
}

/// That there is no such field, and which there are.
pub(super) fn no_field(name: &str, value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let known: Vec<&str> = object.keys().take(12).map(String::as_str).collect();
            format!("no field `{name}`; there are {}", known.join(", "))
        }
        other => format!("{} has no field `{name}`", kind(other)),
    }
}

/// A number.
pub(super) fn count(number: usize) -> Value {
    json!(number)
}
