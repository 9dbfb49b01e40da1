//! A page of documentation as its blocks of code, and what a test makes of them.
//!
//! What a reader does not see tells the test more, in a comment before a block:
//!
//! - `<!-- test: steps=20 -->` adds arguments to each `run`, so that it ends soon;
//! - `<!-- file: flowers.csv -->` makes the block a file of that name;
//! - `<!-- fixture: pictures -->` asks the test for something that a page cannot hold;
//! - `<!-- problems -->` says that checking the block finds problems;
//! - `<!-- simulated -->` says that the block is a file for `sim`, not a configuration.

use anyhow::Context;

use crate::words;

/// A page as its blocks of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guide {
    /// The page, from the root of the repository.
    pub path: String,
    /// Its fenced blocks, in order.
    pub blocks: Vec<Block>,
}

/// A fenced block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The line on which it opens, from 1.
    pub line: usize,
    /// What stands behind the fence.
    pub language: String,
    /// The comments before it, without their marks.
    pub notes: Vec<String>,
    /// What is in it.
    pub text: String,
}

/// A command of the program, as a block shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The arguments of the program.
    pub args: Vec<String>,
    /// The exit code that the block promises.
    pub exit: i32,
}

impl Guide {
    /// Reads a page.
    pub fn parse(path: &str, text: &str) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut notes = Vec::new();
        let mut open = false;
        for (line, number) in text.lines().zip(1..) {
            let fence = line.strip_prefix("```");
            match (fence, blocks.last_mut()) {
                (Some(_), _) if open => open = false,
                (Some(language), _) => {
                    open = true;
                    blocks.push(Block {
                        line: number,
                        language: language.trim().to_owned(),
                        notes: std::mem::take(&mut notes),
                        text: String::new(),
                    });
                }
                (None, Some(block)) if open => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                _ => match note(line) {
                    Some(note) => notes.push(note),
                    None if line.trim().is_empty() => {}
                    None => notes.clear(),
                },
            }
        }
        Self {
            path: path.to_owned(),
            blocks,
        }
    }
}

fn note(line: &str) -> Option<String> {
    let inside = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(inside.trim().to_owned())
}

impl Block {
    /// Whether a note says just this.
    pub fn is(&self, note: &str) -> bool {
        self.notes.iter().any(|other| other == note)
    }

    /// What a note called `name` says, such as `steps=20` for `test`.
    pub fn note(&self, name: &str) -> Option<&str> {
        let notes = self.notes.iter();
        notes
            .filter_map(|note| note.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .next()
    }

    /// Every command of the program in a block of shell; what else the block holds is left out.
    pub fn commands(&self) -> anyhow::Result<Vec<Shown>> {
        let lines = self.text.replace("\\\n", " ");
        let mut found = Vec::new();
        for line in lines.lines() {
            let ours = ["kitchen-native ", "cargo run --release -- "];
            let Some(rest) = ours.iter().find_map(|start| line.strip_prefix(start)) else {
                continue;
            };
            let mut args = words(rest)?;
            if args.first().is_some_and(|command| command == "run") {
                args.extend(words(self.note("test").unwrap_or_default())?);
            }
            let exit = match line.split_once("# exit ") {
                Some((_, code)) => code
                    .trim()
                    .parse()
                    .with_context(|| format!("`{line}` promises no number"))?,
                None => 0,
            };
            found.push(Shown { args, exit });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const PAGE: &str = "\
# A page

<!-- test: steps=20 -->
```sh
# a remark
kitchen-native run digits \\
    lr=0.1
cargo run --release -- run nonsense   # exit 2
cargo build
```

<!-- file: a.csv -->

```csv
a,b
```

<!-- test: lost -->
Text in between.
```toml
lr = 1
```
";

    #[test]
    fn a_page_is_its_blocks() {
        let guide = Guide::parse("a.md", PAGE);
        let seen: Vec<_> = guide
            .blocks
            .iter()
            .map(|block| (block.line, block.language.as_str(), block.notes.len()))
            .collect();
        assert_eq!(seen, [(4, "sh", 1), (14, "csv", 1), (20, "toml", 0)]);
        assert_eq!(guide.blocks[1].note("file"), Some("a.csv"));
        assert_eq!(guide.blocks[1].text, "a,b\n");
    }

    #[test]
    fn commands_of_the_program_are_found() {
        let shown = Guide::parse("a.md", PAGE).blocks[0].commands().unwrap();
        let expected = [
            (vec!["run", "digits", "lr=0.1", "steps=20"], 0),
            (vec!["run", "nonsense", "steps=20"], 2),
        ];
        let expected = expected.map(|(args, exit)| Shown {
            args: args.into_iter().map(str::to_owned).collect(),
            exit,
        });
        assert_eq!(shown, expected);
    }
}
