//! The wire format, spelt out: it changes only on purpose.
//!
//! `UPDATE_EXPECT=1 cargo test -p kitchen-types` writes the files anew. A recorded run of an older
//! version must still be read, or the change is said in CHANGELOG.

use expect_test::expect_file;
use kitchen_types::config::{Algorithm, ModelConfig, RnnConfig, Span};
use kitchen_types::event::{
    DeviceTiming, DomainScore, DomainShare, Evaluation, Mix, RunStatus, Step,
};
use kitchen_types::ports::{ClientInfo, DataSpec, InputSpec, Interruption, LayerInfo, TargetSpec};
use kitchen_types::supervision::{
    Anomaly, AnomalyKind, Ask, Diagnosis, Knobs, Measure, Repair, Strategy, Suspect,
};
use kitchen_types::{Command, Envelope, Event, Number, RunConfig, RunId, SampleId};
use serde_json::{Value, json};

/// One event of each kind, in the order of their declaration.
pub(crate) fn one_of_each() -> Vec<Event> {
    let stage = || "supervised/train/optim_step".into();
    vec![
        Event::RunStarted {
            config: Box::default(),
            workflow: "supervised".into(),
            step: 0,
        },
        Event::RunFinished {
            status: RunStatus::Failed,
            step: 7,
            duration_ms: 1500,
            reason: Some("the disk is full".into()),
        },
        Event::StageStarted { stage: stage() },
        Event::StageFinished {
            stage: stage(),
            duration_us: 250,
        },
        Event::StageFailed {
            stage: stage(),
            error: "out of memory".into(),
        },
        Event::StageRetried {
            stage: stage(),
            attempt: 2,
            delay_ms: 100,
        },
        Event::StageSkipped {
            stage: stage(),
            reason: "not needed".into(),
        },
        Event::StageRolledBack { stage: stage() },
        Event::DatasetLoaded {
            source: "built in".into(),
            train: 80,
            validation: 20,
            spec: DataSpec {
                input: InputSpec::Features {
                    shape: vec![1, 8, 8],
                },
                target: TargetSpec::Classes {
                    names: vec!["no".into(), "yes".into()],
                },
            },
            fingerprint: "af13".into(),
        },
        Event::Planned {
            steps: 100,
            steps_per_epoch: 10,
        },
        Event::DeviceChosen {
            chosen: "cpu".into(),
            reason: "it was the fastest".into(),
            timings: vec![DeviceTiming {
                device: "gpu".into(),
                step_ms: Some(Number(12.5)),
                note: None,
            }],
        },
        Event::SessionOpened {
            client: ClientInfo {
                device: "cpu".into(),
                adapter: "2 threads".into(),
                parameters: 10,
                layers: vec![LayerInfo {
                    name: "hidden.0.weight".into(),
                    shape: vec![5, 2],
                }],
                limits: vec!["it cannot sample".into()],
            },
        },
        Event::Stepped(step(5, f64::NAN)),
        Event::Evaluated(Evaluation {
            domains: vec![DomainScore {
                name: "prose".into(),
                loss: Number(0.5),
                accuracy: Some(Number(0.75)),
                exact: None,
                samples: 20,
            }],
            ..evaluation(5, 0.25)
        }),
        Event::Mixed(mix(5, [0.25, 0.75])),
        Event::EpochFinished {
            epoch: 1,
            step: 10,
            train_loss: Number(f64::INFINITY),
            train_accuracy: Some(Number(0.75)),
        },
        Event::Sampled {
            step: 5,
            prompt: "the ".into(),
            text: "cat\n".into(),
        },
        Event::CheckpointSaved {
            step: 5,
            name: "step-000000005".into(),
            bytes: 4096,
            best: true,
            blocked_ms: 3,
        },
        Event::CheckpointRemoved {
            name: "step-000000001".into(),
        },
        Event::CheckpointRejected {
            name: "step-000000002".into(),
            reason: "its hash is wrong".into(),
        },
        Event::Restored {
            step: 5,
            name: "step-000000005".into(),
            lr: Some(Number(0.005)),
            batch: Some(64),
        },
        Event::Exported {
            name: "export/model.safetensors".into(),
            bytes: 4096,
        },
        Event::StoppedEarly {
            step: 10,
            best_step: 5,
            best_loss: Number(0.25),
        },
        Event::Paused { step: 5 },
        Event::Resumed { step: 5 },
        Event::CommandApplied {
            command: Command::SetLearningRate(Number(1e-4)),
            step: 5,
        },
        Event::CommandRefused {
            command: Command::RollBack { step: 3 },
            reason: "there is no such checkpoint".into(),
        },
        Event::AnomalyFound(anomaly(1)),
        Event::Diagnosed(Diagnosis {
            incident: 1,
            step: 5,
            weights_of: 3,
            samples: 64,
            median_grad_norm: Some(Number(0.5)),
            max_grad_norm: Some(Number(f64::INFINITY)),
            suspects: vec![Suspect {
                id: SampleId(17),
                loss: Number(9.5),
                grad_norm: Number(f64::INFINITY),
                ratio: Number(f64::INFINITY),
                z: Number(f64::INFINITY),
            }],
            method: "one by one".into(),
        }),
        Event::Repaired(repair(1)),
        Event::PersonAsked(Ask {
            incident: 1,
            step: 5,
            reason: "too many examples stand out".into(),
            actions: vec![Command::SetLearningRate(Number(0.001)), Command::Resume],
        }),
        Event::PersonAnswered {
            incident: 1,
            step: 3,
        },
        Event::Forked {
            from: RunId::new("digits-0").unwrap(),
            step: 5,
        },
        Event::Interrupted {
            step: 55,
            interruption: Interruption {
                cause: "gpu hbm3 memory (GPU 5 of node 1)".into(),
                at_s: Number(6.0),
                down_s: Number(420.0),
            },
        },
        Event::Warning {
            message: "the battery is low".into(),
        },
    ]
}

/// The `incident`th anomaly.
pub(crate) fn anomaly(incident: u64) -> Anomaly {
    Anomaly {
        incident,
        step: 5,
        kind: AnomalyKind::LossSpike,
        of: Measure::Loss,
        value: Number(312.5),
        threshold: Some(Number(1.25)),
    }
}

/// What was done about it.
pub(crate) fn repair(incident: u64) -> Repair {
    let before = Knobs {
        lr: Number(0.05),
        clip_norm: Number(0.0),
        left_out: 0,
    };
    Repair {
        incident,
        step: 5,
        strategy: Strategy::Surgical,
        back_to: 3,
        left_out: vec![SampleId(17)],
        before,
        after: Knobs {
            left_out: 1,
            ..before
        },
    }
}

/// A step in which everything was measured, with a loss of `loss`.
pub(crate) fn step(step: u64, loss: f64) -> Step {
    Step {
        step,
        epoch: 1,
        loss: Number(loss),
        accuracy: Some(Number(0.5)),
        lr: Number(0.001),
        grad_norm: Some(Number(f64::NEG_INFINITY)),
        update_ratio: None,
        samples: 32,
        tokens: 0,
        duration_us: 1000,
    }
}

/// An evaluation of two classes, the best so far, with a loss of `loss`.
pub(crate) fn evaluation(step: u64, loss: f64) -> Evaluation {
    Evaluation {
        step,
        loss: Number(loss),
        accuracy: Some(Number(0.95)),
        exact: None,
        perplexity: None,
        bits_per_byte: None,
        confusion: vec![vec![9, 1], vec![0, 10]],
        best: true,
        samples: 20,
        duration_ms: 12,
        domains: Vec::new(),
    }
}

/// Shares of two domains.
pub(crate) fn mix(step: u64, shares: [f64; 2]) -> Mix {
    let names = ["prose", "code"];
    let domains = names.iter().zip(shares).map(|(name, share)| DomainShare {
        name: (*name).into(),
        share: Number(share),
        average: None,
    });
    Mix {
        step,
        domains: domains.collect(),
    }
}

/// `event` as the `seq`th of a run.
pub(crate) fn envelope(seq: u64, event: Event) -> Envelope {
    Envelope {
        run: RunId::new("digits-1").unwrap(),
        seq,
        at_ms: 1_700_000_000_000 + seq,
        event,
    }
}

fn lines(values: impl IntoIterator<Item = Value>) -> String {
    let lines: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    lines.join("\n") + "\n"
}

#[test]
fn every_event_is_spelt_as_recorded() {
    let envelopes = one_of_each().into_iter().zip(0..);
    let text = lines(envelopes.map(|(event, seq)| {
        let mut value = json!(envelope(seq, event));
        // The configuration has a file of its own.
        if let Some(config) = value.pointer_mut("/event/run_started/config") {
            *config = json!("…");
        }
        value
    }));
    expect_file!["golden/events.jsonl"].assert_eq(&text);
}

#[test]
fn no_kind_of_event_is_forgotten() {
    let schema = schemars::schema_for!(Event).to_value();
    let declared: Vec<String> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|kind| kind["required"].as_array().unwrap())
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let shown: Vec<String> = one_of_each()
        .into_iter()
        .map(|event| {
            json!(event)
                .as_object()
                .unwrap()
                .keys()
                .next()
                .unwrap()
                .clone()
        })
        .collect();
    assert_eq!(shown, declared);
}

#[test]
fn every_command_is_spelt_as_recorded() {
    let commands = [
        Command::Pause,
        Command::Resume,
        Command::Step,
        Command::Stop,
        Command::Save,
        Command::SetLearningRate(Number(0.01)),
        Command::SetClipNorm(Number(1.0)),
        Command::SetBatchSize(64),
        Command::SetSpeed(Number(0.5)),
        Command::Seek(Number(90.0)),
        Command::SkipBatch,
        Command::BlacklistSamples(vec![SampleId(3), SampleId::new(1, 2)]),
        Command::RollBack { step: 400 },
    ];
    expect_file!["golden/commands.jsonl"].assert_eq(&lines(commands.map(|c| json!(c))));
}

#[test]
fn the_default_configuration_is_spelt_as_recorded() {
    let text = serde_json::to_string_pretty(&RunConfig::default()).unwrap() + "\n";
    expect_file!["golden/run_config.json"].assert_eq(&text);
}

#[test]
fn a_configuration_in_toml_is_the_same() {
    let config = RunConfig {
        steps: Span::Epochs(3),
        model: ModelConfig::Rnn(RnnConfig::default()),
        ..RunConfig::default()
    };
    let text = toml::to_string(&config).unwrap();
    assert_eq!(
        toml::from_str::<RunConfig>(&text).unwrap(),
        config,
        "{text}"
    );
}

#[test]
fn a_file_says_only_what_it_changes() {
    let config: RunConfig =
        toml::from_str("lr = 0.1\nsteps = '2 epochs'\n[optimizer.algorithm.sgd]\nmomentum = 0.9")
            .unwrap();
    assert_eq!(config.lr, 0.1);
    assert_eq!(config.steps, Span::Epochs(2));
    assert!(
        matches!(&config.optimizer.algorithm, Algorithm::Sgd(sgd) if sgd.momentum == 0.9 && !sgd.nesterov)
    );
    let unchanged = RunConfig {
        lr: config.lr,
        steps: config.steps,
        optimizer: config.optimizer.clone(),
        ..RunConfig::default()
    };
    assert_eq!(config, unchanged);
}
