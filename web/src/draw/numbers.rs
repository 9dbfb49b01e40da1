//! Numbers where room is short: beside axes, in legends and in descriptions.

use kitchen_core::words::count;

/// A measured value in four significant digits, without idle zeros: `2.303`, `0.04`, `1.2e-5`.
pub fn value(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let exponent = exponent(value);
    if value != 0.0 && !(-4..7).contains(&exponent) {
        let text = format!("{value:.3e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
            None => text,
        };
    }
    let decimals = usize::try_from(3 - exponent).unwrap_or(0);
    fixed(trimmed(&format!("{value:.decimals$}")))
}

/// A step under an axis, short: `800`, `12,000`, `250k`, `1.5M`.
pub fn step(step: u64) -> String {
    match step {
        0..100_000 => count(step),
        100_000..1_000_000 if step.is_multiple_of(1_000) => format!("{}k", step / 1_000),
        1_000_000.. if step.is_multiple_of(10_000) => {
            format!("{}M", fixed(&(step as f64 / 1e6).to_string()))
        }
        _ => count(step),
    }
}

/// The power of ten of the first digit; 0 for 0.
pub(crate) fn exponent(value: f64) -> i32 {
    // Formatting is exact where a logarithm is off by one near powers of ten.
    let text = format!("{value:e}");
    text.rsplit_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0)
}

/// A plain decimal with commas before its point, and no minus before nothing.
pub(crate) fn fixed(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) if digits.contains(|c| ('1'..='9').contains(&c)) => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", text),
    };
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", group(whole)),
        None => format!("{sign}{}", group(digits)),
    }
}

fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

fn group(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let table = [
            (0.0, "0"),
            (2.3456789, "2.346"),
            (0.04, "0.04"),
            (-0.5, "-0.5"),
            (9.99996, "10"),
            (0.000123456, "0.0001235"),
            (0.0000123456, "1.235e-5"),
            (1.2e-5, "1.2e-5"),
            (1234.5678, "1,235"),
            (1_234_567.0, "1,234,567"),
            (1e7, "1e7"),
            (-3.25e30, "-3.25e30"),
            (f64::NAN, "NaN"),
        ];
        for (input, expected) in table {
            assert_eq!(value(input), expected, "{input:e}");
        }
    }

    #[test]
    fn steps() {
        let table = [
            (0, "0"),
            (12_000, "12,000"),
            (250_000, "250k"),
            (250_001, "250,001"),
            (1_500_000, "1.5M"),
            (20_000_000_000, "20,000M"),
        ];
        for (input, expected) in table {
            assert_eq!(super::step(input), expected);
        }
    }
}
