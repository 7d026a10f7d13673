//! What stands in an attribute's parentheses, and nothing of what it is for.
//!
//! Options are `key`, `key = value`, separated by commas. An unknown key is answered with the known ones.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprArray, ExprLit, ExprPath, Lit, LitStr, Path, Result, Token};

/// One `key` or `key = value`.
struct Given {
    key: Ident,
    value: Option<Expr>,
}

impl Parse for Given {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        Ok(Self { key, value })
    }
}

fn parse(tokens: TokenStream) -> Result<Vec<Given>> {
    let given = Punctuated::<Given, Token![,]>::parse_terminated.parse2(tokens)?;
    Ok(given.into_iter().collect())
}

impl Given {
    /// The span for a message about the value: the value's own, or the key's where it is missing.
    fn span(&self) -> Span {
        use syn::spanned::Spanned as _;
        self.value.as_ref().map_or_else(|| self.key.span(), |value| value.span())
    }

    fn string(&self, example: &str) -> Result<LitStr> {
        match &self.value {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text.clone()),
            _ => Err(Error::new(self.span(), format!("expected a string: `{} = {example}`", self.key))),
        }
    }

    fn set<T>(&self, place: &mut Option<T>, value: T) -> Result<()> {
        if place.is_some() {
            return Err(Error::new(self.key.span(), format!("`{}` is given twice", self.key)));
        }
        *place = Some(value);
        Ok(())
    }
}

/// Options of `#[endpoint]` and `#[context]`.
#[derive(Default)]
pub(crate) struct EndpointOptions {
    /// `path = "service::name"`, cut at the last `::`.
    pub(crate) path: Option<(String, String)>,
}

impl EndpointOptions {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        for given in parse(tokens)? {
            if given.key != "path" {
                return Err(Error::new(given.key.span(), format!("unknown option `{}`, expected `path = \"service::name\"`", given.key)));
            }
            let text = given.string("\"service::name\"")?;
            given.set(&mut options.path, cut(&text)?)?;
        }
        Ok(options)
    }
}

/// Cuts `service::name` into its two halves.
fn cut(text: &LitStr) -> Result<(String, String)> {
    let value = text.value();
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match value.rsplit_once("::") {
        Some((module, name)) if module.split("::").all(is_word) && is_word(name) => Ok((module.to_owned(), name.to_owned())),
        _ => Err(Error::new(text.span(), "an endpoint's path is a service and a name: `path = \"service::name\"`")),
    }
}

/// A transport an actor can be told to use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportName {
    Uds,
    Tcp,
}

/// Options of `#[main]` and `#[test]`.
#[derive(Default)]
pub(crate) struct EntryOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) log: Option<LitStr>,
    pub(crate) debug: Option<bool>,
    pub(crate) transports: Vec<TransportName>,
    pub(crate) each: Option<Path>,
}

impl EntryOptions {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        for given in parse(tokens)? {
            match given.key.to_string().as_str() {
                "name" => {
                    let text = given.string("\"director\"")?;
                    if text.value().is_empty() {
                        return Err(Error::new(text.span(), "an actor's name is not empty"));
                    }
                    given.set(&mut options.name, text)?;
                }
                "log" => given.set(&mut options.log, given.string("\"info\"")?)?,
                "debug" => given.set(&mut options.debug, debug(&given)?)?,
                "transport" => transports(&given, &mut options.transports)?,
                "each" => given.set(&mut options.each, each(&given)?)?,
                other => {
                    return Err(Error::new(given.key.span(), format!("unknown option `{other}`, expected one of `name`, `log`, `debug`, `transport`, `each`")));
                }
            }
        }
        Ok(options)
    }
}

fn debug(given: &Given) -> Result<bool> {
    match &given.value {
        None => Ok(true),
        Some(Expr::Lit(ExprLit { lit: Lit::Bool(on), .. })) => Ok(on.value),
        Some(_) => Err(Error::new(given.span(), "expected `debug`, `debug = true` or `debug = false`")),
    }
}

fn each(given: &Given) -> Result<Path> {
    match &given.value {
        Some(Expr::Path(ExprPath { qself: None, path, .. })) => Ok(path.clone()),
        _ => Err(Error::new(given.span(), "expected the path of a plain `fn()` that every actor runs first: `each = setup`")),
    }
}

fn transports(given: &Given, into: &mut Vec<TransportName>) -> Result<()> {
    let expected = "expected one of `\"uds\"`, `\"tcp\"`, or a list: `transport = [\"uds\", \"tcp\"]`";
    let one = |expr: &Expr, into: &mut Vec<TransportName>| -> Result<()> {
        use syn::spanned::Spanned as _;
        let transport = match expr {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match text.value().as_str() {
                "uds" => TransportName::Uds,
                "tcp" => TransportName::Tcp,
                other => {
                    return Err(Error::new(text.span(), format!("unknown transport `{other}`, {expected}")));
                }
            },
            other => return Err(Error::new(other.span(), expected)),
        };
        if into.contains(&transport) {
            return Err(Error::new(expr.span(), "this transport is given twice"));
        }
        into.push(transport);
        Ok(())
    };
    match &given.value {
        Some(Expr::Array(ExprArray { elems, .. })) if !elems.is_empty() => elems.iter().try_for_each(|expr| one(expr, into)),
        Some(expr @ Expr::Lit(_)) => one(expr, into),
        _ => Err(Error::new(given.span(), expected)),
    }
}
