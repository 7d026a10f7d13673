//! What can be seen of a tree: rows of state, changes to them, records, and the model that folds them.
//!
//! State lives in rows, history in records: losing history never makes the state wrong, and a
//! gap in the changes is answered with a fresh snapshot.
mod model;
mod rows;
pub mod text;

pub use model::{Applied, Bounds, Linked, Lost, Model, is_over};
pub use rows::*;
