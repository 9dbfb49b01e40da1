//! Which examples are held out.

use kitchen_types::ports::DataError;
use kitchen_types::random::Key;

/// The rows of each half, in ascending order; no row is in both, and none is in neither.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Halves {
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
}

/// Holds out `share` of `rows` examples, drawn by `seed`.
///
/// With `classes` (one for each row) the draw is stratified: each class gives its share, rounded
/// down, and the classes with the largest remainders give one more until the total is right.
/// Errors unless `share` is in `[0, 1)` and something is left to train on.
pub(crate) fn hold_out(
    rows: usize,
    classes: Option<&[u32]>,
    share: f64,
    seed: u64,
) -> Result<Halves, DataError> {
    check_share(share)?;
    let key = Key::new(seed).purpose("data/split");
    let groups = match classes {
        Some(classes) => rows_by_class(classes),
        None => vec![(0..rows as u32).collect()],
    };
    let counts = largest_remainder(&groups, share);
    let mut halves = Halves {
        train: Vec::with_capacity(rows),
        validation: Vec::new(),
    };
    for (class, (mut group, count)) in groups.into_iter().zip(counts).enumerate() {
        key.at(class as u64).rng().shuffle(&mut group);
        halves.train.extend(group.drain(count..));
        halves.validation.append(&mut group);
    }
    halves.train.sort_unstable();
    halves.validation.sort_unstable();
    if halves.train.is_empty() {
        return Err(DataError::new(
            "data.validation",
            format!("holding out {share} of {rows} examples leaves none to train on"),
            "use a larger data set, or a smaller share",
        ));
    }
    Ok(halves)
}

/// Errors unless `share` is in `[0, 1)`.
pub(crate) fn check_share(share: f64) -> Result<(), DataError> {
    if (0.0..1.0).contains(&share) {
        return Ok(());
    }
    Err(DataError::new(
        "data.validation",
        format!("{share} is not a share of the examples"),
        "use a number from 0 up to, but not including, 1, such as 0.2",
    ))
}

fn rows_by_class(classes: &[u32]) -> Vec<Vec<u32>> {
    let count = classes.iter().max().map_or(0, |last| *last as usize + 1);
    let mut groups = vec![Vec::new(); count];
    for (row, &class) in classes.iter().enumerate() {
        if let Some(group) = groups.get_mut(class as usize) {
            group.push(row as u32);
        }
    }
    groups
}

/// How many of each group are held out. Ties go to the earlier group.
fn largest_remainder(groups: &[Vec<u32>], share: f64) -> Vec<usize> {
    let quotas: Vec<f64> = groups
        .iter()
        .map(|group| group.len() as f64 * share)
        .collect();
    let mut counts: Vec<usize> = quotas.iter().map(|quota| quota.floor() as usize).collect();
    let rows: usize = groups.iter().map(Vec::len).sum();
    let wanted = (rows as f64 * share).round() as usize;
    let missing = wanted.saturating_sub(counts.iter().sum());
    let mut by_remainder: Vec<usize> = (0..groups.len()).collect();
    by_remainder.sort_by(|a, b| {
        let remainder = |i: &usize| quotas.get(*i).map_or(0.0, |quota| quota.fract());
        remainder(b).total_cmp(&remainder(a))
    });
    for group in by_remainder.into_iter().take(missing) {
        if let Some(count) = counts.get_mut(group) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn held_out_by_class(classes: &[u32], halves: &Halves) -> Vec<usize> {
        let last = classes.iter().max().copied().unwrap_or(0);
        (0..=last)
            .map(|class| {
                let of_class = |row: &&u32| classes.get(**row as usize) == Some(&class);
                halves.validation.iter().filter(of_class).count()
            })
            .collect()
    }

    #[test]
    fn each_class_gives_its_share() {
        // (rows of each class, share, held out of each class)
        let table: &[(&[usize], f64, &[usize])] = &[
            (&[50, 50, 50], 0.2, &[10, 10, 10]),
            (&[10, 20, 70], 0.1, &[1, 2, 7]),
            (&[3, 3, 3], 0.5, &[2, 2, 1]),
            (&[1, 9], 0.3, &[0, 3]),
            (&[4, 4], 0.0, &[0, 0]),
        ];
        for (sizes, share, expected) in table {
            let classes: Vec<u32> = (0u32..)
                .zip(*sizes)
                .flat_map(|(class, size)| std::iter::repeat_n(class, *size))
                .collect();
            let halves = hold_out(classes.len(), Some(&classes), *share, 7).unwrap();
            assert_eq!(
                held_out_by_class(&classes, &halves),
                *expected,
                "{sizes:?} {share}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_row_is_in_exactly_one_half(
            classes in prop::collection::vec(0u32..5, 2..300),
            share in 0.0..0.5f64,
            seed: u64,
            stratified: bool,
        ) {
            let halves =
                hold_out(classes.len(), stratified.then_some(&classes), share, seed).unwrap();
            let mut all = [halves.train.clone(), halves.validation.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..classes.len() as u32).collect::<Vec<_>>());
            let wanted = (classes.len() as f64 * share).round() as usize;
            prop_assert_eq!(halves.validation.len(), wanted);
        }

        #[test]
        fn the_same_seed_draws_the_same_rows(rows in 2usize..300, seed: u64) {
            let draw = |seed| hold_out(rows, None, 0.3, seed).unwrap();
            prop_assert_eq!(draw(seed), draw(seed));
        }
    }

    #[test]
    fn another_seed_draws_other_rows() {
        assert_ne!(hold_out(100, None, 0.3, 1), hold_out(100, None, 0.3, 2));
    }

    #[test]
    fn a_share_must_leave_something_to_train_on() {
        for share in [-0.1, 1.0, f64::NAN] {
            assert!(hold_out(10, None, share, 1).is_err(), "{share}");
        }
        assert!(hold_out(1, None, 0.9, 1).is_err());
        assert!(hold_out(0, None, 0.1, 1).is_err());
    }
}
