//! Which examples of a batch are unlike the others.

use kitchen_types::Number;
use kitchen_types::diagnosis::{
    Diagnosis, Outlier, OutlierReason, OutlierRule, OutlierScore, Spread,
};
use kitchen_types::ports::PerSample;

/// The MAD of a normal distribution is 0.6745 of its deviation.
const MAD_OF_NORMAL: f64 = 0.6745;
/// The mean absolute deviation of a normal distribution is sqrt(2 / pi) of its deviation.
const MEAN_DEVIATION_OF_NORMAL: f64 = 0.797_884_560_802_865_4;
/// With fewer examples than this, there is no telling which of them are the others.
const FEWEST: u64 = 3;

/// Judges the examples of a batch by their gradient norms.
///
/// Where more than half of the norms are equal, the MAD is 0; then the mean absolute deviation
/// stands in for it (Iglewicz and Hoaglin 1993).
pub fn find(measured: &PerSample, rule: &OutlierRule) -> Diagnosis {
    let grad_norms = spread(&measured.grad_norms);
    let ruler = Ruler::new(&measured.grad_norms, &grad_norms, rule.score);
    let examples = (measured.ids.iter())
        .zip(&measured.losses)
        .zip(&measured.grad_norms)
        .zip(0..);
    let mut outliers: Vec<Outlier> = examples
        .filter_map(|(((&id, &loss), &grad_norm), place)| {
            let mut outlier = Outlier {
                id,
                place,
                loss,
                grad_norm,
                ratio: Number(grad_norm.0 / grad_norms.median.0),
                z: Number(ruler.score(grad_norm.0)),
                because: Vec::new(),
            };
            outlier.because = reasons(&outlier, &grad_norms, rule);
            (!outlier.because.is_empty()).then_some(outlier)
        })
        .collect();
    // NaN counts as above infinity, so what is not finite comes first; equals keep their order.
    outliers.sort_by(|a, b| severity(b).total_cmp(&severity(a)));
    Diagnosis {
        limits: limits(&grad_norms, rule),
        rule: rule.clone(),
        losses: spread(&measured.losses),
        grad_norms,
        outliers,
    }
}

fn reasons(outlier: &Outlier, norms: &Spread, rule: &OutlierRule) -> Vec<OutlierReason> {
    if !(outlier.loss.is_finite() && outlier.grad_norm.is_finite()) {
        return vec![OutlierReason::NotFinite];
    }
    if norms.finite < FEWEST {
        return Vec::new();
    }
    let exceeds = |value: Number, limit: f64| limit > 0.0 && value.0 > limit;
    let ratio = exceeds(outlier.ratio, rule.ratio).then_some(OutlierReason::Ratio);
    let score = exceeds(outlier.z, rule.z).then_some(OutlierReason::Score);
    ratio.into_iter().chain(score).collect()
}

fn severity(outlier: &Outlier) -> f64 {
    if outlier.because.contains(&OutlierReason::NotFinite) {
        f64::NAN.abs()
    } else {
        outlier.grad_norm.0
    }
}

/// What this rule cannot see in such a batch.
fn limits(norms: &Spread, rule: &OutlierRule) -> Vec<String> {
    let mut limits = Vec::new();
    let n = norms.finite as f64;
    if norms.finite < FEWEST {
        limits.push(format!(
            "{n} finite gradient norms are too few to compare; only what is not finite was looked for"
        ));
    } else if rule.score == OutlierScore::Classical && rule.z > 0.0 {
        let highest = (n - 1.0) / n.sqrt();
        if highest <= rule.z {
            limits.push(format!(
                "the classical z among {n} examples is at most {highest:.2}, so that the limit of {} is never passed; use the MAD",
                rule.z
            ));
        }
    }
    limits
}

/// Turns a gradient norm into a distance from the others.
struct Ruler {
    centre: f64,
    /// One deviation.
    unit: f64,
}

impl Ruler {
    fn new(values: &[Number], spread: &Spread, score: OutlierScore) -> Self {
        let (centre, unit) = match score {
            OutlierScore::Classical => {
                let n = spread.finite as f64;
                // The deviation of a sample.
                let unit = spread.deviation.0 * (n / (n - 1.0)).sqrt();
                (spread.mean.0, unit)
            }
            OutlierScore::Mad if spread.mad.0 > 0.0 => {
                (spread.median.0, spread.mad.0 / MAD_OF_NORMAL)
            }
            OutlierScore::Mad => {
                let median = spread.median.0;
                let away = finite(values).map(|value| (value - median).abs());
                let mean = away.sum::<f64>() / spread.finite as f64;
                (median, mean / MEAN_DEVIATION_OF_NORMAL)
            }
        };
        Self { centre, unit }
    }

    /// 0 where all are equal; NaN of what is NaN.
    fn score(&self, value: f64) -> f64 {
        let away = value - self.centre;
        if away == 0.0 { 0.0 } else { away / self.unit }
    }
}

/// Describes `values`.
pub fn spread(values: &[Number]) -> Spread {
    let mut sorted: Vec<f64> = finite(values).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let median = middle(&sorted);
    let mut away: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
    away.sort_by(f64::total_cmp);
    let mean = sorted.iter().sum::<f64>() / count;
    let squares = sorted.iter().map(|value| (value - mean) * (value - mean));
    let variance = squares.sum::<f64>() / count;
    let end = |value: Option<&f64>| Number(value.copied().unwrap_or(f64::NAN));
    Spread {
        count: values.len() as u64,
        finite: sorted.len() as u64,
        median: Number(median),
        mad: Number(middle(&away)),
        mean: Number(mean),
        deviation: Number(variance.sqrt()),
        min: end(sorted.first()),
        max: end(sorted.last()),
    }
}

fn finite(values: &[Number]) -> impl Iterator<Item = f64> {
    values.iter().map(|value| value.0).filter(|v| v.is_finite())
}

/// The median of sorted numbers; NaN of none.
fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.get(half.wrapping_sub(1)), sorted.get(half)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => low / 2.0 + high / 2.0,
        (_, Some(&high)) => high,
        (_, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use kitchen_types::SampleId;
    use proptest::prelude::*;

    use super::*;

    fn measured(norms: &[f64]) -> PerSample {
        PerSample {
            ids: (100..).map(SampleId).take(norms.len()).collect(),
            losses: vec![Number(1.0); norms.len()],
            grad_norms: norms.iter().copied().map(Number).collect(),
            method: "a table".into(),
        }
    }

    fn rule(score: OutlierScore, z: f64, ratio: f64) -> OutlierRule {
        OutlierRule { score, z, ratio }
    }

    /// `place:reasons` of each outlier, worst first.
    fn story(norms: &[f64], rule: &OutlierRule) -> String {
        let outliers = find(&measured(norms), rule).outliers;
        let words = outliers.iter().map(|outlier| {
            let reasons = outlier.because.iter().map(|reason| match reason {
                OutlierReason::NotFinite => "n",
                OutlierReason::Ratio => "r",
                OutlierReason::Score => "s",
            });
            format!("{}:{}", outlier.place, reasons.collect::<String>())
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn finds_what_stands_out() {
        let both = rule(OutlierScore::Mad, 6.0, 100.0);
        let only_ratio = rule(OutlierScore::Mad, 0.0, 100.0);
        let only_score = rule(OutlierScore::Mad, 6.0, 0.0);
        let classical = rule(OutlierScore::Classical, 6.0, 0.0);
        let inf = f64::INFINITY;
        let table: &[(&OutlierRule, &[f64], &str)] = &[
            (&both, &[], ""),
            (&both, &[5.0], ""),
            // Two cannot tell which of them is wrong, unless one is no number.
            (&both, &[1.0, 1e9], ""),
            (&both, &[1.0, f64::NAN], "1:n"),
            (&both, &[1.0, 1.0, 1.0, 1.0], ""),
            (&both, &[0.0, 0.0, 0.0, 0.0], ""),
            (&both, &[1.0, 2.0, 3.0, 4.0, 5.0], ""),
            // Median 3, MAD 1: a score of 0.6745 (x - 3), beyond 6 from 11.896 on.
            (&both, &[1.0, 2.0, 3.0, 4.0, 11.8], ""),
            (&both, &[1.0, 2.0, 3.0, 4.0, 11.9], "4:s"),
            (&both, &[1.0, 2.0, 3.0, 4.0, 301.0], "4:rs"),
            (&only_ratio, &[1.0, 2.0, 3.0, 4.0, 300.0], ""),
            (&only_ratio, &[1.0, 2.0, 3.0, 4.0, 301.0], "4:r"),
            (&only_score, &[1.0, 2.0, 3.0, 4.0, 301.0], "4:s"),
            // Small gradients harm nobody.
            (&both, &[1e-9, 20.0, 21.0, 22.0, 23.0], ""),
            // The worst first; what is no number before all.
            (
                &both,
                &[1.0, 50.0, 1.1, 0.9, 90.0, 1.0, inf, 1.2, 0.8],
                "6:n 4:s 1:s",
            ),
            // Most are equal, so that the MAD is 0: then the mean deviation, 9 / 5 / 0.79788 = 2.26
            // at first, and 3.99 deviations away; with nine equal ones 0.9 / 0.798 and 7.98.
            (&both, &[1.0, 1.0, 1.0, 1.0, 10.0], ""),
            (
                &both,
                &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 10.0],
                "9:s",
            ),
            // A median of 0: anything is infinitely many times as large.
            (&only_ratio, &[0.0, 0.0, 0.0, 1e-3], "3:r"),
            // The classical z of one among five is at most 1.79.
            (&classical, &[1.0, 1.0, 1.0, 1.0, 1e30], ""),
        ];
        for (rule, norms, expected) in table {
            assert_eq!(story(norms, rule), *expected, "{norms:?} by {rule:?}");
        }
    }

    #[test]
    fn a_loss_that_is_no_number_is_enough() {
        let mut measured = measured(&[1.0, 1.0, 1.0]);
        measured.losses[1] = Number(f64::NAN);
        let found = find(&measured, &OutlierRule::default());
        let ids: Vec<SampleId> = found.outliers.iter().map(|outlier| outlier.id).collect();
        assert_eq!(ids, [SampleId(101)]);
        assert_eq!((found.losses.count, found.losses.finite), (3, 2));
    }

    /// The z of one outlier among n is at most (n - 1) / sqrt(n): 5.92 for 37, 6.002 for 38.
    #[test]
    fn the_classical_score_is_blind_below_38_examples_and_says_so() {
        let rule = rule(OutlierScore::Classical, 6.0, 0.0);
        for (n, sees) in [(37, false), (38, true)] {
            let mut norms = vec![1.0; n];
            norms[0] = 1e12;
            let found = find(&measured(&norms), &rule);
            assert_eq!(found.outliers.len(), usize::from(sees), "{n}");
            assert_eq!(found.limits.is_empty(), sees, "{:?}", found.limits);
        }
    }

    #[test]
    fn a_spread_is_as_computed_by_hand() {
        let values = [4.0, 1.0, f64::NAN, 2.0, 9.0].map(Number);
        // Sorted 1 2 4 9: median 3; deviations 2 1 1 6: MAD 1.5; mean 4; variance 38 / 4.
        let expected = Spread {
            count: 5,
            finite: 4,
            median: Number(3.0),
            mad: Number(1.5),
            mean: Number(4.0),
            deviation: Number(9.5f64.sqrt()),
            min: Number(1.0),
            max: Number(9.0),
        };
        assert_eq!(spread(&values), expected);
        let nothing = spread(&[]);
        assert_eq!((nothing.count, nothing.median), (0, Number(f64::NAN)));
    }

    proptest! {
        /// Whatever the batch, one monstrous example is found by its id, and found first; the order
        /// and the scale of the batch change nothing.
        #[test]
        fn one_monster_is_found_anywhere(
            mut norms in prop::collection::vec(0.5f64..2.0, 4..64),
            place in any::<prop::sample::Index>(),
            scale in 1e-6f64..1e6,
        ) {
            let place = place.index(norms.len() + 1);
            norms.insert(place, 1e4);
            let norms: Vec<f64> = norms.into_iter().map(|norm| norm * scale).collect();
            let found = find(&measured(&norms), &OutlierRule::default());
            let first = found.outliers.first().map(|outlier| outlier.id);
            prop_assert_eq!(first, Some(SampleId(100 + place as u64)));
            prop_assert!(found.outliers[0].because.contains(&OutlierReason::Ratio));
        }

        /// Nothing a device can hand back makes the judgement fail, and what is not finite is
        /// always named.
        #[test]
        fn any_numbers_are_judged(norms in prop::collection::vec(any::<f64>(), 0..40)) {
            for score in [OutlierScore::Mad, OutlierScore::Classical] {
                let found = find(&measured(&norms), &rule(score, 6.0, 100.0));
                let named = |reason| found.outliers.iter().filter(move |o| o.because.contains(&reason));
                let not_finite = norms.iter().filter(|norm| !norm.is_finite()).count();
                prop_assert_eq!(named(OutlierReason::NotFinite).count(), not_finite);
            }
        }
    }
}
