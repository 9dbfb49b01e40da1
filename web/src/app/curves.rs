//! The curves, and the time machine below them.

use kitchen_core::words;
use kitchen_types::board::{Board, domain_loss, domain_right, domain_share};
use kitchen_types::ports::TargetSpec;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, InputEvent};
use yew::{Callback, Html, html};

use super::Shown;
use super::controls::Act;
use super::glossary::explain;
use super::live::{Live, newest};
use super::seeing;
use crate::draw::canvas::measure;
use crate::draw::chart::{
    Chart, Curve, Drawing, Goal, Guide, Mark, MarkKind, Scale, Unit, View, describe, layout, paint,
};
use crate::hands::Hands;
use crate::stage::Theatre;

/// How the curves are drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Whether losses and norms are drawn by factors.
    pub(super) log: bool,
    /// How much of the past a curve remembers.
    pub(super) smoothing: f64,
    /// The step that a person points at.
    pub(super) cursor: Option<u64>,
    /// Which steps are seen, in all charts alike.
    pub(super) view: View,
    /// The fingers on a chart, and what was seen when the last of them came or went.
    pub(super) hands: Hands,
    pub(super) held: View,
}

impl Look {
    /// Sees all of another run.
    pub(super) fn begin(&mut self) {
        self.view = View::All;
        self.cursor = None;
    }
}

/// A chart of the page: the canvas it is drawn on, and which curves of the board it shows.
struct Panel {
    id: &'static str,
    title: &'static str,
    when: When,
    curves: Curves,
    unit: Unit,
    goal: Goal,
    /// Whether it makes sense to draw it by factors.
    can_be_log: bool,
}

/// When a chart is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// Where there are domains.
    Mixed,
    /// When a person opens it.
    Asked,
}

/// Which curves of a board a chart shows.
enum Curves {
    /// These, each with what to call it.
    These(&'static [(&'static str, &'static str)]),
    /// One for each domain of a mixture, by its name.
    OfDomains(fn(&str) -> String),
}

impl Curves {
    /// The names of the curves on `board`, each with what to call it.
    fn of(&self, board: &Board) -> Vec<(String, String)> {
        match self {
            Self::These(curves) => curves
                .iter()
                .map(|(name, words)| ((*name).to_owned(), (*words).to_owned()))
                .collect(),
            Self::OfDomains(name) => {
                let domains = board.mix.iter().flat_map(|mix| &mix.domains);
                domains
                    .map(|domain| (name(&domain.name), domain.name.clone()))
                    .collect()
            }
        }
    }
}

const PANELS: &[Panel] = &[
    Panel {
        id: "curve-loss",
        title: "loss",
        when: When::Always,
        curves: Curves::These(&[("train.loss", "train"), ("validation.loss", "held out")]),
        unit: Unit::Plain,
        goal: Goal::Low,
        can_be_log: true,
    },
    Panel {
        id: "curve-accuracy",
        title: "right",
        when: When::Always,
        curves: Curves::These(&[
            ("train.accuracy", "train"),
            ("validation.accuracy", "held out"),
            ("validation.exact", "held out, whole answers"),
        ]),
        unit: Unit::Share,
        goal: Goal::High,
        can_be_log: false,
    },
    Panel {
        id: "curve-domain-loss",
        title: "held-out loss of each domain",
        when: When::Mixed,
        curves: Curves::OfDomains(domain_loss),
        unit: Unit::Plain,
        goal: Goal::Low,
        can_be_log: true,
    },
    Panel {
        id: "curve-domain-right",
        title: "right in each domain, held out",
        when: When::Mixed,
        curves: Curves::OfDomains(domain_right),
        unit: Unit::Share,
        goal: Goal::High,
        can_be_log: false,
    },
    Panel {
        id: "curve-domain-share",
        title: "share of each batch",
        when: When::Mixed,
        curves: Curves::OfDomains(domain_share),
        unit: Unit::Share,
        goal: Goal::Neither,
        can_be_log: false,
    },
    Panel {
        id: "curve-gradient",
        title: "gradient norm",
        when: When::Asked,
        curves: Curves::These(&[("grad_norm", "gradient norm")]),
        unit: Unit::Plain,
        goal: Goal::Neither,
        can_be_log: true,
    },
    Panel {
        id: "curve-lr",
        title: "learning rate",
        when: When::Asked,
        curves: Curves::These(&[("lr", "learning rate")]),
        unit: Unit::Plain,
        goal: Goal::Neither,
        can_be_log: true,
    },
    Panel {
        id: "curve-speed",
        title: "examples a second",
        when: When::Asked,
        curves: Curves::These(&[("samples_per_second", "examples a second")]),
        unit: Unit::Plain,
        goal: Goal::Neither,
        can_be_log: false,
    },
];

/// The places of the curves.
pub(super) fn view(shown: &Shown, act: &Callback<Act>) -> Html {
    let places = |when: When| {
        let panels = PANELS.iter().filter(move |panel| panel.when == when);
        panels.map(|panel| seeing::place(panel.id, act))
    };
    let log = act.reform(|event: Event| {
        let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
        Act::DrawByFactors(input.is_some_and(|input| input.checked()))
    });
    let smooth = act.reform(|event: InputEvent| {
        let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
        Act::Smooth(input.map_or(0.0, |input| input.value_as_number()))
    });
    html! {
        <section class="card" aria-labelledby="curves-title">
            <h2 id="curves-title">{ "How it learns" }{ explain("curves") }</h2>
            { for places(When::Always) }
            { for places(When::Mixed).filter(|_| shown.is_mixed) }
            { time_machine(shown, act) }
            { seeing::buttons(act) }
            <div class="line">
                <label><input id="log" type="checkbox" onchange={log} />{ " log axis" }</label>
                <label>{ "smoothing " }<input id="smoothing" type="range" min="0" max="0.99" step="0.01" value="0" oninput={smooth} /></label>
                <button type="button" onclick={act.reform(|_| Act::SaveCsv)}>{ "CSV" }</button>
                <button type="button" onclick={act.reform(|_| Act::SavePng)}>{ "PNG" }</button>
            </div>
            <details>
                <summary>{ "Gradient, learning rate, speed" }</summary>
                { for places(When::Asked) }
            </details>
        </section>
    }
}

/// A slider over the checkpoints.
fn time_machine(shown: &Shown, act: &Callback<Act>) -> Html {
    let (Some(last), Some(at)) = (shown.checkpoints.len().checked_sub(1), shown.place) else {
        return html! { <p class="quiet">{ "There is nowhere to go back to yet: the first checkpoint comes soon." }</p> };
    };
    let steps = shown.checkpoints.clone();
    let act = act.clone();
    let oninput = move |event: InputEvent| {
        let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
        let place = input.and_then(|input| input.value().parse::<usize>().ok());
        if let Some(step) = place.and_then(|place| steps.get(place)) {
            act.emit(Act::GoBack(*step));
        }
    };
    let name = |step: u64| match shown.best == Some(step) {
        true => format!("{}, the best", words::count(step)),
        false => words::count(step),
    };
    let here = shown.checkpoints.get(at).map(|step| name(*step));
    let here = format!("step {}", here.unwrap_or_default());
    html! {
        <label class="time-machine">{ format!("Time machine: the checkpoint of {here}") }
            <input id="time-machine" type="range" min="0" max={last.to_string()} step="1"
                value={at.to_string()} aria-valuetext={here} {oninput} list="checkpoints" />
            <datalist id="checkpoints">
                { for shown.checkpoints.iter().enumerate().map(|(place, step)| html! {
                    <option value={place.to_string()} label={name(*step)} />
                }) }
            </datalist>
        </label>
    }
}

/// Draws all curves.
pub(super) fn draw(theatre: &Theatre<'_>, live: &Live) {
    for panel in PANELS {
        theatre.on(panel.id, |stage| {
            let chart = chart(panel, live);
            let drawing = layout(&chart, stage.width, stage.height, &measure(&stage.context));
            paint(&drawing, &stage.context, stage.palette, stage.ratio);
            describe(&chart)
        });
    }
}

/// The step under a place of the chart called `id`, in CSS pixels from its left.
pub(super) fn step_at(theatre: &Theatre<'_>, live: &Live, id: &str, x: f64) -> Option<u64> {
    laid_out(theatre, live, id, live.curves.view)?.step_at(x)
}

/// The chart called `id` in its place, with other steps in view.
pub(super) fn laid_out(
    theatre: &Theatre<'_>,
    live: &Live,
    id: &str,
    view: View,
) -> Option<Drawing> {
    let panel = PANELS.iter().find(|panel| panel.id == id)?;
    let (_, stage) = theatre.stage(id)?;
    let mut chart = chart(panel, live);
    chart.view = view;
    let measure = measure(&stage.context);
    Some(layout(&chart, stage.width, stage.height, &measure))
}

/// Every curve of the board, as a table.
pub(super) fn csv(board: &Board) -> String {
    let curves: Vec<Curve<'_>> = board
        .series
        .iter()
        .map(|(name, points)| Curve {
            name: name.clone(),
            colour: 0,
            dashed: false,
            points,
        })
        .collect();
    crate::draw::chart::csv(&curves)
}

/// The first and the last step that any curve has.
pub(super) fn all_steps(live: &Live) -> Option<(u64, u64)> {
    chart(&PANELS[0], live).all_steps()
}

fn chart<'a>(panel: &Panel, live: &'a Live) -> Chart<'a> {
    let (board, look) = (&live.board, &live.curves);
    let curves = panel.curves.of(board);
    let own = curves.iter().enumerate();
    let own = own.filter_map(|(place, (name, words))| {
        Some(Curve {
            name: words.clone(),
            colour: place,
            dashed: false,
            points: board.curve(name)?,
        })
    });
    // Where the run has been before it went back, unless it is further on by now.
    let is_ahead = newest(&live.before) > Some(board.current_step());
    let before = curves.iter().enumerate().filter(move |_| is_ahead);
    let before = before.filter_map(|(place, (name, words))| {
        Some(Curve {
            name: format!("{words}, before"),
            colour: place,
            dashed: true,
            points: live.before.get(name)?,
        })
    });
    // Other runs have a colour each; what is held out is broken.
    let others = live
        .overlays
        .iter()
        .enumerate()
        .flat_map(|(place, (run, board))| {
            let curves = curves.iter().enumerate();
            let count = curves.len();
            curves.filter_map(move |(kind, (name, words))| {
                Some(Curve {
                    name: format!("{run}, {words}"),
                    colour: count + place,
                    dashed: kind > 0,
                    points: board.curve(name)?,
                })
            })
        });
    let mut chart = Chart {
        title: panel.title.into(),
        // The last lies on top.
        curves: others.chain(before).chain(own).collect(),
        scale: match look.log && panel.can_be_log {
            true => Scale::Log,
            false => Scale::Linear,
        },
        unit: panel.unit,
        goal: panel.goal,
        at_least: (panel.unit == Unit::Share).then_some((0.0, 1.0)),
        smoothing: look.smoothing,
        guides: guess(panel, board).into_iter().collect(),
        marks: marks(live),
        current: None,
        view: look.view,
        cursor: look.cursor,
    };
    // Where nothing goes further, the model stands at the end of its curve.
    let newest = chart.all_steps().map_or(0, |(_, newest)| newest);
    let here = board.current_step();
    chart.current = (0 < here && here < newest).then_some(here);
    chart
}

/// The step of the checkpoint whose held-out loss was the lowest.
pub(super) fn best(board: &Board) -> Option<u64> {
    let best = board.checkpoints.iter().rfind(|saved| saved.best);
    best.map(|saved| saved.step)
}

/// Checkpoints, and where runs have branched off.
fn marks(live: &Live) -> Vec<Mark> {
    let board = &live.board;
    let best = best(board);
    let checkpoints = board.checkpoints.iter().map(|saved| {
        let (kind, label) = match best == Some(saved.step) {
            true => (MarkKind::Best, "best"),
            false => (MarkKind::Checkpoint, ""),
        };
        Mark {
            step: saved.step,
            kind,
            label: label.into(),
        }
    });
    let branch = |step: u64, label: String| Mark {
        step,
        kind: MarkKind::Branch,
        label,
    };
    let own = board.forked.iter();
    let own = own.map(|fork| branch(fork.step, format!("branched off from {}", fork.run)));
    let others = live.overlays.iter().filter_map(|(name, other)| {
        let fork = other.forked.as_ref();
        let fork = fork.filter(|fork| Some(&fork.run) == board.run.as_ref())?;
        Some(branch(fork.step, format!("{name} branched off")))
    });
    checkpoints.chain(own).chain(others).collect()
}

/// What someone who guesses would reach.
fn guess(panel: &Panel, board: &Board) -> Option<Guide> {
    let answers = match &board.data.as_ref()?.spec {
        spec if matches!(spec.target, TargetSpec::Values { .. }) => return None,
        spec => spec.outputs() as f64,
    };
    let value = match (panel.id, panel.unit) {
        ("curve-loss" | "curve-domain-loss", _) => answers.ln(),
        ("curve-domain-share", _) => return None,
        (_, Unit::Share) => 1.0 / answers,
        _ => return None,
    };
    Some(Guide {
        value,
        label: "guessing".into(),
    })
}
