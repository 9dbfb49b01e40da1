//! Another layout, model or accelerator, and at once what would come of it.

use kitchen_core::sim::Constants;
use kitchen_core::sim::cost::{Estimate, estimate, peak_memory};
use kitchen_core::sim::input::{Job, Recompute, Sharding, accelerators, models};
use kitchen_core::sim::story::{LayoutSpec, ModelSpec, Setting, Spec};
use kitchen_core::words;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement, InputEvent};
use yew::{Callback, Html, html};

use super::controls::Act;
use super::layout::{Part, RECOMPUTES, SHARDINGS};

/// The most GPUs and the largest degree that a slider offers, as powers of two.
const MOST: u32 = 14;

/// What a person makes of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    model: ModelSpec,
    accelerator: String,
    gpus: u32,
    layout: LayoutSpec,
}

/// What a person changes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// Another model, by its place among [`models`].
    Model(usize),
    /// Another accelerator, by its place among [`accelerators`].
    Accelerator(usize),
    Gpus(u32),
    Layout(Part),
}

impl Draft {
    /// What a run has.
    pub(super) fn of(setting: &Setting) -> Self {
        let layout = &setting.job.layout;
        Self {
            model: setting.spec.model.clone(),
            accelerator: setting.spec.cluster.accelerator.clone(),
            gpus: setting.job.cluster.devices,
            layout: LayoutSpec {
                tp: layout.tp,
                cp: layout.cp,
                pp: layout.pp,
                vp: layout.vp,
                ep: layout.ep,
                sp: None,
                sharding: layout.sharding,
                recompute: layout.recompute,
                micro_batch: layout.micro_batch,
            },
        }
    }

    pub(super) fn change(&mut self, change: &Change) {
        match *change {
            Change::Model(place) => {
                if let Some((name, _)) = models().get(place) {
                    self.model = ModelSpec {
                        preset: Some((*name).to_owned()),
                        ..ModelSpec::default()
                    };
                }
            }
            Change::Accelerator(place) => {
                if let Some(name) = accelerator_names().get(place) {
                    self.accelerator.clone_from(name);
                }
            }
            Change::Gpus(gpus) => self.gpus = gpus,
            Change::Layout(part) => part.set(&mut self.layout),
        }
    }

    /// The run with all of that.
    pub(super) fn spec(&self, of: &Spec) -> Spec {
        let mut spec = of.clone();
        spec.model = self.model.clone();
        spec.cluster.accelerator.clone_from(&self.accelerator);
        spec.cluster.gpus = self.gpus;
        spec.layout = Some(self.layout);
        spec
    }

    /// What is predicted of a step, or why there is none.
    fn estimate(&self, of: &Setting) -> Result<(Job, Estimate), String> {
        let mut job = Setting::job_of(&self.spec(&of.spec)).map_err(|error| error.to_string())?;
        job.layout = self.layout.on(self.gpus);
        let constants = Constants::bundled().map_err(|error| error.to_string())?;
        let estimate = estimate(&job, &constants).map_err(|refusal| refusal.to_string())?;
        Ok((job, estimate))
    }
}

/// The sliders, and the answer.
pub(super) fn view(draft: &Draft, setting: &Setting, act: &Callback<Act>) -> Html {
    let layout = &draft.layout;
    let found = draft.estimate(setting);
    let slider = |id, name, value, most, change: fn(u32) -> Change| {
        slider((id, name), value, most, act, change)
    };
    let models = models();
    let models: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
    let model = models
        .iter()
        .position(|name| Some(*name) == draft.model.preset.as_deref());
    let accelerators = accelerator_names();
    let accelerator = accelerators.iter().position(|it| *it == draft.accelerator);
    let sharding = SHARDINGS.iter().position(|it| *it == layout.sharding);
    let recompute = RECOMPUTES.iter().position(|it| *it == layout.recompute);
    html! {
        <section class="card" aria-labelledby="whatif-title">
            <h2 id="whatif-title">{ "What if?" }</h2>
            <div class="knobs">
                { choice(("model", "model"), &models, model, act, Change::Model) }
                { choice(("accelerator", "accelerator"), &accelerators, accelerator, act, Change::Accelerator) }
                { slider("gpus-slider", "GPUs", draft.gpus, MOST, Change::Gpus) }
                { slider("tp", "tensor parallel", layout.tp, 6, |it| Change::Layout(Part::Tp(it))) }
                { slider("pp", "pipeline stages", layout.pp, 6, |it| Change::Layout(Part::Pp(it))) }
                { slider("vp", "chunks of a stage", layout.vp, 4, |it| Change::Layout(Part::Vp(it))) }
                { slider("cp", "context parallel", layout.cp, 4, |it| Change::Layout(Part::Cp(it))) }
                { slider("ep", "expert parallel", layout.ep, 7, |it| Change::Layout(Part::Ep(it))) }
                { slider("micro-batch", "sequences of a micro-step", layout.micro_batch, 5, |it| Change::Layout(Part::MicroBatch(it))) }
                { choice(("sharding", "data parallel ranks share"), &SHARDINGS.map(Sharding::name), sharding, act, |place| Change::Layout(Part::Sharding(SHARDINGS.get(place).copied().unwrap_or(Sharding::None)))) }
                { choice(("recompute", "computed again"), &RECOMPUTES.map(Recompute::name), recompute, act, |place| Change::Layout(Part::Recompute(RECOMPUTES.get(place).copied().unwrap_or(Recompute::None)))) }
            </div>
            { answer(&found, setting) }
            <div class="buttons">
                <button id="take" type="button" disabled={found.is_err()}
                    onclick={act.reform(|_| Act::Take)}>{ "Watch this" }</button>
            </div>
        </section>
    }
}

/// All accelerators that are known.
fn accelerator_names() -> Vec<String> {
    // A malformed table stops every run before: the page would show none.
    let known = accelerators().unwrap_or_default();
    known.into_iter().map(|it| it.name).collect()
}

/// A slider over powers of two.
fn slider(
    (id, name): (&'static str, &'static str),
    value: u32,
    most: u32,
    act: &Callback<Act>,
    change: fn(u32) -> Change,
) -> Html {
    let oninput = act.reform(move |event: InputEvent| {
        let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
        let power = input.map_or(0.0, |it| it.value_as_number());
        Act::Change(change(1 << (power as u32).min(most)))
    });
    html! {
        <div class="knob">
            <label for={id}>{ format!("{name}: {}", words::count(u64::from(value))) }</label>
            <input {id} type="range" min="0" max={most.to_string()} step="1"
                value={value.max(1).ilog2().to_string()} aria-valuetext={value.to_string()} {oninput} />
        </div>
    }
}

fn choice<T: AsRef<str>>(
    (id, name): (&'static str, &'static str),
    names: &[T],
    chosen: Option<usize>,
    act: &Callback<Act>,
    change: fn(usize) -> Change,
) -> Html {
    let onchange = act.reform(move |event: Event| {
        let select: Option<HtmlSelectElement> = event.target().and_then(|it| it.dyn_into().ok());
        let place = select.and_then(|it| usize::try_from(it.selected_index()).ok());
        Act::Change(change(place.unwrap_or_default()))
    });
    html! {
        <div class="knob">
            <label for={id}>{ name }</label>
            <select {id} {onchange}>
                { for names.iter().enumerate().map(|(place, name)| html! {
                    <option selected={Some(place) == chosen}>{ name.as_ref() }</option>
                }) }
            </select>
        </div>
    }
}

/// Both runs beside each other, or why the other cannot be.
fn answer(found: &Result<(Job, Estimate), String>, setting: &Setting) -> Html {
    let (job, other) = match found {
        Ok(found) => found,
        Err(refusal) => {
            return html! { <p id="refusal" class="problems" role="status">{ refusal.as_str() }</p> };
        }
    };
    let rows = rows(&setting.job, &setting.estimate)
        .into_iter()
        .zip(rows(job, other));
    html! {
        <table id="answer">
            <thead><tr><th scope="col">{ "a step" }</th><th scope="col">{ "now" }</th><th scope="col">{ "what if" }</th></tr></thead>
            <tbody>
            { for rows.map(|((name, now), (_, then))| html! {
                <tr><th scope="row">{ name }</th><td class="number">{ now }</td><td class="number">{ then }</td></tr>
            }) }
            </tbody>
        </table>
    }
}

fn rows(job: &Job, estimate: &Estimate) -> [(&'static str, String); 6] {
    let layout = &job.layout;
    [
        (
            "layout",
            format!("tp {} · pp {} · dp {}", layout.tp, layout.pp, layout.dp),
        ),
        ("time", format!("{} s", words::value(estimate.seconds))),
        ("tokens/s", words::rate(estimate.tokens_per_s)),
        ("MFU", words::percent(estimate.mfu)),
        (
            "memory",
            format!(
                "{:.1} of {} GiB",
                peak_memory(job).1.gib(),
                job.cluster.accelerator.mem_gb
            ),
        ),
        (
            "waiting for stages",
            words::percent(estimate.times.bubble / estimate.seconds),
        ),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_core::sim::story::SCENARIOS;

    use super::*;

    #[test]
    fn a_draft_begins_as_what_runs_and_says_why_another_cannot() {
        for scenario in SCENARIOS {
            let setting = Setting::of(scenario.spec().unwrap()).unwrap();
            let mut draft = Draft::of(&setting);
            let (_, same) = draft.estimate(&setting).unwrap();
            assert_eq!(same.seconds, setting.estimate.seconds, "{}", scenario.name);
            draft.change(&Change::Layout(Part::Tp(64)));
            draft.change(&Change::Layout(Part::Pp(64)));
            draft.change(&Change::Gpus(8));
            assert!(!draft.estimate(&setting).unwrap_err().is_empty());
        }
    }

    #[test]
    fn another_model_on_another_accelerator_is_answered_and_can_be_watched() {
        let setting = Setting::of(SCENARIOS[0].spec().unwrap()).unwrap();
        let mut draft = Draft::of(&setting);
        let place = |name| models().iter().position(|(other, _)| *other == name);
        draft.change(&Change::Model(place("gpt3-1.3b").unwrap()));
        let accelerators = accelerator_names();
        let faster = accelerators.iter().position(|it| it == "B200 SXM 180GB");
        draft.change(&Change::Accelerator(faster.unwrap()));
        // Nothing is called so.
        draft.change(&Change::Model(1000));
        let (job, other) = draft.estimate(&setting).unwrap();
        assert_eq!(job.model.layers, 24);
        assert!(other.seconds < setting.estimate.seconds);
        let taken = Setting::of(draft.spec(&setting.spec)).unwrap();
        assert_eq!(taken.estimate.seconds, other.seconds);
        assert_eq!(taken.job.cluster.accelerator.name, "B200 SXM 180GB");
    }
}
