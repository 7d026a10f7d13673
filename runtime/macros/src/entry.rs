//! `#[main]` and `#[test]`: the ways into a process.
//!
//! Both become a plain function that hands its body to the runtime, which decides what this
//! process is before anything of the body runs.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, ItemFn, ReturnType};

use crate::options::{EntryOptions, TransportName};

/// Expands `#[main]`.
pub(crate) fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand("main", options, item, |options, function| {
        let body = body(function);
        quote!(::coulter::__private::run_main(#options, #body))
    })
}

/// Expands `#[test]`.
pub(crate) fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand("test", options, item, |options, function| {
        let name = function.sig.ident.unraw().to_string();
        let body = body(function);
        quote! {
            ::coulter::__private::run_test(#options, ::core::module_path!(), #name, #body)
        }
    })
}

fn expand(attribute: &str, options: TokenStream, item: TokenStream, run: impl FnOnce(TokenStream, &ItemFn) -> TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = Error::new(error.span(), format!("`#[coulter::{attribute}]` goes on an `async fn`: {error}")).into_compile_error();
            return quote!(#error #item);
        }
    };
    let parsed = check(attribute, &function).and_then(|()| EntryOptions::parse(options));
    let options = match parsed {
        Ok(options) => options,
        Err(error) => {
            // A plain function of the same name and type keeps its callers, and `main`, in place.
            let error = error.into_compile_error();
            let (attrs, vis, name) = (&function.attrs, &function.vis, &function.sig.ident);
            let output = &function.sig.output;
            return quote! {
                #error
                #(#attrs)* #[allow(dead_code, unused)] #vis fn #name() #output { ::core::unreachable!() }
            };
        }
    };
    let options = main_options(&options);
    let call = run(options, &function);
    let ItemFn { attrs, vis, sig, .. } = &function;
    let (name, output) = (&sig.ident, &sig.output);
    let test = (attribute == "test").then(|| quote!(#[::core::prelude::v1::test]));
    quote! {
        #test
        #(#attrs)*
        #vis fn #name() #output {
            #call
        }
    }
}

fn check(attribute: &str, function: &ItemFn) -> Result<(), Error> {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new(
            signature.fn_token.span(),
            format!("`#[coulter::{attribute}]` goes on an `async fn`; a plain `fn` calls `coulter::init()` as its first line"),
        ));
    }
    if let Some(input) = signature.inputs.first() {
        return Err(Error::new(input.span(), format!("the function under `#[coulter::{attribute}]` takes no arguments")));
    }
    if let Some(first) = signature.generics.params.first() {
        return Err(Error::new(first.span(), format!("the function under `#[coulter::{attribute}]` is not generic")));
    }
    if let Some(second) = function.attrs.iter().find(|a| attribute == "test" && a.path().segments.last().is_some_and(|segment| segment.ident == "test")) {
        return Err(Error::new(second.span(), "a second test attribute: `#[coulter::test]` is enough"));
    }
    Ok(())
}

/// The body as an async closure that says what it returns, so that `?` and `return` infer as in the function.
fn body(function: &ItemFn) -> TokenStream {
    let block = &function.block;
    let output = match &function.sig.output {
        ReturnType::Default => quote!(-> ()),
        output @ ReturnType::Type(..) => quote!(#output),
    };
    quote!(async || #output #block)
}

fn main_options(options: &EntryOptions) -> TokenStream {
    let EntryOptions { name, log, debug, transports, each } = options;
    let optional = |value: Option<TokenStream>| match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    };
    let name = optional(name.as_ref().map(|text| quote!(#text)));
    let log = optional(log.as_ref().map(|text| quote!(#text)));
    let debug = optional(debug.map(|on| quote!(#on)));
    let transports = transports.iter().map(|transport| match transport {
        TransportName::Uds => quote!(::coulter::__private::Transport::Uds),
        TransportName::Tcp => quote!(::coulter::__private::Transport::Tcp),
    });
    // Bound to its type first, so that a function of another type is told so at its name.
    let each = optional(each.as_ref().map(|path| {
        let function = quote_spanned!(Span::mixed_site().located_at(path.span())=> each);
        quote_spanned!(path.span()=> { let #function: fn() = #path; #function })
    }));
    quote! {
        ::coulter::__private::MainOptions {
            name: #name,
            log: #log,
            debug: #debug,
            transports: &[#(#transports),*],
            each: #each,
        }
    }
}
