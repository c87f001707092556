//! The contract: what users write (`resource`, feature `kube`), what the sidecar obeys (`policy`) and says of itself
//! (`report`), and the words all are made of (`names`, `secret`, `violation`).
//!
//! Pure. A rule is stated once, on the type that carries it: the constructor enforces it here, and the same text
//! becomes OpenAPI and CEL in the custom resource definition, so that what the API server admits is what runs.

pub mod claims;
pub mod delivery;
mod hmac_key;
mod macros;
pub mod names;
pub mod network;
pub mod policy;
pub mod provider;
pub mod proxy;
pub mod redirect;
pub mod report;
#[cfg(feature = "kube")]
pub mod resource;
mod rule;
pub mod secret;
pub mod violation;

pub use delivery::{Closed, Delivery, State};
pub use hmac_key::HmacKey;
pub use policy::Policy;
pub use report::Report;
pub use rule::Broken;
pub use secret::Secret;
pub use violation::{Violation, Violations};
