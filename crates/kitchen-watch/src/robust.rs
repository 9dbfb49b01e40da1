//! Middle and spread of numbers, some of which may be far off.

/// The standard deviation of a normal distribution, in median absolute deviations.
const NORMAL: f64 = 1.0 / 0.6745;

/// Middle and spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The middle.
    pub(crate) median: f64,
    /// An estimate of the standard deviation that outliers do not move: MAD / 0.6745 (Iglewicz and
    /// Hoaglin 1993).
    pub(crate) deviation: f64,
}

impl Spread {
    /// Of the finite ones among `values`; 0 and 0 where there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|it| it.is_finite()).collect();
        let median = median(&mut values);
        for value in &mut values {
            *value = (*value - median).abs();
        }
        let deviation = NORMAL * self::median(&mut values);
        Self { median, deviation }
    }
}

/// The median; of an even number of values the mean of the two in the middle. Reorders them.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if is_even => f64::midpoint(lower, upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Medians and deviations by hand.
    #[test]
    fn one_far_off_moves_neither() {
        let table: &[(&[f64], f64, f64)] = &[
            (&[], 0.0, 0.0),
            (&[3.0], 3.0, 0.0),
            (&[4.0, 1.0], 2.5, 1.5),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], 3.0, 1.0),
            (&[1.0, 2.0, 3.0, 4.0, 1e9], 3.0, 1.0),
            (&[1.0, 2.0, f64::NAN, 3.0, f64::INFINITY], 2.0, 1.0),
        ];
        for (values, median, mad) in table {
            let spread = Spread::of(values.iter().copied());
            assert_eq!(spread.median, *median, "{values:?}");
            assert!(
                (spread.deviation * 0.6745 - mad).abs() < 1e-12,
                "{values:?}"
            );
        }
    }
}
