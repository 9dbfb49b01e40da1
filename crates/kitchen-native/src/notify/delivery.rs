//! Sends what is in the list, again and again where that is needed, from a thread of its own.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kitchen_platform::{Stopwatch, now_ms};
use kitchen_types::notification::Notification;
use sha2::{Digest, Sha256};

use super::outbox::{Outbox, Waiting};
use super::request::Endpoint;

/// Milliseconds from each try to the next, as Standard Webhooks recommends: at once, after 5
/// seconds, 5 minutes, half an hour, 2, 5, 10, 14, 20 and 24 hours.
pub(super) const SCHEDULE: &[u64] = &[
    5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000,
    86_400_000,
];

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the end of a run waits for what is under way.
const GRACE: Duration = Duration::from_secs(20);
/// How often to look whether something is due.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest that a receiver may ask to be left alone.
const LONGEST_PAUSE_MS: u64 = 86_400_000;

/// The list, shared by who writes into it and who sends.
pub(super) type Shared = Arc<Mutex<Outbox>>;

/// The list in hand. It is on disk, whatever has happened to who held it before.
pub(super) fn held(outbox: &Shared) -> MutexGuard<'_, Outbox> {
    outbox.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The list, and where it goes.
pub(super) struct Delivery {
    endpoint: Endpoint,
    outbox: Shared,
    schedule: &'static [u64],
    agent: ureq::Agent,
}

/// What became of a try.
enum Outcome {
    Arrived,
    /// It may be tried again, at the earliest after so many milliseconds.
    Refused {
        why: String,
        pause_ms: u64,
    },
    /// The receiver wants to hear nothing any more.
    Gone,
}

impl Delivery {
    pub(super) fn new(endpoint: Endpoint, outbox: Shared, schedule: &'static [u64]) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .http_status_as_error(false)
            .build();
        Self {
            endpoint,
            outbox,
            schedule,
            agent: config.into(),
        }
    }

    /// Delivers what is in the list, and what comes into it, until `ended` is closed and nothing is
    /// due.
    pub(super) fn run(&self, ended: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK_EVERY) {
            // A disk that takes no line would let it send the same for ever.
            if self.send_due().is_err() {
                return;
            }
        }
        let clock = Stopwatch::start();
        while clock.elapsed() < GRACE && self.is_any_due_soon() {
            if self.send_due().is_err() {
                return;
            }
            std::thread::sleep(LOOK_EVERY / 4);
        }
    }

    /// Whether it is worth waiting for what is left.
    fn is_any_due_soon(&self) -> bool {
        let soon = now_ms() + GRACE.as_millis() as u64 / 2;
        held(&self.outbox)
            .waiting()
            .any(|waiting| waiting.due_ms <= soon)
    }

    /// Tries everything that is due, the oldest first. The list is free meanwhile: what comes while
    /// a receiver takes its time is written down at once.
    pub(super) fn send_due(&self) -> anyhow::Result<()> {
        let now = now_ms();
        let due: Vec<Waiting> = held(&self.outbox)
            .waiting()
            .filter(|waiting| waiting.due_ms <= now)
            .cloned()
            .collect();
        for waiting in due {
            let outcome = self.send(&waiting.notification);
            self.note(&waiting, outcome)?;
        }
        Ok(())
    }

    /// Writes down what became of a try.
    fn note(&self, waiting: &Waiting, outcome: Outcome) -> anyhow::Result<()> {
        let id = &waiting.notification.id;
        let mut outbox = held(&self.outbox);
        match outcome {
            Outcome::Arrived => outbox.delivered(id),
            Outcome::Gone => outbox.give_up(id, "the receiver is gone".into()),
            Outcome::Refused { why, pause_ms } => match self.schedule.get(waiting.tries) {
                Some(after) => {
                    let after = with_jitter(*after, id, waiting.tries).max(pause_ms);
                    outbox.tried(id, now_ms() + after, why)
                }
                None => outbox.give_up(id, why),
            },
        }
    }

    fn send(&self, notification: &Notification) -> Outcome {
        let message = self.endpoint.message(notification, now_ms() / 1000);
        let mut request = self
            .agent
            .post(&self.endpoint.url)
            .header("content-type", "application/json");
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        let response = match request.send(message.body.as_bytes()) {
            Ok(response) => response,
            // What the library says may hold the address, which is a secret.
            Err(_) => {
                return Outcome::Refused {
                    why: "no answer".into(),
                    pause_ms: 0,
                };
            }
        };
        match response.status().as_u16() {
            200..300 => Outcome::Arrived,
            410 => Outcome::Gone,
            status => {
                let pause = response.headers().get("retry-after");
                let seconds = pause.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
                Outcome::Refused {
                    why: format!("status {status}"),
                    pause_ms: seconds
                        .unwrap_or(0)
                        .saturating_mul(1000)
                        .min(LONGEST_PAUSE_MS),
                }
            }
        }
    }
}

/// Up to a tenth more, so that those who failed together do not come back together: for the same
/// message and try the same.
fn with_jitter(after_ms: u64, id: &str, tries: usize) -> u64 {
    let hash = Sha256::digest(format!("{id}.{tries}"));
    let share = u64::from(hash.first().copied().unwrap_or(0));
    after_ms + after_ms * share / 2560
}
