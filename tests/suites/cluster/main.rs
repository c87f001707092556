//! The whole product in the lab's Kubernetes: needs root and a running lab.

mod lab;
mod policies;
