//! UDP: datagrams over the network.
//!
//! | file | what |
//! |---|---|
//! | socket.rs | `UdpSocket`, and datagrams one by one |
//! | peek.rs | to look at a datagram, or its sender, and leave it there |
//! | batches.rs | many datagrams at a time |
//! | options.rs | what the system lets one set |

mod batches;
mod options;
mod peek;
mod socket;

pub use batches::{Incoming, Outgoing};
pub use socket::UdpSocket;
