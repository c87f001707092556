//! What the references of a policy led to, and what is wrong with it.
//!
//! Pure. A secret is never part of what is said about it.

use crds::Broken;
use crds::resource::CaBundleRef;
use crds::violation::Collector;

use crate::bundle::{self, BundleError};
use crate::gather::{Absent, Inputs, Reference};

pub(super) struct Given<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) absent: Collector,
    pub(super) broken: Collector,
}

impl<'a> Given<'a> {
    /// What is made of the bytes behind a reference, where it can be.
    pub(super) fn take<T>(
        &mut self,
        path: &str,
        reference: impl Into<Reference>,
        parse: impl FnOnce(&[u8]) -> Result<T, Broken>,
    ) -> Option<T> {
        let bytes = self.value(path, &reference.into())?;
        self.broken.take(path, parse(bytes))
    }

    /// Certificates: all of them, or none.
    pub(super) fn ca_bundle(&mut self, path: &str, reference: &CaBundleRef) -> Option<String> {
        let reference = Reference::from(reference);
        let text = std::str::from_utf8(self.value(path, &reference)?).map_err(|_| BundleError::Empty);
        match text.and_then(|text| bundle::check(text).map(|()| text.to_owned())) {
            Ok(text) => Some(text),
            Err(error) => {
                let Reference { kind, name, key } = reference;
                let kind = kind.as_str();
                self.broken.report(path, format!("{kind} '{name}' has {error} under '{key}'"));
                None
            }
        }
    }

    /// The bytes behind a reference, or a note that says what to create.
    fn value(&mut self, path: &str, reference: &Reference) -> Option<&'a [u8]> {
        let Reference { kind, name, key } = reference;
        let kind = kind.as_str();
        match self.inputs.get(reference) {
            Some(Ok(bytes)) => return Some(bytes.expose()),
            Some(Err(Absent::Key)) => {
                self.absent.report(path, format!("{kind} '{name}' has no key '{key}': add it"));
            }
            Some(Err(Absent::Rendered)) => {
                self.broken.report(
                    path,
                    format!("{kind} '{name}' is one that the operator rendered: name one of your own"),
                );
            }
            Some(Err(Absent::Object)) | None => {
                self.absent.report(
                    path,
                    format!("there is no {kind} '{name}' in this namespace: create it, with the key '{key}'"),
                );
            }
        }
        None
    }
}
