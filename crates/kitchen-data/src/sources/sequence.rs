//! Procedural tasks over sequences, with exact answers.

use std::collections::HashSet;

use kitchen_types::config::{SequenceTask, SequenceTaskConfig};
use kitchen_types::ports::DataError;
use kitchen_types::random::{Generator, Key};

use crate::limits;
use crate::lines::{Draft, Line};
use crate::words::{thousands, variant_name};

/// The modulus of modular arithmetic: the prime of "Grokking" (Power et al. 2022).
const MODULUS: u64 = 97;
/// Digits of a number, at most: sums still fit 64 bits.
const DIGITS: usize = 18;
/// Letters, bits or brackets, at most.
const LETTERS: usize = 256;
/// Draws in a row that repeat a question, for each question that there is, after which a task
/// counts as asked in full. Of equally likely questions the last would be missed once in e^20 times.
const REPEATS: usize = 20;

/// Draws questions, each once, until there are as many as asked for or hardly any are left: a
/// question in both halves would be held out in name only.
pub(crate) fn make(config: &SequenceTaskConfig, seed: u64) -> Result<Draft, DataError> {
    check(config)?;
    let mut rng = Key::new(seed).purpose("data/sequence").rng();
    let mut seen = HashSet::new();
    let mut lines = Vec::with_capacity(config.samples);
    let mut repeats = 0;
    while lines.len() < config.samples && repeats <= REPEATS * lines.len() {
        let question = question(config.task, config.length, &mut rng);
        repeats += 1;
        if seen.insert(question.clone()) {
            repeats = 0;
            lines.push(Line {
                answer: answer(config.task, &question),
                question,
            });
        }
    }
    let count = lines.len();
    let mut notes = Vec::new();
    if count < config.samples {
        notes.push(format!(
            "there are only {} different questions of this length, so there are fewer examples than data.samples={}",
            thousands(count as u64),
            config.samples
        ));
    }
    let name = variant_name(&config.task);
    let source = format!(
        "{} questions of {name}, length {}",
        thousands(count as u64),
        config.length
    );
    Ok(Draft {
        place: String::new(),
        lines,
        characters: alphabet(config.task).chars().collect(),
        context: context(config),
        validation: config.validation,
        source,
        notes,
    })
}

fn check(config: &SequenceTaskConfig) -> Result<(), DataError> {
    let lengths = match config.task {
        SequenceTask::Addition | SequenceTask::ModularArithmetic => 1..=DIGITS,
        SequenceTask::Brackets => 2..=LETTERS,
        _ => 1..=LETTERS,
    };
    if !lengths.contains(&config.length) {
        return Err(DataError::new(
            "data.length",
            format!("{} is not a length of this task", config.length),
            format!("use a number from {} to {}", lengths.start(), lengths.end()),
        ));
    }
    // Half a gigabyte of text is more than any of these tasks needs to be learnt.
    let most = (1 << 29) / context(config);
    if !(2..=most.min(limits::EXAMPLES)).contains(&config.samples) {
        return Err(DataError::new(
            "data.samples",
            format!("{} examples cannot be made", config.samples),
            format!("use a number from 2 to {}", most.min(limits::EXAMPLES)),
        ));
    }
    Ok(())
}

/// Every character that questions and answers use.
fn alphabet(task: SequenceTask) -> &'static str {
    match task {
        SequenceTask::Addition | SequenceTask::ModularArithmetic => "0123456789+=",
        SequenceTask::Reversal | SequenceTask::Sorting | SequenceTask::Copying => {
            "abcdefghijklmnopqrstuvwxyz="
        }
        SequenceTask::Parity => "01=",
        SequenceTask::Brackets => "()[]{}=ny",
    }
}

/// Tokens in one example: the longest question with its answer, and the boundary before them.
fn context(config: &SequenceTaskConfig) -> usize {
    let length = config.length;
    let (question, answer) = match config.task {
        SequenceTask::Addition => (2 * length + 2, length + 1),
        SequenceTask::ModularArithmetic => (2 * length + 2, 2),
        SequenceTask::Reversal | SequenceTask::Sorting | SequenceTask::Copying => {
            (length + 1, length)
        }
        SequenceTask::Parity | SequenceTask::Brackets => (length + 1, 1),
    };
    1 + question + answer
}

/// A question of at most `length`, with its equals sign.
fn question(task: SequenceTask, length: usize, rng: &mut Generator) -> String {
    match task {
        SequenceTask::Addition | SequenceTask::ModularArithmetic => {
            let bound = 10u64.pow(length as u32);
            format!("{}+{}=", rng.below(bound), rng.below(bound))
        }
        SequenceTask::Reversal | SequenceTask::Sorting | SequenceTask::Copying => {
            word(b"abcdefghijklmnopqrstuvwxyz", length, rng)
        }
        SequenceTask::Parity => word(b"01", length, rng),
        SequenceTask::Brackets => brackets(length, rng),
    }
}

/// One to `length` letters, each length as likely as the others.
fn word(letters: &[u8], length: usize, rng: &mut Generator) -> String {
    let length = 1 + rng.below(length as u64) as usize;
    let mut word: String = (0..length)
        .map(|_| char::from(pick(letters, rng)))
        .collect();
    word.push('=');
    word
}

fn pick(letters: &[u8], rng: &mut Generator) -> u8 {
    let index = rng.below(letters.len() as u64) as usize;
    letters.get(index).copied().unwrap_or(b'a')
}

/// Brackets that close as they opened; or, half of the time, the same with one bracket replaced
/// or with two changed places, which is seldom right and never obviously wrong.
fn brackets(length: usize, rng: &mut Generator) -> String {
    let pairs = 1 + rng.below(length as u64 / 2) as usize;
    let mut text = balanced(pairs, rng);
    let places = text.len() as u64;
    match rng.below(4) {
        0 => {
            let at = rng.below(places) as usize;
            if let Some(bracket) = text.get_mut(at) {
                *bracket = pick(b"()[]{}", rng);
            }
        }
        1 => text.swap(rng.below(places) as usize, rng.below(places) as usize),
        _ => {}
    }
    text.push(b'=');
    text.into_iter().map(char::from).collect()
}

fn balanced(pairs: usize, rng: &mut Generator) -> Vec<u8> {
    let mut text = Vec::with_capacity(2 * pairs);
    let mut open = Vec::new();
    let mut left = pairs;
    while text.len() < 2 * pairs {
        let may_close = !open.is_empty();
        if left > 0 && (!may_close || rng.below(2) == 0) {
            let (opening, closing) = match rng.below(3) {
                0 => (b'(', b')'),
                1 => (b'[', b']'),
                _ => (b'{', b'}'),
            };
            text.push(opening);
            open.push(closing);
            left -= 1;
        } else if let Some(closing) = open.pop() {
            text.push(closing);
        }
    }
    text
}

/// The exact answer to a question that [`question`] made.
fn answer(task: SequenceTask, question: &str) -> String {
    let asked = question.trim_end_matches('=');
    match task {
        // Last digit first, for that is the order in which the carry is known.
        SequenceTask::Addition => sum(asked).to_string().chars().rev().collect(),
        SequenceTask::ModularArithmetic => (sum(asked) % MODULUS).to_string(),
        SequenceTask::Reversal => asked.chars().rev().collect(),
        SequenceTask::Sorting => {
            let mut letters: Vec<char> = asked.chars().collect();
            letters.sort_unstable();
            letters.into_iter().collect()
        }
        SequenceTask::Copying => asked.into(),
        SequenceTask::Parity => (asked.matches('1').count() % 2).to_string(),
        SequenceTask::Brackets => if is_balanced(asked) { "y" } else { "n" }.into(),
    }
}

fn sum(asked: &str) -> u64 {
    asked
        .split('+')
        .filter_map(|number| number.parse::<u64>().ok())
        .sum()
}

fn is_balanced(text: &str) -> bool {
    let mut open = Vec::new();
    for bracket in text.chars() {
        match bracket {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            closing if open.pop() != Some(closing) => return false,
            _ => {}
        }
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_exact() {
        use SequenceTask::*;
        let table = [
            (Addition, "12+34=", "64"),
            (Addition, "99+1=", "001"),
            (Addition, "0+0=", "0"),
            (Addition, "999999999999999999+1=", "0000000000000000001"),
            (ModularArithmetic, "90+10=", "3"),
            (ModularArithmetic, "48+49=", "0"),
            (Reversal, "abc=", "cba"),
            (Sorting, "banana=", "aaabnn"),
            (Copying, "xyz=", "xyz"),
            (Parity, "1101=", "1"),
            (Parity, "0=", "0"),
            (Brackets, "([]){}=", "y"),
            (Brackets, "([)]=", "n"),
            (Brackets, "((=", "n"),
            (Brackets, "))=", "n"),
        ];
        for (task, question, expected) in table {
            assert_eq!(answer(task, question), expected, "{task:?} {question}");
        }
    }

    #[test]
    fn every_task_fits_its_context_and_its_alphabet() {
        use SequenceTask::*;
        for task in [
            Addition,
            Reversal,
            Sorting,
            Copying,
            Parity,
            ModularArithmetic,
            Brackets,
        ] {
            for length in [2, 3, 12] {
                let config = SequenceTaskConfig {
                    task,
                    length,
                    ..SequenceTaskConfig::default()
                };
                let mut rng = Key::new(5).rng();
                for _ in 0..500 {
                    let question = question(task, length, &mut rng);
                    let text = format!("{question}{}", answer(task, &question));
                    assert!(text.len() < context(&config), "{task:?} {length}: {text}");
                    let known = alphabet(task);
                    assert!(text.chars().all(|c| known.contains(c)), "{task:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn brackets_are_balanced_about_half_the_time() {
        let mut rng = Key::new(5).rng();
        let balanced = (0..1000)
            .filter(|_| answer(SequenceTask::Brackets, &brackets(12, &mut rng)) == "y")
            .count();
        assert!((450..700).contains(&balanced), "{balanced}");
    }
}
