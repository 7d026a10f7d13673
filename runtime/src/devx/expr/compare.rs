//! Arithmetic and comparison: integers stay exact, and what overflows says so.
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::ast::Operator;
use super::print::{compact, kind};

type Answer = Result<Value, String>;

/// Applies an operator that needs both its sides.
pub(super) fn binary(operator: Operator, left: &Value, right: &Value) -> Answer {
    match operator {
        Operator::Equal => Ok(Value::Bool(equal(left, right))),
        Operator::NotEqual => Ok(Value::Bool(!equal(left, right))),
        Operator::Less => ordered(operator, left, right, Ordering::is_lt),
        Operator::LessEqual => ordered(operator, left, right, Ordering::is_le),
        Operator::Greater => ordered(operator, left, right, Ordering::is_gt),
        Operator::GreaterEqual => ordered(operator, left, right, Ordering::is_ge),
        _ => match (left, right) {
            (Value::Number(left), Value::Number(right)) => arithmetic(operator, left, right),
            (Value::String(left), right) if operator == Operator::Add => {
                let right = right.as_str().map_or_else(|| compact(right), str::to_owned);
                Ok(Value::String(format!("{left}{right}")))
            }
            (Value::Array(left), Value::Array(right)) if operator == Operator::Add => Ok(Value::Array(left.iter().chain(right).cloned().collect())),
            _ => Err(misfit(operator, left, right)),
        },
    }
}

fn misfit(operator: Operator, left: &Value, right: &Value) -> String {
    format!("`{}` does not go with {} and {}", operator.symbol(), kind(left), kind(right))
}

/// `-x`
pub(super) fn negate(value: &Value) -> Answer {
    match value {
        Value::Number(number) => arithmetic(Operator::Subtract, &Number::from(0), number),
        other => Err(format!("`-` does not go with {}", kind(other))),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right) == Some(Ordering::Equal),
        _ => left == right,
    }
}

fn ordered(operator: Operator, left: &Value, right: &Value, holds: fn(Ordering) -> bool) -> Answer {
    compare(left, right).map(|ordering| Value::Bool(holds(ordering))).ok_or_else(|| misfit(operator, left, right))
}

/// The order of two values of one kind.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// A total order over values of all kinds, for sorting: a sort must not be lied to.
pub(super) fn total(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    };
    let float = |value: &Value| value.as_f64().unwrap_or(0.0);
    rank(left).cmp(&rank(right)).then_with(|| match (left, right) {
        (Value::Number(_), Value::Number(_)) => float(left).total_cmp(&float(right)),
        _ => compare(left, right).unwrap_or(Ordering::Equal),
    })
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn arithmetic(operator: Operator, left: &Number, right: &Number) -> Answer {
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return exact(operator, left, right);
    }
    let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else {
        return Err("a number is too large".to_owned());
    };
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        _ => left % right,
    };
    Number::from_f64(result).map(Value::Number).ok_or_else(|| format!("{left} {} {right} is {result}", operator.symbol()))
}

fn exact(operator: Operator, left: i128, right: i128) -> Answer {
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide | Operator::Remainder if right == 0 => {
            return Err("division by zero".to_owned());
        }
        Operator::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result
        .and_then(|result| i64::try_from(result).map(Value::from).or_else(|_| u64::try_from(result).map(Value::from)).ok())
        .ok_or_else(|| format!("{left} {} {right} overflows", operator.symbol()))
}
