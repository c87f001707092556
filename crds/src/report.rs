//! `Report`: what a sidecar says of itself on `/readyz`, for people, kubelets and the operator. Written by the sidecar and
//! read by the operator from this one type, so that "which revision is enforced" has one spelling.
//!
//! Pure. A sidecar may be older than the operator that asks, or be none at all: what cannot be read is no report. Meets K14.

use std::fmt;

/// How a sidecar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub standing: Standing,
    /// Details for a person; empty where there are none.
    pub says: String,
    /// Of the document that is obeyed, whether it lets anything through or not; `-` where there is none.
    pub revision: String,
    /// Why the newest document is not the one that is obeyed.
    pub complaint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Enforcing,
    /// There is a policy, and nothing to check tokens with yet.
    NotReady,
    Closed,
}

const ENFORCING: &str = "enforcing revision ";
const NOT_READY: &str = "not ready: ";
const CLOSED: &str = "closed: ";
const REVISION: &str = "revision ";
const COMPLAINT: &str = "the newest document is not in force: ";

impl Report {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let first = lines.next()?;
        let (standing, revision, says) = if let Some(rest) = first.strip_prefix(ENFORCING) {
            let (revision, says) = rest.split_once(": ").unwrap_or((rest, ""));
            (Standing::Enforcing, revision, says)
        } else {
            let closed = first.strip_prefix(CLOSED).map(|says| (Standing::Closed, says));
            let not_ready = || first.strip_prefix(NOT_READY).map(|says| (Standing::NotReady, says));
            let (standing, says) = closed.or_else(not_ready)?;
            (standing, lines.next()?.strip_prefix(REVISION)?, says)
        };
        let complaint = lines.next().and_then(|line| line.strip_prefix(COMPLAINT)).map(str::to_owned);
        Some(Self { standing, says: says.to_owned(), revision: revision.to_owned(), complaint })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (says, revision) = (one_line(&self.says), one_line(&self.revision));
        match self.standing {
            Standing::Enforcing if says.is_empty() => writeln!(f, "{ENFORCING}{revision}")?,
            Standing::Enforcing => writeln!(f, "{ENFORCING}{revision}: {says}")?,
            Standing::NotReady => writeln!(f, "{NOT_READY}{says}\n{REVISION}{revision}")?,
            Standing::Closed => writeln!(f, "{CLOSED}{says}\n{REVISION}{revision}")?,
        }
        match &self.complaint {
            Some(complaint) => writeln!(f, "{COMPLAINT}{}", one_line(complaint)),
            None => Ok(()),
        }
    }
}

/// What is quoted from elsewhere cannot write a line of its own.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(standing: Standing, says: &str, complaint: Option<&str>) -> Report {
        let complaint = complaint.map(str::to_owned);
        Report { standing, says: says.to_owned(), revision: "0123456789ab".to_owned(), complaint }
    }

    #[test]
    fn what_a_sidecar_writes_is_what_the_operator_reads() {
        for standing in [Standing::Enforcing, Standing::NotReady, Standing::Closed] {
            for says in ["", "keys at hand", "no keys: status 500: x"] {
                for complaint in [None, Some("it is broken: at line 1")] {
                    let written = report(standing, says, complaint);
                    assert_eq!(Report::parse(&written.to_string()), Some(written));
                }
            }
        }
    }

    #[test]
    fn the_page_reads_well() {
        let enforcing = report(Standing::Enforcing, "keys at hand", Some("it is too long"));
        assert_eq!(
            enforcing.to_string(),
            "enforcing revision 0123456789ab: keys at hand\nthe newest document is not in force: it is too long\n"
        );
        let closed = report(Standing::Closed, "ReferenceNotFound: create it", None);
        assert_eq!(closed.to_string(), "closed: ReferenceNotFound: create it\nrevision 0123456789ab\n");
    }

    #[test]
    fn what_is_quoted_cannot_say_another_revision_or_take_the_complaint_away() {
        let forged = report(Standing::Closed, "x\nrevision ffffffffffff\n", Some("a\nb"));
        let read = Report::parse(&forged.to_string()).expect("it reads");
        assert_eq!((&*read.revision, read.complaint.as_deref()), ("0123456789ab", Some("a b")));
    }

    #[test]
    fn what_is_no_report_is_none() {
        for text in
            ["", "ok", "alive\n", "closed: x", "closed: x\nready\n", "<html>", "revision 0123456789ab"]
        {
            assert_eq!(Report::parse(text), None, "{text:?}");
        }
        assert!(Report::parse("closed: x\nrevision -\n").is_some());
    }
}
