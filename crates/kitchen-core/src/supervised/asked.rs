//! Answering people while the run goes on. Nothing of it is told to the record.

use kitchen_flow::{Context, StageError};

use super::keys::*;
use super::surface;
use crate::commands::Asked;
use crate::questions::{Subject, settle};

/// The most questions answered between two steps, so that asking does not hold up the training.
const AT_ONCE: usize = 8;

/// Answers those who wait, and shows the surface to whoever looks.
pub(super) async fn attend(ctx: &mut Context<'_>) -> Result<(), StageError> {
    for _ in 0..AT_ONCE {
        let Some(asked) = ctx.get_mut(&COMMANDS)?.question() else {
            break;
        };
        answer(ctx, asked).await?;
    }
    surface::show_if_due(ctx).await
}

/// Answers. A question without an answer leaves the run alone; a device that is lost does not.
pub(super) async fn answer(ctx: &mut Context<'_>, asked: Asked) -> Result<(), StageError> {
    let step = ctx.get(&LOOP)?.step;
    let mut client = ctx.take(&CLIENT)?;
    let mut subject = Subject {
        client: &mut *client,
        data: ctx.get(&DATA)?,
        config: ctx.get(&CONFIG)?,
        step,
    };
    let found = subject.answer(&asked.question).await;
    ctx.put(&CLIENT, client)?;
    Ok(settle(asked, found)?)
}
