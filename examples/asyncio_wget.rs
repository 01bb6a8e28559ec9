//! The oldest asyncio tutorial, wget: the headers of several hosts, fetched at the same time over plain
//! streams. The hosts are servers in this program.
//!
//! `cargo run --example asyncio_wget`

use filch::streams::{Server, StreamReader, StreamWriter, open_connection, start_server};
use std::io;
use std::net::SocketAddr;

#[filch::main]
async fn main() -> io::Result<()> {
    fetch_all(|line| println!("{line}")).await
}

async fn wget(host: &str, address: SocketAddr, print: fn(String)) -> io::Result<()> {
    print(format!("wget {host}..."));
    let (mut reader, mut writer) = open_connection(address).await?;
    writer.write(format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes());
    writer.drain().await?;
    loop {
        let line = reader.readline().await?;
        match String::from_utf8_lossy(&line).trim_end() {
            "" => return Ok(()),
            header => print(format!("{host} header > {header}")),
        }
    }
}

pub(crate) async fn fetch_all(print: fn(String)) -> io::Result<()> {
    let names = ["www.sina.com.cn", "www.sohu.com", "www.163.com"];
    let mut servers = Vec::new();
    for _ in names {
        servers.push(host().await?);
    }
    let fetches =
        names.iter().zip(&servers).map(|(name, server)| wget(name, server.local_addrs()[0], print));
    filch::gather(fetches).await?;
    Ok(())
}

/// A server that greets whoever it is asked for.
async fn host() -> io::Result<Server> {
    start_server("127.0.0.1:0", |mut reader: StreamReader, mut writer: StreamWriter| async move {
        let Ok(request) = reader.readuntil("\r\n\r\n").await else { return };
        let request = String::from_utf8_lossy(&request);
        let name = request.lines().find_map(|line| line.strip_prefix("Host: "));
        let name = name.unwrap_or("nobody");
        let answer = format!("HTTP/1.0 200 OK\r\nServer: {name}\r\n\r\nhello from {name}\n");
        writer.write(answer.as_bytes());
    })
    .await
}
