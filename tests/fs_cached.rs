//! Files in the system's memory: what is done at once is what std does, and nothing else is.
#![cfg(all(feature = "fs", target_os = "linux"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::Future;
use std::io::{ErrorKind, IoSliceMut, Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use filch::fs::{self, File};
use filch::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
use filch::runtime::{Builder, Runtime};
use rustix::fs::{Advice, AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::ReadWriteFlags;
use support::{current, in_child, multi, on_each_flavour, until, watch};

const LIMIT: usize = 64 * 1024;

/// A directory of the test's own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("filch-fs-cached-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Takes a file out of the system's memory, as far as it can be.
fn chill(path: &Path) {
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.sync_all();
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    }
}

/// Bytes that tell where they stand.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number % 251) as u8).collect()
}

/// Whether the system can do all that it takes, with this file.
fn is_able(path: &Path) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED)?;
    let unique = StatxFlags::from_bits_retain(0x4000);
    let stat = rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, unique)?;
    if stat.stx_mask & unique.bits() == 0 {
        return Err(rustix::io::Errno::NOSYS);
    }
    // A file system in memory has nothing to wait for, and need not know the word.
    let is_tmpfs = rustix::fs::fstatfs(&file)?.f_type as u32 == 0x0102_1994;
    let flags = if is_tmpfs { ReadWriteFlags::empty() } else { ReadWriteFlags::NOWAIT };
    rustix::io::preadv2(&file, &mut [IoSliceMut::new(&mut [0])], 0, flags).map(drop)
}

/// Whether some runtime does this without a thread of its pool, once the mount is known. Something
/// else in the system may always have pushed the file out of memory, or moved a directory.
fn takes_no_thread<F: Future<Output = ()>>(
    new: impl Fn() -> Runtime,
    test: impl Fn() -> F,
) -> bool {
    (0..200).any(|_| {
        let runtime = new();
        runtime.block_on(test());
        runtime.metrics().num_blocking_threads() == 0
    })
}

async fn use_in_every_way(path: &Path) {
    let bytes = fs::read(path).await.unwrap();
    assert_eq!(fs::read_to_string(path).await.unwrap().as_bytes(), bytes);
    assert_eq!(fs::metadata(path).await.unwrap().len(), bytes.len() as u64);
    let mut file = File::open(path).await.unwrap();
    let mut again = Vec::new();
    file.read_to_end(&mut again).await.unwrap();
    assert_eq!(again, bytes);
    assert_eq!(file.metadata().await.unwrap().len(), bytes.len() as u64);
    file.seek(SeekFrom::End(-5)).await.unwrap();
    assert_eq!(file.read(&mut again).await.unwrap(), 5);
    assert_eq!(again[..5], bytes[bytes.len() - 5..]);
}

#[test]
fn what_is_in_memory_takes_no_thread() {
    let _watch = watch();
    for parent in [std::env::temp_dir(), "/dev/shm".into()] {
        if !parent.is_dir() {
            continue;
        }
        let folder = Folder::within(&parent);
        let path = folder.write("a", vec![b'x'; 5000]);
        if let Err(error) = is_able(&path) {
            eprintln!("not tested in {}: {error}", parent.display());
            continue;
        }
        let path = &path;
        assert!(takes_no_thread(current, || use_in_every_way(path)), "{}", parent.display());
        assert!(takes_no_thread(|| multi(2), || use_in_every_way(path)), "{}", parent.display());
    }
}

#[test]
fn what_may_wait_takes_a_thread() {
    let _watch = watch();
    let folder = Folder::new();
    let long = folder.write("long", pattern(LIMIT + 1));
    let process = Path::new("/proc/self/status");
    for path in [&long, process, Path::new("/dev/null"), &folder.0] {
        let test = || async { drop(fs::read(path).await) };
        assert!(!takes_no_thread(current, test), "{}", path.display());
    }
    for path in [process, Path::new("/dev/null"), &folder.0] {
        let test = || async { drop(File::open(path).await.unwrap()) };
        assert!(!takes_no_thread(current, test), "{}", path.display());
    }
    let test = || async { assert!(fs::metadata(process).await.is_ok()) };
    assert!(!takes_no_thread(current, test));
}

/// Files and names of all kinds. Those that are missing are among them.
fn zoo(folder: &Folder) -> Vec<PathBuf> {
    let sparse = folder.write("sparse", "");
    let file = std::fs::File::options().write(true).open(&sparse).unwrap();
    file.set_len(40_000).unwrap();
    file.write_all_at(b"island", 20_000).unwrap();
    let here = |name: &str| folder.0.join(name);
    symlink("small", here("link")).unwrap();
    symlink("link", here("link to link")).unwrap();
    symlink("nowhere", here("dangling")).unwrap();
    symlink("loop", here("loop")).unwrap();
    let secret = folder.write("secret", "x");
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o0);
    std::fs::set_permissions(&secret, closed).unwrap();
    let odd = here("").join(std::ffi::OsStr::from_bytes(b"odd \xff\xfe"));
    std::fs::write(&odd, "odd").unwrap();
    let mut paths = vec![
        folder.write("empty", ""),
        folder.write("small", "hello"),
        folder.write("page", pattern(4096)),
        folder.write("shorter", pattern(LIMIT - 1)),
        folder.write("limit", pattern(LIMIT)),
        folder.write("longer", pattern(LIMIT + 1)),
        folder.write("long", pattern(3 << 20)),
        folder.write("no text", [b'a', 0xff, b'b']),
        sparse,
        secret,
        odd,
        folder.0.clone(),
    ];
    let names =
        ["link", "link to link", "dangling", "loop", "missing", "small/", "small/x", "nul\0"];
    paths.extend(names.map(here));
    paths.extend(["", "/dev/null", "/proc/version", "/proc/self/cmdline", "/"].map(PathBuf::from));
    paths.push(here(&"n".repeat(300)));
    paths
}

fn same<T: PartialEq>(path: &Path, ours: std::io::Result<T>, theirs: std::io::Result<T>) {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => assert!(ours == theirs, "{}", path.display()),
        (Err(ours), Err(theirs)) => {
            assert_eq!(ours.raw_os_error(), theirs.raw_os_error(), "{}", path.display());
            assert_eq!(ours.to_string(), theirs.to_string(), "{}", path.display());
        }
        (ours, theirs) => {
            panic!("{}: {:?} and {:?}", path.display(), ours.err(), theirs.err());
        }
    }
}

async fn compare(path: &Path) {
    same(path, fs::read(path).await, std::fs::read(path));
    same(path, fs::read_to_string(path).await, std::fs::read_to_string(path));
    let told = |meta: std::fs::Metadata| {
        (meta.ino(), meta.dev(), meta.mode(), meta.len(), meta.nlink(), meta.modified().unwrap())
    };
    same(path, fs::metadata(path).await.map(told), std::fs::metadata(path).map(told));
    let ours = async {
        let mut bytes = Vec::new();
        File::open(path).await?.read_to_end(&mut bytes).await.map(|_| bytes)
    };
    let theirs = || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.read_to_end(&mut bytes).map(|_| bytes)
    };
    same(path, ours.await, theirs());
}

#[test]
fn every_kind_of_file_is_what_it_is_to_std() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let folder = Folder::new();
        let zoo = zoo(&folder);
        runtime.block_on(async {
            for round in 0..6 {
                for path in &zoo {
                    if round % 3 == 2 {
                        chill(path);
                    }
                    compare(path).await;
                }
            }
        });
    });
}

#[test]
fn no_descriptor_is_left() {
    let _watch = watch();
    if !in_child("no_descriptor_is_left", "") {
        return;
    }
    let folder = Folder::new();
    let zoo = zoo(&folder);
    let runtime = current();
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let visit = || {
        runtime.block_on(async {
            for path in &zoo {
                compare(path).await;
            }
        });
        count()
    };
    let before = visit();
    assert_eq!(visit(), before);
    assert_eq!(visit(), before);
}

#[test]
fn without_permission_there_is_no_way_past_it() {
    let _watch = watch();
    let folder = Folder::new();
    let path = folder.write("a", "secret");
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o0);
    std::fs::set_permissions(&path, closed).unwrap();
    if std::fs::read(&path).is_ok() {
        eprintln!("not tested: nothing is forbidden to root");
        return;
    }
    current().block_on(async {
        for _ in 0..10 {
            let denied = ErrorKind::PermissionDenied;
            assert_eq!(fs::read(&path).await.unwrap_err().kind(), denied);
            assert_eq!(File::open(&path).await.unwrap_err().kind(), denied);
            assert_eq!(fs::metadata(&path).await.unwrap().len(), 6);
        }
    });
}

#[test]
fn a_queue_holds_up_nobody_and_notices_nothing() {
    let _watch = watch();
    let folder = Folder::new();
    let known = folder.write("known", "x");
    let queue = folder.0.join("queue");
    assert!(std::process::Command::new("mkfifo").arg(&queue).status().unwrap().success());
    let runtime = current();
    for round in 0..20 {
        let (told, thread) = mpsc::channel();
        let path = queue.clone();
        let writer = std::thread::spawn(move || {
            told.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            std::fs::write(path, "through")
        });
        let state = Path::new("/proc").join(thread.recv().unwrap()).join("stat");
        if round % 3 != 0 {
            // It waits for a reader.
            until(|| std::fs::read_to_string(&state).unwrap().contains(") S "));
        }
        let read = runtime.block_on(async {
            fs::read(&known).await.unwrap();
            assert!(fs::metadata(&queue).await.unwrap().file_type().is_fifo());
            if round % 2 == 0 {
                return fs::read(&queue).await.unwrap();
            }
            let mut bytes = Vec::new();
            File::open(&queue).await.unwrap().read_to_end(&mut bytes).await.unwrap();
            bytes
        });
        writer.join().unwrap().unwrap();
        assert_eq!(read, b"through");
    }
    // Nor does the one worker wait.
    runtime.block_on(async {
        let (read, wrote) = filch::join!(fs::read(&queue), fs::write(&queue, "through"));
        wrote.unwrap();
        assert_eq!(read.unwrap(), b"through");
    });
}

#[test]
fn a_file_that_is_replaced_is_the_old_one_or_the_new_one() {
    let _watch = watch();
    let folder = Folder::new();
    let (path, fresh) = (folder.write("a", [b'a'; 100]), folder.0.join("fresh"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for &(byte, length) in [(b'b', 5000), (b'c', 1), (b'a', 100)].iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                std::fs::write(&fresh, vec![byte; length]).unwrap();
                std::fs::rename(&fresh, &path).unwrap();
            }
        });
        current().block_on(async {
            for _ in 0..3000 {
                let bytes = fs::read(&path).await.unwrap();
                let length = [100, 5000, 1][usize::from(bytes[0] - b'a')];
                assert!(bytes == vec![bytes[0]; length], "{} of {length}", bytes.len());
            }
        });
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_file_that_grows_and_shrinks_is_some_beginning_of_it() {
    let _watch = watch();
    let folder = Folder::new();
    let whole = pattern(9000);
    let path = folder.write("a", "");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::File::options().append(true).open(&path).unwrap();
            while !over.load(Ordering::Relaxed) {
                for part in whole.chunks(700) {
                    file.write_all(part).unwrap();
                }
                file.set_len(0).unwrap();
            }
        });
        current().block_on(async {
            for round in 0..3000 {
                let bytes = if round % 2 == 0 {
                    fs::read(&path).await.unwrap()
                } else {
                    let mut bytes = vec![0; 8000];
                    let count = File::open(&path).await.unwrap().read(&mut bytes).await.unwrap();
                    bytes.truncate(count);
                    bytes
                };
                // What is cut off while it is copied may be zeros, to std as well.
                let bytes_and_whole = bytes.iter().zip(&whole);
                assert!(
                    bytes_and_whole.into_iter().all(|(&ours, &theirs)| ours == theirs || ours == 0)
                );
                assert!(bytes.len() <= whole.len());
            }
        });
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_read_that_finds_only_some_of_it_in_memory_is_a_whole_one() {
    let _watch = watch();
    let folder = Folder::new();
    let bytes = pattern(LIMIT);
    let path = folder.write("a", &bytes);
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let mut file = File::open(&path).await.unwrap();
            let mut read = vec![0; LIMIT];
            for warm in [1, 4096, 5000, 30_000, 65_000] {
                chill(&path);
                // Without reading ahead.
                let std = std::fs::File::open(&path).unwrap();
                rustix::fs::fadvise(&std, 0, None, Advice::Random).unwrap();
                std.read_exact_at(&mut read[..warm], 0).unwrap();
                file.rewind().await.unwrap();
                assert_eq!(file.read(&mut read).await.unwrap(), LIMIT);
                assert!(read == bytes);
                assert_eq!(file.read(&mut read).await.unwrap(), 0);
                file.seek(SeekFrom::Current(-3)).await.unwrap();
                assert_eq!(file.read(&mut read).await.unwrap(), 3);
                assert_eq!(read[..3], bytes[LIMIT - 3..]);
            }
        });
    });
}

#[test]
fn who_reads_without_end_lets_others_in() {
    let _watch = watch();
    let folder = Folder::new();
    let path = folder.write("a", pattern(LIMIT));
    for way in 0..4 {
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let (path, end) = (path.clone(), done.clone());
        current().block_on(async move {
            let reader = filch::spawn(async move {
                let mut file = File::open(&path).await.unwrap();
                let mut read = vec![0; LIMIT];
                while !end.load(Ordering::Relaxed) {
                    match way {
                        0 => assert_eq!(fs::read(&path).await.unwrap().len(), LIMIT),
                        1 => drop(fs::metadata(&path).await.unwrap()),
                        2 => drop(file.metadata().await.unwrap()),
                        _ => {
                            file.rewind().await.unwrap();
                            file.read_exact(&mut read).await.unwrap();
                        }
                    }
                }
            });
            filch::spawn(async move { done.store(true, Ordering::Relaxed) }).await.unwrap();
            reader.await.unwrap();
        });
    }
}

#[test]
fn handles_of_one_open_file_have_one_cursor() {
    let _watch = watch();
    let folder = Folder::new();
    let path = folder.write("a", pattern(5000));
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let mut one = File::open(&path).await.unwrap();
            let mut read = vec![0; 100];
            one.read_exact(&mut read).await.unwrap();
            let mut other = one.try_clone().await.unwrap();
            for place in 1..20 {
                let file = if place % 2 == 0 { &mut one } else { &mut other };
                file.read_exact(&mut read).await.unwrap();
                assert_eq!(read, pattern(5000)[place * 100..][..100]);
            }
            drop(one);
            let mut std = other.into_std().await;
            assert_eq!(std.stream_position().unwrap(), 2000);
            // One that has come from elsewhere is asked where it is by its first read.
            let mut file = File::from_std(std);
            for place in 20..50 {
                file.read_exact(&mut read).await.unwrap();
                assert_eq!(read, pattern(5000)[place * 100..][..100]);
            }
            assert_eq!(file.read(&mut read).await.unwrap(), 0);
        });
    });
}

#[test]
fn a_file_that_was_opened_at_once_is_like_any_other() {
    let _watch = watch();
    let folder = Folder::new();
    let path = folder.write("a", "hello");
    current().block_on(async {
        for _ in 0..10 {
            let mut file = File::open(&path).await.unwrap();
            let flags = rustix::fs::fcntl_getfl(&file).unwrap();
            assert!(!flags.contains(OFlags::NONBLOCK), "{flags:?}");
            let closed = rustix::io::fcntl_getfd(&file).unwrap();
            assert!(closed.contains(rustix::io::FdFlags::CLOEXEC));
            assert!(file.write(b"x").await.is_err() || file.flush().await.is_err());
        }
    });
}

#[test]
fn those_who_wait_to_learn_about_a_mount_hold_no_descriptors() {
    let _watch = watch();
    if !in_child("those_who_wait_to_learn_about_a_mount_hold_no_descriptors", "") {
        return;
    }
    let folder = Folder::new();
    let path = folder.write("a", "hello");
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    runtime.block_on(async {
        let (go_on, gate) = mpsc::channel::<()>();
        let holds_up = filch::task::spawn_blocking(move || gate.recv());
        let before = count();
        let reads: Vec<_> = (0..100)
            .map(|_| {
                let path = path.clone();
                filch::spawn(async move { fs::read(&path).await })
            })
            .collect();
        for _ in 0..300 {
            filch::task::yield_now().await;
        }
        assert_eq!(count(), before);
        drop(go_on);
        assert!(holds_up.await.unwrap().is_err());
        for read in reads {
            assert_eq!(read.await.unwrap().unwrap(), b"hello");
        }
    });
}

#[test]
fn without_a_runtime_even_what_is_in_memory_panics() {
    let _watch = watch();
    let folder = Folder::new();
    let path = folder.write("a", "hello");
    let mut file = current().block_on(async {
        fs::read(&path).await.unwrap();
        File::open(&path).await.unwrap()
    });
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut must_panic = |future: Pin<&mut dyn Future<Output = ()>>| {
        let message = support::panic_of(|| future.poll(&mut cx));
        assert!(message.contains("no filch runtime"), "{message}");
    };
    must_panic(pin!(async { drop(fs::read(&path).await) }));
    must_panic(pin!(async { drop(file.metadata().await) }));
    must_panic(pin!(async { drop(file.rewind().await) }));
    must_panic(pin!(async { drop(file.read(&mut [0; 10]).await) }));
    // Nothing was lost.
    current().block_on(async {
        let mut read = String::new();
        file.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello");
    });
}
