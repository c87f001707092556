//! What a browser reaches.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Browser;
use crate::world::authority::Authority;

#[tokio::test]
async fn a_host_that_was_named_is_reached_there_with_tls_of_its_own() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let acceptor = authority.server("idp.example.com");
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor.accept(stream).await.expect("TLS for this name");
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.expect("a request");
        assert!(String::from_utf8_lossy(&request[..read]).contains("idp.example.com"));
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("an answer");
        stream.shutdown().await.expect("an end");
    });
    let mut browser = Browser::new(&crate::world::clock().0);
    browser.trust(&authority.pem);
    browser.host("idp.example.com", address);
    assert_eq!(browser.open("https://idp.example.com/x").await.reply.status, 204);
    while let Some(done) = server.join_next().await {
        done.expect("the server is content");
    }
}
