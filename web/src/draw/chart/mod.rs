//! Curves over steps.
//!
//! A [`Chart`] says what to show, [`layout`] where each line and word goes, [`paint`] puts them on a
//! canvas, [`describe`] says it in words, and [`csv`] writes the numbers.

mod axis;
mod columns;
mod csv;
mod describe;
mod drawing;
mod layout;
mod legend;
mod marks;
mod paint;
mod reading;
mod view;

#[cfg(test)]
mod tests;

pub use csv::csv;
pub use describe::describe;
pub use drawing::{
    Band, Dot, Drawing, MarkShape, Pattern, Range, SWATCH, Stroke, Swatch, Upright, UprightKind,
};
pub use layout::layout;
pub use paint::paint;
pub use reading::Reading;
pub use view::View;

use kitchen_core::words;
use kitchen_types::series::Series;

use crate::draw::numbers;

/// The most line segments of all curves together, however long the runs.
pub const SEGMENTS: usize = 4000;

/// What a chart shows.
#[derive(Clone, Debug, Default)]
pub struct Chart<'a> {
    /// What is measured, such as `loss`.
    pub title: String,
    /// The curves, the last one on top.
    pub curves: Vec<Curve<'a>>,
    /// How values grow along the vertical axis.
    pub scale: Scale,
    /// What values are.
    pub unit: Unit,
    /// Which values are wanted.
    pub goal: Goal,
    /// Values that the vertical axis shows at least, such as 0 and 1 for shares.
    pub at_least: Option<(f64, f64)>,
    /// How much of the past each point of a curve remembers, from 0 (nothing) to just below 1. What
    /// was measured, extremes included, stays visible behind.
    pub smoothing: f64,
    /// Values to compare with, such as the loss of guessing.
    pub guides: Vec<Guide>,
    /// Steps where something happened.
    pub marks: Vec<Mark>,
    /// The step that the model stands at, where that is not the newest.
    pub current: Option<u64>,
    /// Which steps are shown.
    pub view: View,
    /// The step that a person points at, here or in another chart.
    pub cursor: Option<u64>,
}

/// A curve of a chart.
#[derive(Clone, Debug)]
pub struct Curve<'a> {
    /// What to call it, such as `train`.
    pub name: String,
    /// Which of the palette's colours; from the ninth on they return in another pattern.
    pub colour: usize,
    /// Whether the line is broken.
    pub dashed: bool,
    /// What was measured.
    pub points: &'a Series,
}

/// How values grow along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By factors. Values at or below 0 have no place on it; the chart says so.
    Log,
}

/// What values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Numbers.
    #[default]
    Plain,
    /// Shares of a whole, written as percentages.
    Share,
}

impl Unit {
    /// A value in words.
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Plain => numbers::value(value),
            Self::Share => words::percent(value),
        }
    }
}

/// Which values are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// Neither high nor low ones.
    #[default]
    Neither,
    /// Low ones.
    Low,
    /// High ones.
    High,
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    /// The value.
    pub value: f64,
    /// What it means.
    pub label: String,
}

/// A step where something happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When.
    pub step: u64,
    /// What.
    pub kind: MarkKind,
    /// In words; shown where there is room.
    pub label: String,
}

/// What happened, in order of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A checkpoint.
    Checkpoint,
    /// Another run began here, or this one did in another.
    Branch,
    /// The best checkpoint.
    Best,
}
