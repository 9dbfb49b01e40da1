//! A chart as shapes and texts in their places.

use super::MarkKind;
use super::axis::Axis;
use crate::draw::shapes::{Rect, Text};

/// A chart as shapes and texts in their places. Lengths are CSS pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// Where the curves are. What lies outside of it is cut off.
    pub plot: Rect,
    /// The heights of horizontal lines.
    pub across: Vec<f64>,
    /// Where the horizontal axis is ticked.
    pub ticks: Vec<f64>,
    /// The heights of values to compare with.
    pub guides: Vec<f64>,
    /// From the smallest to the largest value.
    pub bands: Vec<Band>,
    /// The curves.
    pub lines: Vec<Stroke>,
    /// Single points, and those that stand apart.
    pub dots: Vec<Dot>,
    /// Vertical lines.
    pub uprights: Vec<Upright>,
    /// Marks below the horizontal axis.
    pub marks: Vec<MarkShape>,
    /// Samples of the lines beside their names.
    pub swatches: Vec<Swatch>,
    /// Everything written.
    pub texts: Vec<Text>,
    pub(crate) steps: Option<Axis>,
}

/// An unbroken band.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Which of the palette's colours.
    pub colour: usize,
    /// From left to right.
    pub ranges: Vec<Range>,
}

/// A part of a band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Where it is.
    pub x: f64,
    /// The height of the largest value.
    pub top: f64,
    /// The height of the smallest value.
    pub bottom: f64,
}

/// An unbroken line.
#[derive(Clone, Debug, PartialEq)]
pub struct Stroke {
    /// Which of the palette's colours.
    pub colour: usize,
    /// How it is broken up.
    pub pattern: Pattern,
    /// From left to right, as (x, y).
    pub points: Vec<(f64, f64)>,
}

/// How a line is broken up, so that colour is not all that tells lines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Not at all.
    Solid,
    /// Dashes.
    Dashed,
    /// Long dashes and dots: the colour's second round.
    DashDotted,
    /// Dots: the colour's second round, dashed.
    Dotted,
}

impl Pattern {
    /// The pattern of a curve.
    pub(crate) fn of(colour: usize, dashed: bool) -> Self {
        match (colour / 8 % 2, dashed) {
            (0, false) => Self::Solid,
            (0, true) => Self::Dashed,
            (_, false) => Self::DashDotted,
            (_, true) => Self::Dotted,
        }
    }

    /// Lengths drawn and left out, in turns.
    pub fn lengths(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Dashed => &[6.0, 4.0],
            Self::DashDotted => &[10.0, 3.0, 2.0, 3.0],
            Self::Dotted => &[2.0, 3.0],
        }
    }
}

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// Which of the palette's colours.
    pub colour: usize,
    /// Where it is.
    pub x: f64,
    /// Where it is.
    pub y: f64,
    /// How large.
    pub radius: f64,
}

/// A vertical line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upright {
    /// Where it is.
    pub x: f64,
    /// Why it is there.
    pub kind: UprightKind,
}

/// Why a vertical line is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UprightKind {
    /// A marked step.
    Mark,
    /// The step that the model stands at.
    Current,
    /// The step that a person points at.
    Cursor,
}

/// A mark below the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkShape {
    /// Where it is.
    pub x: f64,
    /// What it looks like.
    pub kind: MarkKind,
    /// Which of the chart's marks.
    pub index: usize,
}

/// A sample of a line beside its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swatch {
    /// Where it begins.
    pub left: f64,
    /// Its height.
    pub y: f64,
    /// Which of the palette's colours.
    pub colour: usize,
    /// How it is broken up.
    pub pattern: Pattern,
}

/// How long a sample of a line is.
pub const SWATCH: f64 = 20.0;

impl Drawing {
    /// The step at a place, where there is one.
    pub fn step_at(&self, x: f64) -> Option<u64> {
        let axis = self.steps?;
        let inside = x.clamp(axis.start, axis.end);
        Some(axis.value_at(inside).round().max(0.0) as u64)
    }

    /// The steps that a distance covers.
    pub fn steps_in(&self, width: f64) -> f64 {
        self.steps.map_or(0.0, |axis| {
            (axis.high - axis.low) * width / (axis.end - axis.start)
        })
    }

    /// The place of a step, where it is shown.
    pub fn place_of(&self, step: u64) -> Option<f64> {
        let axis = self.steps?;
        let place = axis.place(step as f64);
        (axis.start - 0.5..=axis.end + 0.5)
            .contains(&place)
            .then_some(place)
    }

    /// How many line segments the curves have.
    pub fn segments(&self) -> usize {
        let lines = self.lines.iter().map(|line| line.points.len() - 1);
        let bands = self.bands.iter().map(|band| 2 * (band.ranges.len() - 1));
        lines.chain(bands).sum()
    }
}
