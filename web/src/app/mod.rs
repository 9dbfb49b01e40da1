//! The page. Yew lays out what people choose and what happens seldom; what changes many times a
//! second is drawn by hand (`live`).

mod acting;
mod asking;
mod awake;
mod bench;
mod controls;
mod curves;
mod examples;
mod files;
mod folders;
mod glossary;
mod gpu;
mod hearing;
mod inside;
mod keys;
mod knobs;
mod learnt;
mod live;
mod needs;
mod notes;
mod presets;
mod receipts;
mod recovery;
mod runs;
mod save;
mod seeing;
mod tour;
mod trainer;
mod trouble;
mod webgpu;

use std::collections::{BTreeMap, BTreeSet};

use kitchen_core::config::{ConfigProblem, diff};
use kitchen_types::RunId;
use kitchen_types::bench::BenchReport;
use kitchen_types::board::{Board, Phase};
use kitchen_types::config::DeviceChoice;
use kitchen_types::kept::KeptRequest;
use kitchen_types::page::{GpuHere, StartRun, ToWorker};
use kitchen_types::ports::DataSpec;
use kitchen_types::question::{ExampleView, Question};
use kitchen_types::receipt::Receipt;
use kitchen_types::report::SettingChange;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::{Callback, Component, Context, Html, Renderer, html};

use crate::address;
use crate::settings::Settings;
use crate::stage::Theatre;
use asking::Purpose;
use awake::Awake;
use controls::Act;
use files::FileBytes;
use inside::Inside;
use keys::Keys;
use live::Shared;
use presets::{PRESETS, Preset};
use recovery::Recovery;
use runs::{Kept, OnKept};
use tour::Tour;
use trainer::{Heard, Program, Trainer};

/// Puts the page together.
pub fn mount() {
    let document = web_sys::window().and_then(|window| window.document());
    // The shell in the HTML has this element; without it there is nothing to fill.
    if let Some(root) = document.and_then(|document| document.get_element_by_id("app")) {
        if bench::asks_for_charts(&address::query()) {
            wasm_bindgen_futures::spawn_local(bench::time_charts(root));
        } else {
            Renderer::<App>::with_root(root).render();
        }
    }
}

/// The whole page below its title.
struct App {
    settings: Settings,
    /// What the worker was told to run; `None` before the first run.
    running: Option<StartRun>,
    /// What the worker can run.
    program: Program,
    trainer: Option<Trainer>,
    /// Whether it listens.
    is_ready: bool,
    /// How many runs the worker was told to start and has not taken up yet.
    not_taken: u32,
    heard: Callback<Heard>,
    /// What GPU there is, once that is known.
    gpu: Option<GpuHere>,
    recovery: Recovery,
    /// Files that were dropped: a new worker is handed them again.
    held: Vec<FileBytes>,
    live: Shared,
    /// What Yew has laid out, to see when that no longer fits.
    shown: Shown,
    asked: BTreeMap<u64, Purpose>,
    /// What was asked about kept runs.
    asked_kept: BTreeMap<u64, AboutKept>,
    questions: u64,
    kept: Kept,
    inside: Inside,
    examples: Vec<ExampleView>,
    /// What somebody else measured, where the address says so.
    receipt: Option<Receipt>,
    /// What was timed, where the address asked for that.
    benched: Option<BenchReport>,
    /// What the settings need.
    needs: needs::Known,
    notices: Vec<String>,
    tour: Tour,
    /// The tour as it was laid out last.
    tour_shown: Tour,
    awake: Awake,
    _keys: Option<Keys>,
}

/// What happens.
enum Msg {
    /// The worker said something, or is gone.
    Heard(Heard),
    /// The browser has said what GPU there is.
    FoundGpu(GpuHere),
    /// A person chose what to watch.
    Watch(&'static Preset),
    /// A person changed a setting.
    Set(String, String),
    /// A person pressed a button or a key.
    Act(Act),
    /// A person asks the model something.
    Ask(Purpose, Question),
    /// A person wants to see examples.
    ShowExamples,
    /// A person does something with a kept run.
    OnKept(OnKept),
    /// A person looks around.
    Tour(Tour),
    /// The browser has answered whether it keeps what is kept.
    Persisted,
    /// A person dropped files, and they have been read; or could not be.
    Dropped(Result<Vec<FileBytes>, String>),
}

/// Why something was asked about kept runs.
#[derive(Clone, Debug, PartialEq)]
enum AboutKept {
    /// To show which there are.
    List,
    /// To lay a run's curves over the others.
    Overlay(RunId),
    /// To go on with a run.
    GoOn(RunId),
    /// To save a run as a file.
    Download,
    /// To make a run, from a file or as a branch of another, and go on with it.
    Make,
    /// To change something, which changes the list.
    Change,
}

/// The part of the board that the layout depends on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    phase: Phase,
    /// The steps of the checkpoints, in order.
    checkpoints: Vec<u64>,
    /// Which of them the model comes from.
    place: Option<usize>,
    /// The step of the best one.
    best: Option<u64>,
    notices: usize,
    /// The incident that a person is asked about.
    asks: Option<u64>,
    has_client: bool,
    is_mixed: bool,
    on_gpu: bool,
    on_cluster: bool,
    without_webgpu: bool,
    spec: Option<DataSpec>,
}

impl Shown {
    fn of(board: &Board) -> Self {
        // One that is saved after going back comes after those that it comes before.
        let checkpoints: BTreeSet<u64> = board.checkpoints.iter().map(|saved| saved.step).collect();
        let client = board.client.as_ref();
        let is_on = |device| client.is_some_and(|client| client.device == device);
        let passed = checkpoints.range(..=board.current_step()).count();
        Self {
            phase: board.phase.clone(),
            place: passed.checked_sub(1),
            best: curves::best(board),
            checkpoints: checkpoints.into_iter().collect(),
            notices: board.notices.len(),
            asks: board.open_question().map(|it| it.anomaly.incident),
            has_client: board.client.is_some(),
            is_mixed: board.mix.is_some(),
            on_gpu: is_on("gpu"),
            on_cluster: is_on("cluster"),
            without_webgpu: webgpu::is_missing(board),
            spec: board.data.as_ref().map(|data| data.spec.clone()),
        }
    }
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let (settings, mut notices) = Settings::from_query(&address::query());
        let receipt = match receipts::in_query(&address::query()) {
            None => None,
            Some(Ok(receipt)) => Some(receipt),
            Some(Err(reason)) => {
                notices.push(reason);
                None
            }
        };
        let tour = Tour::remembered();
        let live = Shared::default();
        live::draw_on(live.clone());
        let act = ctx.link().callback(Msg::Act);
        let mut app = Self {
            settings,
            running: None,
            program: Program::Cpu,
            trainer: None,
            is_ready: false,
            not_taken: 0,
            heard: ctx.link().callback(Msg::Heard),
            gpu: None,
            recovery: Recovery::default(),
            held: Vec::new(),
            live,
            shown: Shown::default(),
            asked: BTreeMap::new(),
            asked_kept: BTreeMap::new(),
            questions: 0,
            kept: Kept::default(),
            inside: Inside::default(),
            examples: Vec::new(),
            receipt,
            benched: None,
            needs: needs::Known::default(),
            notices,
            tour,
            tour_shown: tour,
            awake: Awake::watch(),
            _keys: Keys::listen(act),
        };
        if app.wants_gpu() {
            app.program = Program::Gpu;
        }
        app.hire();
        ctx.link()
            .send_future(async { Msg::FoundGpu(gpu::look().await) });
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Heard(Heard::Said(message, bytes)) => return self.hear(*message, bytes),
            Msg::Heard(Heard::Broke(message)) => self.recover(&message),
            Msg::FoundGpu(gpu) => {
                self.gpu = Some(gpu);
                self.greet();
            }
            Msg::Watch(preset) => {
                self.settings = preset.settings();
                address::replace(&self.settings.to_query());
                self.notices.clear();
                if self.settings.resolve().is_ok() {
                    self.start();
                }
            }
            Msg::Set(path, value) => {
                self.settings.set(&path, &value);
                address::replace(&self.settings.to_query());
            }
            Msg::Act(act) => return self.act(act),
            Msg::Ask(purpose, question) => {
                if matches!(purpose, Purpose::Write(_)) {
                    self.live.borrow_mut().picture.answer.clear();
                }
                self.ask(purpose, question);
                return false;
            }
            Msg::ShowExamples => {
                self.examples.clear();
                for question in examples::questions(self.shown.spec.as_ref()) {
                    self.ask(Purpose::Examples, question);
                }
            }
            Msg::OnKept(OnKept::Persist) => {
                let asked = ctx.link().callback(|()| Msg::Persisted);
                wasm_bindgen_futures::spawn_local(async move {
                    crate::persist::ask().await;
                    asked.emit(());
                });
                return false;
            }
            Msg::OnKept(what) => self.on_kept(what),
            Msg::Tour(tour) => self.tour = tour,
            Msg::Persisted => self.about_kept(AboutKept::List, KeptRequest::List),
            Msg::Dropped(Ok(files)) => self.drop_in(files),
            Msg::Dropped(Err(reason)) => self.notices.push(reason),
        }
        true
    }

    fn rendered(&mut self, _ctx: &Context<Self>, _first: bool) {
        // New canvases are empty.
        self.live.borrow_mut().touch();
        self.awake.want(self.live.borrow().status() == "running");
        self.ask_for_needs();
        let document = web_sys::window().and_then(|window| window.document());
        if let Some(document) = document {
            let theatre = Theatre::new(&document);
            inside::draw(&theatre, &self.inside);
            examples::draw(&theatre, self.shown.spec.as_ref(), &self.examples);
            tour::show(&document, self.tour_shown, self.tour);
            self.tour_shown = self.tour;
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let config = self.settings.merge();
        let act = link.callback(Msg::Act);
        let live = self.live.borrow();
        let model = live.board.config.as_ref().map(|config| &config.model);
        let write = link.callback(|question: Question| {
            Msg::Ask(Purpose::Write(Box::new(question.clone())), question)
        });
        let look = link.callback(|question| Msg::Ask(Purpose::Inside, question));
        let on_kept = link.callback(Msg::OnKept);
        let current = self.running.as_ref();
        html! {
            <>
                { tour::view(self.tour, &link.callback(Msg::Tour)) }
                { for self.benched.as_ref().map(bench::view) }
                { runs::banner(&self.kept, current.map(|it| &it.run), &on_kept) }
                { for self.receipt.as_ref().map(|receipt| receipts::view(receipt, &live.board, &act)) }
                { self.view_question(ctx) }
                { trouble::view(&live.board, &act) }
                { controls::view(&self.shown, self.changes(), &act) }
                <div class="columns">
                    { learnt::view(&self.shown, self.settings.recipe.teaches, &act, &write) }
                    { curves::view(&self.shown, &act) }
                    <section class="card" aria-labelledby="settings-title">
                        <h2 id="settings-title">{ "Settings" }</h2>
                        { notes::problems(&self.problems()) }
                        { files::view(&link.callback(Msg::Dropped)) }
                        { for config.map(|config| knobs::view(&config, &link.callback(|(path, value)| Msg::Set(path, value)))) }
                        { needs::view(&self.needs, current, &live.board) }
                        { controls::knobs(&self.shown, &act) }
                        { receipts::buttons(&self.shown.phase, &act) }
                    </section>
                </div>
                { notes::view(&self.notices, &live.board) }
                <div class="columns two">
                    { inside::view(&self.inside, model, &look) }
                    { examples::view(live.board.data.as_ref(), &self.examples, &link.callback(|()| Msg::ShowExamples)) }
                </div>
                { runs::view(&self.kept, current.map(|it| (&it.run, &it.config)), &on_kept) }
            </>
        }
    }
}

impl App {
    /// What to watch, as a sentence.
    fn view_question(&self, ctx: &Context<Self>) -> Html {
        let chosen = Preset::nearest(&self.settings);
        let onchange = ctx.link().batch_callback(|event: web_sys::Event| {
            let select: HtmlSelectElement = event.target()?.dyn_into().ok()?;
            let preset = PRESETS.get(usize::try_from(select.selected_index()).ok()?)?;
            Some(Msg::Watch(preset))
        });
        let wants = chosen.and_then(|place| PRESETS.get(place)?.wants);
        let missing = self.settings.resolve().is_err();
        html! {
            <section class="question" aria-label="What to watch">
                <label class="sentence">{ "Watch a network " }
                    <select id="preset" {onchange}>
                        { for PRESETS.iter().enumerate().map(|(place, preset)| html! {
                            <option selected={Some(place) == chosen}>{ preset.sentence }</option>
                        }) }
                    </select>
                </label>
                { for wants.filter(|_| missing).map(|wants| html! { <p id="wants">{ wants }</p> }) }
            </section>
        }
    }

    /// Whether what the address asks for can only be done on the GPU.
    fn wants_gpu(&self) -> bool {
        match bench::asked_for(&address::query()) {
            Some(ToWorker::Bench { device, .. }) => device == DeviceChoice::Gpu,
            _ => self
                .settings
                .merge()
                .is_some_and(|config| config.device == DeviceChoice::Gpu),
        }
    }

    /// Starts a worker, in the place of the one there is.
    fn hire(&mut self) {
        self.trainer = None;
        self.is_ready = false;
        self.not_taken = 0;
        self.asked.clear();
        match Trainer::start(self.program, &self.heard) {
            Ok(trainer) => self.trainer = Some(trainer),
            Err(reason) => self.notices.push(format!(
                "this browser did not start the worker that trains: {reason}; reload the page, or try another browser"
            )),
        }
    }

    /// What is wrong with the settings.
    fn problems(&self) -> Vec<ConfigProblem> {
        self.settings.resolve().err().unwrap_or_default()
    }

    /// In what the settings differ from the run.
    fn changes(&self) -> Vec<SettingChange> {
        match (&self.running, self.settings.resolve()) {
            (Some(running), Ok(resolved)) => diff(&running.config, &resolved.config),
            _ => Vec::new(),
        }
    }
}
