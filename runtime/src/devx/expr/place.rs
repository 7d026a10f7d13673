//! Assignment, carried out on a copy of the one name it is about.
use serde_json::Value;

use super::ast::{Kind, Node};
use super::eval::{no_field, position, unknown, value_of};
use super::print::kind;
use super::{Assigned, Fault, Names, Outcome};

/// `place = value`
pub(super) fn assign(place: &Node, value: &Node, names: &Names) -> Outcome<Assigned> {
    let value = value_of(value, names)?;
    let root = root_of(place, names)?;
    let mut whole = names.get(&root).cloned().ok_or_else(|| Fault::new(place.at, unknown(&root, names)))?;
    *target(place, &root, &mut whole, names)? = value.clone();
    Ok(Assigned { root, whole, value })
}

/// The captured name a place is in: `order` in `order.lines[0].qty`, or `self.x` where that is one.
fn root_of(place: &Node, names: &Names) -> Outcome<String> {
    if let Some(name) = name_of(place).filter(|name| names.contains_key(name)) {
        return Ok(name);
    }
    match &place.kind {
        Kind::Name(name) => Ok(name.clone()),
        Kind::Field(base, _) | Kind::Index(base, _) => root_of(base, names),
        _ => Err(Fault::new(place.at, "this is no place: a name, a field or an element is")),
    }
}

fn name_of(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Name(name) => Some(name.clone()),
        Kind::Field(base, name) => Some(format!("{}.{name}", name_of(base)?)),
        _ => None,
    }
}

fn target<'v>(place: &Node, root: &str, whole: &'v mut Value, names: &Names) -> Outcome<&'v mut Value> {
    if name_of(place).as_deref() == Some(root) {
        return Ok(whole);
    }
    match &place.kind {
        Kind::Field(base, name) => {
            let base = target(base, root, whole, names)?;
            if base.get(name).is_none() {
                return Err(Fault::new(place.at, no_field(name, base)));
            }
            base.get_mut(name).ok_or_else(|| Fault::new(place.at, format!("no field `{name}`")))
        }
        Kind::Index(base, index) => {
            let index = value_of(index, names)?;
            element(target(base, root, whole, names)?, &index).map_err(|why| Fault::new(place.at, why))
        }
        _ => Err(Fault::new(place.at, "this is no place: a name, a field or an element is")),
    }
}

fn element<'v>(base: &'v mut Value, index: &Value) -> Result<&'v mut Value, String> {
    match (base, index) {
        (Value::Array(array), Value::Number(number)) => {
            let len = array.len();
            position(len, number).and_then(|at| array.get_mut(at)).ok_or_else(|| format!("index {number} is outside: there are {len} elements"))
        }
        (Value::Object(object), key) => {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            object.get_mut(&key).ok_or_else(|| format!("no key {key:?}"))
        }
        (other, _) => Err(format!("{} has no elements", kind(other))),
    }
}
