//! Trees are found where they are: one directory each, below this user's runtime directory.
//!
//! Nothing is believed of a place that another user could have made: a runtime directory of a
//! foreign owner, a symbolic link or a plain file in its stead is refused, not looked through.
use std::fmt;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use coulter_proto::hub::{HUB_SOCKET, TREE_FILE, TreeInfo};
use rustix::process::{Pid, getuid, test_kill_process};

/// The largest description of a tree that is read.
const MOST_INFO: u64 = 1 << 20;

/// A tree, and where it lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its directory.
    pub dir: PathBuf,
    /// What it says of itself.
    pub info: TreeInfo,
}

impl Found {
    /// The hub's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join(HUB_SOCKET)
    }
}

/// Why the runtime directory cannot be used.
#[derive(Debug)]
pub struct Unfit {
    dir: PathBuf,
    why: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the runtime directory {} {}; remove it, or set COULTER_RUNTIME_DIR to a directory of yours", self.dir.display(), self.why)
    }
}
impl std::error::Error for Unfit {}

/// Where this user's trees are.
#[must_use]
pub fn runtime_dir() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("COULTER_RUNTIME_DIR")
        .or_else(|| set("XDG_RUNTIME_DIR").map(|dir| dir.join("coulter")))
        .unwrap_or_else(|| std::env::temp_dir().join(format!("coulter-{}", getuid().as_raw())))
}

/// The trees that live now, the oldest first. Directories of dead trees are swept on the way.
///
/// # Errors
/// When the runtime directory is not this user's own. One that is not there holds no trees.
pub fn trees() -> Result<Vec<Found>, Unfit> {
    trees_in(&runtime_dir())
}

fn trees_in(dir: &Path) -> Result<Vec<Found>, Unfit> {
    let unfit = |why: &str| Unfit { dir: dir.to_owned(), why: why.to_owned() };
    match fs::symlink_metadata(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unfit(&format!("cannot be read ({error})"))),
        Ok(meta) if !meta.is_dir() => return Err(unfit("is not a directory")),
        Ok(meta) if meta.uid() != getuid().as_raw() => {
            return Err(unfit("belongs to another user"));
        }
        Ok(_) => {}
    }
    let entries = fs::read_dir(dir).map_err(|error| unfit(&format!("cannot be read ({error})")))?;
    let mut found: Vec<Found> = entries.flatten().filter_map(|entry| look(&entry.path())).collect();
    found.sort_by(|a, b| (a.info.started, &a.dir).cmp(&(b.info.started, &b.dir)));
    Ok(found)
}

fn look(dir: &Path) -> Option<Found> {
    let meta = fs::symlink_metadata(dir).ok()?;
    if !meta.is_dir() || meta.uid() != getuid().as_raw() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(dir.join(TREE_FILE)).ok()?.take(MOST_INFO).read_to_string(&mut text).ok()?;
    let info: TreeInfo = serde_json::from_str(&text).ok()?;
    if !lives(info.root.pid) {
        sweep(dir);
        return None;
    }
    Some(Found { dir: dir.to_owned(), info })
}

/// Whether a process of this number exists.
#[must_use]
pub fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Removes what a tree leaves behind when nothing of it could: its sockets, its description, and
/// the directory if that was all.
fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let ours = path.extension().is_some_and(|end| end == "sock") || path.file_name().is_some_and(|name| name == TREE_FILE);
        if ours {
            // Somebody else may be sweeping too; what is gone is gone.
            drop(fs::remove_file(path));
        }
    }
    drop(fs::remove_dir(dir));
}

/// What a name picks.
#[derive(Clone, Debug, PartialEq)]
pub enum Picked {
    /// This one.
    One(Found),
    /// None.
    None,
    /// More than one.
    Many(Vec<Found>),
}

/// Picks by name, root pid, directory or socket; without a name, the only one.
#[must_use]
pub fn pick(mut trees: Vec<Found>, name: Option<&str>) -> Picked {
    if let Some(name) = name {
        trees.retain(|tree| matches(tree, name));
    }
    match trees.len() {
        0 => Picked::None,
        1 => Picked::One(trees.remove(0)),
        _ => Picked::Many(trees),
    }
}

/// Whether a word from the command line means this tree.
#[must_use]
pub fn matches(tree: &Found, name: &str) -> bool {
    let root = &tree.info.root;
    let program = Path::new(&tree.info.program).file_name().and_then(|name| name.to_str());
    name == root.name
        || name == root.pid.to_string()
        || name == root.to_string()
        || name == root.short()
        || program == Some(name)
        || Path::new(name) == tree.dir
        || Path::new(name) == tree.socket()
}
