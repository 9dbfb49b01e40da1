//! Everything on the page that is drawn rather than written: [`chart`]s over steps, the decision
//! [`surface`], matrices and histograms ([`heatmap`]), and example images ([`digits`]).
//!
//! Each picture is a description (plain data), a `layout` that turns it into shapes and placed texts
//! (pure: tested without a browser), a `paint` that puts those on a canvas, and a `describe` that
//! says the same in words, for those who do not see it. Colours come from the page's stylesheet
//! ([`palette`]).

pub mod bench;
pub mod canvas;
pub mod chart;
pub mod digits;
pub mod heatmap;
pub mod image;
pub mod numbers;
pub mod palette;
pub mod shapes;
pub mod surface;
