//! Secrets: the tree's, and the realm's key file, made at first use and readable by its owner alone.
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long keys are, in bytes.
const KEY_LEN: usize = 32;

/// A new secret.
pub(crate) fn fresh_secret() -> Vec<u8> {
    let mut key = vec![0; KEY_LEN];
    crate::sys::random::fill(&mut key);
    key
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().into()
        }
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// The key of the realm: all trees of one user on one host, unless `COULTER_REALM_KEY_FILE` names another.
pub(crate) fn realm_key(runtime_dir: &Path) -> io::Result<Vec<u8>> {
    if let Some(path) = std::env::var_os("COULTER_REALM_KEY_FILE") {
        return read_key(Path::new(&path));
    }
    let path = runtime_dir.join("realm.key");
    match read_key(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        done => return done,
    }
    // Written whole under another name, then linked: of several programs that start at once one wins, all read the same.
    let mut name = [0; 8];
    crate::sys::random::fill(&mut name);
    let draft = runtime_dir.join(format!(".realm.{:016x}", u64::from_le_bytes(name)));
    let written =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| file.write_all(&fresh_secret())).and_then(|()| {
            match std::fs::hard_link(&draft, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                done => done,
            }
        });
    let _ = std::fs::remove_file(&draft);
    written?;
    read_key(&path)
}

fn read_key(path: &Path) -> io::Result<Vec<u8>> {
    let refuse = |why: &str| {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the realm key {} {why}; remove it, or name another by COULTER_REALM_KEY_FILE", path.display()),
        ))
    };
    let mut file = std::fs::OpenOptions::new().read(true).custom_flags(nofollow()).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return refuse("is not a plain file of this user");
    }
    if meta.mode() & 0o077 != 0 {
        return refuse("can be read by others");
    }
    let mut key = Vec::new();
    Read::take(&mut file, 4096).read_to_end(&mut key)?;
    if key.len() < 16 {
        return refuse("is too short (16 bytes at least)");
    }
    Ok(key)
}

fn nofollow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}
