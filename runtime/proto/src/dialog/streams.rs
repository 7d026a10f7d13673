//! One side's view of a context's two streams: windows, and why each direction ended.
use super::{DialogKind, FromPeer, OpenRefused, ReceiveState, Reserve, SendRefused, StreamEnd, Terms, ToPeer, Violation, Waiter};
use crate::message::Credit;
use crate::window::{ReceiveWindow, SendWindow};

/// What both machines do about their streams, said in the effects they share.
pub(super) enum StreamEffect {
    Send(ToPeer),
    Wake(Waiter),
    Discard,
    DiscardUnread,
}

/// The two streams of one dialog, as one side sees them: what may be opened, sent, received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams {
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
    /// Whether the stream may be opened on this side.
    ///
    /// # Errors
    /// Why not.
    pub fn may_open(&self) -> Result<(), OpenRefused> {
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
    /// A message about the streams came in; others are none of theirs.
    pub(super) fn on_peer(&mut self, message: FromPeer, mut out: impl FnMut(StreamEffect)) -> Result<(), Violation> {
        match message {
            FromPeer::Item { len } => {
                if self.item(len)? {
                    out(StreamEffect::Wake(Waiter::Receive));
                } else {
                    out(StreamEffect::Discard);
                    if let Some(credit) = self.discard() {
                        out(StreamEffect::Send(credit));
                    }
                }
            }
            FromPeer::EndOfStream => {
                self.peer_end()?;
                out(StreamEffect::Wake(Waiter::Receive));
                out(StreamEffect::Wake(Waiter::Send));
            }
            FromPeer::Credit { messages, bytes } => {
                self.send.credit(messages, bytes)?;
                self.flush(|message| out(StreamEffect::Send(message)));
                out(StreamEffect::Wake(Waiter::Send));
            }
            FromPeer::Dropped { count } => {
                self.peer_dropped(count)?;
                out(StreamEffect::Wake(Waiter::Receive));
            }
            _ => {}
        }
        Ok(())
    }
    /// Nothing is wanted from here on: what is unread goes, its credit goes back, the peer is told.
    pub(super) fn close_for_good(&mut self, mut out: impl FnMut(StreamEffect)) {
        if self.unread() > 0 {
            out(StreamEffect::DiscardUnread);
            if let Some(credit) = self.discard() {
                out(StreamEffect::Send(credit));
            }
        }
        let dropped = self.abandon_queue();
        if self.close() {
            if dropped > 0 {
                out(StreamEffect::Send(ToPeer::Dropped { count: dropped }));
            }
            out(StreamEffect::Send(ToPeer::EndOfStream));
        }
    }
    /// An item came in; `Ok(false)`: nobody wants it, its credit is to go back.
    fn item(&mut self, len: u64) -> Result<bool, Violation> {
        self.peer_may_stream()?;
        self.receive.arrived(len)?;
        Ok(!self.closed)
    }
    fn peer_end(&mut self) -> Result<(), Violation> {
        self.peer_may_stream()?;
        self.peer_ended = true;
        Ok(())
    }
    fn peer_dropped(&mut self, count: u64) -> Result<(), Violation> {
        self.peer_may_stream()?;
        self.lost_items = self.lost_items.saturating_add(count);
        Ok(())
    }
    /// What the local queue may send now, drops told first.
    fn flush(&mut self, mut send: impl FnMut(ToPeer)) {
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
    fn discard(&mut self) -> Option<ToPeer> {
        let credit = self.receive.discard();
        if self.over.is_some() { None } else { credit.map(to_peer) }
    }
    /// Closes this side; `true` when the peer has to be told.
    fn close(&mut self) -> bool {
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
    /// Whether an item may be sent; then feed `SendItem` unless told to wait or to fail.
    ///
    /// # Errors
    /// Why it never can.
    pub fn may_send(&self, len: u64) -> Result<Reserve, SendRefused> {
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
    /// Whether more items can come, once the shell's queue is empty.
    #[must_use]
    pub fn receive_state(&self) -> ReceiveState {
        match () {
            () if self.peer_ended => ReceiveState::Ended(StreamEnd::Clean),
            () => match self.over {
                Some(why) => ReceiveState::Ended(why),
                None if self.closed => ReceiveState::Ended(StreamEnd::Closed),
                None => ReceiveState::Open,
            },
        }
    }
    /// Received items nobody has taken.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.receive.unread()
    }
    /// Messages that may be sent before a sender waits.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.send.available()
    }
    /// Items the peer has dropped so far.
    #[must_use]
    pub fn lost_items(&self) -> u64 {
        self.lost_items
    }
    /// Items dropped on this side so far.
    #[must_use]
    pub fn dropped_here(&self) -> u64 {
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
