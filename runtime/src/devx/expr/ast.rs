//! What an expression is made of.
use serde_json::Value;

/// A line: an expression, or an assignment.
#[derive(Debug)]
pub(super) enum Statement {
    Value(Node),
    Assign { at: usize, place: Node, value: Node },
}

/// An expression, and the byte of the text it is about (a name, an operator, a dot).
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub at: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Value),
    Name(String),
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Slice { base: Box<Node>, from: Option<Box<Node>>, to: Option<Box<Node>>, closed: bool },
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Method(Box<Node>, String, Vec<Node>),
    Closure(Vec<String>, Box<Node>),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    If(Box<Node>, Box<Node>, Box<Node>),
}

/// An operator with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// The operator written so, and how tightly it binds.
    pub(super) fn of(symbol: &str) -> Option<(Self, u8)> {
        Some(match symbol {
            "||" => (Self::Or, 1),
            "&&" => (Self::And, 2),
            "==" => (Self::Equal, 3),
            "!=" => (Self::NotEqual, 3),
            "<" => (Self::Less, 3),
            "<=" => (Self::LessEqual, 3),
            ">" => (Self::Greater, 3),
            ">=" => (Self::GreaterEqual, 3),
            "+" => (Self::Add, 4),
            "-" => (Self::Subtract, 4),
            "*" => (Self::Multiply, 5),
            "/" => (Self::Divide, 5),
            "%" => (Self::Remainder, 5),
            _ => return None,
        })
    }

    /// As it is written.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}
