//! What lies over the views: one stack. A key goes to the topmost layer, which takes it or lets it through.
use coulter_proto::hub::ToHub;

use super::editor::Editor;
use crate::client::Found;

/// What a line is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A filter of the list, or of the logs.
    Filter,
    /// A command by its name.
    Command,
}

/// What an answer leads to.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Nothing.
    Stay,
    /// Leave; the tree goes on.
    Leave,
    /// End the program this console started, and leave.
    EndProgram,
    /// Tell the hub.
    Tell(ToHub),
    /// A line for the stop at the prompt.
    QuitStop,
}

/// One answer to a question.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The key for it.
    pub key: char,
    /// What it says.
    pub says: &'static str,
    /// What it leads to.
    pub then: Decision,
}

/// A layer.
#[derive(Clone, Debug)]
pub enum Layer {
    /// The keys, and why some do nothing now.
    Help {
        /// The first line shown.
        top: usize,
    },
    /// A question.
    Confirm {
        /// The question.
        question: String,
        /// The answers.
        choices: Vec<Choice>,
    },
    /// A line is typed.
    Line {
        /// What for.
        asks: Asks,
        /// The line.
        editor: Editor,
        /// Which of the proposals is chosen.
        chosen: usize,
    },
    /// Several trees to choose from.
    Trees {
        /// Them.
        found: Vec<Found>,
        /// Which is chosen.
        chosen: usize,
    },
    /// The prompt has the keys.
    Repl,
}
