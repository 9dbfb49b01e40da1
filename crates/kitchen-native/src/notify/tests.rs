//! Notifications, sent to a real receiver that fails now and then.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command as Program;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;

use kitchen_types::event::RunStatus;
use kitchen_types::supervision::{Anomaly, AnomalyKind, Ask, Measure};
use kitchen_types::{Command, Envelope, Event, Number, RunId};

use super::Notification;
use super::delivery::{Delivery, Shared, held};
use super::outbox::Outbox;
use super::request::Endpoint;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Milliseconds between tries: the real ones take days.
const QUICK: &[u64] = &[1; 20];

/// What arrived: headers by their names in lower case, and the body.
type Arrived = (BTreeMap<String, String>, String);

/// A receiver that answers as `answer` says, given how many came before.
fn receiver(answer: fn(u64) -> &'static str) -> (String, Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, arrived) = mpsc::channel();
    thread::spawn(move || {
        for (stream, count) in listener.incoming().zip(0..) {
            let mut stream = stream.unwrap();
            let Some(request) = read(&mut stream) else {
                continue;
            };
            let status = answer(count);
            if status.starts_with("200") {
                let _ = sender.send(request);
            }
            // An empty answer is a connection that breaks off.
            if !status.is_empty() {
                let close = "content-length: 0\r\nconnection: close";
                let _ = write!(stream, "HTTP/1.1 {status}\r\n{close}\r\n\r\n");
            }
        }
    });
    (url, arrived)
}

fn read(stream: &mut TcpStream) -> Option<Arrived> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((headers, String::from_utf8(body).ok()?))
}

fn envelope(seq: u64, event: Event) -> Envelope {
    Envelope {
        run: RunId::new("night").unwrap(),
        seq,
        at_ms: 1_700_000_000_000,
        event,
    }
}

fn anomaly(incident: u64) -> Notification {
    let anomaly = Anomaly {
        incident,
        step: 10 * incident,
        kind: AnomalyKind::NotFinite,
        of: Measure::Loss,
        value: Number(f64::NAN),
        threshold: None,
    };
    Notification::of(&envelope(incident, Event::AnomalyFound(anomaly))).unwrap()
}

fn list(folder: &std::path::Path) -> Shared {
    let outbox = Outbox::open(&folder.join("outbox.jsonl")).unwrap();
    Arc::new(Mutex::new(outbox))
}

/// Writes one down, and tries all that are due.
fn tell(outbox: &Shared, url: &str, notification: Notification) {
    held(outbox).queue(notification).unwrap();
    let endpoint = Endpoint::new(url, Some(SECRET.into())).unwrap();
    let delivery = Delivery::new(endpoint, outbox.clone(), QUICK);
    delivery.send_due().unwrap();
}

fn waiting(folder: &std::path::Path) -> usize {
    super::waiting(folder).unwrap()
}

#[test]
fn all_arrive_at_a_receiver_that_fails_a_third_of_the_time() {
    // Errors, redirects and connections that break off.
    let (url, arrived) = receiver(|count| match count % 10 {
        1 => "500 Internal Server Error",
        4 => "",
        8 => "302 Found",
        _ => "200 OK",
    });
    let folder = tempfile::tempdir().unwrap();
    let (sender, ended) = mpsc::channel();
    let outbox = list(folder.path());
    let endpoint = Endpoint::new(&url, Some(SECRET.into())).unwrap();
    let delivery = Delivery::new(endpoint, outbox.clone(), QUICK);
    let thread = thread::spawn(move || delivery.run(&ended));
    for incident in 1..=40 {
        // The same news twice, as after a resume, is one.
        held(&outbox).queue(anomaly(incident)).unwrap();
        held(&outbox).queue(anomaly(incident)).unwrap();
    }
    drop(sender);
    thread.join().unwrap();
    assert_eq!(waiting(folder.path()), 0);
    let mut ids: Vec<String> = arrived
        .try_iter()
        .map(|(headers, _)| headers["webhook-id"].clone())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40);
}

#[test]
fn what_was_not_sent_before_a_crash_is_sent_after_it() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there.
    tell(&list(folder.path()), "http://127.0.0.1:1/", anomaly(1));
    // A line that the crash has torn.
    let path = folder.path().join("outbox.jsonl");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(br#"{"delivered":{"id":"msg_"#);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(waiting(folder.path()), 1);

    let (url, arrived) = receiver(|_| "200 OK");
    thread::sleep(std::time::Duration::from_millis(5));
    tell(&list(folder.path()), &url, anomaly(2));
    let ids: Vec<String> = arrived
        .try_iter()
        .map(|(headers, _)| headers["webhook-id"].clone())
        .collect();
    assert_eq!(ids, ["msg_night_1_anomaly", "msg_night_2_anomaly"]);
    assert_eq!(waiting(folder.path()), 0);
}

/// A receiver that takes its time keeps nobody from writing down what comes next.
#[test]
fn what_comes_while_another_is_sent_is_on_disk_at_once() {
    let (url, arrived) = receiver(|_| {
        thread::sleep(std::time::Duration::from_secs(2));
        "200 OK"
    });
    let folder = tempfile::tempdir().unwrap();
    let outbox = list(folder.path());
    let sending = outbox.clone();
    let thread = thread::spawn(move || tell(&sending, &url, anomaly(1)));
    // It is in the list before it is sent.
    while held(&outbox).waiting().next().is_none() {
        thread::yield_now();
    }
    held(&outbox).queue(anomaly(2)).unwrap();
    assert!(arrived.try_recv().is_err(), "the first had arrived already");
    assert_eq!(waiting(folder.path()), 2);
    thread.join().unwrap();
}

#[test]
fn a_name_with_a_full_stop_does_not_break_the_signature() {
    let told = Envelope {
        run: RunId::new("v1.2").unwrap(),
        ..envelope(
            7,
            Event::RunFinished {
                status: RunStatus::Completed,
                step: 9,
                duration_ms: 1,
                reason: None,
            },
        )
    };
    assert_eq!(Notification::of(&told).unwrap().id, "msg_v1~2_7_end");
}

#[test]
fn a_receiver_that_is_gone_is_left_alone() {
    let (url, _arrived) = receiver(|_| "410 Gone");
    let folder = tempfile::tempdir().unwrap();
    tell(&list(folder.path()), &url, anomaly(1));
    assert_eq!(waiting(folder.path()), 0);
}

#[test]
fn a_receiver_that_asks_for_time_is_given_it() {
    let (url, _arrived) = receiver(|_| "429 Too Many Requests\r\nretry-after: 3600");
    let folder = tempfile::tempdir().unwrap();
    tell(&list(folder.path()), &url, anomaly(1));
    let outbox = Outbox::open(&folder.path().join("outbox.jsonl")).unwrap();
    let due = outbox.waiting().next().unwrap().due_ms;
    assert!(due > kitchen_platform::now_ms() + 3_500_000);
}

/// The public library of Standard Webhooks verifies what arrived.
#[test]
fn the_reference_library_verifies_the_signature() {
    let Some(python) = std::env::var_os("KITCHEN_PYTHON") else {
        eprintln!("skipped: KITCHEN_PYTHON names no Python that has standardwebhooks");
        return;
    };
    let (url, arrived) = receiver(|_| "200 OK");
    let folder = tempfile::tempdir().unwrap();
    tell(&list(folder.path()), &url, anomaly(1));
    let (headers, body) = arrived.recv().unwrap();
    let script = "import json, sys; from standardwebhooks import Webhook\n\
                  body, headers = sys.argv[2], json.loads(sys.argv[3])\n\
                  print(Webhook(sys.argv[1]).verify(body, headers)['type'])";
    let verified = |body: &str| {
        let headers = serde_json::to_string(&headers).unwrap();
        Program::new(&python)
            .args(["-c", script, SECRET, body, &headers])
            .output()
            .unwrap()
    };
    let said = verified(&body);
    let out = String::from_utf8_lossy(&said.stdout);
    assert_eq!(out.trim(), "run.anomaly_found", "{said:?}");
    assert!(!verified(&body.replace("night", "noon")).status.success());
}

/// Texts of the run, which may come from data or settings, are in no message.
#[test]
fn only_ids_and_statistics_are_told() {
    let leak = || "/home/someone/secret <b>".to_owned();
    let asked = Event::PersonAsked(Ask {
        incident: 3,
        step: 30,
        reason: leak(),
        actions: vec![Command::Resume],
    });
    let ended = Event::RunFinished {
        status: RunStatus::Failed,
        step: 30,
        duration_ms: 1,
        reason: Some(leak()),
    };
    for url in ["http://127.0.0.1:1/", "slack:http://127.0.0.1:1/"] {
        let endpoint = Endpoint::new(url, Some(SECRET.into())).unwrap();
        for event in [asked.clone(), ended.clone()] {
            let notification = Notification::of(&envelope(9, event)).unwrap();
            let body = endpoint.message(&notification, 1).body;
            assert!(!body.contains("someone"), "{body}");
        }
    }
    let others = [
        Event::Warning { message: leak() },
        Event::Paused { step: 1 },
    ];
    for event in others {
        assert_eq!(Notification::of(&envelope(9, event)), None);
    }
}
