//! How a process is started: [`SpawnMethod`], and [`Exec`], the plain one.
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use coulter_proto::spawn::CHILD_MARKER;

/// A last word on the command that starts a child.
pub(crate) type Adjust = Box<dyn FnOnce(&mut Command)>;

/// What a child's process is started with.
pub(crate) struct Start<'a> {
    /// Becomes its fd 0: the socket to its parent.
    pub(crate) socket: OwnedFd,
    /// Shown by `ps` as the command.
    pub(crate) title: &'a str,
    /// More environment.
    pub(crate) env: &'a [(String, String)],
    /// Another working directory.
    pub(crate) current_dir: Option<&'a std::path::Path>,
    /// The last word on the command, e.g. for limits.
    pub(crate) adjust: Option<Adjust>,
}

/// A started process, and the ends of what it prints.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// A way to start the process of an actor.
pub(crate) trait SpawnMethod {
    /// Starts one.
    fn start(&self, start: Start<'_>) -> io::Result<Started>;
}

/// `posix_spawn` of this very executable.
///
/// Never with `pre_exec`: that makes std fork, and a fork copies the page tables of a large heap.
pub(crate) struct Exec;

/// Arguments that make the executable come up as an actor; a test harness needs to be led to the test.
static ARGS: OnceLock<Vec<String>> = OnceLock::new();

/// Whether the executable prints of itself before it is an actor (libtest does); its stdout is then not forwarded.
static NOISY: OnceLock<bool> = OnceLock::new();

/// Sets the arguments of children, once.
pub(crate) fn set_child_args(args: Vec<String>) {
    let _ = ARGS.set(args);
    let _ = NOISY.set(true);
}

/// Whether this process was, as a child, started with stdout away; see [`NOISY`].
pub(crate) const JOIN_OUTPUT: &str = "COULTER_JOIN_OUTPUT";

impl SpawnMethod for Exec {
    fn start(&self, start: Start<'_>) -> io::Result<Started> {
        let noisy = NOISY.get().copied().unwrap_or(false);
        let (out_read, out_write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let (err_read, err_write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let mut command = Command::new(executable()?);
        command.arg0(start.title).env(CHILD_MARKER, "1").stdin(Stdio::from(start.socket)).stderr(Stdio::from(err_write));
        if noisy {
            command.env(JOIN_OUTPUT, "1").stdout(Stdio::null());
        } else {
            command.stdout(Stdio::from(out_write));
        }
        if let Some(args) = ARGS.get() {
            command.args(args);
        }
        command.envs(start.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = start.current_dir {
            command.current_dir(dir);
        }
        if let Some(adjust) = start.adjust {
            adjust(&mut command);
        }
        let child = command.spawn()?;
        Ok(Started { child, stdout: out_read, stderr: err_read })
    }
}

/// The executable, by a descriptor opened when first needed: a rebuild in between never mixes two builds in one tree.
fn executable() -> io::Result<String> {
    static EXE: OnceLock<OwnedFd> = OnceLock::new();
    let fd = match EXE.get() {
        Some(fd) => fd,
        None => {
            let fd: OwnedFd = std::fs::File::open("/proc/self/exe")?.into();
            EXE.get_or_init(|| fd)
        }
    };
    Ok(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Opens the executable now, at the root's start.
pub(crate) fn hold_executable() -> io::Result<()> {
    executable().map(drop)
}
