#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use expect_test::expect;
use proptest::prelude::*;
use serde_json::json;

use super::pieces::pieces;
use super::*;
use crate::files::Memory;

fn definition(tokenizer: &dyn TokenizerClient) -> TokenizerDefinition {
    serde_json::from_str(&tokenizer.to_json().unwrap()).unwrap()
}

fn merges(bpe: &Bpe) -> Vec<[u32; 2]> {
    match definition(bpe) {
        TokenizerDefinition::Bpe { merges, .. } => merges,
        other => panic!("{other:?}"),
    }
}

/// The slow way: count every pair anew for each merge.
fn merges_by_counting(text: &str, most: usize) -> Vec<[u32; 2]> {
    let mut words: Vec<Vec<u32>> = pieces(text)
        .map(|piece| piece.bytes().map(u32::from).collect())
        .collect();
    let mut merges = Vec::new();
    while merges.len() < most {
        let mut counts: BTreeMap<[u32; 2], u64> = BTreeMap::new();
        for pair in words.iter().flat_map(|word| word.windows(2)) {
            *counts.entry([pair[0], pair[1]]).or_insert(0) += 1;
        }
        // Among equals the smaller pair: the last maximum of the reversed order.
        let Some((&pair, &count)) = counts.iter().rev().max_by_key(|(_, count)| **count) else {
            break;
        };
        if count < 2 {
            break;
        }
        let token = 256 + merges.len() as u32;
        for word in &mut words {
            let mut at = 0;
            while at + 1 < word.len() {
                if [word[at], word[at + 1]] == pair {
                    word[at] = token;
                    word.remove(at + 1);
                }
                at += 1;
            }
        }
        merges.push(pair);
    }
    merges
}

const FABLE: &str = "A fox saw the grapes. The fox jumped, and the fox jumped again, higher and \
                     higher; the grapes hung higher still. \"Sour grapes,\" said the fox, and left.";

#[test]
fn training_counts_right() {
    for text in [
        FABLE,
        "aaaaaaaaaa aaaa aaa",
        "abab abab baba",
        "über übung über",
        "",
    ] {
        let bpe = Bpe::train(&[text], 256 + 40, false).unwrap();
        assert_eq!(merges(&bpe), merges_by_counting(text, 40), "{text:?}");
    }
}

proptest! {
    #[test]
    fn training_counts_right_on_any_text(text in "[ab ]{0,60}") {
        let bpe = Bpe::train(&[&text], 256 + 12, false).unwrap();
        prop_assert_eq!(merges(&bpe), merges_by_counting(&text, 12));
    }

    #[test]
    fn text_survives_every_tokenizer(text in "\\PC{0,80}") {
        let tokenizers: [&dyn TokenizerClient; 3] = [
            &ByteTokenizer::new(true),
            &Characters::of_texts(&[&text], true),
            &Bpe::train(&[FABLE], 300, true).unwrap(),
        ];
        for tokenizer in tokenizers {
            let mut tokens = tokenizer.encode(&text).unwrap();
            prop_assert!(tokens.iter().all(|token| (*token as usize) < tokenizer.vocabulary()));
            prop_assert!(!tokens.contains(&tokenizer.boundary().unwrap()));
            tokens.insert(0, tokenizer.boundary().unwrap());
            prop_assert_eq!(&tokenizer.decode(&tokens).unwrap(), &text);
        }
    }
}

/// The file of the tokenizers library that has our merges.
fn library_file(ours: &Bpe) -> String {
    // The library spells bytes as printable characters: most are themselves, the others follow
    // from U+0100 on.
    let mut spare = 0x100u32..;
    let mut names: Vec<String> = (0..=255u8)
        .map(|byte| {
            let printable = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
            let code = if printable {
                u32::from(byte)
            } else {
                spare.next().unwrap()
            };
            char::from_u32(code).unwrap().to_string()
        })
        .collect();
    let mut pairs = Vec::new();
    for [left, right] in merges(ours) {
        let pair = [names[left as usize].clone(), names[right as usize].clone()];
        names.push(pair.concat());
        pairs.push(pair);
    }
    let vocabulary: BTreeMap<String, u32> = names.into_iter().zip(0..).collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": byte_level, "post_processor": null,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocabulary, "merges": pairs,
        },
    })
    .to_string()
}

/// The tokenizers library, given our merges, makes the same tokens of a text.
#[test]
fn encoding_agrees_with_the_tokenizers_library() {
    let ours = Bpe::train(&[FABLE], 256 + 60, false).unwrap();
    let files = Memory::from([("tokenizer.json", library_file(&ours).into_bytes())]);
    let library = read(&files, "tokenizer.json").unwrap();
    assert_eq!(library.vocabulary(), ours.vocabulary());
    for text in [
        FABLE,
        "the higher fox  jumped\n\nagain",
        "naïve 東京 12345",
        "  x ",
        "a \t b",
    ] {
        let tokens = ours.encode(text).unwrap();
        assert_eq!(tokens, library.encode(text).unwrap(), "{text:?}");
        assert_eq!(library.decode(&tokens).unwrap(), text);
    }
}

#[test]
fn characters_are_in_order_and_unknown_ones_are_refused() {
    let tokenizer = Characters::of_texts(&["caé", "b"], false);
    assert_eq!(tokenizer.encode("abcé").unwrap(), [0, 1, 2, 3]);
    assert_eq!(
        tokenizer.encode("x"),
        Err(TokenizerError::NotInVocabulary("x".into()))
    );
}

#[test]
fn a_vocabulary_ends_where_nothing_repeats() {
    let bpe = Bpe::train(&["abc"], 300, false).unwrap();
    assert_eq!(bpe.vocabulary(), 256);
    assert!(Bpe::train(&["abc"], 255, false).is_err());
    assert!(Bpe::train(&["abc"], 1 << 30, false).is_err());
}

#[test]
fn bad_definitions_say_what_is_wrong() {
    let table = [
        (
            "",
            expect![
                "this is not a tokenizer that Kitchen wrote: EOF while parsing a value at line 1 column 0"
            ],
        ),
        (
            r#"{"bpe": {"merges": [[97, 256]], "boundary": false}}"#,
            expect!["merge 0 of the byte-pair encoding joins a token that no earlier merge made"],
        ),
        (
            r#"{"bpe": {"merges": [[97, 97], [97, 97]], "boundary": false}}"#,
            expect!["merge 1 of the byte-pair encoding comes a second time"],
        ),
        (
            r#"{"bpe": {"merges": [[1, 1], [256, 256], [257, 257], [258, 258], [259, 259], [260, 260], [261, 261], [262, 262]], "boundary": false}}"#,
            expect![
                "merge 7 of the byte-pair encoding makes a token longer than any piece of text"
            ],
        ),
        (
            r#"{"library": {"json": "{}"}}"#,
            expect![
                "this is not a tokenizer of the tokenizers library: Model missing. at line 1 column 2"
            ],
        ),
        (
            r#"{"characters": {"characters": "ab", "border": true}}"#,
            expect![
                "this is not a tokenizer that Kitchen wrote: unknown field `border`, expected `characters` or `boundary` at line 1 column 44"
            ],
        ),
    ];
    for (json, expected) in table {
        let error = tokenizer_from_json(json).err().unwrap();
        expected.assert_eq(&error.to_string());
    }
}
