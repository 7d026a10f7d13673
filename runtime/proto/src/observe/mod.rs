//! What can be seen of a tree: rows of state, changes to them, records, and the model that folds them.
//!
//! State lives in rows, history in records: losing history never makes the state wrong, and a
//! gap in the changes is answered with a fresh snapshot.
mod rows;

pub use rows::*;
