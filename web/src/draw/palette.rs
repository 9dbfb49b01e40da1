//! The colours of pictures: read from the page's stylesheet, so that they follow the system's light
//! or dark.
//!
//! The stylesheet defines `--surface`, `--ink`, `--quiet`, `--grid`, `--good`, `--warn`, `--series-1`
//! to `--series-8` and `--class-1` to `--class-10`, each a plain colour (`#rrggbb`): once from
//! [`LIGHT`], and in `@media (prefers-color-scheme: dark)` from [`DARK`].
//!
//! Sources: Okabe and Ito, "Color Universal Design" (2008), as published on dark, with white for
//! black. On light, three of theirs (orange, sky blue and yellow) have too little contrast: Paul
//! Tol's *muted* stands in, and gives with *sunset* and *bright* the last classes ("Colour Schemes",
//! SRON/EPS/TN/09-002, issue 3.2). Every colour has a contrast of 3 against its surface (WCAG 2.2,
//! 1.4.11), texts 4.5 (1.4.3), and any two differ under protanopia, deuteranopia and tritanopia.

mod colour;

pub use colour::Rgb;
use web_sys::{CssStyleDeclaration, Element};

/// The colours of a light or dark page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// What pictures are drawn on.
    pub surface: Rgb,
    /// Text.
    pub ink: Rgb,
    /// Text that stands back.
    pub quiet: Rgb,
    /// Lines that stand back further.
    pub grid: Rgb,
    /// Right.
    pub good: Rgb,
    /// Wrong, or to be known.
    pub warn: Rgb,
    /// Curves.
    pub series: [Rgb; 8],
    /// Classes of examples.
    pub classes: [Rgb; 10],
}

/// On a light page.
pub const LIGHT: Palette = Palette {
    surface: Rgb(0xff, 0xff, 0xff),
    ink: Rgb(0x1c, 0x1d, 0x21),
    quiet: Rgb(0x5b, 0x5d, 0x66),
    grid: Rgb(0xe8, 0xe6, 0xe0),
    good: Rgb(0x00, 0x73, 0x4f),
    warn: Rgb(0x9a, 0x34, 0x12),
    series: [
        Rgb(0x00, 0x72, 0xb2), // blue, Okabe-Ito
        Rgb(0xd5, 0x5e, 0x00), // vermillion, Okabe-Ito
        Rgb(0x00, 0x9e, 0x73), // bluish green, Okabe-Ito
        Rgb(0xcc, 0x79, 0xa7), // reddish purple, Okabe-Ito
        Rgb(0x33, 0x22, 0x88), // indigo, muted
        Rgb(0x88, 0x22, 0x55), // wine, muted
        Rgb(0x66, 0x66, 0x66), // grey
        Rgb(0x00, 0x00, 0x00), // black, Okabe-Ito
    ],
    classes: [
        Rgb(0x00, 0x72, 0xb2),
        Rgb(0xd5, 0x5e, 0x00),
        Rgb(0x00, 0x9e, 0x73),
        Rgb(0xcc, 0x79, 0xa7),
        Rgb(0x33, 0x22, 0x88),
        Rgb(0x88, 0x22, 0x55),
        Rgb(0x66, 0x66, 0x66),
        Rgb(0x00, 0x00, 0x00),
        Rgb(0xa5, 0x00, 0x26), // red, sunset
        Rgb(0x36, 0x4b, 0x9a), // blue, sunset
    ],
};

/// On a dark page.
pub const DARK: Palette = Palette {
    surface: Rgb(0x1c, 0x1e, 0x22),
    ink: Rgb(0xec, 0xed, 0xf0),
    quiet: Rgb(0xa4, 0xa7, 0xb1),
    grid: Rgb(0x2a, 0x2d, 0x33),
    good: Rgb(0x34, 0xc7, 0x9a),
    warn: Rgb(0xff, 0x9a, 0x5c),
    series: [
        Rgb(0x56, 0xb4, 0xe9), // sky blue
        Rgb(0xe6, 0x9f, 0x00), // orange
        Rgb(0x00, 0x9e, 0x73), // bluish green
        Rgb(0xcc, 0x79, 0xa7), // reddish purple
        Rgb(0xf0, 0xe4, 0x42), // yellow
        Rgb(0xd5, 0x5e, 0x00), // vermillion
        Rgb(0x00, 0x72, 0xb2), // blue
        Rgb(0xff, 0xff, 0xff), // white for black
    ],
    classes: [
        Rgb(0x56, 0xb4, 0xe9),
        Rgb(0xe6, 0x9f, 0x00),
        Rgb(0x00, 0x9e, 0x73),
        Rgb(0xcc, 0x79, 0xa7),
        Rgb(0xf0, 0xe4, 0x42),
        Rgb(0xd5, 0x5e, 0x00),
        Rgb(0x00, 0x72, 0xb2),
        Rgb(0xff, 0xff, 0xff),
        Rgb(0xbb, 0xbb, 0xbb), // grey, bright
        Rgb(0xaa, 0x44, 0x99), // purple, muted
    ],
};

impl Palette {
    /// The colours that the stylesheet gives `element`; those of [`LIGHT`] where it gives none.
    pub fn read(element: &Element) -> Self {
        let style = web_sys::window()
            .and_then(|window| window.get_computed_style(element).ok())
            .flatten();
        Self::from_properties(|name| style.as_ref().and_then(|style| property(style, name)))
    }

    /// The colours by the names of their properties.
    pub fn from_properties(get: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str, other: Rgb| {
            let given = get(name).and_then(|text| Rgb::parse(&text));
            given.unwrap_or(other)
        };
        let mut palette = LIGHT;
        for (name, place) in palette.named() {
            *place = read(&name, *place);
        }
        palette
    }

    /// The colour of a curve; they begin anew after the last.
    pub fn of_series(&self, index: usize) -> Rgb {
        self.series[index % self.series.len()]
    }

    /// The colour of a class; they begin anew after the last.
    pub fn of_class(&self, index: usize) -> Rgb {
        self.classes[index % self.classes.len()]
    }

    fn named(&mut self) -> Vec<(String, &mut Rgb)> {
        let mut named = vec![
            ("--surface".to_owned(), &mut self.surface),
            ("--ink".to_owned(), &mut self.ink),
            ("--quiet".to_owned(), &mut self.quiet),
            ("--grid".to_owned(), &mut self.grid),
            ("--good".to_owned(), &mut self.good),
            ("--warn".to_owned(), &mut self.warn),
        ];
        let numbered =
            |kind: &'static str| move |(index, colour)| (format!("--{kind}-{index}"), colour);
        named.extend((1..).zip(&mut self.series).map(numbered("series")));
        named.extend((1..).zip(&mut self.classes).map(numbered("class")));
        named
    }
}

fn property(style: &CssStyleDeclaration, name: &str) -> Option<String> {
    style.get_property_value(name).ok()
}

#[cfg(test)]
mod tests;
