//! What a server process does: the same handler under every peer.

use std::str::FromStr;

use super::{Ctx, echo::echo_back, on_runtime};
use crate::{
    load,
    peers::{Peer, PeerId, on_each_peer},
};

/// What is served.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// What comes goes back.
    Echo,
    /// A greeting for each request of HTTP/1.1, on connections that are kept.
    Http,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Echo => "echo",
            Service::Http => "http",
        }
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Service, String> {
        match name {
            "echo" => Ok(Service::Echo),
            "http" => Ok(Service::Http),
            _ => Err(format!("what is the service `{name}`?")),
        }
    }
}

/// Serves as `peer` until the process ends; prints the port once it listens.
pub(crate) fn serve(service: Service, peer: PeerId, ctx: &Ctx) {
    match (peer, service) {
        (PeerId::Bare, Service::Echo) => load::bare::serve().expect("the bare loop runs"),
        (_, Service::Echo) => (on_each_peer!(echoes))(peer, ctx),
        (_, Service::Http) => (on_each_peer!(greets))(peer, ctx),
    }
}

fn echoes<P: Peer>(ctx: &Ctx) {
    on_runtime::<P, _>(ctx, async {
        let listener = listen::<P>().await;
        loop {
            let stream = P::accept(&listener).await.expect("a client connects");
            P::detach(echo_back::<P>(stream));
        }
    })
}

fn greets<P: Peer>(ctx: &Ctx) {
    on_runtime::<P, _>(ctx, async {
        let listener = listen::<P>().await;
        loop {
            let stream = P::accept(&listener).await.expect("a client connects");
            P::detach(greet::<P>(stream));
        }
    })
}

async fn listen<P: Peer>() -> P::Listener {
    let (listener, addr) = P::bind().await.expect("a port is free");
    println!("{}", addr.port());
    listener
}

/// Answers each request, until the client hangs up or sends a head that is too long.
async fn greet<P: Peer>(mut stream: P::Stream) {
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while let Ok(n @ 1..) = P::read(&mut stream, &mut buffer[filled..]).await {
        filled += n;
        while let Some(end) = head(&buffer[..filled]) {
            if P::write_all(&mut stream, load::GREETING).await.is_err() {
                return;
            }
            buffer.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}

/// How long the first request is, which has no body; `None` while it is not complete.
fn head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_with_an_empty_line() {
        assert_eq!(head(load::REQUEST), Some(load::REQUEST.len()));
        assert_eq!(head(&load::REQUEST[..load::REQUEST.len() - 1]), None);
    }
}
