//! Looking into a run while it goes on, while it is paused, and after its end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::rc::Rc;

use common::{begin, config, events, finish};
use futures::executor::block_on;
use futures::future::{self, Either};
use futures::{FutureExt, StreamExt};
use kitchen_core::store::Memory;
use kitchen_core::{Host, LocalDevices, Preview, QuestionSender, Run, Session, Which};
use kitchen_types::config::SampleConfig;
use kitchen_types::ports::{BlobStore, Inputs, Split};
use kitchen_types::question::{Prediction, QuestionError};
use kitchen_types::{Answer, Command, Envelope, Event, Question, RunConfig};

/// Somebody who looks into a run, and polls it on the way.
struct Guest {
    run: Run,
    /// What the run has said so far.
    seen: Vec<Envelope>,
}

impl Guest {
    fn of(config: &RunConfig) -> Self {
        Self::at(config, &Memory::default())
    }

    fn at(config: &RunConfig, store: &Memory) -> Self {
        Self {
            run: begin(config, store),
            seen: Vec::new(),
        }
    }

    /// Polls the run until the question is answered, after its end too.
    fn ask(&mut self, question: Question) -> Result<Answer, QuestionError> {
        let questions = self.run.questions.clone();
        let mut answer = questions.ask(question).boxed_local();
        block_on(async {
            loop {
                match future::select(answer, self.run.events.next()).await {
                    Either::Left((answer, _)) => return answer,
                    Either::Right((Some(envelope), waiting)) => {
                        self.seen.push(envelope);
                        answer = waiting;
                    }
                    Either::Right((None, waiting)) => {
                        return match future::select(waiting, &mut self.run.afterwards).await {
                            Either::Left((answer, _)) => answer,
                            Either::Right(((), waiting)) => waiting.await,
                        };
                    }
                }
            }
        })
    }

    fn refused(&mut self, question: Question) -> String {
        self.ask(question).unwrap_err().0
    }

    /// Lets the run go on until it says something.
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) {
        while let Some(envelope) = block_on(self.run.events.next()) {
            let is_wanted = wanted(&envelope.event);
            self.seen.push(envelope);
            if is_wanted {
                return;
            }
        }
        panic!("the run is over");
    }

    /// Lets the run take `steps` steps.
    fn advance(&mut self, steps: u64) {
        self.until(|event| matches!(event, Event::Stepped(step) if step.step >= steps));
    }

    /// Everything the run says to its end.
    fn finish(mut self) -> Vec<Envelope> {
        self.seen.extend(finish(self.run));
        self.seen
    }
}

/// What a run says, without what time and the store have to do with.
fn record(envelopes: &[Envelope]) -> Vec<String> {
    events(envelopes)
        .map(|event| match event {
            Event::Stepped(step) => format!("{} {:?} {:?}", step.step, step.loss, step.accuracy),
            Event::Evaluated(it) => format!("{} {:?} {:?}", it.step, it.loss, it.exact),
            Event::Sampled { text, .. } => text.clone(),
            other => {
                let json = serde_json::to_value(other).unwrap();
                json.as_object().unwrap().keys().next().unwrap().clone()
            }
        })
        .collect()
}

fn points(values: &[f32]) -> Question {
    Question::Predict {
        inputs: Inputs::Features {
            shape: vec![2],
            values: values.to_vec(),
        },
    }
}

fn examples(from: u64, count: u64) -> Question {
    Question::Examples {
        split: Split::Validation,
        from,
        count,
    }
}

fn text_config(arguments: &[&str]) -> RunConfig {
    let small = [
        "data.samples=200",
        "model.layers=1",
        "model.heads=2",
        "model.width=16",
        "steps=20",
        "schedule.warmup=0",
    ];
    config("addition", &[&small, arguments].concat())
}

#[test]
fn a_run_answers_between_two_steps_and_goes_on() {
    let config = config("playground", &["steps=60"]);
    let mut guest = Guest::of(&config);
    guest.advance(5);
    let Answer::Predicted(predictions) = guest.ask(points(&[0.1, 0.2, -0.5, 0.9])).unwrap() else {
        panic!("another answer");
    };
    assert_eq!(predictions.len(), 2);
    for prediction in predictions {
        let Prediction::Classes(probabilities) = prediction else {
            panic!("{prediction:?}");
        };
        assert_eq!(probabilities.len(), 2);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
    let Answer::Surface(surface) = guest.ask(Question::Surface).unwrap() else {
        panic!("another answer");
    };
    assert!((5..30).contains(&surface.step), "{}", surface.step);
    assert_eq!(surface.classes.len(), surface.size * surface.size);
    let Answer::Inspected(inside) = guest.ask(Question::Inspect).unwrap() else {
        panic!("another answer");
    };
    assert!(
        inside
            .weights
            .iter()
            .all(|weight| weight.weights.not_finite == 0)
    );
    let name = inside.weights[0].name.clone();
    let Answer::Matrix(matrix) = guest.ask(Question::Weight { name }).unwrap() else {
        panic!("another answer");
    };
    assert_eq!(matrix.shape, inside.weights[0].shape);
    let Answer::Examples(examples) = guest.ask(examples(3, 2)).unwrap() else {
        panic!("another answer");
    };
    assert_eq!(examples.len(), 2);
    assert_eq!(
        (examples[0].position, examples[0].split),
        (3, Split::Validation)
    );
    let is_right = examples[0].target == examples[0].prediction;
    assert_eq!(examples[0].right, Some(is_right));

    let all = guest.finish();
    let last = all.last().unwrap();
    assert!(
        matches!(&last.event, Event::RunFinished { step: 60, .. }),
        "{last:?}"
    );
}

#[test]
fn what_cannot_be_answered_is_said_and_fails_nothing() {
    let mut guest = Guest::of(&config("playground", &["steps=40"]));
    guest.advance(2);
    let three = Question::Predict {
        inputs: Inputs::Features {
            shape: vec![3],
            values: vec![0.0; 3],
        },
    };
    for (question, said) in [
        (
            three,
            "the examples have shape [3], the model was built for [2]",
        ),
        (
            points(&[0.0, f32::NAN]),
            "number 1 of the inputs is NaN or infinite",
        ),
        (
            points(&[0.0; 3]),
            "the batch has 3 features, which is no multiple of 2",
        ),
        (points(&[]), "the batch is empty"),
        (points(&vec![0.0; 10_000]), "ask about at most 4096 at once"),
        (
            Question::Predict {
                inputs: Inputs::Tokens {
                    context: 1,
                    values: vec![1],
                },
            },
            "the batch has tokens, the model reads features",
        ),
        (
            Question::Weight { name: "w".into() },
            "no weight is called \"w\"; there are layers.0.weight",
        ),
        (
            Question::Attention { text: "a".into() },
            "this model reads no text",
        ),
        (examples(0, 65), "ask for at most 64 at once"),
    ] {
        let error = guest.refused(question);
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(
        guest.ask(examples(u64::MAX, 64)),
        Ok(Answer::Examples(Vec::new()))
    );
    let all = guest.finish();
    assert!(matches!(
        &all.last().unwrap().event,
        Event::RunFinished { step: 40, .. }
    ));
}

#[test]
fn a_paused_run_answers_and_so_does_one_that_is_over() {
    let store = Memory::default();
    let config = config("playground", &["steps=20"]);
    let mut guest = Guest::at(&config, &store);
    guest.advance(3);
    guest.run.commands.send(Command::Pause);
    guest.until(|event| matches!(event, Event::Paused { .. }));
    let paused = guest.ask(points(&[0.5, 0.5])).unwrap();
    assert_eq!(guest.ask(points(&[0.5, 0.5])).unwrap(), paused);
    guest.run.commands.send(Command::Resume);
    guest.until(|event| matches!(event, Event::RunFinished { .. }));

    let over = guest.ask(points(&[0.5, 0.5])).unwrap();
    assert_ne!(over, paused);
    let host = Host {
        store: Rc::new(store),
        data: Rc::new(kitchen_data::Store::on_disk("")),
        devices: Rc::new(LocalDevices::default()),
        now_ms: || 0,
    };
    let mut session = block_on(Session::open(config, Which::Newest, &host)).unwrap();
    assert_eq!(block_on(session.answer(&points(&[0.5, 0.5]))), Ok(over));

    // Nobody polls what is left of a run that is dropped.
    let questions: QuestionSender = guest.run.questions.clone();
    drop(guest);
    let error = block_on(questions.ask(Question::Surface)).unwrap_err();
    assert!(error.0.contains("the run is over"), "{error}");
}

#[test]
fn a_run_that_is_asked_learns_the_same_bits() {
    let trained = |asks: bool| {
        let store = Memory::default();
        let config = text_config(&["model.dropout=0.1"]);
        let mut guest = Guest::at(&config, &store);
        if asks {
            for round in 0..20 {
                for question in [
                    Question::Inspect,
                    Question::Attention { text: "1".into() },
                    Question::Weight {
                        name: "token_embedding.weight".into(),
                    },
                    examples(round, 3),
                    Question::Write {
                        prompt: "1".into(),
                        written: Vec::new(),
                        sample: SampleConfig {
                            tokens: 2,
                            ..SampleConfig::default()
                        },
                        seed: round,
                    },
                ] {
                    guest.ask(question).unwrap();
                }
            }
        }
        let said = record(&guest.finish());
        let weights = block_on(store.get("export/model.safetensors")).unwrap();
        (weights, said)
    };
    assert!(trained(true) == trained(false));
}

#[test]
fn a_text_grows_token_by_token_as_in_one_piece() {
    let mut guest = Guest::of(&text_config(&[]));
    let mut write = |written: Vec<u32>, tokens: usize| {
        let question = Question::Write {
            prompt: "1".into(),
            written,
            sample: SampleConfig {
                tokens,
                temperature: 1.0,
                ..SampleConfig::default()
            },
            seed: 7,
        };
        match guest.ask(question).unwrap() {
            Answer::Written(written) => written,
            other => panic!("{other:?}"),
        }
    };
    // The model changes while it is asked, until the run is over.
    for _ in 0..100 {
        let whole = write(Vec::new(), 3);
        let ids: Vec<u32> = whole.tokens.iter().map(|token| token.id).collect();
        let mut grown = Vec::new();
        let mut text = String::new();
        while grown.len() < ids.len() {
            let piece = write(grown.clone(), 1);
            assert_eq!(piece.tokens.len(), 1);
            assert!(piece.tokens[0].logprob.0 <= 0.0);
            grown.extend(piece.tokens.iter().map(|token| token.id));
            text = piece.text;
        }
        if grown == ids {
            assert!(!ids.is_empty());
            assert_eq!(text, whole.text);
            return;
        }
    }
    panic!("in pieces it never wrote what it wrote at once");
}

#[test]
fn too_long_a_text_is_refused() {
    let mut guest = Guest::of(&text_config(&[]));
    let error = guest.refused(Question::Attention {
        text: "1".repeat(100),
    });
    assert!(
        error.contains("100 tokens") || error.contains("101 tokens"),
        "{error}"
    );
    let error = guest.refused(Question::Surface);
    assert!(error.contains("there is no decision surface"), "{error}");
    let error = guest.refused(Question::Attention { text: "é".into() });
    assert!(error.contains("no token for"), "{error}");
}

#[test]
fn going_back_shows_what_was_there() {
    let config = config(
        "playground",
        &["steps=60", "checkpoint.every=10", "evaluate.every=1000"],
    );
    let mut guest = Guest::of(&config);
    // Before the first step, without anybody's asking.
    guest.advance(1);
    let Some(Preview::Surface(first)) = guest.run.preview.take() else {
        panic!("nothing to see");
    };
    assert_eq!(first.step, 0);
    guest.advance(35);
    guest.run.commands.send(Command::RollBack { step: 15 });
    guest.until(|event| matches!(event, Event::CommandApplied { .. }));
    let Some(Preview::Surface(surface)) = guest.run.preview.take() else {
        panic!("nothing to see");
    };
    assert_eq!(surface.step, 10);
}

#[test]
fn a_run_that_would_not_fit_is_refused_before_it_starts() {
    let estimate = |arguments: &[&str]| {
        let config = config("digits", arguments);
        let data = kitchen_data::Store::on_disk("");
        let data = kitchen_types::ports::DatasetStore::open(&data, &config.data, 1).unwrap();
        kitchen_core::estimate(&config, data.train.spec()).unwrap()
    };
    // 64 inputs, 8 hidden, 10 classes.
    let small = estimate(&["model=mlp", "model.hidden=[8]"]);
    assert_eq!(small.parameters, 64 * 8 + 8 + 8 * 10 + 10);
    assert_eq!(
        (small.weights, small.gradients),
        (4 * small.parameters, 4 * small.parameters)
    );
    let more = estimate(&["model=mlp", "model.hidden=[8]", "batch=64"]);
    let less = estimate(&["model=mlp", "model.hidden=[8]", "batch=32"]);
    assert_eq!(more.activations, 2 * less.activations);

    let config = config("digits", &["model=mlp", "model.hidden=[8]", "batch=32"]);
    let store = Memory::default();
    let devices = LocalDevices::default().with_memory_limit(less.total() - 1);
    let host = Host {
        store: Rc::new(store),
        data: Rc::new(kitchen_data::Store::on_disk("")),
        devices: Rc::new(devices),
        now_ms: || 0,
    };
    let request = kitchen_core::StartRequest {
        run: kitchen_types::RunId::new("test").unwrap(),
        config,
        workflow: kitchen_core::supervised::supervised(),
        first_seq: 0,
    };
    let seen = finish(block_on(kitchen_core::start(request, host)).unwrap());
    let Event::RunFinished { reason, .. } = &seen.last().unwrap().event else {
        panic!("no end");
    };
    let reason = reason.as_deref().unwrap();
    assert!(reason.contains("training would take about"), "{reason}");
}
