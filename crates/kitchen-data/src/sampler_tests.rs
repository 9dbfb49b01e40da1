#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use kitchen_types::ports::{Batch, DataSpec, InputSpec, TargetSpec};
use proptest::prelude::*;

use super::*;

/// A data set with positions and nothing else. Ids are ten more than positions, so that a test
/// that mixes them up fails.
struct Positions {
    spec: DataSpec,
    len: u64,
    domains: Vec<DomainRange>,
}

fn set(len: u64) -> Positions {
    Positions {
        spec: DataSpec {
            input: InputSpec::Features { shape: vec![1] },
            target: TargetSpec::Values { width: 1 },
        },
        len,
        domains: Vec::new(),
    }
}

fn mixture(parts: &[(u64, f64)]) -> Positions {
    let mut all = set(0);
    for (len, weight) in parts {
        all.domains.push(DomainRange {
            name: String::new(),
            weight: *weight,
            from: 0,
            positions: all.len..all.len + len,
        });
        all.len += len;
    }
    all
}

impl Dataset for Positions {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn id(&self, position: u64) -> SampleId {
        SampleId(position + 10)
    }

    fn position(&self, id: SampleId) -> Option<u64> {
        id.0.checked_sub(10).filter(|position| *position < self.len)
    }

    fn batch(&self, _: &[u64]) -> Result<Batch, DataError> {
        Err(DataError::new("", "these are positions only", ""))
    }

    fn domains(&self) -> &[DomainRange] {
        &self.domains
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        Ok(position.to_string())
    }
}

fn sampler(data: &Positions, batch: usize) -> Sampler {
    Sampler::new(data, batch, Key::new(1)).unwrap()
}

fn read(data: &Positions, batch: usize, epoch: u64, blacklist: &[u64]) -> Vec<Vec<u64>> {
    let sampler = sampler(data, batch);
    let blacklist = blacklist
        .iter()
        .map(|position| data.id(*position))
        .collect();
    (0..sampler.batches_per_epoch())
        .map(|k| sampler.positions(data, epoch, k, &blacklist).unwrap())
        .collect()
}

fn counts(positions: &[u64]) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for position in positions {
        *counts.entry(*position).or_insert(0) += 1;
    }
    counts
}

proptest! {
    #[test]
    fn an_epoch_visits_each_example_at_most_once(
        len in 1u64..400, batch in 1usize..40, epoch in 0u64..5,
    ) {
        prop_assume!(batch as u64 <= len);
        let batches = read(&set(len), batch, epoch, &[]);
        prop_assert_eq!(batches.len() as u64, len / batch as u64);
        prop_assert!(batches.iter().all(|positions| positions.len() == batch));
        let counts = counts(&batches.concat());
        prop_assert!(counts.iter().all(|(position, count)| *position < len && *count == 1));
    }

    #[test]
    fn the_blacklisted_never_come_and_the_others_come_once(
        len in 20u64..200, batch in 1usize..20, seed: u64, share in 0.0..0.5f64,
    ) {
        let mut rng = Key::new(seed).rng();
        let blacklist: Vec<u64> = (0..len).filter(|_| rng.uniform() < share).collect();
        let batches = read(&set(len), batch, 3, &blacklist);
        let counts = counts(&batches.concat());
        prop_assert!(batches.iter().all(|positions| positions.len() == batch));
        prop_assert!(blacklist.iter().all(|position| !counts.contains_key(position)));
        // With more blacklisted than the last partial batch had, the order starts over evenly.
        let kept = len - blacklist.len() as u64;
        let most = (batches.len() as u64 * batch as u64).div_ceil(kept);
        prop_assert!(counts.values().all(|count| *count <= most));
    }

    #[test]
    fn other_batch_sizes_within_an_epoch_repeat_and_skip_nothing(
        len in 30u64..300, sizes in prop::collection::vec((1usize..25, 0u64..4), 1..6),
    ) {
        let data = set(len);
        let key = Key::new(1);
        // One batch as large as the epoch is the order itself.
        let order = sampler(&data, len as usize).positions(&data, 2, 0, &BTreeSet::new()).unwrap();
        let mut now = sampler(&data, 7);
        let mut read = Vec::new();
        let mut step = 0;
        for (size, batches) in sizes {
            now = Sampler::resized(&data, now.resize(size, step, 2, 0), key).unwrap();
            let batches = batches.min(now.batches_in(2));
            for batch in 0..batches {
                read.extend(now.positions(&data, 2, batch, &BTreeSet::new()).unwrap());
            }
            step += batches;
            now = Sampler::resized(&data, now.resize(size, step, 2, batches), key).unwrap();
        }
        prop_assert_eq!(&read[..], &order[..read.len()]);
        // What is left fills no batch once the epoch is over, and the next epoch is whole.
        let left = now.batches_in(2);
        for batch in 0..left {
            read.extend(now.positions(&data, 2, batch, &BTreeSet::new()).unwrap());
        }
        prop_assert_eq!(&read[..], &order[..read.len()]);
        prop_assert!(len - (read.len() as u64) < now.batch);
        prop_assert_eq!(now.batches_in(3), (len / now.batch).max(1));
        let fresh = sampler(&data, now.batch as usize);
        prop_assert_eq!(
            now.positions(&data, 3, 0, &BTreeSet::new()).unwrap(),
            fresh.positions(&data, 3, 0, &BTreeSet::new()).unwrap()
        );
    }

    #[test]
    fn other_batch_sizes_in_a_mixture_go_on_in_each_domain(
        parts in prop::collection::vec((5u64..40, 0.1..5.0f64), 2..5),
        sizes in prop::collection::vec((1usize..20, 0u64..6), 1..5),
    ) {
        let data = mixture(&parts);
        let key = Key::new(1);
        let mut now = sampler(&data, 4);
        let mut read = Vec::new();
        let (mut step, mut epoch, mut batch) = (0, 0, 0);
        for (size, batches) in sizes {
            now = Sampler::resized(&data, now.resize(size, step, epoch, batch), key).unwrap();
            batch = 0;
            for _ in 0..batches {
                if batch == now.batches_in(epoch) {
                    (epoch, batch) = (epoch + 1, 0);
                }
                let positions = now.positions(&data, epoch, batch, &BTreeSet::new()).unwrap();
                prop_assert_eq!(positions.len(), size);
                read.extend(positions);
                (step, batch) = (step + 1, batch + 1);
            }
        }
        let counts = counts(&read);
        for domain in &data.domains {
            let of_domain = domain.positions.clone().map(|p| counts.get(&p).copied().unwrap_or(0));
            let (least, most) = (of_domain.clone().min().unwrap(), of_domain.max().unwrap());
            prop_assert!(most - least <= 1, "{least} to {most} times");
        }
    }

    #[test]
    fn other_shares_in_a_mixture_go_on_in_each_domain(
        lens in prop::collection::vec(5u64..40, 3),
        stretches in prop::collection::vec((prop::collection::vec(0u8..4, 3), 0u64..9), 1..6),
        batch in 1usize..20,
    ) {
        let parts: Vec<(u64, f64)> = lens.iter().map(|len| (*len, 1.0)).collect();
        let data = mixture(&parts);
        let key = Key::new(1);
        let mut now = sampler(&data, batch);
        let mut read = Vec::new();
        let (mut step, mut epoch, mut k) = (0, 0, 0);
        for (shares, batches) in stretches {
            prop_assume!(shares.iter().any(|share| *share > 0));
            let shares: Vec<f64> = shares.into_iter().map(f64::from).collect();
            now = Sampler::resized(&data, now.remix(&shares, step, epoch, k), key).unwrap();
            k = 0;
            for _ in 0..batches {
                if k == now.batches_in(epoch) {
                    (epoch, k) = (epoch + 1, 0);
                }
                let positions = now.positions(&data, epoch, k, &BTreeSet::new()).unwrap();
                prop_assert_eq!(positions.len(), batch);
                for (domain, share) in data.domains.iter().zip(&shares) {
                    let count = positions.iter().filter(|it| domain.positions.contains(it)).count();
                    let exact = batch as f64 * share / shares.iter().sum::<f64>();
                    prop_assert!((count as f64 - exact).abs() < 1.0, "{count} of {exact}");
                }
                read.extend(positions);
                (step, k) = (step + 1, k + 1);
            }
        }
        let counts = counts(&read);
        for domain in &data.domains {
            let of_domain = domain.positions.clone().map(|p| counts.get(&p).copied().unwrap_or(0));
            let (least, most) = (of_domain.clone().min().unwrap(), of_domain.max().unwrap());
            prop_assert!(most - least <= 1, "{least} to {most} times");
        }
    }

    #[test]
    fn a_mixture_keeps_its_shapes_and_visits_each_domain_evenly(
        parts in prop::collection::vec((1u64..60, 0.1..5.0f64), 2..6), batch in 1usize..50,
    ) {
        let data = mixture(&parts);
        let sampler = sampler(&data, batch);
        let mut all = Vec::new();
        for number in 0..60 {
            let (epoch, k) = (number / sampler.batches_per_epoch(), number % sampler.batches_per_epoch());
            let positions = sampler.positions(&data, epoch, k, &BTreeSet::new()).unwrap();
            prop_assert_eq!(positions.len(), batch);
            all.extend(positions);
        }
        // Each domain is shuffled by itself: no example comes twice before all have come once.
        let counts = counts(&all);
        for domain in &data.domains {
            let of_domain = domain.positions.clone().map(|p| counts.get(&p).copied().unwrap_or(0));
            let (least, most) = (of_domain.clone().min().unwrap(), of_domain.max().unwrap());
            prop_assert!(most - least <= 1, "{least} to {most} times");
        }
    }
}

#[test]
fn weights_are_met_in_every_batch_and_in_the_long_run() {
    // (weights, batch, fewest and most of the first domain in one batch, of 4,096 batches)
    let table: &[(&[f64], usize, u64, u64, u64)] = &[
        (&[1.0, 1.0], 8, 4, 4, 16_384),
        (&[3.0, 1.0], 32, 24, 24, 98_304),
        (&[2.0, 1.0], 8, 5, 6, 21_845),
        (&[0.01, 0.99], 8, 0, 1, 328),
        (&[0.2, 0.3, 0.5], 1, 0, 1, 819),
    ];
    for (weights, batch, fewest, most, total) in table {
        let parts: Vec<(u64, f64)> = weights.iter().map(|weight| (1000, *weight)).collect();
        let data = mixture(&parts);
        let sampler = sampler(&data, *batch);
        let mut drawn = 0;
        for number in 0..4096 {
            let (epoch, k) = (
                number / sampler.batches_per_epoch(),
                number % sampler.batches_per_epoch(),
            );
            let positions = sampler
                .positions(&data, epoch, k, &BTreeSet::new())
                .unwrap();
            let of_first = positions
                .iter()
                .filter(|position| **position < 1000)
                .count() as u64;
            assert!(
                (*fewest..=*most).contains(&of_first),
                "{weights:?}: {of_first}"
            );
            drawn += of_first;
        }
        // A cycle of 1,024 batches is at most one off, and 10,000 batches hold ten of them.
        assert!(
            drawn.abs_diff(*total) <= 11,
            "{weights:?}: {drawn} instead of {total}"
        );
    }
}

/// A share of 1 % of batches of 8 fills a place in every 13th batch or so, however often the shares
/// are set anew.
#[test]
fn small_shares_are_met_though_they_change_often() {
    let data = mixture(&[(1000, 0.01), (1000, 0.99)]);
    let mut now = sampler(&data, 8);
    let mut drawn = 0;
    for stretch in 0..100 {
        for k in 0..10 {
            let positions = now.positions(&data, 0, k, &BTreeSet::new()).unwrap();
            drawn += positions.iter().filter(|it| **it < 1000).count();
        }
        let shares = now.shares().to_vec();
        let next = now.remix(&shares, 10 * (stretch + 1), 0, 10);
        now = Sampler::resized(&data, next, Key::new(1)).unwrap();
    }
    assert!((75..=85).contains(&drawn), "{drawn} instead of 80");
}

#[test]
fn a_domain_comes_after_its_beginning() {
    let mut data = mixture(&[(1000, 1.0), (1000, 3.0), (0, 9.0)]);
    data.domains[1].from = 50;
    assert_eq!(sampler(&data, 8).shares(), [1.0, 0.0, 0.0]);
    data.domains[1].from = 0;
    assert_eq!(sampler(&data, 8).shares(), [0.25, 0.75, 0.0]);
    data.domains[0].from = 1;
    data.domains[1].from = 1;
    assert!(Sampler::new(&data, 8, Key::new(1)).is_err());
}

#[test]
fn shares_that_are_none_are_refused() {
    let data = mixture(&[(10, 1.0), (10, 1.0)]);
    let sampler = sampler(&data, 4);
    for shares in [
        vec![1.0],
        vec![0.0, 0.0],
        vec![-1.0, 2.0],
        vec![f64::NAN, 1.0],
        vec![f64::MAX, f64::MAX],
    ] {
        let remixed = sampler.remix(&shares, 0, 0, 0);
        assert!(
            Sampler::resized(&data, remixed, Key::new(1)).is_err(),
            "{shares:?}"
        );
    }
}

#[test]
fn a_small_set_fills_its_batch_by_starting_over() {
    let batches = read(&set(3), 8, 0, &[]);
    assert_eq!(batches.len(), 1);
    let counts = counts(&batches.concat());
    assert_eq!(
        counts.values().copied().collect::<BTreeSet<_>>(),
        [2, 3].into()
    );
}

#[test]
fn epochs_differ_and_repeat_exactly() {
    let data = set(1000);
    assert_ne!(read(&data, 10, 0, &[]), read(&data, 10, 1, &[]));
    assert_eq!(read(&data, 10, 1, &[]), read(&data, 10, 1, &[]));
    let other = Sampler::new(&data, 10, Key::new(2)).unwrap();
    assert_ne!(
        other.positions(&data, 0, 0, &BTreeSet::new()).unwrap(),
        read(&data, 10, 0, &[]).concat()[..10],
    );
}

#[test]
fn a_blacklisted_example_leaves_the_batches_before_it_alone() {
    let data = set(100);
    let before = read(&data, 10, 0, &[]);
    let gone = before[4][0];
    let after = read(&data, 10, 0, &[gone]);
    assert_eq!(before[..4], after[..4]);
    assert_eq!(before[4][1..], after[4][..9]);
}

#[test]
fn nothing_to_read_is_an_error() {
    assert!(Sampler::new(&set(0), 8, Key::new(1)).is_err());
    assert!(Sampler::new(&set(8), 0, Key::new(1)).is_err());
    let data = set(4);
    let all = (0..4).map(|position| data.id(position)).collect();
    assert!(sampler(&data, 2).positions(&data, 0, 0, &all).is_err());
}

#[test]
fn a_billion_windows_take_no_memory() {
    let data = set(1_000_000_000);
    let sampler = sampler(&data, 64);
    let last = sampler.batches_per_epoch() - 1;
    let positions = sampler.positions(&data, 0, last, &BTreeSet::new()).unwrap();
    assert_eq!(positions.len(), 64);
    assert!(positions.iter().all(|position| *position < 1_000_000_000));
}
