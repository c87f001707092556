//! A resolver that gives the answers that a test has written for it, one after the other, and the last one for good.
//!
//! Asks nobody.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Mutex;

use sidecar::fetch::resolve::Lookup;

#[derive(Debug)]
pub(crate) struct Stub {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Stub {
    /// The same addresses for whatever name.
    pub(crate) fn always(addresses: &[&str]) -> Self {
        Self { answers: Mutex::new(vec![parsed(addresses)]), asked: Mutex::default() }
    }

    /// From now on these, in turn.
    pub(crate) fn answer(&self, answers: &[&[&str]]) {
        let answers = answers.iter().rev().map(|addresses| parsed(addresses)).collect();
        *self.answers.lock().expect("no test panics while it holds this") = answers;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().expect("no test panics while it holds this").len()
    }
}

impl Lookup for Stub {
    fn addresses(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        self.asked.lock().expect("no test panics while it holds this").push(name.to_owned());
        let mut answers = self.answers.lock().expect("no test panics while it holds this");
        let answer = if answers.len() > 1 { answers.pop() } else { answers.last().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

fn parsed(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|text| text.parse().expect("the tests write addresses")).collect()
}
