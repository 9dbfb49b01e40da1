//! Writing: what is remembered changes nothing, and each way to choose does what it says.

use kitchen_types::ports::{Completion, Prompt, Sampling};

use super::*;

fn sampling(max_tokens: usize, temperature: f64) -> Sampling {
    Sampling {
        max_tokens,
        temperature,
        top_k: 0,
        top_p: 1.0,
        stop: None,
        seed: 1,
    }
}

fn prompt(tokens: &[u32]) -> Prompt {
    Prompt {
        tokens: tokens.to_vec(),
    }
}

/// Sequence models, trained a little, so that their outputs differ from token to token.
fn writers() -> Vec<(&'static str, BurnClient)> {
    let writers = families().into_iter().filter(|(.., spec)| *spec == text());
    writers
        .map(|(name, model, spec)| {
            let mut client = open(&model, &spec, 1);
            for number in 1..=10 {
                let mut noisy = batch(&spec, 4, number);
                if let Targets::Tokens { values, .. } = &mut noisy.targets {
                    values.rotate_left(1);
                }
                step(&mut client, &noisy, &CROSS_ENTROPY, number, 0.02);
            }
            (name, client)
        })
        .collect()
}

fn write(client: &mut BurnClient, prompts: &[&[u32]], sampling: &Sampling) -> Vec<Completion> {
    let prompts: Vec<Prompt> = prompts.iter().map(|tokens| prompt(tokens)).collect();
    block_on(client.sample(&prompts, sampling)).unwrap()
}

/// The log-probability of the last of `tokens` given the others, read all at once.
fn logprob_of_last(client: &mut BurnClient, tokens: &[u32]) -> f32 {
    let context = tokens.len() - 1;
    let batch = Batch {
        ids: vec![SampleId(0)],
        inputs: Inputs::Tokens {
            context,
            values: tokens[..context].to_vec(),
        },
        targets: Targets::Tokens {
            values: tokens[1..].to_vec(),
            mask: Vec::new(),
        },
    };
    block_on(client.logprobs(&batch)).unwrap()[0].values[context - 1]
}

#[test]
fn token_by_token_is_as_likely_as_all_at_once() {
    for (name, mut client) in writers() {
        let start = [3, 1];
        let written = write(&mut client, &[&start], &sampling(CONTEXT - 2, 1.0)).remove(0);
        let mut tokens = start.to_vec();
        for (token, logprob) in written.tokens.iter().zip(&written.logprobs) {
            tokens.push(*token);
            let expected = logprob_of_last(&mut client, &tokens);
            assert!(
                (logprob - expected).abs() < 1e-4,
                "{name}: {logprob} is not {expected}"
            );
        }
        assert_eq!(written.tokens.len(), CONTEXT - 2, "{name}");
    }
}

#[test]
fn prompts_of_different_lengths_do_not_disturb_each_other() {
    for (name, mut client) in writers() {
        let prompts: [&[u32]; 3] = [&[1, 2, 3, 4], &[5], &[6, 0]];
        let together = write(&mut client, &prompts, &sampling(4, 0.0));
        for (place, tokens) in prompts.into_iter().enumerate() {
            let alone = write(&mut client, &[tokens], &sampling(4, 0.0)).remove(0);
            assert_eq!(
                together[place].tokens, alone.tokens,
                "{name}: prompt {place}"
            );
            for (left, right) in together[place].logprobs.iter().zip(&alone.logprobs) {
                assert!((left - right).abs() < 1e-4, "{name}: {left} and {right}");
            }
        }
    }
}

/// A full context of 8 is read again from its newest 6 tokens.
#[test]
fn a_full_context_slides() {
    for (name, mut client) in writers() {
        let written = write(&mut client, &[&[3, 1]], &sampling(20, 1.0)).remove(0);
        assert_eq!(written.tokens.len(), 20);
        if matches!(name, "gpt" | "llama") {
            let tokens: Vec<u32> = [3, 1].into_iter().chain(written.tokens).collect();
            // Token 9 is the first that the slid window foretells, from tokens 3 to 8.
            for (token, logprob) in (8..11).zip(&written.logprobs[6..]) {
                let from = if token == 8 { 0 } else { 3 };
                let expected = logprob_of_last(&mut client, &tokens[from..=token]);
                assert!((logprob - expected).abs() < 1e-4, "{name}, token {token}");
            }
        }
    }
}

#[test]
fn a_prompt_longer_than_the_context_is_read_from_its_end() {
    for (name, mut client) in writers() {
        if !matches!(name, "gpt" | "llama") {
            continue;
        }
        let long = [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3];
        let from_long = write(&mut client, &[&long], &sampling(1, 0.0));
        let from_end = write(&mut client, &[&long[3..]], &sampling(1, 0.0));
        assert_eq!(from_long, from_end, "{name}");
    }
}

#[test]
fn the_seed_decides_and_temperature_zero_needs_none() {
    for (name, mut client) in writers() {
        let mut texts = |temperature, seed| {
            let sampling = Sampling {
                seed,
                ..sampling(12, temperature)
            };
            write(&mut client, &[&[1], &[1]], &sampling)
        };
        assert_eq!(texts(1.0, 1), texts(1.0, 1), "{name}");
        assert_ne!(texts(1.0, 1), texts(1.0, 2), "{name}");
        assert_eq!(texts(0.0, 1), texts(0.0, 2), "{name}");
        let [left, right] = texts(1.5, 3).try_into().unwrap();
        assert_ne!(left, right, "{name}: the same prompt twice");
        let [left, right] = texts(0.0, 3).try_into().unwrap();
        assert_eq!(left, right, "{name}");
    }
}

#[test]
fn top_k_of_one_and_a_tiny_top_p_take_the_likeliest() {
    for (name, mut client) in writers() {
        let greedy = write(&mut client, &[&[1]], &sampling(6, 0.0));
        let only_one = Sampling {
            top_k: 1,
            ..sampling(6, 2.0)
        };
        let tiny = Sampling {
            top_p: 1e-9,
            ..sampling(6, 2.0)
        };
        assert_eq!(write(&mut client, &[&[1]], &only_one), greedy, "{name}");
        assert_eq!(write(&mut client, &[&[1]], &tiny), greedy, "{name}");
    }
}

#[test]
fn it_stops_after_the_token_it_was_told() {
    for (name, mut client) in writers() {
        let free = write(&mut client, &[&[1], &[2]], &sampling(10, 1.0));
        let stop = free[0].tokens[2];
        let first = free[0]
            .tokens
            .iter()
            .position(|&token| token == stop)
            .unwrap();
        let told = Sampling {
            stop: Some(stop),
            ..sampling(10, 1.0)
        };
        let stopped = write(&mut client, &[&[1], &[2]], &told);
        assert_eq!(stopped[0].tokens, free[0].tokens[..=first], "{name}");
        assert_eq!(stopped[0].logprobs.len(), first + 1, "{name}");
        let other = stopped[1].tokens.len();
        assert_eq!(stopped[1].tokens, free[1].tokens[..other], "{name}");
    }
}

/// With temperature 1 tokens come as often as the model says: a chi-squared test.
#[test]
fn frequencies_follow_probabilities() {
    let (_, mut client) = writers().remove(0);
    let probabilities: Vec<f64> = (0..VOCABULARY as u32)
        .map(|token| f64::from(logprob_of_last(&mut client, &[1, token])).exp())
        .collect();
    let draws = 2_000;
    let prompts = vec![prompt(&[1]); draws];
    let written = block_on(client.sample(&prompts, &sampling(1, 1.0))).unwrap();
    let mut counts = [0.0; VOCABULARY];
    written
        .iter()
        .for_each(|text| counts[text.tokens[0] as usize] += 1.0);
    let statistic: f64 = (counts.iter().zip(&probabilities))
        .map(|(count, probability)| {
            let expected = probability * draws as f64;
            (count - expected).powi(2) / expected
        })
        .sum();
    // The 99.9th percentile with 6 degrees of freedom.
    assert!(
        statistic < 22.46,
        "{statistic}: {counts:?} against {probabilities:?}"
    );
}

#[test]
fn impossible_requests_are_refused() {
    let (_, mut client) = writers().remove(0);
    let cases: [(&[u32], Sampling, &str); 5] = [
        (&[], sampling(1, 1.0), "at least one token"),
        (
            &[7],
            sampling(1, 1.0),
            "token 7, which is outside the vocabulary of 7",
        ),
        (&[1], sampling(1, -1.0), "temperature"),
        (&[1], sampling(1, f64::NAN), "temperature"),
        (
            &[1],
            Sampling {
                top_p: 0.0,
                ..sampling(1, 1.0)
            },
            "top_p",
        ),
    ];
    for (tokens, sampling, expected) in cases {
        let error = block_on(client.sample(&[prompt(tokens)], &sampling)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(
        block_on(client.sample(&[], &sampling(3, 1.0)))
            .unwrap()
            .is_empty()
    );

    let (_, model, spec) = families().remove(0);
    let mut classifier = open(&model, &spec, 1);
    let error = block_on(classifier.sample(&[prompt(&[1])], &sampling(1, 1.0))).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
}
