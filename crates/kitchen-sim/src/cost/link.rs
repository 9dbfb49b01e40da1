//! How long a collective operation takes.

use crate::constants::Constants;
use crate::input::{Cluster, Layout};
use crate::math::log2;

/// Ranks that communicate, and how they lie over scale-up domains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// All ranks.
    pub ranks: u32,
    /// Ranks in one domain.
    pub together: u32,
}

impl Group {
    /// `ranks` that stand `stride` devices apart, in domains of `domain` devices.
    #[must_use]
    pub fn new(ranks: u32, stride: u32, domain: u32) -> Self {
        let together = (domain / stride.max(1)).clamp(1, ranks.max(1));
        Self { ranks, together }
    }

    /// Domains over which the group is spread.
    fn domains(self) -> f64 {
        f64::from(self.ranks.div_ceil(self.together))
    }
}

/// The connections of one device: bandwidths in bytes a second.
#[derive(Clone, Copy)]
pub struct Links<'a> {
    constants: &'a Constants,
    link: f64,
    network: f64,
}

impl<'a> Links<'a> {
    /// The connections of the devices of `cluster`.
    #[must_use]
    pub fn new(cluster: &Cluster, constants: &'a Constants) -> Self {
        Self {
            constants,
            link: cluster.accelerator.link_gbs * 1e9 * constants.link_share,
            network: cluster.network_per_device() * constants.network_share,
        }
    }

    /// Seconds of an all-gather or a reduce-scatter of `bytes` in all.
    ///
    /// (n-1)/n · S / B with B of a ring that is pipelined through links and network at once, so
    /// that the slower of them counts (Thakur et al. 2005; NCCL's bus bandwidth). All adapters of
    /// a node carry a group that fills it.
    #[must_use]
    pub fn gather(&self, group: Group, bytes: f64) -> f64 {
        if group.ranks <= 1 {
            return 0.0;
        }
        let share = f64::from(group.ranks - 1) / f64::from(group.ranks);
        share * bytes / self.bandwidth(group) + 0.5 * self.latency(group)
    }

    /// Seconds of an all-reduce of `bytes`: a reduce-scatter and an all-gather.
    #[must_use]
    pub fn all_reduce(&self, group: Group, bytes: f64) -> f64 {
        2.0 * self.gather(group, bytes)
    }

    /// Seconds of an all-to-all in which each rank holds `bytes`.
    #[must_use]
    pub fn exchange(&self, group: Group, bytes: f64) -> f64 {
        if group.ranks <= 1 {
            return 0.0;
        }
        let ranks = f64::from(group.ranks);
        let near = f64::from(group.together - 1) / ranks * bytes / self.link;
        let far = f64::from(group.ranks - group.together) / ranks * bytes / self.network;
        near.max(far) + self.latency(group)
    }

    /// Seconds to hand `bytes` to a device `stride` away.
    #[must_use]
    pub fn send(&self, bytes: f64, is_near: bool) -> f64 {
        let bandwidth = if is_near { self.link } else { self.network };
        bytes / bandwidth + self.constants.collective_us * 1e-6
    }

    fn bandwidth(&self, group: Group) -> f64 {
        if group.ranks <= group.together {
            return self.link;
        }
        self.link.min(self.network * f64::from(group.together))
    }

    fn latency(&self, group: Group) -> f64 {
        let constants = self.constants;
        let hops = constants.collective_hop_us * f64::from(group.together - 1);
        let nodes = constants.collective_node_us * log2(group.domains());
        (constants.collective_us + hops + nodes) * 1e-6
    }
}

/// The groups of a layout. Tensor parallel ranks are neighbours, then come context and data
/// parallel ones, and stages are farthest apart.
#[derive(Clone, Copy)]
pub(crate) struct Groups {
    pub(crate) tensor: Group,
    pub(crate) context: Group,
    pub(crate) data: Group,
    pub(crate) expert: Group,
    /// Whether the next stage is in the same domain.
    pub(crate) stages_are_near: bool,
}

impl Groups {
    pub(crate) fn new(cluster: &Cluster, layout: &Layout) -> Self {
        let domain = cluster.domain();
        Self {
            tensor: Group::new(layout.tp, 1, domain),
            context: Group::new(layout.cp, layout.tp, domain),
            data: Group::new(layout.replicas(), layout.tp, domain),
            expert: Group::new(layout.ep, layout.tp, domain),
            stages_are_near: cluster.devices <= domain,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::example::job;

    #[test]
    fn groups_fill_domains_first() {
        assert_eq!(Group::new(8, 1, 8).together, 8);
        assert_eq!(Group::new(64, 1, 8).together, 8);
        assert_eq!(Group::new(64, 2, 8).together, 4);
        assert_eq!(Group::new(64, 8, 8).together, 1);
        assert_eq!(Group::new(2, 1, 72).together, 2);
    }

    #[test]
    fn large_collectives_move_their_bytes_at_the_bandwidth() {
        let constants = Constants::bundled().unwrap();
        let cluster = job("gpt3-6.7b", "A100 SXM 80GB", 64).cluster;
        let links = Links::new(&cluster, &constants);
        // 2(n-1)/n · S / B: 1.75 times 80 GB over 300 GB/s of NVLink within a node; over eight
        // nodes the 400 GB/s of their adapters are more than that, and NVLink still counts.
        let link = 300e9 * constants.link_share;
        let found = links.all_reduce(Group::new(8, 1, 8), 80e9);
        assert!((found / (1.75 * 80e9 / link) - 1.0).abs() < 1e-3, "{found}");
        let alone = 50e9 * constants.network_share;
        let found = links.all_reduce(Group::new(8, 8, 8), 80e9);
        assert!(
            (found / (1.75 * 80e9 / alone) - 1.0).abs() < 1e-3,
            "{found}"
        );
    }

    #[test]
    fn one_rank_has_nobody_to_talk_to() {
        let constants = Constants::bundled().unwrap();
        let cluster = job("gpt3-6.7b", "A100 SXM 80GB", 64).cluster;
        let links = Links::new(&cluster, &constants);
        assert_eq!(links.all_reduce(Group::new(1, 1, 8), 1e9), 0.0);
        assert_eq!(links.exchange(Group::new(1, 1, 8), 1e9), 0.0);
    }
}
