//! How the catalogue writes an address: as it is, or with `{id}` for one segment of its path.
//!
//! Pure. Meets O04: whatever is written here is an address by itself, and only that one segment can differ from it.

use crds::Broken;
use crds::names::EndpointUrl;
use crds::redirect::RedirectUri;

/// Stands for a segment that differs from connection to connection. One segment of one host's path, at its end: whatever it
/// is, the same party answers there. No other part can vary, and nothing that is parsed here ever registers as it stands.
const VARIES: &str = "{id}";
/// A segment that `VARIES` stands for, so that the rest can be read as the address that it is.
const SAMPLE: &str = "id";

/// A redirect URI of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    uri: RedirectUri,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    AsWritten,
    Varies,
}

impl Redirect {
    pub(super) fn parse(text: &str) -> Result<Self, Broken> {
        match text.strip_suffix(VARIES) {
            Some(stem) if stem.ends_with('/') => {
                // What stands before it has a host already.
                RedirectUri::parse(stem)?;
                Ok(Self { uri: RedirectUri::parse(&format!("{stem}{SAMPLE}"))?, end: End::Varies })
            }
            _ => Ok(Self { uri: RedirectUri::parse(text)?, end: End::AsWritten }),
        }
    }

    /// Whether it is this one, to the port.
    pub(super) fn is(&self, asked: &RedirectUri) -> bool {
        self.end == End::AsWritten && self.uri == *asked
    }

    /// Whether it leads to the same place.
    pub(super) fn covers(&self, asked: &RedirectUri) -> bool {
        match (self.end, asked.as_str().rsplit_once('/')) {
            (End::AsWritten, _) => self.uri.matches(asked.as_str()),
            (End::Varies, Some((stem, last))) => is_id(last) && self.uri.matches(&format!("{stem}/{SAMPLE}")),
            (End::Varies, None) => false,
        }
    }
}

/// The URL of a client id metadata document of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    before: String,
    /// What follows the segment that varies, where one does.
    after: Option<String>,
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, Broken> {
        let sample = text.replacen(VARIES, SAMPLE, 1);
        EndpointUrl::parse(&sample)?;
        // Client ID Metadata Document §3: the URL MUST have the https scheme and a path.
        if sample.strip_prefix("https://").is_none_or(|rest| !rest.contains('/')) {
            return Err(Broken("must be an https URL with a path".into()));
        }
        match text.split_once(VARIES) {
            None => Ok(Self { before: text.to_owned(), after: None }),
            Some((before, after))
                if before.ends_with('/') && (after.is_empty() || after.starts_with('/')) =>
            {
                EndpointUrl::parse(before)?;
                Ok(Self { before: before.to_owned(), after: Some(after.to_owned()) })
            }
            Some(_) => Err(Broken(format!("must have {VARIES} as a whole segment of its path"))),
        }
    }

    /// Whether it is this one, and not one of many.
    pub(super) fn is(&self, url: &str) -> bool {
        self.after.is_none() && self.covers(url)
    }

    pub(super) fn covers(&self, url: &str) -> bool {
        match &self.after {
            None => url == self.before,
            Some(after) => url
                .strip_prefix(&self.before)
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(is_id),
        }
    }
}

fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
