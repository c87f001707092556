//! The local Kubernetes lab.
