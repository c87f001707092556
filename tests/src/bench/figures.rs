//! What was measured, and what repetitions of it come to. Pure.

use std::collections::BTreeMap;

use super::Contestant;

/// One repetition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Of the proxy, in microseconds a request; none where there is no proxy.
    pub cpu: Option<f64>,
    /// Of a request, in microseconds.
    pub p50: f64,
    pub p99: f64,
}

/// All repetitions of one kind of request.
#[derive(Debug, Clone, Default)]
pub struct Requests(BTreeMap<Contestant, Vec<Sample>>);

/// Of one proxy, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub idle: u64,
    pub with_streams: u64,
    pub streams: u64,
}

impl Requests {
    pub fn add(&mut self, contestant: Contestant, sample: Sample) {
        self.0.entry(contestant).or_default().push(sample);
    }

    /// The medians, in the order of the table.
    pub fn rows(&self) -> impl Iterator<Item = (Contestant, Sample)> {
        self.0.keys().filter_map(|contestant| Some((*contestant, self.of(*contestant)?)))
    }

    pub fn of(&self, contestant: Contestant) -> Option<Sample> {
        let all = self.0.get(&contestant)?;
        let cpus: Vec<f64> = all.iter().filter_map(|sample| sample.cpu).collect();
        let of = |part: fn(&Sample) -> f64| median(all.iter().map(part).collect());
        Some(Sample { cpu: median(cpus), p50: of(|sample| sample.p50)?, p99: of(|sample| sample.p99)? })
    }

    /// How often one costs what another does.
    pub fn ratio(&self, one: Contestant, other: Contestant) -> Option<f64> {
        Some(self.of(one)?.cpu? / self.of(other)?.cpu?)
    }

    /// What one costs more than another, in microseconds.
    pub fn difference(&self, one: Contestant, other: Contestant) -> Option<f64> {
        Some(self.of(one)?.cpu? - self.of(other)?.cpu?)
    }

    /// The least and the most that repetitions of one came to.
    pub fn spread(&self, contestant: Contestant) -> Option<(f64, f64)> {
        let cpus: Vec<f64> = self.0.get(&contestant)?.iter().filter_map(|sample| sample.cpu).collect();
        let least = cpus.iter().copied().reduce(f64::min)?;
        Some((least, cpus.iter().copied().fold(least, f64::max)))
    }
}

impl Memory {
    pub fn of_a_stream(self) -> u64 {
        self.with_streams.saturating_sub(self.idle) / self.streams.max(1)
    }
}

/// Of an even number, the mean of the two in the middle.
pub fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_unstable_by(f64::total_cmp);
    let (low, high) = (all.get(all.len().checked_sub(1)? / 2)?, all.get(all.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repetition_that_was_disturbed_changes_no_median() {
        assert_eq!(median(vec![3.0, 900.0, 1.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 2.0]), Some(3.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn contestants_are_compared_by_their_medians() {
        let mut requests = Requests::default();
        for (contestant, cpus) in [(Contestant::Bare, [20.0, 21.0, 80.0]), (Contestant::Seen, [42.0; 3])] {
            for cpu in cpus {
                requests.add(contestant, Sample { cpu: Some(cpu), p50: 1.0, p99: 2.0 });
            }
        }
        requests.add(Contestant::Direct, Sample { cpu: None, p50: 1.0, p99: 2.0 });
        assert_eq!(requests.ratio(Contestant::Seen, Contestant::Bare), Some(2.0));
        assert_eq!(requests.difference(Contestant::Seen, Contestant::Bare), Some(21.0));
        assert_eq!(requests.ratio(Contestant::Seen, Contestant::Direct), None);
        assert_eq!(requests.spread(Contestant::Bare), Some((20.0, 80.0)));
        assert_eq!(requests.rows().count(), 3);
    }
}
