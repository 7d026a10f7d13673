//! A tree's directory as the watch thread keeps it: described while the tree lives, removed with
//! it, swept by the next root when its own was killed.
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use coulter_proto::hub::{TREE_FILE, TreeInfo};

/// Makes the directory, if need be, and writes what tree it is.
pub(super) fn prepare(dir: &Path, tree: &TreeInfo) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !is_own_directory(dir) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is not a directory of ours; remove it, or set COULTER_RUNTIME_DIR", dir.display()),
        ));
    }
    // Written whole, then renamed: nobody ever reads half of it.
    let (unfinished, finished) = (dir.join(".tree.json"), dir.join(TREE_FILE));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&serde_json::to_vec(tree)?)?;
    fs::rename(unfinished, finished)
}

fn is_own_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw())
}

/// Removes the directories of trees whose root is dead; gives back how many.
pub(super) fn sweep(runtime_dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(runtime_dir) else { return 0 };
    let dead = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_own_directory(path) && root_pid(path).is_some_and(|pid| !crate::sys::process::is_alive(pid)));
    dead.filter(|path| fs::remove_dir_all(path).is_ok()).count()
}

/// The root's pid: from the description, else from the directory's name `<name>-<pid>-<uuid8>`.
/// `None` for what is no tree of ours: it is left alone.
fn root_pid(dir: &Path) -> Option<u32> {
    if let Ok(text) = fs::read(dir.join(TREE_FILE)) {
        return serde_json::from_slice::<TreeInfo>(&text).ok().map(|tree| tree.root.pid);
    }
    let mut parts = dir.file_name()?.to_str()?.rsplitn(3, '-');
    let (short, pid) = (parts.next()?, parts.next()?);
    let is_short = short.len() == 8 && short.bytes().all(|b| b.is_ascii_hexdigit());
    if is_short && parts.next().is_some() { pid.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed
    use super::*;
    use coulter_proto::id::{Aid, Uuid};

    fn tree(pid: u32) -> TreeInfo {
        TreeInfo { version: 1, root: Aid { name: "root".to_owned(), uuid: Uuid::from_u128(1), pid }, program: "x".to_owned(), args: Vec::new(), started: 0 }
    }

    fn dead_pid() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn directories_of_dead_trees_go_and_everything_else_stays() {
        let base = std::env::temp_dir().join(format!("coulter-sweep-{}", std::process::id()));
        fs::create_dir_all(&base).unwrap();
        let dead = dead_pid();
        prepare(&base.join("described"), &tree(dead)).unwrap();
        prepare(&base.join("living"), &tree(std::process::id())).unwrap();
        fs::create_dir(base.join(format!("killed-early-{dead}-0123abcd"))).unwrap();
        fs::create_dir(base.join(format!("born-{}-0123abcd", std::process::id()))).unwrap();
        fs::create_dir(base.join("someone-elses")).unwrap();
        fs::write(base.join("realm.key"), "x").unwrap();
        std::os::unix::fs::symlink("/", base.join(format!("link-{dead}-0123abcd"))).unwrap();
        assert_eq!(sweep(&base), 2);
        let mut left: Vec<String> = fs::read_dir(&base).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let expected = [
            format!("born-{}-0123abcd", std::process::id()),
            format!("link-{dead}-0123abcd"),
            "living".to_owned(),
            "realm.key".to_owned(),
            "someone-elses".to_owned(),
        ];
        assert_eq!(left, expected);
        fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn rule_1_4_a_symlink_in_the_place_of_the_directory_is_refused() {
        let base = std::env::temp_dir().join(format!("coulter-place-{}", std::process::id()));
        fs::create_dir_all(base.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(base.join("elsewhere"), base.join("link")).unwrap();
        assert!(prepare(&base.join("link"), &tree(1)).is_err());
        fs::remove_dir_all(base).unwrap();
    }
}
