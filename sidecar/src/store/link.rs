//! A connection to the store: opened, introduced, and used for one exchange at a time.
//!
//! Talks to the store. Whoever gives up in the middle of an exchange must drop the connection: what is still on its way would be
//! taken for the next answer.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use crds::proxy;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::StoreError;
use super::resp::{self, Reply};
use crate::fetch::{FetchError, tls};

/// Where the store is, and who we are there.
#[derive(Debug)]
pub(super) struct Address {
    config: proxy::Store,
    tls: Option<Arc<ClientConfig>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Link {
    stream: Box<dyn Stream>,
    read: BytesMut,
}

/// A command: its words.
pub(super) type Command<'a> = Vec<&'a [u8]>;

impl Address {
    pub(super) fn new(config: proxy::Store) -> Result<Self, FetchError> {
        let tls = config.url.has_tls().then(|| tls::config(config.ca_bundle.as_deref()).map(Arc::new));
        Ok(Self { tls: tls.transpose()?, config })
    }

    pub(super) fn config(&self) -> &proxy::Store {
        &self.config
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, StoreError> {
        let url = &self.config.url;
        let unreachable = |error: std::io::Error| StoreError::Unreachable(error.to_string());
        let stream = TcpStream::connect((url.host(), url.port())).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(url.host().to_owned());
        let name = name.map_err(|error| StoreError::Unreachable(error.to_string()))?;
        Ok(Box::new(TlsConnector::from(tls.clone()).connect(name, stream).await?))
    }
}

impl Link {
    pub(super) async fn open(address: &Address) -> Result<Self, StoreError> {
        let mut link = Self { stream: address.dial().await?, read: BytesMut::new() };
        let proxy::Store { url, username, password, .. } = &address.config;
        let database = url.database().to_string();
        let mut greeting: Vec<Command<'_>> = Vec::new();
        if let Some(password) = password {
            let user = username.as_ref().map(|user| user.as_str().as_bytes());
            let words = [b"AUTH"].map(|word| &word[..]).into_iter().chain(user);
            greeting.push(words.chain([password.expose().as_bytes()]).collect());
        }
        if database != "0" {
            greeting.push(vec![b"SELECT", database.as_bytes()]);
        }
        link.ask(&greeting).await?;
        Ok(link)
    }

    /// Sends these in one go, and gives an answer to each. An error among the answers is one of the whole.
    pub(super) async fn ask(&mut self, commands: &[Command<'_>]) -> Result<Vec<Reply>, StoreError> {
        let sent: Vec<u8> = commands.iter().flat_map(|words| resp::command(words)).collect();
        self.stream.write_all(&sent).await?;
        self.stream.flush().await?;
        let mut replies = Vec::with_capacity(commands.len());
        for _ in commands {
            replies.push(self.reply().await?);
        }
        if !self.read.is_empty() {
            return Err(StoreError::Nonsense);
        }
        // All of them are read first: the connection is as good as before.
        let refused = replies.iter().find_map(|reply| match reply {
            Reply::Error(word) => Some(StoreError::Refused(word.clone())),
            _ => None,
        });
        refused.map_or(Ok(replies), Err)
    }

    async fn reply(&mut self) -> Result<Reply, StoreError> {
        loop {
            if let Some((reply, taken)) = resp::parse(&self.read)? {
                self.read.advance(taken);
                return Ok(reply);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(StoreError::Broken("it hung up".into()));
            }
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
