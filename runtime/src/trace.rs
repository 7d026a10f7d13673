//! Traces of the machines: with `COULTER_TRACE=DIR` every actor writes what its machines were fed and decided to a
//! file there, which `coulter_proto::trace::replay` goes through again.
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use coulter_proto::trace::{Recorded, Recorder, Traced};

/// The machine, written down if somebody asked for it.
pub(crate) fn recorded<M: Traced>(machine: M) -> Recorded<M> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let recorder = recorder();
    let instance = if recorder.is_some() { NEXT.fetch_add(1, Ordering::Relaxed) } else { 0 };
    Recorded::new(machine, instance, recorder.cloned())
}

fn recorder() -> Option<&'static Recorder> {
    static RECORDER: OnceLock<Option<Recorder>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let dir = std::env::var_os("COULTER_TRACE")?;
            let path = std::path::Path::new(&dir).join(format!("{}.jsonl", std::process::id()));
            match std::fs::OpenOptions::new().create(true).append(true).open(&path) {
                Ok(mut file) => Some(Recorder::new(move |line| {
                    // A trace that cannot be written is a gap in a developer's file, not in the program.
                    let _ = file.write_all(format!("{line}\n").as_bytes());
                })),
                Err(error) => {
                    eprintln!("coulter: the trace {} cannot be written: {error}; COULTER_TRACE names a directory", path.display());
                    None
                }
            }
        })
        .as_ref()
}
