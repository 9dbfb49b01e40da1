//! The decision surface: what a model makes of the whole plane, where its inputs are two numbers.

use std::time::Duration;

use kitchen_flow::{Context, StageError};
use kitchen_platform::Stopwatch;
use kitchen_types::ports::{
    ClientError, DataSpec, Dataset, InputSpec, Inputs, TargetSpec, TrainingClient,
};
use kitchen_types::question::{Preview, Surface};

use super::evaluate::spread;
use super::keys::*;

/// Cells in each direction.
const SIZE: usize = 48;
/// How far the plane is shown in each direction, at least.
const EXTENT: f32 = 1.2;
/// How many examples are looked at to find how far the plane should be shown.
const LOOKED_AT: u64 = 256;

/// How long a surface is shown before the next one, at least.
const SHOWN: Duration = Duration::from_millis(100);
/// The same, in units of the time that it took to find: at most a twentieth of the time goes into
/// surfaces, however slow the device is.
const TIMES: u32 = 20;

/// When a surface was shown last, and how long it took to find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    at: Stopwatch,
    took: Duration,
}

/// Whether a model of such data has a decision surface: points of the plane, each of some class.
pub(crate) fn is_plane(spec: &DataSpec) -> bool {
    let plane = InputSpec::Features { shape: vec![2] };
    spec.input == plane && matches!(spec.target, TargetSpec::Classes { .. })
}

/// Shows the surface as it is now, if there is one.
pub(super) async fn show(ctx: &mut Context<'_>) -> Result<(), StageError> {
    if !is_plane(ctx.get(&DATA)?.train.spec()) {
        return Ok(());
    }
    let clock = Stopwatch::start();
    let step = ctx.get(&LOOP)?.step;
    let mut client = ctx.take(&CLIENT)?;
    let found = surface(&mut *client, &*ctx.get(&DATA)?.train, step).await;
    ctx.put(&CLIENT, client)?;
    let lent = ctx.get(&HOST)?;
    lent.preview.set(Preview::Surface(found?));
    lent.surface_shown.set(Some(Shown {
        at: Stopwatch::start(),
        took: clock.elapsed(),
    }));
    Ok(())
}

/// The same, if somebody looks and has seen the last one for long enough. It is a matter of time,
/// not of steps, and changes nothing that is learnt or recorded.
pub(super) async fn show_if_due(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let lent = ctx.get(&HOST)?;
    let is_due = lent
        .surface_shown
        .get()
        .is_none_or(|shown| shown.at.elapsed() >= SHOWN.max(shown.took.saturating_mul(TIMES)));
    if is_due && lent.preview.is_taken() {
        show(ctx).await?;
    }
    Ok(())
}

/// What the model makes of the plane that `data` lie in.
pub(crate) async fn surface(
    client: &mut dyn TrainingClient,
    data: &dyn Dataset,
    step: u64,
) -> Result<Surface, ClientError> {
    let extent = extent(data);
    let at = |i: usize| (2.0 * (i as f32 + 0.5) / SIZE as f32 - 1.0) * extent;
    let values = (0..SIZE * SIZE)
        .flat_map(|cell| [at(cell % SIZE), at(cell / SIZE)])
        .collect();
    let inputs = Inputs::Features {
        shape: vec![2],
        values,
    };
    let outputs = client.predict(&inputs).await?;
    let cells = outputs.values.chunks(outputs.width.max(1));
    let (classes, confidence) = cells.map(likeliest).unzip();
    Ok(Surface {
        step,
        size: SIZE,
        extent,
        classes,
        confidence,
    })
}

/// Far enough for some examples, spread over all of them, with a margin.
fn extent(data: &dyn Dataset) -> f32 {
    let Ok(batch) = data.batch(&spread(data.len(), LOOKED_AT)) else {
        return EXTENT;
    };
    let Inputs::Features { values, .. } = &batch.inputs else {
        return EXTENT;
    };
    let far = values.iter().filter(|value| value.is_finite());
    far.fold(EXTENT, |extent, value| extent.max(value.abs() * 1.05))
}

/// The class with the largest logit, and its probability.
fn likeliest(logits: &[f32]) -> (u32, f32) {
    let (class, top) =
        logits
            .iter()
            .enumerate()
            .fold((0, f32::NEG_INFINITY), |best, (class, &logit)| {
                if logit > best.1 { (class, logit) } else { best }
            });
    let total: f32 = logits.iter().map(|logit| (logit - top).exp()).sum();
    (class as u32, 1.0 / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_class_comes_with_its_softmax() {
        let (class, probability) = likeliest(&[0.0, 3f32.ln(), 0.0]);
        assert_eq!(class, 1);
        assert!((probability - 0.6).abs() < 1e-6);
    }
}
