//! The data: which examples are trained on, which are held out, and what the model makes of them.

use kitchen_core::words;
use kitchen_types::board::DataSummary;
use kitchen_types::ports::Split;
use kitchen_types::question::{ExampleView, Question};
use yew::{Callback, Html, html};

use super::glossary::explain;

/// How many examples are shown of each half.
const SHOWN: u64 = 8;

/// The questions behind the table.
pub(super) fn questions() -> [Question; 2] {
    [Split::Validation, Split::Train].map(|split| Question::Examples {
        split,
        from: 0,
        count: SHOWN,
    })
}

/// The section. `look` asks for examples.
pub(super) fn view(data: Option<&DataSummary>, shown: &[ExampleView], look: &Callback<()>) -> Html {
    let Some(data) = data else {
        return Html::default();
    };
    html! {
        <section class="card" aria-labelledby="examples-title">
            <h2 id="examples-title">{ "The data" }</h2>
            <p>{ &data.source }</p>
            <p>{ format!("{} examples to train on, {} held out", words::count(data.train), words::count(data.validation)) }
                { explain("held-out") }</p>
            <button id="examples" type="button" onclick={look.reform(|_| ())}>
                { if shown.is_empty() { "Show some" } else { "Ask the model again" } }
            </button>
            { for (!shown.is_empty()).then(|| table(shown)) }
        </section>
    }
}

fn table(shown: &[ExampleView]) -> Html {
    html! {
        <div class="wide"><table>
            <thead><tr><th>{ "id" }</th><th>{ "half" }</th><th>{ "example" }</th>
                <th>{ "it is" }</th><th>{ "the model says" }</th></tr></thead>
            <tbody>{ for shown.iter().map(row) }</tbody>
        </table></div>
    }
}

fn row(example: &ExampleView) -> Html {
    let (half, class) = match example.split {
        Split::Train => ("trained on", "train"),
        Split::Validation => ("held out", "held-out"),
    };
    let verdict = match example.right {
        Some(true) => " ✓",
        Some(false) => " ✗",
        None => "",
    };
    html! {
        <tr>
            <td class="number">{ example.id.to_string() }</td>
            <td><span class={format!("tag {class}")}>{ half }</span></td>
            <td><pre>{ words::harmless(&example.description) }</pre></td>
            <td>{ words::one_line(&example.target) }</td>
            <td>{ words::one_line(&example.prediction) }{ verdict }</td>
        </tr>
    }
}
