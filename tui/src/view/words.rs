//! Numbers and times, short enough for a column.
use coulter_proto::observe::UnixMicros;

/// For how long, in its largest unit.
#[must_use]
pub fn age(since: UnixMicros, now: UnixMicros) -> String {
    let seconds = now.saturating_sub(since) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A count: `950`, `1.2k`, `34M`.
#[must_use]
pub fn count(n: u64) -> String {
    scaled(n, 1000, &["", "k", "M", "G", "T"])
}

/// Bytes: `950B`, `1.2K`, `34M`.
#[must_use]
pub fn bytes(n: u64) -> String {
    scaled(n, 1024, &["B", "K", "M", "G", "T"])
}

fn scaled(n: u64, base: u64, units: &[&str]) -> String {
    let (mut whole, mut rest, mut unit) = (n, 0, 0);
    while whole >= base && unit + 1 < units.len() {
        rest = whole % base * 10 / base;
        whole /= base;
        unit += 1;
    }
    if unit > 0 && whole < 10 { format!("{whole}.{rest}{}", units[unit]) } else { format!("{whole}{}", units[unit]) }
}
