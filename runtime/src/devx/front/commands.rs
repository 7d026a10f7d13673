//! The commands about the tree: answered here, from what the hub tells every console.
use std::time::Instant;

use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::StopId;
use coulter_proto::observe::{Model, text};
use coulter_proto::repl::Line;

use super::session::{ANSWER, Left, Session, error, quiet};

impl Session {
    /// `None` when the line is none of ours; else whether it ended the session.
    pub(super) fn tree_command(&mut self, stop: StopId, line: &str) -> Option<Option<Left>> {
        let mut words = line.split_whitespace();
        let (word, argument) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        Some(match (word, argument) {
            ("tree", None) => self.show_tables(stop, text::tree),
            ("contexts", None) => self.show_tables(stop, text::contexts),
            ("channels", None) => self.show_tables(stop, text::channels),
            ("stops", None) => {
                (self.show)(&text::stops(&self.model));
                None
            }
            ("history", None) => {
                let lines: Vec<Line> = self.prompt.history().iter().enumerate().map(|(index, line)| Line::plain(format!("{:>4}  {line}", index + 1))).collect();
                (self.show)(&lines);
                None
            }
            ("seat", Some(number)) => self.seat(stop, number),
            ("seat", None) => {
                (self.show)(&[error("usage: seat N (`stops` shows the numbers)")]);
                None
            }
            ("skip", argument) => self.skip(stop, argument),
            _ => return None,
        })
    }

    fn show_tables(&mut self, stop: StopId, print: fn(&Model) -> Vec<Line>) -> Option<Left> {
        if self.shared.link.send(&ToHub::Snapshot).is_err() {
            return Some(Left::Ended);
        }
        let left = self.until(stop, |message| matches!(message, FromHub::Snapshot { last: true, .. }));
        if let Waited::Left(left) = left {
            return Some(left);
        }
        let mut lines = print(&self.model);
        if matches!(left, Waited::TooLong) {
            lines.push(quiet("not all actors answered in time: this may not be all"));
        }
        (self.show)(&lines);
        None
    }

    fn parse(&self, number: &str) -> Result<StopId, Line> {
        let id = number.trim_start_matches('#').parse().map(StopId).map_err(|_| error(format!("`{number}` is no number of a stop")))?;
        match self.model.stop(id) {
            Some(_) => Ok(id),
            None => Err(error(format!("there is no stop {number}; `stops` shows those there are"))),
        }
    }

    fn seat(&mut self, stop: StopId, number: &str) -> Option<Left> {
        match self.parse(number) {
            Err(why) => {
                (self.show)(&[why]);
                None
            }
            Ok(id) if id == stop => {
                (self.show)(&[quiet("this is the stop you are at")]);
                None
            }
            Ok(id) => self.change(&ToHub::Seat { stop: id }),
        }
    }

    fn skip(&mut self, stop: StopId, number: Option<&str>) -> Option<Left> {
        let id = match number.map(|number| self.parse(number)) {
            None => stop,
            Some(Ok(id)) => id,
            Some(Err(why)) => {
                (self.show)(&[why]);
                return None;
            }
        };
        if self.model.stops().len() < 2 {
            (self.show)(&[quiet("nobody else waits")]);
            return None;
        }
        if id != stop {
            let _ = self.shared.link.send(&ToHub::Skip { stop: id });
            return None;
        }
        self.change(&ToHub::Skip { stop })
    }

    /// Asks for another stop; the one left waits.
    fn change(&mut self, message: &ToHub) -> Option<Left> {
        if self.shared.link.send(message).is_err() {
            return Some(Left::Ended);
        }
        let deadline = Instant::now() + ANSWER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                // The one left is on its way back to the queue: the next one follows.
                Ok(FromHub::Unseated { .. }) => {}
                Ok(FromHub::Seated { stop: next, banner }) => {
                    return Some(Left::For((next, banner)));
                }
                Ok(FromHub::Refused { why }) => {
                    (self.show)(&[error(why)]);
                    return None;
                }
                Ok(FromHub::Ending) => return Some(Left::Ended),
                Ok(other) => self.note(&other),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Some(Left::Ended),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    (self.show)(&[error("the root did not answer in time; `stops` shows where things stand")]);
                    return None;
                }
            }
        }
    }

    /// Takes messages until one fits, or the time is up.
    fn until(&mut self, stop: StopId, fits: impl Fn(&FromHub) -> bool) -> Waited {
        let deadline = Instant::now() + ANSWER;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => {
                    let fitted = fits(&message);
                    if let Some(left) = self.meant(stop, message) {
                        return Waited::Left(left);
                    }
                    if fitted {
                        return Waited::Came;
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return Waited::TooLong,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                    return Waited::Left(Left::Ended);
                }
            }
        }
    }
}

/// What came of waiting.
enum Waited {
    Came,
    TooLong,
    Left(Left),
}
