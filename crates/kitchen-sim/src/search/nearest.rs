//! The layout that works and differs least from one that does not.

use super::Space;
use crate::cost::{device_gib, peak_memory};
use crate::input::{Job, Layout};
use crate::math::log2;

/// The layout of `space` that is possible, fits, and is nearest to that of `job`; the first of those
/// that are equally near, if there is any.
///
/// Doubling or halving a degree or the micro-batch is as far as another way to share or to compute
/// again. Data parallelism follows from the rest, and does not count.
#[must_use]
pub fn nearest(job: &Job, space: &Space) -> Option<Layout> {
    let have = device_gib(job);
    let mut tried = job.clone();
    let mut best: Option<(f64, Layout)> = None;
    // Without it, there may be nothing to divide by.
    tried.check_arithmetic().ok()?;
    space.each(job, |layout| {
        let far = distance(layout, &job.layout);
        if best.is_some_and(|(nearest, _)| nearest <= far) {
            return;
        }
        tried.layout = *layout;
        if tried.check().is_ok() && peak_memory(&tried).1.gib() <= have {
            best = Some((far, *layout));
        }
    });
    best.map(|(_, layout)| layout)
}

/// How far `one` is from the `other`, which was asked for.
fn distance(one: &Layout, other: &Layout) -> f64 {
    let degrees = [
        (one.tp, other.tp),
        (one.cp, other.cp),
        (one.pp, other.pp),
        (one.vp, other.vp),
        (one.ep, other.ep),
        (one.micro_batch, other.micro_batch),
    ];
    let ratio = |(one, other): (u32, u32)| log2(f64::from(one) / f64::from(other.max(1))).abs();
    // Without tensor parallelism nothing was said about what goes with it.
    let sp = if other.tp > 1 { other.sp } else { one.tp > 1 };
    let choices = [
        (one.sharding != other.sharding, 1.0),
        (one.recompute != other.recompute, 1.0),
        (one.sp != sp, 0.5),
    ];
    let differ = choices.into_iter().filter(|(differs, _)| *differs);
    degrees.into_iter().map(ratio).sum::<f64>() + differ.map(|(_, far)| far).sum::<f64>()
}
