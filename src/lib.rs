//! Multi-process actors with the debugger and the dashboard built in.
//!
//! Every actor is an OS process, owned by a nursery; every error and every cancel travels the tree
//! that spawned it. `coulter::pause!()` in any actor, at any depth, opens a REPL in the one
//! terminal the tree shares.
//!
//! ```
//! use coulter::prelude::*;
//!
//! #[coulter::endpoint]
//! async fn greet(name: String) -> Result<String> {
//!     Ok(format!("Hello {name}, this is {}", coulter::current_actor().name()))
//! }
//!
//! #[coulter::main]
//! async fn main() -> Result<()> {
//!     coulter::open_nursery(async |an| {
//!         let portal = an.run_in_actor("ida", greet::with("Otto")).await?;
//!         println!("{}", portal.wait_for_result().await?);
//!         Ok(())
//!     })
//!     .await
//! }
//! ```
pub use coulter_runtime::*;

/// What most programs need.
pub mod prelude {
    pub use coulter_runtime::{Context, Error, MsgStream, Nursery, Portal, Report, Result};
}
