//! A command line as words, the way a shell splits it.

use anyhow::bail;

/// The words of a line. Quotes keep spaces together, and a `#` at the start of a word begins a
/// comment. Errors where a quote stays open.
///
/// Variables, patterns and redirections are left as they stand: what the documentation shows does
/// without them.
pub fn words(line: &str) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        bail!("`{line}` has an open {open}");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_does() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  run  digits ", &["run", "digits"]),
            (
                "run 'model.hidden=[64, 32]'",
                &["run", "model.hidden=[64, 32]"],
            ),
            ("steps=\"20 epochs\" x", &["steps=20 epochs", "x"]),
            ("--prompt '' a", &["--prompt", "", "a"]),
            ("a # b", &["a"]),
            ("a#b '#c'", &["a#b", "#c"]),
        ];
        for (line, expected) in table {
            assert_eq!(words(line).unwrap(), *expected, "{line}");
        }
        assert!(words("it's").is_err());
    }
}
