//! Ctrl-Z and `fg`: the prompt is drawn anew, with what was typed, and the terminal is raw again.
//!
//! rustyline stops the process by a signal, and goes on as if it had been stopped. But where other
//! threads run, the kernel gives the signal to one of them, and this one may make the terminal raw
//! before all are stopped: then the shell makes it its own, and after `fg` nobody draws, nor sees a
//! key before Enter. So whenever the process is continued, the reader is left and entered again.
use std::io;
use std::sync::Arc;

use signal_hook::consts::SIGCONT;
use signal_hook::iterator::{Handle, Signals};

use super::interrupt::Interrupt;

/// While it lives, a continued process reads its line anew.
pub(super) struct Resumed(Handle);

impl Resumed {
    pub(super) fn heed(interrupt: &Arc<Interrupt>) -> io::Result<Self> {
        let mut signals = Signals::new([SIGCONT])?;
        let handle = signals.handle();
        let interrupt = Arc::clone(interrupt);
        std::thread::Builder::new().name("coulter-front-fg".into()).spawn(move || signals.forever().for_each(|_| interrupt.resume()))?;
        Ok(Self(handle))
    }
}

impl Drop for Resumed {
    fn drop(&mut self) {
        self.0.close();
    }
}
