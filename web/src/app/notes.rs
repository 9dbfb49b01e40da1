//! What a person should know.

use kitchen_core::config::ConfigProblem;
use kitchen_core::words;
use kitchen_types::board::Board;
use yew::{Html, html};

/// What is wrong with the settings.
pub(super) fn problems(problems: &[ConfigProblem]) -> Html {
    if problems.is_empty() {
        return Html::default();
    }
    html! {
        <ul id="problems" class="problems" role="alert">
            { for problems.iter().map(|problem| html! { <li>{ &problem.message }</li> }) }
        </ul>
    }
}

/// Notices of the page, and of the run, newest first.
pub(super) fn view(notices: &[String], board: &Board) -> Html {
    let of_the_run = board.notices.iter().rev().map(|notice| match notice.step {
        0 => notice.text.clone(),
        step => format!("step {}: {}", words::count(step), notice.text),
    });
    let all: Vec<String> = notices.iter().rev().cloned().chain(of_the_run).collect();
    if all.is_empty() {
        return Html::default();
    }
    html! {
        <section class="card notes" aria-labelledby="notes-title">
            <h2 id="notes-title">{ "Notes" }</h2>
            <ul id="notes">{ for all.into_iter().map(|text| html! { <li>{ text }</li> }) }</ul>
        </section>
    }
}
