//! The whole product in the lab's Kubernetes: needs root and a running lab.

mod admission;
mod lab;
mod operator;
mod policies;
mod product;
