//! The command line of `lab`. Pure.

use std::ffi::OsString;

use harness::lab::{Environment, Error, Name};
use lexopt::prelude::{Long, Short, Value};

pub(crate) const HELP: &str = "\
A single-node Kubernetes of its own for the tests of mcp-oauth: etcd, API server, controller manager, scheduler,
kubelet, containerd, kube-proxy and CoreDNS in namespaces of their own. Needs root on Linux.

Usage: lab [--name NAME] COMMAND

  up                 bring a lab up and leave it running (the first time: install and build what is missing)
  down               take it down; fails if a process, mount, interface or cgroup is left
  status             say whether it is up, and how to look around
  images             build the images of our own and the demo's MCP server, and load them into the lab, if it is up
  kubectl ARGS…      kubectl with the administrator's credentials
  helm ARGS…         helm, likewise
  exec -- CMD…       run CMD where pod addresses, Service addresses and the cluster's names are, with KUBECONFIG set
  demo               show the product, step by step: the sidecar alone while Kubernetes builds, then a cluster. On a
                     terminal the cluster stays until Ctrl-C. With --context NAME --images PREFIX it plays in a
                     cluster of your own, whose nodes can pull PREFIX/mcp-oauth-sidecar:dev, PREFIX/mcp-oauth-operator:dev
                     and PREFIX/mcp-everything:dev; it refuses one where mcp-oauth is installed, and at its end, also by
                     Ctrl-C, removes what it created. A second Ctrl-C says what stays
  test [--only PART] every check and every suite; brings a lab up for those that need one, and takes it down
                     PART: format, clippy, crates, sidecar, browser, logins, repository, cluster or clients;
                     can be repeated

  --name NAME        which lab (default: $MCP_OAUTH_LAB, else \"lab\"; for test: \"test\"); several can run side by side
  --help             this text

Kept between runs: $MCP_OAUTH_CACHE, else ${XDG_CACHE_HOME:-~/.cache}/mcp-oauth. Kubernetes programs found in
$KUBEBUILDER_ASSETS are used as they are. With CI=true nothing may be skipped.
";

/// What the person asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) name: Name,
    pub(crate) verb: Verb,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Help,
    Up,
    Down,
    Status,
    Images,
    Kubectl(Vec<OsString>),
    Helm(Vec<OsString>),
    Exec(Vec<OsString>),
    Demo { context: Option<String>, images: Option<String> },
    Test { only: Vec<Part> },
}

/// A part of `lab test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Format,
    Clippy,
    Crates,
    Sidecar,
    Browser,
    Logins,
    Repository,
    Cluster,
    Clients,
}

impl Part {
    pub(crate) const ALL: [Self; 9] = [
        Self::Format,
        Self::Clippy,
        Self::Crates,
        Self::Sidecar,
        Self::Browser,
        Self::Logins,
        Self::Repository,
        Self::Cluster,
        Self::Clients,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Crates => "crates",
            Self::Sidecar => "sidecar",
            Self::Browser => "browser",
            Self::Logins => "logins",
            Self::Repository => "repository",
            Self::Cluster => "cluster",
            Self::Clients => "clients",
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let part = Self::ALL.into_iter().find(|part| part.name() == text);
        part.ok_or_else(|| Error::Missing(format!("\"{text}\" is no part of the tests; see lab --help")))
    }
}

impl Options {
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        environment: &Environment,
    ) -> Result<Self, String> {
        let mut parser = lexopt::Parser::from_iter(arguments);
        let (mut name, mut verb) = (None, None);
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Long("help") | Short('h') => verb = Some(Verb::Help),
                Long("name") => {
                    let value = parser.value().map_err(|error| error.to_string())?;
                    let parsed = value.to_string_lossy().parse::<Name>();
                    name = Some(parsed.map_err(|error| error.to_string())?);
                }
                Long("only") => only(&mut parser, &mut verb)?,
                Long("context") => *place(&mut verb, Place::Context)? = Some(text(&mut parser)?),
                Long("images") => *place(&mut verb, Place::Images)? = Some(text(&mut parser)?),
                Value(word) if verb.is_none() => verb = Some(verb_of(&word, &mut parser)?),
                other => return Err(format!("{}; see lab --help", other.unexpected())),
            }
        }
        let verb = verb.unwrap_or(Verb::Help);
        let name = name.map_or_else(|| default_name(&verb, environment), Ok);
        Ok(Self { name: name.map_err(|error| error.to_string())?, verb })
    }
}

/// The tests have a lab of their own, so that they leave the one alone that somebody works in.
fn default_name(verb: &Verb, environment: &Environment) -> Result<Name, Error> {
    match (verb, environment.get("MCP_OAUTH_LAB")) {
        (Verb::Test { .. }, None) => "test".parse(),
        (Verb::Demo { .. }, None) => "demo".parse(),
        _ => Name::from_environment(environment),
    }
}

fn verb_of(word: &OsString, parser: &mut lexopt::Parser) -> Result<Verb, String> {
    let mut rest = || -> Result<Vec<OsString>, String> {
        let rest: Vec<OsString> = parser.raw_args().map_err(|error| error.to_string())?.collect();
        let skip = usize::from(rest.first().is_some_and(|first| first == "--"));
        Ok(rest.into_iter().skip(skip).collect())
    };
    match word.to_string_lossy().as_ref() {
        "help" => Ok(Verb::Help),
        "up" => Ok(Verb::Up),
        "down" => Ok(Verb::Down),
        "status" => Ok(Verb::Status),
        "images" => Ok(Verb::Images),
        "kubectl" => Ok(Verb::Kubectl(rest()?)),
        "helm" => Ok(Verb::Helm(rest()?)),
        "exec" => match rest()? {
            command if command.is_empty() => Err("exec needs a command; see lab --help".to_owned()),
            command => Ok(Verb::Exec(command)),
        },
        "demo" => Ok(Verb::Demo { context: None, images: None }),
        "test" => Ok(Verb::Test { only: Vec::new() }),
        other => Err(format!("\"{other}\" is no command; see lab --help")),
    }
}

fn only(parser: &mut lexopt::Parser, verb: &mut Option<Verb>) -> Result<(), String> {
    let Some(Verb::Test { only }) = verb else {
        return Err("--only belongs to test; see lab --help".to_owned());
    };
    let value = parser.value().map_err(|error| error.to_string())?;
    only.push(Part::parse(&value.to_string_lossy()).map_err(|error| error.to_string())?);
    Ok(())
}

/// The two words about the user's own cluster.
#[derive(Clone, Copy)]
enum Place {
    Context,
    Images,
}

fn place(verb: &mut Option<Verb>, which: Place) -> Result<&mut Option<String>, String> {
    match (verb, which) {
        (Some(Verb::Demo { context, .. }), Place::Context) => Ok(context),
        (Some(Verb::Demo { images, .. }), Place::Images) => Ok(images),
        _ => Err("--context and --images belong to demo; see lab --help".to_owned()),
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    value.into_string().map_err(|value| format!("{} is not text", value.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let words = ["lab"].into_iter().chain(line.split_whitespace()).map(OsString::from);
        Options::parse(words.collect::<Vec<_>>(), &Environment::default())
    }

    fn verb(line: &str) -> Verb {
        parse(line).expect("a good line").verb
    }

    #[test]
    fn what_stands_behind_kubectl_is_kubectls() {
        assert_eq!(verb("kubectl get pods --all-namespaces -o wide"), {
            let words = ["get", "pods", "--all-namespaces", "-o", "wide"];
            Verb::Kubectl(words.map(OsString::from).to_vec())
        });
        assert_eq!(verb("exec -- ls -l"), Verb::Exec(["ls", "-l"].map(OsString::from).to_vec()));
        assert!(parse("exec").is_err());
    }

    #[test]
    fn without_a_command_there_is_help() {
        assert_eq!(verb(""), Verb::Help);
        assert_eq!(verb("up --help"), Verb::Help);
        assert!(parse("fly").is_err());
        assert!(parse("up --fly").is_err());
    }

    #[test]
    fn the_tests_have_a_lab_of_their_own() {
        assert_eq!(parse("test").expect("good").name.as_str(), "test");
        assert_eq!(parse("up").expect("good").name.as_str(), "lab");
        assert_eq!(parse("--name x test").expect("good").name.as_str(), "x");
        assert!(parse("--name A up").is_err());
    }

    #[test]
    fn a_cluster_of_ones_own_is_named_for_the_demo_alone() {
        let own = Verb::Demo { context: Some("kind".into()), images: Some("r/x".into()) };
        assert_eq!(verb("demo --context kind --images r/x"), own);
        assert!(parse("up --context kind").is_err());
    }

    #[test]
    fn parts_of_the_tests_can_be_named() {
        let both = Verb::Test { only: vec![Part::Sidecar, Part::Cluster] };
        assert_eq!(verb("test --only sidecar --only cluster"), both);
        assert!(parse("test --only nothing").is_err());
        assert!(parse("up --only sidecar").is_err());
    }

    #[test]
    fn the_help_names_every_part_of_the_tests() {
        for part in Part::ALL {
            assert!(HELP.contains(part.name()), "{}", part.name());
        }
    }
}
