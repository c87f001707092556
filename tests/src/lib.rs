//! What the suites share: the lab (a Kubernetes of our own), and helpers around it.
//! Reads and starts programs of this machine; opens no connection beyond it.

pub mod bench;
pub mod counterparts;
pub mod demo;
pub mod lab;
pub mod pages;
