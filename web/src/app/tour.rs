//! A short look around, for whoever wants it: it waits in a corner, is told once, and is
//! remembered.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement, KeyboardEvent, Storage};
use yew::{Callback, Html, html};

/// A stop of the tour.
struct Stop {
    /// The element that it is about, by its id.
    at: &'static str,
    title: &'static str,
    says: &'static str,
}

const STOPS: &[Stop] = &[
    Stop {
        at: "learnt-title",
        title: "What it has learnt",
        says: "The network started out knowing nothing. This is what it makes of the data right now: it changes with every few steps.",
    },
    Stop {
        at: "toggle",
        title: "Stop, and look closer",
        says: "Pause with Space, take a single step with S, begin again with R.",
    },
    Stop {
        at: "curves-title",
        title: "Is it learning?",
        says: "The loss says how wrong the network is. Where it falls on the examples to train on and no longer on those that are held out, the network learns by heart. The time machine below goes back to any checkpoint.",
    },
    Stop {
        at: "settings-title",
        title: "Turn a knob",
        says: "Change a setting, and begin again with it or branch off from here. The address of the page holds all of them: a link shares them.",
    },
    Stop {
        at: "file",
        title: "Bring data of your own",
        says: "Drop a table, a text or images. They stay in this tab. And wherever there is a question mark, it explains a word.",
    },
];

/// The class of what the tour is about.
const SHOWN: &str = "toured";

/// Where a browser remembers that the tour is known.
const KEY: &str = "kitchen.tour";

/// How far someone has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tour {
    /// They have never been here: the tour is offered.
    Offered,
    /// They know it, or do not want to.
    Known,
    /// They are at this stop.
    At(usize),
}

impl Tour {
    /// What this browser remembers.
    pub(super) fn remembered() -> Self {
        let known = storage().and_then(|storage| storage.get_item(KEY).ok()?);
        match known {
            Some(_) => Self::Known,
            None => Self::Offered,
        }
    }

    /// After the stop that it is at; the first one where it is at none.
    fn next(self) -> Self {
        match self {
            Self::At(stop) if stop + 1 < STOPS.len() => Self::At(stop + 1),
            Self::At(_) => Self::Known,
            Self::Offered | Self::Known => Self::At(0),
        }
    }

    fn back(self) -> Self {
        match self {
            Self::At(stop) => Self::At(stop.saturating_sub(1)),
            other => other,
        }
    }

    fn stop(self) -> Option<&'static Stop> {
        match self {
            Self::At(stop) => STOPS.get(stop),
            Self::Offered | Self::Known => None,
        }
    }
}

/// The tour, or the way to it. `go` hears how far someone has come.
pub(super) fn view(tour: Tour, go: &Callback<Tour>) -> Html {
    let on = |to: Tour| go.reform(move |_| to);
    let Some(stop) = tour.stop() else {
        let (text, class) = match tour {
            Tour::Offered => ("New here? Look around", "tour-start offered"),
            _ => ("Look around", "tour-start"),
        };
        return html! {
            <button id="tour-start" type="button" {class} onclick={on(tour.next())}>{ text }</button>
        };
    };
    let Tour::At(place) = tour else {
        return Html::default();
    };
    let keys = {
        let go = go.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                event.prevent_default();
                go.emit(Tour::Known);
            }
        }
    };
    let is_last = tour.next() == Tour::Known;
    html! {
        <dialog id="tour" class="card" open=true aria-labelledby="tour-title" onkeydown={keys}>
            <h2 id="tour-title">{ stop.title }</h2>
            <p aria-live="polite">{ stop.says }</p>
            <div class="buttons">
                <button id="tour-next" type="button" class="primary" onclick={on(tour.next())}>
                    { if is_last { "Done" } else { "Next" } }
                </button>
                <button type="button" disabled={place == 0} onclick={on(tour.back())}>{ "Back" }</button>
                <button id="tour-skip" type="button" onclick={on(Tour::Known)}>{ "Skip" }</button>
                <span class="quiet">{ format!("{} of {}", place + 1, STOPS.len()) }</span>
            </div>
        </dialog>
    }
}

/// Shows what the tour is about once it is laid out; `before` is how far it was then.
pub(super) fn show(document: &Document, before: Tour, now: Tour) {
    if before == now {
        return;
    }
    if let Some(shown) = document.get_elements_by_class_name(SHOWN).item(0) {
        // The class is there.
        let _ = shown.class_list().remove_1(SHOWN);
    }
    if let Some(place) = now.stop().and_then(|stop| place_of(document, stop.at)) {
        // A class without spaces.
        let _ = place.class_list().add_1(SHOWN);
        place.scroll_into_view();
    }
    if now == Tour::Known {
        // A browser that remembers nothing offers it again.
        let _ = storage().map(|storage| storage.set_item(KEY, "known"));
    }
    // Whoever came by keyboard goes on from here.
    let focus = match (before, now) {
        (_, Tour::At(0)) => "tour-next",
        (Tour::At(_), Tour::Known) => "tour-start",
        _ => return,
    };
    let element = document.get_element_by_id(focus);
    if let Some(Ok(element)) = element.map(JsCast::dyn_into::<HtmlElement>) {
        // What cannot have the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// The card around an element, or the element.
fn place_of(document: &Document, id: &str) -> Option<Element> {
    let element = document.get_element_by_id(id)?;
    match element.closest(".drop, .card") {
        Ok(Some(card)) => Some(card),
        _ => Some(element),
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_from_stop_to_stop_and_ends() {
        let mut tour = Tour::Offered;
        for stop in 0..STOPS.len() {
            tour = tour.next();
            assert_eq!(tour, Tour::At(stop));
        }
        assert_eq!(tour.back(), Tour::At(STOPS.len() - 2));
        assert_eq!(Tour::At(0).back(), Tour::At(0));
        assert_eq!(tour.next(), Tour::Known);
        // Who knows it may have it told again.
        assert_eq!(Tour::Known.next(), Tour::At(0));
    }
}
