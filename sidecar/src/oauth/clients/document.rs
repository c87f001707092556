//! Clients whose id is the URL of a document about them (draft-ietf-oauth-client-id-metadata-document): fetched when needed,
//! kept by the document's own word, checked whole.
//!
//! Talks to strangers, through `fetch` and its guard. At most twenty fetches are under way and a thousand documents kept, so that a
//! flood of made-up ids costs little. Meets A6, A8, I9, O15, O17.

mod error;
mod limits;
mod metadata;
mod outage;
mod shelf;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::Wanted;
use crate::clock::Clock;
use crate::fetch::document::Longest;
use crate::fetch::{Document, DocumentFetcher, DocumentUrl, FetchError};
use crate::jose::{KeySet, shown};

pub use error::{DocumentError, What};
use limits::{Acquaintance, Busy, CutShort, Limits};
pub use metadata::{ClientDocument, ClientKeys, Fault, Method};
use outage::Outage;
use shelf::{Asked, Fresh, Shelf};

/// The documents of clients, and the key sets that they name.
#[derive(Debug)]
pub struct Documents {
    fetcher: DocumentFetcher,
    clock: Clock,
    clients: Shelf<ClientDocument>,
    keys: Shelf<KeySet>,
    limits: Limits,
    outage: Outage,
}

/// Who says that keys lie at a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// A flood of made-up documents does not keep these away.
    Policy,
    Stranger,
}

const MOST_CLIENTS: usize = 1000;
/// Key sets are larger, and few clients have one.
const MOST_KEY_SETS: usize = 100;
/// J17: for a key that is not in the set, a set is fetched again no sooner than after this long.
const COOLDOWN: Duration = Duration::from_secs(10);
/// D7: clients that see documents advertised try nothing else, and whoever runs this learns of it from their failing.
const NO_WAY_OUT: &str = "the last documents about clients could not be fetched: if this pod has no way to the Internet, set \
                          proxy.clients.metadataDocuments to false, and clients register themselves instead";

impl Documents {
    pub fn new(fetcher: DocumentFetcher, clock: Clock) -> Self {
        Self {
            fetcher,
            clock,
            clients: Shelf::new(MOST_CLIENTS),
            keys: Shelf::new(MOST_KEY_SETS),
            limits: Limits::new(),
            outage: Outage::default(),
        }
    }

    /// The client of this id.
    pub async fn get(&self, client_id: &str) -> Result<Arc<ClientDocument>, DocumentError> {
        let url = DocumentUrl::parse(client_id).map_err(DocumentError::Url)?;
        let asked = self.asked(Duration::MAX);
        let fetched = async {
            let acquaintance = self.clients.acquaintance(url.as_str());
            let document = self.fetch(&url, What::Document, acquaintance).await?;
            let value = ClientDocument::parse(&url, &document.body).map_err(DocumentError::Fault)?;
            Ok(Fresh { value, fresh_for: document.fresh_for })
        };
        self.clients.get(url.as_str(), asked, self.logged(&url, fetched)).await
    }

    /// The keys at `url`, which a client signs with.
    pub async fn keys(
        &self,
        url: &DocumentUrl,
        named_by: NamedBy,
        wanted: Wanted,
    ) -> Result<Arc<KeySet>, DocumentError> {
        let oldest = match wanted {
            Wanted::Known => Duration::MAX,
            Wanted::Anew => COOLDOWN,
        };
        let fetched = async {
            let acquaintance = match named_by {
                NamedBy::Policy => Acquaintance::Known,
                NamedBy::Stranger => self.keys.acquaintance(url.as_str()),
            };
            let document = self.fetch(url, What::Keys, acquaintance).await?;
            let value =
                KeySet::parse(&document.body).map_err(|error| DocumentError::Keys(Arc::new(error)))?;
            Ok(Fresh { value, fresh_for: document.fresh_for })
        };
        self.keys.get(url.as_str(), self.asked(oldest), self.logged(url, fetched)).await
    }

    async fn fetch(
        &self,
        url: &DocumentUrl,
        what: What,
        acquaintance: Acquaintance,
    ) -> Result<Document, DocumentError> {
        let host = url.host().to_string();
        let place = self.limits.admit(acquaintance, &host, self.clock.uptime()).await;
        let place = place.map_err(|Busy| DocumentError::Busy)?;
        let longest = match what {
            What::Document => Longest::CLIENT,
            What::Keys => Longest::KEYS,
        };
        let answer = place.hold(self.fetcher.document(url, longest)).await;
        let answer = answer.unwrap_or_else(|CutShort(after)| Err(FetchError::TimedOut(after)));
        answer.map_err(|error| DocumentError::fetch(what, error))
    }

    fn asked(&self, oldest: Duration) -> Asked {
        Asked { now: self.clock.uptime(), oldest }
    }

    /// One line per fetch that came to nothing, with the cause that no page shows. There are not many: fetches are limited, and a
    /// fetch that was not even tried is not worth a line.
    async fn logged<T>(
        &self,
        url: &DocumentUrl,
        fetched: impl Future<Output = Result<T, DocumentError>>,
    ) -> Result<T, DocumentError> {
        let result = fetched.await;
        let error = result.as_ref().err();
        if let Some(error) = error.filter(|error| !matches!(error, DocumentError::Busy)) {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::info!(url = shown(url.without_query()), reason = %error, cause, "a client's document is not used");
        }
        if let Some(in_a_row) = self.outage.note(error, self.clock.uptime()) {
            tracing::warn!(in_a_row, "{NO_WAY_OUT}");
        }
        result
    }
}
