//! What changes many times a second: the board, and the newest look at the model. It is drawn by
//! hand once a frame, and only where something is new; Yew never hears of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use kitchen_core::words;
use kitchen_types::board::{Board, Phase};
use kitchen_types::event::{Envelope, Event, RunStatus};
use kitchen_types::series::Series;
use web_sys::{Document, Element};

use super::{curves, learnt, seeing};
use crate::frames::{self, write};
use crate::stage::Theatre;

/// How often a screen reader hears how it goes.
const ANNOUNCE_EVERY_MS: u64 = 5000;

/// What is drawn by hand.
#[derive(Default)]
pub(super) struct Live {
    /// How the run stands.
    pub(super) board: Board,
    /// Other runs, whose curves are shown too, by name.
    pub(super) overlays: Vec<(String, Board)>,
    /// The curves as they were before the run went back, as far as they led further.
    pub(super) before: BTreeMap<String, Series>,
    /// Whether it has taken other steps since.
    strayed: bool,
    /// What else the picture of the model shows.
    pub(super) picture: learnt::Picture,
    /// What the curves are drawn by.
    pub(super) curves: curves::Look,
    /// The run could not be started, or its worker is gone.
    pub(super) failed: bool,
    dirty: bool,
    announced_ms: u64,
}

/// The live part of the page, shared by what hears and what draws.
pub(super) type Shared = Rc<RefCell<Live>>;

impl Live {
    /// Begins anew, for another run, or for one that stood at `board`.
    pub(super) fn begin(&mut self, board: Board) {
        self.board = board;
        self.before.clear();
        self.curves.begin();
        self.picture.begin();
        self.failed = false;
        self.dirty = true;
    }

    /// Takes in what happened.
    pub(super) fn hear(&mut self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            match &envelope.event {
                Event::Restored { step, .. } => self.goes_back(*step),
                Event::Stepped(_) => self.strayed = true,
                _ => {}
            }
            self.board.apply(envelope);
        }
        self.dirty = true;
    }

    /// Keeps the curves that end at `step` from now on, to show where the run has been; and takes
    /// them up again where it goes forward to what it left.
    fn goes_back(&mut self, step: u64) {
        let (now, before) = (newest(&self.board.series), newest(&self.before));
        if now > before {
            self.before = self.board.series.clone();
            self.strayed = false;
        } else if !self.strayed && now < Some(step) && before >= Some(step) {
            self.board.series = self.before.clone();
        }
    }

    /// Has everything drawn again.
    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }

    /// What the page is doing, in one of the words that tests and assistive tools read.
    pub(super) fn status(&self) -> &'static str {
        match &self.board.phase {
            _ if self.failed => "failed",
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Paused => "paused",
            Phase::Finished {
                status: RunStatus::Failed,
                ..
            } => "failed",
            Phase::Finished { .. } => "done",
        }
    }

    fn draw(&mut self, document: &Document) {
        let board = &self.board;
        if let Ok(Some(main)) = document.query_selector("main") {
            mark(&main, board, self.status());
        }
        write_facts(document, board);
        write(document, "device-line", &device_line(board));
        let theatre = Theatre::new(document);
        curves::draw(&theatre, self);
        write(document, "seen-steps", &seeing::seen(self));
        learnt::draw(&theatre, board, &self.picture);
        if board.at_ms >= self.announced_ms + ANNOUNCE_EVERY_MS || self.status() != "running" {
            self.announced_ms = board.at_ms;
            write(document, "announcement", &sentence(board));
        }
    }
}

/// The last step of all curves.
pub(super) fn newest(series: &BTreeMap<String, Series>) -> Option<u64> {
    let last = |series: &Series| series.last().map(|(step, _)| step);
    series.values().filter_map(last).max()
}

/// Draws `live` once a frame where something is new, for as long as the page is open.
pub(super) fn draw_on(live: Shared) {
    frames::when_the_look_changes({
        let live = live.clone();
        move || {
            // While it is being drawn it is about to be right.
            if let Ok(mut live) = live.try_borrow_mut() {
                live.touch();
            }
        }
    });
    frames::on_each(move |document| {
        let mut live = live.borrow_mut();
        if std::mem::take(&mut live.dirty) {
            live.draw(document);
        }
    });
}

/// Writes how the run stands onto `<main>`, for tests and assistive tools.
fn mark(main: &Element, board: &Board, status: &str) {
    let step = board.step.as_ref();
    let measured = board.evaluation.as_ref();
    let set = |name: &str, value: Option<String>| {
        // Setting an attribute of an element that exists fails only on invalid names.
        let _ = match value {
            Some(value) => main.set_attribute(name, &value),
            None => main.remove_attribute(name),
        };
    };
    set("data-step", Some(board.current_step().to_string()));
    set("data-loss", step.map(|step| step.loss.to_string()));
    let accuracy = measured.and_then(|it| it.exact.or(it.accuracy));
    set(
        "data-validation-accuracy",
        accuracy.map(|it| it.to_string()),
    );
    set(
        "data-validation-loss",
        measured.map(|it| it.loss.to_string()),
    );
    let device = board.client.as_ref().map(|it| device(&it.device));
    set("data-device", device.map(str::to_owned));
    set("data-status", Some(status.to_owned()));
}

/// A device by the name that people of the web know it by.
pub(super) fn device(name: &str) -> &str {
    if name == "gpu" { "webgpu" } else { name }
}

/// What trains, where, and why there.
fn device_line(board: &Board) -> String {
    let Some(client) = &board.client else {
        return "The trainer opens the data and the device…".into();
    };
    let timings = board.timings.iter().map(|timing| {
        let time = timing
            .step_ms
            .map(|ms| format!("{} ms a step", words::value(ms.0)));
        let found = time.or_else(|| timing.note.clone()).unwrap_or_default();
        format!("; {}: {found}", timing.device)
    });
    format!(
        "{} numbers learn on the {} ({}), because {}{}",
        words::count(client.parameters),
        if client.device == "gpu" {
            "GPU through WebGPU"
        } else {
            "CPU"
        },
        client.adapter,
        board.device_reason,
        timings.collect::<String>()
    )
}

/// The numbers beside the controls. Their places are in the page's markup.
fn write_facts(document: &Document, board: &Board) {
    let step = board.step.as_ref();
    let measured = board.evaluation.as_ref();
    let of = match board.steps_planned {
        0 => String::new(),
        planned => format!(" of {}", words::count(planned)),
    };
    let newest = |name: &str| board.curve(name).and_then(|series| series.last());
    write(
        document,
        "fact-step",
        &format!("{}{of}", words::count(board.current_step())),
    );
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    for (id, text) in [
        ("fact-epoch", step.map(|step| words::count(step.epoch))),
        ("fact-loss", step.map(|step| words::value(step.loss.0))),
        ("fact-held-out", measured.map(|it| words::value(it.loss.0))),
        (
            "fact-right",
            measured
                .and_then(|it| it.exact.or(it.accuracy))
                .map(|it| words::percent(it.0)),
        ),
        ("fact-lr", step.map(|step| words::setting(step.lr.0))),
        (
            "fact-speed",
            newest("samples_per_second").map(|(_, rate)| words::rate(rate)),
        ),
        (
            "fact-gradient",
            newest("grad_norm").map(|(_, norm)| words::value(norm)),
        ),
    ] {
        write(document, id, &or_dash(text));
    }
    if let Some(bar) = document.get_element_by_id("progress") {
        let share = board.current_step() as f64 / board.steps_planned.max(1) as f64;
        // As above.
        let _ = bar.set_attribute("value", &format!("{share:.4}"));
    }
}

/// How it goes, in a sentence.
fn sentence(board: &Board) -> String {
    let mut text = format!("step {}", words::count(board.current_step()));
    if let Some(step) = &board.step {
        text.push_str(&format!(", loss {}", words::value(step.loss.0)));
    }
    let measured = board.evaluation.as_ref();
    if let Some(right) = measured.and_then(|it| it.exact.or(it.accuracy)) {
        text.push_str(&format!(", {} of held-out right", words::percent(right.0)));
    }
    match &board.phase {
        Phase::Paused => text.push_str(", paused"),
        Phase::Finished { .. } => text.push_str(", done"),
        Phase::Starting | Phase::Running => {}
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::event::Step;
    use kitchen_types::{Number, RunId};

    use super::*;

    fn envelope(event: Event) -> Envelope {
        Envelope {
            run: RunId::new("a").unwrap(),
            seq: 0,
            at_ms: 0,
            event,
        }
    }

    fn stepped(step: u64, loss: f64) -> Envelope {
        envelope(Event::Stepped(Step {
            step,
            epoch: 1,
            loss: Number(loss),
            accuracy: None,
            lr: Number(0.1),
            grad_norm: None,
            update_ratio: None,
            samples: 1,
            tokens: 1,
            duration_us: 1,
        }))
    }

    fn restored(step: u64) -> Envelope {
        envelope(Event::Restored {
            step,
            name: "a checkpoint".into(),
            lr: None,
            batch: None,
        })
    }

    /// The last step of the curves now, and as they were before.
    fn ends(live: &Live) -> (Option<u64>, Option<u64>) {
        (newest(&live.board.series), newest(&live.before))
    }

    #[test]
    fn going_back_and_forth_loses_no_curve() {
        let mut live = Live::default();
        let steps: Vec<Envelope> = (1..=60).map(|step| stepped(step, 1.0)).collect();
        live.hear(&steps);
        assert_eq!(ends(&live), (Some(60), None));
        live.hear(&[restored(20)]);
        assert_eq!(ends(&live), (Some(20), Some(60)));
        live.hear(&[restored(40)]);
        assert_eq!(ends(&live), (Some(40), Some(60)));
        live.begin(Board::default());
        assert_eq!(ends(&live), (None, None));
    }

    /// Steps that were taken instead belong to another future than the one that was left.
    #[test]
    fn another_future_is_not_mixed_with_the_one_before() {
        let mut live = Live::default();
        let steps: Vec<Envelope> = (1..=60).map(|step| stepped(step, 1.0)).collect();
        live.hear(&steps);
        live.hear(&[restored(20), stepped(21, 2.0), restored(40)]);
        assert_eq!(ends(&live), (Some(21), Some(60)));
        let further: Vec<Envelope> = (41..=80).map(|step| stepped(step, 2.0)).collect();
        live.hear(&further);
        live.hear(&[restored(20)]);
        assert_eq!(ends(&live), (Some(20), Some(80)));
    }
}
