//! The curves, and the time machine below them.

use kitchen_core::words;
use kitchen_types::board::Board;
use wasm_bindgen::JsCast;
use web_sys::{Document, HtmlInputElement, InputEvent};
use yew::{Callback, Html, html};

use super::Shown;
use super::controls::Act;

/// How the curves are drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {}

/// The places of the curves.
pub(super) fn view(shown: &Shown, act: &Callback<Act>) -> Html {
    html! {
        <section class="card" aria-labelledby="curves-title">
            <h2 id="curves-title">{ "How it learns" }</h2>
            <canvas id="curve-loss" class="curve" role="img"></canvas>
            { time_machine(&shown.checkpoints, act) }
        </section>
    }
}

/// A slider over the checkpoints.
fn time_machine(checkpoints: &[u64], act: &Callback<Act>) -> Html {
    let Some(newest) = checkpoints.len().checked_sub(1) else {
        return html! { <p class="quiet">{ "There is nowhere to go back to yet: the first checkpoint comes soon." }</p> };
    };
    let steps = checkpoints.to_vec();
    let act = act.clone();
    let oninput = move |event: InputEvent| {
        let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
        let place = input.and_then(|input| input.value().parse::<usize>().ok());
        if let Some(step) = place.and_then(|place| steps.get(place)) {
            act.emit(Act::GoBack(*step));
        }
    };
    html! {
        <label class="time-machine">{ "Time machine" }
            <input id="time-machine" type="range" min="0" max={newest.to_string()} step="1"
                value={newest.to_string()} {oninput} list="checkpoints" />
            <datalist id="checkpoints">
                { for checkpoints.iter().enumerate().map(|(place, step)| html! {
                    <option value={place.to_string()} label={words::count(*step)} />
                }) }
            </datalist>
        </label>
    }
}

/// Draws the curves of `board`.
pub(super) fn draw(_document: &Document, _board: &Board, _look: &Look) {}
