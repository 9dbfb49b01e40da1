//! Which examples to blame for an anomaly, by the norms of their gradients.

use kitchen_types::Number;
use kitchen_types::config::Supervision;
use kitchen_types::diagnosis::OutlierRule;
use kitchen_types::ports::PerSample;
use kitchen_types::supervision::Suspect;

use crate::outliers;

/// More than so many at once are no outliers, and their ids would tell a person nothing.
pub(crate) const MOST_SUSPECTS: usize = 32;

/// What a number of examples look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspects {
    /// How many there are.
    pub samples: u64,
    /// The median of their gradient norms; 0 of none.
    pub median: f64,
    /// The largest of them; 0 of none.
    pub max: f64,
    /// Those that stand out, the worst first; at most one more than a supervisor leaves out at once.
    pub suspects: Vec<Suspect>,
}

/// The examples of `found` that stand out: by `outlier_z` deviations of the others' norms, and by
/// `outlier_ratio` times the usual norm, which is their median, or `usual` where that is larger
/// (late in training most norms are near 0, and the hard examples far above, as they should be).
/// Norms and losses that are not finite always do.
pub fn suspects(found: &PerSample, usual: Option<f64>, rules: &Supervision) -> Suspects {
    let far_off = OutlierRule {
        score: rules.outlier_rule,
        z: rules.outlier_z,
        ratio: 0.0,
    };
    let diagnosis = outliers::find(found, &far_off);
    let median = diagnosis.grad_norms.median.0;
    let median = if median.is_finite() { median } else { 0.0 };
    let usual = usual.unwrap_or(0.0).max(median);
    let mut suspects: Vec<Suspect> = diagnosis
        .outliers
        .into_iter()
        .map(|it| Suspect {
            id: it.id,
            loss: it.loss,
            grad_norm: it.grad_norm,
            ratio: Number(above(it.grad_norm.0, usual)),
            z: it.z,
        })
        .filter(|it| {
            let is_finite = it.loss.is_finite() && it.grad_norm.is_finite();
            !is_finite || it.ratio.0 > rules.outlier_ratio
        })
        .collect();
    suspects.truncate(MOST_SUSPECTS + 1);
    let norms = found.grad_norms.iter().map(|norm| norm.0);
    Suspects {
        samples: diagnosis.grad_norms.count,
        median,
        max: norms.max_by(f64::total_cmp).unwrap_or(0.0),
        suspects,
    }
}

/// `value` as a multiple of `unit`; what is not finite, or above nothing at all, is infinitely far.
fn above(value: f64, unit: f64) -> f64 {
    match value.is_finite() && unit > 0.0 {
        true => value / unit,
        false => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use kitchen_types::SampleId;
    use kitchen_types::diagnosis::OutlierScore;

    use super::*;

    fn examples(norms: &[f64]) -> PerSample {
        PerSample {
            ids: (0..norms.len() as u64).map(SampleId).collect(),
            losses: vec![Number(1.0); norms.len()],
            grad_norms: norms.iter().copied().map(Number).collect(),
            method: "given".into(),
        }
    }

    fn found(norms: &[f64], usual: Option<f64>, rules: &Supervision) -> Vec<u64> {
        let found = suspects(&examples(norms), usual, rules);
        found.suspects.iter().map(|it| it.id.0).collect()
    }

    #[test]
    fn what_stands_out() {
        let rules = Supervision::default();
        let table: &[(&[f64], Option<f64>, &[u64])] = &[
            (&[], None, &[]),
            (&[1.0, 1.1, 0.9, 1.0], None, &[]),
            (&[1.0, 1.1, 0.9, 1000.0], None, &[3]),
            // Far above the others, yet not a hundred times the usual.
            (&[1.0, 1.1, 0.9, 50.0], None, &[]),
            // Late in training: a hard example among easy ones.
            (&[1e-4, 2e-4, 3e-4, 5.0], Some(1.0), &[]),
            (&[1e-4, 2e-4, 3e-4, 500.0], Some(1.0), &[3]),
            (&[0.0, 0.0, 0.0, 0.0], None, &[]),
            (
                &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
                None,
                &[9],
            ),
            (&[1.0, f64::NAN, 1.0, f64::INFINITY], None, &[1, 3]),
        ];
        for (norms, usual, expected) in table {
            let mut found = found(norms, *usual, &rules);
            found.sort_unstable();
            assert_eq!(found, *expected, "{norms:?}, usual {usual:?}");
        }
    }

    /// The largest z of one value among n is (n - 1) / sqrt(n): 5.48 of 32, 6.01 of 38, which floats
    /// may round, 7.88 of 64.
    #[test]
    fn the_classical_z_is_blind_in_a_small_batch() {
        let one_among = |n: usize| {
            let mut norms = vec![1.0; n];
            norms[0] = 1e6;
            norms
        };
        let rules = |outlier_rule| Supervision {
            outlier_rule,
            ..Supervision::default()
        };
        for (n, expected) in [(32, 0), (37, 0), (39, 1), (64, 1)] {
            let (mad, classical) = (rules(OutlierScore::Mad), rules(OutlierScore::Classical));
            assert_eq!(found(&one_among(n), None, &mad).len(), 1, "{n}");
            assert_eq!(
                found(&one_among(n), None, &classical).len(),
                expected,
                "{n}"
            );
        }
        let z = suspects(
            &examples(&one_among(64)),
            None,
            &rules(OutlierScore::Classical),
        );
        assert!((z.suspects[0].z.0 - 63.0 / 8.0).abs() < 1e-9);
    }

    #[test]
    fn the_worst_come_first_and_not_all_are_named() {
        let mut norms: Vec<f64> = (0..200)
            .map(|index| 1.0 + 1e-3 * f64::from(index))
            .collect();
        for (index, norm) in norms.iter_mut().take(50).enumerate() {
            *norm = 1000.0 + index as f64;
        }
        let found = found(&norms, None, &Supervision::default());
        assert_eq!(found.len(), MOST_SUSPECTS + 1);
        assert_eq!(found[0], 49);
    }
}
