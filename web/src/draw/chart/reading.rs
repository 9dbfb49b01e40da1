//! What was measured at a step.

use kitchen_types::series::{Bucket, Series};

use super::Chart;
use super::columns::smoothed;

/// What a curve has at a step, or nearest to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The first of the steps that it stands for: long runs keep neighbours together.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// Their mean.
    pub mean: f64,
    /// The smallest of them, exactly.
    pub min: f64,
    /// The largest of them, exactly.
    pub max: f64,
    /// What the line shows, after smoothing.
    pub shown: f64,
}

impl Chart<'_> {
    /// What the curve has at `step`, or nearest to it. A curve has nothing before it begins or after
    /// it ends, but for the distance of two neighbours.
    pub fn value_at(&self, curve: usize, step: u64) -> Option<Reading> {
        let series = self.curves.get(curve)?.points;
        let index = nearest(series, step)?;
        let bucket = series.buckets().get(index)?;
        let shown = if self.smoothing > 0.0 {
            smoothed(series, self.smoothing).get(index).copied()?
        } else {
            bucket.mean()
        };
        Some(Reading {
            first: bucket.first,
            last: bucket.last,
            mean: bucket.mean(),
            min: bucket.min.0,
            max: bucket.max.0,
            shown,
        })
    }
}

fn nearest(series: &Series, step: u64) -> Option<usize> {
    let buckets = series.buckets();
    let (first, last) = (buckets.first()?.first, buckets.last()?.last);
    let gap = last.saturating_sub(first) / buckets.len() as u64;
    if step.saturating_add(gap) < first || step > last.saturating_add(gap) {
        return None;
    }
    let after = buckets.partition_point(|bucket| bucket.last < step);
    let distance = |bucket: &Bucket| {
        bucket
            .first
            .saturating_sub(step)
            .max(step.saturating_sub(bucket.last))
    };
    [after.checked_sub(1), Some(after)]
        .into_iter()
        .flatten()
        .filter(|index| *index < buckets.len())
        .min_by_key(|index| distance(&buckets[*index]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::draw::chart::Curve;

    fn chart(series: &Series) -> Chart<'_> {
        Chart {
            curves: vec![Curve {
                name: "train".to_owned(),
                colour: 0,
                dashed: false,
                points: series,
            }],
            ..Chart::default()
        }
    }

    #[test]
    fn the_nearest_point() {
        let mut series = Series::default();
        for step in [100, 200, 300, 400] {
            series.push(step, step as f64 / 100.0);
        }
        let chart = chart(&series);
        let table = [
            (100, Some(1.0)),
            (149, Some(1.0)),
            (151, Some(2.0)),
            (400, Some(4.0)),
            (470, Some(4.0)),
            (30, Some(1.0)),
            (10, None),
            (600, None),
        ];
        for (step, expected) in table {
            let found = chart.value_at(0, step).map(|reading| reading.mean);
            assert_eq!(found, expected, "at {step}");
        }
        assert_eq!(chart.value_at(1, 100), None);
    }

    #[test]
    fn long_runs_keep_extremes() {
        let mut series = Series::default();
        for step in 1..=100_000 {
            series.push(step, if step == 77_777 { 9.0 } else { 0.5 });
        }
        let reading = chart(&series).value_at(0, 77_777).unwrap();
        assert!(reading.first <= 77_777 && 77_777 <= reading.last);
        assert_eq!((reading.min, reading.max), (0.5, 9.0));
        assert!(reading.mean > 0.5 && reading.mean < 9.0);
        assert_eq!(reading.shown, reading.mean);
    }

    #[test]
    fn nothing_was_measured() {
        assert_eq!(chart(&Series::default()).value_at(0, 1), None);
    }
}
