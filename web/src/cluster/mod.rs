//! The page of a simulated cluster: a run to watch (`scene`) and its numbers (`facts`), its GPUs
//! (`grid`) and how one of them was (`past`), its pipeline (`schedule`), where time and memory go
//! (`parts`), other runs (`whatif`, `layout`), and where each number comes from (`teach`).
//!
//! The simulator is pure and quick, so it runs on the page's own thread. As on the other page, Yew
//! lays out what people choose, and what changes with time is drawn by hand.

mod asked;
mod controls;
mod digest;
mod facts;
mod grid;
mod layout;
mod parts;
mod past;
mod scene;
mod schedule;
mod teach;
mod whatif;

use std::cell::RefCell;
use std::rc::Rc;

use kitchen_core::sim::story::{Scenario, Setting, Spec};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, HtmlElement, KeyboardEvent};
use yew::{Component, Context, Html, Renderer, html};

use asked::Asked;
use controls::Act;
use scene::{Scene, Shared};
use whatif::Draft;

use crate::{address, frames};

/// Puts the page together.
pub fn mount() {
    let document = web_sys::window().and_then(|window| window.document());
    // The shell in the HTML has this element; without it there is nothing to fill.
    if let Some(root) = document.and_then(|document| document.get_element_by_id("app")) {
        let asked = Asked::from_query(&address::query());
        match asked.digest {
            Some(runs) => digest::show(&root, &asked.scenario, runs),
            None => {
                Renderer::<Cluster>::with_root_and_props(root, asked).render();
            }
        }
    }
}

/// Everything below the title.
struct Cluster {
    scenario: String,
    /// The seed that was asked for: other scenarios run with it too.
    seed: Option<u64>,
    scene: Shared,
    draft: Draft,
    notices: Vec<String>,
    /// Hears keys for as long as the page is open.
    _keys: Option<Closure<dyn FnMut(Event)>>,
}

impl Component for Cluster {
    type Message = Act;
    type Properties = Asked;

    fn create(ctx: &Context<Self>) -> Self {
        let asked = ctx.props();
        let mut notices = asked.notices.clone();
        let scene = asked.spec().and_then(|spec| Scene::new(spec, asked.speed));
        let mut scene = scene.unwrap_or_else(|error| {
            notices.push(format!("{error}; here is the scenario as it is instead"));
            Scene::of(&asked.scenario, asked.speed)
        });
        scene.lead(asked.lead);
        if let Some(at) = asked.at {
            scene.seek(at);
        }
        scene.player.is_paused = asked.paused;
        let draft = Draft::of(scene.player.story().setting());
        let scene = Rc::new(RefCell::new(scene));
        draw_on(&scene);
        Self {
            scenario: asked.scenario.clone(),
            seed: asked.seed,
            scene,
            draft,
            notices,
            _keys: listen(ctx),
        }
    }

    /// What happens in time is drawn by hand: it is laid out anew only where another run, another
    /// draft or another choice is to be seen.
    fn update(&mut self, _: &Context<Self>, act: Act) -> bool {
        match act {
            Act::Watch(name) => self.watch(&name),
            Act::Change(change) => self.draft.change(&change),
            Act::Take => {
                let spec = self.draft.spec(&self.scene.borrow().spec);
                self.begin(spec);
            }
            other => {
                let mut scene = self.scene.borrow_mut();
                scene.act(&other);
                scene.touch();
                return matches!(other, Act::Show(_));
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let scene = self.scene.borrow();
        let setting = scene.player.story().setting();
        let act = ctx.link().callback(|act| act);
        html! {
            <>
                { controls::question(&self.scenario, setting, &act) }
                { self.view_notices() }
                { controls::view(&scene, &act) }
                <div class="columns">
                    { grid::view(&scene, &act) }
                    { scene::charts() }
                    { scene::log() }
                </div>
                <div class="columns">
                    { whatif::view(&self.draft, setting, &act) }
                    { parts::view(setting) }
                    { schedule::view() }
                </div>
                { teach::view(setting) }
            </>
        }
    }
}

impl Cluster {
    fn view_notices(&self) -> Html {
        if self.notices.is_empty() {
            return Html::default();
        }
        html! {
            <ul id="notes" class="problems" role="status">
                { for self.notices.iter().map(|text| html! { <li>{ text }</li> }) }
            </ul>
        }
    }

    /// Begins the scenario of that name.
    fn watch(&mut self, name: &str) {
        let Some(Ok(mut spec)) = Scenario::named(name).map(Scenario::spec) else {
            return;
        };
        spec.seed = self.seed.unwrap_or(spec.seed);
        self.scenario = name.to_owned();
        self.begin(spec);
    }

    /// Begins a run of the scenario, and writes it into the address.
    fn begin(&mut self, spec: Spec) {
        let speed = self.scene.borrow().player.speed;
        self.notices.clear();
        match Scene::new(spec, speed) {
            Ok(scene) => {
                address::replace(&asked::query(&self.scenario, self.seed, &scene.spec));
                self.draft = Draft::of(scene.player.story().setting());
                *self.scene.borrow_mut() = scene;
            }
            Err(error) => self.notices.push(error),
        }
    }
}

/// Lets time pass, and draws what is new.
fn draw_on(scene: &Shared) {
    let touched = scene.clone();
    frames::when_the_look_changes(move || {
        // While it is being drawn it is about to be right.
        if let Ok(mut scene) = touched.try_borrow_mut() {
            scene.touch();
        }
    });
    let scene = scene.clone();
    frames::on_each(move |document| {
        if let Ok(mut scene) = scene.try_borrow_mut() {
            scene.go_on(document);
        }
    });
}

/// Hears the keys that the buttons name.
fn listen(ctx: &Context<Cluster>) -> Option<Closure<dyn FnMut(Event)>> {
    let act = ctx.link().callback(|act| act);
    let hear = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else {
            return;
        };
        let is_meant_here = key.target().is_none_or(|target| {
            let element = target.dyn_into::<HtmlElement>();
            element.is_ok_and(|it| {
                !matches!(
                    it.tag_name().as_str(),
                    "INPUT" | "SELECT" | "BUTTON" | "SUMMARY"
                )
            })
        });
        if key.ctrl_key() || key.meta_key() || key.alt_key() || !is_meant_here {
            return;
        }
        if let Some(what) = controls::key(&key.key()) {
            key.prevent_default();
            act.emit(what);
        }
    });
    let window = web_sys::window()?;
    let listener = hear.as_ref().unchecked_ref();
    window
        .add_event_listener_with_callback("keydown", listener)
        .ok()?;
    Some(hear)
}

/// How a run is called, in a line.
fn title(setting: &Setting) -> String {
    let spec = &setting.spec;
    let model = spec.model.preset.as_deref().unwrap_or("a model");
    format!(
        "{model} on {} {}",
        kitchen_core::words::count(u64::from(spec.cluster.gpus)),
        spec.cluster.accelerator
    )
}
