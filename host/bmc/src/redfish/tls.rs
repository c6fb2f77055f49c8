//! What TLS is spoken with one service.

use std::sync::{Arc, OnceLock};

use rustls::{
    CipherSuite, ClientConfig, RootCertStore, SupportedProtocolVersion,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    version::{TLS12, TLS13},
};
use rustls_native_certs::CertificateResult;

use super::{RedfishError, Scheme, Service, TlsVersion, Trust, target, trust};
use crate::TargetError;

/// Sessions that can be resumed, for each service: it has one host.
const RESUMABLE: usize = 4;

/// The suites of TLS 1.2 that exist here, by their OpenSSL names.
const CIPHERS: [(&str, CipherSuite); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// The system's authorities, read once.
#[derive(Default)]
pub(super) struct SystemTrust(OnceLock<Arc<RootCertStore>>);

/// Whether there is a cipher suite of this OpenSSL name.
pub(super) fn is_cipher(name: &str) -> bool {
    CIPHERS.iter().any(|(known, _)| *known == name)
}

/// TLS as the service's keys want it. Reads files: not for a thread that others wait for.
pub(super) fn configuration(
    service: &Service,
    system: &SystemTrust,
) -> Result<ClientConfig, RedfishError> {
    let mut provider = aws_lc_rs::default_provider();
    if !service.ciphers.is_empty() {
        provider.cipher_suites.retain(|suite| {
            suite.tls13().is_some()
                || CIPHERS.iter().any(|(name, id)| {
                    *id == suite.suite() && service.ciphers.iter().any(|wanted| wanted == name)
                })
        });
    }
    let provider = Arc::new(provider);
    let versions: &[&'static SupportedProtocolVersion] = match service.minimum_tls {
        TlsVersion::V1_2 => &[&TLS13, &TLS12],
        TlsVersion::V1_3 => &[&TLS13],
    };
    // Without TLS nothing needs to be trusted, nor read.
    let wanted = match service.address.scheme() {
        Scheme::Http => &Trust::Anything,
        Scheme::Https => &service.trust,
    };
    let verifier: Arc<dyn ServerCertVerifier> = match wanted {
        Trust::System => webpki(system.authorities()?, &provider)?,
        Trust::Authorities(path) => {
            let (file, folder) = if path.is_dir() {
                (None, Some(path.as_path()))
            } else {
                (Some(path.as_path()), None)
            };
            let found = rustls_native_certs::load_certs_from_paths(file, folder);
            if found.certs.is_empty() {
                for error in found.errors {
                    tracing::warn!(%error, "certificates named by redfish_verify_ca could not be read");
                }
                return Err(wrong_authorities());
            }
            let listed = found.certs.clone();
            let authorities = webpki(store(found)?, &provider).map_err(|_| wrong_authorities())?;
            Arc::new(trust::Listed::new(listed, authorities))
        }
        Trust::Fingerprint(fingerprint) => {
            Arc::new(trust::Unsigned::pinned(*fingerprint, Arc::clone(&provider)))
        }
        Trust::Anything => Arc::new(trust::Unsigned::anything(Arc::clone(&provider))),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| unusable(Box::new(error)))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(RESUMABLE);
    Ok(config)
}

impl SystemTrust {
    fn authorities(&self) -> Result<Arc<RootCertStore>, RedfishError> {
        if let Some(known) = self.0.get() {
            return Ok(Arc::clone(known));
        }
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's certificate authorities could not be read");
        }
        let authorities = store(found)?;
        Ok(Arc::clone(self.0.get_or_init(|| authorities)))
    }
}

/// The authorities among what was found.
fn store(found: CertificateResult) -> Result<Arc<RootCertStore>, RedfishError> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(RedfishError::Untrusted {
            reason: "this host has no certificate authorities: install them, or set redfish_verify_ca",
            source: None,
        });
    }
    Ok(Arc::new(store))
}

fn webpki(
    authorities: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, RedfishError> {
    WebPkiServerVerifier::builder_with_provider(authorities, Arc::clone(provider))
        .build()
        .map_err(|error| unusable(Box::new(error)))
}

fn wrong_authorities() -> RedfishError {
    RedfishError::InvalidTarget(TargetError::Invalid {
        key: "redfish_verify_ca",
        expected: target::VERIFY,
    })
}

fn unusable(source: super::error::Source) -> RedfishError {
    RedfishError::Untrusted {
        reason: "TLS can't be set up as the node's keys want it: check redfish_tls_minimum_version and redfish_tls_ciphers",
        source: Some(source),
    }
}
