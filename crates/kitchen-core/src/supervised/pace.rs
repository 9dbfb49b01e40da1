//! How fast people see the time of a simulated clock pass.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use kitchen_flow::{Context, StageError};
use kitchen_platform::{Stopwatch, sleep};

use super::asked;
use super::keys::*;
use super::obey::obey;
use crate::commands::Heard;

/// The pace of a simulated clock. It changes when things are seen, and nothing of what they are.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Simulated seconds in one of whoever watches; 0 waits for nothing.
    speed: f64,
    /// The simulated second up to which nobody waits.
    seeks: f64,
    /// What the clock said when it was last caught up with, and since then.
    shown: Option<(f64, Stopwatch)>,
}

impl Pace {
    pub(super) fn new(speed: f64) -> Self {
        Self {
            speed,
            seeks: 0.0,
            shown: None,
        }
    }

    pub(super) fn set_speed(&mut self, speed: f64) {
        self.speed = speed;
        self.shown = None;
    }

    pub(super) fn seek(&mut self, to_s: f64) {
        self.seeks = to_s;
    }

    /// How long to wait until those who watch have seen the clock come to `now`.
    fn left(&mut self, now: f64) -> Option<Duration> {
        let (before, since) = *self.shown.get_or_insert((now, Stopwatch::start()));
        if self.speed > 0.0 && now >= self.seeks {
            // What is too long for a duration is as long as can be.
            let whole = Duration::try_from_secs_f64((now - before) / self.speed);
            let left = whole
                .unwrap_or(Duration::MAX)
                .saturating_sub(since.elapsed());
            if !left.is_zero() {
                return Some(left);
            }
        }
        self.shown = Some((now, Stopwatch::start()));
        None
    }
}

/// Waits for as long as people want to see what has passed on a simulated clock, and listens.
pub(super) async fn keep(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let Some(now) = ctx.get(&CLIENT)?.clock() else {
        return Ok(());
    };
    while !*ctx.get(&FINISHED)?
        && !*ctx.get(&STEPPING)?
        && let Some(left) = ctx.get_mut(&PACE)?.left(now)
    {
        ctx.yield_events().await;
        let heard = match select(pin!(ctx.get_mut(&COMMANDS)?.next()), pin!(sleep(left))).await {
            Either::Left((heard, _)) => heard,
            Either::Right(_) => continue,
        };
        match heard {
            Some(Heard::Command(command)) => obey(ctx, command).await?,
            Some(Heard::Question(asked)) => asked::answer(ctx, asked).await?,
            // Nobody is there to say anything.
            None => sleep(left).await,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const LONG: f64 = 1e6;

    #[test]
    fn what_has_passed_on_the_clock_is_waited_for() {
        let mut pace = Pace::new(2.0);
        assert_eq!(pace.left(5.0), None, "where it begins");
        let left = pace.left(5.0 + 2.0 * LONG).unwrap().as_secs_f64();
        assert!((left - LONG).abs() < 60.0, "{left}");
        assert_eq!(pace.left(5.0), None, "nothing has passed");
    }

    #[test]
    fn nobody_waits_at_speed_0_or_on_the_way_to_a_moment() {
        let mut pace = Pace::new(0.0);
        assert_eq!((pace.left(0.0), pace.left(LONG)), (None, None));
        pace.set_speed(1.0);
        pace.seek(3.0 * LONG);
        assert_eq!((pace.left(LONG), pace.left(2.0 * LONG)), (None, None));
        assert!(pace.left(4.0 * LONG).is_some());
    }

    #[test]
    fn a_pace_too_slow_for_a_duration_waits() {
        let mut pace = Pace::new(1e-300);
        pace.left(0.0);
        assert!(pace.left(1.0).is_some());
    }
}
