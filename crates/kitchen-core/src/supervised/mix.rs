//! What the batches of a mixture hold, and how that follows what is measured of its domains.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_types::checkpoint::LoopState;
use kitchen_types::event::{DomainShare, Mix};
use kitchen_types::ports::{Dataset, DomainRange};
use kitchen_types::{Event, Number};
use kitchen_watch::curriculum::{DomainSeen, admit, averages, follow};

use super::keys::*;
use super::session::plan_anew;
use super::step::update_epoch_ended;

/// Lets domains begin whose time has come, and the shares of all follow the newest evaluation.
pub(super) struct MixDomains;

#[async_trait(?Send)]
impl Stage for MixDomains {
    fn spec(&self) -> StageSpec {
        StageSpec::new(
            "mix_domains",
            "choose how much of a batch comes from each domain",
        )
        .reads(&CONFIG)
        .reads(&DATA)
        .changes(&PLAN)
        .changes(&LOOP)
        .changes(&MEASURED)
        .changes(&MIX_DUE)
        .writes(&EPOCH_ENDED)
        .emits(&["mixed", "planned"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        ctx.put(&MIX_DUE, false)?;
        let measured = std::mem::take(ctx.get_mut(&MEASURED)?);
        let config = ctx.get(&CONFIG)?.clone();
        let mut state = ctx.get(&LOOP)?.clone();
        let before = ctx.get(&PLAN)?.sampler.shares().to_vec();
        let train = &*ctx.get(&DATA)?.train;
        let losses = measured.iter().map(|it| (it.name.as_str(), it.loss.0));
        let losses: BTreeMap<&str, f64> = losses.collect();
        let mut shares = before.clone();
        if train.domains().iter().any(|it| begins(it, state.step)) {
            shares = admit(&look(train, state.step, &shares, &losses));
        }
        if !losses.is_empty() {
            let seen = look(train, state.step, &shares, &losses);
            let memory = state.curriculum.get_or_insert_default();
            shares = follow(memory, &seen, &config.curriculum);
        }
        if shares != before {
            let sampler = &ctx.get(&PLAN)?.sampler;
            state.resized = Some(sampler.remix(&shares, state.step, state.epoch, state.batch));
            state.batch = 0;
        }
        ctx.put(&LOOP, state)?;
        plan_anew(ctx)?;
        tell_mix(ctx)?;
        update_epoch_ended(ctx)
    }
}

/// Whether a domain comes after just `step` steps.
pub(super) fn begins(domain: &DomainRange, step: u64) -> bool {
    domain.from > 0 && domain.from == step
}

/// The domains as a curriculum sees them after `step` steps.
fn look(
    data: &dyn Dataset,
    step: u64,
    shares: &[f64],
    losses: &BTreeMap<&str, f64>,
) -> Vec<DomainSeen> {
    let parts = data.domains().iter().zip(shares);
    let seen = parts.map(|(domain, share)| {
        let has_begun = domain.from <= step && !domain.positions.is_empty();
        DomainSeen {
            weight: if has_begun { domain.weight } else { 0.0 },
            share: *share,
            loss: losses.get(domain.name.as_str()).copied(),
        }
    });
    seen.collect()
}

/// Tells what the batches hold from here on, where they hold more than one domain.
pub(super) fn tell_mix(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let mix = mix(
        &*ctx.get(&DATA)?.train,
        ctx.get(&PLAN)?.sampler.shares(),
        ctx.get(&LOOP)?,
    );
    if mix.domains.len() > 1 {
        ctx.emit(|| Event::Mixed(mix));
    }
    Ok(())
}

fn mix(data: &dyn Dataset, shares: &[f64], state: &LoopState) -> Mix {
    let mut averages = state.curriculum.iter().flat_map(averages).map(Number);
    let parts = data.domains().iter().zip(shares);
    let domains = parts.map(|(domain, share)| DomainShare {
        name: domain.name.clone(),
        share: Number(*share),
        average: averages.next(),
    });
    Mix {
        step: state.step,
        domains: domains.collect(),
    }
}
