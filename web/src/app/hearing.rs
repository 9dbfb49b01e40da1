//! What the worker says, and what becomes of it.

use kitchen_types::config::DeviceChoice;
use kitchen_types::kept::{KeptReply, KeptRequest};
use kitchen_types::page::{FromWorker, ToWorker};
use kitchen_types::ports::{DataSpec, Split};
use kitchen_types::question::{Answer, ExampleView, Preview, Question, QuestionError};

use super::asking::{self, Purpose};
use super::learnt::{self, Kind};
use super::recovery::Verdict;
use super::trainer::Program;
use super::{AboutKept, App, Shown, address, bench, save};

impl App {
    /// Goes on with a new worker after the old one broke.
    pub(super) fn recover(&mut self, message: &str) {
        match self.recovery.judge(kitchen_platform::now_ms()) {
            Verdict::Again => self.notices.push(format!(
                "the trainer broke ({message}); a new one goes on from the last checkpoint"
            )),
            Verdict::OnCpu => {
                self.notices.push(format!(
                    "the trainer broke three times in five minutes ({message}); it goes on on the CPU"
                ));
                self.settings.set("device", "cpu");
                address::replace(&self.settings.to_query());
                if let Some(running) = &mut self.running {
                    running.config.device = DeviceChoice::Cpu;
                }
            }
            Verdict::GiveUp => {
                self.notices.push(format!(
                    "the trainer broke again, on the CPU too ({message}); choose a smaller model or batch, and press Reset"
                ));
                self.running = None;
                self.live.borrow_mut().failed = true;
            }
        }
        self.hire();
    }

    /// Gives a worker that listens what it needs, and something to do, once it is known what GPU
    /// there is.
    pub(super) fn greet(&mut self) {
        let Some(gpu) = self.gpu.clone().filter(|_| self.is_ready) else {
            return;
        };
        self.tell(&ToWorker::Gpu(gpu));
        for file in &self.held {
            self.hold(file);
        }
        if let Some(bench) = bench::asked_for(&address::query()) {
            return self.tell(&bench);
        }
        self.about_kept(AboutKept::List, KeptRequest::List);
        match self.running.clone() {
            // A new worker in the place of an old one.
            Some(running) => self.tell_to_start(running),
            None if self.live.borrow().failed => {}
            None => self.start(),
        }
    }

    pub(super) fn hear(&mut self, message: FromWorker, bytes: Option<Vec<u8>>) -> bool {
        if self.not_taken > 0 && is_of_the_run(&message) {
            return false;
        }
        match message {
            FromWorker::Ready => {
                self.is_ready = true;
                self.greet();
                true
            }
            FromWorker::Taken => {
                self.not_taken = self.not_taken.saturating_sub(1);
                false
            }
            FromWorker::WantsGpu => {
                self.program = Program::Gpu;
                self.hire();
                true
            }
            FromWorker::Envelopes(envelopes) => {
                let shown = {
                    let mut live = self.live.borrow_mut();
                    live.hear(&envelopes);
                    Shown::of(&live.board)
                };
                let changed = shown != self.shown;
                if shown.checkpoints != self.shown.checkpoints {
                    self.about_kept(AboutKept::List, KeptRequest::List);
                }
                if shown.has_client && !self.shown.has_client {
                    self.ask_for_points(shown.spec.as_ref());
                }
                self.shown = shown;
                changed
            }
            FromWorker::Preview(Preview::Surface(surface)) => {
                let mut live = self.live.borrow_mut();
                live.picture.surface = Some(surface);
                live.touch();
                false
            }
            FromWorker::Answered { id, answer } => {
                let purpose = self.asked.remove(&id);
                purpose.is_some_and(|purpose| self.answered(purpose, answer))
            }
            FromWorker::Estimated { id, needs } => self.needs.hear(id, needs),
            FromWorker::Kept { id, reply } => {
                let about = self.asked_kept.remove(&id);
                about.is_some_and(|about| self.heard_of_kept(about, reply, bytes))
            }
            FromWorker::Notice { message } => {
                self.notices.push(message);
                true
            }
            FromWorker::Benched(report) => {
                self.benched = Some(report);
                true
            }
            FromWorker::Failed { message } => {
                self.live.borrow_mut().failed = true;
                self.live.borrow_mut().touch();
                self.notices.push(message);
                true
            }
            // Told apart by the trainer.
            FromWorker::Crashed { .. } => false,
        }
    }

    /// Takes in an answer. Says whether the layout changes.
    pub(super) fn answered(
        &mut self,
        purpose: Purpose,
        answer: Result<Answer, QuestionError>,
    ) -> bool {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.notices.push(error.to_string());
                return true;
            }
        };
        match (purpose, answer) {
            (Purpose::Points, Answer::Examples(examples)) => {
                let mut live = self.live.borrow_mut();
                let classes = learnt::classes(&live.board).to_vec();
                live.picture.add_points(&examples, &classes);
                live.touch();
                false
            }
            (Purpose::Pad, Answer::Predicted(predictions)) => {
                let mut live = self.live.borrow_mut();
                live.picture.prediction = predictions.into_iter().next();
                live.touch();
                false
            }
            (Purpose::Write(question), Answer::Written(written)) => {
                let new: Vec<u32> = written.tokens.iter().map(|token| token.id).collect();
                {
                    let mut live = self.live.borrow_mut();
                    live.picture.answer = match question.as_ref() {
                        Question::Write { prompt, .. } => format!("{prompt}{}", written.text),
                        _ => written.text,
                    };
                    live.touch();
                }
                let next = asking::go_on(&question, &new).filter(|_| !written.ended);
                if let Some(next) = next {
                    self.ask(Purpose::Write(Box::new(next.clone())), next);
                }
                false
            }
            (Purpose::Examples, Answer::Examples(examples)) => {
                self.examples.extend(examples);
                true
            }
            (Purpose::Inside, Answer::Inspected(inspection)) => {
                self.inside.inspection = Some(inspection);
                true
            }
            (Purpose::Inside, Answer::Matrix(matrix)) => {
                self.inside.matrix = Some(matrix);
                true
            }
            (Purpose::Inside, Answer::Attention(attention)) => {
                self.inside.attention = Some(attention);
                true
            }
            _ => false,
        }
    }

    /// Asks for the points of the plane, where there is one to be shown.
    pub(super) fn ask_for_points(&mut self, spec: Option<&DataSpec>) {
        if spec.map(Kind::of) != Some(Kind::Plane) {
            return;
        }
        let most = ExampleView::COUNT;
        for (split, pages) in [(Split::Train, 6), (Split::Validation, 3)] {
            for page in 0..pages {
                let question = Question::Examples {
                    split,
                    from: page * most,
                    count: most,
                };
                self.ask(Purpose::Points, question);
            }
        }
    }

    /// Takes in an answer about kept runs. Says whether the layout changes.
    fn heard_of_kept(
        &mut self,
        about: AboutKept,
        reply: Result<KeptReply, String>,
        bytes: Option<Vec<u8>>,
    ) -> bool {
        let reply = match reply {
            Ok(reply) => reply,
            Err(reason) => {
                self.notices.push(reason);
                return true;
            }
        };
        self.kept.hear(&reply);
        match (about, reply) {
            (AboutKept::Overlay(run), KeptReply::Replayed(replayed)) => {
                self.kept.overlaid.insert(run, *replayed);
                self.show_overlays();
            }
            (AboutKept::GoOn(run), KeptReply::Replayed(replayed)) => self.go_on(run, *replayed),
            (AboutKept::Download, KeptReply::Downloaded { name, .. }) => {
                save::bytes(
                    &name,
                    "application/octet-stream",
                    &bytes.unwrap_or_default(),
                );
            }
            (AboutKept::Make, KeptReply::Made { run, .. }) => {
                let request = KeptRequest::Replay { run: run.clone() };
                self.about_kept(AboutKept::GoOn(run), request);
            }
            (AboutKept::Change, _) => self.about_kept(AboutKept::List, KeptRequest::List),
            _ => {}
        }
        true
    }
}

/// Whether the worker says this of the run that it is at.
fn is_of_the_run(message: &FromWorker) -> bool {
    match message {
        FromWorker::Envelopes(_)
        | FromWorker::Preview(_)
        | FromWorker::WantsGpu
        | FromWorker::Failed { .. } => true,
        FromWorker::Ready
        | FromWorker::Taken
        | FromWorker::Answered { .. }
        | FromWorker::Estimated { .. }
        | FromWorker::Kept { .. }
        | FromWorker::Notice { .. }
        | FromWorker::Benched(_)
        | FromWorker::Crashed { .. } => false,
    }
}
