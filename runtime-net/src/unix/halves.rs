//! The halves of a Unix stream that borrow it: a reader and a writer in one task.

use super::{SocketAddr, UnixStream};
use crate::stream::halves;

halves!(UnixStream, SocketAddr);
