//! The root of a tree: its directory, its secrets, its watch thread with the hub, and its work thread's life.

use coulter_proto::error::CancelCause;
use coulter_proto::hub::{HUB_VERSION, TreeInfo};
use coulter_proto::id::Aid;
use coulter_proto::spawn::{RuntimeVars, Transport};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{main::MainOptions, vars};
use crate::actor::{Actor, Parts};
use crate::error::Error;
use crate::observe::watch::{self, Role, ToWork, Watch};
use crate::realm::{directory, keys};
use crate::scope::Panicked;

/// Opens a root actor on this thread.
///
/// ```no_run
/// coulter::init();
/// let answer = coulter::Root::builder().name("hub").run(async || 42);
/// assert_eq!(answer, 42);
/// ```
#[derive(Debug)]
pub struct Root {
    name: Option<String>,
    log: Option<String>,
    debug: Option<bool>,
    transports: Vec<Transport>,
    each: Option<fn()>,
}

impl Root {
    /// A root with default options.
    #[must_use]
    pub fn builder() -> Self {
        Self { name: None, log: None, debug: None, transports: Vec::new(), each: None }
    }
    /// Its name; by default the executable's.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
    /// The log filter, unless `COULTER_LOG` says otherwise.
    #[must_use]
    pub fn log(mut self, filter: impl Into<String>) -> Self {
        self.log = Some(filter.into());
        self
    }
    /// Whether crashes stop in the debugger, unless `COULTER_DEBUG` says otherwise.
    #[must_use]
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = Some(debug);
        self
    }
    /// The transports of the tree, best first, unless `COULTER_TRANSPORT` says otherwise.
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.transports = transports.into_iter().collect();
        self
    }
    /// A function that runs in every actor before its first task, root included.
    #[must_use]
    pub fn each(mut self, each: fn()) -> Self {
        self.each = Some(each);
        self
    }

    /// Runs `body` as the root's main task, and ends the tree when it returns.
    ///
    /// A signal that cancels the tree (SIGINT, SIGTERM, SIGHUP) ends the process with that signal
    /// once everything is torn down: then this does not return.
    ///
    /// # Panics
    /// When the tree cannot be opened: no runtime directory, or this process has an actor already.
    pub fn run<T>(self, body: impl AsyncFnOnce() -> T) -> T {
        if let Some(each) = self.each {
            super::child::remember_each(each);
        }
        let opened = match open(&self) {
            Ok(opened) => opened,
            Err(error) => refuse(&error),
        };
        opened.live(self.each, body)
    }
}

/// A tree that cannot be opened has no one to return an error to but the person who started it.
fn refuse(error: &Error) -> ! {
    eprintln!("coulter: {error}");
    std::process::exit(1)
}

/// Runs `body` as the root with the options of an attribute.
pub(crate) fn run_root<T>(options: MainOptions, body: impl AsyncFnOnce() -> T) -> T {
    let root = Root {
        name: options.name.map(str::to_owned),
        log: options.log.map(str::to_owned),
        debug: options.debug,
        transports: options.transports.to_vec(),
        each: options.each,
    };
    root.run(body)
}

/// A root with its watch thread up, before its work thread runs.
struct Opened {
    parts: Parts,
    from_watch: UnboundedReceiver<ToWork>,
    front: bool,
}

fn open(options: &Root) -> std::result::Result<Opened, Error> {
    if crate::identity::current().is_some() {
        return Err(Error::runtime("this process already has an actor; one process is one actor, so open nurseries in the one there is"));
    }
    let fail = |what: &str, error: &dyn std::fmt::Display| Error::runtime(format!("the tree cannot be opened: {what}: {error}"));
    let program = std::env::current_exe().map_or_else(|_| "?".into(), |path| path.display().to_string());
    let stem = || std::path::Path::new(&program).file_stem().map_or_else(|| "root".into(), |stem| stem.to_string_lossy().into_owned());
    let aid = Aid { name: options.name.clone().unwrap_or_else(stem), uuid: crate::identity::fresh_uuid(), pid: std::process::id() };
    let transports = match vars::transports()? {
        Some(given) => given,
        None if options.transports.is_empty() => vec![Transport::Uds, Transport::Tcp],
        None => options.transports.clone(),
    };
    let runtime_dir = directory::runtime_dir().map_err(|error| fail("no runtime directory", &error))?;
    let realm_key = keys::realm_key(&runtime_dir).map_err(|error| fail("no realm key", &error))?;
    let tree_dir = directory::make_tree_dir(&runtime_dir, &aid).map_err(|error| fail("no directory for it", &error))?;
    crate::spawn::method::hold_executable().map_err(|error| fail("its executable cannot be opened", &error))?;

    let terminal = rustix::termios::isatty(rustix::stdio::stdin()) && rustix::termios::isatty(rustix::stdio::stdout());
    let front = terminal && !vars::has_outer_front();
    let vars = RuntimeVars {
        root: aid.clone(),
        root_addresses: Vec::new(),
        registrars: Vec::new(),
        transports,
        tree_dir: tree_dir.clone(),
        debug: vars::debug().or(options.debug).unwrap_or(false),
        pause: vars::debug().or(options.debug).unwrap_or(cfg!(debug_assertions)),
        log: crate::log::filter_spec(options.log.as_deref()),
        color: rustix::termios::isatty(rustix::stdio::stderr()) && std::env::var_os("NO_COLOR").is_none(),
    };
    let tree_secret = keys::fresh_secret();
    let tree = TreeInfo { version: HUB_VERSION, root: aid.clone(), program, args: std::env::args().skip(1).collect(), started: crate::clock::unix_micros() };
    crate::identity::set_current(&aid);
    let role = Role::Root { tree, dir: tree_dir, secret: tree_secret.clone(), terminal: front };
    let (watch, from_watch) = watch::start(watch::Config { aid: aid.clone(), role }).map_err(|error| fail("its watch thread cannot be started", &error))?;
    let parts = Parts { aid, parent: None, vars, tree_secret, realm_key, watch, exposed: Vec::new() };
    Ok(Opened { parts, from_watch, front })
}

impl Opened {
    fn live<T>(self, each: Option<fn()>, body: impl AsyncFnOnce() -> T) -> T {
        let Self { mut parts, from_watch, front } = self;
        let watch = parts.watch.clone();
        let color = parts.vars.color;
        crate::log::install(&parts.vars.log, &parts.aid, color);
        install_debugger(&parts.vars, &parts.aid, &watch);
        if let Some(each) = each {
            each();
        }
        if front {
            crate::devx::start_front(&parts.vars.tree_dir);
        }
        let runtime = work_runtime();
        let ended = runtime.block_on(async {
            let tree_dir = parts.vars.tree_dir.clone();
            let listening = crate::actor::listen::bind(&parts.vars.transports, &tree_dir, &parts.aid, &watch)?;
            parts.vars.root_addresses = listening.addresses();
            parts.vars.registrars = listening.addresses();
            let actor = Actor::install(parts);
            crate::observe::probe::get().set_actor(crate::actor::shown::row(&actor));
            super::life::live(actor, listening, from_watch, body).await
        });
        drop(runtime);
        crate::devx::stop_front();
        crate::devx::uninstall();
        watch.finish();
        match ended {
            Ok(super::life::Ended::Value(value)) => value,
            Ok(super::life::Ended::Cancelled(cause)) => leave_cancelled(&cause),
            Ok(super::life::Ended::Panicked(Panicked(payload))) if crate::hooks::is_debug_quit(&*payload) => {
                eprintln!("coulter: the root was quit in the debugger");
                std::process::exit(1)
            }
            // The tree is torn down; from here on it is a panic like any other.
            Ok(super::life::Ended::Panicked(Panicked(payload))) => std::panic::resume_unwind(payload),
            Err(error) => refuse(&error),
        }
    }
}

/// Ends the process of a root whose main task was cancelled: by the signal that asked for it, else with code 1.
fn leave_cancelled(cause: &CancelCause) -> ! {
    let signal = crate::observe::watch::ending_signal();
    match signal {
        Some(signal) => {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            std::process::exit(128 + signal)
        }
        None => {
            eprintln!("coulter: the root was cancelled: {}", cause.why);
            std::process::exit(1)
        }
    }
}

/// The runtime of a work thread.
pub(super) fn work_runtime() -> tokio::runtime::LocalRuntime {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(|| crate::observe::probe::get().turn())
        .on_thread_unpark(|| crate::observe::probe::get().turn())
        .build_local(tokio::runtime::LocalOptions::default());
    match built {
        Ok(runtime) => runtime,
        Err(error) => refuse(&Error::runtime(format!("this thread cannot run an actor: {error}; is a tokio runtime running on it already?"))),
    }
}

pub(super) fn install_debugger(vars: &RuntimeVars, aid: &Aid, watch: &Watch) {
    let asks = watch.clone();
    crate::devx::install(vars, aid, watch.clone(), move || {
        asks.cancel_own_actor(CancelCause { by: None, why: "`cancel` at the debugger".into(), behind: Vec::new() });
    });
}
