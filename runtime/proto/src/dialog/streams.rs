//! One side's view of a context's two streams: windows, and why each direction ended.
use super::{DialogKind, OpenRefused, ReceiveState, Reserve, SendRefused, StreamEnd, Terms, ToPeer, Violation};
use crate::message::Credit;
use crate::window::{ReceiveWindow, SendWindow};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Streams {
    kind: DialogKind,
    send: SendWindow,
    receive: ReceiveWindow,
    started: bool,
    opened: bool,
    /// Nothing more is wanted or sent here: closed by the user, or the body is over.
    closed: bool,
    end_sent: bool,
    peer_ended: bool,
    /// Why both directions are over.
    over: Option<StreamEnd>,
    lost_items: u64,
}

impl Streams {
    pub(super) fn new(terms: &Terms) -> Self {
        Self {
            kind: terms.kind,
            send: SendWindow::new(terms.window, terms.overrun),
            receive: ReceiveWindow::new(terms.window),
            started: false,
            opened: false,
            closed: false,
            end_sent: false,
            peer_ended: false,
            over: None,
            lost_items: 0,
        }
    }
    pub(super) fn start(&mut self) {
        self.started = true;
    }
    pub(super) fn may_open(&self) -> Result<(), OpenRefused> {
        match () {
            () if self.kind == DialogKind::Call => Err(OpenRefused::NotAContext),
            () if self.opened => Err(OpenRefused::Twice),
            () if !self.started => Err(OpenRefused::NotStarted),
            // A callee that has returned may have left items behind: they are still to be had.
            () if self.closed || self.over.is_some_and(|why| why != StreamEnd::Returned) => Err(OpenRefused::Over),
            () => Ok(()),
        }
    }
    pub(super) fn open(&mut self) {
        if self.may_open().is_ok() {
            self.opened = true;
        }
    }
    pub(super) fn is_open(&self) -> bool {
        self.opened && !self.closed && self.over.is_none()
    }
    /// An item came in; `Ok(false)`: nobody wants it, its credit is to go back.
    pub(super) fn item(&mut self, len: u64) -> Result<bool, Violation> {
        self.peer_may_stream()?;
        self.receive.arrived(len)?;
        Ok(!self.closed)
    }
    pub(super) fn peer_end(&mut self) -> Result<(), Violation> {
        self.peer_may_stream()?;
        self.peer_ended = true;
        Ok(())
    }
    pub(super) fn peer_dropped(&mut self, count: u64) -> Result<(), Violation> {
        self.peer_may_stream()?;
        self.lost_items = self.lost_items.saturating_add(count);
        Ok(())
    }
    pub(super) fn peer_credit(&mut self, messages: u32, bytes: u64) -> Result<(), Violation> {
        self.send.credit(messages, bytes)
    }
    /// What the local queue may send now, drops told first.
    pub(super) fn flush(&mut self, mut send: impl FnMut(ToPeer)) {
        while let Some(untold) = self.send.next_queued() {
            if untold > 0 {
                send(ToPeer::Dropped { count: untold });
            }
            send(ToPeer::QueuedItem);
        }
    }
    pub(super) fn taken(&mut self, len: u64) -> Option<ToPeer> {
        if self.over.is_some() {
            return None;
        }
        self.receive.taken(len).map(to_peer)
    }
    pub(super) fn discard(&mut self) -> Option<ToPeer> {
        let credit = self.receive.discard();
        if self.over.is_some() { None } else { credit.map(to_peer) }
    }
    /// Closes this side; `true` when the peer has to be told.
    pub(super) fn close(&mut self) -> bool {
        self.closed = true;
        let tell = self.started && !self.end_sent && self.over.is_none();
        self.end_sent |= tell;
        tell
    }
    /// What the local queue still held is lost; how many the peer must be told of.
    pub(super) fn abandon_queue(&mut self) -> u64 {
        self.send.abandon_queue()
    }
    pub(super) fn end(&mut self, why: StreamEnd) {
        self.over.get_or_insert(why);
    }
    pub(super) fn may_send(&self, len: u64) -> Result<Reserve, SendRefused> {
        match self.send_refused() {
            Some(why) => Err(why),
            None => Ok(self.send.peek(len)),
        }
    }
    pub(super) fn send(&mut self, len: u64) {
        if self.send_refused().is_none() {
            self.send.reserve(len);
        }
    }
    fn send_refused(&self) -> Option<SendRefused> {
        if self.kind == DialogKind::Call {
            return Some(SendRefused::NotAContext);
        }
        if let Some(why) = self.over {
            return Some(SendRefused::Ended(why));
        }
        if self.closed {
            return Some(SendRefused::Ended(StreamEnd::Closed));
        }
        if self.peer_ended {
            return Some(SendRefused::Ended(StreamEnd::Clean));
        }
        (!self.started).then_some(SendRefused::NotStarted)
    }
    pub(super) fn receive_state(&self) -> ReceiveState {
        match () {
            () if self.peer_ended => ReceiveState::Ended(StreamEnd::Clean),
            () => match self.over {
                Some(why) => ReceiveState::Ended(why),
                None if self.closed => ReceiveState::Ended(StreamEnd::Closed),
                None => ReceiveState::Open,
            },
        }
    }
    pub(super) fn unread(&self) -> u32 {
        self.receive.unread()
    }
    pub(super) fn available(&self) -> u32 {
        self.send.available()
    }
    pub(super) fn lost_items(&self) -> u64 {
        self.lost_items
    }
    pub(super) fn dropped_here(&self) -> u64 {
        self.send.dropped()
    }
    fn peer_may_stream(&self) -> Result<(), Violation> {
        if self.kind == DialogKind::Call {
            return Err(Violation::new("a stream message on a call"));
        }
        if !self.started {
            return Err(Violation::new("a stream message before `started`"));
        }
        if self.peer_ended {
            return Err(Violation::new("a stream message after the end of the stream"));
        }
        Ok(())
    }
}

fn to_peer(credit: Credit) -> ToPeer {
    ToPeer::Credit { messages: credit.messages, bytes: credit.bytes }
}
