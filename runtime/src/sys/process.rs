//! The process itself: ending it at once, its output, what it uses, and dying with its parent.
use std::fs::File;
use std::io::{self, Read};

use rustix::process::{Pid, Signal};

/// Ends the process at once: no destructors, no exit handlers, no flushing. Another thread may be
/// stuck in any of those, which is why the watch thread ends a process only this way.
pub(crate) fn exit_now(code: i32) -> ! {
    signal_hook::low_level::exit(code)
}

/// Points stdout and stderr at `/dev/null`: whoever read them is gone, and a failing `println!` panics.
pub(crate) fn silence_output() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Asks the kernel for a SIGTERM when the thread that spawned this process ends. The watch
/// thread notices a parent's death by itself; this is the belt to it, for the time before it runs.
pub(crate) fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?)
}

/// Shows `title` in `ps`: the name of the calling thread, which must be the main one.
pub(crate) fn set_title(title: &str) -> io::Result<()> {
    // The kernel keeps 15 bytes and needs a NUL-free text.
    let short: String = title.chars().filter(|c| *c != '\0').take(15).collect();
    let name = std::ffi::CString::new(short).map_err(io::Error::other)?;
    Ok(rustix::thread::set_name(&name)?)
}

/// A descriptor that becomes readable when our parent ends; `None` when `pid` is not our parent
/// (any more), for then the number may be somebody else's.
pub(crate) fn parent_pidfd(pid: u32) -> Option<rustix::fd::OwnedFd> {
    let parent = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let fd = rustix::process::pidfd_open(parent, rustix::process::PidfdFlags::empty()).ok()?;
    // Opened first, asked then: if it still is our parent now, the descriptor is of no one else.
    (rustix::process::getppid() == Some(parent)).then_some(fd)
}

/// Whether a process of this number is there, whoever owns it.
pub(crate) fn is_alive(pid: u32) -> bool {
    match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        None => false,
        Some(pid) => !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)),
    }
}

/// CPU time in microseconds and resident bytes of this process, as the kernel counts them.
pub(crate) fn usage() -> io::Result<(u64, u64)> {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let cpu = u64::try_from(cpu.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(cpu.tv_nsec).unwrap_or(0) / 1000;
    let mut status = [0; 4096];
    let n = File::open("/proc/self/status")?.read(&mut status)?;
    let memory = resident(&String::from_utf8_lossy(&status[..n]))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/status tells no resident memory"))?;
    Ok((cpu, memory))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed
    use super::*;

    #[test]
    fn resident_memory_is_read_from_its_line() {
        assert_eq!(resident("Name:\tVmRSS: x\nVmHWM:\t  900 kB\nVmRSS:\t     812 kB\n"), Some(812 * 1024));
        assert_eq!(resident("VmRSS:\tmuch\n"), None);
    }

    #[test]
    fn usage_of_this_process_is_more_than_nothing() {
        assert!(usage().unwrap().1 > 0);
    }

    #[test]
    fn only_the_parent_gets_a_pidfd() {
        assert!(parent_pidfd(std::process::id()).is_none());
        assert!(parent_pidfd(0).is_none());
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        assert!(parent_pidfd(u32::try_from(parent).unwrap()).is_some());
    }

    #[test]
    fn the_dead_are_told_from_the_living() {
        assert!(is_alive(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
