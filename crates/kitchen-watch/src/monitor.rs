//! Whether a step looks like training, by its loss and its gradient norm.

use std::collections::{BTreeSet, VecDeque};

use kitchen_types::config::Supervision;
use kitchen_types::supervision::{AnomalyKind, Measure, MonitorState, StepExamples};
use kitchen_types::{Number, SampleId};

use crate::robust::Spread;
use crate::supervisor::{LOOK_BACK, MOST_EXAMINED};

/// How fast the moving average of the loss follows it: half of a change within seven steps.
const FOLLOWS: f64 = 0.1;

/// A gradient norm that confirms a jump of the loss is so many times what was usual in the first
/// steps, at least: late in training all gradients are small, and any hard example stands out.
const MATTERS: f64 = 4.0;

/// What was measured of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Which step.
    pub step: u64,
    /// Its training loss.
    pub loss: f64,
    /// Its gradient norm before clipping, where it was measured.
    pub grad_norm: Option<f64>,
}

/// What does not look like training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// What it looks like.
    pub kind: AnomalyKind,
    /// The first step that shows it.
    pub since: u64,
    /// Which number shows it.
    pub of: Measure,
    /// That number.
    pub value: f64,
    /// What it should have stayed below, if not every number would have done.
    pub threshold: Option<f64>,
}

/// Judges a step, and remembers it.
///
/// Numbers that are not finite and gradients above `grad_norm_threshold` are anomalies at once. A
/// loss stands out if it lies `spike_sigma` robust deviations above its moving average, so that a
/// falling loss does not widen the margin, and by `spike_rise` of what it was in the beginning, so
/// that one hard example late in training is none. It is believed at once if it lies twice as high
/// and its gradient norm stands out too, otherwise once `confirm` of the last `confirm_of` losses
/// stood out.
pub fn observe(state: &mut MonitorState, seen: Measured, rules: &Supervision) -> Option<Finding> {
    let at_once = not_finite(seen).or_else(|| exploded(seen, rules));
    if at_once.is_some() {
        return at_once;
    }
    let spike = match state.seen < rules.min_history as u64 {
        true => {
            get_used_to(state, seen);
            None
        }
        false => jumped(state, seen, rules),
    };
    spike.or_else(|| rises(state, seen.step, rules))
}

/// Remembers whose examples a step trained on, for as long as they may come under suspicion.
pub fn note(state: &mut MonitorState, step: u64, mut ids: Vec<SampleId>, rules: &Supervision) {
    ids.truncate(MOST_EXAMINED);
    state.recent.push_back(StepExamples { step, ids });
    // An anomaly is believed at most so many steps after it began.
    let late = rules.confirm_of as u64 + LOOK_BACK;
    state.recent.retain(|of| of.step + late > step);
}

/// The examples that may have caused what is seen since a step, those of the newest step first; each
/// once.
pub fn suspicious(state: &MonitorState, since: u64) -> Vec<SampleId> {
    let mut seen = BTreeSet::new();
    let steps = state.recent.iter().rev();
    steps
        .filter(|of| (since.saturating_sub(LOOK_BACK)..=since).contains(&of.step))
        .flat_map(|of| &of.ids)
        .copied()
        .filter(|id| seen.insert(*id))
        .take(MOST_EXAMINED)
        .collect()
}

fn not_finite(seen: Measured) -> Option<Finding> {
    let norm = seen.grad_norm.map(|norm| (Measure::GradNorm, norm));
    let bad = |(_, value): &(Measure, f64)| !value.is_finite();
    [Some((Measure::Loss, seen.loss)), norm]
        .into_iter()
        .flatten()
        .find(bad)
        .map(|(of, value)| Finding {
            kind: AnomalyKind::NotFinite,
            since: seen.step,
            of,
            value,
            threshold: None,
        })
}

fn exploded(seen: Measured, rules: &Supervision) -> Option<Finding> {
    let norm = seen.grad_norm?;
    (norm > rules.grad_norm_threshold).then_some(Finding {
        kind: AnomalyKind::GradientExplosion,
        since: seen.step,
        of: Measure::GradNorm,
        value: norm,
        threshold: Some(rules.grad_norm_threshold),
    })
}

/// The first steps tell what is usual.
fn get_used_to(state: &mut MonitorState, seen: Measured) {
    let weight = 1.0 / (state.seen + 1) as f64;
    let mean = |usual: Option<Number>, value: f64| {
        let usual = usual.map_or(value, f64::from);
        Some(Number(usual + weight * (value - usual)))
    };
    state.usual_loss = mean(state.usual_loss, seen.loss);
    if let Some(norm) = seen.grad_norm {
        state.usual_norm = mean(state.usual_norm, norm);
    }
    remember(state, seen, usize::MAX);
}

fn jumped(state: &mut MonitorState, seen: Measured, rules: &Supervision) -> Option<Finding> {
    let level = state.level.map_or(seen.loss, f64::from);
    let margin = margin(state, rules);
    let threshold = level + margin;
    if seen.loss <= threshold {
        remember(state, seen, rules.window);
        return None;
    }
    let oldest = seen.step.saturating_sub(rules.confirm_of as u64);
    state.high.retain(|step| *step > oldest);
    state.high.push(seen.step);
    state.seen += 1;
    let sustained = state.high.len() >= rules.confirm;
    let alone = seen.loss > level + 2.0 * margin && gradient_stands_out(state, seen, rules);
    if !sustained && !alone {
        // It counts as little more than what it might have been.
        state.level = Some(Number(level + FOLLOWS * (threshold - level)));
        return None;
    }
    Some(Finding {
        kind: AnomalyKind::LossSpike,
        since: state.high.first().copied().unwrap_or(seen.step),
        of: Measure::Loss,
        value: seen.loss,
        threshold: Some(threshold),
    })
}

/// How far above its average a loss may lie.
fn margin(state: &MonitorState, rules: &Supervision) -> f64 {
    let spread = Spread::of(state.residuals.iter().map(|it| it.0));
    let noise = spread.median + rules.spike_sigma * spread.deviation;
    noise.max(rules.spike_rise * usual(state.usual_loss))
}

fn gradient_stands_out(state: &MonitorState, seen: Measured, rules: &Supervision) -> bool {
    let spread = Spread::of(state.norms.iter().map(|it| it.0));
    let noise = spread.median + rules.spike_sigma * spread.deviation;
    let matters = MATTERS * usual(state.usual_norm);
    seen.grad_norm.is_some_and(|norm| norm > noise.max(matters))
}

fn remember(state: &mut MonitorState, seen: Measured, window: usize) {
    let level = state.level.map_or(seen.loss, f64::from);
    let residual = seen.loss - level;
    state.seen += 1;
    state.level = Some(Number(level + FOLLOWS * residual));
    push(&mut state.residuals, residual, window);
    if let Some(norm) = seen.grad_norm {
        push(&mut state.norms, norm, window);
    }
}

/// Whether the average has stood far above its lowest for long.
fn rises(state: &mut MonitorState, step: u64, rules: &Supervision) -> Option<Finding> {
    let level = state.level?.0;
    let lowest = state.lowest.map_or(level, |lowest| lowest.0.min(level));
    state.lowest = Some(Number(lowest));
    let threshold = lowest + 2.0 * rules.spike_rise * usual(state.usual_loss);
    if level <= threshold || state.seen < rules.min_history as u64 {
        state.rising_since = None;
        return None;
    }
    let since = *state.rising_since.get_or_insert(step);
    (step - since.min(step) >= rules.divergence_steps).then_some(Finding {
        kind: AnomalyKind::Divergence,
        since,
        of: Measure::Loss,
        value: level,
        threshold: Some(threshold),
    })
}

fn usual(value: Option<Number>) -> f64 {
    value.map_or(0.0, |value| value.0.abs())
}

pub(crate) fn push(queue: &mut VecDeque<Number>, value: f64, most: usize) {
    queue.push_back(Number(value));
    while queue.len() > most {
        queue.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_a_step_and_of_the_two_before_are_suspicious() {
        let rules = Supervision::default();
        let mut state = MonitorState::default();
        for step in 1..=20_u64 {
            let ids = [step, 7, 100 + step].map(SampleId);
            note(&mut state, step, ids.to_vec(), &rules);
        }
        let found: Vec<u64> = suspicious(&state, 19).iter().map(|id| id.0).collect();
        assert_eq!(found, [19, 7, 119, 18, 118, 17, 117]);
        assert!(suspicious(&state, 10).is_empty(), "long forgotten");
        assert_eq!(state.recent.len(), 7);
    }
}
