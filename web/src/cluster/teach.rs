//! Where each number comes from.

use kitchen_core::sim::explain::{Explained, explain};
use kitchen_core::sim::story::Setting;
use yew::{Html, html};

use crate::draw::numbers::value;

/// All numbers, each with its formula behind it.
pub(super) fn view(setting: &Setting) -> Html {
    html! {
        <section id="formulas" class="card" aria-labelledby="formulas-title">
            <h2 id="formulas-title">{ "Where the numbers come from" }</h2>
            <p class="quiet">{ "Each opens its formula, with its values and its source." }</p>
            { for explain(setting).iter().map(formula) }
        </section>
    }
}

fn formula(it: &Explained) -> Html {
    html! {
        <details class="more formula">
            <summary>{ format!("{}: {} {}", it.name, value(it.value), it.unit) }</summary>
            <p><code>{ it.formula }</code></p>
            <div class="wide">
                <table>
                    <tbody>
                    { for it.terms.iter().map(|term| html! {
                        <tr>
                            <th scope="row"><code>{ term.symbol }</code></th>
                            <td>{ term.meaning }</td>
                            <td class="number">{ value(term.value) }</td>
                        </tr>
                    }) }
                    </tbody>
                </table>
            </div>
            <p class="quiet">{ format!("Source: {}.", it.source) }</p>
        </details>
    }
}
