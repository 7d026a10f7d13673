//! A place for one test, terminals in it, and the programs that run there.
mod place;
mod programs;
mod terminal;

pub use place::{LIMIT, Place, is_alive, kill, until};
pub use programs::{coulter, example, program};
pub use terminal::Terminal;
