//! An echo server: a task per connection.
//!
//! ```text
//! cargo run --release --example echo_server            # on 127.0.0.1:8080
//! cargo run --release --example echo_server 0.0.0.0:7
//! ```

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use std::io;

#[filch::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on {}", listener.local_addr()?);
    serve(listener).await
}

/// Answers whoever connects, for ever.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((client, _)) => _ = filch::spawn(echo(client)),
            // As when the process has no descriptor left. It may have one later: until then the
            // listener itself takes care that this loop does not spin.
            Err(error) => eprintln!("cannot accept: {error}"),
        }
    }
}

async fn echo(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut buffer = vec![0; 4096];
    loop {
        match client.read(&mut buffer).await? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count]).await?,
        }
    }
}
