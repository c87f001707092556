//! What the sidecars say themselves: each that runs is asked on its admin port which revision it obeys (K14).
//!
//! Opens connections to pods and to nothing else: the address is what the kubelet reports, the port is what was injected,
//! and no author of a policy has written either. One GET of one page, without redirects; a second, and 4 KiB, for each;
//! eight at a time, three seconds in all. Nothing is sent but the path, and what comes back is believed in one thing alone:
//! which revision this pod obeys.

use std::net::SocketAddr;
use std::time::Duration;

use crds::Report;
use futures::StreamExt;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::pods::Selected;

const EACH: Duration = Duration::from_secs(1);
/// Other policies wait meanwhile.
const ALL: Duration = Duration::from_secs(3);
const AT_A_TIME: usize = 8;
const LONGEST_HEAD: usize = 8 * 1024;
const LONGEST_BODY: usize = 4 * 1024;

/// Asks each pod that can be asked, and keeps its word with it. Whoever does not answer in time has said nothing.
pub async fn ask(pods: &mut [Selected]) {
    let asked = futures::stream::iter(pods).for_each_concurrent(AT_A_TIME, |pod| async move {
        if let Some(address) = pod.admin {
            pod.word = tokio::time::timeout(EACH, word(address)).await.ok().flatten();
        }
    });
    // Those that have answered by then keep their words.
    let _ = tokio::time::timeout(ALL, asked).await;
}

async fn word(address: SocketAddr) -> Option<Report> {
    let stream = TcpStream::connect(address).await.ok()?;
    let mut client = http1::Builder::new();
    client.max_buf_size(LONGEST_HEAD);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.ok()?;
    let request =
        Request::get("/readyz").header(HOST, address.to_string()).body(Empty::<Bytes>::new()).ok()?;
    let answered = async {
        let answer = sender.send_request(request).await.ok()?;
        // A sidecar that is not ready has its say as well.
        if !matches!(answer.status(), StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) {
            return None;
        }
        let body = Limited::new(answer.into_body(), LONGEST_BODY).collect().await.ok()?.to_bytes();
        Report::parse(std::str::from_utf8(&body).ok()?)
    };
    let driven = async {
        // However the connection ends, what it has brought by then is read to its end.
        let _ = connection.await;
        std::future::pending::<Option<Report>>().await
    };
    tokio::select! {
        word = answered => word,
        never = driven => never,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;

    /// An answer that never comes.
    const NEVER: &str = "never";

    /// A pod whose admin port answers a request with this.
    async fn pod(answer: String, served: &mut JoinSet<()>) -> Selected {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let admin = listener.local_addr().ok();
        served.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut request = vec![0; 1024];
            let read = stream.read(&mut request).await.expect("a request");
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            match answer.as_str() {
                NEVER => std::future::pending().await,
                answer => stream.write_all(answer.as_bytes()).await.expect("it is read"),
            }
        });
        Selected { admin, ..Selected::default() }
    }

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    async fn revisions(answers: Vec<String>) -> Vec<Option<String>> {
        let mut served = JoinSet::new();
        let mut pods = Vec::new();
        for answer in answers {
            pods.push(pod(answer, &mut served).await);
        }
        ask(&mut pods).await;
        pods.into_iter().map(|pod| pod.word.map(|word| word.revision)).collect()
    }

    #[tokio::test]
    async fn each_pod_is_heard_by_itself_ready_or_not() {
        let heard = revisions(vec![
            answer("200 OK", "enforcing revision a: keys at hand\n"),
            NEVER.to_owned(),
            answer("503 Service Unavailable", "closed: Invalid: mend it\nrevision b\n"),
        ]);
        assert_eq!(heard.await, [Some("a".to_owned()), None, Some("b".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_no_report_or_too_much_of_one_is_not_heard() {
        let report = "enforcing revision a\n";
        let long_body = format!("{report}{}", " ".repeat(LONGEST_BODY));
        let long_head = format!("200 OK\r\nx: {}", "x".repeat(2 * LONGEST_HEAD));
        let heard = revisions(vec![
            answer("200 OK", report),
            answer("200 OK", &long_body),
            answer(&long_head, report),
            answer("200 OK", "hello"),
            answer("302 Found\r\nlocation: http://127.0.0.1/", report),
            "220 ready\r\n".to_owned(),
            String::new(),
        ]);
        let mut expected = vec![None; 7];
        expected[0] = Some("a".to_owned());
        assert_eq!(heard.await, expected);
    }

    #[tokio::test]
    async fn a_pod_that_cannot_be_asked_has_said_nothing() {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().ok();
        let mut pods = [None, closed].map(|admin| Selected { admin, ..Selected::default() });
        ask(&mut pods).await;
        assert!(pods.iter().all(|pod| pod.word.is_none()));
    }
}
