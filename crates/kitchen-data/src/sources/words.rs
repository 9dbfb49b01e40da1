//! A list of words, one a line, to be modelled letter by letter.

use std::collections::HashSet;

use kitchen_types::config::WordsConfig;
use kitchen_types::ports::DataError;
use kitchen_types::random::{Generator, Key};

use crate::files::Files;
use crate::limits;
use crate::lines::{Draft, Line};
use crate::read;
use crate::words::{counted, thousands};

/// Reads the list, or makes the built-in one.
pub(crate) fn read(config: &WordsConfig, files: &dyn Files) -> Result<Draft, DataError> {
    if config.path.is_empty() {
        let words = invented();
        let source = format!("{} invented names, built in", thousands(words.len() as u64));
        return Ok(draft(config, words, source, Vec::new()));
    }
    let bytes = files.read(&config.path)?;
    let text = read::utf8(&config.path, &bytes)?;
    let (words, repeated) = distinct_words(&config.path, text)?;
    let source = format!("{}: {} words", config.path, thousands(words.len() as u64));
    let notes = match repeated {
        0 => Vec::new(),
        // A word in both halves would be held out in name only.
        n => vec![format!(
            "{}: left out {} that came again",
            config.path,
            counted(n, "word")
        )],
    };
    Ok(draft(config, words, source, notes))
}

fn draft(config: &WordsConfig, words: Vec<String>, source: String, notes: Vec<String>) -> Draft {
    let mut characters: Vec<char> = words.iter().flat_map(|word| word.chars()).collect();
    characters.sort_unstable();
    characters.dedup();
    let longest = words
        .iter()
        .map(|word| word.chars().count())
        .max()
        .unwrap_or(0);
    let lines = words.into_iter().map(|word| Line {
        question: String::new(),
        answer: word,
    });
    Draft {
        place: config.path.clone(),
        lines: lines.collect(),
        characters,
        context: longest + 1,
        validation: config.validation,
        source,
        notes,
    }
}

/// The words of a list, each once, and how many came again. Errors on a line that is no word.
fn distinct_words(path: &str, text: &str) -> Result<(Vec<String>, usize), DataError> {
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    let mut repeated = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let word = line.trim();
        let length = word.chars().count();
        if length > limits::WORD_CHARACTERS {
            return Err(DataError::new(
                format!("{path}:{number}"),
                format!("has {length} characters, more than a word has"),
                "put one word on each line; for running text use `data=text`",
            ));
        }
        if word.is_empty() {
            continue;
        }
        if !seen.insert(word) {
            repeated += 1;
            continue;
        }
        if words.len() == limits::EXAMPLES {
            return Err(read::too_many(path, "words"));
        }
        words.push(word.to_owned());
    }
    if words.len() < 2 {
        return Err(DataError::new(
            path,
            format!("has {}", counted(words.len(), "word")),
            "put at least two words into it, one on each line",
        ));
    }
    Ok((words, repeated))
}

/// How many names the built-in list has.
const INVENTED: usize = 4000;

/// Names that nobody bears, as far as we know, and that can be pronounced: one to three syllables
/// with an ending. The list is always the same, whatever the seed of the run.
fn invented() -> Vec<String> {
    let mut rng = Key::new(0).purpose("data/names").rng();
    let mut seen = HashSet::new();
    let mut names = Vec::with_capacity(INVENTED);
    // There are far more such names than are asked for, so this ends soon.
    while names.len() < INVENTED {
        let name = invent(&mut rng);
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

const ONSETS: [&str; 24] = [
    "b", "br", "c", "d", "dr", "el", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "st",
    "t", "th", "tr", "v", "w", "z",
];
/// Commoner vowels come more often.
const VOWELS: [&str; 12] = ["a", "a", "a", "e", "e", "i", "i", "o", "o", "u", "ai", "ea"];
const MIDDLES: [&str; 12] = [
    "l", "n", "r", "m", "s", "d", "v", "nd", "ll", "rr", "th", "b",
];
const ENDINGS: [&str; 14] = [
    "a", "a", "ia", "en", "on", "is", "us", "el", "in", "y", "o", "ine", "or", "eth",
];

fn invent(rng: &mut Generator) -> String {
    let mut name = pick(&ONSETS, rng).to_owned();
    name.push_str(pick(&VOWELS, rng));
    for _ in 0..rng.below(3) {
        name.push_str(pick(&MIDDLES, rng));
        name.push_str(pick(&VOWELS, rng));
    }
    name.push_str(pick(&MIDDLES, rng));
    name.push_str(pick(&ENDINGS, rng));
    name
}

fn pick<'a>(parts: &[&'a str], rng: &mut Generator) -> &'a str {
    let index = rng.below(parts.len() as u64) as usize;
    parts.get(index).copied().unwrap_or_default()
}
