//! The tree itself: a slab of scopes, each with what it still waits for.
use std::collections::BTreeMap;

use super::{Cause, DutyId, Effect, Input, ROOT, ScopeId, ScopeKind, Timing};
use crate::id::ErrorToken;
use crate::machine::{Machine, Sink};
use crate::time::{Deadline, Now};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Body,
    Teardown,
}

#[derive(Clone, Debug)]
struct Node {
    parent: Option<ScopeId>,
    kind: ScopeKind,
    state: State,
    own: Option<Cause>,
    deadline: Deadline,
    /// Shields up inside, in this task.
    shields: u32,
    /// Kind `Shield`: still holds.
    shielding: bool,
    /// Nobody polls the scope any more: the scope around it waits.
    orphan: bool,
    dropped: bool,
    caught: bool,
    kids: Vec<ScopeId>,
    duties: Vec<DutyId>,
    errors: Vec<ErrorToken>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    generation: u32,
    node: Option<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Duty {
    scope: ScopeId,
    begun: bool,
}

/// The scopes of one actor.
#[derive(Clone, Debug)]
pub struct Scopes {
    timing: Timing,
    slots: Vec<Slot>,
    free: Vec<u32>,
    duties: BTreeMap<DutyId, Duty>,
    next_duty: u64,
    /// Scopes with a deadline or a shield: few, so that finding the next deadline does not walk the tree.
    timed: Vec<ScopeId>,
    held: bool,
}

impl Scopes {
    /// A tree with only [`ROOT`], whose body runs.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        let root = Node::new(None, ScopeKind::Task);
        Self {
            timing,
            slots: vec![Slot { generation: 0, node: Some(root) }],
            free: Vec::new(),
            duties: BTreeMap::new(),
            next_duty: 0,
            timed: Vec::new(),
            held: false,
        }
    }
    /// The durations it was made with.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }
    /// Opens a scope under `parent` (a parent that is finished: under the actor's, cancelled at once).
    pub fn open(&mut self, now: Now, parent: Option<ScopeId>, kind: ScopeKind, deadline: Option<u64>) -> ScopeId {
        let asked = parent.unwrap_or(ROOT);
        let parent = if self.node(asked).is_some() { asked } else { ROOT };
        let mut node = Node::new(Some(parent), kind);
        let too_late = self.node(parent).is_none_or(|around| around.state == State::Teardown);
        if parent != asked || too_late {
            node.own = Some(Cause::Over);
        }
        if let Some(micros) = deadline {
            node.deadline = Deadline::after(now, micros);
        }
        let scope = self.insert(node);
        if let Some(around) = self.node_mut(parent) {
            around.kids.push(scope);
        }
        if kind == ScopeKind::Shield {
            self.raise(now, scope);
        }
        if self.held
            && let Some(node) = self.node_mut(scope)
        {
            node.deadline.hold(now);
        }
        if deadline.is_some() || kind == ScopeKind::Shield {
            self.timed.push(scope);
        }
        scope
    }
    /// Adds something `scope` waits for. When its body is over already, the duty begins at once.
    pub fn add_duty(&mut self, scope: ScopeId, out: &mut impl Sink<Effect>) -> DutyId {
        let duty = DutyId(self.next_duty);
        self.next_duty += 1;
        let late = self.node(scope).is_none();
        let scope = if late { ROOT } else { scope };
        let over = late || self.node(scope).is_none_or(|node| node.state == State::Teardown);
        self.duties.insert(duty, Duty { scope, begun: false });
        if let Some(node) = self.node_mut(scope) {
            node.duties.push(duty);
        }
        if over {
            self.begin(duty, out);
        }
        duty
    }
    /// Whether code running in the scope is asked to stop: every await of ours then parks.
    #[must_use]
    pub fn cancelled_here(&self, scope: ScopeId) -> bool {
        self.cause(scope).is_some() || self.ended(scope)
    }
    /// Why code running in the scope is asked to stop: the nearest reason not masked by a shield.
    #[must_use]
    pub fn cause(&self, scope: ScopeId) -> Option<Cause> {
        let mut at = Some(scope);
        while let Some(node) = at.and_then(|id| self.node(id)) {
            if node.own.is_some() {
                return node.own;
            }
            if node.kind == ScopeKind::Shield && node.shielding {
                return None;
            }
            at = node.parent;
        }
        None
    }
    /// Whether the body must be dropped once it is pending. Always for a scope that is over.
    #[must_use]
    pub fn must_drop(&self, scope: ScopeId) -> bool {
        match self.node(scope) {
            None => true,
            Some(node) => node.state == State::Teardown || (node.shields == 0 && self.cause(scope).is_some()),
        }
    }
    /// Whether the scope is finished.
    #[must_use]
    pub fn ended(&self, scope: ScopeId) -> bool {
        self.node(scope).is_none()
    }
    /// Whether this very scope was cancelled (not one around it). After the end see [`Effect::Finished`].
    #[must_use]
    pub fn cancel_called(&self, scope: ScopeId) -> bool {
        self.node(scope).is_some_and(|node| node.own.is_some())
    }
    /// Whether that has ended its body. After the end see [`Effect::Finished`].
    #[must_use]
    pub fn cancelled_caught(&self, scope: ScopeId) -> bool {
        self.node(scope).is_some_and(|node| node.caught)
    }
    /// The scope around it.
    #[must_use]
    pub fn parent(&self, scope: ScopeId) -> Option<ScopeId> {
        self.node(scope)?.parent
    }
    /// Duties and scopes it still waits for.
    #[must_use]
    pub fn waits_for(&self, scope: ScopeId) -> usize {
        self.node(scope).map_or(0, |node| node.duties.len() + node.kids.len())
    }
    /// Scopes not finished, [`ROOT`] included.
    #[must_use]
    pub fn live(&self) -> usize {
        self.slots.len() - self.free.len() - usize::from(self.ended(ROOT))
    }

    fn node(&self, scope: ScopeId) -> Option<&Node> {
        let slot = self.slots.get(scope.index as usize)?;
        if slot.generation == scope.generation { slot.node.as_ref() } else { None }
    }
    fn node_mut(&mut self, scope: ScopeId) -> Option<&mut Node> {
        let slot = self.slots.get_mut(scope.index as usize)?;
        if slot.generation == scope.generation { slot.node.as_mut() } else { None }
    }
    fn insert(&mut self, node: Node) -> ScopeId {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            slot.node = Some(node);
            return ScopeId { index, generation: slot.generation };
        }
        #[allow(clippy::cast_possible_truncation)]
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, node: Some(node) });
        ScopeId { index, generation: 0 }
    }
    fn remove(&mut self, scope: ScopeId) -> Option<Node> {
        let slot = self.slots.get_mut(scope.index as usize)?;
        if slot.generation != scope.generation {
            return None;
        }
        let node = slot.node.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        if scope != ROOT {
            self.free.push(scope.index);
        }
        self.timed.retain(|timed| *timed != scope);
        Some(node)
    }

    /// The bodies a shield holds: those around it up to the task's own.
    fn held_by(&self, shield: ScopeId) -> Vec<ScopeId> {
        let mut held = Vec::new();
        let mut at = self.parent(shield);
        while let Some(scope) = at {
            held.push(scope);
            let Some(node) = self.node(scope) else { break };
            at = if node.is_task() { None } else { node.parent };
        }
        held
    }
    fn raise(&mut self, now: Now, shield: ScopeId) {
        for scope in self.held_by(shield) {
            if let Some(node) = self.node_mut(scope) {
                node.shields += 1;
            }
        }
        if let Some(node) = self.node_mut(shield) {
            node.shielding = true;
        }
        self.limit_shield(now, shield);
    }
    fn lower(&mut self, now: Now, shield: ScopeId, out: &mut impl Sink<Effect>) {
        let Some(node) = self.node_mut(shield) else { return };
        if !std::mem::take(&mut node.shielding) {
            return;
        }
        for scope in self.held_by(shield) {
            if let Some(node) = self.node_mut(scope) {
                node.shields = node.shields.saturating_sub(1);
            }
            if self.must_drop(scope) {
                out.emit(Effect::Wake { scope });
            }
        }
        // Broken, not ended: what is inside sees the cancel now, inner shields have their own time.
        if self.cause(shield).is_some() {
            self.wake_below(now, shield, out);
        }
    }
    /// Starts the shield's time if there is a cancel it holds off.
    fn limit_shield(&mut self, now: Now, shield: ScopeId) {
        let around = self.parent(shield);
        if around.is_none_or(|scope| self.cause(scope).is_none()) {
            return;
        }
        let (limit, held) = (self.timing.shield_limit, self.held);
        if let Some(node) = self.node_mut(shield)
            && node.shielding
            && node.deadline == Deadline::Off
        {
            node.deadline = Deadline::after(now, limit);
            if held {
                node.deadline.hold(now);
            }
        }
    }

    fn cancel(&mut self, now: Now, scope: ScopeId, cause: Cause, out: &mut impl Sink<Effect>) {
        let Some(node) = self.node_mut(scope) else { return };
        if node.own.is_some() {
            return;
        }
        node.own = Some(cause);
        self.wake_below(now, scope, out);
    }
    fn wake_below(&mut self, now: Now, scope: ScopeId, out: &mut impl Sink<Effect>) {
        out.emit(Effect::Wake { scope });
        let kids = self.node(scope).map(|node| node.kids.clone()).unwrap_or_default();
        for kid in kids {
            if self.node(kid).is_some_and(|node| node.shielding) {
                self.limit_shield(now, kid);
            } else {
                self.wake_below(now, kid, out);
            }
        }
    }
    fn begin(&mut self, duty: DutyId, out: &mut impl Sink<Effect>) {
        if let Some(known) = self.duties.get_mut(&duty)
            && !std::mem::replace(&mut known.begun, true)
        {
            out.emit(Effect::BeginDuty { duty });
        }
    }
    fn begin_teardown(&mut self, now: Now, scope: ScopeId, out: &mut impl Sink<Effect>) {
        let Some(node) = self.node_mut(scope) else { return };
        if node.state == State::Teardown {
            return;
        }
        node.state = State::Teardown;
        let (duties, kids) = (node.duties.clone(), node.kids.clone());
        if node.kind == ScopeKind::Shield {
            self.lower(now, scope, out);
        }
        for duty in duties {
            self.begin(duty, out);
        }
        for kid in kids {
            self.cancel(now, kid, Cause::Over, out);
            if self.node(kid).is_some_and(|node| !node.is_task()) {
                // Its body was inside the one that is over: forgotten, or moved elsewhere. We wait in its place.
                self.orphan(now, kid, out);
            }
        }
        self.finish_if_done(scope, out);
    }
    fn orphan(&mut self, now: Now, scope: ScopeId, out: &mut impl Sink<Effect>) {
        let Some(node) = self.node_mut(scope) else { return };
        node.orphan = true;
        node.own.get_or_insert(Cause::Over);
        self.begin_teardown(now, scope, out);
    }
    fn finish_if_done(&mut self, scope: ScopeId, out: &mut impl Sink<Effect>) {
        let done = self.node(scope).is_some_and(|node| node.state == State::Teardown && node.kids.is_empty() && node.duties.is_empty());
        if !done {
            return;
        }
        let Some(mut node) = self.remove(scope) else { return };
        let around = node.parent;
        if let Some(to) = around
            && (node.orphan || node.kind == ScopeKind::Spawned)
            && !node.errors.is_empty()
        {
            #[allow(clippy::cast_possible_truncation)]
            out.emit(Effect::ErrorsMoved { from: scope, to, count: node.errors.len() as u32 });
            if let Some(parent) = self.node_mut(to) {
                parent.errors.append(&mut node.errors);
            }
        }
        out.emit(Effect::Finished { scope, errors: node.errors, cause: node.own, caught: node.caught });
        if let Some(parent) = around {
            if let Some(node) = self.node_mut(parent) {
                node.kids.retain(|kid| *kid != scope);
            }
            out.emit(Effect::Wake { scope: parent });
            self.finish_if_done(parent, out);
        }
    }
    fn break_shields(&mut self, now: Now, scope: ScopeId, out: &mut impl Sink<Effect>) {
        self.lower(now, scope, out);
        let kids = self.node(scope).map(|node| node.kids.clone()).unwrap_or_default();
        for kid in kids {
            self.break_shields(now, kid, out);
        }
    }
    fn hold(&mut self, now: Now, held: bool) {
        self.held = held;
        for scope in self.timed.clone() {
            if let Some(node) = self.node_mut(scope) {
                if held {
                    node.deadline.hold(now);
                } else {
                    node.deadline.go_on(now);
                }
            }
        }
    }
}

impl Node {
    fn is_task(&self) -> bool {
        matches!(self.kind, ScopeKind::Task | ScopeKind::Spawned)
    }
    fn new(parent: Option<ScopeId>, kind: ScopeKind) -> Self {
        Self {
            parent,
            kind,
            state: State::Body,
            own: None,
            deadline: Deadline::Off,
            shields: 0,
            shielding: false,
            orphan: false,
            dropped: false,
            caught: false,
            kids: Vec::new(),
            duties: Vec::new(),
            errors: Vec::new(),
        }
    }
}

impl Machine for Scopes {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match input {
            Input::Open { parent, kind, deadline } => {
                let scope = self.open(now, parent, kind, deadline);
                out.emit(Effect::Opened { scope });
            }
            Input::Cancel { scope, cause } => self.cancel(now, scope, Cause::Asked(cause), out),
            Input::Fail { scope, error } => {
                let scope = if self.ended(scope) { ROOT } else { scope };
                if let Some(node) = self.node_mut(scope) {
                    node.errors.push(error);
                }
                self.cancel(now, scope, Cause::Failed, out);
            }
            Input::AddDuty { scope } => {
                let duty = self.add_duty(scope, out);
                out.emit(Effect::DutyAdded { duty });
            }
            Input::DutyDone { duty, errors } => {
                let Some(Duty { scope, .. }) = self.duties.remove(&duty) else { return };
                if let Some(node) = self.node_mut(scope) {
                    node.duties.retain(|waiting| *waiting != duty);
                    node.errors.extend(errors);
                }
                self.finish_if_done(scope, out);
            }
            Input::BodyEnded { scope } => self.begin_teardown(now, scope, out),
            Input::BodyPending { scope } => {
                if !self.must_drop(scope) {
                    return;
                }
                if let Some(node) = self.node_mut(scope) {
                    if std::mem::replace(&mut node.dropped, true) {
                        return;
                    }
                    node.caught = node.own.is_some();
                }
                out.emit(Effect::DropBody { scope });
            }
            Input::BodyDropped { scope } => {
                self.orphan(now, scope, out);
            }
            Input::Hurry { scope } => self.break_shields(now, scope, out),
            Input::Hold(held) => self.hold(now, held),
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        self.timed.iter().filter_map(|scope| self.node(*scope)?.deadline.due()).min()
    }

    fn on_time(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        for scope in self.timed.clone() {
            let Some(node) = self.node_mut(scope) else { continue };
            if !node.deadline.take_due(now) {
                continue;
            }
            if node.kind == ScopeKind::Shield {
                self.lower(now, scope, out);
            } else if self.node(scope).is_some_and(|node| node.state == State::Body) {
                self.cancel(now, scope, Cause::Deadline, out);
            }
        }
    }
}
