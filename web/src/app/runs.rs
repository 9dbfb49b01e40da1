//! Runs that this browser keeps: go on with one, lay its curves over the current ones, name it, take
//! it along, or let it go.

use std::collections::BTreeMap;

use kitchen_core::config::diff;
use kitchen_core::words;
use kitchen_types::kept::{KeptReply, KeptRequest, KeptRun, Replayed, Storage};
use kitchen_types::{RunConfig, RunId};
use yew::{Callback, Html, html};

/// The most runs whose curves are shown at once, the current one included.
pub(super) const OVERLAID: usize = 10;

/// What is known of kept runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) runs: Vec<KeptRun>,
    pub(super) storage: Storage,
    /// Those whose curves are shown.
    pub(super) overlaid: BTreeMap<RunId, Replayed>,
    /// Nobody wants to be asked again.
    pub(super) banner_closed: bool,
}

/// What a person does with a kept run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OnKept {
    /// Go on with it.
    GoOn(RunId),
    /// Show its curves, or hide them.
    Overlay(RunId),
    /// Anything that the worker does by itself.
    Ask(KeptRequest),
    /// Ask the browser to keep everything until it is deleted.
    Persist,
    /// Do not offer to go on.
    CloseBanner,
}

impl Kept {
    /// Takes in an answer that says which runs there are.
    pub(super) fn hear(&mut self, reply: &KeptReply) {
        if let KeptReply::Runs { runs, storage } = reply {
            self.runs = runs.clone();
            self.storage = *storage;
            let there = |run: &RunId| runs.iter().any(|kept| kept.run == *run);
            self.overlaid.retain(|run, _| there(run));
        }
    }

    /// The run that was cut off last, if there is one to go on with.
    fn cut_off(&self, current: Option<&RunId>) -> Option<&KeptRun> {
        self.runs.iter().find(|kept| {
            kept.under_way && !kept.in_use && kept.step.is_some() && Some(&kept.run) != current
        })
    }
}

/// Offers to go on with a run that a reload or a crash has cut off.
pub(super) fn banner(kept: &Kept, current: Option<&RunId>, act: &Callback<OnKept>) -> Html {
    let Some(run) = kept.cut_off(current).filter(|_| !kept.banner_closed) else {
        return Html::default();
    };
    let name = run.run.clone();
    html! {
        <section class="card banner" role="region" aria-label="A run that was cut off">
            <p>{ format!("{} was cut off at step {} or later.", run.run, words::count(run.step.unwrap_or(0))) }</p>
            <button id="resume" type="button" class="primary" onclick={act.reform(move |_| OnKept::GoOn(name.clone()))}>
                { format!("Resume from step {}", words::count(run.step.unwrap_or(0))) }
            </button>
            <button id="dismiss" type="button" onclick={act.reform(|_| OnKept::CloseBanner)}>{ "Not now" }</button>
        </section>
    }
}

/// All kept runs.
pub(super) fn view(
    kept: &Kept,
    current: Option<(&RunId, &RunConfig)>,
    act: &Callback<OnKept>,
) -> Html {
    let persist = (!kept.storage.persisted).then(|| {
        html! { <button id="persist" type="button" onclick={act.reform(|_| OnKept::Persist)}>{ "Keep them" }</button> }
    });
    html! {
        <section class="card" aria-labelledby="runs-title">
            <h2 id="runs-title">{ "Runs kept in this browser" }</h2>
            <p class="quiet">{ storage(&kept.storage) }</p>
            { for persist }
            { if kept.runs.is_empty() {
                html! { <p class="quiet">{ "None yet: a run is kept from its first checkpoint on." }</p> }
            } else {
                html! { <div class="wide"><table id="runs">
                    <thead><tr><th>{ "run" }</th><th>{ "step" }</th><th>{ "size" }</th><th>{ "what to do with it" }</th></tr></thead>
                    <tbody>{ for kept.runs.iter().map(|run| row(run, kept, current, act)) }</tbody>
                </table></div> }
            } }
        </section>
    }
}

fn storage(storage: &Storage) -> String {
    let room = match (storage.used_bytes, storage.quota_bytes) {
        (Some(used), Some(quota)) => {
            format!("{} of {} used; ", words::bytes(used), words::bytes(quota))
        }
        _ => String::new(),
    };
    let promise = if storage.persisted {
        "kept until you delete them"
    } else {
        "the browser may clear them when it runs out of room"
    };
    format!("{room}{promise}")
}

fn row(
    kept: &KeptRun,
    all: &Kept,
    current: Option<(&RunId, &RunConfig)>,
    act: &Callback<OnKept>,
) -> Html {
    let run = kept.run.clone();
    let is_current = current.is_some_and(|(current, _)| *current == run);
    let on = |what: OnKept| act.reform(move |_| what.clone());
    let ask = |request: KeptRequest| on(OnKept::Ask(request));
    let rename = {
        let (act, run) = (act.clone(), run.clone());
        move |_| {
            let window = web_sys::window();
            let asked = window.and_then(|window| {
                let message = "What to call it (letters, digits, - _ .)";
                window
                    .prompt_with_message_and_default(message, run.as_str())
                    .ok()
            });
            let name = asked
                .flatten()
                .and_then(|name| RunId::new(name.trim()).ok());
            if let Some(to) = name.filter(|to| *to != run) {
                let run = run.clone();
                act.emit(OnKept::Ask(KeptRequest::Rename { run, to }));
            }
        }
    };
    let delete = {
        let (act, run) = (act.clone(), run.clone());
        move |_| {
            let question = format!("Delete {run} and its checkpoints? This cannot be undone.");
            let sure = web_sys::window()
                .is_some_and(|window| window.confirm_with_message(&question).unwrap_or(false));
            if sure {
                act.emit(OnKept::Ask(KeptRequest::Delete { run: run.clone() }));
            }
        }
    };
    let overlaid = all.overlaid.get(&run);
    let full = all.overlaid.len() + 1 >= OVERLAID;
    html! {
        <tr>
            <td>{ run.to_string() }{ if is_current { " (this one)" } else { "" } }
                { for overlaid.zip(current).map(|(other, (_, config))| differences(config, &other.config)) }</td>
            <td class="number">{ kept.step.map_or_else(|| "–".into(), words::count) }</td>
            <td class="number">{ words::bytes(kept.bytes) }</td>
            <td class="actions">
                <button type="button" disabled={is_current || kept.in_use || kept.step.is_none()}
                    onclick={on(OnKept::GoOn(run.clone()))}>{ "Go on" }</button>
                <button type="button" aria-pressed={overlaid.is_some().to_string()}
                    disabled={is_current || (full && overlaid.is_none())}
                    onclick={on(OnKept::Overlay(run.clone()))}>{ "Compare" }</button>
                <button type="button" aria-pressed={kept.pinned.to_string()}
                    onclick={ask(KeptRequest::Pin { run: run.clone(), pinned: !kept.pinned })}>{ "Pin" }</button>
                <button type="button" disabled={kept.in_use} onclick={rename}>{ "Rename" }</button>
                <button type="button" disabled={kept.step.is_none()}
                    onclick={ask(KeptRequest::Download { run: run.clone(), step: None })}>{ "Save as file" }</button>
                <button type="button" disabled={kept.pinned || is_current} onclick={delete}>{ "Delete" }</button>
            </td>
        </tr>
    }
}

/// In what another run's settings differ.
fn differences(config: &RunConfig, other: &RunConfig) -> Html {
    let value = |value: Option<serde_json::Value>| value.map_or("–".into(), |it| it.to_string());
    let changes: Vec<String> = diff(config, other)
        .into_iter()
        .map(|change| format!("{}: {}", change.path, value(change.new)))
        .collect();
    let text = match changes.is_empty() {
        true => "the same settings".to_owned(),
        false => changes.join(", "),
    };
    html! { <div class="quiet">{ text }</div> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, step: Option<u64>, under_way: bool, in_use: bool) -> KeptRun {
        KeptRun {
            run: RunId::new(name).unwrap_or_else(|error| unreachable!("{error}")),
            recipe: "digits".into(),
            step,
            bytes: 1,
            pinned: false,
            created_ms: 1,
            updated_ms: 2,
            under_way,
            in_use,
        }
    }

    #[test]
    fn a_run_that_was_cut_off_is_offered_once_it_can_go_on() {
        let runs = vec![
            kept("fresh", None, true, false),
            kept("elsewhere", Some(5), true, true),
            kept("over", Some(9), false, false),
            kept("cut", Some(7), true, false),
        ];
        let cut = runs[3].run.clone();
        let kept = Kept {
            runs,
            ..Kept::default()
        };
        assert_eq!(kept.cut_off(None).map(|run| &run.run), Some(&cut));
        assert_eq!(kept.cut_off(Some(&cut)), None);
    }

    #[test]
    fn the_browsers_promise_is_put_into_words() {
        let mut promise = Storage {
            persisted: false,
            used_bytes: Some(1_500_000),
            quota_bytes: Some(2_000_000_000),
        };
        assert_eq!(
            storage(&promise),
            "1.5 MB of 2.0 GB used; the browser may clear them when it runs out of room"
        );
        promise.persisted = true;
        promise.quota_bytes = None;
        assert_eq!(storage(&promise), "kept until you delete them");
    }
}
