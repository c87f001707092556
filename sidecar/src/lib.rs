//! The data plane.

pub mod bearer;
pub mod clock;
pub mod fetch;
pub mod jose;
pub mod provider;
