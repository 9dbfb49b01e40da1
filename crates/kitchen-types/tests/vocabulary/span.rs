//! Lengths of training as people write them.

use kitchen_types::config::Span;
use serde_json::json;

#[test]
fn what_is_a_span() {
    let table = [
        ("2000", Span::Steps(2000)),
        (" 2000 ", Span::Steps(2000)),
        ("2_000 steps", Span::Steps(2000)),
        ("1 step", Span::Steps(1)),
        ("0", Span::Steps(0)),
        ("20 epochs", Span::Epochs(20)),
        ("1 epoch", Span::Epochs(1)),
        ("20  epochs", Span::Epochs(20)),
        ("18446744073709551615", Span::Steps(u64::MAX)),
    ];
    for (text, span) in table {
        assert_eq!(text.parse(), Ok(span), "{text:?}");
    }
}

#[test]
fn what_is_none() {
    let table = [
        "",
        " ",
        "_",
        "steps",
        "epochs 20",
        "20epochs",
        "20 lightyears",
        "20 Epochs",
        "1.5 epochs",
        "1,5 epochs",
        "-1",
        "+1",
        "1e3",
        "18446744073709551616",
        "20 epochs 3",
    ];
    for text in table {
        let error = text.parse::<Span>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!(
                "`{text}` is not a length of training; write `2000`"
            )),
            "{error}"
        );
    }
}

#[test]
fn what_is_written_is_read_again() {
    for span in [
        Span::Steps(0),
        Span::Steps(1),
        Span::Steps(u64::MAX),
        Span::Epochs(0),
        Span::Epochs(1),
        Span::Epochs(20),
    ] {
        assert_eq!(span.to_string().parse(), Ok(span));
        let json = serde_json::to_string(&span).unwrap();
        assert_eq!(serde_json::from_str::<Span>(&json).unwrap(), span, "{json}");
    }
}

#[test]
fn in_json_steps_are_a_number_and_epochs_a_text() {
    assert_eq!(json!(Span::Steps(2000)), json!(2000));
    assert_eq!(json!(Span::Epochs(20)), json!("20 epochs"));
    for refused in [json!(-1), json!(1.5), json!(null), json!(["20 epochs"])] {
        assert!(
            serde_json::from_value::<Span>(refused.clone()).is_err(),
            "{refused}"
        );
    }
}

#[test]
fn in_toml_too() {
    #[derive(serde::Deserialize)]
    struct File {
        steps: Span,
    }
    let read = |text: &str| toml::from_str::<File>(text).map(|file| file.steps);
    assert_eq!(read("steps = 2_000"), Ok(Span::Steps(2000)));
    assert_eq!(read("steps = '20 epochs'"), Ok(Span::Epochs(20)));
    assert!(read("steps = -1").is_err());
}

#[test]
fn when_it_is_due() {
    // (span, steps per epoch, the steps among 0..=10 at which it is due)
    let table: [(Span, u64, &[u64]); 6] = [
        (Span::Steps(4), 3, &[4, 8]),
        (Span::Steps(1), 3, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (Span::Steps(0), 3, &[]),
        (Span::Epochs(1), 3, &[3, 6, 9]),
        (Span::Epochs(2), 3, &[6]),
        (Span::Epochs(1), 0, &[]),
    ];
    for (span, per_epoch, expected) in table {
        let due: Vec<u64> = (0..=10).filter(|&s| span.is_due(s, per_epoch)).collect();
        assert_eq!(due, expected, "{span} with {per_epoch} steps an epoch");
    }
}

#[test]
fn a_length_beyond_all_counting_is_the_longest() {
    assert_eq!(Span::Epochs(u64::MAX).steps(2), u64::MAX);
}
