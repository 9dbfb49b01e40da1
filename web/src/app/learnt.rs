//! What the model has learnt: the border it draws through the plane, what it writes, which classes
//! it mixes up.

use kitchen_types::board::Board;
use web_sys::Document;
use yew::{Html, html};

use super::Shown;

/// What the picture shows beyond the board.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {}

impl Picture {
    /// Begins anew, for another run.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }
}

/// The place of the picture.
pub(super) fn view(_shown: &Shown) -> Html {
    html! {
        <section class="card" aria-labelledby="learnt-title">
            <h2 id="learnt-title">{ "What it has learnt" }</h2>
            <canvas id="picture" class="picture" role="img"></canvas>
            <div id="written" class="written"></div>
        </section>
    }
}

/// Draws the picture.
pub(super) fn draw(document: &Document, board: &Board, _picture: &Picture) {
    if let Some(sample) = board.samples.back() {
        super::live::write(
            document,
            "written",
            &format!("{}{}", sample.prompt, sample.text),
        );
    }
}
