//! The words of the REPL. One table: what runs, what `help` says, and what completes come from it.

/// What a word does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Help,
    Where,
    Up,
    Down,
    Frame,
    List,
    LongList,
    Locals,
    Print,
    PrettyPrint,
    WhatIs,
    Set,
    Continue,
    Quit,
    Detach,
    Cancel,
    /// Answered by the front.
    Front,
    /// A word from other debuggers, or one that is to come: what does the nearest thing.
    Later(&'static str),
}

/// What a command is about, for `help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    GoOn,
    Where,
    Values,
    Tree,
    Others,
    /// Not in the overview.
    Hidden,
}

/// One command.
pub(super) struct Command {
    /// The full name first, then the short ones.
    pub names: &'static [&'static str],
    /// What follows the name.
    pub arguments: &'static str,
    /// In a line.
    pub what: &'static str,
    /// What `help` adds.
    pub more: &'static str,
    pub group: Group,
    pub verb: Verb,
    /// Whether an empty line repeats it.
    pub repeats: bool,
}

impl Command {
    /// Its full name.
    pub(super) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
    /// How it is written.
    pub(super) fn usage(&self) -> String {
        if self.arguments.is_empty() { self.name().to_owned() } else { format!("{} {}", self.name(), self.arguments) }
    }
}

/// The command that goes by this word.
pub(super) fn find(word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.names.contains(&word))
}

/// Whether what follows a command's word leaves it a command: `c = 1` or `n.len()` do not.
pub(super) fn reads_as_command(rest: &str) -> bool {
    let operator = ["==", "!=", "<", ">", "+=", "-=", "*=", "/=", "=", "+ ", "/ ", "% ", "&&", "||", "[", "?"];
    let is_path = rest.starts_with('.') && rest.len() > 1;
    let is_operation = operator.iter().any(|operator| rest.starts_with(operator));
    !(is_path || is_operation)
}

const fn command(group: Group, verb: Verb, names: &'static [&'static str], arguments: &'static str, what: &'static str, more: &'static str) -> Command {
    Command { names, arguments, what, more, group, verb, repeats: false }
}

const fn repeats(mut command: Command) -> Command {
    command.repeats = true;
    command
}

const fn later(names: &'static [&'static str], why: &'static str) -> Command {
    command(Group::Hidden, Verb::Later(why), names, "", why, "")
}

/// All commands, in the order `help` shows them.
pub(super) const COMMANDS: &[Command] = &[
    command(Group::GoOn, Verb::Continue, &["continue", "c", "cont"], "", "go on", "What was `set` is written back first. Other stops that wait come next."),
    command(
        Group::GoOn,
        Verb::Quit,
        &["quit", "q", "exit"],
        "",
        "this task fails with DebugQuit",
        "The task unwinds and fails; whoever waits for it gets the error, and the tree ends as it would for any other.",
    ),
    command(
        Group::GoOn,
        Verb::Detach,
        &["detach"],
        "",
        "go on, and stop here no more",
        "At a pause!(): this line never stops again in this actor. At a crash: no crash stops in this actor again.",
    ),
    command(
        Group::GoOn,
        Verb::Cancel,
        &["cancel"],
        "",
        "cancel this actor and go on",
        "The actor's tasks are cancelled at their next await, its children first. In the root that is the whole tree.",
    ),
    command(
        Group::Where,
        Verb::Where,
        &["where", "w", "bt", "backtrace"],
        "",
        "the frames, innermost first",
        "Only your own code: frames of the runtime and of libraries are folded and counted. `>` marks the frame looked at.",
    ),
    repeats(command(Group::Where, Verb::Up, &["up", "u"], "[N]", "look at the caller", "Moves N frames outwards (1 if not given).")),
    repeats(command(Group::Where, Verb::Down, &["down", "d"], "[N]", "look at the callee", "Moves N frames inwards (1 if not given).")),
    command(Group::Where, Verb::Frame, &["frame", "f"], "N", "look at frame N", "The numbers are those of `where`."),
    repeats(command(
        Group::Where,
        Verb::List,
        &["list", "l"],
        "[LINE | .]",
        "the source, 11 lines around",
        "Again (or an empty line) goes on where it ended; `list .` is the current line again.",
    )),
    command(Group::Where, Verb::LongList, &["ll", "longlist"], "", "all of the function's source", ""),
    command(Group::Values, Verb::Locals, &["locals"], "", "the values at hand", "Those that `pause!(a, &mut b, total = x + y)` named."),
    repeats(command(
        Group::Values,
        Verb::Print,
        &["p", "print"],
        "EXPR",
        "the value of an expression",
        "Paths `order.lines[0].qty`, slices `xs[1..3]`, arithmetic, comparison, `if a { b } else { c }`, and methods: `xs.filter(|x| x.qty > 3).map(|x| x.price).sum()`. `_` is the last value.",
    )),
    repeats(command(Group::Values, Verb::PrettyPrint, &["pp"], "EXPR", "the same, on several lines", "")),
    command(Group::Values, Verb::WhatIs, &["whatis"], "EXPR", "the type of a value", ""),
    command(
        Group::Values,
        Verb::Set,
        &["set"],
        "PLACE = EXPR",
        "change what was captured with `&mut`",
        "The value is checked against the type at once and written when the thread goes on: `set order.qty = 3`, `set total += 1`.",
    ),
    command(Group::Tree, Verb::Front, &["tree"], "", "the actors", ""),
    command(Group::Tree, Verb::Front, &["contexts"], "", "the contexts and calls between them", ""),
    command(Group::Tree, Verb::Front, &["channels"], "", "the connections", ""),
    command(Group::Others, Verb::Front, &["stops"], "", "who is stopped, and who waits for this terminal", ""),
    command(Group::Others, Verb::Front, &["seat"], "N", "enter stop N", "The stop you leave stays stopped and waits."),
    command(Group::Others, Verb::Front, &["skip"], "[N]", "put a stop behind the others", "This one if no number is given."),
    command(Group::Others, Verb::Front, &["history"], "", "the lines typed before", ""),
    command(Group::Others, Verb::Help, &["help", "h", "?"], "[COMMAND]", "this, or more about a command", ""),
    later(&["next", "n"], "there is no stepping in a running Rust program: `up` and `down` look around, `c` goes on to the next pause!()"),
    later(
        &["step", "s", "si", "stepi", "ni", "nexti"],
        "there is no stepping in a running Rust program: put a pause!() where you want to look, `c` goes on to it",
    ),
    later(&["until", "unt", "advance", "return", "finish"], "there is no running up to a line: put a pause!() there, `c` goes on to it"),
    later(&["jump"], "a thread cannot be put elsewhere: `set` changes what was captured with `&mut`, `q` fails the task"),
    later(&["break", "b", "tbreak", "condition"], "a breakpoint is a pause!() in the source; `detach` switches the one you stand at off"),
    later(&["clear", "delete", "disable"], "`detach` goes on and switches the pause!() you stand at off"),
    later(&["info"], "`where` shows the frames, `locals` the values, `stops` who else is stopped, `tree` the actors"),
    later(&["args"], "`locals` shows the values that the pause!() captured, arguments too if they were named"),
    later(&["display", "watch", "undisplay"], "values do not change while a thread is stopped: `p EXPR` shows them"),
    later(&["interact"], "this is as interactive as it gets: any line that is no command is an expression"),
    later(&["run", "restart"], "the program runs already: `c` goes on, `q` fails this task"),
    later(&["disassemble", "ptype"], "memory and code are for a native debugger: `gdb -p` with the pid in the prompt; `whatis EXPR` shows a type"),
    later(&["thread", "threads", "tasks"], "`where` shows this thread, `stops` all that are stopped, `contexts` what the tasks wait for"),
    later(&["call"], "functions of the program cannot be called from here; methods like `x.len()` can, in any expression"),
    later(&["!"], "a shell is one Ctrl-Z away: `fg` brings this prompt back"),
];
