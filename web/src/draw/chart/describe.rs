//! A chart in words.

use kitchen_core::words::{count, counted};
use kitchen_types::series::Bucket;

use super::{Chart, Curve, Goal, Scale, legend};

/// A chart in words, for those who do not see it: `train loss, 1,000 steps: from 2.31 down to 0.04,
/// lowest 0.03 at step 980`.
pub fn describe(chart: &Chart<'_>) -> String {
    let mut sentences: Vec<String> = chart
        .curves
        .iter()
        .map(|curve| of_curve(chart, curve))
        .collect();
    if sentences.is_empty() {
        sentences.push(format!("{}: no curve", chart.title));
    }
    sentences.extend(legend::notes(chart));
    if chart.scale == Scale::Log {
        sentences.push("logarithmic axis".to_owned());
    }
    if !chart.marks.is_empty() {
        sentences.push(counted(chart.marks.len() as u64, "marked step"));
    }
    let named = chart.marks.iter().filter(|mark| !mark.label.is_empty());
    sentences.extend(named.map(|mark| format!("{} at step {}", mark.label, count(mark.step))));
    sentences.extend(
        chart
            .current
            .map(|step| format!("the model stands at step {}", count(step))),
    );
    sentences.extend(chart.all_steps().and_then(|all| chart.view.in_words(all)));
    format!("{}.", sentences.join(". "))
}

fn of_curve(chart: &Chart<'_>, curve: &Curve<'_>) -> String {
    let name = [curve.name.as_str(), &chart.title]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let buckets = curve.points.buckets();
    let [first, ..] = buckets else {
        return format!("{name}: nothing measured yet");
    };
    let (last_step, last) = curve.points.last().unwrap_or((first.last, first.mean()));
    let write = |value: f64| chart.unit.write(value);
    let steps = counted(last_step, "step");
    if curve.points.range().is_some_and(|(low, high)| low == high) && last.is_finite() {
        return format!("{name}, {steps}: constant at {}", write(last));
    }
    let way = match last.partial_cmp(&first.mean()) {
        Some(std::cmp::Ordering::Less) => "down to",
        Some(std::cmp::Ordering::Greater) => "up to",
        _ => "to",
    };
    let (from, to) = (write(first.mean()), write(last));
    let lowest = || extreme(buckets, |bucket| -bucket.min.0);
    let highest = || extreme(buckets, |bucket| bucket.max.0);
    let extremes = match chart.goal {
        Goal::Low => lowest().map(|low| format!("lowest {} {}", write(low.min.0), when(low))),
        Goal::High => highest().map(|high| format!("highest {} {}", write(high.max.0), when(high))),
        Goal::Neither => curve
            .points
            .range()
            .map(|(low, high)| format!("between {} and {}", write(low), write(high))),
    };
    let extremes = extremes.map_or_else(String::new, |text| format!(", {text}"));
    format!("{name}, {steps}: from {from} {way} {to}{extremes}")
}

/// The first point that has the most of something.
fn extreme(buckets: &[Bucket], size: impl Fn(&Bucket) -> f64) -> Option<&Bucket> {
    buckets.iter().reduce(|best, bucket| {
        if size(bucket) > size(best) {
            bucket
        } else {
            best
        }
    })
}

fn when(bucket: &Bucket) -> String {
    if bucket.first == bucket.last {
        format!("at step {}", count(bucket.first))
    } else {
        format!("in steps {} to {}", count(bucket.first), count(bucket.last))
    }
}
