//! What the process was told: flags, their environment twins, and the policy of those who have no operator.
//!
//! Pure: arguments and environment are handed in. Every mistake is named at once, with the flag or variable (promise 5).

mod advice;
mod claims;
mod environment;
mod flags;
mod login;
mod places;
mod store;
mod unknown;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use crds::Violations;
use crds::violation::Collector;
use tracing::Level;

use crate::forward::Upstream;
use crate::live::Source;
use places::Written;

#[cfg(test)]
pub(crate) use environment::{example_policy, example_policy_with_scopes};

/// The help text, which is also documentation.
pub const HELP: &str = include_str!("help.txt");

/// How to run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    pub upstream: Upstream,
    pub source: Source,
    pub log: Level,
    /// What is no mistake, and is said all the same when it starts.
    pub advice: Vec<String>,
}

/// What to do.
#[derive(Debug)]
pub enum Task {
    Run(Settings),
    /// Validate, say what would be enforced, and end.
    Check(Settings),
    Help,
    Version,
}

/// The variables of a process.
pub type Environment = BTreeMap<String, String>;

const LISTEN: &str = "0.0.0.0:17080";
const ADMIN: &str = "0.0.0.0:17081";
const UPSTREAM: &str = "http://127.0.0.1:8080";

/// Reads arguments and environment; a flag wins over its variable.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Task, Violations> {
    let mut found = Collector::default();
    let flags = flags::parse(arguments, &mut found);
    match flags.only {
        Some(flags::Only::Help) => return Ok(Task::Help),
        Some(flags::Only::Version) => return Ok(Task::Version),
        Some(flags::Only::Check) | None => {}
    }
    let settings = settings(&flags, environment, &mut found);
    let settings = found.finish(settings)?;
    Ok(if flags.only.is_some() { Task::Check(settings) } else { Task::Run(settings) })
}

fn settings(flags: &flags::Flags, environment: &Environment, found: &mut Collector) -> Option<Settings> {
    let given = |flag: &'static str, variable: &'static str| {
        flags.value(flag).or_else(|| named(environment, variable))
    };
    let listen = given("--listen", "MCP_OAUTH_LISTEN").or_else(|| listen_of_the_seed(environment));
    let listen = Written::read("--listen", listen, LISTEN, |text| address(text, LISTEN), found);
    let admin = given("--admin", "MCP_OAUTH_ADMIN");
    let admin = Written::read("--admin", admin, ADMIN, |text| address(text, ADMIN), found);
    let upstream = given("--upstream", "MCP_OAUTH_UPSTREAM");
    let parse = |text: &str| Upstream::parse(text).map_err(str::to_owned);
    let upstream = Written::read("--upstream", upstream, UPSTREAM, parse, found);
    places::must_be_three(listen.as_ref(), admin.as_ref(), upstream.as_ref(), found);
    let log = level(given("--log", "MCP_OAUTH_LOG"), found);
    let source = match given("--policy-dir", "MCP_OAUTH_POLICY_DIR") {
        // A shell's variable that is not set: the environment is not asked instead, for somebody meant a directory.
        Some((name, directory)) if directory.is_empty() => {
            found.report(name, "must be a directory, such as /etc/mcp-oauth, not ''");
            None
        }
        Some((_, directory)) => Some(Source::Directory(PathBuf::from(directory))),
        None => {
            let policy = environment::policy(environment);
            found.merge(policy).map(|policy| Source::Fixed(Box::new(policy)))
        }
    };
    let source = source?;
    let advice = advice::advice(&source, environment);
    let (listen, admin, upstream) = (listen?.value, admin?.value, upstream?.value);
    Some(Settings { listen, admin, upstream, source, log: log?, advice })
}

/// A value together with the name that it was given under.
type Given = (&'static str, String);

/// An empty variable is one that is not set: that is how Compose files leave one out.
fn named(environment: &Environment, variable: &'static str) -> Option<Given> {
    let value = environment.get(variable)?;
    (!value.is_empty()).then(|| (variable, value.clone()))
}

/// `MCP_HOST` and `MCP_PORT` say where clients find the server: with us in front, that is us.
fn listen_of_the_seed(environment: &Environment) -> Option<Given> {
    let (_, port) = named(environment, "MCP_PORT")?;
    let host = named(environment, "MCP_HOST").map_or_else(|| "0.0.0.0".to_owned(), |(_, host)| host);
    let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
    Some(("MCP_HOST, MCP_PORT", format!("{host}:{port}")))
}

fn address(text: &str, example: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("must be ADDRESS:PORT, such as {example}"))
}

fn level(given: Option<Given>, found: &mut Collector) -> Option<Level> {
    let Some((name, text)) = given else { return Some(Level::INFO) };
    match text.as_str() {
        "error" => Some(Level::ERROR),
        "warn" => Some(Level::WARN),
        "info" => Some(Level::INFO),
        "debug" => Some(Level::DEBUG),
        _ => {
            found.report(name, format!("must be error, warn, info or debug, not '{text}'"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn hmac(more: &[(&str, &str)]) -> Environment {
        let mut all = environment(&[
            ("OAUTH_PROVIDER", "hmac"),
            ("JWT_SECRET", "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA"),
            ("OAUTH_SERVER_URL", "https://mcp.example.com"),
        ]);
        all.extend(environment(more));
        all
    }

    fn run(arguments: &[&str], environment: &Environment) -> Settings {
        match parse(arguments.iter().map(OsString::from), environment) {
            Ok(Task::Run(settings)) => settings,
            other => panic!("expected settings, got {other:?}"),
        }
    }

    fn mistakes(arguments: &[&str], environment: &Environment) -> String {
        parse(arguments.iter().map(OsString::from), environment).expect_err("mistakes").to_string()
    }

    #[test]
    fn a_flag_wins_over_its_variable_and_the_variable_over_the_default() {
        let variables = hmac(&[("MCP_OAUTH_LISTEN", "127.0.0.1:1"), ("MCP_OAUTH_ADMIN", "127.0.0.1:2")]);
        let settings = run(&["--listen", "127.0.0.1:3"], &variables);
        assert_eq!((settings.listen.port(), settings.admin.port()), (3, 2));
        assert_eq!(run(&[], &hmac(&[])).listen.to_string(), LISTEN);
    }

    #[test]
    fn with_a_policy_directory_the_environment_is_not_asked_for_a_policy() {
        let settings = run(&["--policy-dir=/etc/mcp-oauth"], &Environment::new());
        assert!(matches!(settings.source, Source::Directory(_)));
        for empty in [&["--policy-dir="][..], &["--policy-dir", ""]] {
            assert_eq!(
                mistakes(empty, &hmac(&[])),
                "--policy-dir: must be a directory, such as /etc/mcp-oauth, not ''"
            );
        }
        run(&[], &hmac(&[("MCP_OAUTH_POLICY_DIR", "")]));
    }

    /// Others may add variables to the sidecar's container, and admission refuses ours alone.
    #[test]
    fn n18_with_the_flags_of_an_injected_sidecar_no_variable_but_ours_changes_anything() {
        let flags = ["--policy-dir=/etc/mcp-oauth", "--listen=0.0.0.0:17080", "--admin=0.0.0.0:17081"];
        let said = |environment: &Environment| format!("{:?}", run(&flags, environment));
        let words = HELP.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
        let known = words.filter(|word| word.contains('_') && !word.starts_with("MCP_OAUTH_"));
        let others = known.chain(["HTTPS_CERT_FILE", "OAUTH_CLIENT_ID", "HTTPS_PROXY", "SSL_CERT_FILE"]);
        let others: Environment = others.map(|name| (name.to_owned(), "nonsense".to_owned())).collect();
        assert!(others.len() > 10, "{others:?}");
        assert_eq!(said(&others), said(&Environment::new()));
        let ours = environment(&[("MCP_OAUTH_UPSTREAM", "http://127.0.0.1:1")]);
        assert_ne!(said(&ours), said(&Environment::new()));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let variables = hmac(&[("MCP_OAUTH_LOG", "loud"), ("JWT_SECRET", "short")]);
        let said = mistakes(&["--listen=here", "--upstream", "https://x", "--permissive"], &variables);
        for part in [
            "--permissive: is not a flag",
            "--listen: must be ADDRESS:PORT",
            "--upstream: must be http://",
            "MCP_OAUTH_LOG: must be error",
            "JWT_SECRET: must be at least 32",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[test]
    fn the_two_ports_are_two() {
        let twice = ["--listen=0.0.0.0:1", "--admin=127.0.0.1:1"];
        assert!(mistakes(&twice, &hmac(&[])).contains("--admin: must be another port"));
        // By what was written, which is not always the same one.
        for (variables, expected) in [
            (
                [("MCP_OAUTH_ADMIN", "0.0.0.0:17080")],
                "MCP_OAUTH_ADMIN: must be another port than the one of --listen (its default), 0.0.0.0:17080",
            ),
            (
                [("MCP_OAUTH_LISTEN", "0.0.0.0:17081")],
                "MCP_OAUTH_LISTEN: must be another port than the one of --admin (its default), 0.0.0.0:17081",
            ),
        ] {
            assert_eq!(mistakes(&[], &hmac(&variables)), expected);
        }
        run(&["--listen=0.0.0.0:1", "--admin=127.0.0.1:2"], &hmac(&[]));
        run(&["--listen=127.0.0.1:0", "--admin=127.0.0.1:0"], &hmac(&[]));
    }

    #[test]
    fn the_address_of_the_server_is_ours_to_listen_on() {
        let variables = hmac(&[("MCP_HOST", "localhost"), ("MCP_PORT", "9000")]);
        assert_eq!(run(&[], &variables).listen.to_string(), "127.0.0.1:9000");
    }

    #[test]
    fn the_port_of_the_server_is_not_ours_where_the_server_keeps_it() {
        let both = hmac(&[("MCP_PORT", "8080")]);
        let said = mistakes(&["--check"], &both);
        let expected = "MCP_HOST, MCP_PORT: must be another port than the one of --upstream (its default), http://127.0.0.1:8080";
        assert!(said.starts_with(expected), "{said}");
        run(&["--upstream=http://127.0.0.1:8081"], &both);
        run(&[], &hmac(&[("MCP_PORT", "8081")]));
        let at_ours = hmac(&[("MCP_OAUTH_UPSTREAM", "http://localhost:17081")]);
        assert!(
            mistakes(&[], &at_ours)
                .starts_with("MCP_OAUTH_UPSTREAM: must be another port than the one of --admin")
        );
    }

    #[test]
    fn an_unknown_flag_is_named_and_check_is_a_task_of_its_own() {
        assert!(mistakes(&["--permissive"], &hmac(&[])).contains("--permissive"));
        assert!(matches!(parse(["--check".into()], &hmac(&[])), Ok(Task::Check(_))));
        assert!(matches!(parse(["--help".into()], &Environment::new()), Ok(Task::Help)));
    }
}
