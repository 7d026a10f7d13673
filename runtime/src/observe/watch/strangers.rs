//! Whoever knocks at the bus or the hub, until it has said who it is and proven it.
//!
//! The kernel tells whose process it is; the bus asks for the proof of the tree's secret besides.
//! Whatever else it says ends in a log line and a closed socket.
use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use coulter_proto::bus::{Down, Up};
use coulter_proto::hub::ToHub;

use super::root::{ConsoleLink, Plane, Root};
use crate::observe::hub::ConsoleId;
use crate::observe::link::{Link, STRANGER_FRAME, TRUSTED_FRAME};
use crate::observe::proof;

/// How many may be in the middle of their handshake, and for how long.
pub(super) const MAX_STRANGERS: usize = 64;
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// Somebody who has not said who it is.
pub(super) struct Stranger {
    pub(super) link: Link,
    pub(super) plane: Plane,
    pub(super) nonce: Vec<u8>,
    pub(super) pid: u32,
    pub(super) until: Instant,
}

/// The first word of a stranger.
enum First {
    Up(Up),
    Hub(ToHub),
}

impl Root {
    pub(super) fn accept(&mut self, plane: Plane) {
        while self.strangers.len() < MAX_STRANGERS {
            let listener = match plane {
                Plane::Bus => &self.bus,
                Plane::Hub => &self.consoles_at,
            };
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        tracing::warn!(target: "coulter::runtime", "a connection could not be accepted: {error}");
                        // Out of descriptors, most likely: `poll` would come back at once, for ever.
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    return;
                }
            };
            if let Err(error) = self.greet(stream, plane) {
                tracing::warn!(target: "coulter::runtime", "a stranger at the {plane:?} socket was turned away: {error}");
            }
        }
    }

    fn greet(&mut self, stream: UnixStream, plane: Plane) -> io::Result<()> {
        let mut link = Link::new(stream, STRANGER_FRAME)?;
        let pid = link.own_users_pid()?;
        let nonce = match plane {
            Plane::Hub => Vec::new(),
            Plane::Bus => {
                let nonce = proof::nonce()?;
                link.send(&Down::Challenge { nonce: nonce.clone() }).map_err(|broken| io::Error::other(broken.to_string()))?;
                nonce
            }
        };
        self.next += 1;
        self.strangers.insert(self.next, Stranger { link, plane, nonce, pid, until: Instant::now() + HANDSHAKE });
        Ok(())
    }

    pub(super) fn on_stranger(&mut self, n: u64) {
        let Some(mut stranger) = self.strangers.remove(&n) else { return };
        let now = self.now();
        let filled = stranger.link.fill();
        let said = match stranger.plane {
            Plane::Bus => stranger.link.next::<Up>().map(|word| word.map(First::Up)),
            Plane::Hub => stranger.link.next::<ToHub>().map(|word| word.map(First::Hub)),
        };
        let why = match said {
            Ok(Some(First::Up(Up::Hello { aid, parent, proof }))) => {
                if !proof::verify(&self.secret, &stranger.nonce, aid.uuid, &proof) {
                    format!("it says it is {aid} and does not know the tree's secret")
                } else if self.hub.is_member(aid.uuid) {
                    format!("it says it is {aid}, who is here already")
                } else {
                    stranger.link.trust(TRUSTED_FRAME);
                    let actor = aid.uuid;
                    self.actors.insert(actor, stranger.link);
                    self.hub.joined(now, aid, parent.uuid);
                    // What it said in the same breath.
                    return self.read_actor(actor);
                }
            }
            Ok(Some(First::Hub(ToHub::Hello { version, attends }))) => {
                stranger.link.trust(TRUSTED_FRAME);
                let id = ConsoleId(n);
                self.consoles.insert(id, ConsoleLink { link: stranger.link, dropped: 0, gap: false });
                self.hub.console_joined(now, id, stranger.pid == std::process::id(), version, attends);
                return self.read_console(id);
            }
            Ok(Some(_)) => "its first word was no greeting".to_owned(),
            Err(broken) => broken.to_string(),
            Ok(None) => match filled {
                Ok(()) => {
                    self.strangers.insert(n, stranger);
                    return;
                }
                // Somebody looked whether we live, and went.
                Err(_) => return,
            },
        };
        tracing::warn!(target: "coulter::runtime", "process {} at the {:?} socket was turned away: {why}", stranger.pid, stranger.plane);
    }
}
