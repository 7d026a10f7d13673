//! The one timer of the work thread: machines own their deadlines, this wakes them when one is due.
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use coulter_proto::time::Now;

/// How late a timer must be, in microseconds, to tell of a thread that was held up.
const LATE: u64 = 20_000;

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// Microseconds since this process first asked.
pub(crate) fn now() -> Now {
    Now(u64::try_from(origin().elapsed().as_micros()).unwrap_or(u64::MAX))
}

/// Microseconds since the Unix epoch, for rows people look at.
pub(crate) fn unix_micros() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Something with a deadline.
pub(crate) trait Timed {
    /// Lets what is due at `now` take effect and tells when to come back.
    fn on_time(&self, now: Now) -> Option<Now>;
}

#[derive(Default)]
struct Timers {
    due: RefCell<BTreeMap<(Now, u64), Weak<dyn Timed>>>,
    next_id: Cell<u64>,
    changed: tokio::sync::Notify,
}

thread_local! {
    static TIMERS: Rc<Timers> = Rc::new(Timers::default());
}

/// Asks for `timed.on_time` at `due`. A call that is no longer wanted then finds nothing due: there is no cancelling.
pub(crate) fn schedule(due: Now, timed: &Rc<impl Timed + 'static>) {
    let weak: Weak<dyn Timed> = Rc::downgrade(timed) as _;
    schedule_weak(due, weak);
}

fn schedule_weak(due: Now, timed: Weak<dyn Timed>) {
    TIMERS.with(|timers| {
        let id = timers.next_id.get();
        timers.next_id.set(id + 1);
        let mut table = timers.due.borrow_mut();
        let first = table.first_key_value().is_none_or(|((next, _), _)| due < *next);
        table.insert((due, id), timed);
        if first {
            timers.changed.notify_one();
        }
    });
}

/// Serves the timers of this thread; runs as a task as long as the actor does.
pub(crate) async fn serve() {
    let timers = TIMERS.with(Rc::clone);
    loop {
        let next = timers.due.borrow().first_key_value().map(|((due, _), _)| *due);
        let changed = timers.changed.notified();
        match next {
            None => changed.await,
            Some(due) => {
                let wait = Duration::from_micros(due.0.saturating_sub(now().0));
                // A change means an earlier deadline: look again.
                if tokio::time::timeout(wait, changed).await.is_ok() {
                    continue;
                }
                if now().0 > due.0 + LATE {
                    // The thread was held up (blocked, or stopped): what has come in meanwhile is heard first, for it
                    // may be the very answer a deadline waits for.
                    for _ in 0..3 {
                        tokio::task::yield_now().await;
                    }
                }
                run_due(&timers);
            }
        }
    }
}

fn run_due(timers: &Timers) {
    loop {
        let moment = now();
        let timed = {
            let mut table = timers.due.borrow_mut();
            match table.first_entry() {
                Some(entry) if entry.key().0 <= moment => entry.remove(),
                _ => return,
            }
        };
        if let Some(live) = timed.upgrade()
            && let Some(again) = live.on_time(moment)
        {
            schedule_weak(again, timed);
        }
    }
}
