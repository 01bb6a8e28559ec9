//! `TlsInfo`: what the handshake of a connection has shown.

use rustls::pki_types::CertificateDer;
use rustls::{Connection, ProtocolVersion, SupportedCipherSuite};

/// Who the peer of a connection is, and how it is spoken with.
///
/// From [`StreamWriter::tls_info`](crate::streams::StreamWriter::tls_info). The counterpart of what
/// asyncio's `get_extra_info` says about `peercert`, `cipher` and `ssl_object`.
///
/// # Examples
///
/// ```no_run
/// use filch::streams::StreamWriter;
///
/// fn is_mail(writer: &StreamWriter) -> bool {
///     writer.tls_info().is_some_and(|info| info.alpn_protocol() == Some(&b"smtp"[..]))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TlsInfo {
    certificates: Option<Vec<CertificateDer<'static>>>,
    alpn: Option<Vec<u8>>,
    version: Option<ProtocolVersion>,
    cipher: Option<SupportedCipherSuite>,
    server_name: Option<String>,
}

impl TlsInfo {
    pub(super) fn of(session: &Connection) -> TlsInfo {
        let certificates = session.peer_certificates().map(|shown| {
            shown.iter().map(|certificate| certificate.clone().into_owned()).collect()
        });
        let server_name = match session {
            Connection::Client(_) => None,
            Connection::Server(session) => session.server_name().map(str::to_owned),
        };
        TlsInfo {
            certificates,
            alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            version: session.protocol_version(),
            cipher: session.negotiated_cipher_suite(),
            server_name,
        }
    }

    /// Who the peer is, its own certificate first; none if it has not shown any.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.certificates.as_deref()
    }

    /// The protocol that both have agreed on to speak in here (ALPN).
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// Which version of TLS it is.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// Which cipher it is.
    pub fn cipher_suite(&self) -> Option<SupportedCipherSuite> {
        self.cipher
    }

    /// Whom the client wanted to speak with, as far as it has said so (SNI); none on its own side.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }
}
