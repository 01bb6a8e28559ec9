//! Datagrams, files and children.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use super::{Ctx, How, Metric, Row, Sample, Target, per_op};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "udp_pingpong",
        about: "a datagram of 64 bytes there and back between two tasks",
        metrics: &[Metric::lower("", "ns/round trip", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(udp_pingpong),
    },
    Row {
        name: "file_read_4k",
        about: "read a file of 4 KiB, which the system has in its cache, one after the other",
        metrics: &[Metric::lower("", "ns", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(file_read_4k),
    },
    Row {
        name: "file_read_16m",
        about: "the same with 16 MiB",
        metrics: &[Metric::lower("", "ns", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(file_read_16m),
    },
    Row {
        name: "process_spawn",
        about: "start `true` and wait for its end, one after the other",
        metrics: &[Metric::lower("", "ns", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(process_spawn),
    },
];

fn udp_pingpong<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 50_000, datagrams_to_and_fro::<P>)
}

async fn datagrams_to_and_fro<P: Peer>(n: usize) {
    let [near, far] = P::datagrams().await.expect("two ports are free");
    let echo = P::spawn(async move {
        let mut buffer = [0; 64];
        for _ in 0..n {
            let count = P::recv(&far, &mut buffer).await.expect("a datagram");
            P::send(&far, &buffer[..count]).await.expect("there is room");
        }
    });
    let mut buffer = [0; 64];
    for _ in 0..n {
        P::send(&near, &[7; 64]).await.expect("there is room");
        assert_eq!(P::recv(&near, &mut buffer).await.expect("a datagram"), 64);
    }
    echo.await;
}

/// A file of that many bytes that is removed with this.
struct Scratch(PathBuf);

impl Scratch {
    fn new(bytes: usize) -> Scratch {
        let name = format!("filch-benches-{}-{bytes}", process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, vec![7; bytes]).expect("there is room for a file");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies among temporary files in any case.
        let _ = fs::remove_file(&self.0);
    }
}

fn file_read_4k<P: Peer>(ctx: &Ctx) -> Sample {
    file_read::<P, { 4 << 10 }>(ctx, 20_000)
}

fn file_read_16m<P: Peer>(ctx: &Ctx) -> Sample {
    file_read::<P, { 16 << 20 }>(ctx, 100)
}

fn file_read<P: Peer, const BYTES: usize>(ctx: &Ctx, full: usize) -> Sample {
    per_op::<P, _, _>(ctx, full, async |n| {
        let scratch = Scratch::new(BYTES);
        for _ in 0..n {
            let read = P::read_file(Path::new(&scratch.0)).await.expect("the file is there");
            assert_eq!(read.len(), BYTES);
        }
    })
}

fn process_spawn<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1000, children::<P>)
}

async fn children<P: Peer>(n: usize) {
    for _ in 0..n {
        assert!(P::run_program("true").await.expect("`true` is installed"));
    }
}
