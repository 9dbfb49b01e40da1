//! What page and worker say about kept runs, as it travels.

use kitchen_types::RunId;
use kitchen_types::kept::{KeptReply, KeptRequest, Storage};
use kitchen_types::page::{FromWorker, ToWorker};
use serde_json::{Value, json};

fn check<T>(message: &T, expected: &Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(&serde_json::to_value(message).unwrap(), expected);
    let back: T = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(&back, message);
}

#[test]
fn questions_about_kept_runs() {
    let run = || RunId::new("mine").unwrap();
    let to = || RunId::new("yours").unwrap();
    for (request, expected) in [
        (KeptRequest::List, json!("list")),
        (
            KeptRequest::Rename {
                run: run(),
                to: to(),
            },
            json!({"rename": {"run": "mine", "to": "yours"}}),
        ),
        (
            KeptRequest::Pin {
                run: run(),
                pinned: true,
            },
            json!({"pin": {"run": "mine", "pinned": true}}),
        ),
        (
            KeptRequest::Delete { run: run() },
            json!({"delete": {"run": "mine"}}),
        ),
        (
            KeptRequest::Replay { run: run() },
            json!({"replay": {"run": "mine"}}),
        ),
        (
            KeptRequest::Download {
                run: run(),
                step: Some(400),
            },
            json!({"download": {"run": "mine", "step": 400}}),
        ),
        (KeptRequest::Upload, json!("upload")),
        (
            KeptRequest::Fork {
                run: run(),
                step: 400,
                to: to(),
                config: None,
            },
            json!({"fork": {"run": "mine", "step": 400, "to": "yours", "config": null}}),
        ),
    ] {
        check(
            &ToWorker::Kept { id: 7, request },
            &json!({"kept": {"id": 7, "request": expected}}),
        );
    }
}

#[test]
fn answers_about_kept_runs() {
    let reply = Ok(KeptReply::Runs {
        runs: Vec::new(),
        storage: Storage {
            persisted: true,
            used_bytes: Some(5),
            quota_bytes: None,
        },
    });
    check(
        &FromWorker::Kept { id: 7, reply },
        &json!({"kept": {"id": 7, "reply": {"Ok": {"runs": {
            "runs": [],
            "storage": {"persisted": true, "used_bytes": 5, "quota_bytes": null},
        }}}}}),
    );
    let reply = Err("another tab has `mine` open; close that tab first".into());
    check(
        &FromWorker::Kept { id: 8, reply },
        &json!({"kept": {"id": 8, "reply": {
            "Err": "another tab has `mine` open; close that tab first",
        }}}),
    );
}
