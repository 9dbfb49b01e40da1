//! Examples, counts and names in words, for a person.

use serde::Serialize;

/// How the numbers of an example read.
pub(crate) enum Words {
    /// As a picture in shades.
    Picture,
    /// As named columns.
    Columns {
        columns: Vec<ColumnWords>,
        target: ColumnWords,
    },
}

/// How a column of numbers reads.
#[derive(Clone, Debug)]
pub(crate) enum ColumnWords {
    /// A number that was standardised: `value * deviation + mean` is what the source said.
    Number {
        name: String,
        mean: f64,
        deviation: f64,
    },
    /// A category, which takes as many columns as it has values.
    Category { name: String, values: Vec<String> },
}

impl ColumnWords {
    /// A number as the source said it.
    pub(crate) fn plain(name: &str) -> Self {
        Self::Number {
            name: name.into(),
            mean: 0.0,
            deviation: 1.0,
        }
    }

    /// How many inputs the column becomes.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Number { .. } => 1,
            Self::Category { values, .. } => values.len(),
        }
    }

    fn say(&self, numbers: &[f32]) -> String {
        match self {
            Self::Number {
                name,
                mean,
                deviation,
            } => {
                let standardised = numbers.first().copied().map_or(f64::NAN, f64::from);
                format!("{name} {}", number(standardised * deviation + mean))
            }
            Self::Category { name, values } => {
                let chosen = numbers.iter().position(|number| *number > 0.5);
                let value = chosen.and_then(|chosen| values.get(chosen));
                format!("{name} {}", value.map_or("missing", String::as_str))
            }
        }
    }
}

/// The target of one example.
pub(crate) enum Answer<'a> {
    /// The name of its class.
    Class(&'a str),
    /// Its number, standardised like the column's.
    Value(f32),
}

impl Words {
    /// The example with these inputs and this answer.
    pub(crate) fn say(&self, shape: &[usize], values: &[f32], answer: &Answer<'_>) -> String {
        match (self, answer) {
            (Self::Picture, Answer::Class(class)) => {
                format!("{class}\n{}", picture(shape, values))
            }
            (Self::Picture, Answer::Value(value)) => {
                format!("{value}\n{}", picture(shape, values))
            }
            (Self::Columns { columns, target }, answer) => {
                let mut rest = values;
                let said: Vec<String> = columns
                    .iter()
                    .map(|column| {
                        let (own, others) = rest.split_at(column.width().min(rest.len()));
                        rest = others;
                        column.say(own)
                    })
                    .collect();
                let answer = match answer {
                    Answer::Class(class) => (*class).into(),
                    Answer::Value(value) => target.say(&[*value]),
                };
                format!("{} -> {answer}", said.join(", "))
            }
        }
    }
}

/// A number with up to four digits that tell something.
fn number(value: f64) -> String {
    let digits = 3 - value.abs().max(1e-3).log10().floor() as i32;
    let text = format!("{value:.*}", digits.clamp(0, 6) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}

/// The name of a variant as configurations spell it, with spaces: `modular arithmetic`.
pub(crate) fn variant_name(variant: &impl Serialize) -> String {
    let json = serde_json::to_string(variant).unwrap_or_default();
    json.trim_matches('"').replace('_', " ")
}

/// A count of things, such as `1 value` or `2,000 values`. Their name takes an `s`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(count as u64))
}

/// A count with commas, such as `1,797`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The widest picture, in pixels: two characters each, it still fits a terminal of 80 columns.
const PICTURE_SIDE: usize = 38;

/// An image of shape `[channels, height, width]` with values from 0 to 1, in shades of grey.
/// Each pixel takes two characters, for a character is twice as high as it is wide.
fn picture(shape: &[usize], values: &[f32]) -> String {
    let [channels, height, width] = *shape else {
        return String::new();
    };
    let step = height.max(width).div_ceil(PICTURE_SIDE).max(1);
    let mut lines = Vec::new();
    for top in (0..height).step_by(step) {
        let mut line = String::new();
        for left in (0..width).step_by(step) {
            let pixels = (0..channels)
                .filter_map(|channel| values.get((channel * height + top) * width + left).copied());
            let shade = shade(pixels.sum::<f32>() / channels as f32);
            line.extend([shade, shade]);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

fn shade(brightness: f32) -> char {
    match (brightness * 5.0) as u32 {
        0 => ' ',
        1 => '░',
        2 => '▒',
        3 => '▓',
        _ => '█',
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn numbers_keep_what_tells() {
        let table = [
            (5.1f32 as f64, "5.1"),
            (0.0, "0"),
            (-0.25, "-0.25"),
            (1234.5678, "1235"),
            (0.000123, "0.000123"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in table {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn thousands_have_commas() {
        for (count, expected) in [
            (0, "0"),
            (999, "999"),
            (1797, "1,797"),
            (1_115_394, "1,115,394"),
        ] {
            assert_eq!(thousands(count), expected);
        }
        assert_eq!(counted(1, "word"), "1 word");
        assert_eq!(counted(0, "word"), "0 words");
        assert_eq!(counted(1797, "word"), "1,797 words");
    }

    #[test]
    fn a_row_reads_as_its_source() {
        let words = Words::Columns {
            columns: vec![
                ColumnWords::Number {
                    name: "height".into(),
                    mean: 170.0,
                    deviation: 10.0,
                },
                ColumnWords::Category {
                    name: "eyes".into(),
                    values: vec!["blue".into(), "brown".into()],
                },
            ],
            target: ColumnWords::plain("weight"),
        };
        let say = |values: &[f32], answer| words.say(&[3], values, &answer);
        assert_eq!(
            say(&[0.5, 0.0, 1.0], Answer::Value(70.0)),
            "height 175, eyes brown -> weight 70"
        );
        assert_eq!(
            say(&[0.0, 0.0, 0.0], Answer::Class("tall")),
            "height 170, eyes missing -> tall"
        );
    }

    #[test]
    fn a_picture_has_shades() {
        let ramp: Vec<f32> = (0..6).map(|i| i as f32 / 5.0).collect();
        expect![[r#"
            ramp
              ░░▒▒
            ▓▓████"#]]
        .assert_eq(&Words::Picture.say(&[1, 2, 3], &ramp, &Answer::Class("ramp")));
    }

    #[test]
    fn a_large_picture_still_fits_a_terminal() {
        let text = picture(&[1, 200, 100], &vec![1.0; 20_000]);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= 2 * PICTURE_SIDE)
        );
        assert!(text.lines().count() <= PICTURE_SIDE);
    }
}
