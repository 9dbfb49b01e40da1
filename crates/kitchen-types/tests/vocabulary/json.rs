//! Everything that crosses a border comes back as it was.

use std::fmt::Debug;

use kitchen_types::bench::{BenchReport, ForensicsBench};
use kitchen_types::card::ModelCard;
use kitchen_types::checkpoint::{LoopState, Manifest, PortableManifest};
use kitchen_types::config::ConfigProblem;
use kitchen_types::diagnosis::{Diagnosis, OutlierRule, StepDiagnosis};
use kitchen_types::kept::{Intent, KeptRequest, KeptRun, RunRecord, SlotRecord, Storage};
use kitchen_types::ports::{
    Batch, ClientInfo, Completion, CompletionChunk, CompletionRequest, Counters, DataSpec,
    EvalReport, Inputs, Loss, LossReport, OptimStep, PerSample, Prompt, Sampling, Split,
    StepReport, Targets,
};
use kitchen_types::question::{Answer, Estimate, Prediction, Preview, Question, QuestionError};
use kitchen_types::receipt::{Receipt, Verdict};
use kitchen_types::report::{Comparison, Examination, Listing, RecipeInfo, StageInfo};
use kitchen_types::series::Series;
use kitchen_types::summary::LastLine;
use kitchen_types::supervision::SupervisorState;
use kitchen_types::workflow::Workflow;
use kitchen_types::{Board, Command, Envelope, Number, RunConfig, SampleId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::schema::{lenient_objects, values_of};

/// Whatever the schema of `T` allows becomes a `T`, and that comes back from JSON text as it was,
/// down to the sign of zero.
fn check<T>()
where
    T: JsonSchema + Serialize + DeserializeOwned + PartialEq + Debug,
{
    check_if(|first: &T, second| first == second);
}

/// The same for what holds single-precision numbers, where a NaN is not equal to itself: its text
/// is the same.
fn check_text<T>()
where
    T: JsonSchema + Serialize + DeserializeOwned + Debug,
{
    check_if(|_: &T, _| true);
}

fn check_if<T>(is_same: impl Fn(&T, &T) -> bool)
where
    T: JsonSchema + Serialize + DeserializeOwned + Debug,
{
    let config = Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&values_of::<T>(), |value| {
        let first: T = serde_json::from_value(value)
            .map_err(|error| TestCaseError::fail(format!("its schema allows it, but {error}")))?;
        let text = serde_json::to_string(&first).unwrap();
        let second: T = serde_json::from_str(&text).unwrap();
        prop_assert!(
            is_same(&first, &second),
            "{first:?} and {second:?}, as JSON: {text}"
        );
        prop_assert_eq!(serde_json::to_string(&second).unwrap(), text);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{}: {error}", std::any::type_name::<T>());
    }
}

#[test]
fn run_config() {
    check::<RunConfig>();
    check::<ConfigProblem>();
}

#[test]
fn workflow() {
    check::<Workflow>();
}

#[test]
fn envelope() {
    check::<Envelope>();
}

#[test]
fn command() {
    check::<Command>();
}

#[test]
fn questions_and_answers() {
    check_text::<Question>();
    check_text::<Answer>();
    check_text::<Preview>();
    check::<QuestionError>();
    check::<Estimate>();
}

#[test]
fn board() {
    check::<Board>();
    check::<Series>();
}

#[test]
fn checkpoint() {
    check::<Manifest>();
    check::<LoopState>();
    check::<PortableManifest>();
    check::<SupervisorState>();
}

#[test]
fn kept_runs() {
    check::<KeptRequest>();
    check::<KeptRun>();
    check::<Storage>();
    check::<RunRecord>();
    check::<SlotRecord>();
    check::<Intent>();
}

#[test]
fn diagnoses() {
    check::<OutlierRule>();
    check::<Diagnosis>();
    check::<StepDiagnosis>();
}

#[test]
fn receipts() {
    check::<Receipt>();
    check::<Verdict>();
}

#[test]
fn what_commands_print() {
    check::<BenchReport>();
    check::<ForensicsBench>();
    check::<Comparison>();
    check::<Examination>();
    check::<LastLine>();
    check::<Listing>();
    check::<ModelCard>();
    check::<RecipeInfo>();
    check::<StageInfo>();
}

#[test]
fn what_a_training_client_is_told_and_says() {
    check::<ClientInfo>();
    check::<Completion>();
    check::<Counters>();
    check::<DataSpec>();
    check::<EvalReport>();
    check::<Loss>();
    check::<LossReport>();
    check::<OptimStep>();
    check::<PerSample>();
    check::<Prompt>();
    check::<Sampling>();
    check::<Split>();
    check::<StepReport>();
}

/// `value` comes back from JSON text as it was.
fn check_one<T>(value: T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = serde_json::to_string(&value).unwrap();
    let back: T = serde_json::from_str(&text).unwrap();
    assert_eq!(back, value, "as JSON: {text}");
}

#[test]
fn batches_and_completions() {
    for targets in [
        Targets::Classes(vec![0, u32::MAX]),
        Targets::Values {
            width: 1,
            values: vec![f32::MIN_POSITIVE, f32::MAX],
        },
        Targets::Tokens {
            values: vec![1, 2],
            mask: vec![0.0, 1.0],
        },
        Targets::None,
    ] {
        check_one(Batch {
            ids: vec![SampleId::new(0, 1), SampleId::new(8191, (1 << 40) - 1)],
            inputs: Inputs::Features {
                shape: vec![1],
                values: vec![0.1, -0.0],
            },
            targets,
        });
    }
    check_one(Inputs::Tokens {
        context: 1,
        values: vec![7],
    });
    check_one(CompletionRequest {
        prompt: "\u{0}\"\\ü🦀".into(),
        max_tokens: 1,
        temperature: 0.7,
        seed: u64::MAX,
    });
    check_one(CompletionChunk { text: "\n".into() });
}

#[test]
fn numbers_as_json_text() {
    let smallest = f64::from_bits(1);
    let table = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (smallest, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NAN, r#""NaN""#),
        (f64::INFINITY, r#""inf""#),
        (f64::NEG_INFINITY, r#""-inf""#),
    ];
    for (value, text) in table {
        assert_eq!(serde_json::to_string(&Number(value)).unwrap(), text);
        let back: Number = serde_json::from_str(text).unwrap();
        assert_eq!(back.0.is_nan(), value.is_nan(), "{text}");
        if !value.is_nan() {
            assert_eq!(back.0.to_bits(), value.to_bits(), "{text}");
        }
    }
}

#[test]
fn a_diverged_model_can_still_be_shown() {
    let text = r#"{"predicted":[{"classes":[0.1,"NaN","inf","-inf"]}]}"#;
    let answer: Answer = serde_json::from_str(text).unwrap();
    let Answer::Predicted(predictions) = &answer else {
        panic!("{answer:?}");
    };
    let [Prediction::Classes(values)] = predictions.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(values[0], 0.1);
    assert!(values[1].is_nan());
    assert_eq!(values[2..], [f32::INFINITY, f32::NEG_INFINITY]);
    assert_eq!(serde_json::to_string(&answer).unwrap(), text);
}

#[test]
fn numbers_from_integers_and_what_is_none() {
    let accepted = [
        ("3", 3.0),
        ("-3", -3.0),
        ("18446744073709551615", 18446744073709551615.0),
        ("1e3", 1000.0),
    ];
    for (text, value) in accepted {
        assert_eq!(serde_json::from_str::<Number>(text).unwrap(), Number(value));
    }
    for text in [r#""nan""#, r#""Infinity""#, r#""1""#, "null", "true", "[]"] {
        let error = serde_json::from_str::<Number>(text).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(r#"a number, "NaN", "inf" or "-inf""#),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_nan_equals_itself_and_nothing_else() {
    assert_eq!(Number(f64::NAN), Number(-f64::NAN));
    assert_ne!(Number(f64::NAN), Number(0.0));
    assert_ne!(Number(f64::INFINITY), Number(f64::NEG_INFINITY));
}

#[test]
fn integers_beyond_what_a_float_holds() {
    let table = [
        json!(u64::MAX),
        json!(i64::MIN),
        json!((1u64 << 53) + 1),
        json!(-(1i64 << 53) - 1),
    ];
    for value in table {
        let workflow: Workflow = serde_json::from_value(json!({
            "name": "w",
            "steps": [{ "do": { "stage": "s" }, "config": { "key": value } }],
        }))
        .unwrap();
        let text = serde_json::to_string(&workflow).unwrap();
        assert!(text.contains(&value.to_string()), "{value} in {text}");
        check_one(workflow);
    }
    check_one(SampleId(u64::MAX));
    check_one(SampleId((1 << 53) + 1));
}

#[test]
fn sample_ids_hold_domain_and_index() {
    let table = [
        (0, 0, "0"),
        (0, 17, "17"),
        (1, 17, "1/17"),
        (8191, (1 << 40) - 1, "8191/1099511627775"),
    ];
    for (domain, index, text) in table {
        let id = SampleId::new(domain, index);
        assert_eq!((id.domain(), id.index()), (domain, index));
        assert_eq!(id.to_string(), text);
        assert!(id.0 < 1 << 53, "JavaScript reads {id} exactly");
    }
}

#[test]
fn run_names() {
    let longest = "a".repeat(80);
    for name in ["a", "digits-2", "0.1_b", longest.as_str()] {
        assert_eq!(kitchen_types::RunId::new(name).unwrap().as_str(), name);
    }
    let too_long = "a".repeat(81);
    for name in [
        "",
        ".",
        "..",
        "-a",
        "_a",
        "a/b",
        "a b",
        "ü",
        "a\0",
        too_long.as_str(),
    ] {
        assert!(kitchen_types::RunId::new(name).is_err(), "{name:?}");
        let json = json!(name);
        assert!(
            serde_json::from_value::<kitchen_types::RunId>(json).is_err(),
            "{name:?}"
        );
    }
}

/// A key that nothing reads is an error. The schema says so too, or an editor would not.
#[test]
fn no_object_takes_a_field_that_it_does_not_know() {
    let lenient: Vec<String> = [
        lenient_objects::<RunConfig>(),
        lenient_objects::<Workflow>(),
        lenient_objects::<Envelope>(),
        lenient_objects::<Board>(),
        lenient_objects::<Question>(),
        lenient_objects::<Answer>(),
        lenient_objects::<BenchReport>(),
        lenient_objects::<ForensicsBench>(),
        lenient_objects::<StepDiagnosis>(),
        lenient_objects::<Comparison>(),
        lenient_objects::<Examination>(),
        lenient_objects::<LastLine>(),
        lenient_objects::<Listing>(),
        lenient_objects::<ModelCard>(),
        lenient_objects::<RecipeInfo>(),
        lenient_objects::<StageInfo>(),
        lenient_objects::<Manifest>(),
        lenient_objects::<LoopState>(),
        lenient_objects::<PortableManifest>(),
        lenient_objects::<Receipt>(),
        lenient_objects::<Verdict>(),
        lenient_objects::<ConfigProblem>(),
        lenient_objects::<EvalReport>(),
        lenient_objects::<Loss>(),
        lenient_objects::<OptimStep>(),
        lenient_objects::<Sampling>(),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(lenient, Vec::<String>::new());
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    type ErrorOf = fn(Value) -> String;
    let refused: [(&str, ErrorOf, Value); 7] = [
        ("learning", error_of::<RunConfig>, json!({ "learning": 1 })),
        (
            "widht",
            error_of::<RunConfig>,
            json!({ "model": { "gpt": { "widht": 1 } } }),
        ),
        (
            "smoothing",
            error_of::<RunConfig>,
            json!({ "loss": { "cross_entropy": { "smoothing": 0.1 } } }),
        ),
        (
            "ende",
            error_of::<RunConfig>,
            json!({ "schedule": { "shape": { "cosine": { "ende": 0.1 } } } }),
        ),
        (
            "depth",
            error_of::<DataSpec>,
            json!({ "input": { "features": { "shape": [1], "depth": 3 } }, "target": "next_token" }),
        ),
        (
            "retries",
            error_of::<Workflow>,
            json!({ "name": "w", "steps": [{ "do": { "call": "x" }, "retries": 3 }] }),
        ),
        (
            "stop",
            error_of::<Command>,
            json!({ "roll_back": { "step": 1, "stop": true } }),
        ),
    ];
    for (field, error_of, value) in refused {
        let error = error_of(value);
        assert!(
            error.contains(&format!("unknown field `{field}`")),
            "{field}: {error}"
        );
    }
}

fn error_of<T: DeserializeOwned + Debug>(value: Value) -> String {
    serde_json::from_value::<T>(value).unwrap_err().to_string()
}
