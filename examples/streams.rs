//! asyncio's streams: an echo server and its clients in one program, which ends by itself.
//!
//! `cargo run --release --example streams`

use filch::streams::{StreamReader, StreamWriter, open_connection, start_server};
use filch::time::Duration;

async fn echo(mut reader: StreamReader, mut writer: StreamWriter) {
    while let Ok(line) = reader.readline().await
        && !line.is_empty()
    {
        writer.write(line);
        if writer.drain().await.is_err() {
            return;
        }
    }
}

/// Serves, connects three clients, and waits until they have gone.
#[filch::main]
pub async fn main() -> std::io::Result<()> {
    let server = start_server("127.0.0.1:0", echo).await?;
    let address = server.local_addrs()[0];
    println!("serving at {address}");

    let clients: Vec<_> = (1..=3)
        .map(|number| {
            filch::spawn(async move {
                let (mut reader, mut writer) = open_connection(address).await?;
                writer.write(format!("hello from client {number}\n").as_bytes());
                let answer = reader.readline().await?;
                assert_eq!(answer, format!("hello from client {number}\n"));
                print!("{}", String::from_utf8_lossy(&answer));
                std::io::Result::Ok(())
            })
        })
        .collect();
    for client in clients {
        client.await??;
    }

    let in_time = server.graceful_shutdown(Duration::from_secs(1)).await;
    assert!(in_time, "a client did not go by itself");
    println!("all clients have gone by themselves");
    Ok(())
}
