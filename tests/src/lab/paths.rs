//! Where the lab keeps what it builds and what it runs: everything lies outside the checkout, so that a fresh
//! clone is warm. Pure, apart from the one place that reads the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Error;

/// The environment variables of a process, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// The value, unless it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// In continuous integration nothing may be skipped.
    pub fn is_ci(&self) -> bool {
        self.get("CI") == Some("true")
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// The name of a lab: several can run side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name that `MCP_OAUTH_LAB` gives, else `lab`.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        environment.get("MCP_OAUTH_LAB").unwrap_or("lab").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    // The name becomes part of a cgroup's name and of a unix socket's path, which may have 107 bytes in all.
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=20).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Name(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The folders of the cache and of the checkout.
#[derive(Debug, Clone)]
pub struct Paths {
    cache: PathBuf,
    target: PathBuf,
    repository: PathBuf,
    assets: Option<PathBuf>,
}

impl Paths {
    pub fn new(environment: &Environment) -> Result<Self, Error> {
        let cache = cache(environment).ok_or(Error::NoCache)?;
        let target = environment.get("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
        let assets = environment.get("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = tests.parent().unwrap_or(tests).to_path_buf();
        Ok(Self { cache, target, repository, assets })
    }

    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// Where cargo builds.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Ready-made Kubernetes programs that the user has (`KUBEBUILDER_ASSETS`); what is there is used as it is.
    pub fn assets(&self) -> Option<&Path> {
        self.assets.as_deref()
    }

    /// Any other folder of the cache: `images`, `npm`, `python`, `keycloak`, …
    pub fn cache(&self, folder: &str) -> PathBuf {
        self.cache.join(folder)
    }

    /// Held by the process that works with the lab of this name in the foreground.
    pub fn lock(&self, name: &Name) -> PathBuf {
        self.cache.join("run").join(format!("{name}.lock"))
    }

    /// Everything that belongs to one running lab.
    pub fn run(&self, name: &Name) -> PathBuf {
        self.cache.join("run").join(name.as_str())
    }
}

fn cache(environment: &Environment) -> Option<PathBuf> {
    let own = environment.get("MCP_OAUTH_CACHE").map(PathBuf::from);
    let xdg = || environment.get("XDG_CACHE_HOME").map(|dir| Path::new(dir).join("mcp-oauth"));
    let home = || environment.get("HOME").map(|dir| Path::new(dir).join(".cache/mcp-oauth"));
    own.or_else(xdg).or_else(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_of<const N: usize>(pairs: [(&str, &str); N]) -> Option<PathBuf> {
        cache(&Environment::from(pairs))
    }

    #[test]
    fn the_cache_is_where_the_nearest_variable_says() {
        let all = [("MCP_OAUTH_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/u")];
        assert_eq!(cache_of(all), Some("/own".into()));
        assert_eq!(cache_of([("XDG_CACHE_HOME", "/xdg"), ("HOME", "/h")]), Some("/xdg/mcp-oauth".into()));
        assert_eq!(cache_of([("HOME", "/h")]), Some("/h/.cache/mcp-oauth".into()));
        assert_eq!(cache_of([("HOME", "")]), None);
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert!("demo-2".parse::<Name>().is_ok());
        for bad in ["", "Demo", "a/b", "twenty-one-characters"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
