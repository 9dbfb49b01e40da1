//! Bad tables, texts, lists and tokenizers, by name, and what is said of each: the place, what is
//! wrong, and what to do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{check, check_all, image};
use expect_test::expect;
use image::ImageFormat;
use kitchen_types::config::*;

fn csv_for(target: &str) -> DataConfig {
    DataConfig::Csv(TableConfig {
        path: "t.csv".into(),
        target: target.into(),
        ..TableConfig::default()
    })
}

fn check_csv(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    check(name, vec![("t.csv", bytes.into())], csv_for(""))
}

fn check_jsonl(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let config = DataConfig::Jsonl(JsonLinesConfig {
        path: "t.jsonl".into(),
        ..JsonLinesConfig::default()
    });
    check(name, vec![("t.jsonl", bytes.into())], config)
}

fn check_words(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let config = DataConfig::Words(WordsConfig {
        path: "w.txt".into(),
        ..WordsConfig::default()
    });
    check(name, vec![("w.txt", bytes.into())], config)
}

fn text(tokenizer: TokenizerConfig) -> DataConfig {
    DataConfig::Text(TextConfig {
        path: "t.txt".into(),
        context: 8,
        tokenizer,
        ..TextConfig::default()
    })
}

fn check_text(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    check(
        name,
        vec![("t.txt", bytes.into())],
        text(TokenizerConfig::Characters),
    )
}

fn check_tokenizer(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let files = vec![("t.txt", vec![b'a'; 200]), ("tokenizer.json", bytes.into())];
    let tokenizer = TokenizerConfig::File {
        path: "tokenizer.json".into(),
    };
    check(name, files, text(tokenizer))
}

#[test]
fn csv_files() {
    check_all(
        [
            check_csv("empty", ""),
            check_csv("only a byte order mark", "\u{feff}"),
            check_csv("only blank lines", "\n\r\n\n"),
            check_csv("only a header", "a,b\n"),
            check_csv("one column", "a\n1\n2\n"),
            check_csv("a header of numbers", "1,2\n3,4\n"),
            check_csv("a column without a name", "a,,b\n1,2,3\n"),
            check_csv("two columns of a name", "a,b,a\n1,2,3\n"),
            check_csv("a short row", "a,b\n1,2\n\n\n3\n"),
            check_csv("a long row", "a,b\r\n1,2\r\n3,4,5\r\n"),
            check_csv("a decimal comma", "a,b\n1,5,2\n"),
            check_csv(
                "a quote that is not closed",
                format!("a,b\n1,\"2\n{}", "x,y\n".repeat(400_000)),
            ),
            check_csv(
                "a value that is too long",
                format!("a,b\n1,{}\n", "x".repeat(2 << 20)),
            ),
            check_csv("latin 1", b"a,b\n1,2\n3,caf\xe9\n".to_vec()),
            check_csv("a header in latin 1", b"a,caf\xe9\n1,2\n".to_vec()),
            check_csv("UTF-16", b"\xff\xfea\0,\0b\0\n\0".to_vec()),
            check_csv("zeros", vec![0; 1000]),
            check_csv(
                "too many columns",
                (0..10_001).map(|i| format!("c{i},")).collect::<String>() + "end\n",
            ),
            check_csv("an empty target", "a,b\n1,\n2,NA\n"),
            check_csv("a target that never varies", "a,b\n1,x\n2,x\n"),
            check_csv("a target that always varies", "a,b\n1,x\n2,y\n3,z\n"),
            check_csv(
                "a target with too many classes",
                format!(
                    "a,b\n{}",
                    (0..4000)
                        .map(|i| format!("1,k{}\n", i % 1500))
                        .collect::<String>()
                ),
            ),
            check_csv("inputs that are all empty", "a,b\n,x\n,x\n,y\n,y\n"),
            check_csv(
                "inputs that are all names",
                format!(
                    "a,b\n{}",
                    (0..200)
                        .map(|i| format!("n{i},{}\n", i % 2))
                        .collect::<String>()
                ),
            ),
            check_csv("a target in a single row", "a,b\n1,2.5\n2,\n"),
            check(
                "a target that is not there",
                vec![("t.csv", b"a,b\n1,2\n".to_vec())],
                csv_for("price"),
            ),
            check("a file that is not there", vec![], csv_for("")),
            check("no file", vec![], DataConfig::Csv(TableConfig::default())),
        ],
        expect![[r#"
            empty
                t.csv: is empty; name a CSV file with a header line
            only a byte order mark
                t.csv: is empty; name a CSV file with a header line
            only blank lines
                t.csv: is empty; name a CSV file with a header line
            only a header
                t.csv: has 0 rows below its header; a table needs at least two
            one column
                t.csv:1: has one column; a table needs one to predict and one to predict it from
            a header of numbers
                t.csv:1: is all numbers; add a first line with the names of the columns
            a column without a name
                t.csv:1: has a column without a name; name every column
            two columns of a name
                t.csv:1: has two columns called `a`; give each column its own name
            a short row
                t.csv:5: has 1 value for 2 columns; give each row as many values as the header has names; put values with a comma in quotes
            a long row
                t.csv:3: has 3 values for 2 columns; give each row as many values as the header has names; put values with a comma in quotes
            a decimal comma
                t.csv:2: has 3 values for 2 columns; give each row as many values as the header has names; put values with a comma in quotes
            a quote that is not closed
                t.csv:2: is longer than 1048576 bytes; look for a quote that is not closed
            a value that is too long
                t.csv:2: is longer than 1048576 bytes; look for a quote that is not closed
            latin 1
                t.csv:3: value 2 is not UTF-8; save the file as UTF-8
            a header in latin 1
                t.csv:1: value 2 is not UTF-8; save the file as UTF-8
            UTF-16
                t.csv:1: value 1 is not UTF-8; save the file as UTF-8
            zeros
                t.csv:1: has one column; a table needs one to predict and one to predict it from
            too many columns
                t.csv:1: has 10002 columns, more than 10000; leave some out
            an empty target
                t.csv: the target `b` is empty; name the column to predict, such as data.target=species
            a target that never varies
                t.csv: the target `b` is the same in every row; name the column to predict, such as data.target=species
            a target that always varies
                t.csv: the target `b` is a different text in most rows; name the column to predict, such as data.target=species
            a target with too many classes
                t.csv: the target `b` has more different texts than there can be classes; name the column to predict, such as data.target=species
            inputs that are all empty
                t.csv: has no column to predict the target from; add one with numbers or categories
            inputs that are all names
                t.csv: has no column to predict the target from; add one with numbers or categories
            a target in a single row
                t.csv: the target `b` is the same in every row; name the column to predict, such as data.target=species
            a target that is not there
                t.csv: has no column `price`; name one of its columns with data.target: a, b
            a file that is not there
                t.csv: is not among the files that were given; drop the file onto the page, or check its name
            no file
                data.path: no file was named; name one, such as data.path=some/file
        "#]],
    );
}

#[test]
fn jsonl_files() {
    check_all(
        [
            check_jsonl("empty", ""),
            check_jsonl("blank lines", "\n \n"),
            check_jsonl("not JSON", "{\"text\": \"a\"}\nhello\n"),
            check_jsonl("a line cut short", "{\"text\": \"a\"}\n{\"text\": \"b"),
            check_jsonl("a list", "[1, 2]\n"),
            check_jsonl("another field", "{\"body\": \"a\", \"id\": 1}\n"),
            check_jsonl("an empty object", "{}\n"),
            check_jsonl("a number", "{\"text\": 7}\n"),
            check_jsonl("null", "\n{\"text\": null}\n"),
            check_jsonl(
                "an array of JSON over several lines",
                "[\n{\"text\": \"a\"},\n{\"text\": \"b\"}\n]\n",
            ),
            check_jsonl(
                "a line that is too long",
                format!("{{\"text\": \"{}\"}}\n", "x".repeat(2 << 20)),
            ),
            check_jsonl("lists without end", "[".repeat(100_000)),
            check_jsonl("objects without end", "{\"a\":".repeat(50_000)),
            check_jsonl(
                "latin 1",
                b"{\"text\": \"a\"}\n{\"text\": \"caf\xe9\"}\n".to_vec(),
            ),
            check_jsonl("half a surrogate pair", "{\"text\": \"\\ud800\"}\n"),
            check_jsonl("too little text", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n"),
        ],
        expect![[r#"
            empty
                t.jsonl: has no lines; put one JSON object on each line
            blank lines
                t.jsonl: has no lines; put one JSON object on each line
            not JSON
                t.jsonl:2: is not a JSON object: expected value at column 1; write one object a line, such as {"text": "..."}
            a line cut short
                t.jsonl:2: is not a JSON object: EOF while parsing a string at column 11; write one object a line, such as {"text": "..."}
            a list
                t.jsonl:1: is not a JSON object: invalid type: sequence, expected a map at column 0; write one object a line, such as {"text": "..."}
            another field
                t.jsonl:1: there is no field `text`, only body, id; name a field with texts, such as data.text=content
            an empty object
                t.jsonl:1: there is no field `text`, no other either; name a field with texts, such as data.text=content
            a number
                t.jsonl:1: the field `text` is a number, not a text; name a field with texts, such as data.text=content
            null
                t.jsonl:2: the field `text` is null, not a text; name a field with texts, such as data.text=content
            an array of JSON over several lines
                t.jsonl:1: is not a JSON object: invalid type: sequence, expected a map at column 0; write one object a line, such as {"text": "..."}
            a line that is too long
                t.jsonl:1: has 2097164 bytes, more than the 1048576 of a line; split the text into several lines
            lists without end
                t.jsonl:1: is not a JSON object: invalid type: sequence, expected a map at column 0; write one object a line, such as {"text": "..."}
            objects without end
                t.jsonl:1: is not a JSON object: recursion limit exceeded at column 636; write one object a line, such as {"text": "..."}
            latin 1
                t.jsonl:2: byte 27 is not UTF-8; save the file as UTF-8
            half a surrogate pair
                t.jsonl:1: is not a JSON object: unexpected end of hex escape at column 17; write one object a line, such as {"text": "..."}
            too little text
                t.jsonl: the training part has 4 tokens, too few for a context of 64; use a longer text, a smaller context, or another share for validation
        "#]],
    );
}

#[test]
fn texts_and_words() {
    check_all(
        [
            check_text("empty", ""),
            check_text("too short", "hello"),
            check_text("too short to hold out", "a".repeat(60)),
            check_text("latin 1", b"caf\xe9\n".repeat(30)),
            check_text("a photo", image(ImageFormat::Jpeg, 64, 64, [1, 2, 3])),
            check_text("UTF-16", b"\xff\xfeh\0i\0".repeat(50)),
            check(
                "a text that is not there",
                vec![],
                text(TokenizerConfig::Bytes),
            ),
            check(
                "a vocabulary that is too small",
                vec![("t.txt", vec![b'a'; 200])],
                text(TokenizerConfig::Bpe { vocabulary: 200 }),
            ),
            check_words("empty", ""),
            check_words("blank lines", "\n\n  \n"),
            check_words("one word", "anna\n"),
            check_words("the same word", "anna\nanna\n anna \n"),
            check_words(
                "running text",
                format!("anna\n{}\n", "and then she said ".repeat(20)),
            ),
            check_words("latin 1", b"anna\nren\xe9\n".to_vec()),
            check_words(
                "more characters than tokens",
                (0..70_000u32)
                    .filter_map(|i| char::from_u32(0x1_0000 + i))
                    .map(|c| format!("{c}\n"))
                    .collect::<String>(),
            ),
        ],
        expect![[r#"
            empty
                t.txt: is empty; name a file with text in it
            too short
                t.txt: the training part has 4 tokens, too few for a context of 8; use a longer text, a smaller context, or another share for validation
            too short to hold out
                t.txt: the validation part has 6 tokens, too few for a context of 8; use a longer text, a smaller context, or another share for validation
            latin 1
                t.txt:1: byte 3 is not UTF-8; save the file as UTF-8
            a photo
                t.txt:1: byte 0 is not UTF-8; save the file as UTF-8
            UTF-16
                t.txt:1: byte 0 is not UTF-8; save the file as UTF-8
            a text that is not there
                t.txt: is not among the files that were given; drop the file onto the page, or check its name
            a vocabulary that is too small
                data.tokenizer.bpe.vocabulary: 200 tokens cannot be learnt; use a number from 256 to 131072
            empty
                w.txt: has 0 words; put at least two words into it, one on each line
            blank lines
                w.txt: has 0 words; put at least two words into it, one on each line
            one word
                w.txt: has 1 word; put at least two words into it, one on each line
            the same word
                w.txt: has 1 word; put at least two words into it, one on each line
            running text
                w.txt:2: has 359 characters, more than a word has; put one word on each line; for running text use `data=text`
            latin 1
                w.txt:2: byte 8 is not UTF-8; save the file as UTF-8
            more characters than tokens
                w.txt: has 70000 different characters; use words with at most 65535 different ones
        "#]],
    );
}

#[test]
fn tokenizer_files() {
    check_all(
        [
            check_tokenizer("empty", ""),
            check_tokenizer("not JSON", "hello"),
            check_tokenizer("another JSON", "{\"a\": 1}"),
            check_tokenizer("without a model", "{\"version\": \"1.0\"}"),
            check_tokenizer(
                "an unknown model",
                "{\"version\": \"1.0\", \"model\": {\"type\": \"Magic\"}}",
            ),
            check_tokenizer(
                "without a vocabulary",
                r#"{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}"#,
            ),
            check_tokenizer(
                "a merge of unknown tokens",
                r#"{"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["x", "y"]]}}"#,
            ),
            check_tokenizer(
                "a token with a huge number",
                r#"{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 4294967295}, "unk_token": "a"}}"#,
            ),
            check_tokenizer(
                "a text that it cannot express",
                r#"{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"b": 0}, "unk_token": "?"}}"#,
            ),
            check_tokenizer("binary", vec![0xff; 100]),
        ],
        expect![[r#"
            empty
                tokenizer.json: this is not a tokenizer of the tokenizers library: EOF while parsing a value at line 1 column 0; use a `tokenizer.json` of the tokenizers library
            not JSON
                tokenizer.json: this is not a tokenizer of the tokenizers library: expected value at line 1 column 1; use a `tokenizer.json` of the tokenizers library
            another JSON
                tokenizer.json: this is not a tokenizer of the tokenizers library: expected `,` or `}` at line 1 column 5; use a `tokenizer.json` of the tokenizers library
            without a model
                tokenizer.json: this is not a tokenizer of the tokenizers library: Model missing. at line 1 column 18; use a `tokenizer.json` of the tokenizers library
            an unknown model
                tokenizer.json: this is not a tokenizer of the tokenizers library: data did not match any variant of untagged enum ModelUntagged at line 1 column 46; use a `tokenizer.json` of the tokenizers library
            without a vocabulary
                tokenizer.json: the tokenizer has 0 tokens, which no model can have; use a `tokenizer.json` of the tokenizers library
            a merge of unknown tokens
                tokenizer.json: this is not a tokenizer of the tokenizers library: Token `x` out of vocabulary at line 1 column 87; use a `tokenizer.json` of the tokenizers library
            a token with a huge number
                tokenizer.json: the tokenizer has 4294967296 tokens, which no model can have; use a `tokenizer.json` of the tokenizers library
            a text that it cannot express
                t.txt: the tokenizer has no token for "aaaaaaaaaaaaaaaaaaaa"; use the `bytes` tokenizer, which expresses anything
            binary
                tokenizer.json: this is not a tokenizer of the tokenizers library: expected value at line 1 column 1; use a `tokenizer.json` of the tokenizers library
        "#]],
    );
}
