//! What bodies do: small scripts, generated from a seed.
use std::rc::Rc;

use coulter_proto::nursery::ChildKind;

/// A body.
pub(super) type Body = Rc<Vec<Op>>;

/// One step of a body. `swallow`: an error that comes out is handled here, else it ends the body.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Sleep(u64),
    Started,
    Open,
    Close,
    Send(u64),
    /// Gives up after this long.
    Receive(u64),
    CancelContext,
    CancelNursery,
    Fail,
    Panic,
    /// Stops in the debugger for this long.
    Stop(u64),
    /// Blocks the work thread for this long.
    Stuck(u64),
    Shield(Body),
    Timed(u64, Body),
    Spawn(Body),
    Context {
        to: u64,
        child: Body,
        block: Body,
        swallow: bool,
    },
    Call {
        to: u64,
        child: Body,
        swallow: bool,
    },
    Nursery {
        kids: Vec<(ChildKind, Body)>,
        body: Body,
        swallow: bool,
    },
    /// One more kid for the nursery around.
    Kid(ChildKind, Body),
    /// Never ends by itself.
    Forever,
}

/// Where a body runs, which decides what it may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Main,
    Call,
    Context,
    Block,
}

/// Random numbers from a seed.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    /// Below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n.max(1)
    }
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// How wild a run is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wildness {
    pub(super) failures: bool,
    pub(super) stops: bool,
    /// What never ends by itself is always cancelled or failed by what is around it: the run must end by itself.
    pub(super) finite: bool,
}

pub(super) fn main_body(rng: &mut Rng, wild: Wildness) -> Body {
    let mut ops = vec![nursery(rng, wild, 3)];
    while rng.one_in(2) && ops.len() < 3 {
        ops.push(nursery(rng, wild, 2));
    }
    Rc::new(ops)
}

fn kid(rng: &mut Rng, wild: Wildness, depth: u32) -> (ChildKind, Body) {
    if rng.one_in(3) {
        return (ChildKind::Daemon, Body::default());
    }
    let mut ops = (*body(rng, wild, depth, Place::Call)).clone();
    if rng.one_in(5) {
        ops.push(Op::Forever);
    }
    if wild.stops && !wild.finite && rng.one_in(4) {
        ops.extend([Op::Stop(2_000_000), Op::Stuck(1_000_000_000)]);
    }
    (ChildKind::OneShot, Rc::new(ops))
}

/// A nursery that ends because its kids do, or because one of them fails.
fn small_nursery(rng: &mut Rng, wild: Wildness) -> Op {
    let mut kids: Vec<_> = (0..1 + rng.below(2)).map(|_| (ChildKind::OneShot, body(rng, wild, 0, Place::Call))).collect();
    let mut ops = vec![Op::Sleep(rng.below(30_000))];
    if wild.failures && rng.one_in(2) {
        kids.push((ChildKind::OneShot, Rc::new(vec![Op::Sleep(rng.below(60_000)), Op::Fail])));
        kids.push((ChildKind::Daemon, Body::default()));
        kids.push((ChildKind::OneShot, Rc::new(vec![Op::Forever])));
        if rng.one_in(2) {
            ops.push(Op::Forever);
        }
    }
    Op::Nursery { kids, body: Rc::new(ops), swallow: rng.one_in(2) }
}

fn nursery(rng: &mut Rng, wild: Wildness, depth: u32) -> Op {
    if rng.one_in(5) {
        return small_nursery(rng, wild);
    }
    let kids = (0..1 + rng.below(3)).map(|_| kid(rng, wild, depth - 1)).collect();
    let mut ops = (*body(rng, wild, depth - 1, Place::Main)).clone();
    if rng.one_in(4) {
        let (kind, body) = kid(rng, wild, 0);
        ops.insert(usize::try_from(rng.below(ops.len() as u64 + 1)).unwrap_or(0), Op::Kid(kind, body));
    }
    // Daemons live until cancelled; a failure of the body does it too.
    if wild.finite || !rng.one_in(6) {
        let end = if wild.failures && rng.one_in(4) { Op::Fail } else { Op::CancelNursery };
        ops.push(end);
        if rng.one_in(4) {
            let (kind, body) = kid(rng, wild, 0);
            ops.push(Op::Kid(kind, body));
        }
    }
    Op::Nursery { kids, body: Rc::new(ops), swallow: rng.one_in(2) }
}

/// A context whose two sides fit each other: one that never ends by itself is ended by the other.
fn context(rng: &mut Rng, wild: Wildness, depth: u32) -> Op {
    let mut child = (*body(rng, wild, depth - 1, Place::Context)).clone();
    let mut block = (*body(rng, wild, depth - 1, Place::Block)).clone();
    match rng.below(8) {
        0 => {
            child.push(Op::Forever);
            block.push(Op::CancelContext);
        }
        1 if wild.failures => {
            child.push(Op::Forever);
            block.push(Op::Fail);
        }
        2 if wild.failures => {
            child.push(Op::Fail);
            block.push(Op::Forever);
        }
        3 => {
            child.push(Op::Forever);
            block.extend([Op::CancelContext, Op::Forever]);
        }
        4 if !wild.finite => child.push(Op::Forever),
        _ => {}
    }
    let started = child.iter().any(|op| matches!(op, Op::Started));
    if !started && matches!(child.last(), Some(Op::Forever)) {
        child.insert(0, Op::Started);
    }
    Op::Context { to: rng.below(1000), child: Rc::new(child), block: Rc::new(block), swallow: rng.one_in(2) }
}

fn body(rng: &mut Rng, wild: Wildness, depth: u32, place: Place) -> Body {
    let mut ops = Vec::new();
    if place == Place::Context {
        if rng.one_in(3) {
            ops.push(Op::Sleep(rng.below(40_000)));
        }
        if !(wild.failures && rng.one_in(15)) {
            ops.push(Op::Started);
        }
    }
    let streams = matches!(place, Place::Context | Place::Block);
    if streams && !rng.one_in(4) {
        ops.push(Op::Open);
    }
    for _ in 0..rng.below(6) {
        let op = step(rng, wild, depth, place);
        ops.push(op);
    }
    if streams && rng.one_in(3) {
        ops.push(Op::Close);
    }
    Rc::new(ops)
}

fn step(rng: &mut Rng, wild: Wildness, depth: u32, place: Place) -> Op {
    let streams = matches!(place, Place::Context | Place::Block);
    loop {
        let op = match rng.below(18) {
            0 | 1 => Op::Sleep(rng.below(80_000)),
            2..=4 if streams => Op::Send(rng.below(120)),
            5 | 6 if streams => Op::Receive(300_000),
            7 if place == Place::Block && rng.one_in(2) => Op::CancelContext,
            8 if wild.failures && rng.one_in(2) => Op::Fail,
            9 if wild.failures && rng.one_in(4) => Op::Panic,
            10 if wild.stops && rng.one_in(2) => Op::Stop(rng.below(4_000_000)),
            11 if wild.stops && !wild.finite && rng.one_in(4) => Op::Stuck(1_000_000_000),
            11 if wild.stops && rng.one_in(2) => Op::Stuck(rng.below(4_000_000)),
            12 if depth > 0 => Op::Shield(body(rng, wild, 0, place_inside(place))),
            13 if depth > 0 => {
                let mut ops = (*body(rng, wild, depth - 1, place_inside(place))).clone();
                if rng.one_in(3) {
                    ops.push(Op::Forever);
                }
                Op::Timed(rng.below(120_000), Rc::new(ops))
            }
            14 if depth > 0 => Op::Spawn(body(rng, wild, 0, Place::Main)),
            15 if depth > 0 && rng.one_in(4) => {
                // A child that never ends, whose block does: only the deadline ends it.
                let child = Rc::new(vec![Op::Started, Op::Forever]);
                let block = body(rng, wild, 0, Place::Block);
                Op::Timed(rng.below(120_000), Rc::new(vec![Op::Context { to: rng.below(1000), child, block, swallow: false }]))
            }
            15 | 16 if depth > 0 => context(rng, wild, depth),
            17 if depth > 1 && rng.one_in(3) => nursery(rng, wild, depth - 1),
            17 if depth > 0 => Op::Call { to: rng.below(1000), child: body(rng, wild, depth - 1, Place::Call), swallow: rng.one_in(2) },
            _ => continue,
        };
        return op;
    }
}

/// Inside a shield or a deadline the streams of the body around are used.
fn place_inside(place: Place) -> Place {
    if place == Place::Context { Place::Main } else { place }
}
