//! Who in a group is to blame, where only groups can be measured: adaptive group testing by halving
//! (Hwang 1972, without a guess at how many there are).

use std::ops::Range;

/// A search for the culprits among numbered candidates. It names groups to measure, and takes in
/// whether each is bad: whether there is a culprit in it, as a NaN or a gradient far above the usual
/// tells of a whole batch.
///
/// `k` culprits among `n` are found by at most `1 + 2 k log2(n)` measures, rounded up; that there
/// are none is seen by one.
#[derive(Clone, Debug)]
pub struct Search {
    /// What is to be looked into, the next one last.
    open: Vec<Group>,
    found: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Group {
    members: Range<usize>,
    /// Whether it is known to be bad.
    is_bad: bool,
    /// Whether the group below it is its other half, which is bad if this one is not.
    is_first_half: bool,
}

impl Search {
    /// A search among `count` candidates.
    pub fn among(count: usize) -> Self {
        let all = Group {
            members: 0..count,
            is_bad: false,
            is_first_half: false,
        };
        Self {
            open: Vec::from_iter((count > 0).then_some(all)),
            found: Vec::new(),
        }
    }

    /// The group to measure next, never empty; `None` at the end.
    pub fn next_group(&mut self) -> Option<Range<usize>> {
        while let Some(group) = self.open.pop_if(|group| group.is_bad) {
            self.look_into(group.members);
        }
        self.open.last().map(|group| group.members.clone())
    }

    /// Takes in whether the group that was named last is bad.
    pub fn answer(&mut self, is_bad: bool) {
        let Some(group) = self.open.last_mut() else {
            return;
        };
        group.is_bad = is_bad;
        if is_bad {
            return;
        }
        let other_half_is_bad = group.is_first_half;
        self.open.pop();
        if let (true, Some(other_half)) = (other_half_is_bad, self.open.last_mut()) {
            other_half.is_bad = true;
        }
    }

    /// The culprits found so far, in order.
    pub fn found(&self) -> &[usize] {
        &self.found
    }

    fn look_into(&mut self, members: Range<usize>) {
        if members.len() == 1 {
            self.found.push(members.start);
            return;
        }
        let middle = members.start + members.len() / 2;
        let half = |members, is_first_half| Group {
            members,
            is_bad: false,
            is_first_half,
        };
        self.open.push(half(middle..members.end, false));
        self.open.push(half(members.start..middle, true));
    }
}

/// The culprits among `count` candidates, where `is_bad` measures a group at once.
///
/// # Errors
/// The first of `is_bad`.
pub fn culprits<E>(
    count: usize,
    mut is_bad: impl FnMut(Range<usize>) -> Result<bool, E>,
) -> Result<Vec<usize>, E> {
    let mut search = Search::among(count);
    while let Some(group) = search.next_group() {
        search.answer(is_bad(group)?);
    }
    Ok(search.found)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::single_range_in_vec_init,
        clippy::type_complexity,
        reason = "a table of groups"
    )]

    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// What is found, and the groups that were measured for it.
    fn search(count: usize, bad: &[usize]) -> (Vec<usize>, Vec<Range<usize>>) {
        let mut measured = Vec::new();
        let Ok(found) = culprits(count, |group| {
            measured.push(group.clone());
            Ok::<_, Infallible>(bad.iter().any(|culprit| group.contains(culprit)))
        });
        (found, measured)
    }

    #[test]
    fn groups_are_halved_and_what_follows_is_not_measured() {
        let table: &[(usize, &[usize], &[Range<usize>])] = &[
            (0, &[], &[]),
            (1, &[], &[0..1]),
            (1, &[0], &[0..1]),
            (8, &[], &[0..8]),
            // 4..8 is bad since 0..4 is not, and 7 since 6 is not.
            (8, &[7], &[0..8, 0..4, 4..6, 6..7]),
            (8, &[0], &[0..8, 0..4, 0..2, 0..1, 1..2, 2..4, 4..8]),
            (3, &[1, 2], &[0..3, 0..1, 1..2, 2..3]),
        ];
        for (count, bad, expected) in table {
            let (found, measured) = search(*count, bad);
            assert_eq!(found, *bad, "among {count}");
            assert_eq!(measured, *expected, "{bad:?} among {count}");
        }
    }

    #[test]
    fn an_error_ends_the_search() {
        let mut calls = 0;
        let found = culprits(8, |_| {
            calls += 1;
            if calls < 3 { Ok(true) } else { Err("lost") }
        });
        assert_eq!((found, calls), (Err("lost"), 3));
    }

    proptest! {
        #[test]
        fn all_are_found_by_few_measures(
            count in 1_usize..2000,
            bad in prop::collection::btree_set(0_usize..2000, 0..12),
        ) {
            let bad: BTreeSet<usize> = bad.into_iter().filter(|it| *it < count).collect();
            let bad = Vec::from_iter(bad);
            let (found, measured) = search(count, &bad);
            prop_assert_eq!(&found, &bad);
            let levels = count.next_power_of_two().ilog2() as usize;
            prop_assert!(measured.len() <= 1 + 2 * bad.len() * levels);
            let distinct: BTreeSet<_> = measured.iter().map(|it| (it.start, it.end)).collect();
            prop_assert_eq!(distinct.len(), measured.len(), "nothing is measured twice");
        }
    }
}
