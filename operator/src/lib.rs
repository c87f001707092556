//! The control plane: turns policies into what sidecars obey and what the API server injects, and says how they are.
//!
//! ```text
//! controller   one reconcile: rendered → keys → gather → resolve → render → rendered → hear → status      (on one screen)
//! rendered     the Secret of a policy: read first, and written as it was read or not at all
//! keys         pure: mints, keeps and rotates the keys of proxy mode
//! gather       reads the Secrets and ConfigMaps that a policy names
//! resolve      pure: what was written + what was read → a Policy, or why there is none; bundle: its certificates
//! render       pure: → the Secret, and what is injected
//! apply        the touch that makes a kubelet look, and the status; told: pure: what it was told, and when again
//! pods         pure: who is selected, and how far each is
//! hear         asks the sidecars which revision they obey
//! status       pure: → conditions, counts, events
//! admission    the admission policies and their namespaces
//! ```

pub mod admission;
pub mod apply;
pub mod bundle;
pub mod controller;
pub mod gather;
pub mod hear;
pub mod keys;
pub mod names;
pub mod pods;
pub mod render;
pub mod rendered;
pub mod resolve;
pub mod settings;
pub mod status;
pub mod telemetry;
pub mod told;
