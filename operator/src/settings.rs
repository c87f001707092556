//! The command line.
//!
//! Pure: clap reads arguments and environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::Level;

/// Turns McpOAuthPolicies into what sidecars obey and what the API server injects.
#[derive(Debug, Parser)]
#[command(name = "mcp-oauth-operator", version, propagate_version = true)]
pub struct Command {
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Runs the control plane against the cluster of the kubeconfig or of the pod's own ServiceAccount.
    Run(Run),
    /// Prints the custom resource definition as YAML: mcp-oauth-operator crds | kubectl apply -f -
    Crds,
}

#[derive(Debug, Clone, Args)]
pub struct Run {
    /// The image that is injected. Nothing in a policy can change it.
    #[arg(long, env = "SIDECAR_IMAGE", value_name = "IMAGE")]
    pub sidecar_image: String,
    /// The ClusterRole that owns the admission policies, so that they go when it goes (the chart's own).
    #[arg(long, env = "ADMISSION_OWNER", value_name = "CLUSTERROLE")]
    pub admission_owner: Option<String>,
    /// The operator's own namespace, where no policy is acted upon.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Where /healthz, /readyz and /metrics are answered.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// How often named Secrets and ConfigMaps are looked at again, from 1s to 30s.
    #[arg(long, default_value = "20s", value_parser = duration, value_name = "DURATION")]
    pub resync: Duration,
    /// How much is logged.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log: Log,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Log {
    Error,
    Warn,
    Info,
    Debug,
}

impl From<Log> for Level {
    fn from(log: Log) -> Self {
        match log {
            Log::Error => Self::ERROR,
            Log::Warn => Self::WARN,
            Log::Info => Self::INFO,
            Log::Debug => Self::DEBUG,
        }
    }
}

/// A whole number of seconds. It is promised that a Secret that is deleted closes within half a minute.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a number of seconds from 1s to 30s".to_owned();
    let number: u64 = text.strip_suffix('s').and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    if (1..=30).contains(&number) { Ok(Duration::from_secs(number)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn the_slow_clock_is_not_slower_than_what_is_promised() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        for wrong in ["31s", "1m", "30", "0s", "s", "-1s", "1h", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
