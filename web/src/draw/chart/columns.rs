//! Neighbouring points that share a pixel become one, extremes kept; and smoothing.

use kitchen_types::series::{Bucket, Series};

/// Neighbouring points of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// Where they lie.
    pub(crate) step: f64,
    /// The first of their steps.
    first: u64,
    /// The last of their steps.
    last: u64,
    /// The smallest value.
    pub(crate) min: f64,
    /// The largest value.
    pub(crate) max: f64,
    /// The mean of what the line shows.
    pub(crate) line: f64,
    /// How many values.
    count: f64,
}

/// The curve from step `from` to step `to` and one point beyond on each side, so that its line goes
/// on to the edges, in at most about `most` columns.
pub(crate) fn columns(
    series: &Series,
    smoothing: f64,
    (from, to): (u64, u64),
    most: usize,
) -> Vec<Column> {
    let buckets = series.buckets();
    let start = buckets.partition_point(|bucket| bucket.last < from);
    let end = buckets.partition_point(|bucket| bucket.first <= to);
    let shown = start.saturating_sub(1)..(end + 1).min(buckets.len());
    let line = smoothed(series, smoothing);
    let points = buckets[shown.clone()].iter().zip(&line[shown]);
    if points.len() <= most {
        return points.map(|(bucket, line)| column(bucket, *line)).collect();
    }
    // Boundaries at multiples of a power of two stay where they are while a run grows, so that the
    // curve does not shimmer.
    let width = to
        .saturating_sub(from)
        .div_ceil(most.max(1) as u64)
        .next_power_of_two();
    let mut columns: Vec<(u64, Column)> = Vec::with_capacity(most);
    for (bucket, line) in points {
        let place = bucket.first / width;
        let new = column(bucket, *line);
        match columns.last_mut() {
            Some((last, column)) if *last == place => column.absorb(new),
            _ => columns.push((place, new)),
        }
    }
    columns.into_iter().map(|(_, column)| column).collect()
}

/// How many points [`columns`] would have at most.
pub(crate) fn count_shown(series: &Series, (from, to): (u64, u64)) -> usize {
    let buckets = series.buckets();
    let start = buckets.partition_point(|bucket| bucket.last < from);
    let end = buckets.partition_point(|bucket| bucket.first <= to);
    end.saturating_sub(start) + 2
}

fn column(bucket: &Bucket, line: f64) -> Column {
    Column {
        step: f64::midpoint(bucket.first as f64, bucket.last as f64),
        first: bucket.first,
        last: bucket.last,
        min: bucket.min.0,
        max: bucket.max.0,
        line,
        count: bucket.count as f64,
    }
}

impl Column {
    /// Whether it has a step from `from` to `to`.
    pub(crate) fn is_within(&self, (from, to): (u64, u64)) -> bool {
        self.first <= to && self.last >= from
    }

    fn absorb(&mut self, other: Self) {
        let count = self.count + other.count;
        let share = other.count / count;
        self.step += (other.step - self.step) * share;
        self.line += (other.line - self.line) * share;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count = count;
    }
}

/// The smoothed mean of every bucket: exponential, without the pull towards 0 at the start (the bias
/// correction of Adam, Kingma and Ba 2015).
///
/// One bucket forgets `1 - smoothing` of the past. Where there are more than a thousand, a
/// thousandth of the whole run does, so that merged buckets do not change how smooth a curve looks.
pub(crate) fn smoothed(series: &Series, smoothing: f64) -> Vec<f64> {
    let buckets = series.buckets();
    let keep = if smoothing.is_finite() {
        smoothing.clamp(0.0, 0.999)
    } else {
        0.0
    };
    let whole = match buckets {
        [first, .., last] => last.last.saturating_sub(first.first).max(1) as f64,
        _ => 1.0,
    };
    let kept_over = |steps: u64| keep.powf((steps as f64 / whole * 1000.0).min(1.0));
    let (mut before, mut steps_before, mut keep_before) = (None, 0, keep);
    let (mut sum, mut weight) = (0.0, 0.0);
    buckets
        .iter()
        .map(|bucket| {
            if keep == 0.0 {
                return bucket.mean();
            }
            if let Some(before) = before {
                // Most buckets are equally far apart, and powers are dear.
                let steps = bucket.first.saturating_sub(before);
                if steps != steps_before {
                    (steps_before, keep_before) = (steps, kept_over(steps));
                }
            }
            before = Some(bucket.first);
            let keep = keep_before;
            sum = keep * sum + (1.0 - keep) * bucket.mean();
            weight = keep * weight + (1.0 - keep);
            sum / weight
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = f64>) -> Series {
        let mut series = Series::default();
        for (step, value) in (1..).zip(values) {
            series.push(step, value);
        }
        series
    }

    /// By hand, with half forgotten a step: 4; (4/4 + 8/2) / (3/4); (4/8 + 8/4 + 0) / (7/8).
    #[test]
    fn smoothing_is_an_exponential_mean_without_bias() {
        let smooth = smoothed(&series([4.0, 8.0, 0.0]), 0.5);
        let expected = [4.0, 20.0 / 3.0, 20.0 / 7.0];
        for (found, expected) in smooth.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
        assert_eq!(smoothed(&series([4.0, 8.0]), 0.0), [4.0, 8.0]);
        assert_eq!(smoothed(&series([4.0, 8.0]), f64::NAN), [4.0, 8.0]);
    }

    #[test]
    fn a_constant_stays_itself() {
        for smoothing in [0.3, 0.9, 0.99, 1.0] {
            for value in smoothed(&series([7.0; 50]), smoothing) {
                assert!((value - 7.0).abs() < 1e-9, "{value}");
            }
        }
    }

    /// A jump in the middle of a run has come as far after a twentieth of the run, whether its
    /// buckets hold one step or many.
    #[test]
    fn merged_buckets_are_as_smooth() {
        let progress = |steps: usize| {
            let jump = (0..steps).map(|step| if step < steps / 2 { 0.0 } else { 1.0 });
            let series = series(jump);
            let index = series.buckets().len() * 55 / 100;
            smoothed(&series, 0.98)[index]
        };
        let (short, long, longest) = (progress(2048), progress(2050), progress(200_000));
        assert!((short - long).abs() < 0.01, "{short} and {long}");
        assert!((short - longest).abs() < 0.01, "{short} and {longest}");
    }

    #[test]
    fn extremes_survive_whatever_the_width() {
        let spike = |step: u64| {
            if step == 54_321 {
                -40.0
            } else {
                step as f64 % 7.0
            }
        };
        let series = series((1..=100_000).map(spike));
        for most in [1, 2, 10, 333, 5000] {
            let columns = columns(&series, 0.9, (1, 100_000), most);
            assert!(
                columns.len() <= most.max(1) + 3,
                "{} for {most}",
                columns.len()
            );
            let low = columns
                .iter()
                .map(|column| column.min)
                .fold(f64::INFINITY, f64::min);
            let high = columns
                .iter()
                .map(|column| column.max)
                .fold(f64::NEG_INFINITY, f64::max);
            assert_eq!((low, high), (-40.0, 6.0), "{most}");
        }
    }

    #[test]
    fn a_view_takes_one_neighbour_on_each_side() {
        let series = series([0.0; 100]);
        let steps: Vec<f64> = columns(&series, 0.0, (40, 42), 100)
            .iter()
            .map(|column| column.step)
            .collect();
        assert_eq!(steps, [39.0, 40.0, 41.0, 42.0, 43.0]);
        assert!(columns(&series, 0.0, (500, 600), 100).len() <= 1);
        assert!(columns(&Series::default(), 0.5, (0, 9), 100).is_empty());
    }
}
