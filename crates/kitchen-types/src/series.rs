//! A curve that never grows and never hides an extreme.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::Number;

/// Points over steps, kept in at most [`Series::CAPACITY`] buckets of equal width.
///
/// Each bucket keeps the smallest and the largest of its values exactly. When all buckets are
/// full, neighbours merge and the width doubles: appending costs O(1) amortised, and a screen
/// draws the same few thousand segments however long the run is. Values that are not finite are
/// counted, and do not move the extremes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    width: u64,
    buckets: Vec<Bucket>,
    last: Option<(u64, Number)>,
    not_finite: u64,
}

/// The values of a few neighbouring steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The first step with a value.
    pub first: u64,
    /// The last step with a value.
    pub last: u64,
    /// The smallest value.
    pub min: Number,
    /// The largest value.
    pub max: Number,
    /// The sum of the values.
    pub sum: Number,
    /// How many values.
    pub count: u64,
}

impl Bucket {
    /// The mean of the values.
    pub fn mean(&self) -> f64 {
        self.sum.0 / self.count as f64
    }

    /// Takes in the values of a neighbour.
    pub fn absorb(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.min = Number(self.min.0.min(other.min.0));
        self.max = Number(self.max.0.max(other.max.0));
        self.sum = Number(self.sum.0 + other.sum.0);
        self.count = self.count.saturating_add(other.count);
    }
}

impl Series {
    /// The most buckets ever held.
    pub const CAPACITY: usize = 2048;

    /// Appends the value of `step`. Steps must not fall (see [`Self::truncate`]); one that does
    /// counts as the newest bucket's.
    pub fn push(&mut self, step: u64, value: f64) {
        self.last = Some((step, Number(value)));
        if !value.is_finite() {
            self.not_finite = self.not_finite.saturating_add(1);
            return;
        }
        self.width = self.width.max(1);
        let step = step.max(self.buckets.last().map_or(0, |bucket| bucket.first));
        let point = Bucket {
            first: step,
            last: step,
            min: Number(value),
            max: Number(value),
            sum: Number(value),
            count: 1,
        };
        match self.buckets.last_mut() {
            Some(bucket) if bucket.first / self.width == step / self.width => bucket.absorb(&point),
            _ => self.buckets.push(point),
        }
        while self.buckets.len() > Self::CAPACITY {
            self.halve();
        }
    }

    /// Forgets everything after `step`: the run went back there.
    ///
    /// A bucket that straddles `step` is kept whole, since its parts are no longer known apart;
    /// the newest value becomes the mean of the last bucket.
    pub fn truncate(&mut self, step: u64) {
        self.buckets.retain(|bucket| bucket.first <= step);
        if let Some(bucket) = self.buckets.last_mut() {
            bucket.last = bucket.last.min(step);
        }
        if self.last.is_some_and(|(last, _)| last > step) {
            self.last = self
                .buckets
                .last()
                .map(|bucket| (bucket.last, Number(bucket.mean())));
        }
    }

    /// The buckets, in order of step.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The newest step and its value, finite or not.
    pub fn last(&self) -> Option<(u64, f64)> {
        self.last.map(|(step, value)| (step, value.0))
    }

    /// How many values were not finite, those of undone steps included.
    pub fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// Whether nothing finite was ever pushed.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The smallest and the largest value of all.
    pub fn range(&self) -> Option<(f64, f64)> {
        let low = self.buckets.iter().map(|b| b.min.0).reduce(f64::min)?;
        let high = self.buckets.iter().map(|b| b.max.0).reduce(f64::max)?;
        Some((low, high))
    }

    fn halve(&mut self) {
        self.width *= 2;
        let mut merged: Vec<Bucket> = Vec::with_capacity(Self::CAPACITY);
        for bucket in self.buckets.drain(..) {
            match merged.last_mut() {
                Some(last) if last.first / self.width == bucket.first / self.width => {
                    last.absorb(&bucket);
                }
                _ => merged.push(bucket),
            }
        }
        self.buckets = merged;
    }
}
