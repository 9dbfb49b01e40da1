//! What drawings are made of. Lengths are CSS pixels, from the top left corner.

use super::palette::Rgb;

/// Text is drawn in this font, and measured in it.
pub const FONT: &str = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
/// From one line of text to the next.
pub const LINE: f64 = 17.0;
/// How far letters rise above the baseline.
pub const ASCENT: f64 = 11.0;
/// How far letters sink below the baseline.
pub const DESCENT: f64 = 3.0;

/// How wide a text is in [`FONT`].
pub type Measure<'a> = &'a dyn Fn(&str) -> f64;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// The left edge.
    pub left: f64,
    /// The upper edge.
    pub top: f64,
    /// From left to right.
    pub width: f64,
    /// From top to bottom.
    pub height: f64,
}

impl Rect {
    /// The right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// The lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Whether both cover a common area.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right()
            && other.left < self.right()
            && self.top < other.bottom()
            && other.top < self.bottom()
    }
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As the page's text.
    Ink,
    /// As text that stands back.
    Quiet,
    /// Something to know.
    Warn,
    /// In a colour chosen for what is behind it.
    On(Rgb),
}

/// A text in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Where it begins.
    pub left: f64,
    /// What the letters stand on.
    pub baseline: f64,
    /// How wide it is.
    pub width: f64,
    /// What it says.
    pub content: String,
    /// How it looks.
    pub tone: Tone,
}

impl Text {
    /// The area that it covers.
    pub fn rect(&self) -> Rect {
        Rect {
            left: self.left,
            top: self.baseline - ASCENT,
            width: self.width,
            height: ASCENT + DESCENT,
        }
    }
}

/// Texts, none over another and none beyond the sides: what finds no room is left out.
pub struct Texts<'a> {
    measure: Measure<'a>,
    width: f64,
    placed: Vec<Text>,
}

impl<'a> Texts<'a> {
    /// No text yet, in a picture of some width.
    pub fn new(measure: Measure<'a>, width: f64) -> Self {
        Self {
            measure,
            width,
            placed: Vec::new(),
        }
    }

    /// How wide a text is.
    pub fn measure(&self, content: &str) -> f64 {
        (self.measure)(content)
    }

    /// Puts `content` down, with the share `anchor` of its width to the left of `x` (0 begins there,
    /// 0.5 is centred, 1 ends there). Returns whether there was room.
    pub fn put(&mut self, content: &str, x: f64, baseline: f64, anchor: f64, tone: Tone) -> bool {
        let width = self.measure(content);
        let text = Text {
            left: x - width * anchor,
            baseline,
            width,
            content: content.to_owned(),
            tone,
        };
        self.add(text)
    }

    /// The same, moved sideways to stay between `left` and `right`; without room if it is wider.
    pub fn put_within(
        &mut self,
        content: &str,
        x: f64,
        baseline: f64,
        (left, right): (f64, f64),
        tone: Tone,
    ) -> bool {
        let width = self.measure(content);
        let fits = width <= right - left;
        fits && self.put(
            content,
            (x - width / 2.0).min(right - width).max(left),
            baseline,
            0.0,
            tone,
        )
    }

    /// `content`, or as much of its beginning as is at most `width` wide; nothing if that is nothing.
    pub fn shortened(&self, content: &str, width: f64) -> String {
        if self.measure(content) <= width {
            return content.to_owned();
        }
        let ends: Vec<usize> = content.char_indices().map(|(index, _)| index).collect();
        let fits = |end: &usize| {
            let shorter = format!("{}\u{2026}", content[..*end].trim_end());
            self.measure(&shorter) <= width
        };
        match ends.partition_point(fits).checked_sub(1) {
            Some(last) if last > 0 => format!("{}\u{2026}", content[..ends[last]].trim_end()),
            _ => String::new(),
        }
    }

    /// All texts.
    pub fn into_placed(self) -> Vec<Text> {
        self.placed
    }

    fn add(&mut self, text: Text) -> bool {
        // Neighbours on a line keep apart.
        let air = Rect {
            left: text.left - 3.0,
            width: text.width + 6.0,
            ..text.rect()
        };
        let inside = text.left >= 0.0 && text.left + text.width <= self.width;
        let free = inside && !self.placed.iter().any(|other| other.rect().overlaps(&air));
        if free && !text.content.is_empty() {
            self.placed.push(text);
        }
        free
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every letter is seven pixels wide.
    pub(crate) fn measure(text: &str) -> f64 {
        7.0 * text.chars().count() as f64
    }

    #[test]
    fn a_text_that_would_cover_another_is_left_out() {
        let mut texts = Texts::new(&measure, 200.0);
        assert!(texts.put("first", 0.0, 20.0, 0.0, Tone::Ink));
        assert!(!texts.put("second", 30.0, 20.0, 0.0, Tone::Ink));
        assert!(texts.put("second", 40.0, 20.0, 0.0, Tone::Ink));
        assert!(texts.put("below", 0.0, 20.0 + LINE, 0.0, Tone::Ink));
        let placed: Vec<f64> = texts.into_placed().iter().map(|text| text.left).collect();
        assert_eq!(placed, [0.0, 40.0, 0.0]);
    }

    #[test]
    fn a_text_stays_inside() {
        let mut texts = Texts::new(&measure, 200.0);
        assert!(texts.put_within("edge", 99.0, 20.0, (0.0, 100.0), Tone::Ink));
        assert!(texts.put_within("edge", 1.0, 20.0, (0.0, 100.0), Tone::Ink));
        assert!(!texts.put_within("much too long", 50.0, 60.0, (0.0, 80.0), Tone::Ink));
        let placed: Vec<f64> = texts.into_placed().iter().map(|text| text.left).collect();
        assert_eq!(placed, [72.0, 0.0]);
    }

    #[test]
    fn shortening() {
        let texts = Texts::new(&measure, 200.0);
        let table = [
            ("validation", 70.0, "validation"),
            ("validation", 69.0, "validati\u{2026}"),
            ("a b c", 21.0, "a\u{2026}"),
            ("\u{e4}\u{f6}\u{fc}", 14.0, "\u{e4}\u{2026}"),
            ("validation", 7.0, ""),
            ("", 0.0, ""),
        ];
        for (content, width, expected) in table {
            assert_eq!(texts.shortened(content, width), expected, "{width}");
        }
    }
}
