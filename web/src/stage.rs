//! A canvas of the layout, found by its id and fitted to its place.

use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, Document, HtmlCanvasElement};

use crate::draw::canvas;
use crate::draw::palette::Palette;

/// A canvas that is ready to be drawn on.
pub(crate) struct Stage<'a> {
    /// What draws.
    pub(crate) context: CanvasRenderingContext2d,
    /// The colours of the page.
    pub(crate) palette: &'a Palette,
    /// Its width in CSS pixels.
    pub(crate) width: f64,
    /// Its height in CSS pixels.
    pub(crate) height: f64,
    /// Pixels of the screen in a CSS pixel.
    pub(crate) ratio: f64,
}

/// Where pictures are drawn: the page as it is laid out now, and its colours.
pub(crate) struct Theatre<'a> {
    document: &'a Document,
    palette: Palette,
    ratio: f64,
}

impl<'a> Theatre<'a> {
    /// The page.
    pub(crate) fn new(document: &'a Document) -> Self {
        let root = document.document_element();
        Self {
            document,
            palette: root.map_or(crate::draw::palette::LIGHT, |root| Palette::read(&root)),
            ratio: web_sys::window().map_or(1.0, |window| window.device_pixel_ratio()),
        }
    }

    /// The page's document.
    pub(crate) fn document(&self) -> &Document {
        self.document
    }

    /// Draws on the canvas called `id`, if the layout has one and it can be seen. `draw` returns
    /// what the picture says in words.
    pub(crate) fn on(&self, id: &str, draw: impl FnOnce(&Stage<'_>) -> String) {
        let Some((canvas, stage)) = self.stage(id) else {
            return;
        };
        let words = draw(&stage);
        if canvas.get_attribute("aria-label").as_deref() != Some(&words) {
            // The element exists, and the name is valid.
            let _ = canvas.set_attribute("aria-label", &words);
        }
    }

    /// The canvas called `id`, if the layout has one and it can be seen.
    pub(crate) fn stage(&self, id: &str) -> Option<(HtmlCanvasElement, Stage<'_>)> {
        let element = self.document.get_element_by_id(id);
        let canvas: HtmlCanvasElement = element?.dyn_into().ok()?;
        let (width, height) = (
            f64::from(canvas.client_width()),
            f64::from(canvas.client_height()),
        );
        if width < 1.0 || height < 1.0 {
            return None;
        }
        let stage = Stage {
            context: canvas::fit(&canvas, width, height, self.ratio)?,
            palette: &self.palette,
            width,
            height,
            ratio: self.ratio,
        };
        Some((canvas, stage))
    }
}
