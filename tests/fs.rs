//! Files and directories: what each function does, and what it says when it cannot.
#![cfg(feature = "fs")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
#[cfg(unix)]
use std::os::fd::AsRawFd as _;
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
#[cfg(windows)]
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use filch::fs::{self, DirBuilder, DirEntry, File, OpenOptions, ReadDir};
use filch::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
use support::{in_child, on_each_flavour, watch};

/// A directory of the test's own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("filch-fs-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What the system knows a file by.
#[cfg(unix)]
macro_rules! number_of {
    ($file:expr) => {
        $file.as_raw_fd()
    };
}

/// What the system knows a file by.
#[cfg(windows)]
macro_rules! number_of {
    ($file:expr) => {
        $file.as_raw_handle().addr()
    };
}

/// Runs a test with a folder of its own on each flavour.
fn each<F: Future<Output = ()>>(test: impl Fn(PathBuf) -> F) {
    let _watch = watch();
    on_each_flavour(|rt| {
        let folder = Folder::new();
        rt.block_on(test(folder.0.clone()));
    });
}

async fn read_write(path: &Path) -> File {
    let mut options = File::options();
    options.read(true).write(true).create(true).open(path).await.unwrap()
}

#[test]
fn whole_files() {
    each(|folder| async move {
        let (a, b, c) = (folder.join("a"), folder.join("b"), folder.join("c"));
        fs::write(&a, b"hello").await.unwrap();
        assert_eq!(fs::read(&a).await.unwrap(), b"hello");
        assert_eq!(fs::read_to_string(&a).await.unwrap(), "hello");
        assert_eq!(fs::copy(&a, &b).await.unwrap(), 5);
        fs::rename(&b, &c).await.unwrap();
        assert!(!fs::try_exists(&b).await.unwrap());
        assert!(fs::try_exists(&c).await.unwrap());
        fs::remove_file(&c).await.unwrap();
        fs::write(&b, [0xff, 0xfe]).await.unwrap();
        let error = fs::read_to_string(&b).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        for error in [
            fs::read(&c).await.unwrap_err(),
            fs::remove_file(&c).await.unwrap_err(),
            fs::copy(&c, &a).await.unwrap_err(),
            fs::metadata(&c).await.unwrap_err(),
            fs::canonicalize(&c).await.unwrap_err(),
            fs::write(c.join("d"), "x").await.unwrap_err(),
            File::open(&c).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    });
}

#[cfg(unix)]
#[test]
fn links_and_permissions() {
    each(|folder| async move {
        let (a, b, c) = (folder.join("a"), folder.join("b"), folder.join("c"));
        fs::write(&a, b"hello").await.unwrap();
        fs::hard_link(&a, &b).await.unwrap();
        fs::symlink("a", &c).await.unwrap();
        assert_eq!(fs::metadata(&b).await.unwrap().nlink(), 2);
        assert!(fs::symlink_metadata(&c).await.unwrap().is_symlink());
        assert!(fs::metadata(&c).await.unwrap().is_file());
        assert_eq!(fs::read_link(&c).await.unwrap(), Path::new("a"));
        let real = std::fs::canonicalize(&a).unwrap();
        assert_eq!(fs::canonicalize(&c).await.unwrap(), real);
        let mut permissions = fs::metadata(&a).await.unwrap().permissions();
        permissions.set_mode(0o600);
        fs::set_permissions(&a, permissions.clone()).await.unwrap();
        assert_eq!(fs::metadata(&b).await.unwrap().mode() & 0o777, 0o600);
        permissions.set_mode(0o640);
        let file = File::open(&a).await.unwrap();
        file.set_permissions(permissions).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().mode() & 0o777, 0o640);
    });
}

#[test]
fn directories() {
    each(|folder| async move {
        let deep = folder.join("x/y/z");
        assert_eq!(fs::create_dir(&deep).await.unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir_all(&deep).await.unwrap();
        fs::create_dir_all(&deep).await.unwrap();
        assert_eq!(fs::create_dir(&deep).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        let not_empty = fs::remove_dir(folder.join("x")).await.unwrap_err();
        assert_eq!(not_empty.kind(), ErrorKind::DirectoryNotEmpty);
        fs::remove_dir(&deep).await.unwrap();
        fs::remove_dir_all(folder.join("x")).await.unwrap();
        let mut builder = DirBuilder::new();
        assert!(builder.create(&deep).await.is_err());
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&deep).await.unwrap();
        #[cfg(unix)]
        assert_eq!(fs::metadata(&deep).await.unwrap().mode() & 0o777, 0o700);
    });
}

#[test]
fn every_entry_is_listed_once() {
    for count in [0, 1, 31, 32, 33, 100] {
        each(|folder| async move {
            for number in 0..count {
                std::fs::write(folder.join(format!("{number:03}")), "").unwrap();
            }
            let mut entries = fs::read_dir(&folder).await.unwrap();
            let mut names = Vec::new();
            while let Some(entry) = entries.next_entry().await.unwrap() {
                assert_eq!(entry.path(), folder.join(entry.file_name()));
                assert!(entry.file_type().await.unwrap().is_file());
                assert_eq!(entry.metadata().await.unwrap().len(), 0);
                #[cfg(unix)]
                assert_eq!(entry.metadata().await.unwrap().ino(), entry.ino());
                names.push(entry.file_name().into_string().unwrap());
            }
            assert!(entries.next_entry().await.unwrap().is_none());
            names.sort();
            let expected: Vec<_> = (0..count).map(|number| format!("{number:03}")).collect();
            assert_eq!(names, expected);
            let missing = fs::read_dir(folder.join("missing")).await.unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
        });
    }
}

#[test]
fn options_are_obeyed() {
    each(|folder| async move {
        let a = folder.join("a");
        let mut created = File::create_new(&a).await.unwrap();
        created.write_all(b"one").await.unwrap();
        created.flush().await.unwrap();
        let again = File::create_new(&a).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        let mut appending = OpenOptions::new().append(true).open(&a).await.unwrap();
        appending.write_all(b"two").await.unwrap();
        appending.flush().await.unwrap();
        assert_eq!(fs::read(&a).await.unwrap(), b"onetwo");
        let nothing = OpenOptions::new().open(&a).await.unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::InvalidInput);
        File::create(&a).await.unwrap();
        assert_eq!(fs::read(&a).await.unwrap(), b"");
        let mut reader = File::open(&a).await.unwrap();
        // Taken over, and refused in the background.
        assert_eq!(reader.write(b"x").await.unwrap(), 1);
        assert!(reader.flush().await.is_err());
        reader.flush().await.unwrap();
    });
}

#[cfg(unix)]
#[test]
fn modes_are_obeyed_and_directories_are_files() {
    each(|folder| async move {
        let mut private = OpenOptions::new();
        let private = private.write(true).create(true).mode(0o600).open(folder.join("b")).await;
        assert_eq!(private.unwrap().metadata().await.unwrap().mode() & 0o777, 0o600);
        let directory = File::open(&folder).await.unwrap();
        directory.sync_all().await.unwrap();
    });
}

#[cfg(unix)]
#[test]
fn a_write_that_failed_is_told_by_the_next_operation() {
    each(|_| async move {
        let full = || async { File::options().write(true).open("/dev/full").await.unwrap() };
        let mut file = full().await;
        assert_eq!(file.write(b"x").await.unwrap(), 1);
        assert_eq!(file.flush().await.unwrap_err().kind(), ErrorKind::StorageFull);
        file.flush().await.unwrap();
        let mut file = full().await;
        assert_eq!(file.write(b"x").await.unwrap(), 1);
        assert_eq!(file.write(b"x").await.unwrap_err().kind(), ErrorKind::StorageFull);
        let mut file = full().await;
        assert_eq!(file.write(b"x").await.unwrap(), 1);
        assert_eq!(file.sync_all().await.unwrap_err().kind(), ErrorKind::StorageFull);
        let mut file = full().await;
        assert_eq!(file.write(b"x").await.unwrap(), 1);
        assert_eq!(file.shutdown().await.unwrap_err().kind(), ErrorKind::StorageFull);
    });
}

#[test]
fn jobs_are_as_large_as_they_may_be() {
    each(|folder| async move {
        let mut file = read_write(&folder.join("a")).await;
        assert_eq!(file.max_buf_size(), 2 * 1024 * 1024);
        let bytes = vec![b'x'; 3 * 1024 * 1024];
        assert_eq!(file.write(&bytes).await.unwrap(), 2 * 1024 * 1024);
        file.write_all(&bytes[2 * 1024 * 1024..]).await.unwrap();
        file.rewind().await.unwrap();
        let mut back = vec![0; bytes.len()];
        assert_eq!(file.read(&mut back).await.unwrap(), 2 * 1024 * 1024);
        file.set_max_buf_size(10);
        assert_eq!(file.max_buf_size(), 10);
        assert_eq!(file.read(&mut back).await.unwrap(), 10);
        assert_eq!(file.write(&bytes).await.unwrap(), 10);
        file.flush().await.unwrap();
        assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 10);
        {
            // Also while something is under way.
            let mut syncs = pin!(file.sync_all());
            poll_fn(|cx| Poll::Ready(_ = syncs.as_mut().poll(cx))).await;
            assert_eq!(file.max_buf_size(), 10);
            syncs.await.unwrap();
        }
        assert_eq!(file.write(&[]).await.unwrap(), 0);
        assert_eq!(file.read(&mut []).await.unwrap(), 0);
    });
}

#[test]
fn many_slices_are_one_write() {
    each(|folder| async move {
        let mut file = read_write(&folder.join("a")).await;
        let slices = ["one", "", "two"].map(|word| std::io::IoSlice::new(word.as_bytes()));
        assert_eq!(file.write_vectored(&slices).await.unwrap(), 6);
        file.flush().await.unwrap();
        assert_eq!(fs::read(folder.join("a")).await.unwrap(), b"onetwo");
    });
}

#[test]
fn files_of_std_come_and_go() {
    each(|folder| async move {
        let path = folder.join("a");
        let mut file = File::from(std::fs::File::create_new(&path).unwrap());
        file.write_all(b"hello").await.unwrap();
        let number = number_of!(file);
        let std = file.into_std().await;
        assert_eq!(number_of!(std), number);
        assert_eq!(std::fs::read(&path).unwrap(), b"hello");
        let file = File::from_std(std);
        let clone = file.try_clone().await.unwrap();
        assert_ne!(number_of!(clone), number);
        assert_eq!(number_of!(file.try_into_std().unwrap()), number);
        let mut busy = clone;
        busy.write_all(b"!").await.unwrap();
        // Whether the write has ended we cannot know; what is there is there in the end.
        match busy.try_into_std() {
            Ok(_) => panic!("nobody has heard of the write's end yet"),
            Err(mut file) => file.flush().await.unwrap(),
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"hello!");
    });
}

#[test]
fn who_shares_a_file_waits_for_a_turn() {
    each(|folder| async move {
        let mut file = read_write(&folder.join("a")).await;
        file.write_all(b"hello").await.unwrap();
        let file = std::sync::Arc::new(file);
        let tasks: Vec<_> = (0..20u64)
            .map(|number| {
                let file = file.clone();
                filch::spawn(async move {
                    file.set_len(number).await.unwrap();
                    file.sync_data().await.unwrap();
                    file.metadata().await.unwrap().len()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap() < 20);
        }
        // Given up in every state, it stays usable.
        for polls in 0..5 {
            let mut polled = 0;
            let mut sync = std::pin::pin!(file.sync_all());
            std::future::poll_fn(|cx| {
                polled += 1;
                if polled > polls || sync.as_mut().poll(cx).is_ready() {
                    return std::task::Poll::Ready(());
                }
                std::task::Poll::Pending
            })
            .await;
        }
        file.set_len(3).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 3);
    });
}

#[test]
fn seeking() {
    each(|folder| async move {
        let mut file = read_write(&folder.join("a")).await;
        file.write_all(b"0123456789").await.unwrap();
        assert_eq!(file.seek(SeekFrom::Start(2)).await.unwrap(), 2);
        assert_eq!(file.seek(SeekFrom::Current(3)).await.unwrap(), 5);
        assert_eq!(file.read_u8().await.unwrap(), b'5');
        assert_eq!(file.stream_position().await.unwrap(), 6);
        assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 9);
        let before = file.seek(SeekFrom::Current(-10)).await.unwrap_err();
        // Windows has an error of its own for this.
        assert!(cfg!(windows) || before.kind() == ErrorKind::InvalidInput);
        let overflow = file.seek(SeekFrom::Current(i64::MIN)).await.unwrap_err();
        assert!(cfg!(windows) || overflow.kind() == ErrorKind::InvalidInput);
        assert_eq!(file.read_u8().await.unwrap(), b'9');
        let end = file.read_u8().await.unwrap_err();
        assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
        file.set_len(20).await.unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [0; 10]);
    });
}

#[test]
fn without_descriptors_an_open_fails_and_leaves_nothing() {
    let _watch = watch();
    let name = "without_descriptors_an_open_fails_and_leaves_nothing";
    if !in_child(name, "ulimit -n 40") {
        return;
    }
    let folder = Folder::new();
    let path = folder.path("a");
    support::current().block_on(async {
        let mut file = read_write(&path).await;
        let mut hoard = Vec::new();
        let error = loop {
            match File::open("/dev/null").await {
                Ok(file) => hoard.push(file),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(24));
        assert_eq!(file.try_clone().await.unwrap_err().raw_os_error(), Some(24));
        assert_eq!(fs::read("/dev/null").await.unwrap_err().raw_os_error(), Some(24));
        assert_eq!(fs::read_dir("/").await.unwrap_err().raw_os_error(), Some(24));
        file.write_all(b"works").await.unwrap();
        file.flush().await.unwrap();
        hoard.pop();
        assert_eq!(fs::read(&path).await.unwrap(), b"works");
    });
}

#[test]
fn types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<File>();
    check::<OpenOptions>();
    check::<ReadDir>();
    check::<DirEntry>();
    check::<DirBuilder>();
}

#[cfg(unix)]
#[test]
fn a_descriptor_becomes_a_file() {
    each(async |folder| {
        let std = std::fs::File::create(folder.join("a")).unwrap();
        let mut file = File::from(std::os::fd::OwnedFd::from(std));
        file.write_all(b"mine").await.unwrap();
        file.flush().await.unwrap();
        let mut file = OpenOptions::default().read(true).open(folder.join("a")).await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "mine");
    });
}
