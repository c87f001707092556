//! `Catalogue`: the clients that are known by where they are reached. The data lies beside this file, for people to add to.
//!
//! Pure. Meets A9 and I4 (the consent page can name the client), O05 and A12 as "Decided" 2 has them (what registers without
//! being listed). Nothing here lets anybody off consent: an address says which software gets the code, not for whom.

mod address;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crds::Broken;
use crds::names::EndpointUrl;
use crds::redirect::{Kind, RedirectUri};
use serde::Deserialize;

use address::{Document, Redirect};

static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("catalogue.yaml"))
        .expect("the file is part of this program, and a test reads it")
});

/// Every client that is known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Entry>")]
pub struct Catalogue(Vec<Known>);

/// A client, and the addresses that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    name: String,
    redirects: Vec<Redirect>,
    relays: Vec<RedirectUri>,
    documents: Vec<Document>,
}

/// Why a file is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("the name {0:?} is not 1 to 40 letters, digits, spaces, dots and dashes")]
    Name(String),
    #[error("{name:?} has {text:?}, which {source}")]
    Uri { name: String, text: String, source: Broken },
    #[error("{0:?} has no address by which it could be known")]
    Nowhere(String),
    #[error("{0:?} does not say where that was read, and when")]
    Unread(String),
    #[error("{0:?} stands twice")]
    Twice(String),
}

impl Catalogue {
    /// The catalogue that this program brings along.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Whose a redirect URI is, where that is certain. A code that is sent to an https address is read by whoever holds the
    /// host's name, whoever asked for it and whatever he called himself: this needs nobody's word. On loopback any program
    /// listens, any app claims a private-use scheme (RFC 8252 §8.4, §8.6), and a relay hands on: those are nobody's.
    pub fn by_redirect(&self, uri: &RedirectUri) -> Option<&Known> {
        let web = |redirect: &Redirect| uri.kind() == Kind::Web && redirect.covers(uri);
        self.0.iter().find(|known| known.redirects.iter().any(web))
    }

    /// Whose relay a redirect URI is: its owner hands the code on to wherever the client's `state` says. That tells whose the
    /// address is, and nothing of who gets the code.
    pub fn by_relay(&self, uri: &RedirectUri) -> Option<&Known> {
        self.0.iter().find(|known| known.relays.contains(uri))
    }

    /// Whom a redirect URI looks like, proof or not: "says that it is", and no more. None where several clients have it, unless
    /// only one of them has this very port.
    pub fn resembles(&self, uri: &RedirectUri) -> Option<&Known> {
        let same = |known: &&Known| known.redirects.iter().any(|redirect| redirect.is(uri));
        let like = |known: &&Known| known.has(uri);
        only(self.0.iter().filter(same)).or_else(|| only(self.0.iter().filter(like)))
    }

    /// Whose client id metadata document lies at this URL, compared byte for byte (A6). Its owner says which redirect URIs are
    /// its client's; whether it is that client who asks, only `by_redirect` of the one in the request can say.
    pub fn by_document(&self, url: &str) -> Option<&Known> {
        let exact = |document: &Document| document.is(url);
        let found = self.0.iter().find(|known| known.documents.iter().any(exact));
        found.or_else(|| {
            self.0.iter().find(|known| known.documents.iter().any(|document| document.covers(url)))
        })
    }

    /// Whether a redirect URI of any kind may register without being listed in the policy ("Decided" 2).
    pub fn allows_redirect(&self, uri: &RedirectUri) -> bool {
        self.0.iter().any(|known| known.has(uri))
    }
}

impl Known {
    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, uri: &RedirectUri) -> bool {
        self.relays.contains(uri) || self.redirects.iter().any(|redirect| redirect.covers(uri))
    }
}

/// A client as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    redirects: Vec<String>,
    #[serde(default)]
    relays: Vec<String>,
    #[serde(default)]
    documents: Vec<String>,
    sources: Vec<String>,
    date: String,
}

/// The one client, where it is only one.
fn only<'a>(mut found: impl Iterator<Item = &'a Known>) -> Option<&'a Known> {
    found.next().filter(|_| found.next().is_none())
}

impl TryFrom<Vec<Entry>> for Catalogue {
    type Error = CatalogueError;

    fn try_from(entries: Vec<Entry>) -> Result<Self, CatalogueError> {
        // Whose an address is must not depend on who stands first; only what proves nothing may be shared.
        let mut seen = BTreeSet::new();
        for entry in &entries {
            let own = [&entry.redirects, &entry.relays, &entry.documents].into_iter().flatten();
            let own = own.filter(|text| text.starts_with("https://")).chain([&entry.name]);
            if let Some(twice) = own.into_iter().find(|text| !seen.insert((*text).clone())) {
                return Err(CatalogueError::Twice(twice.clone()));
            }
        }
        entries.into_iter().map(Known::try_from).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<Entry> for Known {
    type Error = CatalogueError;

    fn try_from(entry: Entry) -> Result<Self, CatalogueError> {
        let Entry { name, redirects, relays, documents, sources, date } = entry;
        let plain = |c: char| c.is_ascii_alphanumeric() || " .-".contains(c);
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
            return Err(CatalogueError::Name(name));
        }
        if redirects.is_empty() && relays.is_empty() && documents.is_empty() {
            return Err(CatalogueError::Nowhere(name));
        }
        let read = sources.iter().all(|source| EndpointUrl::parse(source).is_ok()) && !sources.is_empty();
        if !read || !is_date(&date) {
            return Err(CatalogueError::Unread(name));
        }
        let (redirects, relays, documents) = (
            all(&name, &redirects, Redirect::parse)?,
            all(&name, &relays, RedirectUri::parse)?,
            all(&name, &documents, Document::parse)?,
        );
        Ok(Self { name, redirects, relays, documents })
    }
}

fn all<T>(
    name: &str,
    texts: &[String],
    parse: fn(&str) -> Result<T, Broken>,
) -> Result<Vec<T>, CatalogueError> {
    let parse = |text: &String| {
        parse(text).map_err(|source| CatalogueError::Uri {
            name: name.to_owned(),
            text: text.clone(),
            source,
        })
    };
    texts.iter().map(parse).collect()
}

/// `2026-11-26`.
fn is_date(text: &str) -> bool {
    let fits =
        |(at, byte): (usize, u8)| if [4, 7].contains(&at) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests;
