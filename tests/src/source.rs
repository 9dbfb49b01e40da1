//! A Rust source as its tokens: comments are gone, texts are one token, and each token knows its
//! line and whether it is part of a test.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

use crate::Finding;

/// A Rust source file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is, from the root of the repository.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Its tokens, groups taken apart; `::` and lifetimes are one token each.
    pub tokens: Vec<Token>,
}

/// A token of a source.
#[derive(Clone, Debug)]
pub struct Token {
    /// As it is written.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// Whether it is part of a test: in `#[cfg(test)]`, in `#[test]`, or in a file of tests,
    /// benches or examples.
    pub in_test: bool,
}

/// A path such as `std::time::Instant`, written out in full wherever it is imported or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Its segments, joined with `::`.
    pub text: String,
    /// The line of its last segment.
    pub line: usize,
    /// Whether it is part of a test.
    pub in_test: bool,
}

impl Source {
    /// Takes `text` apart. Errors if it is not Rust.
    pub fn new(path: &str, text: &str) -> anyhow::Result<Self> {
        let stream = TokenStream::from_str(text)
            .map_err(|error| anyhow::anyhow!("{path} is not Rust: {error}"))?;
        let in_test = path.ends_with("tests.rs")
            || path
                .split('/')
                .any(|part| matches!(part, "tests" | "benches" | "examples"));
        let mut tokens = Vec::new();
        // The crate of the rules itself lives in a folder called `tests`.
        flatten(
            stream,
            in_test && !path.starts_with("tests/src/"),
            &mut tokens,
        );
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
        })
    }

    /// The sources of `texts`, given as (path, text). What `#[cfg(test)] mod x;` names is part of
    /// a test throughout. Errors if one is not Rust.
    pub fn all(texts: &[(String, String)]) -> anyhow::Result<Vec<Self>> {
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let mut sources = rust
            .map(|(path, text)| Self::new(path, text))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let modules: Vec<String> = sources.iter().flat_map(Self::test_modules).collect();
        for source in &mut sources {
            let is_test = modules.iter().any(|module| {
                let rest = source.path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            });
            for token in &mut source.tokens {
                token.in_test |= is_test;
            }
        }
        Ok(sources)
    }

    /// Where the modules lie that this file declares for tests: their paths without `.rs`.
    fn test_modules(&self) -> Vec<String> {
        let stem = self.path.trim_end_matches(".rs");
        let (parent, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let folder = match name {
            "lib" | "main" | "mod" => parent,
            _ => stem,
        };
        self.tokens
            .windows(3)
            .filter(|window| window[0].text == "mod" && window[2].text == ";" && window[0].in_test)
            .map(|window| format!("{folder}/{}", window[1].text))
            .collect()
    }

    /// Whether the file belongs to one of `crates`, by the names of their folders.
    pub fn is_in(&self, crates: &[&str]) -> bool {
        let mut parts = self.path.split('/');
        let first = parts.next().unwrap_or_default();
        let folder = match first {
            "crates" => parts.next().unwrap_or_default(),
            _ => first,
        };
        crates.contains(&folder)
    }

    /// Whether the file is part of what a user runs, and not of the tools and tests around it.
    pub fn is_product(&self) -> bool {
        self.path.starts_with("crates/") || self.path.starts_with("web/")
    }

    /// Whether the file is the root of a binary.
    pub fn is_binary(&self) -> bool {
        self.path.ends_with("/main.rs") || self.path.contains("/src/bin/")
    }

    /// Something wrong at `line`.
    pub fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// Every path of the source, groups in braces written out: `use a::{b, c::d}` is `a::b` and
    /// `a::c::d`. Single words are paths too.
    pub fn paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = if self.is_word(at) {
                self.follow(at, "", &mut found)
            } else {
                at + 1
            };
        }
        found
    }

    /// Takes in the path that starts with the word at `at`; returns the place after it.
    fn follow(&self, at: usize, prefix: &str, found: &mut Vec<Path>) -> usize {
        let token = &self.tokens[at];
        let text = format!("{prefix}{}", token.text);
        if self.is(at + 1, "::") && self.is_word(at + 2) {
            return self.follow(at + 2, &format!("{text}::"), found);
        }
        if self.is(at + 1, "::") && self.is(at + 2, "{") {
            return self.follow_group(at + 3, &format!("{text}::"), found);
        }
        found.push(Path {
            text,
            line: token.line,
            in_test: token.in_test,
        });
        at + 1
    }

    /// The same for the members of a group in braces, up to its end.
    fn follow_group(&self, mut at: usize, prefix: &str, found: &mut Vec<Path>) -> usize {
        while at < self.tokens.len() && !self.is(at, "}") {
            at = if self.is(at, "as") {
                at + 2
            } else if self.is_word(at) {
                self.follow(at, prefix, found)
            } else {
                at + 1
            };
        }
        at + 1
    }

    /// Whether the token at `at` is `text`.
    pub fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text == text)
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token
                .text
                .starts_with(|first: char| first.is_alphabetic() || first == '_')
        })
    }

    /// The tokens of each attribute, without its brackets, as (line, whether in a test, texts).
    pub fn attributes(&self) -> Vec<(usize, bool, Vec<&str>)> {
        let mut found = Vec::new();
        for at in 0..self.tokens.len() {
            let opening = at + 1 + usize::from(self.is(at + 1, "!"));
            if self.is(at, "#") && self.is(opening, "[") {
                let mut open = 0;
                let inside = self.tokens[opening..].iter().take_while(|token| {
                    open += i32::from(token.text == "[") - i32::from(token.text == "]");
                    open > 0
                });
                let texts = inside.skip(1).map(|token| token.text.as_str()).collect();
                let token = &self.tokens[at];
                found.push((token.line, token.in_test, texts));
            }
        }
        found
    }
}

fn flatten(stream: TokenStream, in_test: bool, tokens: &mut Vec<Token>) {
    // Whether the item that is being read stands under `#[test]` or `#[cfg(test)]`.
    let mut item_is_test = false;
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                item_is_test |= is_test_attribute(&group);
                flatten_group(&group, in_test || item_is_test, tokens);
                item_is_test &= group.delimiter() != Delimiter::Brace;
            }
            TokenTree::Punct(punct) => {
                push(tokens, punct.to_string(), line, in_test || item_is_test);
                // A joint apostrophe or colon waits for what it belongs to.
                if punct.spacing() == Spacing::Joint && punct.as_char() == '\'' {
                    continue;
                }
                item_is_test &= punct.as_char() != ';';
            }
            other => push(tokens, other.to_string(), line, in_test || item_is_test),
        }
    }
}

fn flatten_group(group: &Group, in_test: bool, tokens: &mut Vec<Token>) {
    let (open, close) = match group.delimiter() {
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::None => ("", ""),
    };
    push(tokens, open.into(), group.span_open().start().line, in_test);
    flatten(group.stream(), in_test, tokens);
    push(
        tokens,
        close.into(),
        group.span_close().start().line,
        in_test,
    );
}

/// Appends a token; the second colon of `::` and the name of a lifetime join the token before.
fn push(tokens: &mut Vec<Token>, text: String, line: usize, in_test: bool) {
    match tokens.last_mut() {
        Some(last) if last.text == "'" || (last.text == ":" && text == ":") => {
            last.text.push_str(&text);
        }
        _ => tokens.push(Token {
            text,
            line,
            in_test,
        }),
    }
}

fn is_test_attribute(group: &Group) -> bool {
    let content = group.stream().to_string().replace(' ', "");
    group.delimiter() == Delimiter::Bracket && matches!(content.as_str(), "test" | "cfg(test)")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn source(text: &str) -> Source {
        Source::new("crates/kitchen-x/src/x.rs", text).unwrap()
    }

    fn paths(text: &str) -> Vec<String> {
        source(text)
            .paths()
            .into_iter()
            .map(|path| path.text)
            .collect()
    }

    #[test]
    fn groups_are_written_out() {
        let table: [(&str, &[&str]); 5] = [
            ("a::b::c()", &["a::b::c"]),
            (
                "use a::{b, c::{self, d as e}};",
                &["use", "a::b", "a::c::self", "a::c::d"],
            ),
            ("use a::*;", &["use", "a"]),
            ("x.a::<b::C>()", &["x", "a", "b::C"]),
            ("m!(a::b, \"c::d\") // e::f", &["m", "a::b"]),
        ];
        for (text, expected) in table {
            assert_eq!(paths(text), expected, "{text}");
        }
    }

    #[test]
    fn tests_are_told_apart() {
        let source = source(
            "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}\n#[test]\nfn d() {}\nfn e() {}\n#[cfg(test)]\nuse f;\nfn g() {}",
        );
        let in_test = |name: &str| {
            source
                .tokens
                .iter()
                .find(|t| t.text == name)
                .unwrap()
                .in_test
        };
        let table = [
            ("a", false),
            ("b", true),
            ("c", false),
            ("d", true),
            ("e", false),
            ("f", true),
            ("g", false),
        ];
        for (name, expected) in table {
            assert_eq!(in_test(name), expected, "{name}");
        }
    }

    #[test]
    fn modules_for_tests_are_tests() {
        let texts = [
            ("a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod c;"),
            ("a/src/b.rs", "mod d;\n#[cfg(test)]\nmod e;"),
            ("a/src/b/d.rs", "fn f() {}"),
            ("a/src/b/e.rs", "fn f() {}"),
            ("a/src/c/mod.rs", "fn f() {}"),
            ("a/src/c2.rs", "fn f() {}"),
        ];
        let texts = texts.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let sources = Source::all(&texts).unwrap();
        let tests: Vec<&str> = sources
            .iter()
            .filter(|source| source.tokens.iter().all(|token| token.in_test))
            .map(|source| source.path.as_str())
            .collect();
        assert_eq!(tests, ["a/src/b/e.rs", "a/src/c/mod.rs"]);
    }

    #[test]
    fn lifetimes_are_one_token() {
        let source = source("fn f(x: &'static str) -> char { 'a' }");
        assert!(source.tokens.iter().any(|token| token.text == "'static"));
        assert!(source.tokens.iter().all(|token| token.text != "static"));
    }

    #[test]
    fn attributes_are_found_with_their_lines() {
        let source = source("#![a]\n#[b(c = \"d\", [e])]\nfn f() {}");
        assert_eq!(
            source.attributes(),
            [
                (1, false, vec!["a"]),
                (
                    2,
                    false,
                    vec!["b", "(", "c", "=", "\"d\"", ",", "[", "e", "]", ")"]
                ),
            ]
        );
    }
}
