//! One answer, read to its end.
//!
//! Pure, apart from the stream that it reads.

use std::io;

use mcp_oauth_tests_bench::Head;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads a 200 whose body is as long as it says and as it must be, and nothing behind it.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    length: usize,
) -> io::Result<()> {
    let mut filled = 0;
    let end = loop {
        filled += more(stream, &mut buffer[filled..]).await?;
        if let Some(head) = Head::read(&buffer[..filled]) {
            break head.length + judge(&head, length)?;
        }
    };
    while filled < end {
        // Where the head stood is room enough: nobody reads the body.
        filled += more(stream, buffer).await?;
    }
    if filled == end { Ok(()) } else { Err(io::Error::other("an answer is longer than it says")) }
}

fn judge(head: &Head<'_>, length: usize) -> io::Result<usize> {
    if !head.start.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(format!("an answer is '{}'", head.start)));
    }
    match head.content_length() {
        Some(found) if found == length => Ok(length),
        found => Err(io::Error::other(format!("an answer has a length of {found:?}, not {length}"))),
    }
}

pub(crate) async fn more(stream: &mut (impl AsyncRead + Unpin), room: &mut [u8]) -> io::Result<usize> {
    match stream.read(room).await? {
        0 => Err(io::Error::other("a connection has ended, or a head has no end")),
        length => Ok(length),
    }
}
