//! The data plane: what stands in front of one MCP server.
//!
//! Does not know that Kubernetes exists. A request goes downwards only, and each room says what it may touch:
//!
//! ```text
//! wire     the bytes of a request: nothing that has two readings
//! serve    connections, limits, one record per request
//! route    what a request asks for, parsed once          target, origin: what it may ask
//! discovery · bearer        documents of ours · who is calling (the only maker of Permit)
//! forward  to the MCP server, with a Permit or on a public path
//! reply    every answer of our own                       page: what a person sees
//! live     the policy in force      provider, fetch: its keys      store: what happened once, for all replicas
//! ```

pub mod admin;
pub mod bearer;
pub mod clock;
pub mod discovery;
pub mod document;
pub mod fetch;
pub mod forward;
pub mod jose;
pub mod live;
pub mod oauth;
pub mod origin;
pub mod page;
pub mod provider;
pub mod random;
pub mod reply;
pub mod route;
pub mod serve;
pub mod settings;
pub mod store;
pub mod target;
pub mod telemetry;
pub mod wire;
