//! The page. Yew lays out what people choose and what happens seldom; what changes many times a
//! second is drawn by hand ([`live`]).

mod address;
mod controls;
mod curves;
mod glossary;
mod keys;
mod knobs;
mod learnt;
mod live;
mod notes;
mod presets;
mod trainer;

use kitchen_core::config::{ConfigProblem, diff};
use kitchen_types::board::{Board, Phase};
use kitchen_types::page::{FromWorker, StartRun, ToWorker};
use kitchen_types::report::SettingChange;
use kitchen_types::{Command, Number, RunConfig, RunId};
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::{Component, Context, Html, Renderer, html};

use crate::settings::Settings;
use controls::Act;
use keys::Keys;
use live::Shared;
use presets::{PRESETS, Preset};
use trainer::{Heard, Trainer};

/// Puts the page together.
pub fn mount() {
    let document = web_sys::window().and_then(|window| window.document());
    // The shell in the HTML has this element; without it there is nothing to fill.
    if let Some(root) = document.and_then(|document| document.get_element_by_id("app")) {
        Renderer::<App>::with_root(root).render();
    }
}

/// The whole page below its title.
struct App {
    settings: Settings,
    /// What the worker was told to run; `None` before the first run.
    running: Option<RunConfig>,
    trainer: Option<Trainer>,
    live: Shared,
    /// What Yew has laid out, to see when that no longer fits.
    shown: Shown,
    notices: Vec<String>,
    _keys: Option<Keys>,
}

/// What happens.
enum Msg {
    /// The worker said something, or is gone.
    Heard(Heard),
    /// A person chose what to watch.
    Watch(&'static Preset),
    /// A person changed a setting.
    Set(String, String),
    /// A person pressed a button or a key.
    Act(Act),
}

/// The part of the board that the layout depends on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    phase: Phase,
    checkpoints: Vec<u64>,
    notices: usize,
    has_client: bool,
    spec: Option<kitchen_types::ports::DataSpec>,
}

impl Shown {
    fn of(board: &Board) -> Self {
        Self {
            phase: board.phase.clone(),
            checkpoints: board.checkpoints.iter().map(|saved| saved.step).collect(),
            notices: board.notices.len(),
            has_client: board.client.is_some(),
            spec: board.data.as_ref().map(|data| data.spec.clone()),
        }
    }
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let (settings, notices) = Settings::from_query(&address::query());
        let live = Shared::default();
        live::draw_on(live.clone());
        let act = ctx.link().callback(Msg::Act);
        let mut app = Self {
            settings,
            running: None,
            trainer: None,
            live,
            shown: Shown::default(),
            notices,
            _keys: Keys::listen(act),
        };
        app.hire(ctx);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Heard(Heard::Said(message, _bytes)) => return self.hear(*message),
            Msg::Heard(Heard::Broke(message)) => {
                self.notices.push(format!("the trainer broke: {message}"));
                self.live.borrow_mut().failed = true;
                self.live.borrow_mut().touch();
            }
            Msg::Watch(preset) => {
                self.settings = preset.settings();
                address::show(&self.settings);
                self.notices.clear();
                if self.settings.resolve().is_ok() {
                    self.start();
                }
            }
            Msg::Set(path, value) => {
                self.settings.set(&path, &value);
                address::show(&self.settings);
            }
            Msg::Act(act) => self.act(ctx, act),
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        let config = self.settings.merge();
        html! {
            <>
                { self.view_question(ctx) }
                { controls::view(&self.shown.phase, self.changes(), &link.callback(Msg::Act)) }
                <div class="columns">
                    { learnt::view(&self.shown) }
                    { curves::view(&self.shown, &link.callback(Msg::Act)) }
                    <section class="card" aria-labelledby="settings-title">
                        <h2 id="settings-title">{ "Settings" }</h2>
                        { notes::problems(&self.problems()) }
                        { for config.map(|config| knobs::view(&config, &link.callback(|(path, value)| Msg::Set(path, value)))) }
                    </section>
                </div>
                { notes::view(&self.notices, &self.live.borrow().board) }
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
                <p class="quiet">{ self.settings.recipe.teaches }</p>
            </section>
        }
    }

    /// Starts a worker.
    fn hire(&mut self, ctx: &Context<Self>) {
        match Trainer::start(&ctx.link().callback(Msg::Heard)) {
            Ok(trainer) => self.trainer = Some(trainer),
            Err(reason) => self.notices.push(format!(
                "this browser did not start the worker that trains: {reason}; reload the page, or try another browser"
            )),
        }
    }

    fn hear(&mut self, message: FromWorker) -> bool {
        match message {
            FromWorker::Ready => {
                if self.settings.resolve().is_ok() {
                    self.start();
                }
                true
            }
            FromWorker::Envelopes(envelopes) => {
                let mut live = self.live.borrow_mut();
                live.hear(&envelopes);
                let shown = Shown::of(&live.board);
                let changed = shown != self.shown;
                self.shown = shown;
                changed
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

    fn act(&mut self, _ctx: &Context<Self>, act: Act) {
        let paused = self.shown.phase == Phase::Paused;
        match act {
            Act::Toggle => match &self.shown.phase {
                Phase::Running => self.tell(Command::Pause),
                Phase::Paused => self.tell(Command::Resume),
                Phase::Starting => {}
                Phase::Finished { .. } => self.start(),
            },
            Act::Step => {
                if paused {
                    self.tell(Command::Resume);
                }
                // The run pauses between two steps, so that exactly one is taken.
                self.tell(Command::Pause);
            }
            Act::Stop => self.tell(Command::Stop),
            Act::Restart => self.start(),
            Act::SetLearningRate(lr) => self.tell(Command::SetLearningRate(Number(lr))),
            Act::GoBack(step) => {
                if !paused {
                    self.tell(Command::Pause);
                }
                self.tell(Command::RollBack { step });
            }
            Act::Redraw => self.live.borrow_mut().touch(),
        }
    }

    /// Begins a run of what the settings say.
    fn start(&mut self) {
        let (Ok(resolved), Some(trainer)) = (self.settings.resolve(), &self.trainer) else {
            return;
        };
        let started_ms = kitchen_platform::now_ms();
        let name = format!("{}-{started_ms}", self.settings.recipe.name);
        // Recipes have names that can name a run.
        let Ok(run) = RunId::new(name) else { return };
        let config = resolved.config;
        let start = StartRun {
            run,
            config: config.clone(),
        };
        self.live.borrow_mut().begin();
        self.shown = Shown::default();
        trainer.tell(&ToWorker::Start(Box::new(start)), None);
        self.running = Some(config);
    }

    fn tell(&self, command: Command) {
        if let Some(trainer) = &self.trainer {
            trainer.tell(&ToWorker::Command(command), None);
        }
    }

    /// What is wrong with the settings.
    fn problems(&self) -> Vec<ConfigProblem> {
        self.settings.resolve().err().unwrap_or_default()
    }

    /// In what the settings differ from the run.
    fn changes(&self) -> Vec<SettingChange> {
        match (&self.running, self.settings.resolve()) {
            (Some(running), Ok(resolved)) => diff(running, &resolved.config),
            _ => Vec::new(),
        }
    }
}
