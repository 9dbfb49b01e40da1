//! Cutting text into pieces that no merge crosses.

/// Pieces longer than this are cut: applying merges takes time by the square of the length, and a
/// megabyte of one letter must not take forever.
pub(super) const PIECE_BYTES: usize = 128;

/// The pieces of `text`, in order; put together they are the text.
///
/// As in GPT-2 (Radford et al. 2019): a run of letters, of digits or of other signs, each with the
/// space before it; what other white space there is goes by itself.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, others) = rest.split_at(length_of_first(rest));
        rest = others;
        Some(piece)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Letter,
    Digit,
    Space,
    Other,
}

fn kind(character: char) -> Kind {
    match character {
        c if c.is_alphabetic() => Kind::Letter,
        c if c.is_numeric() => Kind::Digit,
        c if c.is_whitespace() => Kind::Space,
        _ => Kind::Other,
    }
}

/// The length in bytes of the first piece of `text`, which is not empty.
fn length_of_first(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    let Some((_, first)) = characters.next() else {
        return 0;
    };
    let mut run = kind(first);
    if let Some((_, next)) = characters.peek()
        && first == ' '
    {
        run = kind(*next);
    }
    let mut last_space = None;
    for (at, character) in characters {
        if kind(character) != run {
            // The last blank before a word belongs to the word.
            return match last_space {
                Some(space) if run == Kind::Space => space,
                _ => at,
            };
        }
        if at + character.len_utf8() > PIECE_BYTES {
            return at;
        }
        last_space = (character == ' ').then_some(at);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_like_gpt2() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("Hello world", &["Hello", " world"]),
            (
                "it's 12 o'clock!",
                &["it", "'", "s", " 12", " o", "'", "clock", "!"],
            ),
            ("a  b", &["a", " ", " b"]),
            ("a\n\nb", &["a", "\n\n", "b"]),
            ("a \n b ", &["a", " \n", " b", " "]),
            ("naïve 東京", &["naïve", " 東京"]),
        ];
        for (text, expected) in table {
            assert_eq!(pieces(text).collect::<Vec<_>>(), *expected);
        }
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_text(text in "[ a-c\n0-9é!]{0,400}") {
            prop_assert_eq!(pieces(&text).collect::<String>(), text.clone());
            prop_assert!(pieces(&text).all(|piece| (1..=PIECE_BYTES).contains(&piece.len())));
        }
    }
}
