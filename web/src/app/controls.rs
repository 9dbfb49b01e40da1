//! Play, pause, step, and what the newest step measured.

use std::str::FromStr;

use kitchen_types::board::Phase;
use kitchen_types::config::Seconds;
use kitchen_types::report::SettingChange;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement};
use yew::{Callback, Html, html};

use super::Shown;
use super::glossary::explain;
use super::seeing::See;

/// What a person can do with a run, by button or by key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    /// Pause, or go on; once it is over, begin again.
    Toggle,
    /// Take one step, and pause.
    Step,
    /// Save and end.
    Stop,
    /// Begin again, with the settings as they are now.
    Restart,
    /// Go on from where the run stands with the settings as they are now, as another run.
    Branch,
    /// Do what the open question suggests, by its place among the suggestions.
    Answer(usize),
    /// Change the peak learning rate from the next step on.
    SetLearningRate(f64),
    /// Go back to the newest checkpoint at or before this step, and pause.
    GoBack(u64),
    /// Use another batch size from the next step on.
    SetBatchSize(usize),
    /// Show so many seconds of a simulated clock in one.
    SetSpeed(f64),
    /// Go on to this second of a simulated clock without waiting.
    Seek(f64),
    /// Copy the address of the page.
    CopyLink,
    /// Copy a link that says what was measured.
    CopyReceipt,
    /// Run again what the receipt says.
    Verify,
    /// Take the GPU away.
    LoseDevice,
    /// Draw losses and norms by factors.
    DrawByFactors(bool),
    /// Let curves remember this much of the past.
    Smooth(f64),
    /// See other steps of the curves.
    See(See),
    /// Point at a chart, so many CSS pixels from its left; or no longer.
    PointAt(&'static str, Option<i32>),
    /// Save all curves as a table.
    SaveCsv,
    /// Save the chart of the loss as a picture.
    SavePng,
    /// Put the pen on the pad.
    PenDown([f32; 2]),
    /// Move the pen.
    PenTo([f32; 2]),
    /// Wipe the pad.
    ClearPad,
}

/// The row of controls. `changes` are what a restart would change.
pub(super) fn view(shown: &Shown, changes: Vec<SettingChange>, act: &Callback<Act>) -> Html {
    let phase = &shown.phase;
    let on = |what: Act| act.reform(move |_| what);
    let over = matches!(phase, Phase::Finished { .. });
    let (toggle, toggle_class) = match phase {
        Phase::Running | Phase::Starting => ("Pause", "pause"),
        Phase::Paused => ("Play", "play"),
        Phase::Finished { .. } => ("Again", "again"),
    };
    html! {
        <section class="controls card" aria-label="The run">
            <div class="buttons" role="group" aria-label="Controls">
                <button id="toggle" type="button" class={toggle_class} onclick={on(Act::Toggle)}
                    aria-keyshortcuts="Space">{ toggle }</button>
                <button id="step" type="button" onclick={on(Act::Step)} disabled={over}
                    aria-keyshortcuts="S">{ "Step" }</button>
                <button id="reset" type="button" onclick={on(Act::Restart)}
                    aria-keyshortcuts="R">{ "Reset" }</button>
                <button id="stop" type="button" onclick={on(Act::Stop)} disabled={over}>{ "Stop" }</button>
            </div>
            <progress id="progress" max="1" value="0" aria-label="How much of the run is done"></progress>
            { restart(&changes, !shown.checkpoints.is_empty(), act) }
            <p id="announcement" class="only-read" role="status" aria-live="polite"></p>
        </section>
    }
}

/// What can be changed while the run goes on.
pub(super) fn knobs(shown: &Shown, act: &Callback<Act>) -> Html {
    let over = matches!(shown.phase, Phase::Finished { .. });
    let knob = |id: &'static str,
                name: &str,
                placeholder: &'static str,
                change: Callback<Event, Option<()>>| {
        html! {
            <div class="knob">
                <label for={id}>{ name }</label>
                <input {id} type="text" inputmode="decimal" autocomplete="off" disabled={over} {placeholder}
                    onchange={move |event| { change.emit(event); }} />
            </div>
        }
    };
    let lr = act.filter_reform(|event| written(&event).map(Act::SetLearningRate));
    let batch = act.filter_reform(|event| written(&event).map(Act::SetBatchSize));
    let speed = act.filter_reform(|event| written(&event).map(Act::SetSpeed));
    let seek = act.filter_reform(|event| written(&event).map(|to: Seconds| Act::Seek(to.0)));
    html! {
        <div class="knobs" role="group" aria-label="While it runs">
            { knob("live-lr", "learning rate now", "unchanged", lr) }
            { knob("live-batch", "batch now", "unchanged", batch) }
            if shown.on_cluster {
                { knob("live-speed", "simulated seconds a second", "unchanged", speed) }
                { knob("live-seek", "go on to", "90s, 2h10min", seek) }
            }
        </div>
    }
}

/// The number that was written into a field.
fn written<T: FromStr>(event: &Event) -> Option<T> {
    let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
    input.value().trim().parse().ok()
}

/// The places of the newest numbers, and of where they come from, which are written from outside of
/// Yew.
pub(super) fn facts(shown: &Shown, act: &Callback<Act>) -> Html {
    let fact = |id: &'static str, name: &'static str, term: &'static str| {
        html! {
            <div class="fact"><dt>{ name }{ explain(term) }</dt><dd id={id}></dd></div>
        }
    };
    let lose = shown.on_gpu.then(|| {
        html! {
            <button id="lose-device" type="button" onclick={act.reform(|_| Act::LoseDevice)}
                title="Training goes on from the last checkpoint">{ "See what losing the GPU is like" }</button>
        }
    });
    html! {
        <>
        <dl class="facts">
            { fact("fact-step", "step", "step") }
            { fact("fact-epoch", "epoch", "") }
            { fact("fact-loss", "loss", "loss") }
            { fact("fact-held-out", "held-out loss", "held-out") }
            { fact("fact-right", "held-out right", "accuracy") }
            { fact("fact-lr", "learning rate", "") }
            { fact("fact-gradient", "gradient norm", "gradient norm") }
            { fact("fact-speed", "examples a second", "") }
        </dl>
        <p id="device-line" class="quiet"></p>
        { for lose }
        { for shown.without_webgpu.then(super::webgpu::help) }
        </>
    }
}

/// What would change, and from where: the beginning, or the newest checkpoint.
fn restart(changes: &[SettingChange], can_branch: bool, act: &Callback<Act>) -> Html {
    if changes.is_empty() {
        return Html::default();
    }
    let value = |value: &Option<serde_json::Value>| match value {
        None => "–".to_owned(),
        Some(value) => value.to_string(),
    };
    let many = if changes.len() == 1 { "" } else { "s" };
    html! {
        <div class="restart">
            <div class="buttons">
                <button id="restart" type="button" class="primary" onclick={act.reform(|_| Act::Restart)}>
                    { format!("Restart with {} change{many}", changes.len()) }
                </button>
                <button id="branch" type="button" disabled={!can_branch} onclick={act.reform(|_| Act::Branch)}>
                    { "Branch off from the newest checkpoint" }
                </button>
            </div>
            <ul class="changes">
                { for changes.iter().map(|change| html! {
                    <li><code>{ &change.path }</code>{ " " }<del>{ value(&change.old) }</del>
                        { " → " }<ins>{ value(&change.new) }</ins></li>
                }) }
            </ul>
        </div>
    }
}
