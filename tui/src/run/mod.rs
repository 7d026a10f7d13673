//! Programs this console starts: their processes and their output. Knows nothing of trees.
mod lines;
mod program;

pub use lines::Lines;
pub use program::{Channel, Program, descends_from};
