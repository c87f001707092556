//! A line of the log as JSON: its time, its level, and its fields in their order, as the subscriber's own format writes them, and at
//! a third of the price, for every request has one.
//!
//! Pure, apart from the time that it writes down.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

#[derive(Debug)]
pub(super) struct Json;

/// Long enough for the record of most requests.
const USUAL: usize = 384;

struct Fields<'a>(&'a mut String);

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(USUAL);
        line.push_str("{\"timestamp\":\"");
        SystemTime.format_time(&mut Writer::new(&mut line))?;
        line.push_str("\",\"level\":\"");
        line.push_str(event.metadata().level().as_str());
        line.push('"');
        event.record(&mut Fields(&mut line));
        line.push_str("}\n");
        writer.write_str(&line)
    }
}

impl Fields<'_> {
    /// A name is a word of our own.
    fn name(&mut self, field: &Field) {
        self.0.push_str(",\"");
        self.0.push_str(field.name());
        self.0.push_str("\":");
    }

    fn text(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        } else {
            // RFC 8259 §7: the rest must be escaped. A text is always written.
            self.0.push_str(&serde_json::to_string(text).unwrap_or_default());
        }
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.text(value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        let _ = write!(self.0, "{value}");
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field);
        let _ = write!(self.0, "{value}");
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field);
        self.0.push_str(if value { "true" } else { "false" });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.text(&format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged, by this format and by the subscriber's own.
    fn logged(log: impl Fn()) -> [String; 2] {
        let (ours, theirs) = (Lines::default(), Lines::default());
        let (out, other) = (ours.clone(), theirs.clone());
        let subscriber = tracing_subscriber::fmt().with_target(false);
        let subscriber = subscriber.event_format(Json).with_writer(move || out.clone()).finish();
        tracing::subscriber::with_default(subscriber, &log);
        let subscriber = tracing_subscriber::fmt().with_target(false).json().flatten_event(true);
        let subscriber = subscriber.with_ansi(false).with_writer(move || other.clone()).finish();
        tracing::subscriber::with_default(subscriber, &log);
        [ours, theirs].map(|lines| {
            let bytes = lines.0.lock().expect("nobody panicked").clone();
            String::from_utf8(bytes).expect("text")
        })
    }

    /// With another time in place of its own.
    fn timeless(line: &str) -> String {
        let (_, rest) =
            line.strip_prefix("{\"timestamp\":\"").and_then(|rest| rest.split_once('"')).expect(line);
        rest.to_owned()
    }

    #[test]
    fn a_line_is_what_the_subscriber_would_write_whatever_stands_in_its_fields() {
        let texts =
            ["ada@example.com", "", "a\"b", "a\\b", "line\nfeed\r\t\u{1}", "\u{7f}\u{e9}\u{1f600}\u{2028}"];
        for text in texts {
            let log = || {
                let error = io::Error::other(text);
                tracing::info!(user = text, status = 200_u16, at = -1_i64, kept = true, "request");
                tracing::warn!(%error, owned = text.to_owned(), kind = ?text, "{text}");
            };
            let [ours, theirs] = logged(log);
            assert_eq!(ours.lines().count(), 2, "{ours}");
            for (ours, theirs) in ours.lines().zip(theirs.lines()) {
                assert_eq!(timeless(ours), timeless(theirs));
            }
            let first = ours.lines().next().unwrap_or_default();
            let parsed: serde_json::Value = serde_json::from_str(first).expect("JSON");
            assert_eq!(parsed["user"], json!(text));
            assert!(parsed["timestamp"].as_str().is_some_and(|time| time.len() == 27 && time.ends_with('Z')));
        }
    }
}
