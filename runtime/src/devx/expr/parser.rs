//! Tokens into a tree, by precedence climbing.
use serde_json::Value;

use super::ast::{Kind, Node, Operator, Statement};
use super::lexer::{self, Token};
use super::{Fault, Outcome};

/// No expression is nested deeper: evaluation recurses as deep as the tree, on a stack whose
/// size belongs to the program.
const MAX_DEPTH: usize = 64;

/// The longest line that is looked at.
const MAX_LENGTH: usize = 16 << 10;

/// Parses a whole line.
pub(super) fn parse(text: &str) -> Outcome<Statement> {
    if text.len() > MAX_LENGTH {
        return Err(Fault::new(0, "this line is too long"));
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, next: 0, depth: 0 };
    let statement = parser.statement()?;
    match parser.peek() {
        lexer::Kind::End => Ok(statement),
        other => Err(parser.fault(format!("expected an operator or the end, found {}", other.name()))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        // The last token is `End`, and nobody passes it.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }
    fn peek(&self) -> &lexer::Kind {
        &self.token().kind
    }
    fn at(&self) -> usize {
        self.token().at
    }
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.at(), message)
    }
    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), lexer::Kind::Symbol(found) if *found == symbol)
    }
    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.next += 1;
        }
        found
    }
    fn want(&mut self, symbol: &str) -> Outcome<()> {
        if self.eat(symbol) {
            return Ok(());
        }
        Err(self.fault(format!("expected `{symbol}`, found {}", self.peek().name())))
    }
    fn word(&mut self) -> Outcome<String> {
        match self.peek().clone() {
            lexer::Kind::Word(word) => {
                self.next += 1;
                Ok(word)
            }
            other => Err(self.fault(format!("expected a name, found {}", other.name()))),
        }
    }

    fn statement(&mut self) -> Outcome<Statement> {
        let place = self.expression()?;
        let at = self.at();
        if self.eat("=") {
            return Ok(Statement::Assign { at, place, value: self.expression()? });
        }
        let compound = [("+=", Operator::Add), ("-=", Operator::Subtract), ("*=", Operator::Multiply), ("/=", Operator::Divide)];
        for (symbol, operator) in compound {
            if self.eat(symbol) {
                let right = self.expression()?;
                let kind = Kind::Binary(operator, Box::new(place.clone()), Box::new(right));
                return Ok(Statement::Assign { at, place, value: Node { at, kind } });
            }
        }
        Ok(Statement::Value(place))
    }

    fn expression(&mut self) -> Outcome<Node> {
        self.binary(0)
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault("this is nested too deeply"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn binary(&mut self, least: u8) -> Outcome<Node> {
        self.deeper(|parser| {
            let mut left = parser.unary()?;
            let mut length = 0;
            loop {
                let lexer::Kind::Symbol(symbol) = parser.peek() else {
                    return Ok(left);
                };
                let Some((operator, binds)) = Operator::of(symbol) else {
                    return Ok(left);
                };
                if binds <= least {
                    return Ok(left);
                }
                // A chain leans to the left: it is as deep as it is long.
                length += 1;
                if length > MAX_DEPTH {
                    return Err(parser.fault("this is too long: use brackets, or `sum()`"));
                }
                let at = parser.at();
                parser.next += 1;
                let right = parser.binary(binds)?;
                left = Node { at, kind: Kind::Binary(operator, Box::new(left), Box::new(right)) };
            }
        })
    }

    fn unary(&mut self) -> Outcome<Node> {
        let at = self.at();
        if self.eat("-") {
            let inner = self.deeper(Self::unary)?;
            return Ok(Node { at, kind: Kind::Negate(Box::new(inner)) });
        }
        if self.eat("!") {
            let inner = self.deeper(Self::unary)?;
            return Ok(Node { at, kind: Kind::Not(Box::new(inner)) });
        }
        // References and dereferences mean nothing to values.
        if self.eat("&") || self.eat("*") {
            if matches!(self.peek(), lexer::Kind::Word(word) if word == "mut") {
                self.next += 1;
            }
            return self.deeper(Self::unary);
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Outcome<Node> {
        let mut node = self.atom()?;
        let mut length = 0;
        loop {
            let at = self.at();
            length += 1;
            if length > MAX_DEPTH {
                return Err(self.fault("this path is too long"));
            }
            if self.eat(".") {
                node = self.member(node, at)?;
            } else if self.eat("[") {
                node = self.index(node, at)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn member(&mut self, base: Node, dot: usize) -> Outcome<Node> {
        let at = self.at();
        if let lexer::Kind::Number(number) = self.peek().clone() {
            self.next += 1;
            let index = Node { at, kind: Kind::Literal(number) };
            return Ok(Node { at: dot, kind: Kind::Index(Box::new(base), Box::new(index)) });
        }
        let name = self.word()?;
        let kind = if self.eat("(") { Kind::Method(Box::new(base), name, self.list(")")?) } else { Kind::Field(Box::new(base), name) };
        Ok(Node { at, kind })
    }

    fn index(&mut self, base: Node, at: usize) -> Outcome<Node> {
        let is_range = |parser: &Self| parser.is("..") || parser.is("..=");
        let from = if is_range(self) { None } else { Some(Box::new(self.expression()?)) };
        if !is_range(self) {
            self.want("]")?;
            let index = from.ok_or_else(|| Fault::new(at, "expected an index"))?;
            return Ok(Node { at, kind: Kind::Index(Box::new(base), index) });
        }
        let closed = self.is("..=");
        self.next += 1;
        let to = if self.is("]") { None } else { Some(Box::new(self.expression()?)) };
        self.want("]")?;
        Ok(Node { at, kind: Kind::Slice { base: Box::new(base), from, to, closed } })
    }

    fn list(&mut self, close: &str) -> Outcome<Vec<Node>> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.expression()?);
            if !self.eat(",") {
                self.want(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn atom(&mut self) -> Outcome<Node> {
        let token = self.token().clone();
        let fault = |message: String| Fault::new(token.at, message);
        let kind = match token.kind {
            lexer::Kind::End => return Err(fault("expected a value, found the end".into())),
            lexer::Kind::Number(value) => {
                self.next += 1;
                Kind::Literal(value)
            }
            lexer::Kind::Text(text) => {
                self.next += 1;
                Kind::Literal(Value::String(text))
            }
            lexer::Kind::Word(word) => {
                self.next += 1;
                return self.named(token.at, word);
            }
            lexer::Kind::Symbol("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.want(")")?;
                return Ok(inner);
            }
            lexer::Kind::Symbol("[") => {
                self.next += 1;
                Kind::Array(self.list("]")?)
            }
            lexer::Kind::Symbol("{") => {
                self.next += 1;
                self.object()?
            }
            lexer::Kind::Symbol("|" | "||") => self.closure()?,
            other => return Err(fault(format!("expected a value, found {}", other.name()))),
        };
        Ok(Node { at: token.at, kind })
    }

    fn named(&mut self, at: usize, word: String) -> Outcome<Node> {
        let kind = match word.as_str() {
            "true" => Kind::Literal(Value::Bool(true)),
            "false" => Kind::Literal(Value::Bool(false)),
            "null" | "None" => Kind::Literal(Value::Null),
            "if" => self.condition()?,
            "Some" | "Ok" if self.eat("(") => {
                let inner = self.expression()?;
                self.want(")")?;
                return Ok(inner);
            }
            _ if self.is("(") => {
                return Err(Fault::new(at, format!("`{word}(..)`: functions of the program cannot be called here; methods can: `x.len()`")));
            }
            _ => Kind::Name(word),
        };
        Ok(Node { at, kind })
    }

    fn condition(&mut self) -> Outcome<Kind> {
        let condition = self.expression()?;
        let then = self.block()?;
        match self.peek() {
            lexer::Kind::Word(word) if word == "else" => self.next += 1,
            other => return Err(self.fault(format!("expected `else`, found {}", other.name()))),
        }
        let otherwise = match self.peek() {
            lexer::Kind::Word(word) if word == "if" => self.deeper(Self::atom)?,
            _ => self.block()?,
        };
        Ok(Kind::If(Box::new(condition), Box::new(then), Box::new(otherwise)))
    }

    fn block(&mut self) -> Outcome<Node> {
        self.want("{")?;
        let inner = self.expression()?;
        self.want("}")?;
        Ok(inner)
    }

    fn object(&mut self) -> Outcome<Kind> {
        let mut fields = Vec::new();
        while !self.eat("}") {
            let name = match self.peek().clone() {
                lexer::Kind::Text(text) => {
                    self.next += 1;
                    text
                }
                _ => self.word()?,
            };
            self.want(":")?;
            fields.push((name, self.expression()?));
            if !self.eat(",") {
                self.want("}")?;
                break;
            }
        }
        Ok(Kind::Object(fields))
    }

    fn closure(&mut self) -> Outcome<Kind> {
        let mut parameters = Vec::new();
        if !self.eat("||") {
            self.want("|")?;
            while !self.eat("|") {
                while self.eat("&") {}
                parameters.push(self.word()?);
                if !self.eat(",") {
                    self.want("|")?;
                    break;
                }
            }
        }
        Ok(Kind::Closure(parameters, Box::new(self.expression()?)))
    }
}
