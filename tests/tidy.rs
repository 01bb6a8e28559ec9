//! The house rules that a machine can check: floors, unsafe rooms, heads, links, lengths.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of runtime-core, from the lowest. A file imports its own module and lower floors; never
/// a neighbour on its floor, and never up.
const FLOORS: [(u8, &[&str]); 7] = [
    (
        2,
        &[
            "callback_list",
            "clock",
            "clock_linux",
            "not_started",
            "number_map",
            "pinned",
            "rng",
            "unwind",
        ],
    ),
    (3, &["task", "timer"]),
    (4, &["reactor", "blocking", "frame", "context_var"]),
    (5, &["scheduler", "runtime"]),
    (6, &["spawn", "local", "task_tracker", "time", "many", "siblings", "task_local"]),
    (7, &["cancel", "task_group", "join_set", "gather", "staggered", "wait", "stream"]),
    (7, &["callback", "promise", "shield", "threads", "background", "closing"]),
];

/// Files that import what the rule forbids, each with the module and the reason.
const EXCEPTIONS: [(&str, &str, &str); 11] = [
    ("runtime/", "scheduler", "the one arrow within floor 5"),
    ("spawn.rs", "local", "`task::Builder::spawn_local`"),
    ("task_tracker.rs", "spawn", "a tracker spawns what it counts"),
    ("task_tracker.rs", "local", "a tracker spawns what it counts, on this thread too"),
    ("siblings.rs", "many", "siblings are given up out of many futures"),
    ("threads/", "cancel", "a thread is told why it is to end as a task is: by `Cancelled`"),
    ("runtime/handle.rs", "spawn", "`Handle::spawn` is `spawn` onto a runtime that is named"),
    ("runtime/builder.rs", "time", "the floor below is told how to sleep"),
    ("blocking.rs", "scheduler", "a job's panic is reported to the hook of its thread's runtime"),
    ("reactor/registration.rs", "runtime", "a socket is born in the runtime of its thread"),
    ("scheduler/sleep.rs", "time", "a test has a worker wait for a timer"),
];

/// Longer files hold more than one idea.
const LINES_MAX: usize = 600;

#[test]
fn modules_import_lower_floors_only() {
    let root = workspace().join("runtime-core/src");
    let mut wrong = Vec::new();
    let mut unused: BTreeSet<_> = EXCEPTIONS.iter().map(|exception| exception.0).collect();
    for path in files_under(&root, "rs") {
        let name = relative(&path, &root);
        let module = name.split(['/', '.']).next().unwrap().trim_end_matches("_tests");
        for (number, line) in code(&read(&path)) {
            for import in line.split("crate::").skip(1).map(first_word) {
                let (Some(here), Some(there)) = (floor(module), floor(import)) else { continue };
                if import == module || there < here {
                    continue;
                }
                match EXCEPTIONS.iter().find(|e| name.starts_with(e.0) && e.1 == import) {
                    Some(exception) => _ = unused.remove(exception.0),
                    None => wrong.push(format!("{name}:{number} imports {import}")),
                }
            }
        }
    }
    wrong.extend(unused.iter().map(|name| format!("{name} needs its exception no longer")));
    assert_nothing(&wrong, "imports against the floors");
}

#[test]
fn every_module_of_the_core_has_a_floor() {
    let root = workspace().join("runtime-core/src");
    let modules = files_under(&root, "rs").into_iter().map(|path| relative(&path, &root));
    let homeless: BTreeSet<_> = modules
        .filter(|name| name != "lib.rs")
        .map(|name| name.split(['/', '.']).next().unwrap().trim_end_matches("_tests").to_owned())
        .filter(|module| floor(module).is_none())
        .collect();
    assert_nothing(&homeless, "modules without a floor");
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for path in sources() {
        let name = relative(&path, &workspace());
        let home = rooms.iter().any(|room| {
            name == *room || room.strip_suffix("mod.rs").is_some_and(|room| name.starts_with(room))
        });
        let opens = ["unsafe {", "unsafe impl", "unsafe fn", "unsafe trait", "unsafe extern"];
        for (number, line) in code(&read(&path)) {
            if !home && opens.iter().any(|open| line.contains(open)) {
                wrong.push(format!("{name}:{number}"));
            }
        }
    }
    assert_nothing(&wrong, "unsafe code outside of the rooms");
}

#[test]
fn the_architecture_lists_the_unsafe_rooms() {
    let text = section(&read(&workspace().join("ARCHITECTURE.md")), "## The unsafe rooms");
    let listed: BTreeSet<_> = text
        .split('`')
        .filter(|word| word.ends_with(".rs") && word.contains("/src/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, rooms(), "left: ARCHITECTURE.md; right: the code");
}

#[test]
fn the_architecture_shows_every_source_file() {
    let map = section(&read(&workspace().join("ARCHITECTURE.md")), "## Where things live");
    let names: BTreeSet<_> = map.split_whitespace().collect();
    let missing: Vec<_> = sources()
        .into_iter()
        .filter(|path| !path.starts_with(workspace().join("benches")))
        .filter(|path| !names.contains(path.file_name().unwrap().to_str().unwrap()))
        .map(|path| relative(&path, &workspace()))
        .collect();
    assert_nothing(&missing, "source files that are not on the map");
}

#[test]
fn every_file_begins_with_what_it_is() {
    // What the macros' users write wrong begins as theirs would.
    let wrong = ours("rs").filter(|(name, text)| {
        let first = text.lines().find(|line| !line.starts_with("#![")).unwrap_or_default();
        !name.starts_with("tests/ui/") && !first.starts_with("//! ")
    });
    assert_nothing(&wrong.map(|(name, _)| name).collect::<Vec<_>>(), "files without a head");
}

#[test]
fn no_file_is_too_long() {
    let long = ours("rs").map(|(name, text)| (name, text.lines().count()));
    let long: Vec<_> = long.filter(|(_, lines)| *lines > LINES_MAX).collect();
    assert_nothing(&long, "files that are too long");
}

#[test]
fn nothing_is_left_to_be_done() {
    let words = [concat!("todo", "!("), concat!("unimplemented", "!(")];
    let wrong = ours("rs").filter(|(_, text)| words.iter().any(|word| text.contains(word)));
    assert_nothing(&wrong.map(|(name, _)| name).collect::<Vec<_>>(), "files that are not finished");
}

#[test]
fn only_the_primitives_know_the_model_checker() {
    let cfg = concat!("filch", "_loom");
    // A test that no model runs may say so.
    let test_only = [format!("#[cfg(all(test, not({cfg})))]"), format!("#![cfg(not({cfg}))]")];
    let mut wrong = Vec::new();
    for (name, text) in ours("rs") {
        if name == "runtime-sync/src/primitives.rs" || name.contains("/tests/loom_") {
            continue;
        }
        let told = code(&text).into_iter().filter(|(_, line)| line.contains(cfg));
        let told = told.filter(|(_, line)| !test_only.iter().any(|test| line.trim() == test));
        wrong.extend(told.map(|(number, _)| format!("{name}:{number}")));
    }
    assert_nothing(&wrong, "places that ask for the model checker");
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    // Those of pages of the documentation lead to items, and rustdoc follows them.
    for (name, text) in ours("md").filter(|(name, _)| !name.starts_with("src/")) {
        let folder = workspace().join(&name).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if !target.contains("://") && !path.is_empty() && !folder.join(path).exists() {
                dead.push(format!("{name}: {target}"));
            }
        }
    }
    assert_nothing(&dead, "links that lead nowhere");
}

#[test]
fn what_is_published_carries_its_licences_and_shows_all_its_features() {
    let mut wrong = Vec::new();
    for folder in ["", "runtime-sync", "runtime-core", "runtime-net", "runtime-macros"] {
        let folder = workspace().join(folder);
        let name = relative(&folder.join("Cargo.toml"), &workspace());
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            if fs::read(folder.join(licence)).ok() != fs::read(workspace().join(licence)).ok() {
                wrong.push(format!("{name}: no {licence} beside it"));
            }
        }
        let manifest = read(&folder.join("Cargo.toml"));
        let shown = manifest.contains("[package.metadata.docs.rs]\nall-features = true");
        if manifest.contains("\n[features]\n") && !shown {
            wrong.push(format!("{name}: its documentation would be that of the default features"));
        }
    }
    assert_nothing(&wrong, "packages that lack something");
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, modules)| modules.contains(&module)).map(|floor| floor.0)
}

/// The files of the modules that are declared with `#[expect(unsafe_code, …)]`.
fn rooms() -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for path in sources() {
        let text = read(&path);
        for declared in text.split("#[expect(unsafe_code").skip(1) {
            let declared = declared.split_once(")]").unwrap().1.split(';').next().unwrap();
            let item = declared.lines().last().unwrap();
            let item = item.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let Some(module) = item.strip_prefix("mod ") else { continue };
            let folder = path.parent().unwrap();
            let file = match declared.split("#[path = \"").nth(1) {
                Some(path) => folder.join(path.split('"').next().unwrap()),
                None => folder.join(format!("{module}.rs")),
            };
            let file = if file.exists() { file } else { folder.join(module).join("mod.rs") };
            rooms.insert(relative(&file, &workspace()));
        }
    }
    rooms
}

/// The lines that are no comments, with their numbers.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

/// What stands under a heading, up to the next one of its kind.
fn section(text: &str, heading: &str) -> String {
    let text = text.split_once(heading).unwrap_or_else(|| panic!("no section {heading}")).1;
    text.split("\n## ").next().unwrap().to_owned()
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

/// The sources of all crates, without their tests and examples.
fn sources() -> Vec<PathBuf> {
    files_under(&workspace(), "rs")
        .into_iter()
        .filter(|path| relative(path, &workspace()).split('/').any(|folder| folder == "src"))
        .collect()
}

/// All files of the workspace that end so: name and text.
fn ours(extension: &str) -> impl Iterator<Item = (String, String)> {
    let files = files_under(&workspace(), extension).into_iter();
    files.map(|path| (relative(&path, &workspace()), read(&path)))
}

fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files_under(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_nothing<'a, T: std::fmt::Debug + 'a>(found: impl IntoIterator<Item = &'a T>, what: &str) {
    let found: Vec<_> = found.into_iter().collect();
    assert!(found.is_empty(), "{what}: {found:#?}");
}
