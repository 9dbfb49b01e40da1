//! What the model has learnt: the border it draws through the plane, what it writes, which classes
//! it mixes up, what it makes of a digit that someone draws.

use kitchen_core::words;
use kitchen_types::board::Board;
use kitchen_types::event::Evaluation;
use kitchen_types::ports::{DataSpec, InputSpec, Inputs, Split, TargetSpec};
use kitchen_types::question::{ExampleView, Prediction, Question, Surface};
use wasm_bindgen::JsCast;
use web_sys::{HtmlCanvasElement, HtmlInputElement, PointerEvent, SubmitEvent};
use yew::{Callback, Html, html};

use super::Shown;
use super::controls::Act;
use crate::draw::canvas::{Brush, measure};
use crate::draw::heatmap::confusion as mistakes;
use crate::draw::surface;
use crate::frames::write;
use crate::pad::Drawing;
use crate::stage::Theatre;

/// What the picture shows beyond the board.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// The newest look at the plane.
    pub(super) surface: Option<Surface>,
    /// Points of the plane, trained on and held out.
    pub(super) points: Vec<surface::Point>,
    /// What is drawn on the pad.
    pub(super) drawing: Drawing,
    /// What the model makes of it.
    pub(super) prediction: Option<Prediction>,
    /// What the model writes because someone asked.
    pub(super) answer: String,
}

/// What kind of picture fits the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A plane with a border.
    Plane,
    /// An image of this height and width to draw on.
    Image(usize, usize),
    /// Text.
    Text,
    /// Neither: classes that are taken for each other, or values.
    Other,
}

impl Kind {
    /// The kind that fits `spec`.
    pub(super) fn of(spec: &DataSpec) -> Self {
        let classes = matches!(spec.target, TargetSpec::Classes { .. });
        match &spec.input {
            InputSpec::Tokens { .. } => Self::Text,
            InputSpec::Features { shape } => match shape.as_slice() {
                [2] if classes => Self::Plane,
                [1, height, width] if classes => Self::Image(*height, *width),
                _ => Self::Other,
            },
        }
    }
}

impl Picture {
    /// Begins anew, for another run. What a person has drawn stays.
    pub(super) fn begin(&mut self) {
        *self = Self {
            drawing: std::mem::take(&mut self.drawing),
            ..Self::default()
        };
    }

    /// Takes in examples of the plane.
    pub(super) fn add_points(&mut self, examples: &[ExampleView], classes: &[String]) {
        self.points.extend(examples.iter().filter_map(|example| {
            let Inputs::Features { values, .. } = &example.inputs else {
                return None;
            };
            let [x, y] = values.as_slice() else {
                return None;
            };
            let class = classes.iter().position(|name| *name == example.target)?;
            Some(surface::Point {
                x: *x,
                y: *y,
                class: class as u32,
                held_out: example.split == Split::Validation,
            })
        }));
    }
}

/// The place of the picture, with the newest numbers below.
pub(super) fn view(
    shown: &Shown,
    teaches: &str,
    act: &Callback<Act>,
    ask: &Callback<Question>,
) -> Html {
    let (first, rest) = match shown.spec.as_ref().map(Kind::of) {
        None => (opening(), Html::default()),
        Some(Kind::Plane) => (plane_canvas(), Html::default()),
        Some(Kind::Image(..)) => (pad(act), confusion()),
        Some(Kind::Text) => writing(ask),
        Some(Kind::Other) => (confusion(), Html::default()),
    };
    html! {
        <section class="card" aria-labelledby="learnt-title">
            <h2 id="learnt-title">{ "What it has learnt" }</h2>
            { first }
            { super::controls::facts(shown, act) }
            { rest }
            <p class="quiet">{ teaches }</p>
        </section>
    }
}

fn opening() -> Html {
    html! { <p class="picture opening quiet">{ "The trainer opens the data and the device…" }</p> }
}

fn plane_canvas() -> Html {
    html! {
        <figure>
            <canvas id="plane" class="picture" role="img"></canvas>
            <figcaption class="quiet">{ "Filled points are trained on, rings are held out. The colour is what the model would say there; the paler, the less sure." }</figcaption>
        </figure>
    }
}

fn confusion() -> Html {
    html! {
        <figure>
            <canvas id="confusion" class="picture" role="img"></canvas>
            <figcaption class="quiet">{ "Held-out examples: what they are (rows), and what they are taken for (columns)." }</figcaption>
        </figure>
    }
}

/// The width of the pen, as a share of the pad's.
const PEN_WIDTH: f64 = 0.07;

/// Something to draw on, and what the model makes of it.
fn pad(act: &Callback<Act>) -> Html {
    let at = |event: &PointerEvent| [event.offset_x() as f32, event.offset_y() as f32];
    let down = {
        let act = act.clone();
        move |event: PointerEvent| {
            event.prevent_default();
            let pad: Option<HtmlCanvasElement> = event.target().and_then(|it| it.dyn_into().ok());
            if let Some(pad) = pad {
                // So that a stroke which leaves the pad is not cut off; without it, it is.
                let _ = pad.set_pointer_capture(event.pointer_id());
            }
            act.emit(Act::PenDown(at(&event)));
        }
    };
    let moved = {
        let act = act.clone();
        move |event: PointerEvent| {
            if event.buttons() & 1 == 1 {
                act.emit(Act::PenTo(at(&event)));
            }
        }
    };
    html! {
        <div class="pad">
            <div>
                <canvas id="pad" role="img" aria-label="Draw a digit here with a mouse, a pen or a finger"
                    onpointerdown={down} onpointermove={moved}></canvas>
                <button id="clear-pad" type="button" onclick={act.reform(|_| Act::ClearPad)}>{ "Clear" }</button>
            </div>
            <div>
                <p>{ "Draw a digit: the model reads it while it learns." }</p>
                <ol id="guesses" class="guesses" aria-live="polite"></ol>
            </div>
        </div>
    }
}

/// What the model writes by itself, and when someone asks.
fn writing(ask: &Callback<Question>) -> (Html, Html) {
    let ask = ask.clone();
    let onsubmit = move |event: SubmitEvent| {
        event.prevent_default();
        let document = web_sys::window().and_then(|window| window.document());
        let field = |id: &str| -> Option<HtmlInputElement> {
            document.as_ref()?.get_element_by_id(id)?.dyn_into().ok()
        };
        let (Some(prompt), Some(bold)) = (field("prompt"), field("temperature")) else {
            return;
        };
        ask.emit(super::asking::write(
            prompt.value(),
            Vec::new(),
            bold.value().parse().unwrap_or(0.8),
        ));
    };
    let asking = html! {
        <>
            <form class="line" {onsubmit}>
                <label for="prompt">{ "Go on from" }</label>
                <input id="prompt" type="text" maxlength="200" autocomplete="off" spellcheck="false" />
                <label for="temperature">{ "temperature" }{ super::glossary::explain("temperature") }</label>
                <input id="temperature" type="number" min="0" max="3" step="0.1" value="0.8" />
                <button id="write" type="submit">{ "Write" }</button>
            </form>
            <pre id="answer" class="written" aria-live="polite"></pre>
        </>
    };
    (html! { <pre id="written" class="written"></pre> }, asking)
}

/// Draws whatever the layout has a place for.
pub(super) fn draw(theatre: &Theatre<'_>, board: &Board, picture: &Picture) {
    theatre.on("plane", |stage| {
        let plane = plane(board, picture);
        let side = stage.width.min(stage.height);
        surface::paint(&plane, &stage.context, stage.palette, side, stage.ratio);
        surface::describe(&plane)
    });
    if let Some(measured) = &board.evaluation {
        draw_confusion(theatre, board, measured);
    }
    draw_pad(theatre, board, picture);
    write(theatre.document(), "written", &written(board));
    write(theatre.document(), "answer", &picture.answer);
}

/// How far the plane is shown before the model was first asked.
const EXTENT: f32 = 1.2;

fn plane<'a>(board: &'a Board, picture: &'a Picture) -> surface::Plane<'a> {
    let unknown = surface::Plane {
        extent: EXTENT,
        names: classes(board),
        points: &picture.points,
        ..surface::Plane::default()
    };
    match &picture.surface {
        None => unknown,
        Some(known) => surface::Plane {
            step: known.step,
            size: known.size,
            extent: known.extent,
            classes: &known.classes,
            confidence: &known.confidence,
            ..unknown
        },
    }
}

/// The newest samples, as the run has recorded them.
fn written(board: &Board) -> String {
    let Some(newest) = board.samples.back() else {
        return "Nothing yet: the model writes something every few hundred steps.".into();
    };
    let same_step = board.samples.iter().filter(|it| it.step == newest.step);
    let lines: Vec<String> = same_step
        .map(|it| {
            format!(
                "{}{}",
                words::harmless(&it.prompt),
                words::harmless(&it.text)
            )
        })
        .collect();
    format!(
        "at step {}:\n{}",
        words::count(newest.step),
        lines.join("\n")
    )
}

fn draw_confusion(theatre: &Theatre<'_>, board: &Board, measured: &Evaluation) {
    if measured.confusion.is_empty() {
        return;
    }
    let confusion = mistakes::Confusion {
        counts: &measured.confusion,
        names: classes(board),
    };
    theatre.on("confusion", |stage| {
        let measure = measure(&stage.context);
        let drawing = mistakes::layout(
            &confusion,
            stage.palette,
            stage.width,
            stage.height,
            &measure,
        );
        mistakes::paint(&drawing, &stage.context, stage.palette, stage.ratio);
        mistakes::describe(&confusion)
    });
}

/// The names of the classes, where targets are classes.
pub(super) fn classes(board: &Board) -> &[String] {
    match board.data.as_ref().map(|data| &data.spec.target) {
        Some(TargetSpec::Classes { names }) => names,
        _ => &[],
    }
}

fn draw_pad(theatre: &Theatre<'_>, board: &Board, picture: &Picture) {
    theatre.on("pad", |stage| {
        let brush = Brush::begin(
            &stage.context,
            stage.palette,
            stage.ratio,
            (stage.width, stage.height),
        );
        stage.context.set_line_cap("round");
        brush.pen(stage.palette.ink, 1.0, stage.width * PEN_WIDTH, &[]);
        for stroke in picture.drawing.strokes() {
            let points = stroke.iter().map(|[x, y]| (f64::from(*x), f64::from(*y)));
            // A dot is a line that goes nowhere.
            let first = points.clone().next().map(|(x, y)| (x + 0.01, y));
            brush.line(first.into_iter().chain(points));
        }
        let guesses = guesses(picture.prediction.as_ref(), classes(board));
        format!(
            "Draw a digit here with a mouse, a pen or a finger. {}",
            guesses.join(", ")
        )
    });
    let document = theatre.document();
    let Some(list) = document.get_element_by_id("guesses") else {
        return;
    };
    let guesses = guesses(picture.prediction.as_ref(), classes(board));
    let text = guesses.join("\n");
    if list.get_attribute("data-text").as_deref() == Some(&text) {
        return;
    }
    let items: String = guesses
        .iter()
        .map(|guess| format!("<li>{}</li>", escape(guess)))
        .collect();
    list.set_inner_html(&items);
    // The element exists, and the name is valid.
    let _ = list.set_attribute("data-text", &text);
}

/// The likeliest classes, the likeliest first.
fn guesses(prediction: Option<&Prediction>, classes: &[String]) -> Vec<String> {
    let Some(Prediction::Classes(shares)) = prediction else {
        return Vec::new();
    };
    let mut ranked: Vec<(f32, &String)> = shares.iter().copied().zip(classes).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
        .iter()
        .take(3)
        .map(|(share, name)| format!("{name}: {}", words::percent(f64::from(*share))))
        .collect()
}

/// Text for HTML: names of classes come from files.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_classes_come_first() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let prediction = Prediction::Classes(vec![0.125, 0.5, 0.25, 0.125]);
        assert_eq!(
            guesses(Some(&prediction), &names),
            ["b: 50.0 %", "c: 25.0 %", "a: 12.5 %"]
        );
        assert!(guesses(None, &names).is_empty());
    }

    #[test]
    fn names_from_files_cannot_become_markup() {
        assert_eq!(escape("<img src=x>&"), "&lt;img src=x>&amp;");
    }
}
