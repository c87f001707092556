//! The whole product in the lab's Kubernetes: needs root and a running lab.

mod admission;
mod demo;
mod lab;
mod operator;
mod policies;
mod product;
mod turns;
