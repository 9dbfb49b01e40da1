//! Curricula: how much of each batch comes from which domain of a mixture, by how well each is known.
//!
//! Each rule is a pure function of what was measured and of what it remembers. Shares are not
//! negative and add up to 1; a domain that has not begun has none.

use kitchen_types::Number;
use kitchen_types::config::{
    CurriculumConfig, DoremiConfig, OdmConfig, ReplayConfig, SkillItConfig,
};
use kitchen_types::supervision::CurriculumState;

/// A domain, as a curriculum sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DomainSeen {
    /// Its weight in the mixture; 0 for one that has not begun.
    pub weight: f64,
    /// Its share of the batches so far.
    pub share: f64,
    /// The mean loss of its held-out examples, where it was measured.
    pub loss: Option<f64>,
}

impl DomainSeen {
    fn has_begun(&self) -> bool {
        self.weight > 0.0
    }
}

/// The most that a weight is multiplied by, and that a reward counts: beyond them no share moves.
const MOST: f64 = 1e300;

/// The shares once some domains begin: theirs by weight, while the others keep theirs relative to
/// each other.
pub fn admit(domains: &[DomainSeen]) -> Vec<f64> {
    let is_new = |it: &DomainSeen| it.share == 0.0;
    let old = domains.iter().filter(|it| !is_new(it));
    let weight_of_old: f64 = old.map(|it| it.weight).sum();
    normalised(domains.iter().map(|it| match is_new(it) {
        true => it.weight,
        false => it.share * weight_of_old,
    }))
}

/// The shares after an evaluation. Without a rule, or where a loss is not finite, they stay.
pub fn follow(
    state: &mut CurriculumState,
    domains: &[DomainSeen],
    rule: &CurriculumConfig,
) -> Vec<f64> {
    let begun = || domains.iter().filter(|it| it.has_begun());
    let is_readable = begun().all(|it| it.loss.is_none_or(f64::is_finite));
    let shares = match rule {
        CurriculumConfig::Replay(rule) if is_readable => replay(state, domains, rule),
        CurriculumConfig::Doremi(rule) if is_readable => doremi(domains, rule),
        CurriculumConfig::Odm(rule) if is_readable => odm(state, domains, rule),
        CurriculumConfig::SkillIt(rule) if is_readable => skill_it(state, domains, rule),
        _ => return domains.iter().map(|it| it.share).collect(),
    };
    state.updates += 1;
    state.totals.resize(domains.len(), Number(0.0));
    for (total, share) in state.totals.iter_mut().zip(&shares) {
        total.0 += share;
    }
    shares
}

/// The mean of the shares after each evaluation so far; empty before the first.
pub fn averages(state: &CurriculumState) -> Vec<f64> {
    let mean = |total: &Number| total.0 / state.updates as f64;
    state.totals.iter().map(mean).collect()
}

/// A domain whose loss lies more than a threshold above its lowest gets `weight * (1 + gain *
/// rise / threshold)`, again at each evaluation until it is back, and its weight from then on.
fn replay(state: &mut CurriculumState, domains: &[DomainSeen], rule: &ReplayConfig) -> Vec<f64> {
    state.lowest.resize(domains.len(), None);
    state.gains.resize(domains.len(), Number(1.0));
    let memory = state.lowest.iter_mut().zip(&mut state.gains);
    for (domain, (lowest, gain)) in domains.iter().zip(memory) {
        let Some(loss) = domain.loss.filter(|_| domain.has_begun()) else {
            continue;
        };
        let best = lowest.map_or(loss, |it| it.0.min(loss));
        *lowest = Some(Number(best));
        let rise = loss - best;
        *gain = Number(match rise > rule.threshold {
            true => (gain.0 * (1.0 + rule.gain * rise / rule.threshold)).min(MOST),
            false => 1.0,
        });
    }
    let gained = domains.iter().zip(&state.gains);
    let shares = normalised(gained.map(|(it, gain)| it.weight * gain.0));
    let floored = shares
        .iter()
        .zip(domains)
        .map(|(share, it)| match it.has_begun() {
            true => share.max(rule.floor),
            false => 0.0,
        });
    normalised(floored)
}

/// DoReMi (Xie et al. 2023, algorithm 1), over the held-out losses of whole domains: `share *
/// exp(step_size * max(loss - reference, 0))`, mixed with the uniform distribution.
fn doremi(domains: &[DomainSeen], rule: &DoremiConfig) -> Vec<f64> {
    let references = rule.reference.iter().copied().map(Some);
    let references = references.chain(std::iter::repeat(None));
    let excess = domains.iter().zip(references).map(|(it, reference)| {
        let above = it
            .loss
            .zip(reference)
            .map(|(loss, reference)| loss - reference);
        (it.share, rule.step_size * above.unwrap_or(0.0).max(0.0))
    });
    let count = domains.iter().filter(|it| it.has_begun()).count().max(1);
    explore(tilted(excess), domains, rule.smoothing / count as f64)
}

/// Online data mixing (Albalak et al. 2023, algorithm 1), where the reward of a domain is its loss:
/// Exp3 with rewards that are smoothed, and divided by the share that earned them. Exploration
/// falls as min(1/K, sqrt(ln K / (K t))).
fn odm(state: &mut CurriculumState, domains: &[DomainSeen], rule: &OdmConfig) -> Vec<f64> {
    state.gains.resize(domains.len(), Number(0.0));
    for (it, reward) in domains.iter().zip(&mut state.gains) {
        if let Some(loss) = it.loss.filter(|_| it.share > 0.0) {
            let earned = (loss / it.share).min(MOST);
            reward.0 = rule.smoothing * reward.0 + (1.0 - rule.smoothing) * earned;
        }
    }
    let count = domains.iter().filter(|it| it.has_begun()).count().max(1) as f64;
    let exploration = |turn: u64| (1.0 / count).min((count.ln() / (count * turn as f64)).sqrt());
    let (before, now) = (
        exploration(state.updates + 1),
        exploration(state.updates + 2),
    );
    let rewarded = domains.iter().zip(&state.gains);
    let rewarded = rewarded.map(|(it, reward)| match it.has_begun() {
        true => (1.0, before * reward.0),
        false => (0.0, 0.0),
    });
    explore(tilted(rewarded), domains, now)
}

/// Skill-it (Chen et al. 2023, algorithm 1): `weight * exp(step_size * sum)`, where the sum runs over
/// the newest evaluations and, by the graph, over the losses that a domain helps with.
fn skill_it(state: &mut CurriculumState, domains: &[DomainSeen], rule: &SkillItConfig) -> Vec<f64> {
    let losses = domains.iter().map(|it| match it.has_begun() {
        true => Number(it.loss.unwrap_or(0.0)),
        false => Number(0.0),
    });
    state.recent.push_back(losses.collect());
    while state.recent.len() > rule.window {
        state.recent.pop_front();
    }
    let helped = |domain: usize, losses: &[Number]| match rule.graph.get(domain) {
        None => losses.get(domain).map_or(0.0, |loss| loss.0),
        Some(row) => row
            .iter()
            .zip(losses)
            .map(|(helps, loss)| helps * loss.0)
            .sum(),
    };
    let exponents = domains.iter().enumerate().map(|(domain, it)| {
        let sum: f64 = state
            .recent
            .iter()
            .map(|losses| helped(domain, losses))
            .sum();
        (it.weight, rule.step_size * sum)
    });
    tilted(exponents)
}

/// `base * exp(exponent)` of each, as shares.
fn tilted(parts: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let parts: Vec<(f64, f64)> = parts
        .map(|(base, exponent)| (base, exponent.clamp(-MOST, MOST)))
        .collect();
    let counted = parts.iter().filter(|(base, _)| *base > 0.0);
    // Nothing overflows where the largest is 1.
    let largest = counted.map(|(_, exponent)| *exponent).fold(-MOST, f64::max);
    normalised(parts.iter().map(|(base, exponent)| match *base > 0.0 {
        true => base * (exponent - largest).exp(),
        false => 0.0,
    }))
}

/// The same shares, of which every domain that has begun gets at least `least`.
fn explore(shares: Vec<f64>, domains: &[DomainSeen], least: f64) -> Vec<f64> {
    let count = domains.iter().filter(|it| it.has_begun()).count() as f64;
    let mixed = shares
        .iter()
        .zip(domains)
        .map(|(share, it)| match it.has_begun() {
            true => (1.0 - count * least) * share + least,
            false => 0.0,
        });
    normalised(mixed)
}

/// Parts of their sum. One that is not finite in relation to the others takes all.
fn normalised(parts: impl Iterator<Item = f64>) -> Vec<f64> {
    let parts: Vec<f64> = parts.collect();
    let largest = parts.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return parts;
    }
    let sum: f64 = parts.iter().map(|part| part / largest).sum();
    parts.iter().map(|part| part / largest / sum).collect()
}

#[cfg(test)]
#[path = "curriculum_tests.rs"]
mod tests;
