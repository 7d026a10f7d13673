//! Traces: what the machines of a real run were fed and decided, as JSON lines, and their replay.
//!
//! A machine is a function of its inputs and their times, so a trace of a run that went wrong is a
//! test: [`replay`] feeds the same inputs into fresh machines and says where the effects differ.
//! Without a recorder a [`Recorded`] machine costs one branch per input.
use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialog::{self, Callee, Caller};
use crate::ladder::{self, Ladder};
use crate::machine::{Machine, Sink, SinkFn};
use crate::nursery::Nursery;
use crate::registrar::Registrar;
use crate::scope::{self, DutyId, ScopeId, ScopeKind, Scopes};
use crate::time::Now;

/// A machine whose whole life can be written down.
pub trait Traced: Machine<Input: Serialize + DeserializeOwned + Clone, Effect: Serialize + DeserializeOwned> + Sized {
    /// Its name in traces.
    const NAME: &'static str;
    /// What it was made from.
    type Seed: Serialize + DeserializeOwned;
    /// What this one was made from.
    fn seed(&self) -> Self::Seed;
    /// A fresh one.
    fn from_seed(seed: Self::Seed) -> Self;
}

impl Traced for Caller {
    const NAME: &'static str = "caller";
    type Seed = dialog::Terms;
    fn seed(&self) -> Self::Seed {
        self.terms()
    }
    fn from_seed(seed: Self::Seed) -> Self {
        Self::new(seed)
    }
}
impl Traced for Callee {
    const NAME: &'static str = "callee";
    type Seed = dialog::Terms;
    fn seed(&self) -> Self::Seed {
        self.terms()
    }
    fn from_seed(seed: Self::Seed) -> Self {
        Self::new(seed)
    }
}
impl Traced for Ladder {
    const NAME: &'static str = "ladder";
    type Seed = ladder::Timing;
    fn seed(&self) -> Self::Seed {
        self.timing()
    }
    fn from_seed(seed: Self::Seed) -> Self {
        Self::new(seed)
    }
}
impl Traced for Scopes {
    const NAME: &'static str = "scopes";
    type Seed = scope::Timing;
    fn seed(&self) -> Self::Seed {
        self.timing()
    }
    fn from_seed(seed: Self::Seed) -> Self {
        Self::new(seed)
    }
}
impl Traced for Nursery {
    const NAME: &'static str = "nursery";
    type Seed = ();
    fn seed(&self) -> Self::Seed {}
    fn from_seed((): Self::Seed) -> Self {
        Self::new()
    }
}
impl Traced for Registrar {
    const NAME: &'static str = "registrar";
    type Seed = ();
    fn seed(&self) -> Self::Seed {}
    fn from_seed((): Self::Seed) -> Self {
        Self::new()
    }
}

/// Where the lines go. Shared by all machines of a process; lines carry the machine's name and number.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Write>>);

type Write = dyn FnMut(&str) + Send;

impl Recorder {
    /// A recorder that hands each line (without its newline) to `write`.
    pub fn new(write: impl FnMut(&str) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(write)))
    }
    fn line(&self, entry: &Entry) {
        let Ok(line) = serde_json::to_string(entry) else { return };
        if let Ok(mut write) = self.0.lock() {
            write(&line);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    machine: String,
    instance: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Made, from this.
    Born(Value),
    /// Fed.
    On { now: Now, input: Value, effects: Value },
    /// Deadlines taken.
    Time { now: Now, effects: Value },
}

/// A machine that writes down its life while a recorder is attached.
#[derive(Clone, Debug)]
pub struct Recorded<M> {
    machine: M,
    instance: u64,
    recorder: Option<Recorder>,
}

impl<M: Traced> Recorded<M> {
    /// A fresh machine; `instance` tells it from others of its kind.
    pub fn new(machine: M, instance: u64, recorder: Option<Recorder>) -> Self {
        let recorded = Self { machine, instance, recorder };
        if recorded.recorder.is_some() {
            recorded.write(What::Born(value(&recorded.machine.seed())));
        }
        recorded
    }
    fn write(&self, what: What) {
        if let Some(recorder) = &self.recorder {
            recorder.line(&Entry { machine: M::NAME.into(), instance: self.instance, what });
        }
    }
}

/// Queries go straight to the machine.
impl<M> std::ops::Deref for Recorded<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M: Traced> Machine for Recorded<M> {
    type Input = M::Input;
    type Effect = M::Effect;

    fn on(&mut self, now: Now, input: M::Input, out: &mut impl Sink<M::Effect>) {
        if self.recorder.is_none() {
            return self.machine.on(now, input, out);
        }
        let fed = value(&input);
        let mut tee = Tee { out, effects: Vec::new() };
        self.machine.on(now, input, &mut tee);
        let effects = Value::Array(tee.effects);
        self.write(What::On { now, input: fed, effects });
    }
    fn next_deadline(&self) -> Option<Now> {
        self.machine.next_deadline()
    }
    fn on_time(&mut self, now: Now, out: &mut impl Sink<M::Effect>) {
        if self.recorder.is_none() {
            return self.machine.on_time(now, out);
        }
        let mut tee = Tee { out, effects: Vec::new() };
        self.machine.on_time(now, &mut tee);
        let effects = Value::Array(tee.effects);
        self.write(What::Time { now, effects });
    }
}

impl Recorded<Scopes> {
    /// [`Scopes::open`], recorded.
    pub fn open(&mut self, now: Now, parent: Option<ScopeId>, kind: ScopeKind, deadline: Option<u64>) -> ScopeId {
        let mut opened = scope::ROOT;
        let mut keep = SinkFn(|effect| {
            if let scope::Effect::Opened { scope } = effect {
                opened = scope;
            }
        });
        self.on(now, scope::Input::Open { parent, kind, deadline }, &mut keep);
        opened
    }
    /// [`Scopes::add_duty`], recorded; other effects go to `out`.
    pub fn add_duty(&mut self, now: Now, scope: ScopeId, out: &mut impl Sink<scope::Effect>) -> DutyId {
        let mut added = DutyId(0);
        let mut keep = SinkFn(|effect| match effect {
            scope::Effect::DutyAdded { duty } => added = duty,
            other => out.emit(other),
        });
        self.on(now, scope::Input::AddDuty { scope }, &mut keep);
        added
    }
}

struct Tee<'a, S> {
    out: &'a mut S,
    effects: Vec<Value>,
}

impl<E: Serialize, S: Sink<E>> Sink<E> for Tee<'_, S> {
    fn emit(&mut self, effect: E) {
        self.effects.push(value(&effect));
        self.out.emit(effect);
    }
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| Value::String(format!("not writable: {error}")))
}

/// What a replay went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Machines made.
    pub machines: usize,
    /// Inputs fed, times included.
    pub inputs: usize,
    /// Effects compared.
    pub effects: usize,
}

/// Why a replay stopped.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// The line cannot be read.
    Unreadable {
        /// Counted from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// The machine decided otherwise.
    Effects {
        /// Counted from 1.
        line: usize,
        /// Which machine.
        machine: String,
        /// Which of them.
        instance: u64,
        /// What the trace says.
        recorded: Value,
        /// What came out now.
        replayed: Value,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { line, why } => write!(f, "line {line} of the trace cannot be read: {why}"),
            Self::Effects { line, machine, instance, recorded, replayed } => {
                write!(f, "line {line}: {machine} {instance} decided {recorded} when recorded and {replayed} now")
            }
        }
    }
}
impl std::error::Error for Mismatch {}

/// Feeds a trace into fresh machines and compares what they decide.
///
/// # Errors
/// At the first line that cannot be read, or whose effects differ.
pub fn replay(trace: impl BufRead) -> Result<Summary, Mismatch> {
    let mut machines: HashMap<(String, u64), Box<dyn Replays>> = HashMap::new();
    let mut summary = Summary::default();
    for (n, line) in trace.lines().enumerate() {
        let line_number = n + 1;
        let unreadable = |why: String| Mismatch::Unreadable { line: line_number, why };
        let line = line.map_err(|error| unreadable(error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let Entry { machine, instance, what } = serde_json::from_str(&line).map_err(|error| unreadable(error.to_string()))?;
        let key = (machine, instance);
        let (replayed, recorded) = match what {
            What::Born(seed) => {
                let fresh = born(&key.0, seed).map_err(unreadable)?;
                machines.insert(key, fresh);
                summary.machines += 1;
                continue;
            }
            What::On { now, input, effects } => {
                let known = machines.get_mut(&key).ok_or_else(|| unreadable("a machine the trace did not make".into()))?;
                (known.feed(now, Some(input)).map_err(unreadable)?, effects)
            }
            What::Time { now, effects } => {
                let known = machines.get_mut(&key).ok_or_else(|| unreadable("a machine the trace did not make".into()))?;
                (known.feed(now, None).map_err(unreadable)?, effects)
            }
        };
        summary.inputs += 1;
        summary.effects += replayed.len();
        let replayed = Value::Array(replayed);
        if replayed != recorded {
            return Err(Mismatch::Effects { line: line_number, machine: key.0, instance: key.1, recorded, replayed });
        }
    }
    Ok(summary)
}

trait Replays {
    fn feed(&mut self, now: Now, input: Option<Value>) -> Result<Vec<Value>, String>;
}

struct Replayed<M>(M);

impl<M: Traced> Replays for Replayed<M> {
    fn feed(&mut self, now: Now, input: Option<Value>) -> Result<Vec<Value>, String> {
        let mut effects = Vec::new();
        match input {
            Some(input) => {
                let input = serde_json::from_value(input).map_err(|error| error.to_string())?;
                self.0.on(now, input, &mut effects);
            }
            None => self.0.on_time(now, &mut effects),
        }
        Ok(effects.iter().map(value).collect())
    }
}

fn born(name: &str, seed: Value) -> Result<Box<dyn Replays>, String> {
    fn make<M: Traced + 'static>(seed: Value) -> Result<Box<dyn Replays>, String> {
        let seed = serde_json::from_value(seed).map_err(|error| error.to_string())?;
        Ok(Box::new(Replayed(M::from_seed(seed))))
    }
    match name {
        Caller::NAME => make::<Caller>(seed),
        Callee::NAME => make::<Callee>(seed),
        Ladder::NAME => make::<Ladder>(seed),
        Nursery::NAME => make::<Nursery>(seed),
        Scopes::NAME => make::<Scopes>(seed),
        Registrar::NAME => make::<Registrar>(seed),
        other => Err(format!("no machine is called {other}")),
    }
}
