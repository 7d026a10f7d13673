//! The console without a full screen: output passed through, events as lines, a prompt for stops.
//!
//! One loop over what can speak: the hub, the program, the keyboard (whole lines), the signals.
//! While a prompt is open the program's output waits (bounded, counted), so that it never lands
//! in a half-typed line.
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::{StopId, Uuid};
use coulter_proto::observe::{ActorState, Applied, Model, StopRow, text};
use coulter_proto::repl::{Line, Next, Role, Span};
use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::Failure;
use super::held::{Held, write_to};
use super::out::{self, Look};
use crate::client::{Connection, trees};
use crate::front::{self, Heard};
use crate::run::{Channel, Program, descends_from};
use crate::term::{Signals, Want, wait};

/// How often the runtime directory is looked at until the program's tree is there.
const LOOK: Duration = Duration::from_millis(50);
/// After the program's end: how long its children may keep its output open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a plain console is for.
#[derive(Debug)]
pub enum Purpose {
    /// Shows a program it started, and ends with it.
    Run(Program),
    /// Shows a tree, until that ends.
    Attach,
    /// Serves one stop, or the queue until it is empty.
    Serve(Option<StopId>),
}

/// The plain console.
pub struct Plain {
    look: Look,
    model: Model,
    hub: Option<Connection>,
    purpose: Purpose,
    told: HashMap<Uuid, ActorState>,
    stop: Option<StopId>,
    line: u64,
    /// A line was sent to the engine, and its answer is not here yet.
    pending: bool,
    typed: Vec<u8>,
    /// Lines nobody has looked at yet: a script types ahead of the prompt.
    lines: VecDeque<String>,
    /// Whether stdin is still open.
    keyboard: bool,
    /// Whether a person sits at it.
    typist: bool,
    prompted: bool,
    /// Stops told to go on because nobody can attend to them.
    let_go: HashSet<StopId>,
    held: Held,
    over: bool,
}

impl Plain {
    /// A console for this purpose; with a connection where there is one already.
    #[must_use]
    pub fn new(look: Look, purpose: Purpose, hub: Option<(Connection, Model)>) -> Self {
        let (hub, model) = hub.map_or((None, Model::new()), |(hub, model)| (Some(hub), model));
        let told = model.actors().map(|row| (row.aid.uuid, row.state)).collect();
        Self {
            look,
            model,
            hub,
            purpose,
            told,
            stop: None,
            line: 0,
            pending: false,
            typed: Vec::new(),
            lines: VecDeque::new(),
            keyboard: true,
            typist: io::stdin().is_terminal(),
            prompted: false,
            let_go: HashSet::new(),
            held: Held::default(),
            over: false,
        }
    }

    /// Runs until its purpose is fulfilled.
    ///
    /// # Errors
    /// When the terminal gives way.
    pub fn run(mut self) -> Result<ExitCode, Failure> {
        let mut signals = Signals::new(&[SIGINT, SIGTERM, SIGHUP])?;
        let stdin = io::stdin();
        self.arrived(Vec::new())?;
        let mut last_words = None;
        loop {
            self.prompt()?;
            let finished = self.over || last_words.is_some_and(|end| Instant::now() >= end);
            if finished {
                break;
            }
            let mut fds = vec![(std::os::fd::AsFd::as_fd(&signals), Want::Read)];
            if self.keyboard {
                fds.push((std::os::fd::AsFd::as_fd(&stdin), Want::Read));
            }
            if let Some(hub) = &self.hub {
                let want = if hub.wants_to_write() { Want::ReadWrite } else { Want::Read };
                fds.push((std::os::fd::AsFd::as_fd(hub), want));
            }
            let mut timeout = None;
            if let Purpose::Run(program) = &self.purpose {
                if program.status().is_none() {
                    fds.push((program.end_fd(), Want::Read));
                    timeout = self.hub.is_none().then_some(LOOK);
                }
                fds.extend(program.stream_fds().map(|fd| (fd, Want::Read)));
            }
            if last_words.is_some() {
                timeout = Some(LOOK);
            }
            let ready = wait(&fds, timeout);
            drop(fds);
            if ready[0] {
                self.signals(&signals.pending())?;
            }
            if self.keyboard && ready[1] {
                self.type_in()?;
            }
            self.hear_hub()?;
            self.serve_lines()?;
            if self.serve_program()? && last_words.is_none() {
                last_words = Some(Instant::now() + LAST_WORDS);
            }
        }
        self.release()?;
        match &self.purpose {
            Purpose::Run(program) => Ok(ExitCode::from(program.exit_code())),
            _ => Ok(ExitCode::SUCCESS),
        }
    }

    fn hear_hub(&mut self) -> Result<(), Failure> {
        let Some(hub) = &mut self.hub else {
            return Ok(());
        };
        match hub.flush().and_then(|()| hub.read()) {
            Ok(messages) if messages.is_empty() => Ok(()),
            Ok(messages) => self.arrived(messages),
            Err(trouble) => {
                self.hub = None;
                self.stop = None;
                if matches!(self.purpose, Purpose::Run(_)) {
                    return Ok(());
                }
                self.over = true;
                let ended = if self.model.is_ending() { "the tree has ended".to_owned() } else { trouble.to_string() };
                self.event(&Line::plain(ended))
            }
        }
    }

    fn arrived(&mut self, messages: Vec<FromHub>) -> Result<(), Failure> {
        for message in messages {
            if self.model.apply(&message) == Applied::NeedSnapshot {
                self.send(&ToHub::Snapshot);
            }
            match message {
                FromHub::Seated { stop, banner } => {
                    self.stop = Some(stop);
                    self.pending = false;
                    self.event(&Line(vec![]))?;
                    self.look.print(&banner)?;
                    if self.model.stops().len() > 1 {
                        self.look.print(&text::stops(&self.model))?;
                        self.look.print(&[quiet("`seat N` takes another, `skip` puts this one last")])?;
                    }
                }
                FromHub::Unseated { stop } if self.stop == Some(stop) => {
                    self.stop = None;
                    self.event(&quiet("another console has taken this stop"))?;
                }
                FromHub::Reply { stop, reply, .. } => {
                    self.look.print(&reply.lines)?;
                    self.pending = false;
                    if reply.next != Next::Prompt && self.stop == Some(stop) {
                        self.stop_is_over(stop)?;
                    }
                }
                FromHub::Refused { why } => {
                    self.pending = false;
                    self.event(&Line(vec![Span::new(Role::Warning, why)]))?;
                }
                FromHub::Stops(_) => {
                    if let Some(stop) = self.stop.filter(|id| self.model.stop(*id).is_none()) {
                        self.event(&quiet("the stop is over"))?;
                        self.stop_is_over(stop)?;
                    }
                }
                _ => {}
            }
        }
        self.tell_actors()?;
        if matches!(self.purpose, Purpose::Serve(None)) && self.stop.is_none() && self.model.stops().is_empty() {
            self.over = true;
        }
        Ok(())
    }

    fn stop_is_over(&mut self, stop: StopId) -> Result<(), Failure> {
        self.stop = None;
        self.over |= matches!(self.purpose, Purpose::Serve(Some(id)) if id == stop);
        self.release()
    }

    /// Without a keyboard nobody answers a stop: it goes on, and that is said.
    fn let_go_unattended(&mut self) {
        let stops: Vec<StopRow> = self.model.stops().to_vec();
        for stop in stops {
            if !self.let_go.insert(stop.id) {
                continue;
            }
            let who = text::clean(&stop.actor.to_string(), 60);
            drop(self.event(&quiet(format!("{who} goes on: stdin is closed, so nobody can attend to its stop"))));
            self.send(&ToHub::Continue { stop: stop.id });
        }
    }

    fn tell_actors(&mut self) -> Result<(), Failure> {
        if matches!(self.purpose, Purpose::Serve(_)) {
            return Ok(());
        }
        let mut events = Vec::new();
        for (_, row) in self.model.in_tree_order() {
            let state = self.model.state(row);
            let before = self.told.insert(row.aid.uuid, state);
            let worth = matches!(state, ActorState::Ended { .. } | ActorState::Stopped);
            if before == Some(state) || (before.is_some() && !worth) {
                continue;
            }
            let bad = matches!(state, ActorState::Ended { status, asked: false } if !status.is_clean());
            let role = if bad { Role::Error } else { Role::Quiet };
            events.push(Line(vec![
                Span::new(Role::Name, text::clean(&row.aid.to_string(), 60)),
                Span::new(Role::Plain, " "),
                Span::new(role, text::state(state)),
            ]));
        }
        events.iter().try_for_each(|line| self.event(line))
    }

    /// An event: a line of its own on stderr's side of things, above the prompt.
    fn event(&mut self, line: &Line) -> Result<(), Failure> {
        let text = self.look.line(line);
        if std::mem::take(&mut self.prompted) {
            eprintln!();
        }
        if !text.is_empty() {
            eprintln!("coulter: {text}");
        }
        Ok(())
    }

    fn prompt(&mut self) -> Result<(), Failure> {
        let silent = !self.keyboard && self.lines.is_empty();
        if self.prompted || self.pending || self.over || silent {
            return Ok(());
        }
        let Some(stop) = self.stop else { return Ok(()) };
        self.prompted = true;
        out::raw(&front::prompt(self.model.stop(stop)))
    }

    fn type_in(&mut self) -> Result<(), Failure> {
        let mut chunk = [0; 4096];
        match rustix::io::read(io::stdin(), &mut chunk) {
            Ok(0) | Err(rustix::io::Errno::IO) => {
                self.keyboard = false;
                if !self.typed.is_empty() {
                    self.typed.push(b'\n');
                }
            }
            Ok(n) => self.typed.extend_from_slice(&chunk[..n]),
            Err(_) => {}
        }
        while let Some(end) = self.typed.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.typed.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line);
            self.lines.push_back(text.trim_end_matches(['\n', '\r']).to_owned());
        }
        Ok(())
    }

    /// Hears what was typed, a line at a time, each when its turn has come.
    fn serve_lines(&mut self) -> Result<(), Failure> {
        while !self.pending && (self.stop.is_some() || self.typist) {
            if self.lines.is_empty() {
                break;
            }
            self.prompt()?;
            self.prompted = false;
            let line = self.lines.pop_front().unwrap_or_default();
            self.entered(&line)?;
        }
        if self.keyboard || !self.lines.is_empty() || self.pending {
            return Ok(());
        }
        match &self.purpose {
            Purpose::Run(_) => self.let_go_unattended(),
            Purpose::Attach | Purpose::Serve(_) => self.over = true,
        }
        Ok(())
    }

    fn entered(&mut self, line: &str) -> Result<(), Failure> {
        let Some(stop) = self.stop else {
            return if line.trim().is_empty() { Ok(()) } else { self.look.print(&[quiet("nothing is stopped")]) };
        };
        match front::hear(&self.model, stop, line) {
            Heard::Answer(lines) => self.look.print(&lines),
            Heard::Ask(message, lines) => {
                self.send(&message);
                self.pending = true;
                self.look.print(&lines)
            }
            Heard::Engine => {
                self.line += 1;
                self.pending = true;
                self.send(&ToHub::Line { stop, line: self.line, text: line.to_owned() });
                Ok(())
            }
        }
    }

    fn send(&mut self, message: &ToHub) {
        // A hub that is gone is noticed where it is read.
        if let Some(hub) = &mut self.hub {
            drop(hub.send(message));
        }
    }

    fn signals(&mut self, signals: &[i32]) -> Result<(), Failure> {
        for &signal in signals {
            match (signal, &self.purpose) {
                // At a prompt Ctrl-C gives a fresh one.
                (SIGINT, _) if self.stop.is_some() => {
                    self.typed.clear();
                    if std::mem::take(&mut self.prompted) {
                        out::raw("\n")?;
                    }
                }
                (SIGINT, Purpose::Run(program)) => program.signal(Signal::INT),
                (_, Purpose::Run(program)) => program.signal(Signal::TERM),
                _ => self.over = true,
            }
        }
        Ok(())
    }

    /// Looks after the program; whether it has ended and nothing more is to come from it.
    fn serve_program(&mut self) -> Result<bool, Failure> {
        let Purpose::Run(program) = &mut self.purpose else {
            return Ok(false);
        };
        let (pid, printed) = (program.pid(), program.read());
        let was = program.status();
        let ended = program.try_end();
        let quiet = program.stream_fds().next().is_none();
        for (channel, bytes) in printed {
            self.pass_on(channel, bytes)?;
        }
        if self.hub.is_none() && ended.is_none() {
            self.find_tree(pid);
        }
        if was.is_none()
            && let Some(status) = ended.filter(|status| !status.is_clean())
        {
            self.ended(status)?;
        }
        self.over |= ended.is_some() && quiet;
        Ok(ended.is_some())
    }

    fn ended(&mut self, status: ExitStatus) -> Result<(), Failure> {
        self.event(&Line(vec![Span::new(Role::Error, format!("the program ended: {status}"))]))
    }

    fn find_tree(&mut self, pid: u32) {
        let found = trees().unwrap_or_default().into_iter().find(|tree| descends_from(tree.info.root.pid, pid));
        let Some(tree) = found else { return };
        // The socket may not be there yet, or just gone: the next look tells.
        let Ok((mut hub, info)) = Connection::open(&tree.socket(), true) else {
            return;
        };
        let asked = hub.send(&ToHub::Follow { tables: true, logs: None }).and_then(|()| hub.send(&ToHub::Snapshot));
        if asked.is_ok() {
            self.model.apply(&FromHub::Welcome { version: info.version, tree: info });
            self.hub = Some(hub);
        }
    }

    fn pass_on(&mut self, channel: Channel, bytes: Vec<u8>) -> Result<(), Failure> {
        if self.stop.is_some() {
            self.held.hold(channel, bytes);
            return Ok(());
        }
        write_to(channel, &bytes)
    }

    fn release(&mut self) -> Result<(), Failure> {
        match self.held.release()? {
            0 => Ok(()),
            lost => self.event(&quiet(format!("{lost} bytes of output were dropped while the prompt was open"))),
        }
    }
}

fn quiet(text: impl Into<String>) -> Line {
    Line(vec![Span::new(Role::Quiet, text)])
}

/// Starts a program for a plain console: on a pty where its output goes to a terminal, else on pipes.
///
/// # Errors
/// When it cannot be started.
pub fn start(argv: &[std::ffi::OsString]) -> Result<Program, Failure> {
    let started = if io::stdout().is_terminal() && io::stderr().is_terminal() {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let (columns, rows) = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
        Program::on_pty(argv, columns, rows)
    } else {
        Program::on_pipes(argv)
    };
    started.map_err(|error| not_started(argv, &error))
}

/// Says that a program could not be started.
#[must_use]
pub fn not_started(argv: &[std::ffi::OsString], error: &io::Error) -> Failure {
    let name = argv.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Failure::Failed(format!("`{name}` could not be started ({error}); is the path right, and is it executable?"))
}
