//! The wrapper around every task of ours: what the tables say of it, and its name for log lines.
use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};

use coulter_proto::id::{ContextKey, TaskId};
use coulter_proto::observe::TaskRow;

use crate::observe::probe::{self, TaskEntry};

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(1) };
    static RUNNING: Cell<Option<TaskId>> = const { Cell::new(None) };
}

/// A future the tables know as a task.
pub(crate) struct Tracked<F> {
    id: TaskId,
    name: Rc<str>,
    entry: TaskEntry,
    context: Option<ContextKey>,
    body: Pin<Box<F>>,
}

impl<F> Unpin for Tracked<F> {}

impl<F: Future> Tracked<F> {
    pub(crate) fn new(name: &str, place: &Location<'_>, body: F) -> Self {
        Self::at(name, format!("{}:{}", place.file(), place.line()), body)
    }

    pub(crate) fn at(name: &str, place: String, body: F) -> Self {
        let id = TaskId(NEXT.replace(NEXT.get() + 1));
        let entry = probe::get().task(TaskRow {
            id,
            parent: RUNNING.get(),
            name: name.to_owned(),
            place,
            polls: 0,
            since: crate::clock::unix_micros(),
            running: false,
        });
        Self { id, name: name.into(), entry, context: None, body: Box::pin(body) }
    }

    /// Records of the task belong to this context.
    pub(crate) fn in_context(mut self, key: ContextKey) -> Self {
        self.context = Some(key);
        self
    }
}

/// Says which task runs, until dropped.
struct Running(Option<TaskId>, Option<Rc<str>>, Option<ContextKey>);
impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(self.0);
        crate::log::set_task(self.1.take());
        crate::log::set_context(self.2);
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let _running = Running(RUNNING.replace(Some(self.id)), crate::log::set_task(Some(self.name.clone())), crate::log::set_context(self.context));
        self.entry.poll_begins();
        let done = self.body.as_mut().poll(cx);
        self.entry.poll_ends();
        done
    }
}
