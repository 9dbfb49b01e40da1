//! The data: which examples are trained on, which are held out, and what the model makes of them.

use kitchen_core::words;
use kitchen_types::board::DataSummary;
use kitchen_types::ports::{DataSpec, InputSpec, Inputs, Split};
use kitchen_types::question::{ExampleView, Question};
use yew::{Callback, Html, html};

use super::glossary::explain;
use crate::draw::canvas::measure;
use crate::draw::digits::{self, Thumbnail};
use crate::stage::Theatre;

/// How many examples are shown of each half; images take less room than rows.
const ROWS: u64 = 8;
const IMAGES: u64 = 24;

/// The side of an image, in CSS pixels.
const SIDE: f64 = 48.0;

/// The halves of the data, with the places of their images.
const HALVES: [(Split, &str); 2] = [
    (Split::Validation, "images-held-out"),
    (Split::Train, "images-train"),
];

/// The questions behind what is shown.
pub(super) fn questions(spec: Option<&DataSpec>) -> [Question; 2] {
    let count = match spec.and_then(size) {
        Some(_) => IMAGES,
        None => ROWS,
    };
    HALVES.map(|(split, _)| Question::Examples {
        split,
        from: 0,
        count,
    })
}

/// Channels, height and width, where examples are images.
fn size(spec: &DataSpec) -> Option<[usize; 3]> {
    match &spec.input {
        InputSpec::Features { shape } => shape.as_slice().try_into().ok(),
        InputSpec::Tokens { .. } => None,
    }
}

/// The section. `look` asks for examples.
pub(super) fn view(data: Option<&DataSummary>, shown: &[ExampleView], look: &Callback<()>) -> Html {
    let Some(data) = data else {
        return Html::default();
    };
    let found = match (shown, size(&data.spec)) {
        ([], _) => Html::default(),
        (shown, None) => table(shown),
        (shown, Some(_)) => html! {
            <>
                { for HALVES.iter().map(|(split, id)| sheet(*split, id)) }
                <details class="more">
                    <summary>{ "As a table" }</summary>
                    { table(shown) }
                </details>
            </>
        },
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
            { found }
        </section>
    }
}

fn tag(split: Split) -> Html {
    let (half, class) = match split {
        Split::Train => ("trained on", "train"),
        Split::Validation => ("held out", "held-out"),
    };
    html! { <span class={format!("tag {class}")}>{ half }</span> }
}

/// The place of the images of one half.
fn sheet(split: Split, id: &'static str) -> Html {
    let about = match split {
        Split::Train => " The model learns from these.",
        Split::Validation => {
            " The model never learns from these: they tell what it has understood."
        }
    };
    html! {
        <figure>
            <figcaption class="quiet">{ tag(split) }{ about }{ " “7 for 1” means that it takes a 1 for a 7." }</figcaption>
            <canvas {id} class="sheet" role="img"></canvas>
        </figure>
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
    let verdict = match example.right {
        Some(true) => " ✓",
        Some(false) => " ✗",
        None => "",
    };
    html! {
        <tr>
            <td class="number">{ example.id.to_string() }</td>
            <td>{ tag(example.split) }</td>
            <td><pre>{ words::harmless(&example.description) }</pre></td>
            <td>{ words::one_line(&example.target) }</td>
            <td>{ words::one_line(&example.prediction) }{ verdict }</td>
        </tr>
    }
}

/// Draws the images whose places [`view`] has laid out.
pub(super) fn draw(theatre: &Theatre<'_>, spec: Option<&DataSpec>, shown: &[ExampleView]) {
    let Some(size) = spec.and_then(size) else {
        return;
    };
    for (split, id) in HALVES {
        let half: Vec<&ExampleView> = shown.iter().filter(|it| it.split == split).collect();
        let pixels: Vec<Vec<f32>> = half.iter().map(|it| ink(&it.inputs, size)).collect();
        let thumbnails: Vec<Thumbnail<'_>> = half
            .iter()
            .zip(&pixels)
            .map(|(example, pixels)| thumbnail(example, pixels, size))
            .collect();
        // The sheet is as high as its images need; then it can be drawn on.
        let height = theatre.stage(id).map(|(canvas, stage)| {
            let measure = measure(&stage.context);
            let sheet = digits::layout(&thumbnails, stage.width, SIDE, &measure);
            // The element exists, and the name is valid.
            let _ = canvas.set_attribute("style", &format!("height:{}px", sheet.height));
            sheet.height
        });
        if height.is_some() {
            theatre.on(id, |stage| {
                let measure = measure(&stage.context);
                let sheet = digits::layout(&thumbnails, stage.width, SIDE, &measure);
                digits::paint(
                    &thumbnails,
                    &sheet,
                    &stage.context,
                    stage.palette,
                    stage.ratio,
                );
                digits::describe(&thumbnails)
            });
        }
    }
}

/// How much ink each pixel has: the mean of its channels.
fn ink(inputs: &Inputs, [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let Inputs::Features { values, .. } = inputs else {
        return Vec::new();
    };
    let pixels = height * width;
    let of = |pixel: usize| (0..channels).filter_map(move |it| values.get(it * pixels + pixel));
    (0..pixels)
        .map(|pixel| of(pixel).sum::<f32>() / channels.max(1) as f32)
        .collect()
}

fn thumbnail<'a>(
    example: &ExampleView,
    pixels: &'a [f32],
    [_, rows, columns]: [usize; 3],
) -> Thumbnail<'a> {
    let target = words::one_line(&example.target);
    let caption = match example.right {
        Some(false) => format!("{} for {target}", words::one_line(&example.prediction)),
        _ => target,
    };
    Thumbnail {
        columns,
        rows,
        pixels,
        caption,
        is_right: example.right,
    }
}

#[cfg(test)]
mod tests {
    use kitchen_types::SampleId;
    use kitchen_types::ports::TargetSpec;

    use super::*;

    fn spec(shape: &[usize]) -> DataSpec {
        DataSpec {
            input: InputSpec::Features {
                shape: shape.to_vec(),
            },
            target: TargetSpec::Classes {
                names: vec!["cat".into(), "dog".into()],
            },
        }
    }

    #[test]
    fn only_images_are_images() {
        assert_eq!(size(&spec(&[3, 2, 5])), Some([3, 2, 5]));
        assert_eq!(size(&spec(&[2])), None);
        let [first, _] = questions(Some(&spec(&[1, 8, 8])));
        assert!(matches!(first, Question::Examples { count: IMAGES, .. }));
        let [first, _] = questions(None);
        assert!(matches!(first, Question::Examples { count: ROWS, .. }));
    }

    #[test]
    fn colours_become_shades() {
        let inputs = Inputs::Features {
            shape: vec![1, 3, 1, 2],
            values: vec![0.0, 0.25, 0.5, 0.25, 1.0, 0.25],
        };
        assert_eq!(ink(&inputs, [3, 1, 2]), [0.5, 0.25]);
    }

    #[test]
    fn a_mistake_says_what_was_taken_for_what() {
        let example = |right| ExampleView {
            id: SampleId(3),
            position: 0,
            split: Split::Validation,
            inputs: Inputs::Features {
                shape: vec![1, 1, 1, 1],
                values: vec![1.0],
            },
            target: "1".into(),
            prediction: "7".into(),
            right,
            description: String::new(),
        };
        let caption = |right| thumbnail(&example(right), &[1.0], [1, 1, 1]).caption;
        assert_eq!(caption(Some(false)), "7 for 1");
        assert_eq!(caption(Some(true)), "1");
        assert_eq!(caption(None), "1");
    }
}
