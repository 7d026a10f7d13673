//! The registrar: its table in the root, and the calls that ask it. A closed set of runtime endpoints, always exposed.
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use coulter_proto::id::Aid;
use coulter_proto::machine::Machine;
use coulter_proto::registrar::{Effect, Entry, Input, Registrar, WaiterId};
use coulter_proto::trace::Recorded;
use tokio::sync::oneshot;

use super::ask;
use crate::actor::Actor;
use crate::clock;
use crate::error::{Error, Report};
use crate::rpc::arguments::{ArgError, ArgReader, ArgWriter, Arguments, Describe, EncodeError};
use crate::rpc::endpoint::{Call, ENDPOINTS, Endpoint, Entry as Registered, EntryKind, TaskFuture, fingerprint};
use crate::rpc::invoke::{Invocation, run_call};
use crate::trace::recorded;

struct Table {
    machine: Recorded<Registrar>,
    waiters: HashMap<WaiterId, oneshot::Sender<Entry>>,
    next: u64,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::new(Table { machine: recorded(Registrar::new()), waiters: HashMap::new(), next: 0 });
}

fn input(input: Input) {
    let _ = TABLE.try_with(|table| {
        let mut table = table.borrow_mut();
        let mut effects = Vec::new();
        table.machine.on(clock::now(), input, &mut effects);
        for Effect::Found { waiter, entry } in effects {
            if let Some(tell) = table.waiters.remove(&waiter) {
                let _ = tell.send(entry);
            }
        }
    });
}

/// A peer's channel has ended: it is no longer found.
fn peer_gone(peer: &Aid) {
    input(Input::Gone { uuid: peer.uuid });
}

/// Waits at the table, and takes the wait back when dropped.
struct Wait {
    waiter: WaiterId,
    found: oneshot::Receiver<Entry>,
}

impl Wait {
    fn new(name: String) -> Self {
        let (tell, found) = oneshot::channel();
        let waiter = TABLE.with(|table| {
            let mut table = table.borrow_mut();
            table.next += 1;
            let waiter = WaiterId(table.next);
            table.waiters.insert(waiter, tell);
            waiter
        });
        input(Input::Wait { waiter, name });
        Self { waiter, found }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        input(Input::CancelWait { waiter: self.waiter });
        let _ = TABLE.try_with(|table| table.borrow_mut().waiters.remove(&self.waiter));
    }
}

/// An endpoint of one argument that runs in the registrar; `$peer` is who asks.
macro_rules! registry_call {
    ($(#[$doc:meta])* $name:ident($arg:ident: $ty:ty) -> $ok:ty, |$peer:ident| $body:expr) => {
        $(#[$doc])*
        #[allow(non_camel_case_types)]
        struct $name;
        const _: () = {
            struct Args {
                $arg: $ty,
            }
            impl Arguments for Args {
                fn encode(&self, out: &mut ArgWriter<'_>) -> Result<(), EncodeError> {
                    out.arg(stringify!($arg), &self.$arg)
                }
                fn decode(input: &mut ArgReader<'_>) -> Result<Self, ArgError> {
                    Ok(Self { $arg: input.arg(stringify!($arg))? })
                }
                fn describe(&self, out: &mut Describe) {
                    out.arg(stringify!($arg), &self.$arg);
                }
            }
            impl $name {
                fn with($arg: $ty) -> Call<Self> {
                    Call::new(Args { $arg })
                }
            }
            fn run(invocation: Invocation) -> TaskFuture {
                #[allow(unused_variables)]
                let $peer = invocation.dialog().channel.peer().clone();
                run_call::<$name, _>(invocation, move |args| {
                    let $arg = args.$arg;
                    async move { $body }
                })
            }
            const REGISTERED: Registered = Registered {
                id: concat!(module_path!(), "::", stringify!($name)),
                module: module_path!(),
                name: stringify!($name),
                file: file!(),
                line: line!(),
                kind: EntryKind::Call,
                fingerprint: fingerprint::<$name>,
                run,
            };
            #[linkme::distributed_slice(ENDPOINTS)]
            static ENTRY: Registered = REGISTERED;
            impl Endpoint for $name {
                type Args = Args;
                type Ok = $ok;
                const ENTRY: &'static Registered = &REGISTERED;
            }
        };
    };
}

registry_call! {
    /// I am here, under this name.
    register(entry: Entry) -> (), |peer| {
        if entry.aid != peer {
            return Err(Report::msg(format!("{peer} tried to register {}; an actor registers only itself", entry.aid)));
        }
        input(Input::Register(entry));
        Ok(())
    }
}
registry_call! {
    /// The newest of a name.
    lookup(name: String) -> Option<Entry>, |peer| {
        Ok(TABLE.with(|table| table.borrow().machine.find(&name).cloned()))
    }
}
registry_call! {
    /// All of a name, newest first.
    lookup_all(name: String) -> Vec<Entry>, |peer| {
        Ok(TABLE.with(|table| table.borrow().machine.find_all(&name).cloned().collect()))
    }
}
registry_call! {
    /// The next of a name, now or later.
    await_name(name: String) -> Entry, |peer| {
        let mut wait = Wait::new(name);
        (&mut wait.found).await.map_err(|_| Report::msg("the registrar ended"))
    }
}

/// Registers this actor.
pub(crate) async fn register_self(actor: &Rc<Actor>) -> Result<(), Error> {
    let entry = Entry { aid: actor.aid.clone(), addresses: actor.addresses(), parent: actor.parent.clone() };
    if actor.is_root() {
        actor.when_gone(peer_gone);
        input(Input::Register(entry));
        return Ok(());
    }
    ask(actor, register::with(entry)).await
}

pub(super) async fn find(actor: &Rc<Actor>, name: &str) -> Result<Option<Entry>, Error> {
    if actor.is_root() {
        return Ok(TABLE.with(|table| table.borrow().machine.find(name).cloned()));
    }
    ask(actor, lookup::with(name.to_owned())).await
}

pub(super) async fn find_all(actor: &Rc<Actor>, name: &str) -> Result<Vec<Entry>, Error> {
    if actor.is_root() {
        return Ok(TABLE.with(|table| table.borrow().machine.find_all(name).cloned().collect()));
    }
    ask(actor, lookup_all::with(name.to_owned())).await
}

pub(super) async fn wait(actor: &Rc<Actor>, name: &str) -> Result<Entry, Error> {
    if actor.is_root() {
        let mut wait = Wait::new(name.to_owned());
        return (&mut wait.found).await.map_err(|_| Error::runtime("the registrar ended"));
    }
    ask(actor, await_name::with(name.to_owned())).await
}
