//! Draws are what they always were, and fair.

use kitchen_types::random::{Generator, Key};

/// Recorded with `random_golden.py` beside this file, which computes BLAKE3 and ChaCha8 without
/// any code of ours.
#[test]
fn draws_are_frozen() {
    let table = [
        (0, [0xf124_bc21_027b_2cf1, 0x3d19_d0cc_bce0_0605]),
        (1, [0x1c86_9252_32f3_bbe8, 0x4c9a_313b_0be3_727d]),
        (u64::MAX, [0x28bb_74d5_1336_09e9, 0xab6f_6f21_5c8b_5e92]),
    ];
    for (seed, expected) in table {
        let mut rng = Key::new(seed).rng();
        assert_eq!([rng.next_u64(), rng.next_u64()], expected, "seed {seed}");
    }

    let key = Key::new(1).purpose("data/shuffle").at(7);
    assert_eq!(key.draw(), 0x0463_1d3e_41d1_1843);
    let mut rng = key.rng();
    let ninth = (0..9).map(|_| rng.next_u64()).last();
    assert_eq!(ninth, Some(0xd3f0_a3fd_992e_eba3), "in the second block");
}

/// Recorded like the draws above.
#[test]
fn a_shuffle_is_frozen() {
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
    Key::new(1)
        .purpose("data/shuffle")
        .at(7)
        .rng()
        .shuffle(&mut items);
    assert_eq!(items, [7, 3, 2, 4, 6, 0, 5, 1]);
}

#[test]
fn a_key_depends_on_seed_purpose_and_counter() {
    let root = Key::new(1);
    let keys = [
        root,
        Key::new(2),
        root.purpose("a"),
        root.purpose("b"),
        root.purpose(""),
        root.at(0),
        root.at(1),
        root.purpose("a").at(0),
        root.at(0).purpose("a"),
        root.purpose("a").purpose("b"),
    ];
    for (place, key) in keys.iter().enumerate() {
        assert!(!keys[..place].contains(key), "key {place} is not new");
    }
}

fn rng(purpose: &str) -> Generator {
    Key::new(20_260).purpose(purpose).rng()
}

/// Pearson's statistic of `counts` against equal expectations.
fn chi_square(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    counts
        .iter()
        .map(|&count| (count as f64 - expected).powi(2) / expected)
        .sum()
}

/// The 99.9 % quantile of chi-square (NIST/SEMATECH e-Handbook, table 1.3.6.7.4).
const CHI_SQUARE_999: [(usize, f64); 4] = [(1, 10.828), (2, 13.816), (9, 27.877), (99, 148.230)];

#[test]
fn below_is_uniform() {
    for (freedom, limit) in CHI_SQUARE_999 {
        let bound = freedom as u64 + 1;
        let mut counts = vec![0; freedom + 1];
        let mut rng = rng("below");
        for _ in 0..100_000 {
            counts[rng.below(bound) as usize] += 1;
        }
        let statistic = chi_square(&counts);
        assert!(statistic < limit, "below({bound}): {statistic} > {limit}");
    }
}

/// A bound of 3/4 of the range: without the rejection of over-represented draws, every third value
/// would come up twice as often as the others.
#[test]
fn below_is_uniform_for_bounds_that_do_not_divide_the_range() {
    let bound = 3 << 62;
    let mut counts = [0; 3];
    let mut rng = rng("large bounds");
    for _ in 0..30_000 {
        counts[(rng.below(bound) % 3) as usize] += 1;
    }
    let statistic = chi_square(&counts);
    assert!(statistic < 13.816, "{counts:?}: {statistic}");
}

#[test]
fn below_stays_below() {
    let mut rng = rng("edges");
    for bound in [1, 2, 3, 1 << 32, u64::MAX] {
        assert!((0..100).all(|_| rng.below(bound) < bound), "{bound}");
    }
    assert_eq!(rng.below(0), 0);
}

#[test]
fn a_shuffle_is_a_permutation() {
    for length in [0usize, 1, 2, 3, 10, 1000] {
        let mut items: Vec<usize> = (0..length).collect();
        rng("shuffle").shuffle(&mut items);
        let mut sorted = items.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..length), "{length} items");
    }
}

/// Each of the six orders of three items is as likely as the next (a naive swap with any place
/// makes three of them likelier).
#[test]
fn every_order_is_as_likely() {
    let mut counts = [0; 6];
    let mut rng = rng("orders");
    for _ in 0..60_000 {
        let mut items = [0, 1, 2];
        rng.shuffle(&mut items);
        counts[items[0] * 2 + usize::from(items[1] > items[2])] += 1;
    }
    // The 99.9 % quantile with 5 degrees of freedom.
    let statistic = chi_square(&counts);
    assert!(statistic < 20.515, "{counts:?}: {statistic}");
}

/// The mean of `n` draws of a distribution lies within four standard errors of its own.
fn check_moments(name: &str, draws: &[f64], mean: f64, variance: f64, fourth: f64) {
    let n = draws.len() as f64;
    let found_mean = draws.iter().sum::<f64>() / n;
    let found_variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let mean_error = (variance / n).sqrt();
    let variance_error = ((fourth - variance.powi(2)) / n).sqrt();
    assert!(
        (found_mean - mean).abs() < 4.0 * mean_error,
        "{name}: mean {found_mean}"
    );
    assert!(
        (found_variance - variance).abs() < 4.0 * variance_error,
        "{name}: variance {found_variance}"
    );
}

#[test]
fn uniform_has_its_moments_and_range() {
    let mut rng = rng("uniform");
    let draws: Vec<f64> = (0..100_000).map(|_| rng.uniform()).collect();
    assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
    check_moments("uniform", &draws, 0.5, 1.0 / 12.0, 1.0 / 80.0);
}

#[test]
fn normal_has_its_moments_and_tails() {
    let mut rng = rng("normal");
    let draws: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
    assert!(draws.iter().all(|x| x.is_finite()));
    check_moments("normal", &draws, 0.0, 1.0, 3.0);
    // 4.55 % lie outside of two standard deviations; four standard errors are 0.26 %.
    let outside = draws.iter().filter(|x| x.abs() > 2.0).count() as f64 / 1e5;
    assert!((outside - 0.0455).abs() < 0.0027, "{outside}");
}
