//! Text above the prompt, from any thread, which never waits for the terminal.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::ExternalPrinter;

use super::interrupt::Interrupt;
use super::terminal;

/// No more pieces of text than this wait; those beyond are counted.
const WAITING: usize = 1024;

static SENDER: Mutex<Option<SyncSender<String>>> = Mutex::new(None);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Starts the thread that prints.
pub(super) fn install(printer: impl ExternalPrinter + Send + 'static, interrupt: &Arc<Interrupt>) {
    let (sender, receiver) = sync_channel(WAITING);
    let interrupt = Arc::clone(interrupt);
    let started = std::thread::Builder::new().name("coulter-above".into()).spawn(move || print(&receiver, printer, &interrupt));
    if started.is_ok() {
        *SENDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    }
}

/// Ends it, once what waits is printed.
pub(super) fn uninstall() {
    *SENDER.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn print(texts: &Receiver<String>, mut printer: impl ExternalPrinter, interrupt: &Interrupt) {
    for mut text in texts {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            text.push_str(&format!("… {dropped} pieces of output dropped\n"));
        }
        // rustyline's own queue holds one piece and is emptied only while it reads: never two.
        if !(interrupt.hands_over() && printer.print(text.clone()).is_ok()) {
            interrupt.until_left();
            terminal::write(&text);
        }
    }
}

/// Prints above the prompt, or as it is where none is open. False where there is no front: then the
/// caller prints by itself. Never waits.
pub(super) fn above(text: &str) -> bool {
    let Ok(sender) = SENDER.try_lock() else {
        return false;
    };
    let Some(sender) = sender.as_ref() else {
        return false;
    };
    if sender.try_send(text.to_owned()).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    true
}
