//! The control plane: turns policies into what sidecars obey and what the API server injects, and says how they are.
//!
//! ```text
//! controller   one reconcile: gather → resolve → render → apply → status      (five calls on one screen)
//! gather       reads the Secrets and ConfigMaps that a policy names
//! resolve      pure: what was written + what was read → a Policy, or why there is none; bundle: its certificates
//! render       pure: → the Secret, and what is injected
//! apply        server-side apply; pods: who is selected, and the touch that makes a kubelet look
//! status       pure: → conditions, counts, events
//! admission    the admission policies and their namespaces
//! ```

pub mod admission;
pub mod apply;
pub mod bundle;
pub mod controller;
pub mod gather;
pub mod names;
pub mod pods;
pub mod render;
pub mod resolve;
pub mod settings;
pub mod status;
pub mod telemetry;
