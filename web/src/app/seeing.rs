//! Which steps the curves show, and how a person chooses them: with a mouse, fingers, or buttons.

use wasm_bindgen::JsCast;
use web_sys::{HtmlCanvasElement, PointerEvent, WheelEvent};
use yew::{Callback, Html, html};

use super::controls::Act;
use super::curves::{Look, all_steps, laid_out};
use super::live::Live;
use crate::draw::chart::View;
use crate::hands::Change;
use crate::stage::Theatre;

/// What a person does to see other steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum See {
    /// All of them.
    Whole,
    /// Fewer, or more.
    Closer,
    Wider,
    /// Those before, or after.
    Earlier,
    Later,
    /// What a wheel does with a chart.
    Turn(&'static str, Change),
    /// A finger comes down on a chart, moves, or goes; a mouse is one too.
    Down(i32, f64),
    To(&'static str, i32, f64),
    Up(i32),
}

/// The place of a chart, which can be pointed at, moved and brought closer.
pub(super) fn place(id: &'static str, act: &Callback<Act>) -> Html {
    let x = |event: &PointerEvent| f64::from(event.offset_x());
    let down = act.reform(move |event: PointerEvent| {
        let canvas: Option<HtmlCanvasElement> = event.target().and_then(|it| it.dyn_into().ok());
        if let Some(canvas) = canvas {
            // So that it can be moved beyond its sides; without it, it cannot.
            let _ = canvas.set_pointer_capture(event.pointer_id());
        }
        Act::See(See::Down(event.pointer_id(), x(&event)))
    });
    let to = {
        let act = act.clone();
        move |event: PointerEvent| {
            act.emit(Act::PointAt(id, Some(event.offset_x())));
            act.emit(Act::See(See::To(id, event.pointer_id(), x(&event))));
        }
    };
    let up = act.reform(|event: PointerEvent| Act::See(See::Up(event.pointer_id())));
    let leave = act.reform(move |_: PointerEvent| Act::PointAt(id, None));
    let wheel = act.filter_reform(move |event: WheelEvent| {
        let change = turned(&event)?;
        event.prevent_default();
        Some(Act::See(See::Turn(id, change)))
    });
    let turn = move |event: WheelEvent| {
        wheel.emit(event);
    };
    html! {
        <canvas id={id} class="curve" role="img" onpointerdown={down} onpointermove={to}
            onpointerup={up.clone()} onpointercancel={up} onpointerleave={leave} onwheel={turn}
            ondblclick={act.reform(|_| Act::See(See::Whole))}></canvas>
    }
}

/// What the turn of a wheel means for a chart: with Ctrl, which is what two fingers on a touchpad
/// are to a page, it comes closer; sideways it moves. Everything else is for the page to scroll.
fn turned(event: &WheelEvent) -> Option<Change> {
    // Lines and pages, in pixels.
    let unit = match event.delta_mode() {
        WheelEvent::DOM_DELTA_LINE => 16.0,
        WheelEvent::DOM_DELTA_PAGE => 400.0,
        _ => 1.0,
    };
    let (across, down) = (event.delta_x() * unit, event.delta_y() * unit);
    let sideways = if event.shift_key() && across == 0.0 {
        down
    } else {
        across
    };
    let stays = Change {
        place: f64::from(event.offset_x()),
        factor: 1.0,
        moved: 0.0,
    };
    if event.ctrl_key() || event.meta_key() {
        let factor = (down / 100.0).exp().clamp(0.5, 2.0);
        Some(Change { factor, ..stays })
    } else if event.shift_key() || sideways.abs() > down.abs() {
        let moved = -sideways;
        Some(Change { moved, ..stays })
    } else {
        None
    }
}

/// Buttons to see other steps, for those without wheel and fingers.
pub(super) fn buttons(act: &Callback<Act>) -> Html {
    let button = |id: &'static str, what: See, sign: &'static str, name: &'static str| {
        html! {
            <button id={id} type="button" aria-label={name} title={name}
                onclick={act.reform(move |_| Act::See(what))}>{ sign }</button>
        }
    };
    html! {
        <div class="line" role="group" aria-label="Which steps the curves show">
            { button("closer", See::Closer, "+", "Fewer steps, closer") }
            { button("wider", See::Wider, "−", "More steps") }
            { button("earlier", See::Earlier, "←", "Earlier steps") }
            { button("later", See::Later, "→", "Later steps") }
            { button("whole", See::Whole, "All", "All steps") }
            <span id="seen-steps" class="quiet"></span>
        </div>
    }
}

/// Sees other steps.
pub(super) fn see(theatre: &Theatre<'_>, live: &mut Live, what: See) {
    let Some(all) = all_steps(live) else {
        return;
    };
    let Look { view, held, .. } = live.curves;
    let seen = match what {
        See::Whole => Some(View::All),
        See::Closer => Some(view.closer(all, 0.5)),
        See::Wider => Some(view.closer(all, 2.0)),
        See::Earlier => Some(view.turned(all, -0.25)),
        See::Later => Some(view.turned(all, 0.25)),
        See::Turn(id, by) => changed(theatre, live, id, view, by),
        See::Down(finger, x) => {
            live.curves.hands.down(finger, x);
            live.curves.held = view;
            None
        }
        See::Up(finger) => {
            live.curves.hands.up(finger);
            live.curves.held = view;
            None
        }
        See::To(id, finger, x) => {
            let by = live.curves.hands.to(finger, x);
            by.and_then(|by| changed(theatre, live, id, held, by))
        }
    };
    if let Some(seen) = seen.filter(|seen| *seen != view) {
        live.curves.view = seen;
        live.touch();
    }
}

/// What is seen after `by` was done to the chart called `id`, which showed `from`.
fn changed(theatre: &Theatre<'_>, live: &Live, id: &str, from: View, by: Change) -> Option<View> {
    let all = all_steps(live)?;
    let drawing = laid_out(theatre, live, id, from)?;
    let step = drawing.step_at(by.place)? as f64;
    let back = drawing.steps_in(by.moved) * by.factor;
    Some(from.zoomed(all, step, by.factor).moved(all, -back))
}

/// Which steps are seen, in words; empty where all are.
pub(super) fn seen(live: &Live) -> String {
    let all = all_steps(live);
    let words = all.and_then(|all| live.curves.view.in_words(all));
    words.unwrap_or_default()
}
