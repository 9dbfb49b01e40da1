//! A canvas, as pictures use it.

use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::image::Image;
use super::palette::{Palette, Rgb};
use super::shapes::{FONT, Rect, Text, Tone};

/// Gives a canvas as many pixels as its CSS size has on this screen, and returns its context.
pub fn fit(
    canvas: &HtmlCanvasElement,
    width: f64,
    height: f64,
    device_pixel_ratio: f64,
) -> Option<CanvasRenderingContext2d> {
    let pixels = |length: f64| (length * device_pixel_ratio).round().clamp(1.0, 8192.0) as u32;
    // Setting a size clears the canvas, even where it does not change.
    if canvas.width() != pixels(width) {
        canvas.set_width(pixels(width));
    }
    if canvas.height() != pixels(height) {
        canvas.set_height(pixels(height));
    }
    context(canvas)
}

/// A canvas' context; absent where the browser has none left.
pub fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// How wide texts are on this canvas, until its size changes.
pub fn measure(context: &CanvasRenderingContext2d) -> impl Fn(&str) -> f64 {
    let context = context.clone();
    context.set_font(FONT);
    move |text| {
        // A text can always be measured; the guess is the average width of a letter.
        context
            .measure_text(text)
            .map_or(6.5 * text.len() as f64, |size| size.width())
    }
}

/// A canvas to draw on, in CSS pixels. What the browser refuses is not drawn: the next picture is
/// due in a moment.
pub struct Brush<'a> {
    context: &'a CanvasRenderingContext2d,
    palette: &'a Palette,
    ratio: f64,
}

impl<'a> Brush<'a> {
    /// Clears the canvas for a picture of `width` by `height`.
    pub fn begin(
        context: &'a CanvasRenderingContext2d,
        palette: &'a Palette,
        device_pixel_ratio: f64,
        (width, height): (f64, f64),
    ) -> Self {
        let brush = Self {
            context,
            palette,
            ratio: device_pixel_ratio,
        };
        let _ = context.set_transform(device_pixel_ratio, 0.0, 0.0, device_pixel_ratio, 0.0, 0.0);
        context.set_font(FONT);
        context.set_text_baseline("alphabetic");
        context.set_line_join("bevel");
        // After this a browser need not finish what it has not drawn yet of the picture before.
        context.clear_rect(0.0, 0.0, width, height);
        brush.fill(palette.surface, 1.0);
        context.fill_rect(0.0, 0.0, width, height);
        brush
    }

    /// The colours.
    pub fn palette(&self) -> &Palette {
        self.palette
    }

    /// Pixels of the screen in a CSS pixel.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// The middle of the nearest pixel, where thin lines are sharp.
    pub fn snap(&self, place: f64) -> f64 {
        ((place * self.ratio).floor() + 0.5) / self.ratio
    }

    /// What areas are filled with.
    pub fn fill(&self, colour: Rgb, opacity: f64) {
        self.context.set_fill_style_str(&css(colour, opacity));
    }

    /// What lines are drawn with.
    pub fn pen(&self, colour: Rgb, opacity: f64, width: f64, lengths: &[f64]) {
        self.context.set_stroke_style_str(&css(colour, opacity));
        self.context.set_line_width(width);
        let lengths: js_sys::Array = lengths
            .iter()
            .map(|length| JsValue::from_f64(*length))
            .collect();
        let _ = self.context.set_line_dash(&lengths);
    }

    /// A line through points.
    pub fn line(&self, points: impl IntoIterator<Item = (f64, f64)>) {
        self.path(points);
        self.context.stroke();
    }

    /// An area within points, with an outline.
    pub fn area(&self, points: impl IntoIterator<Item = (f64, f64)>) {
        self.path(points);
        self.context.fill();
        self.context.stroke();
    }

    /// A filled area within points.
    pub fn shape(&self, points: impl IntoIterator<Item = (f64, f64)>) {
        self.path(points);
        self.context.fill();
    }

    /// A filled rectangle.
    pub fn rect(&self, rect: Rect) {
        self.context
            .fill_rect(rect.left, rect.top, rect.width, rect.height);
    }

    /// The outline of a rectangle.
    pub fn frame(&self, rect: Rect) {
        self.context
            .stroke_rect(rect.left, rect.top, rect.width, rect.height);
    }

    /// A filled circle.
    pub fn disc(&self, x: f64, y: f64, radius: f64) {
        self.circle(x, y, radius);
        self.context.fill();
    }

    /// The outline of a circle.
    pub fn ring(&self, x: f64, y: f64, radius: f64) {
        self.circle(x, y, radius);
        self.context.stroke();
    }

    /// Texts, each with the background's colour around it, so that lines behind do not disturb.
    pub fn texts(&self, texts: &[Text]) {
        for text in texts {
            let (colour, behind) = match text.tone {
                Tone::Ink => (self.palette.ink, Some(self.palette.surface)),
                Tone::Quiet => (self.palette.quiet, Some(self.palette.surface)),
                Tone::Warn => (self.palette.warn, Some(self.palette.surface)),
                Tone::On(colour) => (colour, None),
            };
            if let Some(behind) = behind {
                self.pen(behind, 0.85, 3.0, &[]);
                let _ = self
                    .context
                    .stroke_text(&text.content, text.left, text.baseline);
            }
            self.fill(colour, 1.0);
            let _ = self
                .context
                .fill_text(&text.content, text.left, text.baseline);
        }
    }

    /// Does something that leaves no trace outside of `rect`, but for the rest of its last pixels.
    pub fn within(&self, rect: Rect, draw: impl FnOnce()) {
        // Clipping to parts of pixels makes everything inside ten times slower.
        let down = |place: f64| (place * self.ratio).floor() / self.ratio;
        let up = |place: f64| (place * self.ratio).ceil() / self.ratio;
        let (left, top) = (down(rect.left), down(rect.top));
        self.context.save();
        self.context.begin_path();
        self.context
            .rect(left, top, up(rect.right()) - left, up(rect.bottom()) - top);
        self.context.clip();
        draw();
        self.context.restore();
    }

    /// An image over all of `rect`, with its pixels blended or as squares.
    pub fn image(&self, image: &Image, rect: Rect, is_smooth: bool) {
        let Some(small) = canvas_of(image) else {
            return;
        };
        self.context.set_image_smoothing_enabled(is_smooth);
        let _ = self
            .context
            .draw_image_with_html_canvas_element_and_dw_and_dh(
                &small,
                rect.left,
                rect.top,
                rect.width,
                rect.height,
            );
    }

    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) {
        self.context.begin_path();
        for (x, y) in points {
            // The first of them only moves there.
            self.context.line_to(x, y);
        }
    }

    fn circle(&self, x: f64, y: f64, radius: f64) {
        self.context.begin_path();
        let _ = self.context.arc(x, y, radius, 0.0, std::f64::consts::TAU);
    }
}

fn css(colour: Rgb, opacity: f64) -> String {
    let Rgb(r, g, b) = colour;
    if opacity >= 1.0 {
        colour.to_string()
    } else {
        format!("rgba({r},{g},{b},{opacity})")
    }
}

/// The image in its own size: pixels can be put on a canvas, but scaled only from one to another.
fn canvas_of(image: &Image) -> Option<HtmlCanvasElement> {
    let (width, height) = (image.width as u32, image.height as u32);
    let data =
        ImageData::new_with_u8_clamped_array_and_sh(Clamped(&image.rgba), width, height).ok()?;
    let document = web_sys::window()?.document()?;
    let canvas: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    context(&canvas)?.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}
