//! A step of the past, done again and explained.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::rc::Rc;

use common::{begin, begin_with, config, events, finish, host};
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::store::Memory;
use kitchen_core::{ExplainRequest, Explained, Host, Run, SessionError, explain};
use kitchen_types::config::DataConfig;
use kitchen_types::diagnosis::{OutlierReason, OutlierRule};
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, DatasetStore, DomainRange, Inputs, Splits,
};
use kitchen_types::{Command, Envelope, Event, Number, RunConfig, RunId, SampleId};

fn on_disk() -> Rc<dyn DatasetStore> {
    Rc::new(kitchen_data::Store::on_disk(""))
}

fn explained(
    config: &RunConfig,
    seen: &[Envelope],
    step: Option<u64>,
    host: &Host,
) -> Result<Explained, SessionError> {
    let request = ExplainRequest {
        run: &RunId::new("test").unwrap(),
        config,
        events: seen,
        step,
        device: None,
        rule: &OutlierRule::default(),
    };
    block_on(explain(request, host))
}

/// What a run is told: after which step, and what.
type Told = (u64, Command);

/// Lets a run end, and tells it each command after the step with that number was reported.
fn told(mut run: Run, commands: &[Told]) -> Vec<Envelope> {
    let mut seen = Vec::new();
    let mut commands = commands.iter().peekable();
    block_on(async {
        while let Some(envelope) = run.events.next().await {
            if let Event::Stepped(step) = &envelope.event {
                while let Some((_, command)) = commands.next_if(|(after, _)| *after == step.step) {
                    assert!(run.commands.send(command.clone()));
                }
            }
            seen.push(envelope);
        }
    });
    assert_eq!(commands.next(), None, "told too late");
    seen
}

fn loss_of(seen: &[Envelope], wanted: u64) -> Number {
    let losses = events(seen).filter_map(|event| match event {
        Event::Stepped(step) if step.step == wanted => Some(step.loss),
        _ => None,
    });
    losses.last().unwrap()
}

/// Dropout, several batches a step, an epoch's end on the way, and all that a person can change.
#[test]
fn a_step_comes_out_as_it_was_recorded() {
    let table: &[(&str, &[&str], &[Told])] = &[
        (
            "digits",
            &[
                "steps=60",
                "checkpoint.every=20",
                "checkpoint.keep=9",
                "model.dropout=0.3",
                "model.hidden=[16]",
            ],
            &[],
        ),
        (
            "playground",
            &[
                "steps=60",
                "checkpoint.every=25",
                "checkpoint.keep=9",
                "optimizer.accumulate=3",
                "optimizer.clip_norm=1.0",
            ],
            &[],
        ),
        (
            "digits",
            &[
                "steps=60",
                "checkpoint.every=20",
                "checkpoint.keep=9",
                "faults.nan_at=21",
                "guard=skip_step",
                "guard.window=8",
                "guard.sigma=1.5",
            ],
            &[],
        ),
        (
            "forgetting",
            &[
                "steps=60",
                "checkpoint.every=20",
                "checkpoint.keep=99",
                "curriculum=odm",
                "data.domains=[\
                    {name='sums', weight=1, data.sequence={task='addition', samples=100}},\
                    {name='words', weight=5, from=22, data.sequence={task='copying', length=3}}\
                ]",
                "model.width=16",
                "model.layers=1",
                "batch=8",
                "evaluate.every=3",
                "evaluate.samples=32",
            ],
            &[
                (25, Command::SetBatchSize(10)),
                (42, Command::RollBack { step: 40 }),
            ],
        ),
        (
            "digits",
            &[
                "steps=60",
                "checkpoint.every=20",
                "checkpoint.keep=9",
                "model.hidden=[16]",
            ],
            &[
                (5, Command::SetLearningRate(Number(0.02))),
                (
                    10,
                    Command::BlacklistSamples((0..700).map(SampleId).collect()),
                ),
                (22, Command::SkipBatch),
                (25, Command::SetBatchSize(10)),
                (26, Command::Save),
                (26, Command::SkipBatch),
                (42, Command::RollBack { step: 40 }),
                (50, Command::SetBatchSize(50)),
            ],
        ),
    ];
    for (recipe, settings, commands) in table {
        let config = config(recipe, settings);
        let store = Memory::default();
        let seen = told(begin(&config, &store), commands);
        let refused = events(&seen).find(|event| matches!(event, Event::CommandRefused { .. }));
        assert_eq!(refused, None);
        let host = host(&store, on_disk());
        for step in [1, 2, 19, 24, 30, 41, 44, 60] {
            let report = explained(&config, &seen, Some(step), &host).unwrap().report;
            assert_eq!(report.step, step);
            assert!(
                report.from_step < step && step - report.from_step <= 25,
                "{report:?}"
            );
            assert_eq!(
                report.recorded_loss,
                loss_of(&seen, step),
                "{recipe}: step {step}"
            );
            assert_eq!(
                report.replayed_loss, report.recorded_loss,
                "{recipe}: step {step}"
            );
        }
        let newest = explained(&config, &seen, None, &host).unwrap();
        assert_eq!(newest.report.step, 60);
    }
}

#[test]
fn every_example_of_the_step_is_measured_and_described() {
    let arguments = ["steps=6", "optimizer.accumulate=2", "batch=8"];
    let config = config("playground", &arguments);
    let store = Memory::default();
    let seen = finish(begin(&config, &store));
    let found = explained(&config, &seen, Some(6), &host(&store, on_disk())).unwrap();
    let measured = &found.report.measured;
    let counts = [
        measured.ids.len(),
        measured.losses.len(),
        measured.grad_norms.len(),
        found.examples.len(),
        found.report.diagnosis.grad_norms.count as usize,
    ];
    assert_eq!(counts, [16; 5]);
    let mean = measured.losses.iter().map(|loss| loss.0).sum::<f64>() / 16.0;
    let recorded = found.report.recorded_loss.0;
    assert!((mean - recorded).abs() < 1e-6, "{mean} and {recorded}");
    assert!(found.examples.iter().all(|example| !example.is_empty()));
}

/// The digits, one of which has pixels a thousand times too bright.
struct Planted {
    inner: Box<dyn Dataset>,
    bad: SampleId,
}

struct PlantedStore(Rc<dyn DatasetStore>);

impl DatasetStore for PlantedStore {
    fn open(&self, config: &DataConfig, seed: u64) -> Result<Splits, DataError> {
        let splits = self.0.open(config, seed)?;
        let bad = splits.train.id(123);
        Ok(Splits {
            train: Box::new(Planted {
                inner: splits.train,
                bad,
            }),
            ..splits
        })
    }
}

impl Dataset for Planted {
    fn spec(&self) -> &DataSpec {
        self.inner.spec()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn id(&self, position: u64) -> SampleId {
        self.inner.id(position)
    }

    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError> {
        let mut batch = self.inner.batch(positions)?;
        if let Inputs::Features { shape, values } = &mut batch.inputs {
            let width: usize = shape.iter().product();
            for (id, values) in batch.ids.iter().zip(values.chunks_mut(width)) {
                if *id == self.bad {
                    values.iter_mut().for_each(|value| *value *= 1000.0);
                }
            }
        }
        Ok(batch)
    }

    fn domains(&self) -> &[DomainRange] {
        self.inner.domains()
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        self.inner.describe(position)
    }
}

#[test]
fn the_example_that_spoils_a_step_is_named() {
    // One epoch of digits meets every example, and so the bad one, once.
    let config = config("digits", &["steps=44", "model.hidden=[16]"]);
    let store = Memory::default();
    let data: Rc<dyn DatasetStore> = Rc::new(PlantedStore(on_disk()));
    let bad = data.open(&config.data, config.seed).unwrap().train.id(123);
    let run = RunId::new("test").unwrap();
    let seen = finish(begin_with(run, 0, &config, host(&store, data.clone())));
    let host = host(&store, data);

    let losses = events(&seen).filter_map(|event| match event {
        Event::Stepped(step) => Some((step.loss.0, step.step)),
        _ => None,
    });
    let (_, worst) = losses
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .unwrap();
    let found = explained(&config, &seen, Some(worst), &host)
        .unwrap()
        .report;
    assert_eq!(found.replayed_loss, found.recorded_loss);
    let first = &found.diagnosis.outliers[0];
    assert_eq!(first.id, bad, "{:?}", found.diagnosis.outliers);
    assert_eq!(found.measured.ids[first.place as usize], bad);
    assert!(first.because.contains(&OutlierReason::Ratio), "{first:?}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let config = config("playground", &["steps=5"]);
    let store = Memory::default();
    let seen = finish(begin(&config, &store));
    let refusal = |config: &RunConfig, step| {
        let host = host(&store, on_disk());
        explained(config, &seen, Some(step), &host)
            .unwrap_err()
            .to_string()
    };
    assert!(refusal(&config, 9).contains("tells of steps 1 to 5"));
    assert!(refusal(&config, 0).contains("no step 0"));
    let newest = explained(&config, &[], None, &host(&store, on_disk())).unwrap_err();
    assert!(newest.to_string().contains("not taken a step"), "{newest}");
}
