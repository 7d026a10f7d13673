//! The loop: one `poll` over everything this thread serves, then whatever is ready, in turn.
use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use coulter_proto::bus::{Down, Up};
use coulter_proto::id::Aid;
use coulter_proto::level::Level;
use coulter_proto::observe::LogRow;

use super::command::{Command, Shared, lock};
use super::feed::Feed;
use super::member::Member;
use super::root::Root;
use super::signals::Signals;
use super::stops::Stops;
use super::{Config, Role, ToEngine, ToWork, Watch};
use crate::observe::output::{Custody, Which, inode};
use crate::observe::probe::{Probe, unix_micros};
use crate::observe::recorder;
use crate::sys::terminal::Settings;

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the watch thread: it must not write where it could block.
pub(super) fn is_watch_thread() -> bool {
    HERE.try_with(Cell::get).unwrap_or(false)
}

/// What this process is in its tree.
pub(super) enum Side {
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
    pub(super) fn tell(&mut self, message: Up) {
        let _ = self.up(message);
    }
    pub(super) fn backlog(&self) -> usize {
        match self {
            Self::Root(_) => 0,
            Self::Child(member) => member.backlog(),
        }
    }
}

/// The state of the thread.
pub(super) struct Thread {
    pub(super) me: Aid,
    pub(super) probe: &'static Probe,
    pub(super) shared: Arc<Shared>,
    pub(super) watch: Watch,
    pub(super) signals: Option<Signals>,
    pub(super) custody: Custody,
    pub(super) stops: Stops,
    pub(super) asks: HashMap<u64, tokio::sync::oneshot::Sender<bool>>,
    pub(super) last_ask: u64,
    pub(super) feed: Feed,
    pub(super) side: Side,
    /// How often somebody asked this actor to end.
    pub(super) cancels: u32,
    /// The parent is gone: when this thread ends the process.
    pub(super) end_at: Option<Instant>,
    /// How the root found its terminal.
    pub(super) terminal: Option<Settings>,
}

impl Thread {
    pub(super) fn new(config: Config, probe: &'static Probe, signals: Option<Signals>, watch: Watch) -> io::Result<Self> {
        let Config { aid, role } = config;
        let side = match role {
            Role::Root { tree, dir, secret, terminal } => Side::Root(Box::new(Root::new(tree, dir, secret, terminal)?)),
            Role::Child { bus, secret, parent, lifeline } => Side::Child(Box::new(Member::new(aid.clone(), &bus, secret, parent, lifeline)?)),
        };
        let terminal = matches!(side, Side::Root(_)).then(|| signals.as_ref().and_then(|_| Settings::take().ok())).flatten();
        Ok(Self {
            terminal,
            probe,
            shared: Arc::clone(&watch.shared),
            custody: Custody::new(watch.shared.marks.clone()),
            watch,
            signals,
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
                late @ Command::AskStop { .. } if self.end_at.is_some() || !self.has_root() => late.refuse(),
                Command::AskStop { ask, engine } => {
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
                    let pipes = [&stdout, &stderr].into_iter().filter_map(inode).collect();
                    self.up(Up::Adopted { child: child.uuid, pipes });
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

    pub(super) fn up(&mut self, message: Up) {
        if !self.side.up(message) {
            self.answer_all_asks();
        }
        self.locals();
    }

    /// With no root to ask, everybody may.
    pub(super) fn answer_all_asks(&mut self) {
        for (_, answer) in self.asks.drain() {
            let _ = answer.send(true);
        }
    }

    /// In the root: what the hub has to say to this actor itself.
    pub(super) fn locals(&mut self) {
        while let Side::Root(root) = &mut self.side {
            let local = std::mem::take(&mut root.local);
            if local.is_empty() {
                return;
            }
            local.into_iter().for_each(|message| self.down(message));
        }
    }

    /// The root says something.
    pub(super) fn down(&mut self, message: Down) {
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
            Down::Line { stop, line, text } => self.pass_to_engine(stop, ToEngine::Line { line, text }),
            Down::Complete { stop, line, text, cursor } => self.pass_to_engine(stop, ToEngine::Complete { line, text, cursor }),
            Down::EndStop { stop, quit } => self.pass_to_engine(stop, ToEngine::End { quit }),
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
            Down::Adopted { pipes } => self.shared.marks.set(pipes),
            Down::ParentGone => self.parent_gone(),
            Down::Cancel { context: None } => self.cancel("`cancel` from a console".to_owned()),
            Down::Cancel { context: Some(key) } => self.to_work(ToWork::CancelContext(key)),
        }
    }

    fn pass_to_engine(&mut self, stop: coulter_proto::id::StopId, message: ToEngine) {
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

    pub(super) fn to_work(&self, message: ToWork) {
        // A work thread that has gone needs to be told nothing.
        let _ = self.watch.work.send(message);
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
}

/// A line a child printed, as a record for whoever looks.
pub(super) fn tell_line(shared: &Shared, wanted: bool, child: &Aid, which: Which, line: &str) {
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
