//! The whole product in the lab's Kubernetes: needs root and a running lab.

mod admission;
mod lab;
mod policies;
mod product;
