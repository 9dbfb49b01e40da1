//! A curve never grows beyond its capacity, and never hides an extreme.

use kitchen_types::series::Series;
use proptest::prelude::*;

fn series(points: impl IntoIterator<Item = (u64, f64)>) -> Series {
    let mut series = Series::default();
    for (step, value) in points {
        series.push(step, value);
    }
    series
}

/// Points with steps that do not fall, by their distances.
fn points() -> impl Strategy<Value = Vec<(u64, f64)>> {
    let distance = prop_oneof![4 => 0..3u64, 1 => 0..1_000_000u64];
    let value = prop_oneof![8 => -1e6..1e6, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    proptest::collection::vec((distance, value), 0..6000).prop_map(|steps| {
        let mut step = 0;
        steps
            .into_iter()
            .map(|(distance, value)| {
                step += distance;
                (step, value)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(points in points()) {
        let series = series(points.clone());
        let finite: Vec<(u64, f64)> =
            points.iter().copied().filter(|(_, value)| value.is_finite()).collect();

        prop_assert!(series.buckets().len() <= Series::CAPACITY);
        prop_assert_eq!(series.not_finite(), (points.len() - finite.len()) as u64);
        let count: u64 = series.buckets().iter().map(|bucket| bucket.count).sum();
        prop_assert_eq!(count, finite.len() as u64);

        let low = finite.iter().map(|point| point.1).reduce(f64::min);
        let high = finite.iter().map(|point| point.1).reduce(f64::max);
        prop_assert_eq!(series.range(), low.zip(high));

        let last = series.last().map(|(step, value)| (step, value.to_bits()));
        prop_assert_eq!(last, points.last().map(|(step, value)| (*step, value.to_bits())));
    }

    #[test]
    fn each_bucket_holds_the_extremes_of_its_steps(points in points()) {
        let series = series(points.clone());
        let mut finite = points.iter().filter(|(_, value)| value.is_finite());
        for bucket in series.buckets() {
            let inside: Vec<_> = finite.by_ref().take(bucket.count as usize).collect();
            prop_assert_eq!(bucket.first, inside[0].0);
            prop_assert_eq!(bucket.last, inside[inside.len() - 1].0);
            let values = || inside.iter().map(|point| point.1);
            prop_assert_eq!(bucket.min.0, values().fold(f64::INFINITY, f64::min));
            prop_assert_eq!(bucket.max.0, values().fold(f64::NEG_INFINITY, f64::max));
            let mean = values().sum::<f64>() / inside.len() as f64;
            prop_assert!((bucket.mean() - mean).abs() < 1e-6, "{} != {mean}", bucket.mean());
        }
    }

    #[test]
    fn after_going_back_only_the_past_and_the_new_steps_are_there(
        points in points(),
        back_to in 0..10_000u64,
        ahead in 1..3000u64,
    ) {
        let mut series = series(points);
        series.truncate(back_to);
        prop_assert!(series.buckets().iter().all(|bucket| bucket.last <= back_to));
        prop_assert!(series.last().is_none_or(|(step, _)| step <= back_to));

        for step in back_to + 1..=back_to + ahead {
            series.push(step, -1e9);
        }
        let ordered = series.buckets().windows(2).all(|pair| pair[0].last < pair[1].first);
        prop_assert!(ordered);
        prop_assert!(series.buckets().len() <= Series::CAPACITY);
        prop_assert_eq!(series.last(), Some((back_to + ahead, -1e9)));
        prop_assert_eq!(series.range().unwrap().0, -1e9);
    }

    /// A damaged recording may hold any steps in any order.
    #[test]
    fn any_steps_are_survived(steps in proptest::collection::vec(any::<u64>(), 0..5000)) {
        let series = series(steps.iter().map(|&step| (step, 1.0)));
        prop_assert!(series.buckets().len() <= Series::CAPACITY);
        let count: u64 = series.buckets().iter().map(|bucket| bucket.count).sum();
        prop_assert_eq!(count, steps.len() as u64);
    }
}

/// Widths double, so the number of buckets swings between half the capacity and all of it, and a
/// halving is paid for by the thousand pushes before it.
#[test]
fn buckets_halve_only_when_they_are_full() {
    let mut series = Series::default();
    let mut halvings = 0;
    for step in 1..=1_000_000 {
        let before = series.buckets().len();
        series.push(step, step as f64);
        let after = series.buckets().len();
        if after < before {
            halvings += 1;
            assert_eq!(before, Series::CAPACITY, "at step {step}");
            assert!(after > Series::CAPACITY / 2 - 1, "{after} at step {step}");
        }
    }
    // 2^9 * 2048 = 1,048,576 is the first capacity that a million steps fit into.
    assert_eq!(halvings, 9);
}

/// 5,000 steps fit into buckets of four.
#[test]
fn going_back_into_a_bucket_keeps_it_and_ends_it_there() {
    let mut series = series((1..=5000).map(|step| (step, step as f64)));
    series.truncate(4001);
    let bucket = series.buckets().last().unwrap();
    assert_eq!((bucket.first, bucket.last, bucket.count), (4000, 4001, 4));
    assert_eq!((bucket.min.0, bucket.max.0), (4000.0, 4003.0));
    assert_eq!(series.last(), Some((4001, 4001.5)));

    series.push(4002, 7.0);
    let bucket = series.buckets().last().unwrap();
    assert_eq!((bucket.first, bucket.last, bucket.count), (4000, 4002, 5));
}

#[test]
fn an_outlier_among_a_million_is_seen() {
    let spike = 654_321;
    let series = series((1..=1_000_000).map(|step| (step, if step == spike { 1e3 } else { 0.5 })));
    let holding: Vec<_> = series.buckets().iter().filter(|b| b.max.0 > 1.0).collect();
    assert_eq!(holding.len(), 1);
    assert!(holding[0].first <= spike && spike <= holding[0].last);
    assert_eq!(holding[0].min.0, 0.5);
}

#[test]
fn an_empty_curve() {
    let mut series = Series::default();
    series.truncate(0);
    assert!(series.is_empty());
    assert_eq!(series.range(), None);
    assert_eq!(series.last(), None);

    series.push(1, f64::NAN);
    assert!(series.is_empty(), "nothing finite was pushed");
    assert!(
        series
            .last()
            .is_some_and(|(step, value)| step == 1 && value.is_nan())
    );
    assert_eq!(series.not_finite(), 1);
}
