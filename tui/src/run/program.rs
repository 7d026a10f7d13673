//! A program started by this console, in a process group of its own, with its output on a pty (so
//! that it writes as it would to a terminal) or on pipes (so that the two streams stay apart).
//!
//! The group is its own because the terminal's signals are for the console to pass on, not for the
//! terminal to strew: Ctrl-C in a dashboard is a key.
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use coulter_proto::exit::ExitStatus;
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

/// Which of its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output, or both where they share a pty.
    Out,
    /// Standard error.
    Err,
}

/// A running (or ended) program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    pid: Pid,
    pidfd: OwnedFd,
    streams: Vec<(Channel, std::fs::File)>,
    status: Option<ExitStatus>,
    line: String,
}

impl Program {
    /// Starts it with one pty for both streams.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn on_pty(argv: &[OsString], columns: u16, rows: u16) -> io::Result<Self> {
        let front = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&front)?;
        unlockpt(&front)?;
        let name = ptsname(&front, Vec::new())?;
        let back = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut settings = tcgetattr(&back)?;
        settings.output_modes.remove(OutputModes::OPOST);
        settings.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&back, OptionalActions::Now, &settings)?;
        tcsetwinsize(&back, Winsize { ws_row: rows.max(1), ws_col: columns.max(1), ws_xpixel: 0, ws_ypixel: 0 })?;
        let mut command = Self::command(argv)?;
        command.stdout(back.try_clone()?).stderr(back);
        Self::spawn(command, argv, |_| Ok(vec![(Channel::Out, front.into())]))
    }

    /// Starts it with a pipe for each stream.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn on_pipes(argv: &[OsString]) -> io::Result<Self> {
        let mut command = Self::command(argv)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(command, argv, |child| {
            let mut streams = Vec::new();
            if let Some(out) = child.stdout.take() {
                streams.push((Channel::Out, OwnedFd::from(out).into()));
            }
            if let Some(err) = child.stderr.take() {
                streams.push((Channel::Err, OwnedFd::from(err).into()));
            }
            Ok(streams)
        })
    }

    fn command(argv: &[OsString]) -> io::Result<Command> {
        let program = argv.first().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        let mut command = Command::new(program);
        command.args(&argv[1..]).stdin(Stdio::null()).process_group(0).env("COULTER_FRONT", "off");
        if std::env::var_os("COULTER_DEBUG").is_none() {
            command.env("COULTER_DEBUG", "1");
        }
        Ok(command)
    }

    fn spawn(mut command: Command, argv: &[OsString], streams: impl FnOnce(&mut Child) -> io::Result<Vec<(Channel, std::fs::File)>>) -> io::Result<Self> {
        let mut child = command.spawn()?;
        // The command holds our end of what it gave the child: a stream ends only when all ends are closed.
        drop(command);
        let streams = streams(&mut child)?;
        for (_, stream) in &streams {
            fcntl_setfl(stream, fcntl_getfl(stream)? | OFlags::NONBLOCK)?;
        }
        let pid = Pid::from_child(&child);
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        let words: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
        Ok(Self { child, pid, pidfd, streams, status: None, line: words.join(" ") })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// The command line.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
    /// How it ended, once it has.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        self.status
    }
    /// Readable when it has ended.
    #[must_use]
    pub fn end_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
    /// What is still open of its output.
    pub fn stream_fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.streams.iter().map(|(_, stream)| stream.as_fd())
    }

    /// Reads what it printed, up to a bound. An ended stream is closed here.
    pub fn read(&mut self) -> Vec<(Channel, Vec<u8>)> {
        let mut printed = Vec::new();
        let mut chunk = [0; 1 << 15];
        self.streams.retain_mut(|(channel, stream)| {
            for _ in 0..16 {
                match stream.read(&mut chunk) {
                    // A pty whose last writer is gone answers with an error, not with an end.
                    Ok(0) => return false,
                    Ok(n) => printed.push((*channel, chunk[..n].to_vec())),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                    Err(_) => return false,
                }
            }
            true
        });
        printed
    }

    /// Looks whether it has ended.
    pub fn try_end(&mut self) -> Option<ExitStatus> {
        if self.status.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.status = Some(match (status.code(), status.signal()) {
                (Some(code), _) => ExitStatus::Code(code),
                (None, Some(signal)) => ExitStatus::Signal(signal),
                (None, None) => ExitStatus::Unknown,
            });
        }
        self.status
    }

    /// Sends the program itself a signal.
    pub fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            // It may end at this moment; then there is nothing to signal.
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Sends the program, and whatever it started in its group, a signal.
    pub fn signal_all(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    /// The exit code a shell would show for it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.status {
            Some(ExitStatus::Code(code)) => u8::try_from(code & 0xff).unwrap_or(1),
            Some(ExitStatus::Signal(signal)) => u8::try_from((128 + signal) & 0xff).unwrap_or(1),
            _ => 1,
        }
    }
}

/// Whether a process is, or comes from, another (a shell or `cargo run` may stand between).
#[must_use]
pub fn descends_from(mut pid: u32, ancestor: u32) -> bool {
    for _ in 0..32 {
        if pid == ancestor {
            return true;
        }
        let Some(parent) = parent(pid) else {
            return false;
        };
        pid = parent;
    }
    false
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything: what counts begins behind the last one.
    let rest = stat.rsplit_once(')')?.1;
    rest.split_whitespace().nth(1)?.parse().ok().filter(|&parent| parent > 1)
}
