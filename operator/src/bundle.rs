//! A bundle of certificates, read as the sidecar will read it: what it would refuse is refused here, where the author of
//! the policy sees it.
//!
//! Pure. Nothing is dialled with it. A sidecar that is handed a broken bundle keeps its last policy (K14).

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// What a text is instead of a bundle. Nothing of the text is shown: it may be a key that lies at the wrong place (P23).
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("no PEM certificate")]
    Empty,
    #[error("a PEM text that is cut off or not base64")]
    Pem(#[source] pem::Error),
    #[error("a certificate that cannot be read")]
    Certificate(#[from] rustls::Error),
}

/// Whether every certificate in the text can be trusted by, and there is one.
pub fn check(text: &str) -> Result<(), BundleError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        roots.add(certificate.map_err(BundleError::Pem)?)?;
    }
    if roots.is_empty() { Err(BundleError::Empty) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) fn example() -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["sso.example.com".to_owned()]).expect("a name");
    certificate.self_signed(&key).expect("a certificate").pem()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certificate_or_several_are_a_bundle_and_words_around_them_do_no_harm() {
        let one = example();
        assert!(check(&one).is_ok());
        assert!(check(&format!("# ours\n{one}\n{}", example())).is_ok());
    }

    #[test]
    fn a_bundle_without_a_certificate_is_empty() {
        for text in ["", "no PEM here", "-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"] {
            assert!(matches!(check(text), Err(BundleError::Empty)), "{text}");
        }
    }

    #[test]
    fn one_broken_certificate_breaks_the_bundle_also_behind_a_good_one() {
        let frame =
            |content: &str| format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");
        for content in ["MA==", "AAAA", "this is not base64", ""] {
            let bundle = format!("{}{}", example(), frame(content));
            assert!(check(&bundle).is_err(), "{content:?}");
        }
        assert!(check(&format!("{}-----BEGIN CERTIFICATE-----\nMA==\n", example())).is_err(), "cut off");
    }
}
