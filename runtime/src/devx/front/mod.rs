//! The front: the REPL in the root's own terminal.
//!
//! A client of the hub on a thread of its own. It knows the terminal and the tree; what it hands to
//! the engine of the stopped actor, and what that answers, goes through the hub like any console's.
//! Two more threads: one takes the hub's messages, so that a stop that ends closes its prompt; one
//! prints above the prompt.
mod above;
mod commands;
mod interrupt;
mod link;
mod own_output;
mod prompt;
mod resumed;
mod session;
mod terminal;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coulter_proto::hub::{FromHub, HUB_SOCKET, ToHub};
use coulter_proto::id::StopId;
use coulter_proto::repl::Completion;

use interrupt::Interrupt;
use link::{Incoming, Link};
use own_output::Diverted;
use session::Session;

/// Set to `off` by whoever shows the tree in this terminal already.
const SWITCH: &str = "COULTER_FRONT";
/// How long a completion may take: a person waits for it with a key pressed.
const COMPLETION: Duration = Duration::from_millis(500);
/// How long the front may take to leave the terminal.
const LEAVING: Duration = Duration::from_millis(1000);

/// What the front's threads share.
pub(super) struct Shared {
    link: Link,
    interrupt: Arc<Interrupt>,
    lines: AtomicU64,
    /// What this process prints goes above the prompt while one is open, if it can.
    diverts: AtomicBool,
    diverted: Mutex<Option<Diverted>>,
}

/// Whether a prompt of ours is open.
static OPEN: AtomicBool = AtomicBool::new(false);

impl Shared {
    fn new(link: Link) -> Self {
        Self { link, interrupt: Arc::default(), lines: AtomicU64::new(1), diverts: AtomicBool::new(false), diverted: Mutex::new(None) }
    }
    /// The next line's number.
    fn number(&self) -> u64 {
        self.lines.fetch_add(1, Ordering::Relaxed)
    }
    /// The terminal is ours.
    fn opens(&self) {
        OPEN.store(true, Ordering::Release);
        if self.diverts.load(Ordering::Relaxed) {
            *self.diverted.lock().unwrap_or_else(PoisonError::into_inner) = Diverted::start().ok();
        }
    }
    /// It is the program's again.
    fn closes(&self) {
        drop(self.diverted.lock().unwrap_or_else(PoisonError::into_inner).take());
        terminal::restore();
        OPEN.store(false, Ordering::Release);
    }
}

/// The front that runs, if one does.
struct Running {
    shared: Arc<Shared>,
    done: Receiver<()>,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// Starts the front in the root, once the hub listens in `tree_dir`. False where there is no
/// terminal, or another program shows the tree in it: stops are attended to by consoles then.
pub(crate) fn start_front(tree_dir: &Path) -> bool {
    if !terminal::is_terminal() || std::env::var_os(SWITCH).is_some_and(|switch| switch == "off") {
        return false;
    }
    let Ok((link, incoming)) = link::connect(&tree_dir.join(HUB_SOCKET)) else {
        return false;
    };
    terminal::keep();
    let shared = Arc::new(Shared::new(link));
    let (done_sender, done) = channel();
    let for_thread = Arc::clone(&shared);
    let started = std::thread::Builder::new().name("coulter-front".into()).spawn(move || {
        serve(&for_thread, incoming);
        drop(done_sender);
    });
    let is_running = started.is_ok();
    if is_running {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { shared, done });
    }
    is_running
}

/// Runs the front on this thread until the hub is gone.
fn serve(shared: &Arc<Shared>, incoming: Incoming) {
    let (events_sender, events) = channel();
    let (completed_sender, completed) = channel();
    let for_pump = Arc::clone(shared);
    let pump = std::thread::Builder::new().name("coulter-front-in".into()).spawn(move || {
        take_in(&for_pump, incoming, &events_sender, &completed_sender);
    });
    if pump.is_err() {
        return;
    }
    let for_completion = Arc::clone(shared);
    let complete = Box::new(move |line: &str, cursor: usize| complete(&for_completion, &completed, line, cursor));
    let prompt = prompt::for_this_terminal(&shared.interrupt, complete);
    shared.diverts.store(prompt.prints_above() && own_output::is_possible(), Ordering::Relaxed);
    let color = terminal::wants_color();
    let show = Box::new(move |lines: &[coulter_proto::repl::Line]| terminal::write(&terminal::render(lines, color)));
    Session::new(Arc::clone(shared), events, prompt, show).run();
    above::uninstall();
    shared.link.close();
    terminal::restore();
}

/// Takes the hub's messages; closes the prompt when its stop is over.
fn take_in(shared: &Shared, mut incoming: Incoming, events: &Sender<FromHub>, completed: &Sender<(u64, Completion)>) {
    while let Some(message) = incoming.next() {
        if let FromHub::Completed { line, completion, .. } = message {
            let _ = completed.send((line, completion));
            continue;
        }
        if let Some(stop) = shared.interrupt.serves().filter(|stop| ends(*stop, &message)) {
            // First the prompt, then the message: whoever leaves the prompt finds why right behind.
            shared.interrupt.end(stop);
        }
        let is_end = matches!(message, FromHub::Ending);
        if is_end || events.send(message).is_err() {
            break;
        }
    }
    shared.interrupt.end_all();
    let _ = events.send(FromHub::Ending);
}

/// Whether a message ends this stop's prompt.
fn ends(stop: StopId, message: &FromHub) -> bool {
    match message {
        FromHub::Unseated { stop: gone } => *gone == stop,
        FromHub::Seated { stop: other, .. } => *other != stop,
        FromHub::Stops(stops) => stops.iter().all(|row| row.id != stop),
        _ => false,
    }
}

/// Asks the engine how a line could go on.
fn complete(shared: &Shared, completed: &Receiver<(u64, Completion)>, text: &str, cursor: usize) -> Completion {
    let nothing = Completion { start: cursor, candidates: Vec::new() };
    let Some(stop) = shared.interrupt.serves() else {
        return nothing;
    };
    let line = shared.number();
    if shared.link.send(&ToHub::Complete { stop, line, text: text.to_owned(), cursor }).is_err() {
        return nothing;
    }
    let deadline = Instant::now() + COMPLETION;
    loop {
        match completed.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((answered, completion)) if answered == line => return completion,
            // A late answer to an earlier question.
            Ok(_) => {}
            Err(_) => return nothing,
        }
    }
}

/// Ends the front and gives the terminal back.
pub(crate) fn stop_front() {
    let Some(running) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return;
    };
    running.shared.link.finish();
    running.shared.interrupt.end_all();
    // A front that waits for its terminal (Ctrl-S) must not hold up the end, nor a hub that is gone.
    if running.done.recv_timeout(LEAVING) == Err(RecvTimeoutError::Timeout) {
        running.shared.link.close();
    }
    terminal::restore();
}

/// Whether a prompt has the terminal.
pub(crate) fn prompt_is_open() -> bool {
    OPEN.load(Ordering::Acquire)
}

/// Whether a SIGINT that arrives now belongs to a prompt, and is no request to cancel the tree.
pub(crate) fn shields_interrupt() -> bool {
    prompt_is_open() || interrupt::was_sent_just_now()
}

#[cfg(test)]
mod tests;
