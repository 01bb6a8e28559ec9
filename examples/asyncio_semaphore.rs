//! asyncio's tutorial on semaphores: ten downloads, of which no more than three run at a time.
//!
//! `cargo run --example asyncio_semaphore`

use filch::streams::{open_connection, start_server};
use filch::sync::Semaphore;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;

#[filch::main]
async fn main() -> io::Result<()> {
    download_all(|line| println!("{line}")).await
}

async fn download(server: SocketAddr, page: u32) -> io::Result<String> {
    let (mut reader, mut writer) = open_connection(server).await?;
    writer.write(format!("{page}\n").as_bytes());
    let text = reader.readline().await?;
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}

pub(crate) async fn download_all(print: fn(String)) -> io::Result<()> {
    let server = start_server("127.0.0.1:0", |mut reader, mut writer| async move {
        if let Ok(page) = reader.readline().await {
            writer.write([&b"page "[..], &page].concat().as_slice());
        }
    })
    .await?;
    let address = server.local_addrs()[0];

    let three_at_a_time = Semaphore::new(3);
    let (running, most) = (Cell::new(0), Cell::new(0));
    let downloads = (1..=10).map(async |page| {
        let _turn = three_at_a_time.acquire().await.expect("nobody closes it");
        running.set(running.get() + 1);
        most.set(most.get().max(running.get()));
        let text = download(address, page).await;
        running.set(running.get() - 1);
        text
    });
    for text in filch::gather(downloads).await? {
        print(text);
    }
    print(format!("at most {} at a time", most.get()));
    Ok(())
}
