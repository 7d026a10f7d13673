//! The order of the rooms, kept by a test: a room uses those before it in the list, never one behind it.
use std::path::{Path, PathBuf};

/// From the ground up. `observe` and `log` are leaves side by side; `hooks` is how leaves are heard above.
const ORDER: [&[&str]; 17] = [
    &["sys", "hooks", "clock"],
    &["identity", "trace", "realm"],
    &["observe", "log"],
    &["error"],
    &["spawn"],
    &["ipc"],
    &["scope"],
    &["actor"],
    &["dialog"],
    &["rpc"],
    &["context"],
    &["portal"],
    &["discovery"],
    &["nursery"],
    &["devx"],
    &["boot"],
    &["lib"],
];

fn floor(room: &str) -> usize {
    ORDER.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("room `{room}` is not in the order"))
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_room_uses_only_rooms_below() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut wrong = Vec::new();
    for file in all {
        let inside = file.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let is_test = inside.components().any(|part| part.as_os_str().to_str().is_some_and(|part| part.trim_end_matches(".rs") == "tests"));
        if room == "rooms" || is_test {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let is_ours = !used.is_empty() && !used.starts_with("__") && src.join(&used).exists() || src.join(format!("{used}.rs")).exists();
                if is_ours && used != room && floor(&used) > floor(room) {
                    wrong.push(format!("{}: {room} uses {used}", inside.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
