//! Envelopes of runs that never were, for tests of what is drawn and printed.

#![allow(clippy::unwrap_used)]

use kitchen_types::config::{DataConfig, GptConfig, ModelConfig, TextConfig};
use kitchen_types::event::{DomainScore, DomainShare, Evaluation, Mix, RunStatus, Step};
use kitchen_types::ports::{ClientInfo, DataSpec, InputSpec, LayerInfo, TargetSpec};
use kitchen_types::{Envelope, Event, Number, RunConfig, RunId};

/// Envelopes with numbers and times of their own.
pub(crate) struct Script {
    run: RunId,
    at_ms: u64,
    pub(crate) envelopes: Vec<Envelope>,
}

impl Script {
    /// A run that begins on 14 November 2023.
    pub(crate) fn new(run: &str) -> Self {
        Self {
            run: RunId::new(run).unwrap(),
            at_ms: 1_700_000_000_000,
            envelopes: Vec::new(),
        }
    }

    /// Says something `after_ms` milliseconds after what was said before.
    pub(crate) fn say(&mut self, after_ms: u64, event: Event) -> &mut Self {
        self.at_ms += after_ms;
        self.envelopes.push(Envelope {
            run: self.run.clone(),
            seq: self.envelopes.len() as u64,
            at_ms: self.at_ms,
            event,
        });
        self
    }
}

/// A step whose loss falls as `2.3 / (1 + step / 20)`, with a wave on it.
pub(crate) fn step(step: u64) -> Event {
    let t = step as f64;
    let loss = 2.3 / (1.0 + t / 20.0) * (1.0 + 0.15 * (t * 1.7).sin());
    Event::Stepped(Step {
        step,
        epoch: step.div_ceil(45),
        loss: Number(loss),
        accuracy: Some(Number((1.0 - loss / 2.6).clamp(0.1, 1.0))),
        lr: Number(0.003),
        grad_norm: Some(Number(1.5 / (1.0 + t / 50.0))),
        update_ratio: Some(Number(0.001)),
        samples: 32,
        tokens: 0,
        duration_us: 4000,
    })
}

/// A measure of the held-out digits.
pub(crate) fn evaluation(step: u64) -> Event {
    let loss = 2.2 / (1.0 + step as f64 / 20.0);
    let confusion = (0..10).map(|class| {
        let mut row = vec![0; 10];
        row[class] = 30 + class as u64;
        row[(class + 3) % 10] += (class as u64) % 3;
        row
    });
    Event::Evaluated(Evaluation {
        step,
        loss: Number(loss),
        accuracy: Some(Number(1.0 - loss / 2.5)),
        exact: None,
        perplexity: None,
        bits_per_byte: None,
        confusion: confusion.collect(),
        best: true,
        samples: 359,
        duration_ms: 12,
        domains: Vec::new(),
    })
}

/// The digits, from the first step up to `steps`, of 450.
pub(crate) fn digits(steps: u64) -> Script {
    let mut script = Script::new("digits-20231114-221320");
    script
        .say(
            0,
            Event::RunStarted {
                config: Box::default(),
                workflow: "supervised".into(),
                step: 0,
            },
        )
        .say(
            20,
            Event::DatasetLoaded {
                source: "1,797 handwritten digits (UCI)".into(),
                train: 1438,
                validation: 359,
                spec: DataSpec {
                    input: InputSpec::Features {
                        shape: vec![1, 8, 8],
                    },
                    target: TargetSpec::Classes {
                        names: (0..10).map(|d| d.to_string()).collect(),
                    },
                },
                fingerprint: "0123abcd".into(),
            },
        )
        .say(
            1,
            Event::Planned {
                steps: 450,
                steps_per_epoch: 45,
            },
        )
        .say(
            50,
            Event::DeviceChosen {
                chosen: "cpu".into(),
                reason: "the only device here".into(),
                timings: Vec::new(),
            },
        )
        .say(
            5,
            Event::SessionOpened {
                client: ClientInfo {
                    device: "cpu".into(),
                    adapter: "flex, 2 threads".into(),
                    parameters: 17_226,
                    layers: vec![LayerInfo {
                        name: "hidden.0.weight".into(),
                        shape: vec![128, 64],
                    }],
                    limits: Vec::new(),
                },
            },
        );
    for number in 1..=steps {
        script.say(4, step(number));
        if number % 45 == 0 {
            script.say(12, evaluation(number));
        }
        if number == 225 {
            script.say(
                3,
                Event::CheckpointSaved {
                    step: number,
                    name: "step-000000225-1f3a9c2e".into(),
                    bytes: 210_334,
                    best: true,
                    blocked_ms: 1,
                },
            );
        }
    }
    script
}

/// The same, to its end.
pub(crate) fn finished_digits() -> Script {
    let mut script = digits(450);
    script
        .say(
            5,
            Event::Exported {
                name: "export/model.safetensors".into(),
                bytes: 69_904,
            },
        )
        .say(
            1,
            Event::RunFinished {
                status: RunStatus::Completed,
                step: 450,
                duration_ms: 2100,
                reason: None,
            },
        );
    script
}

/// A model of a text that has written twice, and warned once.
pub(crate) fn text() -> Script {
    let config = RunConfig {
        recipe: "text".into(),
        data: DataConfig::Text(TextConfig {
            path: "plays.txt".into(),
            ..TextConfig::default()
        }),
        model: ModelConfig::Gpt(GptConfig::default()),
        ..RunConfig::default()
    };
    let mut script = Script::new("text-20231114-221320");
    script
        .say(
            0,
            Event::RunStarted {
                config: Box::new(config),
                workflow: "supervised".into(),
                step: 0,
            },
        )
        .say(
            9,
            Event::Warning {
                message: "the text has 3 characters that occur once".into(),
            },
        )
        .say(
            1,
            Event::Planned {
                steps: 2000,
                steps_per_epoch: 1450,
            },
        );
    for number in 1..=500 {
        script.say(30, step(number));
        if number % 250 == 0 {
            script.say(
                80,
                Event::Sampled {
                    step: number,
                    prompt: "\n".into(),
                    text: format!(
                        "ROMEO:\nWhat light through {number} yonder\u{1b}[2J window breaks?"
                    ),
                },
            );
        }
    }
    script
}

/// A mixture: sums, and words from step 100 on, for which the sums are forgotten.
pub(crate) fn mixture() -> Script {
    let mix = |step: u64, sums: f64| {
        let domains = [("sums", sums), ("words", 1.0 - sums)];
        let domains = domains.map(|(name, share)| DomainShare {
            name: name.into(),
            share: Number(share),
            average: None,
        });
        Event::Mixed(Mix {
            step,
            domains: domains.into(),
        })
    };
    let measured = |step: u64| {
        let t = step as f64;
        let sums = if step <= 100 {
            2.0 / t
        } else {
            0.02 + 0.1 * (t - 100.0)
        };
        let domains = [("sums", sums), ("words", 900.0 / t / t)];
        let domains = domains.map(|(name, loss)| DomainScore {
            name: name.into(),
            loss: Number(loss),
            accuracy: Some(Number((-loss).exp())),
            exact: None,
            samples: 20,
        });
        let mut event = evaluation(step);
        if let Event::Evaluated(whole) = &mut event {
            whole.confusion.clear();
            whole.domains = domains.into();
        }
        event
    };
    let mut script = Script::new("forgetting-20231114-221320");
    script
        .say(
            0,
            Event::RunStarted {
                config: Box::default(),
                workflow: "supervised".into(),
                step: 0,
            },
        )
        .say(
            1,
            Event::Planned {
                steps: 400,
                steps_per_epoch: 100,
            },
        )
        .say(0, mix(0, 1.0));
    for number in 1..=200 {
        script.say(30, step(number));
        if number == 100 {
            script.say(0, mix(number, 0.01));
        }
        if number % 20 == 0 {
            script.say(5, measured(number));
        }
        if number > 100 && number % 20 == 0 {
            script.say(0, mix(number, 0.002 * number as f64 - 0.19));
        }
    }
    script
}
