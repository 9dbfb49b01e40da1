//! The settings as a form. What people turn first stands on top; everything else is a click away,
//! made from the schema.

use kitchen_core::config::{Field, Input, form};
use kitchen_types::RunConfig;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement};
use yew::{Callback, Html, html};

use super::glossary::explain;

/// The settings that people turn first, with how they are called and which word explains them.
const FIRST: &[(&str, &str, &str)] = &[
    ("data.playground.shape", "shape", ""),
    ("data.playground.noise", "noise", ""),
    ("data.sequence.task", "task", ""),
    ("data.sequence.length", "length", ""),
    ("data.table.name", "table", ""),
    ("data.csv.target", "column to predict", ""),
    ("model", "model", "model"),
    ("model.mlp.hidden", "hidden layers", "hidden layers"),
    ("model.mlp.activation", "activation", ""),
    ("model.cnn.channels", "channels", ""),
    ("model.gpt.layers", "layers", ""),
    ("model.gpt.heads", "heads", ""),
    ("model.gpt.width", "width", ""),
    ("model.rnn.cell", "cell", ""),
    ("model.rnn.width", "width", ""),
    ("lr", "learning rate", "learning rate"),
    ("batch", "batch", "batch"),
    ("steps", "how long", "step"),
    ("optimizer.algorithm", "optimizer", "optimizer"),
    ("device", "device", "device"),
    ("seed", "seed", "seed"),
];

/// The form for `config`. `changed` hears of each change as a path and a value.
pub(super) fn view(config: &RunConfig, changed: &Callback<(String, String)>) -> Html {
    let fields = form(config);
    let first = FIRST.iter().filter_map(|(path, label, term)| {
        let field = fields.iter().find(|field| field.path == *path)?;
        Some(row(field, label, term, changed))
    });
    let rest = fields.iter().filter(|field| {
        field.path != "recipe" && !FIRST.iter().any(|(path, ..)| *path == field.path)
    });
    html! {
        <>
            <div class="knobs">{ for first }</div>
            <details class="more">
                <summary>{ "All settings" }</summary>
                <div class="knobs">{ for rest.map(|field| row(field, &field.path, "", changed)) }</div>
            </details>
        </>
    }
}

fn row(
    field: &Field,
    label: &str,
    term: &'static str,
    changed: &Callback<(String, String)>,
) -> Html {
    let id = format!("setting-{}", field.path.replace('.', "-"));
    let path = field.path.clone();
    let changed = changed.clone();
    let onchange = Callback::from(move |event: Event| {
        if let Some(value) = value_of(&event) {
            changed.emit((path.clone(), value));
        }
    });
    html! {
        <div class="knob">
            <label for={id.clone()} title={field.about.clone()}>{ label }{ explain(term) }</label>
            { control(field, id, onchange) }
        </div>
    }
}

fn control(field: &Field, id: String, onchange: Callback<Event>) -> Html {
    let about = field.about.clone();
    match &field.input {
        Input::Choice(names) => html! {
            <select {id} {onchange} title={about}>
                { for names.iter().map(|name| html! {
                    <option value={name.clone()} selected={*name == field.value}>{ name.replace('_', " ") }</option>
                }) }
            </select>
        },
        Input::Boolean => html! {
            <input {id} {onchange} title={about} type="checkbox" checked={field.value == "true"} />
        },
        Input::Natural => html! {
            <input {id} {onchange} title={about} type="number" min="0" step="1" value={field.value.clone()} />
        },
        Input::Number | Input::Text => {
            let mode = if field.input == Input::Number {
                "decimal"
            } else {
                "text"
            };
            html! {
                <input {id} {onchange} title={about} type="text" inputmode={mode}
                    autocomplete="off" spellcheck="false" value={field.value.clone()} />
            }
        }
    }
}

fn value_of(event: &Event) -> Option<String> {
    let target = event.target()?;
    if let Some(select) = target.dyn_ref::<HtmlSelectElement>() {
        return Some(select.value());
    }
    let input: &HtmlInputElement = target.dyn_ref()?;
    Some(match input.type_().as_str() {
        "checkbox" => input.checked().to_string(),
        _ => input.value(),
    })
}

#[cfg(test)]
mod tests {
    use kitchen_core::RECIPES;
    use kitchen_core::config::Layers;

    use super::*;

    #[test]
    fn what_stands_on_top_is_a_setting_of_some_recipe() {
        let mut paths: Vec<String> = Vec::new();
        let more = [["model=rnn", "data=csv"], ["model=cnn", "data=digits"]];
        for recipe in RECIPES {
            for arguments in std::iter::once(&[] as &[&str]).chain(more.iter().map(|it| &it[..])) {
                let layers = Layers::new(recipe.name, recipe.settings).arguments(arguments);
                let resolved = layers.merge().unwrap_or_else(|it| unreachable!("{it:?}"));
                paths.extend(form(&resolved.config).into_iter().map(|field| field.path));
            }
        }
        for (path, ..) in FIRST {
            assert!(paths.iter().any(|known| known == path), "{path}");
        }
    }
}
