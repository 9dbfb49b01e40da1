#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use kitchen_types::event::{Evaluation, Step};
use kitchen_types::ports::{ClientInfo, DataSpec, InputSpec, TargetSpec};
use kitchen_types::{Command, Envelope, Event, RunId};
use proptest::prelude::*;

use super::*;

fn stepped(step: u64, loss: f64) -> Event {
    Event::Stepped(Step {
        step,
        epoch: 1,
        loss: Number(loss),
        accuracy: None,
        lr: Number(0.1),
        grad_norm: None,
        update_ratio: None,
        samples: 8,
        tokens: 0,
        duration_us: 10,
    })
}

fn evaluated(step: u64, loss: f64) -> Event {
    Event::Evaluated(Evaluation {
        step,
        loss: Number(loss),
        accuracy: None,
        exact: None,
        perplexity: None,
        bits_per_byte: None,
        confusion: Vec::new(),
        best: true,
        samples: 8,
        duration_ms: 1,
        domains: Vec::new(),
    })
}

fn opening() -> Vec<Event> {
    vec![
        Event::RunStarted {
            config: Box::default(),
            workflow: "supervised".into(),
            step: 0,
        },
        Event::DatasetLoaded {
            source: "built in".into(),
            train: 80,
            validation: 20,
            spec: DataSpec {
                input: InputSpec::Features { shape: vec![2] },
                target: TargetSpec::Values { width: 1 },
            },
            fingerprint: "af13".into(),
        },
        Event::SessionOpened {
            client: ClientInfo {
                device: "cpu".into(),
                adapter: "flex".into(),
                parameters: 3,
                layers: Vec::new(),
                limits: Vec::new(),
            },
        },
    ]
}

/// `steps` steps whose losses are `loss(step)`, with an evaluation after every tenth.
fn run(steps: u64, loss: impl Fn(u64) -> f64) -> Vec<Event> {
    let mut events = opening();
    for step in 1..=steps {
        events.push(stepped(step, loss(step)));
        if step % 10 == 0 {
            events.push(evaluated(step, loss(step) + 0.5));
        }
    }
    events
}

fn board(events: Vec<Event>) -> Board {
    let mut board = Board::default();
    for (event, seq) in events.into_iter().zip(0..) {
        board.apply(&Envelope {
            run: RunId::new("told").unwrap(),
            seq,
            at_ms: seq,
            event,
        });
    }
    board
}

fn falling(step: u64) -> f64 {
    1.0 / step as f64
}

fn receipt() -> Receipt {
    issue(&board(run(30, falling)), None).unwrap()
}

fn words(receipt: &Receipt, events: Vec<Event>) -> String {
    in_words(&compare(receipt, &board(events)))
}

#[test]
fn a_receipt_holds_what_was_measured() {
    let steps: Vec<u64> = receipt().points.iter().map(|point| point.step).collect();
    assert_eq!(steps, [1, 10, 20, 30]);
    let last = &receipt().points[3];
    assert_eq!(last.train_loss, Some(Number(1.0 / 30.0)));
    assert_eq!(last.validation_loss, Some(Number(1.0 / 30.0 + 0.5)));
    assert_eq!(receipt().points[0].validation_loss, None);
}

#[test]
fn a_long_run_has_a_few_points_spread_evenly() {
    let receipt = issue(&board(run(20_000, falling)), None).unwrap();
    assert_eq!(receipt.points.len(), MOST_POINTS);
    let ends = (receipt.points[0].step, receipt.points[63].step);
    assert_eq!(ends, (10, 20_000));
    // Single steps of a long curve are merged, and none is made up.
    assert_eq!(receipt.points[1].train_loss, None);
    assert_eq!(receipt.points[63].train_loss, Some(Number(1.0 / 20_000.0)));
    let again = words(&receipt, run(20_000, falling));
    assert_eq!(again, "it matches exactly: all 65 measures are the same");
}

#[test]
fn runs_are_compared_as_far_as_they_have_come() {
    let receipt = receipt();
    for (events, expected) in [
        (
            run(30, falling),
            "it matches exactly: all 7 measures are the same",
        ),
        (
            run(30, |step| falling(step) * (1.0 + 5e-5)),
            "it matches to 1e-4: all 7 measures are that close",
        ),
        (
            run(15, falling),
            "it matches so far: 3 of 7 measures have come",
        ),
        (
            run(30, |step| if step < 20 { falling(step) } else { 0.0625 }),
            "it drifted first at step 20: the loss of its batch is 0.0625, and the receipt says \
             0.05 (a difference of 2e-1)",
        ),
        (
            run(10, |_| f64::NAN),
            "it drifted first at step 10: the loss of its batch is NaN, and the receipt says 0.1 \
             (a difference of inf)",
        ),
    ] {
        assert_eq!(words(&receipt, events), expected);
    }
    let mut other = run(30, falling);
    let Event::DatasetLoaded { fingerprint, .. } = &mut other[1] else {
        panic!("no data");
    };
    *fingerprint = "other".into();
    let verdict = compare(&receipt, &board(other));
    assert_eq!(verdict.agreement, Agreement::OtherData);
}

#[test]
fn a_receipt_ends_where_a_person_steered() {
    let mut events = run(20, falling);
    let command = Command::SetLearningRate(Number(0.5));
    events.push(Event::CommandApplied { command, step: 20 });
    events.extend(run(30, falling).into_iter().skip(3 + 22));
    let steered = issue(&board(events), Some("weights".into())).unwrap();
    let steps: Vec<u64> = steered.points.iter().map(|point| point.step).collect();
    assert_eq!(steps, [1, 10, 20]);
    assert_eq!(steered.weights_hash, None);
}

#[test]
fn where_nothing_can_be_promised_it_is_said() {
    let mut branch = run(20, falling);
    branch.push(Event::Forked {
        from: RunId::new("elder").unwrap(),
        step: 20,
    });
    branch.extend(opening());
    for (events, expected) in [
        (Vec::new(), "the run has not begun to train"),
        (opening(), "the run has measured nothing yet"),
        (branch, "the run branched off from elder at step 20"),
    ] {
        let error = issue(&board(events), None).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_link_comes_back_and_is_short() {
    let receipt = issue(&board(run(20_000, falling)), None).unwrap();
    let text = to_link_text(&receipt).unwrap();
    assert!(text.len() < 4000, "{}", text.len());
    assert!(
        text.bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
    );
    assert_eq!(from_link_text(&text).unwrap(), receipt);
}

fn link_of(json: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(json).unwrap();
    let deflated = encoder.finish().unwrap();
    format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(deflated))
}

#[test]
fn links_that_make_no_sense_are_refused_in_words() {
    let mut newer = receipt();
    newer.version = 2;
    let newer = serde_json::to_vec(&newer).unwrap();
    let mut senseless = receipt();
    senseless.config.batch = 0;
    let senseless = serde_json::to_vec(&senseless).unwrap();
    let bomb = link_of(&vec![b' '; 1 << 20]);
    assert!(bomb.len() < 8 << 10);
    for (text, expected) in [
        (String::new(), "begins with `1.`"),
        ("receipt".into(), "begins with `1.`"),
        (
            "2.AAAA".into(),
            "its version is 2, and this program reads up to 1",
        ),
        ("v1.AAAA".into(), "begins with `1.`"),
        ("1.ä".into(), "not those of a link"),
        ("1.AAAA".into(), "it does not inflate"),
        (link_of(b"{}"), "missing field"),
        (link_of(&newer), "its version is 2"),
        (link_of(&senseless), "`batch` is 0"),
        (
            bomb,
            "the receipt is 65537 bytes long, and can be 65536 at most",
        ),
        (
            "1.".to_owned() + &"A".repeat(9000),
            "the link is 9002 bytes long",
        ),
    ] {
        let error = from_link_text(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn no_damaged_link_is_taken_for_another_receipt(at in any::<prop::sample::Index>(), letter: u8) {
        let text = to_link_text(&receipt()).unwrap();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = letter & 0x7f;
        let damaged = String::from_utf8(bytes).unwrap();
        let same = |read: Receipt| read == receipt();
        prop_assert!(from_link_text(&damaged).map_or(true, same));
        prop_assert!(from_link_text(&text[..at]).is_err());
    }
}
