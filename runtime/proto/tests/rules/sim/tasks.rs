//! Tasks: stacks of bodies, polled when woken, dropped when their scope says so.
use coulter_proto::dialog::{BlockEnd, CalleeInput, CallerInput, DialogKind, ReceiveState, Reserve, SendRefused, StartState, TaskEnd, Verdict, Waiter};
use coulter_proto::nursery::{self, BodyEnd, Nursery};
use coulter_proto::scope::{self, Cause, ScopeId, ScopeKind};
use coulter_proto::time::Now;

use super::script::{Body, Op};
use super::world::{DutyOf, NurseryRow, World};

/// How long a script waits for credit: its peer may never take anything.
const SEND_PATIENCE: u64 = 300_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskKind {
    Main,
    Callee(usize),
    Spawned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameKind {
    Bottom,
    Block(usize),
    Call(usize),
    Nursery(usize),
    Shield,
    Timed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Out {
    Value,
    Error(Vec<u64>),
    Cancelled,
}

impl Out {
    fn of(errors: Vec<u64>) -> Self {
        if errors.is_empty() { Self::Cancelled } else { Self::Error(errors) }
    }
    fn and(self, more: Vec<u64>) -> Self {
        match self {
            _ if more.is_empty() => self,
            Self::Error(errors) => Self::Error([errors, more].concat()),
            Self::Value | Self::Cancelled => Self::Error(more),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// A context not started.
    Opening,
    Running,
    /// The body returned; the final word, or the children, are waited for.
    Draining,
    /// The body is over; its scope is waited for.
    Ending(Out),
}

#[derive(Debug)]
struct Frame {
    kind: FrameKind,
    scope: ScopeId,
    body: Body,
    pc: usize,
    state: State,
    since: Option<u64>,
    rung: u32,
    swallow: bool,
}

#[derive(Debug)]
pub(super) struct Task {
    kind: TaskKind,
    frames: Vec<Frame>,
    woken: bool,
    forever: bool,
    panicked: bool,
}

impl Task {
    pub(super) fn new(kind: TaskKind, scope: ScopeId, body: Body, forever: bool) -> Self {
        let bottom = Frame { kind: FrameKind::Bottom, scope, body, pc: 0, state: State::Running, since: None, rung: 0, swallow: false };
        Self { kind, frames: vec![bottom], woken: true, forever, panicked: false }
    }
    pub(super) fn scope(&self) -> ScopeId {
        self.frames[0].scope
    }
    fn top(&self) -> &Frame {
        self.frames.last().expect("a frame")
    }
    fn op(&self) -> Option<&Op> {
        let top = self.top();
        if top.state == State::Running { top.body.get(top.pc) } else { None }
    }
    /// The dialog whose streams the innermost body uses, and its side.
    fn enclosing(&self) -> Option<(usize, usize)> {
        let block = self.frames.iter().rev().find_map(|frame| if let FrameKind::Block(dialog) = frame.kind { Some((dialog, 0)) } else { None });
        block.or(if let TaskKind::Callee(dialog) = self.kind { Some((dialog, 1)) } else { None })
    }
    /// Whether the innermost body waits in `receive` or `send` of this dialog.
    fn waits_on(&self, dialog: usize) -> Option<Waiter> {
        let (at, _) = self.enclosing()?;
        match self.op() {
            Some(Op::Receive(_)) if at == dialog => Some(Waiter::Receive),
            Some(Op::Send(_)) if at == dialog => Some(Waiter::Send),
            _ => None,
        }
    }
}

/// Where it is, not what it is made of.
impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}:", self.kind)?;
        for frame in &self.frames {
            let op = frame.body.get(frame.pc).map(|op| format!("{op:?}").chars().take(24).collect::<String>());
            write!(f, " [{:?} {:?} {:?}]", frame.kind, frame.state, op.unwrap_or_default())?;
        }
        Ok(())
    }
}

impl World {
    fn task(&self, actor: usize, task: usize) -> &Task {
        &self.actors[actor].tasks[&task]
    }
    fn top_mut(&mut self, actor: usize, task: usize) -> &mut Frame {
        self.actors[actor].tasks.get_mut(&task).and_then(|task| task.frames.last_mut()).expect("a frame")
    }
    pub(super) fn wake(&mut self, actor: usize, task: usize) {
        if let Some(task) = self.actors[actor].tasks.get_mut(&task) {
            task.woken = true;
        }
    }
    pub(super) fn wake_waiter(&mut self, actor: usize, task: Option<usize>, dialog: usize, waiter: Waiter) {
        let Some(number) = task else { return };
        let Some(task) = self.actors[actor].tasks.get(&number) else { return };
        let waits = match waiter {
            Waiter::Started => task.top().state == State::Opening && task.top().kind == FrameKind::Block(dialog),
            // The block itself always hears of it: it may have to be dropped.
            Waiter::Final => true,
            Waiter::Receive | Waiter::Send => task.waits_on(dialog) == Some(waiter),
            Waiter::CancelAck => false,
        };
        if waits {
            self.wake(actor, number);
        }
    }

    pub(super) fn run_actor(&mut self, actor: usize) {
        while self.actors[actor].alive && self.actors[actor].frozen.is_none() {
            let woken = self.actors[actor].tasks.iter_mut().find(|(_, task)| task.woken);
            let Some((number, task)) = woken else { break };
            let number = *number;
            task.woken = false;
            self.poll(actor, number);
        }
        if self.actors[actor].alive && self.actors[actor].frozen.is_none() {
            for (number, task) in &self.actors[actor].tasks {
                assert!(
                    !self.could_go_on(actor, *number),
                    "a lost wake: task {number} of actor {actor} could go on: {:?} {:?} {:?}",
                    task.kind,
                    task.top().state,
                    task.op()
                );
            }
        }
        if self.actors[actor].alive && self.actors[actor].main_over && self.actors[actor].frozen.is_none() {
            return self.exit_gracefully(actor);
        }
        if self.actors[actor].alive {
            self.schedule_tick(actor);
        }
    }

    fn poll(&mut self, actor: usize, task: usize) {
        loop {
            if !self.actors[actor].alive || !self.actors[actor].tasks.contains_key(&task) {
                return;
            }
            if self.actors[actor].frozen.is_some() {
                return self.wake(actor, task);
            }
            if self.step(actor, task) {
                continue;
            }
            self.tell_polled(actor, task);
            if !self.drop_what_must(actor, task) {
                return;
            }
        }
    }
    fn tell_polled(&mut self, actor: usize, task: usize) {
        let row = self.task(actor, task);
        let blocks: Vec<(usize, bool)> = row
            .frames
            .iter()
            .filter(|frame| frame.state == State::Running)
            .filter_map(|frame| if let FrameKind::Block(dialog) = frame.kind { Some((dialog, row.waits_on(dialog).is_some())) } else { None })
            .collect();
        for (dialog, waiting_on_context) in blocks {
            if self.dialogs[dialog].caller.final_word().is_some() {
                self.feed_caller(dialog, CallerInput::BlockPolled { waiting_on_context });
            }
        }
    }
    fn drop_what_must(&mut self, actor: usize, task: usize) -> bool {
        for at in (0..self.task(actor, task).frames.len()).rev() {
            let frame = &self.task(actor, task).frames[at];
            if matches!(frame.state, State::Ending(_)) {
                continue;
            }
            let scope = frame.scope;
            let effects = crate::feed(&mut self.actors[actor].scopes, self.now, scope::Input::BodyPending { scope });
            if effects.contains(&scope::Effect::DropBody { scope }) {
                self.drop_body(actor, task, at);
                return true;
            }
        }
        false
    }
    fn drop_body(&mut self, actor: usize, task: usize, at: usize) {
        self.drop_above(actor, task, at, false);
        let frame = self.top_mut(actor, task);
        let (kind, scope) = (frame.kind, frame.scope);
        frame.state = State::Ending(Out::Cancelled);
        match kind {
            FrameKind::Block(dialog) | FrameKind::Call(dialog) => self.feed_caller(dialog, CallerInput::BlockDropped),
            FrameKind::Nursery(nursery) => self.feed_nursery(nursery, nursery::Input::BodyDropped),
            FrameKind::Shield => assert!(self.wild.stops, "rule 5.7: what is shielded was dropped"),
            FrameKind::Bottom | FrameKind::Timed => {}
        }
        self.feed_scopes(actor, scope::Input::BodyEnded { scope });
    }
    /// The futures above this frame are dropped: their scopes lose their owners.
    fn drop_above(&mut self, actor: usize, task: usize, at: usize, panics: bool) {
        while self.task(actor, task).frames.len() > at + 1 {
            let frame = self.actors[actor].tasks.get_mut(&task).and_then(|task| task.frames.pop()).expect("a frame");
            let scope = frame.scope;
            assert!(!self.actors[actor].finished.contains_key(&scope), "a finished scope was not polled");
            self.actors[actor].owners.remove(&scope);
            let running = frame.state == State::Running;
            if running && self.forget(&frame) {
                continue;
            }
            let mut held = if let State::Ending(Out::Error(errors)) = frame.state { errors } else { Vec::new() };
            match frame.kind {
                FrameKind::Block(dialog) | FrameKind::Call(dialog) => {
                    self.dialogs[dialog].owner = None;
                    held = if self.dialogs[dialog].duty_done { self.verdict_errors(dialog) } else { Vec::new() };
                    self.feed_caller(dialog, CallerInput::BlockDropped);
                }
                FrameKind::Nursery(nursery) => {
                    self.nurseries[nursery].owner = None;
                    held = if self.nurseries[nursery].finished { self.members(self.nurseries[nursery].machine.errors()) } else { Vec::new() };
                    self.feed_nursery(nursery, nursery::Input::BodyDropped);
                }
                FrameKind::Shield if running => {
                    assert!(panics || self.wild.stops, "rule 5.7: what is shielded was dropped");
                }
                FrameKind::Bottom | FrameKind::Shield | FrameKind::Timed => {}
            }
            if !held.is_empty() {
                let error = self.group(held);
                self.feed_scopes(actor, scope::Input::Fail { scope, error });
            }
            self.feed_scopes(actor, scope::Input::BodyDropped { scope });
        }
    }

    /// `mem::forget` of a block's future: nobody is told of anything, the scope around has to see to it.
    fn forget(&mut self, frame: &Frame) -> bool {
        match frame.kind {
            FrameKind::Block(dialog) if !self.dialogs[dialog].duty_done && self.rng.one_in(4) => self.dialogs[dialog].owner = None,
            FrameKind::Nursery(nursery) if !self.nurseries[nursery].finished && self.rng.one_in(4) => self.nurseries[nursery].owner = None,
            _ => return false,
        }
        true
    }

    fn could_go_on(&self, actor: usize, task: usize) -> bool {
        let row = self.task(actor, task);
        let scopes = &self.actors[actor].scopes;
        let top = row.top();
        if let State::Ending(_) = top.state {
            return self.actors[actor].finished.contains_key(&top.scope);
        }
        row.frames.iter().any(|frame| !matches!(frame.state, State::Ending(_)) && scopes.must_drop(frame.scope)) || self.is_ready(actor, task, false)
    }
    /// Whether the innermost body's await is ready. Timers count only once they have rung.
    fn is_ready(&self, actor: usize, task: usize, rung: bool) -> bool {
        let row = self.task(actor, task);
        let top = row.top();
        let over = |since: Option<u64>, lasts: u64| since.is_some_and(|since| since + lasts < self.now || (rung && since + lasts == self.now));
        match (&top.state, top.kind) {
            (State::Ending(_), _) => self.actors[actor].finished.contains_key(&top.scope),
            (State::Draining, FrameKind::Block(dialog)) => self.dialogs[dialog].caller.verdict().is_some(),
            (State::Draining, FrameKind::Nursery(nursery)) => self.nurseries[nursery].finished,
            // Every other await of ours parks in a cancelled scope.
            _ if self.actors[actor].scopes.cancelled_here(top.scope) => matches!(row.op(), Some(Op::Fail | Op::Panic)),
            (State::Opening, FrameKind::Block(dialog)) => self.dialogs[dialog].caller.started() != StartState::Pending,
            (State::Running, FrameKind::Call(dialog)) => self.dialogs[dialog].caller.final_word().is_some(),
            (State::Running, FrameKind::Bottom) if row.forever => false,
            (State::Running, _) => match row.op() {
                Some(Op::Forever) => false,
                Some(Op::Sleep(lasts)) => top.since.is_none() || over(top.since, *lasts),
                Some(Op::Receive(lasts)) => {
                    let Some((dialog, side)) = row.enclosing() else { return true };
                    top.since.is_none()
                        || over(top.since, *lasts)
                        || !self.dialogs[dialog].inbound[side].is_empty()
                        || self.receive_state(dialog, side) != ReceiveState::Open
                }
                Some(Op::Send(len)) => {
                    let Some((dialog, side)) = row.enclosing() else { return true };
                    top.since.is_none() || over(top.since, SEND_PATIENCE) || self.may_send(dialog, side, *len) != Ok(Reserve::Wait)
                }
                _ => true,
            },
            _ => unreachable!("{:?}", top.state),
        }
    }
    fn receive_state(&self, dialog: usize, side: usize) -> ReceiveState {
        let row = &self.dialogs[dialog];
        if side == 0 { row.caller.streams().receive_state() } else { row.callee.as_ref().expect("a callee").streams().receive_state() }
    }
    fn may_send(&self, dialog: usize, side: usize, len: u64) -> Result<Reserve, SendRefused> {
        let row = &self.dialogs[dialog];
        if side == 0 { row.caller.streams().may_send(len) } else { row.callee.as_ref().expect("a callee").streams().may_send(len) }
    }
    /// Whether the other side has nothing unread, and could have said so.
    fn peer_took_all(&self, dialog: usize, side: usize) -> bool {
        let row = &self.dialogs[dialog];
        let there = &self.actors[row.ends[1 - side]];
        let goes_on = there.alive && there.frozen.is_none() && !self.lost_at_once(dialog) && !row.callee_over;
        goes_on && row.inbound[1 - side].is_empty()
    }
    fn feed_side(&mut self, dialog: usize, side: usize, caller: CallerInput, callee: CalleeInput) {
        if side == 0 {
            self.feed_caller(dialog, caller);
        } else {
            self.feed_callee(dialog, callee);
        }
    }

    /// One step of the innermost body; `false`: it is pending.
    fn step(&mut self, actor: usize, task: usize) -> bool {
        if !self.is_ready(actor, task, true) {
            return false;
        }
        let row = self.task(actor, task);
        let top = row.top();
        let (kind, scope) = (top.kind, top.scope);
        match (&top.state, kind) {
            (State::Ending(_), _) => self.pop(actor, task),
            (State::Opening, FrameKind::Block(dialog)) if self.dialogs[dialog].caller.started() == StartState::Ready => {
                self.top_mut(actor, task).state = State::Running
            }
            (State::Opening | State::Draining, _) | (State::Running, FrameKind::Call(_)) => {
                self.top_mut(actor, task).state = State::Ending(Out::Value);
                self.feed_scopes(actor, scope::Input::BodyEnded { scope });
            }
            (State::Running, _) => match row.op().cloned() {
                Some(op) => return self.execute(actor, task, op),
                None => self.body_end(actor, task, Out::Value),
            },
        }
        true
    }
    fn next(&mut self, actor: usize, task: usize) -> bool {
        let top = self.top_mut(actor, task);
        top.pc += 1;
        top.since = None;
        top.rung = 0;
        true
    }
    fn execute(&mut self, actor: usize, task: usize, op: Op) -> bool {
        let enclosing = self.task(actor, task).enclosing();
        let (scope, since) = (self.task(actor, task).top().scope, self.task(actor, task).top().since);
        match op {
            Op::Sleep(lasts) if since.is_none() => {
                self.top_mut(actor, task).since = Some(self.now);
                self.timer(self.now + lasts, actor, task);
                return lasts == 0;
            }
            Op::Sleep(_) | Op::Forever => {}
            Op::Started => {
                if let TaskKind::Callee(dialog) = self.task(actor, task).kind
                    && self.dialogs[dialog].callee.as_ref().is_some_and(|callee| callee.may_start().is_ok())
                {
                    self.feed_callee(dialog, CalleeInput::TaskStarted);
                }
            }
            Op::Open | Op::Close => {
                if let Some((dialog, side)) = enclosing {
                    let (caller, callee) = if matches!(op, Op::Open) {
                        (CallerInput::StreamOpened, CalleeInput::StreamOpened)
                    } else {
                        (CallerInput::StreamClosed, CalleeInput::StreamClosed)
                    };
                    self.feed_side(dialog, side, caller, callee);
                }
            }
            Op::Send(len) => {
                if let Some((dialog, side)) = enclosing {
                    let may = self.may_send(dialog, side, len);
                    if may == Ok(Reserve::Wait) {
                        let all_taken = since.is_some() && self.peer_took_all(dialog, side);
                        let rung = &mut self.top_mut(actor, task).rung;
                        *rung = if all_taken { *rung + 1 } else { 0 };
                        assert!(*rung < 4, "rule 6.2: a sender waits for credit though all was taken");
                        if since.is_some() && !all_taken {
                            return self.next(actor, task);
                        }
                        self.top_mut(actor, task).since = Some(self.now);
                        self.timer(self.now + SEND_PATIENCE, actor, task);
                        return false;
                    }
                    self.feed_side(dialog, side, CallerInput::SendItem { len }, CalleeInput::SendItem { len });
                    match may {
                        Ok(Reserve::Ready) => self.send_item(dialog, side, len),
                        Ok(Reserve::DropOldest { count }) => {
                            let queue = &mut self.dialogs[dialog].queued[side];
                            queue.drain(..count as usize);
                            queue.push_back(len);
                        }
                        Ok(Reserve::Wait | Reserve::Overrun) | Err(_) => {}
                    }
                }
            }
            Op::Receive(lasts) => {
                if let Some((dialog, side)) = enclosing {
                    if let Some(len) = self.dialogs[dialog].inbound[side].pop_front() {
                        self.feed_side(dialog, side, CallerInput::Taken { len }, CalleeInput::Taken { len });
                    } else if self.receive_state(dialog, side) == ReceiveState::Open && since.is_none() {
                        self.top_mut(actor, task).since = Some(self.now);
                        self.timer(self.now + lasts, actor, task);
                        return false;
                    }
                }
            }
            Op::CancelContext => {
                if let Some((dialog, 0)) = enclosing {
                    self.feed_caller(dialog, CallerInput::CancelAsked);
                }
            }
            Op::CancelNursery => {
                let around = self
                    .task(actor, task)
                    .frames
                    .iter()
                    .rev()
                    .find_map(|frame| if let FrameKind::Nursery(nursery) = frame.kind { Some(nursery) } else { None });
                if let Some(nursery) = around {
                    self.feed_nursery(nursery, nursery::Input::CancelCalled);
                }
            }
            Op::Fail => {
                let error = self.raise();
                self.body_end(actor, task, Out::Error(vec![error]));
                return true;
            }
            Op::Panic => {
                let error = self.raise();
                self.drop_above(actor, task, 0, true);
                if let Some(row) = self.actors[actor].tasks.get_mut(&task) {
                    row.panicked = true;
                }
                self.body_end(actor, task, Out::Error(vec![error]));
                return true;
            }
            Op::Kid(kind, body) => {
                let around = self
                    .task(actor, task)
                    .frames
                    .iter()
                    .rev()
                    .find_map(|frame| if let FrameKind::Nursery(nursery) = frame.kind { Some(nursery) } else { None });
                if let Some(nursery) = around {
                    self.add_kid(nursery, kind, body);
                }
            }
            // Nobody can end a root that is stuck.
            Op::Stuck(lasts) if actor == 0 => self.freeze(actor, lasts.min(1_000_000), false),
            Op::Stop(lasts) | Op::Stuck(lasts) => self.freeze(actor, lasts, matches!(op, Op::Stop(_))),
            Op::Spawn(body) => {
                let scope = self.actors[actor].scopes.open(Now(self.now), Some(scope), ScopeKind::Spawned, None);
                self.add_task(actor, TaskKind::Spawned, scope, body);
            }
            Op::Shield(body) => {
                self.push(actor, task, FrameKind::Shield, ScopeKind::Shield, None, body, false);
                return true;
            }
            Op::Timed(lasts, body) => {
                self.push(actor, task, FrameKind::Timed, ScopeKind::Inline, Some(lasts), body, false);
                return true;
            }
            Op::Context { to, child, block, swallow } => {
                if let Some(peer) = self.pick_peer(actor, to) {
                    self.open(actor, task, DialogKind::Context, peer, child, block, swallow);
                    return true;
                }
            }
            Op::Call { to, child, swallow } => {
                if let Some(peer) = self.pick_peer(actor, to) {
                    self.open(actor, task, DialogKind::Call, peer, child, Body::default(), swallow);
                    return true;
                }
            }
            Op::Nursery { kids, body, swallow } => {
                let nursery = self.nurseries.len();
                let scope = self.push(actor, task, FrameKind::Nursery(nursery), ScopeKind::Inline, None, body, swallow);
                let duty = self.actors[actor].scopes.add_duty(scope, &mut Vec::new());
                self.actors[actor].duties.insert(duty, DutyOf::Nursery(nursery));
                self.nurseries.push(NurseryRow { machine: Nursery::new(), actor, scope, duty, duty_done: false, owner: Some(task), finished: false });
                for (kind, body) in kids {
                    self.add_kid(nursery, kind, body);
                }
                return true;
            }
        }
        self.next(actor, task)
    }
    #[allow(clippy::too_many_arguments)]
    fn push(&mut self, actor: usize, task: usize, kind: FrameKind, scope_kind: ScopeKind, deadline: Option<u64>, body: Body, swallow: bool) -> ScopeId {
        let around = self.task(actor, task).top().scope;
        let scope = self.actors[actor].scopes.open(Now(self.now), Some(around), scope_kind, deadline);
        let state = if matches!(kind, FrameKind::Block(_)) { State::Opening } else { State::Running };
        self.actors[actor].owners.insert(scope, task);
        let frame = Frame { kind, scope, body, pc: 0, state, since: None, rung: 0, swallow };
        if let Some(row) = self.actors[actor].tasks.get_mut(&task) {
            row.frames.push(frame);
        }
        scope
    }
    #[allow(clippy::too_many_arguments)]
    fn open(&mut self, actor: usize, task: usize, kind: DialogKind, peer: usize, child: Body, block: Body, swallow: bool) {
        let dialog = self.open_dialog(kind, actor, peer, child);
        let frame = if kind == DialogKind::Context { FrameKind::Block(dialog) } else { FrameKind::Call(dialog) };
        let scope = self.push(actor, task, frame, ScopeKind::Inline, None, block, swallow);
        let duty = self.actors[actor].scopes.add_duty(scope, &mut Vec::new());
        self.actors[actor].duties.insert(duty, DutyOf::Dialog(dialog));
        let row = &mut self.dialogs[dialog];
        row.owner = Some(task);
        row.block_scope = Some(scope);
        row.duty = Some(duty);
        if self.lost_at_once(dialog) {
            self.feed_caller(dialog, CallerInput::ChannelLost);
        }
    }

    fn body_end(&mut self, actor: usize, task: usize, out: Out) {
        let row = self.task(actor, task);
        let (kind, scope, of_task) = (row.top().kind, row.top().scope, row.kind);
        let mut out = out;
        match kind {
            FrameKind::Block(dialog) => {
                let end = match &out {
                    Out::Value => BlockEnd::Value,
                    Out::Error(errors) => BlockEnd::Error(self.group(errors.clone())),
                    Out::Cancelled => BlockEnd::Error(self.group(Vec::new())),
                };
                self.top_mut(actor, task).state = State::Draining;
                self.feed_caller(dialog, CallerInput::BlockEnded(end));
            }
            FrameKind::Nursery(nursery) => {
                let end = match &out {
                    Out::Value => BodyEnd::Value,
                    Out::Error(errors) => BodyEnd::Error(self.group(errors.clone())),
                    Out::Cancelled => BodyEnd::Cancelled(self.group(Vec::new())),
                };
                self.top_mut(actor, task).state = State::Draining;
                self.feed_nursery(nursery, nursery::Input::BodyEnded(end));
            }
            FrameKind::Bottom if of_task == TaskKind::Spawned => {
                if let Out::Error(errors) = std::mem::replace(&mut out, Out::Value) {
                    let error = self.group(errors);
                    let around = self.actors[actor].scopes.parent(scope).expect("a spawned task has a scope around it");
                    self.feed_scopes(actor, scope::Input::Fail { scope: around, error });
                }
            }
            FrameKind::Bottom | FrameKind::Shield | FrameKind::Timed => {}
            FrameKind::Call(_) => unreachable!("a call has no body"),
        }
        if self.task(actor, task).top().state == State::Draining && out == Out::Value {
            return;
        }
        self.top_mut(actor, task).state = State::Ending(out);
        self.feed_scopes(actor, scope::Input::BodyEnded { scope });
    }

    /// The innermost scope is finished: what comes out of it goes to the body around it.
    fn pop(&mut self, actor: usize, task: usize) {
        let row = self.actors[actor].tasks.get_mut(&task).expect("a task");
        let frame = row.frames.pop().expect("a frame");
        let (of_task, panicked) = (row.kind, row.panicked);
        let ending = self.actors[actor].finished.remove(&frame.scope).expect("finished");
        let State::Ending(held) = frame.state else { unreachable!("popped before its end") };
        let more = self.members(&ending.errors);
        let out = match frame.kind {
            FrameKind::Block(dialog) | FrameKind::Call(dialog) => {
                let row = &mut self.dialogs[dialog];
                row.owner = None;
                let verdict = row.caller.verdict().expect("a verdict");
                // A callee that never ran has nothing to wait for.
                let ended = row.callee.is_none() || row.callee_over || verdict == Verdict::Lost || self.channel_lost(dialog);
                assert!(ended, "rule 5.2: the block of dialog {dialog} ended before the child's task");
                let errors = self.verdict_errors(dialog);
                if verdict == Verdict::BlockValue { Out::Value } else { Out::of(errors) }
            }
            FrameKind::Nursery(nursery) => match self.nurseries[nursery].machine.verdict().expect("a verdict") {
                nursery::Verdict::BodyValue => Out::Value,
                nursery::Verdict::Errors => Out::of(self.members(self.nurseries[nursery].machine.errors())),
                nursery::Verdict::Cancelled => Out::Cancelled,
            },
            FrameKind::Timed if ending.caught && ending.cause == Some(Cause::Deadline) => Out::Value,
            FrameKind::Bottom | FrameKind::Shield | FrameKind::Timed => held,
        };
        let out = out.and(more);
        if self.task(actor, task).frames.is_empty() {
            self.actors[actor].tasks.remove(&task);
            return self.task_end(actor, of_task, panicked, out);
        }
        match out {
            Out::Error(errors) if frame.swallow => {
                self.handle_errors(&errors);
                self.next(actor, task);
            }
            Out::Value => {
                self.next(actor, task);
            }
            Out::Cancelled if frame.swallow => {
                self.next(actor, task);
            }
            out => self.body_end(actor, task, out),
        }
    }
    fn task_end(&mut self, actor: usize, kind: TaskKind, panicked: bool, out: Out) {
        match kind {
            TaskKind::Callee(dialog) => {
                let end = match out {
                    Out::Value => TaskEnd::Value,
                    Out::Error(errors) if panicked => TaskEnd::Panicked(self.group(errors)),
                    Out::Error(errors) => TaskEnd::Error(self.group(errors)),
                    Out::Cancelled => TaskEnd::Cancelled,
                };
                self.feed_callee(dialog, CalleeInput::TaskEnded(end));
            }
            TaskKind::Spawned => assert!(!matches!(out, Out::Error(_)), "a spawned task's errors go to the scope around it"),
            TaskKind::Main => {
                if let Out::Error(errors) = out {
                    self.handle_errors(&errors);
                }
                // Other tasks may have ended in the same moment and not said their final word yet.
                self.actors[actor].main_over = true;
            }
        }
    }
}
