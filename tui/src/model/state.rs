//! The state of the dashboard.
use std::collections::HashSet;

use coulter_proto::exit::ExitStatus;
use coulter_proto::id::{ContextKey, StopId, Uuid};
use coulter_proto::observe::{ActorState, Model, UnixMicros};

use super::layers::Layer;
use super::list::List;
use super::logs::Logs;
use super::output::Output;
use super::rates::Rates;
use super::repl::Repl;

/// A view, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// 1: actors.
    Tree,
    /// 2: contexts and calls.
    Contexts,
    /// 4: log records.
    Logs,
    /// 5: the seat's queue and the prompt.
    Stops,
    /// 7: what the program printed.
    Output,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tree, Self::Contexts, Self::Logs, Self::Stops, Self::Output];
    /// Its number, which is its key.
    #[must_use]
    pub fn number(self) -> char {
        match self {
            Self::Tree => '1',
            Self::Contexts => '2',
            Self::Logs => '4',
            Self::Stops => '5',
            Self::Output => '7',
        }
    }
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tree => "Tree",
            Self::Contexts => "Contexts",
            Self::Logs => "Logs",
            Self::Stops => "Stops",
            Self::Output => "Output",
        }
    }
    /// The names of its panes, the most important first.
    #[must_use]
    pub fn panes(self) -> &'static [&'static str] {
        match self {
            Self::Tree => &["Actors", "Detail", "Its logs"],
            Self::Contexts => &["Contexts", "Detail", "Its logs"],
            Self::Logs => &["Records", "Filters", "Record"],
            Self::Stops => &["Stops", "REPL", "Actor"],
            Self::Output => &["Output"],
        }
    }
    fn index(self) -> usize {
        Self::ALL.iter().position(|view| *view == self).unwrap_or(0)
    }
}

/// Where the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// No tree yet; what for.
    Waiting(String),
    /// Connected.
    Live,
    /// The tree is gone; how it ended.
    Gone(String),
}

/// The program this console started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSeen {
    /// Its command line.
    pub line: String,
    /// Its process.
    pub pid: u32,
    /// How it ended.
    pub status: Option<ExitStatus>,
    /// It was told to end because the person leaves.
    pub leaving: bool,
}

/// Something said once, at the bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// Whether it is bad news.
    pub bad: bool,
}

/// Everything the views are drawn from.
#[derive(Clone, Debug)]
pub struct State {
    /// Columns and rows.
    pub size: (u16, u16),
    /// The present, as far as anybody told.
    pub now: UnixMicros,
    /// The tree.
    pub live: Model,
    /// The tree as it was when the view was frozen.
    pub frozen: Option<Box<Model>>,
    /// The connection.
    pub link: Link,
    /// The program this console started, if it did.
    pub program: Option<ProgramSeen>,
    /// The view on screen.
    pub view: View,
    panes: [usize; View::ALL.len()],
    /// What lies over it.
    pub layers: Vec<Layer>,
    /// The list of actors.
    pub actors: List<Uuid>,
    /// Actors whose children are folded away.
    pub folded: HashSet<Uuid>,
    /// The list of contexts.
    pub contexts: List<ContextKey>,
    /// The contexts in the order shown; kept because sorting many is not for every frame.
    pub context_order: Vec<ContextKey>,
    /// The queue.
    pub stops: List<StopId>,
    /// The records.
    pub logs: Logs,
    /// The program's output.
    pub output: Output,
    /// The prompt.
    pub repl: Repl,
    /// How far the detail is scrolled.
    pub detail_top: usize,
    /// The rates.
    pub rates: Rates,
    /// The last word.
    pub notice: Option<Notice>,
    /// `g` was pressed, and waits for its second.
    pub half_typed: bool,
    /// The output is on screen only because there is no tree yet.
    pub(super) output_meanwhile: bool,
    pub(super) settled: bool,
    pub(super) followed: Option<coulter_proto::level::Level>,
}

impl State {
    /// A dashboard that has no tree yet.
    #[must_use]
    pub fn new(size: (u16, u16), waiting_for: &str) -> Self {
        Self {
            size,
            now: 0,
            live: Model::new(),
            frozen: None,
            link: Link::Waiting(waiting_for.to_owned()),
            program: None,
            view: View::Tree,
            panes: [0; View::ALL.len()],
            layers: Vec::new(),
            actors: List::default(),
            folded: HashSet::new(),
            contexts: List::default(),
            context_order: Vec::new(),
            stops: List::default(),
            logs: Logs::default(),
            output: Output::default(),
            repl: Repl::default(),
            detail_top: 0,
            rates: Rates::default(),
            notice: None,
            half_typed: false,
            output_meanwhile: false,
            settled: false,
            followed: None,
        }
    }

    /// The tree as the views show it.
    #[must_use]
    pub fn seen(&self) -> &Model {
        self.frozen.as_deref().unwrap_or(&self.live)
    }
    /// The pane with the keys.
    #[must_use]
    pub fn pane(&self) -> usize {
        self.panes[self.view.index()].min(self.view.panes().len() - 1)
    }
    pub(super) fn set_pane(&mut self, pane: usize) {
        self.panes[self.view.index()] = pane;
    }
    /// Whether the program this console started still runs.
    #[must_use]
    pub fn program_runs(&self) -> bool {
        self.program.as_ref().is_some_and(|program| program.status.is_none())
    }
    /// Whether the prompt has the keys.
    #[must_use]
    pub fn at_prompt(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::Repl))
    }
    /// After how many microseconds the screen is out of date though nothing happened: an age on it
    /// has changed. Ages stand still once the tree is gone.
    #[must_use]
    pub fn ages_in(&self) -> Option<u64> {
        const SECOND: u64 = 1_000_000;
        if self.link != Link::Live || self.frozen.is_some() {
            return None;
        }
        let actors = self.live.actors().filter(|row| !matches!(row.state, ActorState::Ended { .. })).map(|row| row.started);
        let births = actors.chain(self.live.stops().iter().map(|stop| stop.since));
        let youngest = births.max().map(|birth| self.now.saturating_sub(birth))?;
        let active = self.rates.total() > 0;
        Some(if youngest < 60 * SECOND || active { SECOND } else { 60 * SECOND })
    }
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), bad: false });
    }
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), bad: true });
    }
}
