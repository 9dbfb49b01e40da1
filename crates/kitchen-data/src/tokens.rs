//! Tokens of a text of any size, in as few bytes as the vocabulary allows.

use std::io::{self, Write};

use crate::files::Bytes;

/// A long row of tokens. What lies behind it may be the text itself, mapped from its file.
#[derive(Clone)]
pub(crate) struct Tokens {
    bytes: Bytes,
    layout: Layout,
    len: u64,
}

#[derive(Clone)]
enum Layout {
    /// One byte a token, looked up in a table: so an ASCII text need never be encoded.
    Byte(Box<[u32; 256]>),
    /// Two bytes a token, little end first.
    Two,
    /// Four bytes a token, little end first.
    Four,
}

/// How many bytes a token of this vocabulary takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Width(usize);

impl Width {
    pub(crate) fn of_vocabulary(vocabulary: usize) -> Self {
        match vocabulary {
            0..=0x100 => Self(1),
            0x101..=0x1_0000 => Self(2),
            _ => Self(4),
        }
    }

    /// How many tokens so many bytes hold.
    pub(crate) fn count(self, bytes: usize) -> u64 {
        (bytes / self.0) as u64
    }

    /// Writes tokens, each in this many bytes.
    pub(crate) fn write(self, tokens: &[u32], into: &mut dyn Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(tokens.len() * self.0);
        for token in tokens {
            bytes.extend_from_slice(token.to_le_bytes().get(..self.0).unwrap_or_default());
        }
        into.write_all(&bytes)
    }
}

impl Tokens {
    /// The first `len` tokens that were written to `bytes` in this width; fewer if there are fewer.
    pub(crate) fn written(bytes: Bytes, width: Width, len: u64) -> Self {
        let layout = match width.0 {
            1 => Layout::Byte(Box::new(std::array::from_fn(|byte| byte as u32))),
            2 => Layout::Two,
            _ => Layout::Four,
        };
        let len = len.min(width.count(bytes.len()));
        Self { bytes, layout, len }
    }

    /// One token for each of `bytes`, by a table.
    pub(crate) fn looked_up(bytes: Bytes, table: [u32; 256]) -> Self {
        Self {
            len: bytes.len() as u64,
            bytes,
            layout: Layout::Byte(Box::new(table)),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Everything behind the tokens, for a fingerprint.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends `count` tokens from `start` on, or nothing if there are not so many.
    pub(crate) fn append(&self, start: u64, count: usize, into: &mut Vec<u32>) {
        let width = match self.layout {
            Layout::Byte(_) => 1,
            Layout::Two => 2,
            Layout::Four => 4,
        };
        let bytes = usize::try_from(start)
            .ok()
            .and_then(|start| start.checked_mul(width))
            .and_then(|start| self.bytes.get(start..)?.get(..count.checked_mul(width)?))
            .unwrap_or_default();
        match &self.layout {
            Layout::Byte(table) => into.extend(bytes.iter().map(|byte| table[usize::from(*byte)])),
            Layout::Two => {
                let pairs = bytes.as_chunks::<2>().0;
                into.extend(
                    pairs
                        .iter()
                        .map(|pair| u32::from(u16::from_le_bytes(*pair))),
                );
            }
            Layout::Four => {
                let fours = bytes.as_chunks::<4>().0;
                into.extend(fours.iter().map(|four| u32::from_le_bytes(*four)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tokens_of_every_width_come_back() {
        for (vocabulary, expected) in [
            (2, 1),
            (256, 1),
            (257, 2),
            (65_536, 2),
            (65_537, 4),
            (1 << 20, 4),
        ] {
            let width = Width::of_vocabulary(vocabulary);
            assert_eq!(width, Width(expected), "{vocabulary}");
            let tokens = [0, 1, vocabulary as u32 - 1, 1];
            let mut bytes = Vec::new();
            width.write(&tokens, &mut bytes).unwrap();
            let kept = Tokens::written(bytes.into(), width, 4);
            assert_eq!(kept.len(), 4);
            let mut read = vec![7];
            kept.append(1, 3, &mut read);
            assert_eq!(read, [7, 1, vocabulary as u32 - 1, 1]);
        }
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        let tokens = Tokens::looked_up(b"ab".to_vec().into(), [5; 256]);
        let mut read = Vec::new();
        tokens.append(1, 2, &mut read);
        tokens.append(u64::MAX, 1, &mut read);
        assert_eq!(read, [0u32; 0]);
        tokens.append(0, 2, &mut read);
        assert_eq!(read, [5, 5]);
    }
}
