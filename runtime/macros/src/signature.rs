//! What a function must look like to be run in another process, and the words for what it must not.
//!
//! Reads a signature, collects everything wrong with it, and gives the parts the expansion needs.
//! Only syntax is decided here; whether a type can be sent is for the compiler to say, at that type.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Error, FnArg, GenericArgument, Lifetime, Pat, PathArguments, ReturnType, Signature, Type};

/// Which attribute is at work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Context,
}

/// How the body is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// A future, on the work thread.
    Async,
    /// A plain function, on the blocking pool.
    Blocking,
}

/// One parameter that travels.
pub(crate) struct Param {
    /// The field's name, and the parameter's in `with`.
    pub(crate) ident: Ident,
    /// The name on the wire and in messages.
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// `with` takes `impl Into<ty>`.
    pub(crate) into: bool,
}

/// What a function gives.
pub(crate) enum Output {
    /// Nothing written: `()`.
    Unit,
    /// A value that cannot fail.
    Plain(Type),
    /// Something named like a `Result`.
    Fallible(Type),
}

/// A signature an endpoint may have.
pub(crate) struct Shape {
    pub(crate) runs: Runs,
    /// The first parameter's type, of a context.
    pub(crate) context: Option<Type>,
    pub(crate) params: Vec<Param>,
    pub(crate) output: Output,
}

/// Reads the signature; every complaint about it in one error.
pub(crate) fn read(kind: Kind, signature: &Signature) -> Result<Shape, Error> {
    let mut complaints = Complaints(None);
    qualifiers(kind, signature, &mut complaints);

    let mut inputs = signature.inputs.iter().peekable();
    let mut context = None;
    if let Some(FnArg::Receiver(receiver)) = inputs.peek() {
        complaints.add(receiver, "an endpoint has no `self`: there is no such value in the other process. Make it a function of the module");
        inputs.next();
    } else if kind == Kind::Context {
        match inputs.next() {
            Some(FnArg::Typed(first)) => context = Some((*first.ty).clone()),
            _ => complaints.add(&signature.ident, "a context's first parameter is its own side of the pair: `ctx: Context<Started, In, Out>`"),
        }
    } else if let Some(FnArg::Typed(first)) = inputs.peek()
        && is_context(&first.ty)
    {
        complaints.add(&first.ty, "a function that takes a `Context` is marked `#[coulter::context]`");
    }

    let mut params = Vec::new();
    for (at, input) in inputs.enumerate() {
        // A receiver that is not first does not parse.
        let FnArg::Typed(input) = input else { continue };
        if let Some(attribute) = input.attrs.iter().find(|a| a.path().is_ident("cfg") || a.path().is_ident("cfg_attr")) {
            complaints.add(attribute, "an endpoint's parameters are the same in every build: put the `cfg` on the function");
        }
        owned(&input.ty, "argument", &mut complaints);
        let ident = match &*input.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            _ => format_ident!("arg{at}", span = input.pat.span()),
        };
        params.push(Param {
            name: ident.unraw().to_string(),
            ident,
            into: last_segment(&input.ty).is_some_and(|name| name == "String" || name == "PathBuf"),
            ty: (*input.ty).clone(),
        });
    }

    let output = match &signature.output {
        ReturnType::Default => Output::Unit,
        ReturnType::Type(_, ty) => {
            owned(ty, "returned value", &mut complaints);
            if last_segment(ty).is_some_and(|name| name.to_string().ends_with("Result")) {
                Output::Fallible((**ty).clone())
            } else {
                Output::Plain((**ty).clone())
            }
        }
    };

    match complaints.0 {
        Some(error) => Err(error),
        None => Ok(Shape { runs: if signature.asyncness.is_some() { Runs::Async } else { Runs::Blocking }, context, params, output }),
    }
}

struct Complaints(Option<Error>);

impl Complaints {
    fn add(&mut self, at: impl ToTokens, text: impl std::fmt::Display) {
        let error = Error::new_spanned(at, text);
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }
}

fn qualifiers(kind: Kind, signature: &Signature, complaints: &mut Complaints) {
    if kind == Kind::Context && signature.asyncness.is_none() {
        complaints.add(signature.fn_token, "a context is an `async fn`: it waits for its other side");
    }
    if let Some(token) = &signature.constness {
        complaints.add(token, "an endpoint is not a `const fn`");
    }
    if let Some(token) = &signature.unsafety {
        complaints.add(token, "an endpoint is not `unsafe`: nobody in the other process could keep its promises");
    }
    if let Some(abi) = &signature.abi {
        complaints.add(abi, "an endpoint is a Rust function");
    }
    let generics = &signature.generics;
    if let Some(first) = generics.params.first() {
        complaints.add(first, "an endpoint is not generic: the other process must know which instance to run. Write one for each type");
    } else if let Some(clause) = &generics.where_clause {
        complaints.add(clause, "an endpoint has no `where` clause");
    }
    if let Some(variadic) = &signature.variadic {
        complaints.add(variadic, "an endpoint's arguments are counted");
    }
}

/// Complains about the first part of `ty` that borrows, or is not a type one can name.
fn owned(ty: &Type, what: &'static str, complaints: &mut Complaints) {
    struct Borrows {
        what: &'static str,
        found: Option<(TokenStream, String)>,
    }
    impl Borrows {
        fn found(&mut self, at: impl ToTokens, text: String) {
            self.found.get_or_insert((at.into_token_stream(), text));
        }
    }
    impl<'ast> Visit<'ast> for Borrows {
        fn visit_type(&mut self, ty: &'ast Type) {
            let what = self.what;
            match ty {
                Type::Reference(reference) => {
                    let owned = match &*reference.elem {
                        Type::Slice(_) => " (`Vec<..>` for a slice)",
                        Type::Path(path) if path.path.is_ident("str") => " (`String` for `&str`)",
                        Type::Path(path) if path.path.is_ident("Path") => " (`PathBuf` for `&Path`)",
                        _ => "",
                    };
                    self.found(reference, format!("an endpoint's {what} is owned: it comes from another process{owned}"));
                }
                Type::ImplTrait(opaque) => self.found(opaque, format!("an endpoint's {what} has an exact type: both processes must know it")),
                Type::TraitObject(object) => self.found(object, format!("an endpoint's {what} has an exact type: both processes must know it")),
                Type::Infer(infer) => self.found(infer, format!("an endpoint's {what} has an exact type, not `_`")),
                _ => visit::visit_type(self, ty),
            }
        }
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            let what = self.what;
            self.found(lifetime, format!("an endpoint's {what} is owned: it comes from another process"));
        }
    }
    let mut borrows = Borrows { what, found: None };
    // A result's error stays here (its text travels), so only its first argument is looked at.
    if let Some(value) = value_of_result(ty) {
        borrows.visit_type(value);
    } else {
        borrows.visit_type(ty);
    }
    if let Some((at, text)) = borrows.found {
        complaints.add(at, text);
    }
}

/// `T` of a `..Result<T, E>`.
fn value_of_result(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if !last.ident.to_string().ends_with("Result") {
        return None;
    }
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Written as `Context<S, I, O>`.
fn is_context(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|segment| segment.ident == "Context" && matches!(&segment.arguments, PathArguments::AngleBracketed(a) if a.args.len() == 3))
}
