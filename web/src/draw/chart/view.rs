//! Which steps are shown.

use kitchen_core::words::count;

use super::Chart;

/// Which steps are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum View {
    /// All of them, as they come.
    #[default]
    All,
    /// The newest so many, as they come.
    Newest(u64),
    /// Those from one to another.
    Between(u64, u64),
}

/// The fewest steps that a person can come close to.
const CLOSEST: f64 = 4.0;

impl View {
    /// The view after zooming by `factor` (below 1 comes closer) with `step` staying in its place.
    /// `all` are the first and the last step that there are.
    pub fn zoomed(self, all: (u64, u64), step: f64, factor: f64) -> Self {
        let (from, to) = self.of(all);
        let (from, to) = (from as f64, to as f64);
        let whole = (all.1 as f64 - all.0 as f64).max(CLOSEST);
        // Views are of whole steps: what comes closer by less than one comes closer all the same.
        let width = (to - from) * factor;
        let width = if factor < 1.0 {
            width.floor()
        } else {
            width.ceil()
        };
        let width = width.clamp(CLOSEST, whole);
        let share = if to > from {
            ((step - from) / (to - from)).clamp(0.0, 1.0)
        } else {
            0.5
        };
        Self::between(all, step - width * share, width)
    }

    /// The view after moving by `steps`.
    pub fn moved(self, all: (u64, u64), steps: f64) -> Self {
        let (from, to) = self.of(all);
        Self::between(all, from as f64 + steps, (to - from) as f64)
    }

    /// The view twice or half as close, by `factor`: of the newest steps while they come into view
    /// by themselves, else around the middle.
    pub fn closer(self, all: (u64, u64), factor: f64) -> Self {
        let (from, to) = self.of(all);
        let step = match self {
            Self::All | Self::Newest(_) => to as f64,
            Self::Between(..) => f64::midpoint(from as f64, to as f64),
        };
        self.zoomed(all, step, factor)
    }

    /// The view after moving by a `share` of what is seen; less than 0 goes back.
    pub fn turned(self, all: (u64, u64), share: f64) -> Self {
        let (from, to) = self.of(all);
        self.moved(all, (to - from) as f64 * share)
    }

    /// What is seen, in words; `None` where that is everything.
    pub fn in_words(self, all: (u64, u64)) -> Option<String> {
        let (from, to) = self.of(all);
        match self {
            Self::All => None,
            Self::Newest(_) => Some(format!(
                "the newest steps, from {} on, are shown",
                count(from)
            )),
            Self::Between(..) => Some(format!(
                "steps {} to {} of {} are shown",
                count(from),
                count(to),
                count(all.1)
            )),
        }
    }

    /// The first and the last step shown, of `all` there are.
    pub fn of(self, (first, last): (u64, u64)) -> (u64, u64) {
        match self {
            Self::All => (first, last),
            Self::Newest(steps) => (last.saturating_sub(steps).max(first), last),
            Self::Between(from, to) => (from.min(to), to.max(from)),
        }
    }

    /// A view that touches the newest step goes on with it.
    fn between(all: (u64, u64), from: f64, width: f64) -> Self {
        let (first, last) = (all.0 as f64, all.1 as f64);
        let from = from.min(last - width).max(first);
        let reaches_end = from + width >= last - 0.5;
        if reaches_end && from <= first + 0.5 {
            Self::All
        } else if reaches_end {
            Self::Newest(width.round() as u64)
        } else {
            Self::Between(from.round() as u64, (from + width).round() as u64)
        }
    }
}

impl Chart<'_> {
    /// The first and the last step of all curves.
    pub fn all_steps(&self) -> Option<(u64, u64)> {
        let buckets = || self.curves.iter().map(|curve| curve.points.buckets());
        let first = buckets().filter_map(|all| Some(all.first()?.first)).min()?;
        let last = buckets().filter_map(|all| Some(all.last()?.last)).max()?;
        Some((first, last))
    }

    /// The first and the last step shown.
    pub fn shown_steps(&self) -> Option<(u64, u64)> {
        Some(self.view.of(self.all_steps()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: (u64, u64) = (1, 1001);

    #[test]
    fn zooming() {
        let table = [
            (View::All, 501.0, 0.5, View::Between(251, 751)),
            (View::All, 1001.0, 0.5, View::Newest(500)),
            (View::All, 1.0, 0.5, View::Between(1, 501)),
            (View::Between(251, 751), 501.0, 2.0, View::All),
            (View::Between(251, 751), 501.0, 1.5, View::Between(126, 876)),
            (
                View::Between(251, 751),
                751.0,
                1e-9,
                View::Between(747, 751),
            ),
            (View::Newest(500), 1001.0, 0.1, View::Newest(50)),
            (View::All, 501.0, 1.5, View::All),
        ];
        for (view, step, factor, expected) in table {
            assert_eq!(
                view.zoomed(ALL, step, factor),
                expected,
                "{view:?} {step} {factor}"
            );
        }
    }

    #[test]
    fn moving() {
        let table = [
            (View::All, 100.0, View::All),
            (View::Between(100, 200), 50.0, View::Between(150, 250)),
            (View::Between(100, 200), 5000.0, View::Newest(100)),
            (View::Between(100, 200), -5000.0, View::Between(1, 101)),
            (View::Newest(100), -1.0, View::Between(900, 1000)),
        ];
        for (view, steps, expected) in table {
            assert_eq!(view.moved(ALL, steps), expected, "{view:?} {steps}");
        }
    }

    #[test]
    fn one_step_is_a_view_too() {
        assert_eq!(View::All.zoomed((7, 7), 7.0, 0.5), View::All);
        assert_eq!(View::Newest(10).of((7, 7)), (7, 7));
        assert_eq!(View::Between(9, 3).of((7, 7)), (3, 9));
    }

    #[test]
    fn by_keys() {
        let between = View::Between(251, 751);
        let table = [
            (View::All.closer(ALL, 0.5), View::Newest(500)),
            (View::Newest(500).closer(ALL, 0.5), View::Newest(250)),
            (View::Newest(500).closer(ALL, 2.0), View::All),
            (between.closer(ALL, 0.5), View::Between(376, 626)),
            (between.turned(ALL, 0.25), View::Between(376, 876)),
            (between.turned(ALL, 0.5), View::Newest(500)),
            (
                View::Newest(500).turned(ALL, -0.25),
                View::Between(376, 876),
            ),
            (View::All.turned(ALL, -0.25), View::All),
        ];
        for (found, expected) in table {
            assert_eq!(found, expected);
        }
    }

    /// A wheel that is turned slowly changes the width by less than a step at a time.
    #[test]
    fn small_changes_add_up() {
        let mut view = View::Between(100, 120);
        for _ in 0..40 {
            view = view.zoomed(ALL, 110.0, 0.99);
        }
        let View::Between(from, to) = view else {
            unreachable!("{view:?}");
        };
        assert_eq!(to - from, 4);
        for _ in 0..40 {
            view = view.zoomed(ALL, 110.0, 1.01);
        }
        let View::Between(from, to) = view else {
            unreachable!("{view:?}");
        };
        assert!(to - from >= 40, "{view:?}");
    }

    #[test]
    fn in_words() {
        assert_eq!(View::All.in_words(ALL), None);
        assert_eq!(
            View::Between(251, 751).in_words(ALL).as_deref(),
            Some("steps 251 to 751 of 1,001 are shown")
        );
        assert_eq!(
            View::Newest(500).in_words(ALL).as_deref(),
            Some("the newest steps, from 501 on, are shown")
        );
    }
}
