//! How an actor is to be spawned: builders that are awaited.
use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;

use coulter_proto::dialog::DialogKind;
use coulter_proto::nursery::ChildKind;
use coulter_proto::spawn::Transport;

use super::{Inner, ResultPortal};
use crate::context::caller;
use crate::dialog::StreamOptions;
use crate::error::Error;
use crate::portal::Portal;
use crate::rpc::endpoint::{Call, Endpoint};
use crate::spawn::method::Adjust;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[derive(Default)]
pub(super) struct Options {
    pub(super) exposed: Vec<String>,
    pub(super) transports: Option<Vec<Transport>>,
    pub(super) log: Option<String>,
    pub(super) debug: Option<bool>,
    pub(super) env: Vec<(String, String)>,
    pub(super) current_dir: Option<PathBuf>,
    pub(super) adjust: Option<Adjust>,
}

/// A daemon actor about to be started; await it for its [`Portal`].
#[must_use = "an actor is started when this is awaited"]
pub struct StartActor<'n> {
    inner: &'n Rc<Inner>,
    name: String,
    options: Options,
}

/// A one-shot actor about to be started; await it for its [`ResultPortal`].
#[must_use = "an actor is started when this is awaited"]
pub struct RunInActor<'n, E: Endpoint> {
    inner: &'n Rc<Inner>,
    name: String,
    call: Call<E>,
    options: Options,
}

macro_rules! spawn_options {
    () => {
        /// Exposes a module (`module_path!()`), or a single endpoint (`"module::name"`).
        pub fn expose(mut self, module: impl Into<String>) -> Self {
            self.options.exposed.push(module.into());
            self
        }
        /// The transports it listens on and talks to its parent over, best first; by default its parent's.
        pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
            self.options.transports = Some(transports.into_iter().collect());
            self
        }
        /// Its only transport.
        pub fn transport(self, transport: Transport) -> Self {
            self.transports([transport])
        }
        /// Its log filter; by default its parent's.
        pub fn log(mut self, filter: impl Into<String>) -> Self {
            self.options.log = Some(filter.into());
            self
        }
        /// Whether its crashes stop in the debugger; by default as its parent's.
        pub fn debug(mut self, debug: bool) -> Self {
            self.options.debug = Some(debug);
            self
        }
        /// One more environment variable.
        pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.options.env.push((name.into(), value.into()));
            self
        }
        /// Its working directory; by default its parent's.
        pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
            self.options.current_dir = Some(dir.into());
            self
        }
        /// A last word on the command that starts its process. Keep to what needs no `pre_exec`:
        /// that makes every spawn copy this process's page tables.
        pub fn process(mut self, adjust: impl FnOnce(&mut Command) + 'static) -> Self {
            self.options.adjust = Some(Box::new(adjust));
            self
        }
    };
}

impl<'n> StartActor<'n> {
    pub(super) fn new(inner: &'n Rc<Inner>, name: String) -> Self {
        Self { inner, name, options: Options::default() }
    }
    spawn_options!();
}

impl<'n, E: Endpoint> RunInActor<'n, E> {
    pub(super) fn new(inner: &'n Rc<Inner>, name: String, call: Call<E>) -> Self {
        let options = Options { exposed: vec![E::ENTRY.module.to_owned()], ..Options::default() };
        Self { inner, name, call, options }
    }
    spawn_options!();
}

impl std::fmt::Debug for StartActor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StartActor({})", self.name)
    }
}
impl<E: Endpoint> std::fmt::Debug for RunInActor<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RunInActor({}, {:?})", self.name, self.call)
    }
}

impl<'n> IntoFuture for StartActor<'n> {
    type Output = Result<Portal, Error>;
    type IntoFuture = BoxFuture<'n, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (_, channel) = super::start::start(self.inner, self.name, self.options, ChildKind::Daemon).await?;
            Ok(Portal::new(channel))
        })
    }
}

impl<'n, E: Endpoint> IntoFuture for RunInActor<'n, E> {
    type Output = Result<ResultPortal<E>, Error>;
    type IntoFuture = BoxFuture<'n, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (child, channel) = super::start::start(self.inner, self.name, self.options, ChildKind::OneShot).await?;
            let dialog = caller::begin(&channel, &self.call, DialogKind::Call, &StreamOptions::default())?;
            Ok(ResultPortal::new(Portal::new(channel), dialog, self.inner, child.id))
        })
    }
}
