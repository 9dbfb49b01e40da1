//! What the values of a column are.

use std::collections::BTreeSet;

use crate::limits;

/// What has been seen of a column.
#[derive(Default)]
pub(super) struct Profile {
    pub(super) missing: usize,
    /// Different values, in order; no more than there can be classes, and one.
    pub(super) categories: BTreeSet<String>,
    /// Whether every number is whole.
    pub(super) whole: bool,
    present: u64,
    numbers: u64,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// All numbers.
    Number,
    /// Texts, of which there are not too many.
    Category,
    /// Texts, nearly all of them different.
    TooMany,
    /// No value is there.
    Nothing,
}

impl Profile {
    pub(super) fn see(&mut self, text: &str) {
        if is_missing(text) {
            self.missing += 1;
            return;
        }
        let text = text.trim();
        if let Some(value) = number(text) {
            self.whole = (self.whole || self.numbers == 0) && value.fract() == 0.0;
            self.numbers += 1;
        }
        self.present += 1;
        if self.categories.len() <= limits::CLASSES && !self.categories.contains(text) {
            self.categories.insert(text.to_owned());
        }
    }

    pub(super) fn kind(&self) -> Kind {
        if self.present == 0 {
            Kind::Nothing
        } else if self.numbers == self.present {
            Kind::Number
        } else if self.categories.len() > limits::CLASSES {
            Kind::TooMany
        } else {
            Kind::Category
        }
    }
}

/// How a missing value is written, in lower case. Those of pandas, and the question mark of UCI.
const MISSING: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "?", "#n/a"];

/// Whether a value is missing.
pub(super) fn is_missing(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 4
        && MISSING
            .iter()
            .any(|missing| text.eq_ignore_ascii_case(missing))
}

/// A finite number, if the text is one.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `inf` and `infinity` parse as numbers too, and a value too large for 64 bits becomes them.
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_inferred() {
        let table: &[(&[&str], Kind, bool, usize)] = &[
            (&["1", "2.5", "-3e4"], Kind::Number, false, 0),
            (&["1", "2", " 3 "], Kind::Number, true, 0),
            (&["1", "", "NA", "?"], Kind::Number, true, 3),
            (&["1", "two"], Kind::Category, true, 0),
            (&["1.5", "2"], Kind::Number, false, 0),
            (&["inf", "1"], Kind::Category, true, 0),
            (&["", "null", "NaN"], Kind::Nothing, false, 3),
            (&[], Kind::Nothing, false, 0),
        ];
        for (values, kind, whole, missing) in table {
            let mut profile = Profile::default();
            values.iter().for_each(|value| profile.see(value));
            let found = (profile.kind(), profile.whole, profile.missing);
            assert_eq!(found, (*kind, *whole, *missing), "{values:?}");
        }
    }

    #[test]
    fn a_column_of_names_takes_no_memory_without_end() {
        let mut profile = Profile::default();
        for row in 0..10 * limits::CLASSES {
            profile.see(&format!("name {row}"));
        }
        assert_eq!(profile.kind(), Kind::TooMany);
        assert_eq!(profile.categories.len(), limits::CLASSES + 1);
    }
}
