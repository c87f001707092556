//! The columns of the matrix: identity providers, real ones and those that are built from documents. One line each.
//!
//! Starts programs on loopback, which end with the value that holds them; fetches what they are made of into the cache.

use std::fmt::Debug;
use std::path::PathBuf;

use harness::counterparts::keycloak;
use harness::counterparts::keycloak::alone::{self, Alone};
use harness::counterparts::oidc_provider::{self, OidcProvider};
use harness::lab::{Error, Paths, Progress};
use sidecar::clock::Clock;

use crate::world::providers::quirks::Quirks;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};

/// A provider as a column: what people call it, the word of `OAUTH_PROVIDER`, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) word: &'static str,
    from: From,
}

#[derive(Debug, Clone, Copy)]
enum From {
    /// Programs that others wrote.
    Keycloak,
    OidcProvider,
    /// The suites' own, by the vendor's documents.
    Documents(fn() -> Quirks),
}

pub(crate) const COLUMNS: [Column; 8] = [
    Column { title: "Keycloak", word: "keycloak", from: From::Keycloak },
    Column { title: "oidc-provider", word: "oidc", from: From::OidcProvider },
    Column { title: "Entra ID", word: "azure", from: From::Documents(Quirks::entra) },
    Column { title: "Google", word: "google", from: From::Documents(Quirks::google) },
    Column { title: "Cognito", word: "cognito", from: From::Documents(Quirks::cognito) },
    Column { title: "Auth0", word: "auth0", from: From::Documents(Quirks::auth0) },
    Column { title: "Okta", word: "okta", from: From::Documents(Quirks::okta) },
    Column { title: "GitHub", word: "github", from: From::Documents(Quirks::github_enterprise) },
];

/// What the columns are made of.
#[derive(Debug)]
pub(crate) struct Programs {
    keycloak: PathBuf,
    oidc_provider: PathBuf,
}

impl Programs {
    pub(crate) async fn install(paths: &Paths, progress: Progress) -> Result<Self, Error> {
        Ok(Self {
            keycloak: keycloak::install(paths, progress).await?,
            oidc_provider: oidc_provider::install(paths, progress).await?,
        })
    }
}

/// A provider that runs as long as this value lives, and who the sidecar is there.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    _kept: Box<dyn Debug + Send + Sync>,
}

impl Column {
    /// As the head of a column: a program with its version.
    pub(crate) fn head(self) -> Result<String, Error> {
        Ok(match self.from {
            From::Keycloak => format!("{} {}", self.title, keycloak::VERSION),
            From::OidcProvider => format!("{} {}", self.title, oidc_provider::version()?),
            From::Documents(_) => format!("{} (as documented)", self.title),
        })
    }

    /// Starts it; people come back to these addresses of sidecars.
    pub(crate) async fn start(self, programs: &Programs, callbacks: [&str; 2]) -> Result<Running, Error> {
        match self.from {
            From::Keycloak => {
                let provider = Alone::start(&programs.keycloak, callbacks).await?;
                Ok(Running {
                    issuer: provider.issuer().to_owned(),
                    client_id: alone::CLIENT_ID.to_owned(),
                    client_secret: alone::CLIENT_SECRET.to_owned(),
                    _kept: Box::new(provider),
                })
            }
            From::OidcProvider => {
                let provider = OidcProvider::start(&programs.oidc_provider, &callbacks).await?;
                Ok(Running {
                    issuer: provider.issuer().to_owned(),
                    client_id: oidc_provider::CLIENT_ID.to_owned(),
                    client_secret: oidc_provider::CLIENT_SECRET.to_owned(),
                    _kept: Box::new(provider),
                })
            }
            From::Documents(quirks) => {
                let provider = Provider::start(quirks(), &Clock::system()).await;
                for callback in callbacks {
                    provider.register(callback);
                }
                Ok(Running {
                    issuer: provider.issuer(),
                    client_id: CLIENT_ID.to_owned(),
                    client_secret: CLIENT_SECRET.to_owned(),
                    _kept: Box::new(provider),
                })
            }
        }
    }
}
