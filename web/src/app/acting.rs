//! What a person does, and what becomes of it.

use kitchen_core::Recipe;
use kitchen_types::board::{Board, Phase};
use kitchen_types::config::DeviceChoice;
use kitchen_types::kept::{KeptRequest, Replayed};
use kitchen_types::page::{StartRun, ToWorker};
use kitchen_types::ports::Inputs;
use kitchen_types::question::Question;
use kitchen_types::{Command, Number, RunId};

use super::asking::Purpose;
use super::controls::Act;
use super::files::FileBytes;
use super::inside::Inside;
use super::learnt::Kind;
use super::runs::OnKept;
use super::trainer::Program;
use super::{AboutKept, App, Shown, address, curves, receipts, save, seeing};
use crate::dropped::{Dropped, judge};
use crate::settings::Settings;
use crate::stage::Theatre;

impl App {
    pub(super) fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Toggle => match &self.shown.phase {
                // What is said to a run that begins waits for it.
                Phase::Starting | Phase::Running => self.command(Command::Pause),
                Phase::Paused => self.command(Command::Resume),
                Phase::Finished { .. } => self.start(),
            },
            Act::Step => self.command(Command::Step),
            Act::Stop => self.command(Command::Stop),
            Act::Answer(place) => self.answer(place),
            Act::Restart => self.start(),
            Act::Branch => self.branch(),
            Act::SetLearningRate(lr) => self.command(Command::SetLearningRate(Number(lr))),
            Act::GoBack(step) => {
                if self.shown.phase != Phase::Paused {
                    self.command(Command::Pause);
                }
                self.command(Command::RollBack { step });
            }
            Act::SetBatchSize(size) => self.command(Command::SetBatchSize(size)),
            Act::SetSpeed(speed) => self.command(Command::SetSpeed(Number(speed))),
            Act::Seek(to) => self.command(Command::Seek(Number(to))),
            Act::CopyLink => self.copy(Ok(address::whole())),
            Act::CopyReceipt => {
                let link = receipts::link(&self.live.borrow().board);
                self.copy(link);
            }
            Act::Verify => self.verify(),
            Act::LoseDevice => self.tell(&ToWorker::LoseDevice),
            Act::DrawByFactors(log) => {
                let mut live = self.live.borrow_mut();
                live.curves.log = log;
                live.touch();
            }
            Act::Smooth(smoothing) => {
                let mut live = self.live.borrow_mut();
                live.curves.smoothing = smoothing;
                live.touch();
            }
            Act::PointAt(chart, x) => self.point_at(chart, x),
            Act::See(what) => {
                let document = web_sys::window().and_then(|window| window.document());
                if let Some(document) = document {
                    let mut live = self.live.borrow_mut();
                    seeing::see(&Theatre::new(&document), &mut live, what);
                }
            }
            Act::SaveCsv => {
                let table = curves::csv(&self.live.borrow().board);
                save::bytes("curves.csv", "text/csv", table.as_bytes());
            }
            Act::SavePng => save::canvas("curve-loss", "loss.png"),
            Act::PenDown(at) => {
                self.live.borrow_mut().picture.drawing.pen_down(at);
                self.read_pad();
            }
            Act::PenTo(at) => {
                self.live.borrow_mut().picture.drawing.pen_to(at);
                self.read_pad();
            }
            Act::ClearPad => {
                let mut live = self.live.borrow_mut();
                live.picture.drawing = Default::default();
                live.picture.prediction = None;
                live.touch();
            }
        }
        matches!(
            act,
            Act::Restart | Act::Toggle | Act::CopyLink | Act::CopyReceipt | Act::Verify
        )
    }

    /// Does what the open question suggests.
    fn answer(&self, place: usize) {
        let live = self.live.borrow();
        let incident = live.board.open_question();
        let ask = incident.and_then(|incident| incident.open_question());
        if let Some(command) = ask.and_then(|ask| ask.actions.get(place)) {
            self.command(command.clone());
        }
    }

    /// Begins a run of what the settings say, if they make sense.
    pub(super) fn start(&mut self) {
        let Ok(resolved) = self.settings.resolve() else {
            return;
        };
        let Some(run) = self.new_name() else { return };
        let start = StartRun {
            run,
            config: resolved.config,
        };
        self.begin(start, Board::default());
    }

    /// A name that no run has: the recipe's, and the time.
    fn new_name(&self) -> Option<RunId> {
        let started_ms = kitchen_platform::now_ms();
        RunId::new(format!("{}-{started_ms}", self.settings.recipe.name)).ok()
    }

    /// Has the worker run something. `board` is what it came to before.
    fn begin(&mut self, start: StartRun, board: Board) {
        self.live.borrow_mut().begin(board);
        self.shown = Shown::default();
        self.asked.clear();
        self.inside = Inside::default();
        self.examples.clear();
        let on_gpu = start.config.device == DeviceChoice::Gpu;
        self.running = Some(start.clone());
        if on_gpu && self.program == Program::Cpu {
            self.program = Program::Gpu;
            self.hire();
        } else {
            self.tell_to_start(start);
        }
    }

    /// Has the worker begin. What it says until it has heard of this is of the run before.
    pub(super) fn tell_to_start(&mut self, start: StartRun) {
        self.not_taken += 1;
        self.tell(&ToWorker::Start(Box::new(start)));
    }

    pub(super) fn command(&self, command: Command) {
        self.tell(&ToWorker::Command(command));
    }

    pub(super) fn tell(&self, message: &ToWorker) {
        if let Some(trainer) = &self.trainer {
            trainer.tell(message, None);
        }
    }

    pub(super) fn hold(&self, file: &FileBytes) {
        if let Some(trainer) = &self.trainer {
            let name = file.name.clone();
            trainer.tell(&ToWorker::Hold { name }, Some(&file.bytes));
        }
    }

    pub(super) fn ask(&mut self, purpose: Purpose, question: Question) {
        self.questions += 1;
        let id = self.questions;
        self.asked.insert(id, purpose);
        self.tell(&ToWorker::Ask { id, question });
    }

    /// Hands a text to the clipboard, and says so.
    fn copy(&mut self, text: Result<String, String>) {
        match text {
            Ok(text) => {
                save::to_clipboard(&text);
                self.notices.push(format!("copied: {text}"));
            }
            Err(reason) => self.notices.push(reason),
        }
    }

    /// Runs again what the receipt says.
    fn verify(&mut self) {
        let Some(receipt) = &self.receipt else { return };
        let config = receipt.config.clone();
        let recipe = Recipe::find(&config.recipe).unwrap_or(self.settings.recipe);
        self.settings = Settings::from_config(recipe, &config);
        let Some(run) = self.new_name() else { return };
        self.begin(StartRun { run, config }, Board::default());
    }

    /// Shows the numbers under the pointer in every chart.
    pub(super) fn point_at(&self, chart: &'static str, x: Option<i32>) {
        let Some(document) = web_sys::window().and_then(|window| window.document()) else {
            return;
        };
        let mut live = self.live.borrow_mut();
        let step = x.and_then(|x| {
            let theatre = Theatre::new(&document);
            curves::step_at(&theatre, &live, chart, f64::from(x))
        });
        live.curves.cursor = step;
        live.touch();
    }

    /// Has the model read what is drawn, unless it is still at it.
    pub(super) fn read_pad(&mut self) {
        self.live.borrow_mut().touch();
        let busy = self.asked.values().any(|purpose| *purpose == Purpose::Pad);
        let Some(Kind::Image(height, width)) = self.shown.spec.as_ref().map(Kind::of) else {
            return;
        };
        if busy {
            return;
        }
        let values = self.live.borrow().picture.drawing.image(width, height);
        let inputs = Inputs::Features {
            shape: vec![1, height, width],
            values,
        };
        self.ask(Purpose::Pad, Question::Predict { inputs });
    }

    /// Makes use of dropped files.
    pub(super) fn drop_in(&mut self, files: Vec<FileBytes>) {
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        match judge(&names) {
            Ok(Dropped::Data { names, settings }) => {
                self.held = files
                    .into_iter()
                    .zip(names)
                    .map(|(file, name)| FileBytes { name, ..file })
                    .collect();
                for file in &self.held {
                    self.hold(file);
                }
                self.settings = *settings;
                address::replace(&self.settings.to_query());
                self.start();
            }
            Ok(Dropped::Config) => self.take_config(&files),
            Ok(Dropped::Checkpoint) => {
                for file in &files {
                    self.ask_about_kept(AboutKept::Make, KeptRequest::Upload, Some(&file.bytes));
                }
            }
            Ok(Dropped::Receipt) => {}
            Err(reason) => self.notices.push(reason),
        }
    }

    /// Sets every setting that a dropped configuration names.
    pub(super) fn take_config(&mut self, files: &[FileBytes]) {
        for file in files {
            let text = String::from_utf8_lossy(&file.bytes);
            match Settings::from_file(&file.name, &text) {
                Ok(settings) => {
                    self.settings = settings;
                    address::replace(&self.settings.to_query());
                }
                Err(problems) => self.notices.extend(problems),
            }
        }
    }

    /// Does something with a kept run.
    pub(super) fn on_kept(&mut self, what: OnKept) {
        match what {
            OnKept::GoOn(run) => {
                let request = KeptRequest::Replay { run: run.clone() };
                self.about_kept(AboutKept::GoOn(run), request);
            }
            OnKept::Overlay(run) => {
                if self.kept.overlaid.remove(&run).is_some() {
                    return self.show_overlays();
                }
                let request = KeptRequest::Replay { run: run.clone() };
                self.about_kept(AboutKept::Overlay(run), request);
            }
            OnKept::Ask(request) => {
                let about = match request {
                    KeptRequest::Download { .. } => AboutKept::Download,
                    _ => AboutKept::Change,
                };
                self.about_kept(about, request);
            }
            OnKept::CloseBanner => self.kept.banner_closed = true,
            // Only a page can ask the browser, and waits for the answer elsewhere.
            OnKept::Persist => {}
        }
    }

    /// Goes on from where the run stands, with the settings as they are now, as another run.
    fn branch(&mut self) {
        let (Some(running), Ok(resolved)) = (&self.running, self.settings.resolve()) else {
            return;
        };
        let Some(to) = self.new_name() else { return };
        let request = KeptRequest::Fork {
            run: running.run.clone(),
            step: self.live.borrow().board.current_step(),
            to,
            config: Some(Box::new(resolved.config)),
        };
        self.about_kept(AboutKept::Make, request);
    }

    /// Asks the worker about kept runs.
    pub(super) fn about_kept(&mut self, about: AboutKept, request: KeptRequest) {
        self.ask_about_kept(about, request, None);
    }

    fn ask_about_kept(&mut self, about: AboutKept, request: KeptRequest, bytes: Option<&[u8]>) {
        self.questions += 1;
        let id = self.questions;
        self.asked_kept.insert(id, about);
        if let Some(trainer) = &self.trainer {
            trainer.tell(&ToWorker::Kept { id, request }, bytes);
        }
    }

    /// Shows the curves of the chosen runs.
    pub(super) fn show_overlays(&self) {
        let mut live = self.live.borrow_mut();
        live.overlays = self
            .kept
            .overlaid
            .iter()
            .map(|(run, replayed)| (run.to_string(), replayed.board.clone()))
            .collect();
        live.touch();
    }

    /// Goes on with a kept run.
    pub(super) fn go_on(&mut self, run: RunId, replayed: Replayed) {
        let recipe = Recipe::find(&replayed.config.recipe).unwrap_or(self.settings.recipe);
        self.settings = Settings::from_config(recipe, &replayed.config);
        address::replace(&self.settings.to_query());
        self.kept.banner_closed = true;
        self.begin(
            StartRun {
                run,
                config: replayed.config,
            },
            replayed.board,
        );
    }
}
