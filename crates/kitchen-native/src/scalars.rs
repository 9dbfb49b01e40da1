//! What a run measures, as numbers with names, for those who draw curves elsewhere.

use kitchen_types::event::{Evaluation, Mix, Step};
use kitchen_types::{Event, Number};

/// What an event says of the curves.
#[derive(Debug, PartialEq)]
pub(crate) enum Measured {
    /// What was measured, by name.
    Scalars(Vec<(String, f64)>),
    /// What stood at this step and after it counts no more: the run went back.
    Restart,
}

/// The step and the measurements of an event that has any.
pub(crate) fn measured(event: &Event) -> Option<(u64, Measured)> {
    let scalars = |step, scalars| Some((step, Measured::Scalars(scalars)));
    match event {
        Event::Stepped(step) => scalars(step.step, of_step(step)),
        Event::Evaluated(measured) => scalars(measured.step, of_evaluation(measured)),
        Event::Mixed(mix) => scalars(mix.step, of_mix(mix)),
        Event::Restored { step, .. } => Some((step + 1, Measured::Restart)),
        _ => None,
    }
}

fn of_step(step: &Step) -> Vec<(String, f64)> {
    let per_second = |count: u64| {
        let is_known = count > 0 && step.duration_us > 0;
        is_known.then(|| Number(count as f64 * 1e6 / step.duration_us as f64))
    };
    known([
        ("train/loss", Some(step.loss)),
        ("train/accuracy", step.accuracy),
        ("train/lr", Some(step.lr)),
        ("train/grad_norm", step.grad_norm),
        ("train/update_ratio", step.update_ratio),
        ("train/samples_per_s", per_second(step.samples)),
        ("train/tokens_per_s", per_second(step.tokens)),
    ])
}

fn of_evaluation(measured: &Evaluation) -> Vec<(String, f64)> {
    let mut scalars = known([
        ("validation/loss", Some(measured.loss)),
        ("validation/accuracy", measured.accuracy),
        ("validation/exact", measured.exact),
        ("validation/perplexity", measured.perplexity),
        ("validation/bits_per_byte", measured.bits_per_byte),
    ]);
    for domain in &measured.domains {
        let place = format!("validation/{}", domain.name);
        let known = known([
            ("loss", Some(domain.loss)),
            ("accuracy", domain.accuracy),
            ("exact", domain.exact),
        ]);
        scalars.extend(
            known
                .into_iter()
                .map(|(name, value)| (format!("{place}/{name}"), value)),
        );
    }
    scalars
}

fn of_mix(mix: &Mix) -> Vec<(String, f64)> {
    let shares = mix.domains.iter();
    shares
        .map(|it| (format!("share/{}", it.name), it.share.0))
        .collect()
}

fn known<const N: usize>(values: [(&str, Option<Number>); N]) -> Vec<(String, f64)> {
    let known = values.into_iter();
    known
        .filter_map(|(name, value)| Some((name.to_owned(), value?.0)))
        .collect()
}
