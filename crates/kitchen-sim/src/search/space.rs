//! The layouts that a search looks at.

use crate::input::{Job, Layout, Recompute, Sharding};

/// Which layouts to look at. Degrees are those that divide what they split.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The largest micro-batch.
    pub micro_batch: u32,
    /// The most chunks on a pipeline stage.
    pub vp: u32,
    /// What data parallel ranks share.
    pub sharding: Vec<Sharding>,
    /// What is computed again.
    pub recompute: Vec<Recompute>,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            micro_batch: 16,
            vp: 8,
            sharding: vec![
                Sharding::None,
                Sharding::DistOpt,
                Sharding::Zero2,
                Sharding::Fsdp,
            ],
            recompute: vec![Recompute::None, Recompute::Selective, Recompute::Full],
        }
    }
}

impl Space {
    /// Shows every layout that divides `job`, always in the same order.
    pub(super) fn each(&self, job: &Job, mut show: impl FnMut(&Layout)) {
        let devices = job.cluster.devices;
        let first = Layout::plain(devices);
        for tp in divisors(gcd(job.model.heads, devices)) {
            for pp in divisors(devices / tp) {
                if pp > job.model.layers {
                    break;
                }
                for cp in divisors(gcd(job.batch.seq_len, devices / tp / pp)) {
                    let dp = devices / tp / pp / cp;
                    let degrees = Layout {
                        tp,
                        pp,
                        cp,
                        dp,
                        ..first
                    };
                    self.each_schedule(job, degrees, &mut show);
                }
            }
        }
    }

    /// Interleaving, experts and micro-batches.
    fn each_schedule(&self, job: &Job, layout: Layout, show: &mut impl FnMut(&Layout)) {
        if !job.batch.global_batch.is_multiple_of(layout.dp) {
            return;
        }
        let each = job.batch.global_batch / layout.dp;
        for vp in divisors(job.model.layers.div_ceil(layout.pp)) {
            if vp > self.vp || (vp > 1 && layout.pp == 1) {
                break;
            }
            for ep in self.expert_degrees(job, layout.dp) {
                for micro_batch in divisors(each) {
                    if micro_batch > self.micro_batch {
                        break;
                    }
                    let layout = Layout {
                        vp,
                        ep,
                        micro_batch,
                        ..layout
                    };
                    self.each_storage(layout, show);
                }
            }
        }
    }

    /// What is kept where, and what is computed again.
    fn each_storage(&self, layout: Layout, show: &mut impl FnMut(&Layout)) {
        for &sharding in &self.sharding {
            for &recompute in &self.recompute {
                for sp in [false, true] {
                    if !sp || layout.tp > 1 {
                        show(&Layout {
                            sharding,
                            recompute,
                            sp,
                            ..layout
                        });
                    }
                }
            }
        }
    }

    fn expert_degrees(&self, job: &Job, dp: u32) -> Vec<u32> {
        match job.model.experts {
            Some(experts) => divisors(gcd(experts.count, dp)),
            None => vec![1],
        }
    }
}

/// The divisors of `whole`, the smallest first.
fn divisors(whole: u32) -> Vec<u32> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    let is_small = |part: &u32| u64::from(*part) * u64::from(*part) <= u64::from(whole);
    for part in (1..=whole).take_while(is_small) {
        if whole.is_multiple_of(part) {
            small.push(part);
            if whole / part != part {
                large.push(whole / part);
            }
        }
    }
    small.extend(large.into_iter().rev());
    small
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_are_those_that_divide() {
        for whole in 0..500_u32 {
            let plain = (1..=whole).filter(|part| whole.is_multiple_of(*part));
            assert_eq!(divisors(whole), plain.collect::<Vec<u32>>(), "{whole}");
        }
        assert_eq!(divisors(u32::MAX).len(), 32, "3·5·17·257·65537");
    }
}
