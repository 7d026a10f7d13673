//! The attributes of coulter: [`macro@endpoint`], [`macro@context`], [`macro@main`], [`macro@test`].
//!
//! This crate knows Rust's syntax and the names it may use under `::coulter::__private`; it
//! knows nothing of processes. What an attribute refuses it says in a sentence, at the token that
//! is wrong, and leaves the function in place: one mistake is one error.
//!
//! Depend on `coulter`, which re-exports all of them, not on this crate.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod endpoint;
mod entry;
mod options;
mod signature;

use signature::Kind;

/// Makes a function callable in other actors.
///
/// The function stays what it was: `greet("Ida".into()).await` runs it here. Beside it the
/// attribute puts a type of the same name, whose `with(..)` takes the function's own parameters
/// and gives a typed call for `portal.run(..)`, `run_in_actor(..)` and the like. Parameters of type `String`
/// and `PathBuf` take anything that is `Into` them; every other type is exactly the written one.
///
/// * The parameters and the returned value are owned and implement `serde`'s traits: they travel between processes.
/// * It returns `T`, or `Result<T, E>` where `E` converts into `coulter::Report` by `?` (any error type, `anyhow`,
///   `String`). Whether it is a result is read off the type's name: the last part ends in `Result`.
/// * An `async fn` runs on the actor's work thread. A plain `fn` runs on the blocking pool and may compute or block as
///   long as it likes.
/// * It is not generic and has no `self`: the other process has to know which function to run.
///
/// A child answers only for the modules (or single endpoints) its parent exposed.
///
/// # Options
///
/// `path = "service::name"` names the endpoint instead of its module path, so that two different
/// programs can agree on it. It then counts as part of the module `service`.
///
/// # Example
///
/// ```ignore
/// use coulter::prelude::*;
///
/// /// Says hello.
/// #[coulter::endpoint]
/// async fn greet(name: String) -> Result<String> {
///     Ok(format!("Hello {name}, this is {}", coulter::current_actor().name()))
/// }
///
/// /// Counts the primes below `limit`, on the blocking pool.
/// #[coulter::endpoint(path = "maths::primes")]
/// fn primes(limit: u32) -> u32 {
///     (2..limit).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count() as u32
/// }
///
/// #[coulter::main]
/// async fn main() -> Result<()> {
///     coulter::open_nursery(async |an| {
///         let host = an.run_in_actor("host", greet::with("Ida")).await?;
///         println!("{}", host.wait_for_result().await?);
///         Ok(())
///     })
///     .await
/// }
/// ```
#[proc_macro_attribute]
pub fn endpoint(options: TokenStream, item: TokenStream) -> TokenStream {
    endpoint::expand(Kind::Call, options.into(), item.into()).into()
}

/// Makes a function the child's side of a context: a pair of tasks, one in each of two actors,
/// with one fate, and a two-way stream between them.
///
/// Its first parameter is `Context<Started, In, Out>` (or an alias of it): what the child hands over with
/// `started`, what it receives, and what it sends. Everything else is as for [`macro@endpoint`], except that it is always
/// `async`. The parent opens it with `portal.open_context(name::with(..), async |ctx, first| ..)`, where `with` takes the other parameters.
///
/// # Options
///
/// `path = "service::name"`, as for [`macro@endpoint`].
///
/// # Example
///
/// ```ignore
/// use coulter::prelude::*;
///
/// /// Sends back the running total of what it receives; returns how many there were.
/// #[coulter::context]
/// async fn totals(ctx: Context<i64, i64, i64>, start: i64) -> Result<u32> {
///     ctx.started(start).await?;
///     let mut stream = ctx.open_stream().await?;
///     let (mut total, mut count) = (start, 0);
///     while let Some(n) = stream.receive().await? {
///         total += n;
///         count += 1;
///         stream.send(total).await?;
///     }
///     Ok(count)
/// }
///
/// async fn sum(portal: &Portal) -> Result<u32> {
///     portal
///         .open_context(totals::with(10), async |ctx, start| {
///             let mut stream = ctx.open_stream().await?;
///             stream.send(5).await?;
///             assert_eq!(stream.receive().await?, Some(start + 5));
///             drop(stream);
///             ctx.wait_for_result().await
///         })
///         .await
/// }
/// ```
#[proc_macro_attribute]
pub fn context(options: TokenStream, item: TokenStream) -> TokenStream {
    endpoint::expand(Kind::Context, options.into(), item.into()).into()
}

/// Makes an `async fn main` the root of a tree of actors.
///
/// It expands to a plain `fn main` that first asks whether this process was spawned as an actor, and if so serves as one and
/// exits: the body runs in the root only.
///
/// # Options
///
/// | option | is |
/// | --- | --- |
/// | `name = "director"` | the root's name |
/// | `log = "info"` | the log filter, where `COULTER_LOG` is not set |
/// | `debug`, `debug = true` | stop at pauses and crashes, or never; `COULTER_DEBUG` beats it |
/// | `transport = "uds"` | `"uds"` or `"tcp"`; may be repeated, or a list: `["uds", "tcp"]` |
/// | `each = setup` | a plain `fn()` that runs in every actor of the tree before its first task |
///
/// # Example
///
/// ```ignore
/// use coulter::prelude::*;
///
/// fn setup() {
///     // What every actor needs: a subscriber, a TLS provider, an .env file.
/// }
///
/// #[coulter::main(name = "director", log = "info", each = setup)]
/// async fn main() -> Result<()> {
///     println!("I am {}", coulter::current_actor().name());
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(options.into(), item.into()).into()
}

/// Makes an `async fn` a test whose process is the root of a tree of actors.
///
/// Children run the test binary again with exactly this test, and are recognised before its body: it works with
/// `#[ignore]`, `#[should_panic]`, and under test runners that start one process per test. Options are those of
/// [`macro@main`].
///
/// # Example
///
/// ```ignore
/// use coulter::prelude::*;
///
/// #[coulter::endpoint]
/// async fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[coulter::test(transport = "uds")]
/// async fn doubles_elsewhere() -> Result<()> {
///     coulter::open_nursery(async |an| {
///         let doubled = an.run_in_actor("calculator", double::with(21)).await?;
///         assert_eq!(doubled.wait_for_result().await?, 42);
///         Ok(())
///     })
///     .await
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::test(options.into(), item.into()).into()
}
