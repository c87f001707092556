//! The figures as people read them: on a terminal and in `docs/performance.md`, between its two marks. Pure.

use std::fmt::Write;

use super::{Contestant, Memory, Requests};

const BEGIN: &str = "<!-- What the bench saw; `make bench` writes it. -->\n";
const END: &str = "<!-- Here ends what it saw. -->\n";

const MIB: f64 = 1024.0 * 1024.0;

/// What one run came to.
#[derive(Debug, Default)]
pub struct Page {
    /// Lines about when, where and with what.
    pub circumstances: Vec<String>,
    pub small: Requests,
    pub large: Requests,
    pub memory: Vec<(Contestant, Memory)>,
    /// From the start of the process to its first 200 at `/readyz`, in milliseconds.
    pub start: Option<f64>,
}

/// The page with these figures in place of those that it has.
pub fn written(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}\n\n{END}{after}"))
}

impl Page {
    pub fn text(&self) -> String {
        let requests = [
            ("A call of 300 bytes, an answer of 500", &self.small),
            ("A call of 300 bytes, an answer of 1 MiB", &self.large),
        ];
        let tables = requests.iter().filter_map(|(title, requests)| table(title, requests));
        let parts = [self.circumstances.join("\n")].into_iter().chain(tables);
        let parts = parts.chain(self.streams()).chain(self.promises());
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        parts.join("\n\n")
    }

    fn streams(&self) -> Option<String> {
        let (_, first) = self.memory.first()?;
        let mut text = format!("| memory | idle | {} open streams | a stream |\n", first.streams);
        text.push_str("| --- | --- | --- | --- |");
        for (contestant, memory) in &self.memory {
            let _ = write!(
                text,
                "\n| {} | {:.1} MiB | {:.1} MiB | {:.1} KiB |",
                contestant.title(),
                mib(memory.idle),
                mib(memory.with_streams),
                mib(memory.of_a_stream()) * 1024.0,
            );
        }
        Some(text)
    }

    /// Ours against what it is to be.
    fn promises(&self) -> Option<String> {
        use Contestant::{Bare, Envoy, Haproxy, HaproxyJwt, Seen, SeenQuiet, Unseen};
        let times = |one, other| self.small.ratio(one, other).map(|ratio| format!("{ratio:.2} ×"));
        let own = self.memory.iter().find(|(contestant, _)| *contestant == Seen).map(|(_, memory)| memory);
        let quiet = |other| self.small.ratio(SeenQuiet, other).map(|ratio| format!("{ratio:.2} ×"));
        let rows = [
            (
                "a token seen before, against HAProxy that passes everything",
                "1.05 ×",
                times(Seen, Haproxy),
                quiet(Haproxy),
            ),
            ("against the bare hyper proxy", "1.10 ×", times(Seen, Bare), quiet(Bare)),
            ("against HAProxy with `jwt_verify`", "0.40 ×", times(Seen, HaproxyJwt), quiet(HaproxyJwt)),
            ("against Envoy with `jwt_authn`", "0.30 ×", times(Seen, Envoy), quiet(Envoy)),
            (
                "a token not seen before (RS256)",
                "40 µs more",
                self.small.difference(Unseen, Seen).map(|more| format!("{more:.0} µs more")),
                None,
            ),
            ("memory, idle", "6 MiB", own.map(|memory| format!("{:.1} MiB", mib(memory.idle))), None),
            (
                "memory of an open stream",
                "12 KiB",
                own.map(|memory| format!("{:.1} KiB", mib(memory.of_a_stream()) * 1024.0)),
                None,
            ),
            ("from start to ready", "10 ms", self.start.map(|millis| format!("{millis:.1} ms")), None),
        ];
        let rows = rows.into_iter().filter_map(|(what, most, found, quiet)| {
            Some(format!("\n| {what} | {most} | {} | {} |", found?, quiet.unwrap_or_default()))
        });
        let rows = rows.collect::<String>();
        let head = "| mcp-oauth | to be at most | is | with `--log warn` |\n| --- | --- | --- | --- |";
        (!rows.is_empty()).then(|| format!("{head}{rows}"))
    }
}

fn table(title: &str, requests: &Requests) -> Option<String> {
    let mut text = format!(
        "| {title} | CPU a request | least to most | × HAProxy | × bare | p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    let before = text.len();
    for (contestant, sample) in requests.rows() {
        let micros =
            |micros: Option<f64>| micros.map_or("–".to_owned(), |micros| format!("{micros:.1} µs"));
        let spread = requests.spread(contestant);
        let times = |other| match requests.ratio(contestant, other) {
            Some(ratio) => format!("{ratio:.2}"),
            None => "–".to_owned(),
        };
        let _ = write!(
            text,
            "\n| {} | {} | {} | {} | {} | {:.0} µs | {:.0} µs |",
            contestant.title(),
            micros(sample.cpu),
            spread.map_or("–".to_owned(), |(least, most)| format!("{least:.1}–{most:.1}")),
            times(Contestant::Haproxy),
            times(Contestant::Bare),
            sample.p50,
            sample.p99,
        );
    }
    (text.len() > before).then_some(text)
}

/// Memory never comes near what a float has no place for.
#[expect(clippy::cast_precision_loss, reason = "of 2^53 bytes nobody has that many")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Sample;

    fn page() -> Page {
        let mut page = Page { circumstances: vec!["Seen here.".to_owned()], ..Page::default() };
        for (contestant, cpu) in [
            (Contestant::Direct, None),
            (Contestant::Haproxy, Some(20.0)),
            (Contestant::Seen, Some(25.0)),
            (Contestant::Unseen, Some(60.0)),
        ] {
            page.small.add(contestant, Sample { cpu, p50: 100.0, p99: 200.0 });
        }
        page
    }

    #[test]
    fn the_table_has_ratios_and_nothing_that_was_not_measured() {
        let text = page().text();
        let seen = "| mcp-oauth, token seen | 25.0 µs | 25.0–25.0 | 1.25 | – | 100 µs | 200 µs |\n";
        assert!(text.contains(seen), "{text}");
        assert!(text.contains("| direct, no proxy | – | – | – | – | 100 µs | 200 µs |"), "{text}");
        assert!(text.contains("| a token not seen before (RS256) | 40 µs more | 35 µs more |  |"), "{text}");
        assert!(!text.contains("1 MiB") && !text.contains("Envoy") && !text.contains("stream"), "{text}");
    }

    #[test]
    fn memory_is_told_by_stream() {
        let memory = Memory { idle: 5 << 20, with_streams: 105 << 20, streams: 10_000 };
        let page = Page { memory: vec![(Contestant::Seen, memory)], ..Page::default() };
        let text = page.text();
        assert!(text.contains("| mcp-oauth, token seen | 5.0 MiB | 105.0 MiB | 10.2 KiB |"), "{text}");
    }

    #[test]
    fn the_page_keeps_what_stands_around_the_figures() {
        let old = format!("# A\n\n{BEGIN}\nold\n{END}\nend\n");
        let new = written(&old, "new").expect("it has both marks");
        assert_eq!(new, format!("# A\n\n{BEGIN}\nnew\n\n{END}\nend\n"));
        assert_eq!(written(&new, "new").as_deref(), Some(new.as_str()));
        assert_eq!(written("# A\n", "new"), None);
    }
}
