//! The loop: one `poll` over everything this thread serves, then whatever is ready, in turn.
use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coulter_proto::bus::{Down, Up};
use coulter_proto::error::CancelCause;
use coulter_proto::id::Aid;
use coulter_proto::level::Level;
use coulter_proto::observe::LogRow;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use super::command::{Command, Shared, lock};
use super::feed::Feed;
use super::member::Member;
use super::root::{Conn, Root};
use super::signals::{self, Signals};
use super::stops::Stops;
use super::{Config, Role, ToEngine, ToWork, Watch};
use crate::observe::output::{Custody, Which};
use crate::observe::probe::{Probe, unix_micros};
use crate::observe::recorder;
use crate::sys::process;

/// How long the work thread has to end once the parent is gone.
const LAST_SECOND: Duration = Duration::from_secs(1);
/// How long a graceful end waits for output and words to be taken.
const LAST_OUTPUT: Duration = Duration::from_millis(300);
const LAST_WORDS: Duration = Duration::from_millis(200);

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the watch thread: it must not write where it could block.
pub(super) fn is_watch_thread() -> bool {
    HERE.try_with(Cell::get).unwrap_or(false)
}

/// What this process is in its tree.
enum Side {
    Root(Box<Root>),
    Child(Box<Member>),
}

impl Side {
    /// `false` when there is no root any more to say it to.
    fn up(&mut self, message: Up) -> bool {
        match self {
            Self::Root(root) => {
                root.up(message);
                true
            }
            Self::Child(member) => member.up(message),
        }
    }
    /// For what is worth saying only while there is somebody to hear it.
    fn tell(&mut self, message: Up) {
        let _ = self.up(message);
    }
    fn backlog(&self) -> usize {
        match self {
            Self::Root(_) => 0,
            Self::Child(member) => member.backlog(),
        }
    }
}

/// What `poll` says is ready.
#[derive(Clone, Copy)]
enum Token {
    Wake,
    Signals,
    Parent,
    Bus,
    Root(Conn),
    Stream(usize),
    Writable,
}

/// The state of the thread.
pub(super) struct Thread {
    me: Aid,
    probe: &'static Probe,
    shared: Arc<Shared>,
    watch: Watch,
    signals: Option<Signals>,
    custody: Custody,
    stops: Stops,
    asks: HashMap<u64, tokio::sync::oneshot::Sender<bool>>,
    last_ask: u64,
    feed: Feed,
    side: Side,
    /// How often somebody asked this actor to end.
    cancels: u32,
    /// The parent is gone: when this thread ends the process.
    end_at: Option<Instant>,
}

impl Thread {
    pub(super) fn new(config: Config, probe: &'static Probe, signals: Option<Signals>, watch: Watch) -> io::Result<Self> {
        let Config { aid, role } = config;
        let side = match role {
            Role::Root { tree, dir, secret, terminal } => Side::Root(Box::new(Root::new(tree, dir, secret, terminal)?)),
            Role::Child { bus, secret, parent, lifeline } => Side::Child(Box::new(Member::new(aid.clone(), &bus, secret, parent, lifeline)?)),
        };
        Ok(Self {
            probe,
            shared: Arc::clone(&watch.shared),
            watch,
            signals,
            custody: Custody::new(),
            stops: Stops::default(),
            asks: HashMap::new(),
            last_ask: 0,
            feed: Feed::new(aid.uuid, probe),
            side,
            cancels: 0,
            end_at: None,
            me: aid,
        })
    }

    pub(super) fn run(mut self) {
        HERE.with(|here| here.set(true));
        #[cfg(test)]
        self.shared.tid.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Release);
        loop {
            self.shared.drain_wake();
            if self.commands() {
                return self.finish();
            }
            self.on_time();
            let ready = self.wait();
            self.on_ready(&ready);
        }
    }

    /// Does what other threads asked for; `true` when they asked for the end.
    fn commands(&mut self) -> bool {
        for command in self.shared.take_commands() {
            match command {
                Command::Up(message) => self.up(message),
                Command::AskStop { ask, engine } => {
                    if self.end_at.is_some() || !self.has_root() {
                        let _ = engine.send(ToEngine::Refused { why: "this actor is ending".to_owned(), unattended: false });
                        continue;
                    }
                    let local = self.stops.ask(engine);
                    self.up(Up::StopAsk {
                        local,
                        task: ask.task,
                        context: ask.context,
                        reason: ask.reason,
                        place: ask.place,
                        function: ask.function,
                        banner: ask.banner,
                    });
                }
                Command::StopOver(stop) => self.stop_over(stop),
                Command::MaySignal { child, answer } => {
                    self.last_ask += 1;
                    self.asks.insert(self.last_ask, answer);
                    self.up(Up::MaySignal { ask: self.last_ask, child });
                }
                Command::Adopt { child, stdout, stderr, tail } => {
                    self.custody.adopt(&child, Which::Out, stdout, &tail);
                    self.custody.adopt(&child, Which::Err, stderr, &tail);
                }
                Command::Print(text) => self.custody.print(text),
                Command::Finish => return true,
            }
        }
        false
    }

    fn has_root(&self) -> bool {
        match &self.side {
            Side::Root(_) => true,
            Side::Child(member) => member.is_connected(),
        }
    }

    fn up(&mut self, message: Up) {
        if !self.side.up(message) {
            self.answer_all_asks();
        }
        self.locals();
    }

    /// With no root to ask, everybody may.
    fn answer_all_asks(&mut self) {
        for (_, answer) in self.asks.drain() {
            let _ = answer.send(true);
        }
    }

    /// In the root: what the hub has to say to this actor itself.
    fn locals(&mut self) {
        while let Side::Root(root) = &mut self.side {
            let local = std::mem::take(&mut root.local);
            if local.is_empty() {
                return;
            }
            local.into_iter().for_each(|message| self.down(message));
        }
    }

    /// The root says something.
    fn down(&mut self, message: Down) {
        match message {
            // Only at the beginning, and read there.
            Down::Challenge { .. } | Down::Welcome => {}
            Down::Tables { .. } => {
                let side = &mut self.side;
                self.feed.tables(Instant::now(), &mut |message| side.tell(message));
            }
            Down::Watch { tables, logs } => self.feed.watch(tables, logs),
            Down::StopQueued { local, stop } => {
                recorder::record(recorder::Kind::Stop, stop.0, local);
                if let Err(stop) = self.stops.on_queued(local, stop) {
                    self.up(Up::StopOver { stop });
                }
                self.probe.set_stops(self.stops.count());
            }
            Down::StopRefused { local, why, unattended } => self.stops.on_refused(local, why, unattended),
            Down::Line { stop, line, text } => self.to_engine(stop, ToEngine::Line { line, text }),
            Down::Complete { stop, line, text, cursor } => self.to_engine(stop, ToEngine::Complete { line, text, cursor }),
            Down::EndStop { stop, quit } => self.to_engine(stop, ToEngine::End { quit }),
            Down::Debugged { actors } => {
                let actors = Arc::new(actors.into_iter().collect());
                *lock(&self.watch.debugged) = Arc::clone(&actors);
                self.to_work(ToWork::Debugged(actors));
            }
            Down::Signal { ask, go } => {
                if let Some(answer) = self.asks.remove(&ask) {
                    let _ = answer.send(go);
                }
            }
            Down::Died { actor, status, last_output } => self.to_work(ToWork::Died { actor, status, last_output }),
            Down::ParentGone => self.parent_gone(),
            Down::Cancel { context: None } => self.cancel("`cancel` from a console".to_owned()),
            Down::Cancel { context: Some(key) } => self.to_work(ToWork::CancelContext(key)),
        }
    }

    fn to_engine(&mut self, stop: coulter_proto::id::StopId, message: ToEngine) {
        if let Err(stop) = self.stops.tell(stop, message) {
            self.stop_over(stop);
        }
    }

    fn stop_over(&mut self, stop: coulter_proto::id::StopId) {
        recorder::record(recorder::Kind::StopOver, stop.0, 0);
        self.stops.over(stop);
        self.probe.set_stops(self.stops.count());
        self.up(Up::StopOver { stop });
    }

    fn to_work(&self, message: ToWork) {
        // A work thread that has gone needs to be told nothing.
        let _ = self.watch.work.send(message);
    }

    fn cancel(&mut self, why: String) {
        let cause = CancelCause { by: None, why, behind: Vec::new() };
        self.to_work(ToWork::CancelActor { cause, hurry: self.cancels > 0 });
        self.cancels += 1;
    }

    fn on_signal(&mut self, signal: i32) {
        match (&self.side, signal) {
            (_, SIGUSR1) => return self.custody.print(self.dump()),
            // Of the terminal's signals the root decides, for the whole tree.
            (Side::Child(_), signal) if signal != SIGTERM => return,
            // It is meant for the prompt, not for the tree.
            (Side::Root(root), SIGINT) if root.hub().shields_interrupt() => return,
            (Side::Root(root), signal) if self.cancels >= 2 => {
                // Asked three times: whoever sits there wants it gone, and the children die with us.
                root.remove_directory();
                process::exit_now(128 + signal);
            }
            _ => {}
        }
        let _ = self.shared.signalled.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
        self.cancel(signals::name(signal));
    }

    /// The tasks as text, for SIGUSR1: also when the work thread answers nobody.
    fn dump(&self) -> Vec<u8> {
        let tables = self.probe.tables();
        let mut text = format!("coulter: {} tasks of {}\n", tables.tasks.len(), self.me);
        for task in &tables.tasks {
            let state = if task.running { "running" } else { "waiting" };
            text.push_str(&format!("  {:>4} {state} {} ({} polls) {}\n", task.id.0, task.name, task.polls, task.place));
        }
        for context in &tables.contexts {
            text.push_str(&format!("  {:?} {} with {}: {:?} {}\n", context.side, context.endpoint, context.there, context.phase, context.waiting));
        }
        text.into_bytes()
    }

    /// The parent (or the root) is gone: this process ends, by itself or by this thread.
    fn parent_gone(&mut self) {
        let Side::Child(member) = &mut self.side else { return };
        member.forget_parent();
        if self.end_at.is_some() {
            return;
        }
        let cause = CancelCause { by: Some(member.parent().clone()), why: format!("its parent {} is gone", member.parent()), behind: Vec::new() };
        self.end_at = Some(Instant::now() + LAST_SECOND);
        self.cancels += 1;
        self.to_work(ToWork::CancelActor { cause, hurry: true });
        if self.signals.is_some() {
            // Whoever read our output is gone too, and a `println!` that fails panics.
            let _ = process::silence_output();
        }
        self.custody.silence();
        self.stops.end_all();
        self.answer_all_asks();
    }

    fn end_process(&mut self) -> ! {
        for path in lock(&self.watch.sockets).drain(..) {
            let _ = std::fs::remove_file(path);
        }
        process::exit_now(1)
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        if self.end_at.is_some_and(|at| at <= now) && self.signals.is_some() {
            self.end_process();
        }
        if let Side::Root(root) = &mut self.side {
            root.on_time(now);
        }
        self.locals();
        let (backlog, side) = (self.side.backlog(), &mut self.side);
        self.feed.on_time(now, &self.shared, backlog, &mut |message| side.tell(message));
        self.locals();
        if let Side::Root(root) = &self.side {
            self.custody.set_held(root.hub().holds_terminal(), now);
        }
        let (shared, wanted) = (&self.shared, self.feed.wants(Level::Io));
        self.custody.on_time(now, &mut |child, which, line| tell_line(shared, wanted, child, which, line));
        self.shared.held.store(self.custody.is_held(), Ordering::Release);
        if matches!(&self.side, Side::Child(member) if !member.is_connected()) {
            self.parent_gone();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.custody.is_ready() {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let root = match &self.side {
            Side::Root(root) => root.deadline(),
            Side::Child(_) => None,
        };
        let end = self.end_at.filter(|_| self.signals.is_some());
        let due = self.custody.deadline().into_iter().chain(self.feed.deadline(now)).chain(root).chain(end).min()?;
        Some(due.saturating_duration_since(now))
    }

    /// Sleeps until something is ready or due.
    fn wait(&self) -> Vec<(Token, PollFlags)> {
        let mut tokens = Vec::new();
        let mut fds: Vec<BorrowedFd<'_>> = Vec::new();
        let mut wanted = Vec::new();
        let mut add = |token, fd, flags| {
            tokens.push(token);
            fds.push(fd);
            wanted.push(flags);
        };
        add(Token::Wake, self.shared.wake_fd().as_fd(), PollFlags::IN);
        if let Some(signals) = &self.signals {
            add(Token::Signals, signals.fd(), PollFlags::IN);
        }
        let with_out = |writes: bool| if writes { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        match &self.side {
            Side::Root(root) => root.polled().for_each(|(conn, fd, writes)| add(Token::Root(conn), fd, with_out(writes))),
            Side::Child(member) => {
                // Data on the lifeline is the work thread's; only its end is ours.
                member.lifeline().into_iter().for_each(|fd| add(Token::Parent, fd, PollFlags::RDHUP));
                member.pidfd().into_iter().for_each(|fd| add(Token::Parent, fd, PollFlags::IN));
                member.bus().into_iter().for_each(|(fd, writes)| add(Token::Bus, fd, with_out(writes)));
            }
        }
        self.custody.streams().enumerate().for_each(|(n, fd)| add(Token::Stream(n), fd, PollFlags::IN));
        self.custody.blocked().for_each(|fd| add(Token::Writable, fd, PollFlags::OUT));
        let mut polled: Vec<PollFd<'_>> = fds.iter().zip(wanted).map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        let timeout = self.timeout().map(super::timespec);
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(_) => tokens.into_iter().zip(polled.iter().map(PollFd::revents)).filter(|(_, flags)| !flags.is_empty()).collect(),
        }
    }

    fn on_ready(&mut self, ready: &[(Token, PollFlags)]) {
        // Streams last to first: one that ends takes its place out of the list.
        for &(token, flags) in ready.iter().rev() {
            match token {
                Token::Wake | Token::Writable => {}
                Token::Signals => {
                    let signals = self.signals.as_mut().map(Signals::take).unwrap_or_default();
                    signals.into_iter().for_each(|signal| self.on_signal(signal));
                }
                Token::Parent => self.parent_gone(),
                Token::Bus => self.on_bus(flags),
                Token::Root(conn) => {
                    if let Side::Root(root) = &mut self.side {
                        root.on_ready(conn, flags.intersects(!PollFlags::OUT), flags.contains(PollFlags::OUT));
                    }
                    self.locals();
                }
                Token::Stream(n) => {
                    let (shared, wanted) = (&self.shared, self.feed.wants(Level::Io));
                    self.custody.read(n, Instant::now(), &mut |child, which, line| tell_line(shared, wanted, child, which, line));
                }
            }
        }
    }

    fn on_bus(&mut self, flags: PollFlags) {
        let Side::Child(member) = &mut self.side else { return };
        if flags.contains(PollFlags::OUT) {
            member.flush();
        }
        let mut downs = Vec::new();
        let alive = !flags.intersects(!PollFlags::OUT) || member.read(&mut downs);
        downs.into_iter().for_each(|message| self.down(message));
        if !alive {
            self.parent_gone();
        }
    }

    fn finish(mut self) {
        let (shared, wanted) = (Arc::clone(&self.shared), self.feed.wants(Level::Io));
        self.custody.finish(LAST_OUTPUT, &mut |child, which, line| tell_line(&shared, wanted, child, which, line));
        shared.held.store(false, Ordering::Release);
        self.stops.end_all();
        self.answer_all_asks();
        let (backlog, side) = (self.side.backlog(), &mut self.side);
        self.feed.flush_logs(&shared, backlog, &mut |message| side.tell(message));
        self.feed.watch(false, None);
        match &mut self.side {
            Side::Root(root) => root.finish(LAST_WORDS),
            Side::Child(member) => {
                member.up(Up::Goodbye);
                let end = Instant::now() + LAST_WORDS;
                while let Some((fd, true)) = member.bus()
                    && Instant::now() < end
                {
                    let left = end.saturating_duration_since(Instant::now());
                    let _ = poll(&mut [PollFd::new(&fd, PollFlags::OUT)], Some(&super::timespec(left)));
                    member.flush();
                }
            }
        }
        for command in shared.close() {
            refuse(command);
        }
    }
}

/// What nobody will do any more.
fn refuse(command: Command) {
    match command {
        Command::AskStop { engine, .. } => drop(engine.send(ToEngine::Refused { why: "this actor is ending".to_owned(), unattended: false })),
        Command::MaySignal { answer, .. } => drop(answer.send(true)),
        Command::Adopt { tail, .. } => tail.close(),
        Command::Print(text) => crate::observe::output::write_stderr(&text),
        Command::Up(_) | Command::StopOver(_) | Command::Finish => {}
    }
}

/// A line a child printed, as a record for whoever looks.
fn tell_line(shared: &Shared, wanted: bool, child: &Aid, which: Which, line: &str) {
    if wanted {
        shared.log(LogRow {
            time: unix_micros(),
            actor: child.clone(),
            level: Level::Io,
            target: format!("coulter::io::{}", which.name()),
            task: String::new(),
            context: None,
            place: String::new(),
            message: line.to_owned(),
        });
    }
}
