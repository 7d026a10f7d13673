//! What the environment says: variables that beat code and attributes.
use coulter_proto::spawn::Transport;

use crate::error::Error;

/// `COULTER_TRANSPORT`: a comma-separated list, best first.
pub(crate) fn transports() -> Result<Option<Vec<Transport>>, Error> {
    let Some(text) = text("COULTER_TRANSPORT") else { return Ok(None) };
    let mut transports = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let transport = match word {
            "uds" => Transport::Uds,
            "tcp" => Transport::Tcp,
            other => return Err(Error::runtime(format!("COULTER_TRANSPORT names `{other}`, which is no transport; use `uds`, `tcp`, or both with a comma"))),
        };
        if !transports.contains(&transport) {
            transports.push(transport);
        }
    }
    Ok(if transports.is_empty() { None } else { Some(transports) })
}

/// `COULTER_DEBUG`: whether crashes stop.
pub(crate) fn debug() -> Option<bool> {
    text("COULTER_DEBUG").map(|text| !matches!(text.as_str(), "0" | "false" | "no" | "off"))
}

/// Whether the program was started by a dashboard, which then is the front.
pub(crate) fn has_outer_front() -> bool {
    text("COULTER_FRONT").as_deref() == Some("off")
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
