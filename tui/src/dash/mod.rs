//! The dashboard's loop: waits for the keyboard, the hub, the program and the signals, tells the
//! model, and does what the model says. It has one thread, and no opinion.
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::ToHub;
use rustix::process::Signal;
use rustix::stdio::stdin;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};

use crate::cli::Failure;
use crate::cli::logs::now;
use crate::client::{Connection, Found, Trouble, lives, matches, trees};
use crate::model::{Effect, Link, Msg, ProgramSeen, State, update};
use crate::run::{Lines, Program, descends_from};
use crate::term::{Guard, Input, Screen, Signals, Typed, Want, clipboard, size, wait};
use crate::view::{Pen, draw};

/// The shortest time between two frames: thirty a second.
const FRAME: Duration = Duration::from_millis(33);
/// An Escape that nothing follows for so long is the key.
const ESCAPE: Duration = Duration::from_millis(30);
/// How often the runtime directory is looked at for the tree of a program, and for any tree.
const LOOK_OWN: Duration = Duration::from_millis(50);
const LOOK_ANY: Duration = Duration::from_millis(250);
/// When the terminal vanishes, how long a program that was started here may take to end.
const LAST_WILL: Duration = Duration::from_secs(3);

/// What the dashboard is to show.
#[derive(Debug)]
pub enum Subject {
    /// A program this console started.
    Program(Program),
    /// This tree.
    Tree(Box<Found>),
    /// The tree there is, or comes; of this name, where one is given.
    Any(Option<String>),
}

/// The loop's own state.
struct Dash {
    state: State,
    pen: Pen,
    screen: Screen,
    guard: Option<Guard>,
    hub: Option<Connection>,
    program: Option<Program>,
    wanted: Option<String>,
    lines: Lines,
    input: Input,
    dirty: bool,
    drawn: Instant,
    looked: Instant,
    left: bool,
}

/// Shows it until the person leaves.
///
/// # Errors
/// When there is no terminal, or it gives way.
pub fn run(subject: Subject, pen: Pen) -> Result<ExitCode, Failure> {
    let mut signals = Signals::new(&[SIGTERM, SIGHUP, SIGINT, SIGWINCH, SIGTSTP, SIGCONT])?;
    let waiting_for = match &subject {
        Subject::Program(program) => format!("{} is starting", program.line()),
        Subject::Tree(_) => "connecting".to_owned(),
        Subject::Any(Some(name)) => format!("waiting for a tree `{name}`"),
        Subject::Any(None) => "waiting for a tree; `coulter run -- PROGRAM` starts one".to_owned(),
    };
    let past = Instant::now().checked_sub(LOOK_ANY).unwrap_or_else(Instant::now);
    let mut dash = Dash {
        state: State::new(size(), &waiting_for),
        pen,
        screen: Screen::default(),
        guard: None,
        hub: None,
        program: None,
        wanted: None,
        lines: Lines::default(),
        input: Input::default(),
        dirty: true,
        drawn: past,
        looked: past,
        left: false,
    };
    dash.guard = Some(Guard::take()?);
    dash.tell(Msg::Time(now()))?;
    match subject {
        Subject::Program(program) => {
            dash.state.program = Some(ProgramSeen { line: program.line().to_owned(), pid: program.pid(), status: None, leaving: false });
            dash.program = Some(program);
        }
        Subject::Tree(found) => dash.attach(&found)?,
        Subject::Any(name) => dash.wanted = name,
    }
    let end = dash.turn(&mut signals);
    dash.guard = None;
    dash.finish();
    match (end, &dash.program) {
        (Ok(()), Some(program)) => Ok(ExitCode::from(program.exit_code())),
        (Ok(()), None) => Ok(ExitCode::SUCCESS),
        (Err(failure), _) => Err(failure),
    }
}

impl Dash {
    fn turn(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        while !self.left {
            if self.dirty && self.drawn.elapsed() >= FRAME {
                let (state, pen) = (&self.state, &self.pen);
                self.screen.draw(state.size, |buf| draw(state, pen, buf))?;
                self.drawn = Instant::now();
                self.dirty = false;
            }
            let timeout = self.timeout();
            let mut fds = vec![(signals.as_fd(), Want::Read), (stdin(), Want::Read)];
            if let Some(hub) = &self.hub {
                fds.push((hub.as_fd(), if hub.wants_to_write() { Want::ReadWrite } else { Want::Read }));
            }
            if let Some(program) = &self.program {
                if program.status().is_none() {
                    fds.push((program.end_fd(), Want::Read));
                }
                fds.extend(program.stream_fds().map(|fd| (fd, Want::Read)));
            }
            let ready = wait(&fds, timeout);
            let (signalled, typed) = (ready[0], ready[1]);
            let quiet = !ready.contains(&true);
            drop(fds);
            let time = now();
            self.tell(Msg::Time(time))?;
            if signalled {
                self.signals(&signals.pending())?;
            }
            if typed {
                self.keyboard()?;
            } else if quiet && self.input.is_unfinished() {
                let keys = self.input.no_more();
                self.typed(keys)?;
            }
            self.hear_hub()?;
            self.hear_program()?;
            self.look_for_trees()?;
            if quiet && timeout.is_some() && self.state.ages_in().is_some() && !self.dirty {
                self.tell(Msg::Aged)?;
            }
        }
        Ok(())
    }

    /// How long nothing has to be done if nothing happens.
    fn timeout(&self) -> Option<Duration> {
        let frame = self.dirty.then(|| FRAME.saturating_sub(self.drawn.elapsed()));
        let escape = self.input.is_unfinished().then_some(ESCAPE);
        let ages = self.state.ages_in().map(Duration::from_micros);
        let waits = matches!(self.state.link, Link::Waiting(_));
        let look = waits.then_some(if self.program.is_some() { LOOK_OWN } else { LOOK_ANY });
        [frame, escape, ages, look].into_iter().flatten().min()
    }

    fn tell(&mut self, msg: Msg) -> Result<(), Failure> {
        for effect in update(&mut self.state, msg) {
            self.execute(effect)?;
        }
        Ok(())
    }

    fn execute(&mut self, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Draw => self.dirty = true,
            Effect::Redraw => {
                self.screen.forget();
                self.dirty = true;
            }
            Effect::Send(message) => {
                if let Some(Err(trouble)) = self.hub.as_mut().map(|hub| hub.send(&message)) {
                    self.hub = None;
                    self.unlinked(&trouble)?;
                }
            }
            Effect::Attach(found) => self.attach(&found)?,
            Effect::EndProgram => self.program.iter().for_each(|program| program.signal(Signal::TERM)),
            Effect::KillProgram => self.program.iter().for_each(|program| program.signal_all(Signal::KILL)),
            Effect::Copy(text) => clipboard(&text)?,
            Effect::Suspend => self.suspend()?,
            Effect::Leave => self.left = true,
        }
        Ok(())
    }

    fn attach(&mut self, found: &Found) -> Result<(), Failure> {
        match Connection::open(&found.socket(), true) {
            Ok((hub, tree)) => {
                self.hub = Some(hub);
                self.tell(Msg::Linked(tree))?;
                self.hear_hub()
            }
            Err(trouble) => self.tell(Msg::Trouble(trouble.to_string())),
        }
    }

    fn hear_hub(&mut self) -> Result<(), Failure> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        match hub.flush().and_then(|()| hub.read()) {
            Ok(messages) if messages.is_empty() => Ok(()),
            Ok(messages) => self.tell(Msg::Hub(messages)),
            Err(trouble) => {
                self.hub = None;
                self.unlinked(&trouble)
            }
        }
    }

    fn unlinked(&mut self, trouble: &Trouble) -> Result<(), Failure> {
        let dead = self.state.live.tree().is_some_and(|tree| !lives(tree.root.pid));
        self.tell(Msg::Unlinked { why: trouble.to_string(), dead })
    }

    fn hear_program(&mut self) -> Result<(), Failure> {
        let Some(program) = &mut self.program else { return Ok(()) };
        let mut lines = Vec::new();
        for (_, bytes) in program.read() {
            lines.extend(self.lines.take(&bytes));
        }
        let before = program.status();
        let ended = program.try_end().filter(|_| before.is_none());
        if ended.is_some() {
            lines.extend(self.lines.rest());
        }
        if !lines.is_empty() {
            self.tell(Msg::Printed(lines))?;
        }
        match ended {
            Some(status) => {
                // What the hub said last comes before the end, not after it.
                self.hear_hub()?;
                self.tell(Msg::Ended(status))
            }
            None => Ok(()),
        }
    }

    fn look_for_trees(&mut self) -> Result<(), Failure> {
        let every = if self.program.is_some() { LOOK_OWN } else { LOOK_ANY };
        if !matches!(self.state.link, Link::Waiting(_)) || self.looked.elapsed() < every {
            return Ok(());
        }
        self.looked = Instant::now();
        let mut found = trees()?;
        if let Some(program) = &self.program {
            let pid = program.pid();
            found.retain(|tree| descends_from(tree.info.root.pid, pid));
            found.truncate(1);
        } else if let Some(name) = &self.wanted {
            found.retain(|tree| matches(tree, name));
        }
        self.tell(Msg::Trees(found))
    }

    fn keyboard(&mut self) -> Result<(), Failure> {
        let mut chunk = [0; 4096];
        match rustix::io::read(stdin(), &mut chunk) {
            // The terminal has vanished.
            Ok(0) | Err(rustix::io::Errno::IO) => {
                self.left = true;
                Ok(())
            }
            Ok(n) => {
                let keys = self.input.take(&chunk[..n]);
                self.typed(keys)
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    fn typed(&mut self, keys: Vec<Typed>) -> Result<(), Failure> {
        for typed in keys {
            self.tell(match typed {
                Typed::Key(key) => Msg::Key(key),
                Typed::Paste(text) => Msg::Paste(text),
            })?;
        }
        Ok(())
    }

    fn signals(&mut self, signals: &[i32]) -> Result<(), Failure> {
        for &signal in signals {
            match signal {
                SIGWINCH => {
                    let (columns, rows) = size();
                    self.tell(Msg::Size(columns, rows))?;
                }
                SIGTSTP => self.suspend()?,
                SIGCONT => self.resume()?,
                _ => self.left = true,
            }
        }
        Ok(())
    }

    /// Gives the terminal back, stops (and what was started here with it), and comes back.
    fn suspend(&mut self) -> Result<(), Failure> {
        self.guard = None;
        self.program.iter().for_each(|program| program.signal_all(Signal::TSTP));
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        self.resume()
    }

    fn resume(&mut self) -> Result<(), Failure> {
        self.program.iter().for_each(|program| program.signal_all(Signal::CONT));
        // Where the signal came though nothing was given back: first back, then afresh, or what is
        // put back in the end would be the dashboard's own settings.
        self.guard = None;
        self.guard = Some(Guard::take()?);
        self.screen.forget();
        let (columns, rows) = size();
        self.tell(Msg::Size(columns, rows))
    }

    /// A program that was started here does not outlive the console: it is asked, waited for, and ended.
    fn finish(&mut self) {
        let Some(program) = &mut self.program else { return };
        if program.try_end().is_none() {
            program.signal(Signal::TERM);
            // Nobody who is stopped ends, and whoever attended to the stops leaves.
            if let Some(hub) = &mut self.hub {
                for row in self.state.live.stops() {
                    let _ = hub.send(&ToHub::Continue { stop: row.id });
                }
                let _ = hub.flush();
            }
            if !ends_within(program, LAST_WILL) {
                program.signal_all(Signal::KILL);
                ends_within(program, LAST_WILL);
            }
        }
        // A root that was killed cannot remove its tree's directory; looking for trees sweeps it.
        if let Some(ExitStatus::Signal(_)) = program.status() {
            let _ = trees();
        }
    }
}

fn ends_within(program: &mut Program, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    while program.try_end().is_none() && Instant::now() < end {
        // Its output has to go somewhere, or it could not end.
        drop(program.read());
        let fds: Vec<_> = std::iter::once((program.end_fd(), Want::Read)).collect();
        let _ = wait(&fds, Some(Duration::from_millis(20)));
    }
    program.status().is_some()
}
