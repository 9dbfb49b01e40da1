//! Durations as people write them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A length of time in seconds, written `90s`, `40min`, `2h10min`, `1d`, or as a number of seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

/// Units and the seconds of each, the largest first.
const UNITS: [(&str, f64); 6] = [
    ("d", 86_400.0),
    ("h", 3600.0),
    ("min", 60.0),
    ("m", 60.0),
    ("ms", 1e-3),
    ("s", 1.0),
];

/// A text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time; write one like 90s, 40min, 2h10min or 1d")]
pub struct DurationError(String);

impl std::str::FromStr for Seconds {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let wrong = || DurationError(text.chars().take(40).collect());
        let mut rest = text.trim();
        let mut sum = 0.0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let is_unit = |c: char| c.is_ascii_alphabetic();
            let digits = rest.find(is_unit).unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c| !is_unit(c)).unwrap_or(after.len());
            let (unit, left) = after.split_at(letters);
            let number: f64 = number.trim().parse().map_err(|_| wrong())?;
            let each = match unit {
                // A bare number has no other part beside it.
                "" if sum == 0.0 => 1.0,
                unit => {
                    let known = UNITS.iter().find(|(name, _)| *name == unit);
                    known.ok_or_else(wrong)?.1
                }
            };
            sum += number * each;
            rest = left.trim_start();
        }
        if sum.is_finite() && sum >= 0.0 {
            Ok(Self(sum))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"40min\", or a number of seconds")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
                self.visit_str(&seconds.to_string())
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds, E> {
                self.visit_str(&seconds.to_string())
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
                self.visit_str(&seconds.to_string())
            }
        }
        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let table = [
            ("90s", Some(90.0)),
            ("40min", Some(2400.0)),
            ("40m", Some(2400.0)),
            ("2h10min", Some(7800.0)),
            ("1d 2h", Some(93_600.0)),
            ("1.5h", Some(5400.0)),
            ("250ms", Some(0.25)),
            ("12", Some(12.0)),
            ("0s", Some(0.0)),
            ("", None),
            ("h", None),
            ("2 weeks", None),
            ("-5s", None),
            ("1h30", None),
            ("nan s", None),
            ("inf", None),
            ("1e999s", None),
        ];
        for (text, seconds) in table {
            let found = text.parse().ok().map(|Seconds(found)| found);
            assert_eq!(found, seconds, "{text}");
        }
        assert_eq!(Seconds(7800.0).to_string().parse(), Ok(Seconds(7800.0)));
    }
}
