//! The words of the command line.
use clap::{ArgAction, Parser, Subcommand};
use coulter_proto::level::Level;

/// See, stop and understand trees of actors.
///
/// Without a command: the dashboard of the tree there is, a choice among several, or a wait for one.
#[derive(Debug, Parser)]
#[command(name = "coulter", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 fine, 1 it could not be done, 2 usage, 3 no such tree or actor.")]
pub struct Args {
    /// Draw with ASCII characters only.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the command line can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a program, with the dashboard in this terminal.
    Run(Run),
    /// The dashboard of a running tree.
    Attach(Attach),
    /// The trees of this user, and the actors of each.
    Ps(Json),
    /// The actors of a tree, as a tree.
    Tree(List),
    /// Contexts and calls: who asked whom for what, and how far it is.
    Contexts(List),
    /// The connections between actors.
    Channels(List),
    /// Log records of all actors, as they come.
    Logs(Logs),
    /// The actors halted in the debugger, in the order of the seat's queue.
    Stops(List),
    /// Cancel an actor or a context; asks first.
    Cancel(Cancel),
    /// Take the seat of a stopped actor from this terminal.
    Repl(Repl),
    /// A small real tree to look around in: streams, a slow consumer, pauses, crashes.
    #[cfg(feature = "demo")]
    Demo(Demo),
}

/// How a single answer is printed.
#[derive(Clone, Debug, clap::Args)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is printed of one tree.
#[derive(Clone, Debug, clap::Args)]
pub struct List {
    /// Which tree: its root's name, pid or id, or its directory. Needed when there are several.
    pub tree: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Run {
    /// No full screen: output passed through, events as lines, a prompt for stops.
    #[arg(long)]
    pub plain: bool,
    /// The program, and its arguments.
    #[arg(required = true, last = true, value_name = "PROGRAM", action = ArgAction::Append)]
    pub program: Vec<std::ffi::OsString>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Attach {
    /// No full screen: events as lines, a prompt for stops.
    #[arg(long)]
    pub plain: bool,
    /// Which tree: its root's name, pid or id, or its directory. Alone if there is one, else a choice.
    pub tree: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Logs {
    /// Which tree: its root's name, pid or id, or its directory. Needed when there are several.
    pub tree: Option<String>,
    /// Go on printing until the tree ends.
    #[arg(short, long)]
    pub follow: bool,
    /// The quietest level to print: transport debug runtime devx info io cancel warn error critical.
    #[arg(long, default_value = "info")]
    pub level: Level,
    /// One JSON object per line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Cancel {
    /// An actor (name, pid, name@pid, id) or a context (its id as `coulter contexts` prints it).
    #[arg(value_name = "ACTOR|CONTEXT")]
    pub what: String,
    /// Which tree. Needed when there are several.
    #[arg(long)]
    pub tree: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Repl {
    /// Which actor (name, pid, name@pid, id); else the first in the seat's queue.
    pub actor: Option<String>,
    /// Which tree. Needed when there are several.
    #[arg(long)]
    pub tree: Option<String>,
}

#[cfg(feature = "demo")]
#[derive(Clone, Debug, clap::Args)]
pub struct Demo {
    /// No full screen: output passed through, events as lines, a prompt for stops.
    #[arg(long)]
    pub plain: bool,
    /// Be the tree: what the dashboard starts.
    #[arg(long, hide = true)]
    pub tree: bool,
}
