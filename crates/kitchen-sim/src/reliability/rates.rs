//! How often nodes fail.

use serde::{Deserialize, Serialize};

/// How often the nodes of a cluster interrupt a run.
///
/// Most nodes fail at one low rate. A few are bad: they fail about once a day until somebody takes
/// them away. Without them, the rate of a whole cluster (one interruption in 28.8 h for 1,024 GPUs)
/// misses what jobs of that size see (7.9 h): arXiv:2410.21680.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureRates {
    /// Interruptions by each good node of eight GPUs, per day.
    pub per_node_day: f64,
    /// Share of nodes that are bad, at the start and among those that replace others.
    pub bad_share: f64,
    /// Interruptions by each bad node, per day.
    pub bad_per_day: f64,
    /// Interruptions after which a node is taken away for good.
    pub strikes: u32,
}

impl FailureRates {
    /// As over 54 days of Llama-3 405B: 419 interruptions of 2,048 nodes, or 3.79e-3 a node and
    /// day (arXiv:2407.21783, section 3.3.4). How many bad nodes a cluster keeps once it is burnt
    /// in, nobody has published: two in a thousand here.
    pub const LLAMA3: Self = Self {
        per_node_day: 419.0 / (54.0 * 2048.0),
        bad_share: 0.002,
        bad_per_day: 1.44,
        strikes: 2,
    };

    /// As on a research cluster where jobs come and go: 6.5e-3 a node and day, and as many bad nodes
    /// as explain what jobs of 1,024 GPUs see (arXiv:2410.21680).
    pub const RESEARCH: Self = Self {
        per_node_day: 6.5e-3,
        bad_share: 0.012,
        bad_per_day: 1.44,
        strikes: 2,
    };

    /// The rates of nodes of so many devices: eight small nodes fail as often as four of twice the
    /// size.
    #[must_use]
    pub fn of_nodes(self, devices: u32) -> Self {
        let share = f64::from(devices) / 8.0;
        Self {
            per_node_day: self.per_node_day * share,
            bad_share: (self.bad_share * share).min(1.0),
            ..self
        }
    }

    /// Mean hours between interruptions of a fresh job on `nodes`, before any bad node is removed.
    #[must_use]
    pub fn hours_between(&self, nodes: f64) -> f64 {
        24.0 / (nodes * (self.per_node_day + self.bad_share * self.bad_per_day))
    }

    /// The same once all bad nodes are gone.
    #[must_use]
    pub fn hours_between_when_burnt_in(&self, nodes: f64) -> f64 {
        24.0 / (nodes * self.per_node_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!(
            (found / expected - 1.0).abs() <= tolerance,
            "{found}, not {expected}"
        );
    }

    #[test]
    fn jobs_of_1024_gpus_see_what_was_measured() {
        near(FailureRates::RESEARCH.hours_between(128.0), 7.9, 0.01);
        near(
            FailureRates::RESEARCH.hours_between_when_burnt_in(128.0),
            28.8,
            0.01,
        );
    }

    #[test]
    fn the_size_of_nodes_changes_nothing_for_the_cluster() {
        let trays = FailureRates::LLAMA3.of_nodes(4);
        let servers = FailureRates::LLAMA3;
        assert_eq!(servers.of_nodes(8), servers);
        near(
            trays.hours_between(36.0),
            servers.hours_between(18.0),
            1e-12,
        );
    }

    #[test]
    fn the_research_cluster_as_a_whole() {
        // arXiv:2410.21680 projects 1.8 h for 16,384 GPUs and 0.23 h for 131,072.
        near(
            FailureRates::RESEARCH.hours_between_when_burnt_in(2048.0),
            1.803,
            0.01,
        );
        near(
            FailureRates::RESEARCH.hours_between_when_burnt_in(16_384.0),
            0.225,
            0.01,
        );
    }
}
