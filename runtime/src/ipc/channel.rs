//! One connection to one other actor: frames out, frames in, and the dialogs that talk over it.
//!
//! It moves bytes and finds whom a frame is for; what a frame means is decided above, behind
//! [`Conversation`] and [`Router`]. Writing is adaptive: the first frame of a scheduler turn is
//! written at once (latency), those behind it in the same turn leave together at its end (throughput).
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use coulter_proto::error::{Failure, FailureKind};
use coulter_proto::id::{Aid, DialogId};
use coulter_proto::message::{self, Frame, FrameError, Kind};
use serde::Serialize;
use tokio::sync::Notify;

use super::socket::Socket;
use crate::error::new_failure;
use crate::observe::probe::{self, ChannelEntry};

/// One end of a dialog.
pub(crate) trait Conversation {
    /// A frame for it; an error is a breach of protocol and closes the channel.
    fn on_frame(&self, frame: Frame) -> Result<(), String>;
    /// The channel is lost; nothing more will come.
    fn on_lost(&self, why: &Arc<Failure>);
    /// Whether the peer, or someone below it, is stopped in the debugger: clocks that hang on it stand still.
    fn on_debugged(&self, debugged: bool);
}

/// What is above the channel.
pub(crate) trait Router {
    /// A peer opens a dialog.
    fn on_start(&self, channel: &Rc<Channel>, frame: Frame) -> Result<(), String>;
    /// A frame for the channel itself (dialog 0).
    fn on_control(&self, channel: &Rc<Channel>, frame: Frame) -> Result<(), String>;
    /// The socket has ended. The router finds out why, then calls [`Channel::lost`].
    fn on_end(&self, channel: Rc<Channel>, breach: Option<String>);
}

/// Which end of the channel we are; it decides the low bit of the dialogs we open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// We connected.
    Connector,
    /// We accepted.
    Acceptor,
}

/// A connection to another actor.
pub(crate) struct Channel {
    peer: Aid,
    end: End,
    socket: Socket,
    max_frame: usize,
    out: RefCell<BytesMut>,
    wrote_this_turn: Cell<bool>,
    turn_ends: Notify,
    drained: Notify,
    lost: RefCell<Option<Arc<Failure>>>,
    ended: Cell<bool>,
    /// The peer said that nothing more will come.
    goodbye: Cell<bool>,
    peer_debugged: Cell<bool>,
    dialogs: RefCell<HashMap<DialogId, Rc<dyn Conversation>>>,
    next_dialog: Cell<u64>,
    row: ChannelEntry,
}

impl Channel {
    /// Takes over a socket whose handshake is done; `early` is what was read behind the handshake.
    pub(crate) fn start(peer: Aid, end: End, socket: Socket, early: BytesMut, max_frame: usize, here: &Aid, router: Rc<dyn Router>) -> Rc<Self> {
        thread_local! { static NEXT: Cell<u64> = const { Cell::new(1) }; }
        let id = NEXT.get();
        NEXT.set(id + 1);
        let row = probe::get().channel(coulter_proto::observe::ChannelRow {
            id,
            here: here.clone(),
            there: peer.clone(),
            transport: socket.transport().name().into(),
            laddr: socket.laddr().into(),
            raddr: socket.raddr().into(),
            opened: crate::clock::unix_micros(),
            sent: 0,
            received: 0,
            sent_bytes: 0,
            received_bytes: 0,
            unsent: 0,
            dialogs: 0,
        });
        let channel = Rc::new(Self {
            peer,
            end,
            socket,
            max_frame,
            out: RefCell::default(),
            wrote_this_turn: Cell::new(false),
            turn_ends: Notify::new(),
            drained: Notify::new(),
            lost: RefCell::default(),
            ended: Cell::new(false),
            goodbye: Cell::new(false),
            peer_debugged: Cell::new(false),
            dialogs: RefCell::default(),
            next_dialog: Cell::new(1),
            row,
        });
        tokio::task::spawn_local(channel.clone().write_loop());
        tokio::task::spawn_local(channel.clone().read_loop(early, router));
        channel
    }

    pub(crate) fn peer(&self) -> &Aid {
        &self.peer
    }
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
    /// Why the channel is lost, once it is.
    pub(crate) fn why_lost(&self) -> Option<Arc<Failure>> {
        self.lost.borrow().clone()
    }
    /// Whether the socket has ended, known why or not.
    pub(crate) fn is_closed(&self) -> bool {
        self.ended.get()
    }
    /// The peer ends on purpose.
    pub(crate) fn note_goodbye(&self) {
        self.goodbye.set(true);
    }
    /// Whether the peer has said that it ends.
    pub(crate) fn said_goodbye(&self) -> bool {
        self.goodbye.get()
    }
    /// A number for a dialog we open.
    pub(crate) fn new_dialog(&self) -> DialogId {
        let n = self.next_dialog.get();
        self.next_dialog.set(n + 1);
        DialogId(n << 1 | u64::from(self.end == End::Acceptor))
    }

    /// Whether the peer may open a dialog under this number.
    pub(crate) fn is_peers(&self, id: DialogId) -> bool {
        id.0 > 1 && (id.0 & 1 == 1) != (self.end == End::Acceptor)
    }

    /// Routes frames of `id` to `dialog` from now on; false when the number is taken.
    pub(crate) fn attach(&self, id: DialogId, dialog: Rc<dyn Conversation>) -> bool {
        let mut dialogs = self.dialogs.borrow_mut();
        let free = !dialogs.contains_key(&id);
        if free {
            dialogs.insert(id, dialog.clone());
            self.row.dialogs(u32::try_from(dialogs.len()).unwrap_or(u32::MAX));
        }
        drop(dialogs);
        if free && self.peer_debugged.get() {
            dialog.on_debugged(true);
        }
        free
    }

    /// Frames of `id` are for nobody from now on.
    pub(crate) fn detach(&self, id: DialogId) {
        let gone = {
            let mut dialogs = self.dialogs.borrow_mut();
            let gone = dialogs.remove(&id);
            self.row.dialogs(u32::try_from(dialogs.len()).unwrap_or(u32::MAX));
            gone
        };
        // Dropped outside of the borrow: it may be the last owner of a user's value.
        drop(gone);
    }

    /// Sends a frame whose body `write` appends; on an error nothing is sent.
    pub(crate) fn send_with(&self, kind: Kind, dialog: DialogId, write: impl FnOnce(&mut BytesMut) -> Result<(), FrameError>) -> Result<(), FrameError> {
        {
            let mut out = self.out.borrow_mut();
            let before = out.len();
            let frame = message::open(&mut out, kind, dialog);
            match write(&mut out) {
                Ok(()) => frame.close(&mut out, self.max_frame)?,
                Err(error) => {
                    frame.abandon(&mut out);
                    return Err(error);
                }
            }
            if self.ended.get() {
                out.clear();
                return Ok(());
            }
            self.row.sent(out.len() - before);
        }
        if !self.wrote_this_turn.replace(true) {
            self.write_some();
            self.turn_ends.notify_one();
        }
        Ok(())
    }

    /// Sends a frame with a body of ours.
    pub(crate) fn send<T: Serialize>(&self, kind: Kind, dialog: DialogId, body: &T) -> Result<(), FrameError> {
        use bytes::BufMut;
        self.send_with(kind, dialog, |out| body.serialize(&mut rmp_serde::Serializer::new(out.writer())).map_err(|error| FrameError::Body(error.to_string())))
    }

    /// Sends a frame without a body.
    pub(crate) fn send_empty(&self, kind: Kind, dialog: DialogId) {
        let sent = self.send_with(kind, dialog, |_| Ok(()));
        debug_assert!(sent.is_ok(), "an empty frame is within every limit");
    }

    /// Whether everything sent has been handed to the kernel.
    fn write_some(&self) -> bool {
        let mut out = self.out.borrow_mut();
        while !out.is_empty() {
            match self.socket.try_write(&out) {
                Ok(n) => bytes::Buf::advance(&mut *out, n),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.row.unsent(out.len());
                    return false;
                }
                // The reader sees the same end and says why.
                Err(_) => out.clear(),
            }
        }
        self.row.unsent(0);
        true
    }

    async fn write_loop(self: Rc<Self>) {
        loop {
            self.turn_ends.notified().await;
            self.wrote_this_turn.set(false);
            while !self.write_some() {
                if self.socket.writable().await.is_err() {
                    break;
                }
            }
            self.drained.notify_waiters();
            if self.ended.get() {
                return;
            }
        }
    }

    /// Waits until everything sent so far is with the kernel, or the channel is lost.
    pub(crate) async fn flush(&self) {
        while !self.ended.get() && !self.write_some() {
            self.turn_ends.notify_one();
            self.drained.notified().await;
        }
    }

    async fn read_loop(self: Rc<Self>, mut buffer: BytesMut, router: Rc<dyn Router>) {
        let breach = loop {
            match self.take_frames(&mut buffer, &*router) {
                Ok(()) => {}
                Err(breach) => break Some(breach),
            }
            match self.socket.read(&mut buffer).await {
                Ok(0) | Err(_) => break None,
                Ok(_) => {}
            }
        };
        self.close();
        router.on_end(self, breach);
    }

    fn take_frames(self: &Rc<Self>, buffer: &mut BytesMut, router: &dyn Router) -> Result<(), String> {
        while let Some(frame) = message::take_frame(buffer, self.max_frame).map_err(|error| error.to_string())? {
            self.row.received(frame.body.len() + 6);
            self.route(frame, router)?;
        }
        Ok(())
    }

    fn route(self: &Rc<Self>, frame: Frame, router: &dyn Router) -> Result<(), String> {
        if frame.dialog.0 == 0 {
            return router.on_control(self, frame);
        }
        if frame.kind == Kind::Start {
            return router.on_start(self, frame);
        }
        let dialog = self.dialogs.borrow().get(&frame.dialog).cloned();
        match dialog {
            Some(dialog) => dialog.on_frame(frame),
            // Its end crossed this frame on the way.
            None => Ok(()),
        }
    }

    /// Ends the socket; frames sent from now on go nowhere.
    pub(crate) fn close(&self) {
        if !self.ended.replace(true) {
            self.socket.shutdown();
            self.turn_ends.notify_one();
            self.drained.notify_waiters();
        }
    }

    /// Waits until the socket has ended and everything that came before is routed. Cancel safe.
    pub(crate) async fn ended(&self) {
        loop {
            let ended = self.drained.notified();
            if self.ended.get() {
                return;
            }
            ended.await;
        }
    }

    /// Tells every dialog why the channel is gone.
    pub(crate) fn lost(&self, why: Arc<Failure>) {
        self.close();
        if self.lost.borrow().is_none() {
            *self.lost.borrow_mut() = Some(why.clone());
        }
        let dialogs: Vec<_> = self.dialogs.borrow_mut().drain().map(|(_, dialog)| dialog).collect();
        self.row.dialogs(0);
        for dialog in dialogs {
            dialog.on_lost(&why);
        }
    }

    /// Tells every dialog whether the peer is being debugged.
    pub(crate) fn debugged(&self, debugged: bool) {
        if self.peer_debugged.replace(debugged) == debugged {
            return;
        }
        let dialogs: Vec<_> = self.dialogs.borrow().values().cloned().collect();
        for dialog in dialogs {
            dialog.on_debugged(debugged);
        }
    }

    /// The failure of whoever uses a channel that is gone.
    pub(crate) fn closed_failure(&self) -> Arc<Failure> {
        self.why_lost().unwrap_or_else(|| {
            Arc::new(new_failure(FailureKind::TransportClosed, format!("the channel to {} is closed; find the actor again, or handle its end", self.peer)))
        })
    }
}
