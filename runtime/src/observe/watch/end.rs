//! How an actor ends, seen from its watch thread: asked by a signal or a console, left by its
//! parent, or gracefully by its own work thread.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coulter_proto::bus::Up;
use coulter_proto::error::CancelCause;
use coulter_proto::level::Level;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use super::ToWork;
use super::command::lock;
use super::signals;
use super::thread::{Side, Thread, tell_line};
use crate::observe::recorder;
use crate::sys::process;

/// How long the work thread has to end once the parent is gone.
const LAST_SECOND: Duration = Duration::from_secs(1);
/// How long a graceful end waits for output and words to be taken.
const LAST_OUTPUT: Duration = Duration::from_millis(300);
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Thread {
    pub(super) fn cancel(&mut self, why: String) {
        recorder::record(recorder::Kind::Cancel, 0, 0);
        let cause = CancelCause { by: None, why, behind: Vec::new() };
        self.to_work(ToWork::CancelActor { cause, hurry: self.cancels > 0 });
        self.cancels += 1;
    }

    pub(super) fn on_signal(&mut self, signal: i32) {
        match (&self.side, signal) {
            (_, SIGUSR1) => {
                let text = super::dump::text(&self.me, &self.probe.tables(), &recorder::recent());
                return self.custody.print(text.into_bytes());
            }
            // Of the terminal's signals the root decides, for the whole tree.
            (Side::Child(_), signal) if signal != SIGTERM => return,
            // It is meant for the prompt, not for the tree.
            (Side::Root(root), SIGINT) if root.hub().shields_interrupt() || crate::hooks::shields_interrupt() => return,
            (Side::Root(root), signal) if self.cancels >= 2 => {
                // Asked three times: whoever sits there wants it gone, and the children die with us.
                root.remove_directory();
                self.restore_terminal();
                process::exit_now(128 + signal);
            }
            _ => {}
        }
        let _ = self.shared.signalled.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
        self.cancel(signals::name(signal));
    }

    /// The parent (or the root) is gone: this process ends, by itself or by this thread.
    pub(super) fn parent_gone(&mut self) {
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

    /// Leaves the terminal as the root found it, whatever the front was doing.
    fn restore_terminal(&self) {
        if let Some(terminal) = &self.terminal {
            // A terminal that has vanished needs nothing.
            let _ = terminal.restore();
        }
    }

    pub(super) fn end_process(&mut self) -> ! {
        for path in lock(&self.watch.sockets).drain(..) {
            let _ = std::fs::remove_file(path);
        }
        self.sweep_after_a_dead_root();
        process::exit_now(1)
    }

    fn sweep_after_a_dead_root(&self) {
        if let (Side::Child(member), Some(_)) = (&self.side, self.end_at) {
            member.sweep();
        }
    }

    pub(super) fn finish(mut self) {
        let (shared, wanted) = (Arc::clone(&self.shared), self.feed.wants(Level::Io));
        self.custody.finish(LAST_OUTPUT, &mut |child, which, line| tell_line(&shared, wanted, child, which, line));
        shared.held.store(false, Ordering::Release);
        self.stops.end_all();
        self.answer_all_asks();
        let (backlog, side) = (self.side.backlog(), &mut self.side);
        self.feed.flush_logs(&shared, backlog, &mut |message| side.tell(message));
        self.feed.watch(false, None);
        match &mut self.side {
            Side::Root(root) => {
                root.finish(LAST_WORDS);
                self.restore_terminal();
            }
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
        self.sweep_after_a_dead_root();
        for command in shared.close() {
            command.refuse();
        }
    }
}
