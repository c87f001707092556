//! What the programs of the bench agree on: what is asked, what is answered, and how a head is read.
//!
//! Pure.

/// The body of a question, and those of the two answers, in bytes.
pub const QUESTION: usize = 300;
pub const SMALL: usize = 500;
pub const LARGE: usize = 1024 * 1024;

/// The paths of the two answers, and of a stream.
pub const SMALL_PATH: &str = "/mcp";
pub const LARGE_PATH: &str = "/mcp/large";
pub const STREAM_PATH: &str = "/mcp/stream";

/// The first event of a stream, after which nothing comes.
pub const EVENT: &str = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n";

/// A call of a tool, as long as it is to be.
pub fn question() -> String {
    let empty = |text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"{text}"}}}}}}"#
        )
    };
    empty(&"x".repeat(QUESTION - empty("").len()))
}

/// A tool's result, likewise.
pub fn answer(length: usize) -> String {
    let empty = |text: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#)
    };
    empty(&"x".repeat(length - empty("").len()))
}

/// A head that has come to its end.
#[derive(Debug)]
pub struct Head<'a> {
    /// Its first line.
    pub start: &'a str,
    /// Where the body begins.
    pub length: usize,
    fields: &'a str,
}

impl<'a> Head<'a> {
    /// The head at the beginning of `bytes`, if all of it is there.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let length = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&bytes[..length]).ok()?;
        let (start, fields) = text.split_once("\r\n")?;
        Some(Self { start, length, fields })
    }

    /// The value of a field, by its name in lower case.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.fields.split("\r\n").filter_map(|line| line.split_once(':'));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn content_length(&self) -> Option<usize> {
        self.field("content-length")?.parse().ok()
    }
}
