//! The runtime directory, and a tree's own directory in it: owner-only, refused when they are anything else.
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use coulter_proto::id::Aid;

/// Where the trees of this user are: `$COULTER_RUNTIME_DIR`, `$XDG_RUNTIME_DIR/coulter`, or one in the temporary directory.
pub(crate) fn runtime_dir() -> io::Result<PathBuf> {
    let path = if let Some(given) = std::env::var_os("COULTER_RUNTIME_DIR") {
        PathBuf::from(given)
    } else if let Some(run) = std::env::var_os("XDG_RUNTIME_DIR").filter(|run| Path::new(run).is_dir()) {
        PathBuf::from(run).join("coulter")
    } else {
        std::env::temp_dir().join(format!("coulter-{}", rustix::process::geteuid().as_raw()))
    };
    own_directory(&path)?;
    Ok(path)
}

/// Makes `path` a directory of ours alone, or says why it cannot be.
fn own_directory(path: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).recursive(false).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(io::Error::new(error.kind(), format!("the runtime directory {} cannot be made: {error}; set COULTER_RUNTIME_DIR", path.display())));
        }
    }
    let meta = std::fs::symlink_metadata(path)?;
    let refuse = |what: &str| {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the runtime directory {} is {what}; remove it, or set COULTER_RUNTIME_DIR", path.display()),
        ))
    };
    if meta.file_type().is_symlink() {
        return refuse("a symlink");
    }
    if !meta.is_dir() {
        return refuse("not a directory");
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return refuse("somebody else's");
    }
    if meta.mode() & 0o777 != 0o700 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// What the kernel allows for the path of a socket.
const SOCKET_PATH: usize = 107;

/// Makes the directory of one tree.
pub(crate) fn make_tree_dir(runtime_dir: &Path, root: &Aid) -> io::Result<PathBuf> {
    let path = runtime_dir.join(format!("{}-{}-{}", file_name(&root.name), root.pid, root.short()));
    // An actor's socket is `/` + 24 + `-` + 8 + `.sock` longer; better one refusal here than a failure in each child.
    let longest = path.as_os_str().len() + 39;
    if longest > SOCKET_PATH {
        let why = format!("{} is {} bytes too long for sockets in it; set COULTER_RUNTIME_DIR to a shorter directory", path.display(), longest - SOCKET_PATH);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    own_directory(&path)?;
    Ok(path)
}

/// The socket file of one actor. Short: a socket's path holds 107 bytes.
pub(crate) fn socket_path(tree_dir: &Path, aid: &Aid) -> PathBuf {
    tree_dir.join(format!("{}-{}.sock", file_name(&aid.name), aid.short()))
}

/// A name as a file name: what is not plain becomes `_`, long ones are cut.
fn file_name(name: &str) -> String {
    name.chars().take(24).map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("coulter-dir-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).unwrap();
        dir
    }

    #[test]
    fn rule_1_4_a_symlink_or_a_plain_file_is_refused() {
        let dir = scratch("refused");
        let file = dir.join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(own_directory(&file).unwrap_err().to_string().contains("not a directory"));
        let link = dir.join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert!(own_directory(&link).unwrap_err().to_string().contains("a symlink"));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn rule_1_4_the_mode_is_forced_to_0700() {
        let dir = scratch("mode");
        let open = dir.join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        own_directory(&open).unwrap();
        assert_eq!(std::fs::metadata(&open).unwrap().mode() & 0o777, 0o700);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn names_of_actors_cannot_leave_the_directory() {
        assert_eq!(file_name("../../etc/passwd"), "______etc_passwd");
    }
}
