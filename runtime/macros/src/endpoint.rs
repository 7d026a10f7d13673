//! `#[endpoint]` and `#[context]`: what is put beside a function so that other processes can call it.
//!
//! Four things: a type of the function's name (a braced struct takes no name from the values, so the function stays
//! callable), its arguments as a struct that encodes itself name by name, the traits that tie both together, and the
//! entry in the table the linker collects. All but the type live in an unnamed constant and take no name from the module.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, ItemFn, Type};

use crate::options::EndpointOptions;
use crate::signature::{self, Kind, Output, Param, Runs, Shape};

/// Expands `#[endpoint]` or `#[context]`.
pub(crate) fn expand(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let attribute = match kind {
        Kind::Call => "endpoint",
        Kind::Context => "context",
    };
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = Error::new(error.span(), format!("`#[coulter::{attribute}]` goes on a function: {error}")).into_compile_error();
            return quote!(#error #item);
        }
    };
    let read = signature::read(kind, &function.sig).and_then(|shape| Ok((shape, EndpointOptions::parse(options)?)));
    match read {
        Ok((shape, options)) => generate(&function, &shape, &options),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#error #function)
        }
    }
}

/// The name of the arguments' struct: one no user's type has, for it is in scope where theirs are written.
fn arguments() -> Ident {
    Ident::new("__CoulterArguments", Span::mixed_site())
}

fn generate(function: &ItemFn, shape: &Shape, options: &EndpointOptions) -> TokenStream {
    let name = &function.sig.ident;
    let cfgs: Vec<&Attribute> = carried(function, "cfg").collect();
    let handle = handle(function, &cfgs);
    let arguments = arguments_struct(&shape.params);
    let traits = traits(name, shape);
    let with = with(function, &shape.params);
    let entry = entry(function, shape, options);
    quote! {
        #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
        #function

        #handle

        #(#cfgs)*
        #[allow(
            deprecated,
            non_snake_case,
            unreachable_pub,
            unused_qualifications,
            clippy::all,
            clippy::pedantic
        )]
        const _: () = {
            #arguments
            #traits
            #with
            #entry
        };
    }
}

fn carried<'a>(function: &'a ItemFn, name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    function.attrs.iter().filter(move |attribute| attribute.path().is_ident(name))
}

/// The type of the function's name.
fn handle(function: &ItemFn, cfgs: &[&Attribute]) -> TokenStream {
    let (vis, name) = (&function.vis, &function.sig.ident);
    let mut docs: Vec<TokenStream> = carried(function, "doc").map(|doc| quote!(#doc)).collect();
    if docs.is_empty() {
        let text = format!("Calls of the endpoint `{}` in other actors.", name.unraw());
        docs.push(quote!(#[doc = #text]));
    }
    let deprecated = carried(function, "deprecated");
    quote! {
        #(#cfgs)*
        #(#docs)*
        #(#deprecated)*
        #[allow(
            dead_code,
            non_camel_case_types,
            unreachable_pub,
            clippy::empty_structs_with_brackets
        )]
        #vis struct #name {}
    }
}

/// The arguments, each of which goes over the wire under its name.
///
/// The struct is generic only for the sake of its type name, which then tells the types of all arguments: that is what
/// two builds compare before one calls the other.
fn arguments_struct(params: &[Param]) -> TokenStream {
    let arguments = arguments();
    let ty = arguments_type(params);
    let generics: Vec<Ident> = (0..params.len()).map(|n| format_ident!("T{n}")).collect();
    let fields = params.iter().zip(&generics).map(|(Param { ident, .. }, generic)| quote!(#ident: #generic));
    // Tokens placed at an argument's type, so that a type that cannot travel is what the compiler points at. Writing and
    // describing share one body: there the compiler says it once.
    let here = Span::mixed_site();
    let at = |ty: &Type| here.located_at(ty.span());
    let each = params.iter().map(|Param { ident, name, ty, .. }| {
        quote_spanned! {at(ty)=>
            match out {
                __CoulterOut::Wire(ref mut out) => out.arg(#name, &self.#ident)?,
                __CoulterOut::Text(ref mut out) => out.arg(#name, &self.#ident),
            }
        }
    });
    let decodes = params.iter().map(|Param { ident, name, ty, .. }| {
        let value = quote_spanned!(at(ty)=> input.arg(#name)?);
        quote!(#ident: #value)
    });
    quote_spanned! {here=>
        pub struct #arguments<#(#generics),*> {
            #(#fields),*
        }

        #[automatically_derived]
        impl ::coulter::__private::Arguments for #ty {
            fn encode(
                &self,
                out: &mut ::coulter::__private::ArgWriter<'_>,
            ) -> ::core::result::Result<(), ::coulter::__private::EncodeError> {
                self.__each(__CoulterOut::Wire(out))
            }

            #[allow(unused_variables)]
            fn decode(
                input: &mut ::coulter::__private::ArgReader<'_>,
            ) -> ::core::result::Result<Self, ::coulter::__private::ArgError> {
                ::core::result::Result::Ok(Self { #(#decodes),* })
            }

            fn describe(&self, out: &mut ::coulter::__private::Describe) {
                let _ = self.__each(__CoulterOut::Text(out));
            }
        }

        enum __CoulterOut<'a, 'b> {
            Wire(&'a mut ::coulter::__private::ArgWriter<'b>),
            Text(&'a mut ::coulter::__private::Describe),
        }

        impl #ty {
            #[allow(unused_mut, unused_variables)]
            fn __each(
                &self,
                mut out: __CoulterOut<'_, '_>,
            ) -> ::core::result::Result<(), ::coulter::__private::EncodeError> {
                #(#each)*
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// The arguments' struct, of this function's types.
fn arguments_type(params: &[Param]) -> TokenStream {
    let arguments = arguments();
    let types = params.iter().map(|param| &param.ty);
    quote!(#arguments<#(#types),*>)
}

fn traits(name: &Ident, shape: &Shape) -> TokenStream {
    let arguments = arguments_type(&shape.params);
    // Whole items placed at the types: what is wrong with a type is then said at the type.
    let at = |ty: &Type| Span::mixed_site().located_at(ty.span());
    let ok = match &shape.output {
        Output::Unit => quote!(
            type Ok = ();
        ),
        Output::Plain(ty) => quote_spanned!(at(ty)=> type Ok = #ty;),
        Output::Fallible(ty) => {
            quote_spanned!(at(ty)=> type Ok = <#ty as ::coulter::__private::Fallible>::Ok;)
        }
    };
    let context = shape.context.as_ref().map(|types| {
        let types = quote_spanned!(at(types)=> type Types = #types;);
        quote! {
            #[automatically_derived]
            impl ::coulter::__private::ContextEndpoint for #name {
                #types
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl ::coulter::__private::Endpoint for #name {
            type Args = #arguments;
            #ok
            const ENTRY: &'static ::coulter::__private::Entry = &__COULTER_ENTRY;
        }
        #context
    }
}

/// `with(..)`, placed at the function's own name and parameters: that is where the compiler's notes then lead.
fn with(function: &ItemFn, params: &[Param]) -> TokenStream {
    let (vis, name) = (&function.vis, &function.sig.ident);
    let arguments = arguments();
    let with = Ident::new("with", name.span());
    let doc = format!("A call of `{0}` in another actor, to be given to a portal: `{0}` runs there, with these arguments.", name.unraw());
    let takes = params.iter().map(
        |Param { ident, ty, into, .. }| {
            if *into { quote_spanned!(ty.span()=> #ident: impl ::core::convert::Into<#ty>) } else { quote!(#ident: #ty) }
        },
    );
    let values =
        params.iter().map(|Param { ident, into, .. }| if *into { quote!(#ident: ::core::convert::Into::into(#ident)) } else { quote!(#ident: #ident) });
    quote! {
        impl #name {
            #[doc = #doc]
            #[allow(dead_code)]
            #vis fn #with(#(#takes),*) -> ::coulter::Call<#name> {
                ::coulter::Call::new(#arguments { #(#values),* })
            }
        }
    }
}

/// The entry in the linker's table.
fn entry(function: &ItemFn, shape: &Shape, options: &EndpointOptions) -> TokenStream {
    let name = &function.sig.ident;
    let short = name.unraw().to_string();
    let (id, module, label) = match &options.path {
        None => (
            quote! {
                ::core::concat!(
                    ::core::module_path!(), "::", #short, "@",
                    ::core::file!(), ":", ::core::line!(), ":", ::core::column!()
                )
            },
            quote!(::core::module_path!()),
            short,
        ),
        Some((module, label)) => {
            let id = format!("{module}::{label}");
            (quote!(#id), quote!(#module), label.clone())
        }
    };
    let (kind, fingerprint) = if shape.context.is_some() { (quote!(Context), quote!(fingerprint_context)) } else { (quote!(Call), quote!(fingerprint)) };
    let run = run(name, shape);
    quote! {
        #[::coulter::__private::linkme::distributed_slice(::coulter::__private::ENDPOINTS)]
        #[linkme(crate = ::coulter::__private::linkme)]
        static __COULTER_ENTRY: ::coulter::__private::Entry = ::coulter::__private::Entry {
            id: #id,
            module: #module,
            name: #label,
            file: ::core::file!(),
            line: ::core::line!(),
            kind: ::coulter::__private::EntryKind::#kind,
            fingerprint: ::coulter::__private::#fingerprint::<#name>,
            run: #run,
        };
    }
}

/// From an invocation to the function's call, its arguments decoded by the runtime between the two.
fn run(name: &Ident, shape: &Shape) -> TokenStream {
    let fields: Vec<&Ident> = shape.params.iter().map(|param| &param.ident).collect();
    let here = Span::mixed_site();
    let call = match (shape.context.is_some(), shape.runs) {
        (true, _) => quote_spanned!(here=> #name(ctx, #(arguments.#fields),*).await),
        (false, Runs::Async) => quote_spanned!(here=> #name(#(arguments.#fields),*).await),
        (false, Runs::Blocking) => quote_spanned!(here=> #name(#(arguments.#fields),*)),
    };
    let outcome = match &shape.output {
        Output::Fallible(ty) => {
            // Placed at the returned type, which is what is wrong when its error does not convert.
            let at = here.located_at(ty.span());
            quote_spanned!(at=> ::coulter::__private::Fallible::into_outcome(#call))
        }
        Output::Unit | Output::Plain(_) => {
            quote_spanned!(here=> ::core::result::Result::Ok(#call))
        }
    };
    let allow = quote!(#[allow(unused_variables)]);
    match (shape.context.is_some(), shape.runs) {
        (true, _) => quote_spanned! {here=>
            |invocation| ::coulter::__private::run_context::<#name, _>(
                invocation,
                #allow |ctx, arguments| async move { #outcome },
            )
        },
        (false, Runs::Async) => quote_spanned! {here=>
            |invocation| ::coulter::__private::run_call::<#name, _>(
                invocation,
                #allow |arguments| async move { #outcome },
            )
        },
        (false, Runs::Blocking) => quote_spanned! {here=>
            |invocation| ::coulter::__private::run_blocking::<#name>(
                invocation,
                #allow |arguments| #outcome,
            )
        },
    }
}
