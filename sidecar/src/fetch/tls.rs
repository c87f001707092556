//! Whom a fetch, and the store's connection, trust: the public roots, compiled in because the image holds nothing else, and the certificates of a
//! bundle beside them.
//!
//! Pure. One cryptography for all of the sidecar: aws-lc-rs.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::FetchError;

/// `ca_bundle` is PEM text.
pub(crate) fn config(ca_bundle: Option<&str>) -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(bundle) = ca_bundle {
        add_bundle(&mut roots, bundle)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(FetchError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add_bundle(roots: &mut RootCertStore, bundle: &str) -> Result<(), FetchError> {
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        let certificate = certificate.map_err(|error| FetchError::Bundle(error.to_string()))?;
        roots.add(certificate).map_err(|error| FetchError::Bundle(error.to_string()))?;
        added += 1;
    }
    if added == 0 { Err(FetchError::BundleEmpty) } else { Ok(()) }
}
