//! Numbers and texts as people read them, the same in the terminal and on the page.

use std::time::Duration;

use kitchen_types::event::{DomainScore, Mix};

/// A count with commas: `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count and what is counted: `1 step`, `2 steps`.
pub fn counted(value: u64, what: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(value))
}

/// A measured value in four significant digits or so: `2.303`, `0.00125`, `1.2e-5`, `NaN`.
pub fn value(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return value.to_string();
    }
    match size {
        0.0 => "0".to_owned(),
        _ if size < 1e-4 => format!("{value:.2e}"),
        _ if size < 0.01 => format!("{value:.6}"),
        _ if size < 10.0 => format!("{value:.4}"),
        _ if size < 1000.0 => format!("{value:.2}"),
        _ if size < 1e7 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

/// A measured value in at most six characters: `2.3026`, `0.0049`, `5e-4`.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-3 => format!("{value:.0e}"),
        size if size < 10.0 => format!("{value:.4}"),
        size if size < 1000.0 => format!("{value:.2}"),
        size if size < 1e6 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    }
}

/// A value that somebody chose, without needless digits: `0.003`, `0.0002988`.
pub fn setting(value: f64) -> String {
    let rounded = format!("{value:.3e}").parse().unwrap_or(value);
    match rounded {
        size if size != 0.0 && !(1e-5..1e7).contains(&f64::abs(size)) => format!("{size:e}"),
        size => size.to_string(),
    }
}

/// A share as a percentage: `97.2 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A rate without decimals: `1,234`; below ten with one, `3.4`.
pub fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second < 0.0 {
        "?".to_owned()
    } else if per_second < 10.0 {
        format!("{per_second:.1}")
    } else {
        count(per_second.round() as u64)
    }
}

/// A time that passed: `0.4 s`, `12 s`, `3:05`, `1:02:03`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ),
    }
}

/// A size: `812 B`, `93.1 kB`, `1.2 MB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if size < 999.95 {
            break;
        }
        size /= 1000.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

/// The text on one line, with what a terminal would act upon made harmless: texts come from models,
/// files and networks, and escape sequences must not reach the screen.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The text with its lines kept, and what a terminal would act upon made harmless.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '\n',
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// What batches hold, such as `5.0 % prose, 95.0 % code`.
pub fn mix(mix: &Mix) -> String {
    let parts = mix.domains.iter().filter(|it| it.share.0 > 0.0);
    let parts = parts.map(|it| format!("{} {}", percent(it.share.0), it.name));
    parts.collect::<Vec<_>>().join(", ")
}

/// What was measured of each domain, such as `prose 1.2345 (61.3 %), code 0.9876 (70.1 %)`: the loss,
/// and how much is right, whole answers where there are any.
pub fn domains(scores: &[DomainScore]) -> String {
    let parts = scores.iter().map(|it| {
        let right = it.right().map(|share| format!(" ({})", percent(share.0)));
        format!(
            "{} {}{}",
            it.name,
            value(it.loss.0),
            right.unwrap_or_default()
        )
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), expected);
        }
        for (number, expected) in [
            (0.0, "0"),
            (2.312_585, "2.3126"),
            (-0.5, "-0.5000"),
            (0.001_25, "0.001250"),
            (0.000_012, "1.20e-5"),
            (123.456, "123.46"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
            (1e9, "1.00e9"),
        ] {
            assert_eq!(value(number), expected);
        }
        for (number, expected) in [
            (2.31849, "2.3185"),
            (0.00485, "0.0049"),
            (0.000_46, "5e-4"),
            (123_456.7, "123457"),
            (0.0, "0"),
        ] {
            assert_eq!(short(number), expected);
        }
        for (number, expected) in [
            (0.003, "0.003"),
            (0.000_298_765, "0.0002988"),
            (1e-8, "1e-8"),
            (0.0, "0"),
            (12.0, "12"),
        ] {
            assert_eq!(setting(number), expected);
        }
        for (number, expected) in [(3.44, "3.4"), (12_345.6, "12,346"), (f64::NAN, "?")] {
            assert_eq!(rate(number), expected);
        }
        for (size, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (93_100, "93.1 kB"),
            (999_999, "1.0 MB"),
            (1_234_567_890_000, "1.2 TB"),
        ] {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn times_read_well() {
        for (ms, expected) in [
            (400, "0.4 s"),
            (12_345, "12 s"),
            (185_000, "3:05"),
            (3_723_000, "1:02:03"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), expected);
        }
    }

    #[test]
    fn what_a_model_writes_cannot_steer_the_terminal() {
        assert_eq!(
            one_line("a\nb\t\u{1b}[2Jc\u{7}"),
            "a b \u{fffd}[2Jc\u{fffd}"
        );
        assert_eq!(harmless("a\nb\r"), "a\nb\u{fffd}");
    }
}
