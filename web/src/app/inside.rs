//! The model from the inside: its layers with their numbers, one weight as a picture, and which
//! letter looks at which. Everything here is computed when someone asks.

use kitchen_core::words;
use kitchen_types::config::ModelConfig;
use kitchen_types::question::{
    ActivationView, AttentionView, Histogram, Inspection, Matrix, Question, WeightView,
};
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Callback, Html, html};

use crate::draw::canvas::measure;
use crate::draw::heatmap::matrix as picture;
use crate::stage::{Stage, Theatre};

/// What was found inside so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Inside {
    /// Weights, gradients and activations.
    pub(super) inspection: Option<Inspection>,
    /// The weight that is shown.
    pub(super) matrix: Option<Matrix>,
    /// Who looks at whom.
    pub(super) attention: Option<AttentionView>,
}

/// The section. `ask` is told what to look at.
pub(super) fn view(inside: &Inside, model: Option<&ModelConfig>, ask: &Callback<Question>) -> Html {
    let look = ask.reform(|_| Question::Inspect);
    let has_attention = matches!(model, Some(ModelConfig::Gpt(_)));
    html! {
        <section class="card" aria-labelledby="inside-title">
            <h2 id="inside-title">{ "Inside the model" }</h2>
            <button id="inspect" type="button" onclick={look}>
                { if inside.inspection.is_some() { "Look again" } else { "Look inside" } }
            </button>
            { for inside.inspection.as_ref().map(|it| inspection(it, ask)) }
            { for inside.matrix.as_ref().map(matrix) }
            { for has_attention.then(|| attention(inside.attention.as_ref(), ask)) }
        </section>
    }
}

fn inspection(inspection: &Inspection, ask: &Callback<Question>) -> Html {
    html! {
        <>
            <p class="quiet">{ format!("After step {}. Gradients are those of one batch.", words::count(inspection.step)) }</p>
            <div class="wide"><table id="weights">
                <thead><tr><th>{ "weight" }</th><th>{ "shape" }</th><th>{ "numbers" }</th>
                    <th>{ "values" }</th><th>{ "gradients" }</th></tr></thead>
                <tbody>{ for inspection.weights.iter().map(|it| weight(it, ask)) }</tbody>
            </table></div>
            <div class="wide"><table id="activations">
                <thead><tr><th>{ "layer" }</th><th>{ "units" }</th><th>{ "dead" }</th><th>{ "outputs" }</th></tr></thead>
                <tbody>{ for inspection.activations.iter().map(activation) }</tbody>
            </table></div>
        </>
    }
}

fn weight(view: &WeightView, ask: &Callback<Question>) -> Html {
    let name = view.name.clone();
    let show = ask.reform(move |_| Question::Weight { name: name.clone() });
    html! {
        <tr>
            <td><button type="button" class="link" onclick={show} aria-label={format!("show {} as a picture", view.name)}>{ &view.name }</button></td>
            <td>{ shape(&view.shape) }</td>
            <td class="number">{ words::count(view.parameters) }</td>
            <td>{ histogram(&view.weights) }</td>
            <td>{ histogram(&view.gradients) }</td>
        </tr>
    }
}

fn activation(view: &ActivationView) -> Html {
    html! {
        <tr>
            <td>{ &view.name }</td>
            <td class="number">{ words::count(view.units as u64) }</td>
            <td class="number">{ words::percent(view.dead.0) }</td>
            <td>{ histogram(&view.outputs) }</td>
        </tr>
    }
}

fn shape(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    sides.join(" × ")
}

/// Bars, with the smallest and the largest number below.
fn histogram(histogram: &Histogram) -> Html {
    let most = histogram.counts.iter().max().copied().unwrap_or(0).max(1);
    let bars: String = histogram
        .counts
        .iter()
        .enumerate()
        .map(|(place, count)| {
            let height = 20.0 * *count as f64 / most as f64;
            format!("M{place} 20v-{height:.1}h1v{height:.1}z")
        })
        .collect();
    let range = format!(
        "{} … {}",
        words::short(histogram.low.0),
        words::short(histogram.high.0)
    );
    let alternative = format!(
        "from {range}, mean {}, standard deviation {}, {} zeros, {} not finite",
        words::short(histogram.mean.0),
        words::short(histogram.std.0),
        words::percent(histogram.zeros.0),
        histogram.not_finite
    );
    html! {
        <figure class="histogram">
            <svg viewBox="0 0 32 20" preserveAspectRatio="none" role="img" aria-label={alternative}>
                <path d={bars} />
            </svg>
            <figcaption>{ range }</figcaption>
        </figure>
    }
}

fn matrix(matrix: &Matrix) -> Html {
    html! {
        <figure>
            <figcaption>{ format!("{}, {}: from {} to {}", matrix.name, shape(&matrix.shape),
                words::short(matrix.low.0), words::short(matrix.high.0)) }</figcaption>
            <canvas id="matrix" class="heatmap" role="img"></canvas>
        </figure>
    }
}

fn attention(view: Option<&AttentionView>, ask: &Callback<Question>) -> Html {
    let ask = ask.clone();
    let onsubmit = move |event: SubmitEvent| {
        event.prevent_default();
        let document = web_sys::window().and_then(|window| window.document());
        let field = document.and_then(|document| document.get_element_by_id("attention-text"));
        let input: Option<HtmlInputElement> = field.and_then(|field| field.dyn_into().ok());
        if let Some(input) = input {
            ask.emit(Question::Attention {
                text: input.value(),
            });
        }
    };
    html! {
        <>
            <form class="line" {onsubmit}>
                <label for="attention-text">{ "Which letter looks at which in" }</label>
                <input id="attention-text" type="text" value="12+34=" maxlength="64" autocomplete="off" spellcheck="false" />
                <button type="submit">{ "Show" }</button>
            </form>
            { for view.map(|view| html! {
                <div class="heads">{ for view.maps.iter().enumerate().map(|(place, map)| html! {
                    <figure>
                        <canvas id={format!("attention-{place}")} class="heatmap small" role="img"></canvas>
                        <figcaption>{ format!("layer {}, head {}", map.layer + 1, map.head + 1) }</figcaption>
                    </figure>
                }) }</div>
            }) }
        </>
    }
}

/// Draws the pictures whose places [`view`] has laid out.
pub(super) fn draw(theatre: &Theatre<'_>, inside: &Inside) {
    if let Some(matrix) = &inside.matrix {
        let drawn = picture::Matrix {
            title: matrix.name.clone(),
            rows: matrix.rows,
            columns: matrix.columns,
            values: &matrix.values,
            kind: picture::MatrixKind::Signed,
        };
        theatre.on("matrix", |stage| paint(&drawn, stage));
    }
    if let Some(view) = &inside.attention {
        for (place, map) in view.maps.iter().enumerate() {
            let drawn = picture::Matrix {
                title: format!(
                    "attention of layer {}, head {}",
                    map.layer + 1,
                    map.head + 1
                ),
                rows: view.tokens.len(),
                columns: view.tokens.len(),
                values: &map.values,
                kind: picture::MatrixKind::Shares,
            };
            theatre.on(&format!("attention-{place}"), |stage| paint(&drawn, stage));
        }
    }
}

fn paint(matrix: &picture::Matrix<'_>, stage: &Stage<'_>) -> String {
    let drawing = picture::layout(matrix, stage.width, stage.height, &measure(&stage.context));
    picture::paint(matrix, &drawing, &stage.context, stage.palette, stage.ratio);
    picture::describe(matrix)
}
