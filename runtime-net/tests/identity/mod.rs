//! Certificates for the tests of TLS, and both sides of it.
#![allow(dead_code, unreachable_pub)]

use std::sync::Arc;

use filch::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use filch::tls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use filch::tls::{TlsAcceptor, TlsConnector};

/// Somebody with a certificate that is its own authority.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    pub fn new(name: &str) -> Identity {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        Identity { certificate: made.cert.der().clone(), key }
    }

    pub fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Arc::new(roots)
    }

    pub fn server(&self) -> ServerConfig {
        let chain = vec![self.certificate.clone()];
        let config = ServerConfig::builder().with_no_client_auth();
        config.with_single_cert(chain, self.key.clone_key()).unwrap()
    }

    /// Of this version of TLS only.
    pub fn server_of(&self, version: &'static SupportedProtocolVersion) -> ServerConfig {
        let chain = vec![self.certificate.clone()];
        let config = ServerConfig::builder_with_protocol_versions(&[version]);
        config.with_no_client_auth().with_single_cert(chain, self.key.clone_key()).unwrap()
    }

    pub fn client(&self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth()
    }
}

pub fn acceptor(config: ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}

pub fn connector(config: ClientConfig) -> TlsConnector {
    TlsConnector::from(Arc::new(config))
}

pub fn name(name: &'static str) -> ServerName<'static> {
    ServerName::try_from(name).unwrap()
}
