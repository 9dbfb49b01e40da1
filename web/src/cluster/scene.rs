//! A run that is watched: how far it is, what was measured, and how all of it is drawn.

use std::cell::RefCell;
use std::rc::Rc;

use kitchen_core::sim::Constants;
use kitchen_core::sim::story::{Event, Metric, Moment, Phase, Player, SCENARIOS, Scenario, Spec};
use kitchen_core::sim::trace::{Trace, trace};
use kitchen_core::told::{clock, told};
use kitchen_core::words;
use kitchen_platform::Stopwatch;
use kitchen_types::series::Series;
use wasm_bindgen::JsCast;
use web_sys::{Document, HtmlInputElement};
use yew::{Html, html};

use super::controls::Act;
use super::grid::{self, Places};
use super::past::{self, Past};
use super::{facts, schedule};
use crate::draw::canvas::measure;
use crate::draw::chart::{Chart, Curve, Goal, Unit, describe, layout, paint};
use crate::frames::write;
use crate::stage::Theatre;

/// Lines that are kept of what happened.
const LINES: usize = 200;
/// Seconds between two looks at all GPUs: more often nobody sees a difference.
const LOOK_EVERY: f64 = 0.05;
/// Seconds between two sentences for those who listen.
const ANNOUNCE_EVERY: f64 = 5.0;
/// The longest time that passes at once: a tab in the background goes on where it was.
const LONGEST_FRAME: f64 = 0.25;

/// The scene, shared by what hears and what draws.
pub(super) type Shared = Rc<RefCell<Scene>>;

/// A run that is watched.
pub(super) struct Scene {
    pub(super) player: Player,
    /// What was begun, without what a person broke since.
    pub(super) spec: Spec,
    /// What is shown of the GPUs.
    pub(super) metric: Metric,
    curves: Curves,
    /// What happened, the newest last.
    lines: Vec<String>,
    /// One step, operation by operation, or why there is none.
    trace: Result<Trace, String>,
    places: Places,
    /// The GPU that the pointer is on.
    pointed: Option<u32>,
    /// The GPU that was clicked on, or that the keyboard went to.
    chosen: Option<u32>,
    clock: Stopwatch,
    looked: Stopwatch,
    announced: Option<Stopwatch>,
    is_new: bool,
}

/// What was measured, by step.
#[derive(Default)]
struct Curves {
    loss: Series,
    held_out: Series,
    tokens: Series,
    kilowatts: Series,
}

impl Scene {
    /// At the beginning of a run.
    pub(super) fn new(spec: Spec, speed: f64) -> Result<Self, String> {
        let player = Player::new(spec.clone(), speed).map_err(|error| error.to_string())?;
        let job = &player.story().setting().job;
        let constants = Constants::bundled().map_err(|error| error.to_string())?;
        Ok(Self {
            trace: trace(job, &constants, |_, _| 1.0).map_err(|refusal| refusal.to_string()),
            player,
            spec,
            metric: Metric::Utilisation,
            curves: Curves::default(),
            lines: Vec::new(),
            places: Places::default(),
            pointed: None,
            chosen: None,
            clock: Stopwatch::start(),
            looked: Stopwatch::start(),
            announced: None,
            is_new: true,
        })
    }

    /// At the beginning of a scenario as it is.
    pub(super) fn of(scenario: &str, speed: f64) -> Self {
        let scenario = Scenario::named(scenario).unwrap_or(&SCENARIOS[0]);
        let spec = scenario.spec().map_err(|error| error.to_string());
        spec.and_then(|spec| Self::new(spec, speed))
            .unwrap_or_else(|error| unreachable!("a test runs every scenario: {error}"))
    }

    /// Has everything drawn again.
    pub(super) fn touch(&mut self) {
        self.is_new = true;
    }

    /// Does what concerns the run that is watched.
    pub(super) fn act(&mut self, act: &Act) {
        match *act {
            Act::Toggle => self.toggle(),
            Act::Reset => self.seek(0.0),
            Act::Faster => self.player.faster(),
            Act::Slower => self.player.slower(),
            Act::Leap => self.player.leap(),
            Act::Seek(share) => self.seek(share * self.player.story().seconds()),
            Act::Show(metric) => self.metric = metric,
            Act::PointAt(place) => {
                self.pointed = place.and_then(|(x, y)| self.places.gpu_at(x, y));
            }
            Act::BreakAt((x, y)) => {
                if let Some(gpu) = self.places.gpu_at(x, y) {
                    self.chosen = Some(gpu);
                    self.break_gpu(Some(gpu));
                }
            }
            Act::Step(right, down) => {
                self.chosen = self.places.neighbour(self.looked_at(), right, down);
                // Even where the pointer rests on another one.
                self.pointed = None;
            }
            Act::Break => self.break_gpu(self.looked_at()),
            // These are about another run.
            Act::Watch(_) | Act::Change(_) | Act::Take => {}
        }
    }

    fn toggle(&mut self) {
        if self.player.is_over() {
            self.seek(0.0);
            self.player.is_paused = false;
        } else {
            self.player.is_paused = !self.player.is_paused;
        }
    }

    /// What the first button does.
    pub(super) fn verb(&self) -> &'static str {
        if self.player.is_over() {
            "Again"
        } else if self.player.is_paused {
            "Go on"
        } else {
            "Pause"
        }
    }

    /// Tells so many lines at once.
    pub(super) fn lead(&mut self, lines: u64) {
        let enough = self.lines.len() as u64 + lines;
        while (self.lines.len() as u64) < enough.min(LINES as u64)
            && let Some(moment) = self.player.take()
        {
            self.hear(&moment);
        }
    }

    /// Goes to a time.
    pub(super) fn seek(&mut self, to: f64) {
        self.curves = Curves::default();
        self.lines.clear();
        for moment in self.player.seek(to) {
            self.hear(&moment);
        }
    }

    /// The GPU that is pointed at, or else the chosen one.
    fn looked_at(&self) -> Option<u32> {
        self.pointed.or(self.chosen)
    }

    /// Breaks a GPU, or another where none is meant.
    fn break_gpu(&mut self, number: Option<u32>) {
        let broken = match number {
            Some(number) => self.player.break_number(number),
            None => self.player.break_gpu(),
        };
        self.say(match broken {
            Some((node, gpu)) => format!("broken    by you: GPU {gpu} of node {node}"),
            None => "broken    nothing: no step is being made".to_owned(),
        });
    }

    fn say(&mut self, line: String) {
        self.lines.push(line);
        let surplus = self.lines.len().saturating_sub(LINES);
        self.lines.drain(..surplus);
    }

    fn hear(&mut self, moment: &Moment) {
        if let Some(line) = told(&moment.event) {
            self.say(line);
        }
        let curves = &mut self.curves;
        let step = self.player.board.step;
        match moment.event {
            Event::Step { step, loss, .. } => curves.loss.push(step, loss),
            Event::Validated { step, loss, .. } => curves.held_out.push(step, loss),
            Event::Rate { tok_s, .. } => curves.tokens.push(step, tok_s),
            Event::Fleet { watts, .. } => {
                let gpus = f64::from(self.player.story().setting().job.cluster.devices);
                curves.kilowatts.push(step, watts * gpus / 1e3);
            }
            Event::Resumed { step } => {
                for curve in [
                    &mut curves.loss,
                    &mut curves.held_out,
                    &mut curves.tokens,
                    &mut curves.kilowatts,
                ] {
                    curve.truncate(step);
                }
            }
            _ => {}
        }
        self.is_new = true;
    }

    /// Lets time pass, and draws what is new.
    pub(super) fn go_on(&mut self, document: &Document) {
        let passed = std::mem::replace(&mut self.clock, Stopwatch::start()).elapsed();
        self.player.pass(passed.as_secs_f64().min(LONGEST_FRAME));
        for moment in self.player.all_due() {
            self.hear(&moment);
        }
        let moves = !self.player.is_paused && !self.player.is_over();
        let is_due = self.looked.elapsed().as_secs_f64() >= LOOK_EVERY;
        if self.is_new || (moves && is_due) {
            self.looked = Stopwatch::start();
            self.is_new = false;
            self.draw(document);
        }
    }

    fn draw(&mut self, document: &Document) {
        self.mark(document);
        facts::put(document, &self.player);
        write(document, "state-line", &self.sentence());
        let theatre = Theatre::new(document);
        self.curves.draw(&theatre);
        let (player, metric, looked_at) = (&self.player, self.metric, self.looked_at());
        let mut places = Places::default();
        theatre.on("gpus", |stage| {
            let (drawn, words) = grid::draw(stage, player, metric, looked_at);
            places = drawn;
            words
        });
        self.places = places;
        let past = looked_at.map(|number| Past::of(player, number));
        let told = grid::tell(player, looked_at.zip(past.as_ref()));
        write(document, "gpu", &told);
        theatre.on("gpu-past", |stage| past::draw(stage, past.as_ref()));
        theatre.on("schedule", |stage| schedule::draw(stage, &self.trace));
        write(document, "schedule-reason", &schedule::reason(&self.trace));
        write(document, "log", &self.lines.join("\n"));
        let is_due = self
            .announced
            .is_none_or(|it| it.elapsed().as_secs_f64() >= ANNOUNCE_EVERY);
        if is_due {
            self.announced = Some(Stopwatch::start());
            write(document, "announcement", &self.sentence());
        }
    }

    /// One of the words that tests and assistive tools read.
    fn status(&self) -> &'static str {
        if self.player.is_over() {
            "done"
        } else if self.player.is_paused {
            "paused"
        } else {
            "running"
        }
    }

    /// Writes how the run stands onto `<main>`, and moves the slider of time along.
    fn mark(&self, document: &Document) {
        let board = &self.player.board;
        if let Ok(Some(main)) = document.query_selector("main") {
            for (name, value) in [
                ("data-step", board.step.to_string()),
                (
                    "data-loss",
                    board.loss.map_or_else(String::new, |it| it.to_string()),
                ),
                ("data-time", format!("{:.1}", self.player.now)),
                ("data-failures", board.failures.to_string()),
                ("data-status", self.status().to_owned()),
            ] {
                // Setting an attribute of an element that exists fails only on invalid names.
                let _ = main.set_attribute(name, &value);
            }
        }
        let slider = document.get_element_by_id("seek");
        if let Some(slider) = slider.and_then(|it| it.dyn_into::<HtmlInputElement>().ok()) {
            let share = self.player.now / self.player.story().seconds();
            slider.set_value(&format!("{:.3}", share.min(1.0)));
            // As above.
            let _ = slider.set_attribute("aria-valuetext", &clock(self.player.now));
        }
        write(document, "toggle", self.verb());
    }

    /// How it goes, in a sentence.
    fn sentence(&self) -> String {
        let board = &self.player.board;
        let doing = match board.phase {
            Phase::Starting => "it gets ready",
            Phase::Training => "it trains",
            Phase::Validating => "it looks at held-out data",
            Phase::Saving => "it writes a checkpoint",
            Phase::Down => "it stands still",
            Phase::Exporting => "it writes its weights",
            Phase::Ended => "it is done",
        };
        let mut text = format!("At {}, {doing}", clock(self.player.now));
        if let Some(left) = board.eta_s {
            text.push_str(&format!(", {} left", clock(left)));
        }
        for trouble in &board.troubles {
            text.push_str(&format!("; {trouble}"));
        }
        text.push_str(&match self.player.speed {
            speed if speed.is_finite() => format!(". {} times real time.", words::setting(speed)),
            _ => ". As fast as it can.".to_owned(),
        });
        text
    }
}

impl Curves {
    fn draw(&self, theatre: &Theatre<'_>) {
        let curve = |name: &str, colour, points| Curve {
            name: name.to_owned(),
            colour,
            dashed: false,
            points,
        };
        let charts = [
            (
                "curve-loss",
                "loss",
                Goal::Low,
                vec![
                    curve("train", 0, &self.loss),
                    curve("held out", 1, &self.held_out),
                ],
            ),
            (
                "curve-tokens",
                "tokens a second",
                Goal::High,
                vec![curve("tokens a second", 0, &self.tokens)],
            ),
            (
                "curve-power",
                "kW of all GPUs",
                Goal::Neither,
                vec![curve("kW", 0, &self.kilowatts)],
            ),
        ];
        for (id, title, goal, curves) in charts {
            let chart = Chart {
                title: title.to_owned(),
                curves,
                unit: Unit::Plain,
                goal,
                ..Chart::default()
            };
            theatre.on(id, |stage| {
                let measure = measure(&stage.context);
                let drawing = layout(&chart, stage.width, stage.height, &measure);
                paint(&drawing, &stage.context, stage.palette, stage.ratio);
                describe(&chart)
            });
        }
    }
}

/// The places of the curves.
pub(super) fn charts() -> Html {
    let place = |id: &'static str| html! { <canvas {id} class="curve" role="img"></canvas> };
    html! {
        <section class="card" aria-labelledby="curves-title">
            <h2 id="curves-title">{ "How it goes" }</h2>
            { for ["curve-loss", "curve-tokens", "curve-power"].into_iter().map(place) }
        </section>
    }
}

/// The place of what happens.
pub(super) fn log() -> Html {
    html! {
        <section class="card" aria-labelledby="log-title">
            <h2 id="log-title">{ "What happens" }</h2>
            <pre id="log" class="log" tabindex="0" aria-label="What happened, the newest last"></pre>
        </section>
    }
}
