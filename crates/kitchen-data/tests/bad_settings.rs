//! Settings that no data set can have, and what is said of each: the key, what is wrong, and what
//! to do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{check, check_all, csv, text};
use expect_test::expect;
use kitchen_types::config::*;

fn playground(samples: usize, noise: f64, validation: f64) -> DataConfig {
    DataConfig::Playground(PlaygroundConfig {
        samples,
        noise,
        validation,
        ..PlaygroundConfig::default()
    })
}

fn task(task: SequenceTask, length: usize, samples: usize) -> DataConfig {
    DataConfig::Sequence(SequenceTaskConfig {
        task,
        length,
        samples,
        ..SequenceTaskConfig::default()
    })
}

fn hub(name: &str) -> DataConfig {
    DataConfig::Hub(HubConfig {
        name: name.into(),
        ..HubConfig::default()
    })
}

fn text_file(context: usize, tokenizer: TokenizerConfig) -> DataConfig {
    DataConfig::Text(TextConfig {
        path: "t.txt".into(),
        context,
        tokenizer,
        ..TextConfig::default()
    })
}

fn mixture(domains: Vec<(f64, DataConfig)>) -> DataConfig {
    let domains = domains
        .into_iter()
        .zip('a'..)
        .map(|((weight, data), name)| Domain {
            name: name.into(),
            weight,
            from: 0,
            data,
        });
    DataConfig::Mixture(MixtureConfig {
        domains: domains.collect(),
    })
}

fn domains<const N: usize>(parts: [(&str, u64, DataConfig); N]) -> DataConfig {
    let domains = parts.map(|(name, from, data)| Domain {
        name: name.into(),
        weight: 1.0,
        from,
        data,
    });
    DataConfig::Mixture(MixtureConfig {
        domains: domains.into(),
    })
}

fn lines(path: &str) -> DataConfig {
    DataConfig::Jsonl(JsonLinesConfig {
        path: path.into(),
        context: 4,
        ..JsonLinesConfig::default()
    })
}

/// Lines of these letters.
fn jsonl(letters: &str) -> String {
    let line = format!("{{\"text\": \"{}\"}}\n", letters.repeat(4));
    line.repeat(20)
}

#[test]
fn settings() {
    let refused = |name: &str, config| {
        let files = vec![
            ("t.csv", csv(10).into_bytes()),
            ("t.txt", text(100).into_bytes()),
            ("u.jsonl", jsonl("abcd").into_bytes()),
            ("v.jsonl", jsonl("xyz").into_bytes()),
            ("w.jsonl", jsonl("abc").into_bytes()),
        ];
        check(name, files, config)
    };
    let moons = || playground(100, 0.1, 0.2);
    check_all(
        [
            refused("all held out", playground(100, 0.1, 1.0)),
            refused("less than none held out", playground(100, 0.1, -0.1)),
            refused("no number held out", playground(100, 0.1, f64::NAN)),
            refused("too much held out", playground(2, 0.1, 0.9)),
            refused("no points", playground(0, 0.1, 0.2)),
            refused("too many points", playground(usize::MAX, 0.1, 0.2)),
            refused("negative noise", playground(100, -1.0, 0.2)),
            refused("no length", task(SequenceTask::Sorting, 0, 10)),
            refused("numbers too long", task(SequenceTask::Addition, 19, 10)),
            refused(
                "half a pair of brackets",
                task(SequenceTask::Brackets, 1, 10),
            ),
            refused(
                "too many questions",
                task(SequenceTask::Copying, 200, 10_000_000),
            ),
            refused("no context", text_file(0, TokenizerConfig::Bytes)),
            refused(
                "endless context",
                text_file(usize::MAX, TokenizerConfig::Bytes),
            ),
            refused("endless vocabulary", {
                text_file(
                    8,
                    TokenizerConfig::Bpe {
                        vocabulary: 1 << 40,
                    },
                )
            }),
            refused("an unknown data set", hub("imagenet")),
            refused("a data set that was not downloaded", hub("fashion-mnist")),
            refused("one that no package ships", hub("mnist")),
            refused("a mixture of nothing", mixture(vec![])),
            refused("a weight of nothing", mixture(vec![(0.0, moons())])),
            refused(
                "an endless weight",
                mixture(vec![(1.0, moons()), (f64::INFINITY, moons())]),
            ),
            refused(
                "a mixture of mixtures",
                mixture(vec![(1.0, mixture(vec![(1.0, moons())]))]),
            ),
            refused("points and questions", {
                mixture(vec![
                    (1.0, moons()),
                    (1.0, task(SequenceTask::Copying, 2, 10)),
                ])
            }),
            refused("lines of more letters", {
                mixture(vec![(1.0, lines("w.jsonl")), (1.0, lines("u.jsonl"))])
            }),
            refused("lines of as many other letters", {
                mixture(vec![(1.0, lines("w.jsonl")), (1.0, lines("v.jsonl"))])
            }),
            refused("texts in different tokens", {
                let bytes = text_file(8, TokenizerConfig::Bytes);
                mixture(vec![
                    (1.0, bytes),
                    (1.0, text_file(8, TokenizerConfig::Characters)),
                ])
            }),
            refused("two of one name", {
                domains([("a", 0, moons()), ("a", 0, moons())])
            }),
            refused("nothing to begin with", {
                domains([("a", 1, moons()), ("b", 9, moons())])
            }),
        ],
        expect![[r#"
            all held out
                data.validation: 1 is not a share of the examples; use a number from 0 up to, but not including, 1, such as 0.2
            less than none held out
                data.validation: -0.1 is not a share of the examples; use a number from 0 up to, but not including, 1, such as 0.2
            no number held out
                data.validation: NaN is not a share of the examples; use a number from 0 up to, but not including, 1, such as 0.2
            too much held out
                data.validation: holding out 0.9 of 2 examples leaves none to train on; use a larger data set, or a smaller share
            no points
                data.samples: 0 points cannot be drawn; use a number from 2 to 10000000
            too many points
                data.samples: 18446744073709551615 points cannot be drawn; use a number from 2 to 10000000
            negative noise
                data.noise: -1 is not an amount of noise; use a number from 0 to 10; 0.05 is a little, 0.5 hides the shape
            no length
                data.length: 0 is not a length of this task; use a number from 1 to 256
            numbers too long
                data.length: 19 is not a length of this task; use a number from 1 to 18
            half a pair of brackets
                data.length: 1 is not a length of this task; use a number from 2 to 256
            too many questions
                data.samples: 10000000 examples cannot be made; use a number from 2 to 1335499
            no context
                data.context: an example cannot have 0 tokens; use a number from 1 to 1048576
            endless context
                data.context: an example cannot have 18446744073709551615 tokens; use a number from 1 to 1048576
            endless vocabulary
                data.tokenizer.bpe.vocabulary: 1099511627776 tokens cannot be learnt; use a number from 256 to 131072
            an unknown data set
                data.name: there is no data set `imagenet`; use one of: fashion-mnist, mnist, tiny-shakespeare
            a data set that was not downloaded
                cache/fashion-mnist: fashion-mnist is not there; run `kitchen-native data get fashion-mnist`; without a network: on Debian `apt-get install dataset-fashion-mnist`, then data.path=/usr/share/datasets/fashion-mnist
            one that no package ships
                cache/mnist: mnist is not there; run `kitchen-native data get mnist`; set data.path to a folder that holds its files
            a mixture of nothing
                data.domains: a mixture cannot have 0 domains; name two or more
            a weight of nothing
                data.domains: `a` has the weight 0; use a number above 0
            an endless weight
                data.domains: `b` has the weight inf; use a number above 0
            a mixture of mixtures
                data.domains: `a` is a mixture itself; name its sources here instead
            points and questions
                data.domains: `b` has other inputs or targets than the domains before it; mix sources of the same shape; for texts set the same context and tokenizer
            lines of more letters
                data.domains: `b` has other inputs or targets than the domains before it; mix sources of the same shape; for texts set the same context and tokenizer
            lines of as many other letters
                data.domains: `b` has other tokens than the domains before it; use the `bytes` tokenizer, or the same tokenizer file, in every domain
            texts in different tokens
                data.domains: the texts of a mixture have different tokenizers; give all of them the same `tokenizer`
            two of one name
                data.domains: `a` is no name of its own; give every domain another `name`
            nothing to begin with
                data.domains: no domain comes from the beginning; leave `from` out of one
        "#]],
    );
}
