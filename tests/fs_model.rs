//! A file against a plain model: random operations, some given up after a poll or two.
#![cfg(feature = "fs")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use filch::fs::File;
use filch::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Read(usize),
    /// Given up after so many polls.
    ReadPart(usize, usize),
    Write(Vec<u8>),
    Flush,
    Seek(u64),
    SeekBy(i64),
    SetLen(u64),
    Len,
    LenGivenUp(usize),
    Clone,
    IntoStd,
    Limit(usize),
    /// What is on the disk is no longer in the system's memory, where it can be told so.
    Chill,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (1..40usize).prop_map(Op::Read),
        4 => (1..40usize, 1..3usize).prop_map(|(size, polls)| Op::ReadPart(size, polls)),
        4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Op::Write),
        1 => Just(Op::Flush),
        2 => (0..80u64).prop_map(Op::Seek),
        2 => (-40..40i64).prop_map(Op::SeekBy),
        1 => (0..80u64).prop_map(Op::SetLen),
        1 => Just(Op::Len),
        1 => (0..3usize).prop_map(Op::LenGivenUp),
        1 => Just(Op::Clone),
        1 => Just(Op::IntoStd),
        1 => (1..50usize).prop_map(Op::Limit),
        1 => Just(Op::Chill),
    ];
    prop::collection::vec(op, 1..40)
}

/// Polls at most `polls` times.
async fn give_up<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// What the file should be: its bytes, and where it stands.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    place: usize,
    /// Whether each write goes to the end.
    appends: bool,
}

impl Model {
    fn read(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let read = rest[..count].to_vec();
        self.place += count;
        read
    }

    fn rest(&self) -> usize {
        self.bytes.len().saturating_sub(self.place)
    }

    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.appends {
            self.place = self.bytes.len();
        }
        let end = self.place + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[self.place..end].copy_from_slice(bytes);
        self.place = end;
    }
}

async fn check(mut file: File, appends: bool, ops: Vec<Op>) -> File {
    let mut model = Model { appends, ..Model::default() };
    for op in ops {
        match op {
            Op::Read(size) => {
                let mut buf = vec![0; size];
                let mut got = file.read(&mut buf).await.unwrap();
                if got == 0 {
                    // A read that was given up at what was then the end says so to the next one.
                    got = file.read(&mut buf).await.unwrap();
                }
                assert!(got > 0 || model.rest() == 0);
                assert_eq!(buf[..got], model.read(got.min(model.rest())));
            }
            Op::ReadPart(size, polls) => {
                let mut buf = vec![0; size];
                if let Some(got) = give_up(file.read(&mut buf), polls).await {
                    let got = got.unwrap();
                    assert_eq!(buf[..got], model.read(got.min(model.rest())));
                }
            }
            Op::Write(bytes) => {
                file.write_all(&bytes).await.unwrap();
                model.write(&bytes);
            }
            Op::Flush => file.flush().await.unwrap(),
            Op::Seek(place) => {
                assert_eq!(file.seek(SeekFrom::Start(place)).await.unwrap(), place);
                model.place = place as usize;
            }
            Op::SeekBy(offset) => {
                let place = file.seek(SeekFrom::Current(offset)).await.ok();
                let expected = (model.place as u64).checked_add_signed(offset);
                assert_eq!(place, expected);
                model.place = expected.map_or(model.place, |place| place as usize);
            }
            Op::SetLen(length) => {
                file.set_len(length).await.unwrap();
                model.bytes.resize(length as usize, 0);
            }
            Op::Len => {
                let length = file.metadata().await.unwrap().len();
                assert_eq!(length, model.bytes.len() as u64);
            }
            Op::LenGivenUp(polls) => drop(give_up(file.metadata(), polls).await),
            Op::Clone => file = file.try_clone().await.unwrap(),
            Op::IntoStd => {
                let mut std = file.into_std().await;
                let place = std::io::Seek::stream_position(&mut std).unwrap();
                assert_eq!(place, model.place as u64);
                file = File::from_std(std);
            }
            Op::Limit(limit) => file.set_max_buf_size(limit),
            Op::Chill => {
                file.sync_data().await.unwrap();
                #[cfg(target_os = "linux")]
                let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
            }
        }
    }
    file.flush().await.unwrap();
    assert_eq!(file.stream_position().await.unwrap(), model.place as u64);
    file.rewind().await.unwrap();
    let mut all = Vec::new();
    file.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, model.bytes);
    file
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_is_bytes_and_a_place(appends in any::<bool>(), ops in ops()) {
        let _watch = support::watch();
        let path = std::env::temp_dir().join(format!("filch-fs-model-{}", std::process::id()));
        support::current().block_on(async {
            let mut options = File::options();
            options.read(true).write(true).create_new(true).append(appends);
            let file = options.open(&path).await.unwrap();
            std::fs::remove_file(&path).unwrap();
            drop(check(file, appends, ops).await);
        });
    }
}
