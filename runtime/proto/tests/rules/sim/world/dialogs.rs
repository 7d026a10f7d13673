//! The shell around the two machines of a dialog.
use super::*;

impl World {
    pub(in crate::sim) fn open_dialog(&mut self, kind: DialogKind, from: usize, to: usize, child: Body) -> usize {
        let dialog = self.dialogs.len();
        let overrun = [Overrun::Wait, Overrun::Error, Overrun::Drop][usize::try_from(self.rng.below(3)).unwrap()];
        let window = WindowSize { messages: 1 + u32::try_from(self.rng.below(4)).unwrap(), bytes: 60 + self.rng.below(200) };
        let channel = self.channel_between(from, to);
        let terms = Terms { window, overrun, ..Terms::new(kind) };
        self.dialogs.push(Dialog {
            channel,
            ends: [from, to],
            caller: Caller::new(terms),
            block_scope: None,
            owner: None,
            duty: None,
            duty_done: false,
            oneshot: None,
            remote: Vec::new(),
            remote_real: false,
            inbound: Default::default(),
            queued: Default::default(),
            child,
            callee: None,
            callee_task: None,
            callee_over: false,
        });
        match kind {
            DialogKind::Call => self.report.calls += 1,
            DialogKind::Context => self.report.contexts += 1,
        }
        if self.actors[from].debugged.contains(&self.actors[to].uuid) {
            self.feed_caller(dialog, CallerInput::HoldClocks);
        }
        self.post(channel, from, Message::Start { dialog });
        dialog
    }
    pub(in crate::sim) fn channel_lost(&self, dialog: usize) -> bool {
        self.dialogs[dialog].caller.final_word() == Some(Final::Lost)
    }
    pub(in crate::sim) fn lost_at_once(&self, dialog: usize) -> bool {
        !self.channels[self.dialogs[dialog].channel].up
    }
    pub(in crate::sim) fn start_task(&mut self, actor: usize, dialog: usize) {
        let terms = self.dialogs[dialog].caller.terms();
        self.dialogs[dialog].callee = Some(Callee::new(terms));
        let scope = self.actors[actor].scopes.open(Now(self.now), Some(ROOT), scope::ScopeKind::Task, None);
        let body = self.dialogs[dialog].child.clone();
        let task = self.add_task(actor, TaskKind::Callee(dialog), scope, body);
        self.dialogs[dialog].callee_task = Some(task);
        self.feed_callee(dialog, CalleeInput::Accept);
    }
    /// A message of the callee reaches its caller: the shell keeps payloads and failures.
    pub(in crate::sim) fn on_up(&mut self, dialog: usize, message: ToPeer, len: u64, cause: Option<CauseToken>) {
        let message = match message {
            ToPeer::Accepted => FromPeer::Accepted,
            ToPeer::Started => FromPeer::Started,
            ToPeer::QueuedItem => {
                self.dialogs[dialog].inbound[0].push_back(len);
                FromPeer::Item { len }
            }
            ToPeer::EndOfStream => FromPeer::EndOfStream,
            ToPeer::Credit { messages, bytes } => FromPeer::Credit { messages, bytes },
            ToPeer::Dropped { count } => FromPeer::Dropped { count },
            ToPeer::Return => FromPeer::Return,
            ToPeer::CancelAck => FromPeer::CancelAck,
            ToPeer::Cancel => unreachable!("a callee asks for no cancel"),
            ToPeer::Fail(kind) => {
                let failure = match kind {
                    FinalKind::Error(token) | FinalKind::Panic(token) => {
                        self.dialogs[dialog].remote = self.groups[&token.0].clone();
                        FinalFailure::Real
                    }
                    FinalKind::NotStarted => {
                        self.dialogs[dialog].remote = vec![self.raise()];
                        FinalFailure::Real
                    }
                    FinalKind::Cancelled => FinalFailure::Cancelled { asked_by_us: cause == Some(asked_by_user(dialog)) },
                };
                self.dialogs[dialog].remote_real = failure == FinalFailure::Real;
                FromPeer::Fail { failure }
            }
        };
        self.feed_caller(dialog, CallerInput::Peer(message));
        self.check_window(dialog, 0);
    }
    pub(in crate::sim) fn check_window(&self, dialog: usize, side: usize) {
        let row = &self.dialogs[dialog];
        let (unread, queue) =
            if side == 0 { (row.caller.streams().unread(), &row.inbound[0]) } else { (row.callee.as_ref().unwrap().streams().unread(), &row.inbound[1]) };
        assert!(unread <= row.caller.terms().window.messages, "rule 6.2: window exceeded");
        let over = row.caller.final_word().is_some() || row.callee_over;
        assert!(over || queue.len() == unread as usize, "the queue and the window disagree");
    }
    pub(in crate::sim) fn feed_caller(&mut self, dialog: usize, input: CallerInput) {
        let mut out = Vec::new();
        self.dialogs[dialog].caller.on(Now(self.now), input, &mut out);
        self.apply_caller(dialog, out);
    }
    pub(in crate::sim) fn apply_caller(&mut self, dialog: usize, effects: Vec<CallerEffect>) {
        let actor = self.dialogs[dialog].ends[0];
        let channel = self.dialogs[dialog].channel;
        for effect in effects {
            match effect {
                CallerEffect::Send(message) => {
                    let message = match message {
                        ToPeer::Cancel if self.dialogs[dialog].caller.cancel_called() => FromPeer::Cancel { token: asked_by_user(dialog) },
                        ToPeer::Cancel => FromPeer::Cancel { token: teardown_of(dialog) },
                        ToPeer::Credit { messages, bytes } => FromPeer::Credit { messages, bytes },
                        ToPeer::EndOfStream => FromPeer::EndOfStream,
                        ToPeer::Dropped { count } => FromPeer::Dropped { count },
                        ToPeer::QueuedItem => FromPeer::Item { len: self.dialogs[dialog].queued[0].pop_front().expect("queued") },
                        other => unreachable!("a caller does not send {other:?}"),
                    };
                    self.post(channel, actor, Message::Down { dialog, message });
                }
                CallerEffect::Wake(waiter) => self.wake_waiter(actor, self.dialogs[dialog].owner, dialog, waiter),
                CallerEffect::Discard => {
                    self.dialogs[dialog].inbound[0].pop_back();
                }
                CallerEffect::DiscardUnread => self.dialogs[dialog].inbound[0].clear(),
                CallerEffect::DropBlock => {
                    let scope = self.dialogs[dialog].block_scope.expect("a block has a scope");
                    self.feed_scopes(actor, scope::Input::Cancel { scope, cause: teardown_of(dialog) });
                }
                CallerEffect::CancelTooSlow => {
                    self.report.too_slow += 1;
                    assert!(self.wild.stops || self.lossy, "rule 5.3: a cancel was not acknowledged though nothing hinders it");
                    let there = self.actors[self.dialogs[dialog].ends[1]].uuid;
                    assert!(!self.actors[actor].debugged.contains(&there), "rule 9: a clock ran out on somebody who is stopped");
                }
                CallerEffect::Ended => {}
                CallerEffect::Violation(violation) => panic!("dialog {dialog}: {violation}"),
            }
        }
        self.settle_dialog(dialog);
    }
    pub(in crate::sim) fn settle_dialog(&mut self, dialog: usize) {
        let row = &self.dialogs[dialog];
        if row.caller.verdict().is_none() || row.duty_done {
            return;
        }
        if let Some((nursery, child)) = row.oneshot {
            self.dialogs[dialog].duty_done = true;
            let token = self.group(self.dialogs[dialog].remote.clone());
            let result = match self.dialogs[dialog].caller.final_word() {
                Some(Final::Returned) => ChildResult::Value,
                Some(Final::Failed(FinalFailure::Real)) => ChildResult::Error(token),
                Some(Final::Failed(_)) => ChildResult::Cancelled(token),
                // Its exit tells.
                Some(Final::Lost) | None => return,
            };
            self.feed_nursery(nursery, nursery::Input::ChildResult { child, result });
        } else if let Some(duty) = row.duty {
            let orphan = row.owner.is_none();
            self.dialogs[dialog].duty_done = true;
            let errors = if orphan { self.verdict_errors(dialog) } else { Vec::new() };
            let errors = if errors.is_empty() { Vec::new() } else { vec![self.group(errors)] };
            let actor = self.dialogs[dialog].ends[0];
            self.feed_scopes(actor, scope::Input::DutyDone { duty, errors });
        }
    }
    /// The errors that come out of a dialog; only to be asked once, as a lost channel is an error of its own.
    pub(in crate::sim) fn verdict_errors(&mut self, dialog: usize) -> Vec<u64> {
        let row = &self.dialogs[dialog];
        let remote = if row.remote_real { row.remote.clone() } else { Vec::new() };
        match row.caller.verdict() {
            Some(Verdict::Remote) => remote,
            Some(Verdict::BlockError(token)) => self.members(&[token]),
            Some(Verdict::BlockErrorAndRemote(token)) => [self.members(&[token]), remote].concat(),
            Some(Verdict::Lost) => vec![self.raise()],
            Some(Verdict::BlockValue | Verdict::Cancelled) | None => Vec::new(),
        }
    }
    pub(in crate::sim) fn feed_callee(&mut self, dialog: usize, input: CalleeInput) {
        if let CalleeInput::Peer(FromPeer::Item { len }) = input {
            self.dialogs[dialog].inbound[1].push_back(len);
        }
        let mut out = Vec::new();
        let now = Now(self.now);
        self.dialogs[dialog].callee.as_mut().expect("a callee").on(now, input, &mut out);
        let actor = self.dialogs[dialog].ends[1];
        let channel = self.dialogs[dialog].channel;
        for effect in out {
            match effect {
                CalleeEffect::Send(message) => {
                    let len = if message == ToPeer::QueuedItem { self.dialogs[dialog].queued[1].pop_front().expect("queued") } else { 0 };
                    let cause = self.dialogs[dialog].callee.as_ref().and_then(Callee::cause);
                    self.post(channel, actor, Message::Up { dialog, message, len, cause });
                }
                CalleeEffect::Wake(waiter) => self.wake_waiter(actor, self.dialogs[dialog].callee_task, dialog, waiter),
                CalleeEffect::Discard => {
                    self.dialogs[dialog].inbound[1].pop_back();
                }
                CalleeEffect::DiscardUnread => self.dialogs[dialog].inbound[1].clear(),
                CalleeEffect::CancelTask { token } => {
                    let task = self.dialogs[dialog].callee_task.expect("a task");
                    if let Some(scope) = self.actors[actor].tasks.get(&task).map(Task::scope) {
                        self.feed_scopes(actor, scope::Input::Cancel { scope, cause: token.unwrap_or(ACTOR_CANCELLED) });
                    }
                }
                CalleeEffect::Ended => self.dialogs[dialog].callee_over = true,
                CalleeEffect::Violation(violation) => panic!("dialog {dialog}: {violation}"),
            }
        }
        self.check_window(dialog, 1);
    }
    pub(in crate::sim) fn send_item(&mut self, dialog: usize, side: usize, len: u64) {
        self.report.items += 1;
        let channel = self.dialogs[dialog].channel;
        let actor = self.dialogs[dialog].ends[side];
        let message = if side == 0 {
            Message::Down { dialog, message: FromPeer::Item { len } }
        } else {
            Message::Up { dialog, message: ToPeer::QueuedItem, len, cause: None }
        };
        self.post(channel, actor, message);
    }
}
