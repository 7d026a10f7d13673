//! A child's side of the bus: one connection to the root, from the challenge to the goodbye.
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use coulter_proto::bus::{Down, Up};
use coulter_proto::id::Aid;
use coulter_proto::repl::{Line, Reply};

use crate::observe::link::{Broken, Link, TRUSTED_FRAME};
use crate::observe::place;
use crate::observe::proof::prove;

/// The most that is said before the root has greeted us.
const MAX_EARLY: usize = 1024;

/// A child's connection to the root, and what tells it of its parent's end.
pub(super) struct Member {
    me: Aid,
    parent: Aid,
    secret: Vec<u8>,
    /// Where the trees of this user are.
    runtime_dir: Option<PathBuf>,
    bus: Option<Link>,
    /// Said before the proof; `None` once proven.
    early: Option<Vec<Up>>,
    lifeline: Option<OwnedFd>,
    pidfd: Option<OwnedFd>,
    /// We said goodbye: from here on the end of the bus means nothing.
    leaving: bool,
}

impl Member {
    pub(super) fn new(me: Aid, bus: &Path, secret: Vec<u8>, parent: Aid, lifeline: OwnedFd) -> io::Result<Self> {
        let link = Link::connect(bus, TRUSTED_FRAME)
            .map_err(|error| io::Error::new(error.kind(), format!("the root's bus {} cannot be reached: {error}", bus.display())))?;
        let pidfd = crate::sys::process::parent_pidfd(parent.pid);
        let runtime_dir = bus.parent().and_then(Path::parent).map(Path::to_owned);
        Ok(Self { me, parent, secret, runtime_dir, bus: Some(link), early: Some(Vec::new()), lifeline: Some(lifeline), pidfd, leaving: false })
    }

    /// A root that was killed has left its directory: whoever of its tree ends last removes it.
    pub(super) fn sweep(&self) {
        if let Some(runtime_dir) = &self.runtime_dir {
            place::sweep(runtime_dir);
        }
    }

    pub(super) fn parent(&self) -> &Aid {
        &self.parent
    }

    pub(super) fn bus(&self) -> Option<(BorrowedFd<'_>, bool)> {
        self.bus.as_ref().map(|link| (link.as_fd(), link.backlog() > 0))
    }

    pub(super) fn backlog(&self) -> usize {
        self.bus.as_ref().map_or(0, Link::backlog)
    }

    pub(super) fn lifeline(&self) -> Option<BorrowedFd<'_>> {
        self.lifeline.as_ref().map(OwnedFd::as_fd)
    }

    pub(super) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(OwnedFd::as_fd)
    }

    /// The parent's end was seen: once is enough.
    pub(super) fn forget_parent(&mut self) {
        (self.lifeline, self.pidfd) = (None, None);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.bus.is_some()
    }

    /// Says something to the root; `false` when there is none any more.
    pub(super) fn up(&mut self, message: Up) -> bool {
        let Some(link) = &mut self.bus else { return false };
        self.leaving |= matches!(message, Up::Goodbye);
        if let Some(early) = &mut self.early {
            if early.len() < MAX_EARLY {
                early.push(message);
            }
            return true;
        }
        let sent = link.send(&message).or_else(|broken| match (broken, message) {
            // Whoever typed the line must hear something.
            (Broken::Frame(_), Up::Reply { stop, line, reply }) => {
                let lines = vec![Line::plain("the answer is too large to be sent; ask for a part of it")];
                link.send(&Up::Reply { stop, line, reply: Reply { lines, value: None, next: reply.next } })
            }
            (broken, _) => Err(broken),
        });
        match sent {
            // One message that is too large is lost by itself.
            Ok(()) | Err(Broken::Frame(_)) => true,
            Err(_) => {
                self.bus = None;
                false
            }
        }
    }

    /// Sends what waits.
    pub(super) fn flush(&mut self) {
        if self.bus.as_mut().is_some_and(|link| link.flush().is_err()) {
            self.bus = None;
        }
    }

    /// Reads what came. `false`: the root is gone, without our having said goodbye.
    pub(super) fn read(&mut self, downs: &mut Vec<Down>) -> bool {
        let Some(link) = &mut self.bus else { return true };
        let mut over = link.fill().err();
        loop {
            match link.next::<Down>() {
                Ok(Some(Down::Challenge { nonce })) => {
                    let Some(early) = self.early.take() else { continue };
                    let proof = prove(&self.secret, &nonce, self.me.uuid);
                    let hello = Up::Hello { aid: self.me.clone(), parent: self.parent.clone(), proof };
                    for message in std::iter::once(hello).chain(early) {
                        if let Err(error @ (Broken::Io(_) | Broken::Behind | Broken::Closed)) = link.send(&message) {
                            over = Some(error);
                        }
                    }
                }
                Ok(Some(message)) => downs.push(message),
                Ok(None) => break,
                Err(error) => {
                    over = Some(error);
                    break;
                }
            }
        }
        if over.is_some() {
            self.bus = None;
        }
        over.is_none() || self.leaving
    }
}
