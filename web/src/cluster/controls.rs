//! What a person does: what to watch, how fast, and where in time.

use kitchen_core::sim::story::{Metric, SCENARIOS, Setting};
use kitchen_core::told::clock;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement, InputEvent};
use yew::{Callback, Html, html};

use super::scene::Scene;
use super::whatif::Change;
use super::{facts, title};

/// What a person does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// Pauses, or goes on.
    Toggle,
    /// Begins the run anew.
    Reset,
    /// Doubles the pace.
    Faster,
    /// Halves it.
    Slower,
    /// Goes ten minutes forward.
    Leap,
    /// Goes to a share of the whole time.
    Seek(f64),
    /// Shows something else of the GPUs.
    Show(Metric),
    /// Points at the GPU under a place of the grid, in CSS pixels, or at none.
    PointAt(Option<(f64, f64)>),
    /// Chooses the GPU under such a place, and breaks it.
    BreakAt((f64, f64)),
    /// Chooses a neighbour of the GPU that is looked at.
    Step(i32, i32),
    /// Breaks the GPU that is looked at, or another.
    Break,
    /// Watches a scenario.
    Watch(String),
    /// Changes something of the other run.
    Change(Change),
    /// Watches the other run.
    Take,
}

/// What a key does, where no field takes it.
pub(super) fn key(key: &str) -> Option<Act> {
    Some(match key {
        " " => Act::Toggle,
        "r" => Act::Reset,
        "+" | "=" => Act::Faster,
        "-" => Act::Slower,
        "b" => Act::Break,
        _ => return None,
    })
}

/// What to watch, as a sentence.
pub(super) fn question(scenario: &str, setting: &Setting, act: &Callback<Act>) -> Html {
    let onchange = act.reform(|event: Event| {
        let select: Option<HtmlSelectElement> = event.target().and_then(|it| it.dyn_into().ok());
        Act::Watch(select.map(|it| it.value()).unwrap_or_default())
    });
    html! {
        <section class="question" aria-label="What to watch">
            <label class="sentence">{ "Watch " }
                <select id="scenario" {onchange}>
                    { for SCENARIOS.iter().map(|it| html! {
                        <option value={it.name} selected={it.name == scenario}>{ it.name }</option>
                    }) }
                </select>
            </label>
            <p class="quiet">{ format!("{}: {}. Simulated: nothing is trained.", title(setting), setting.spec.about) }</p>
        </section>
    }
}

/// The controls, and how it stands.
pub(super) fn view(scene: &Scene, act: &Callback<Act>) -> Html {
    let on = |what: Act| act.reform(move |_| what.clone());
    let seek = act.reform(|event: InputEvent| {
        let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
        Act::Seek(input.map_or(0.0, |it| it.value_as_number()))
    });
    let whole = clock(scene.player.story().seconds());
    html! {
        <section class="controls card" aria-label="The run">
            <div class="buttons">
                <button id="toggle" type="button" onclick={on(Act::Toggle)}>{ "Pause" }</button>
                <button id="reset" type="button" onclick={on(Act::Reset)}>{ "Reset" }</button>
                <button id="slower" type="button" onclick={on(Act::Slower)}>{ "Slower" }</button>
                <button id="faster" type="button" onclick={on(Act::Faster)}>{ "Faster" }</button>
                <button id="leap" type="button" onclick={on(Act::Leap)}>{ "10 minutes on" }</button>
                <button id="break" type="button" onclick={on(Act::Break)}>{ "Break a GPU" }</button>
            </div>
            <label class="time-machine">{ format!("Time, of {whole}") }
                <input id="seek" type="range" min="0" max="1" step="0.001" value="0" oninput={seek} />
            </label>
            { facts::view() }
            <p id="state-line" class="quiet"></p>
            <p id="announcement" class="only-read" role="status"></p>
        </section>
    }
}
