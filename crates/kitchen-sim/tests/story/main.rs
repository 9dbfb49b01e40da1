//! Runs to watch: every requirement by its name, and what must hold of all of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod always;
mod requirements;

use kitchen_sim::story::{Event, Moment, Scenario, Spec, Story};

fn spec(name: &str) -> Spec {
    Scenario::named(name).unwrap().spec().unwrap()
}

fn story(name: &str) -> Story {
    Story::of(spec(name)).unwrap()
}

/// The default run: Llama-3 8B on 64 H100.
fn night() -> Vec<Moment> {
    story("first-night").collect()
}

/// What `pick` takes from moments, in order.
fn picked<T>(moments: &[Moment], pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
    moments
        .iter()
        .filter_map(|moment| pick(&moment.event))
        .collect()
}

/// What is picked first.
fn first<T>(moments: &[Moment], pick: impl Fn(&Event) -> Option<T>) -> T {
    picked(moments, pick).into_iter().next().unwrap()
}

/// Takes the fields of one kind of event.
macro_rules! take {
    ($kind:ident { $($field:ident),* }) => {
        |event: &Event| match event {
            Event::$kind { $($field,)* .. } => Some(($($field.clone()),*)),
            _ => None,
        }
    };
}

pub(crate) use take;
