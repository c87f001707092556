//! One request of a browser and its answer, over TCP or TLS, on a connection of its own.
//!
//! Connects to loopback. Every wait is bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::world::client::Reply;

const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Sends these bytes in the clear and reads one answer.
pub(super) async fn plain(to: SocketAddr, request: &[u8]) -> Reply {
    let stream = TcpStream::connect(to).await.expect("somebody listens");
    exchange(stream, request).await
}

/// The same over TLS, with the server that has this name.
pub(super) async fn tls(to: SocketAddr, name: &str, authority: &str, request: &[u8]) -> Reply {
    let stream = TcpStream::connect(to).await.expect("somebody listens");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate.expect("the authority is PEM")).expect("the authority is a certificate");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a host");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    exchange(stream.expect("the authority stands behind the server"), request).await
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Reply {
    let talk = async {
        stream.write_all(request).await.expect("the server takes the request");
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            // A server that closes without an alert has said all it had to say.
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            bytes.extend_from_slice(&buffer[..read]);
            if let Some(reply) = reply(&bytes, if read == 0 { Stream::Ended } else { Stream::Open }) {
                return reply;
            }
            assert!(read > 0, "the server breaks off: {:?}", String::from_utf8_lossy(&bytes));
        }
    };
    timeout(LONGEST_WAIT, talk).await.expect("the server answers in time")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Open,
    Ended,
}

/// The answer, once it is whole; what has no length is so at the end.
fn reply(bytes: &[u8], stream: Stream) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let find = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let body = &bytes[end + 4..];
    let body = match (find("transfer-encoding"), find("content-length")) {
        (Some(_), _) => joined(body)?,
        (None, Some(length)) => body.get(..length.parse().ok()?)?.to_vec(),
        (None, None) if stream == Stream::Ended || matches!(status, 204 | 304) => body.to_vec(),
        (None, None) => return None,
    };
    Some(Reply { status, headers, body })
}

fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = chunks.windows(2).position(|window| window == b"\r\n")?;
        let length = std::str::from_utf8(&chunks[..line_end]).ok()?.split(';').next()?.trim();
        let length = usize::from_str_radix(length, 16).ok()?;
        let start = line_end + 2;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(start..start + length)?);
        chunks = chunks.get(start + length + 2..)?;
    }
}
