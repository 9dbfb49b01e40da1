//! A story at a pace: how far it is, and what a person makes of it.

use kitchen_core::sim::story::{Board, Incident, Moment, Seconds, Spec, SpecError, Story, Trouble};

/// The slowest and the fastest that keys can make it.
const SPEEDS: (f64, f64) = (1.0, 1e6);
/// Simulated seconds that a key skips.
const LEAP: f64 = 600.0;
/// The most moments that are taken in at once, so that the screen and the keys get a turn.
const BATCH: usize = 4096;

/// A story at a pace.
pub(super) struct Player {
    story: Story,
    next: Option<Moment>,
    /// How the story stands.
    pub(super) board: Board,
    /// Simulated seconds since the run began.
    pub(super) now: f64,
    /// Simulated seconds for each second.
    pub(super) speed: f64,
    pub(super) is_paused: bool,
    broken: u32,
}

impl Player {
    /// At the beginning of a run.
    pub(super) fn new(spec: Spec, speed: f64) -> Result<Self, SpecError> {
        let mut story = Story::of(spec)?;
        Ok(Self {
            next: story.next(),
            story,
            board: Board::default(),
            now: 0.0,
            speed,
            is_paused: false,
            broken: 0,
        })
    }

    pub(super) fn story(&self) -> &Story {
        &self.story
    }

    /// Whether everything was told.
    pub(super) fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// Seconds until the next moment is due, if there is one.
    pub(super) fn wait(&self) -> Option<f64> {
        let next = self.next.as_ref()?;
        Some(((next.at - self.now) / self.speed).max(0.0))
    }

    /// Lets so many seconds pass.
    pub(super) fn pass(&mut self, seconds: f64) {
        if !self.is_paused && seconds > 0.0 && self.speed.is_finite() {
            self.now += seconds * self.speed;
        }
    }

    /// The next moment, if it is due.
    pub(super) fn due(&mut self) -> Option<Moment> {
        let at = self.next.as_ref()?.at;
        let hurries = self.speed.is_infinite() && !self.is_paused;
        if at <= self.now || hurries {
            self.take()
        } else {
            None
        }
    }

    /// The moments that are due, up to a number of them.
    pub(super) fn all_due(&mut self) -> Vec<Moment> {
        std::iter::from_fn(|| self.due()).take(BATCH).collect()
    }

    /// The next moment, due or not. A run that is ahead of its pace goes on from there.
    pub(super) fn take(&mut self) -> Option<Moment> {
        let moment = std::mem::replace(&mut self.next, self.story.next())?;
        self.now = self.now.max(moment.at);
        self.board.apply(&moment);
        Some(moment)
    }

    pub(super) fn faster(&mut self) {
        self.speed = (2.0 * self.speed).clamp(SPEEDS.0, SPEEDS.1);
    }

    pub(super) fn slower(&mut self) {
        self.speed = (0.5 * self.speed).clamp(SPEEDS.0, SPEEDS.1);
    }

    /// Goes ten minutes forward.
    pub(super) fn leap(&mut self) {
        self.now += LEAP;
    }

    /// Breaks a GPU now, another one each time, and gives its node and its place there. Nothing
    /// breaks before the first step or after the last.
    pub(super) fn break_gpu(&mut self) -> Option<(u32, u32)> {
        let setting = self.story.setting();
        let begin = setting.setup.seconds();
        let now = self.now;
        if now < begin || now >= self.story.seconds() {
            return None;
        }
        let cluster = &setting.job.cluster;
        // Steps of a number without common divisors visit all GPUs.
        let number = self.broken.wrapping_mul(7919).wrapping_add(5) % cluster.devices;
        let (node, gpu) = (
            number / cluster.devices_per_node,
            number % cluster.devices_per_node,
        );
        let mut spec = setting.spec.clone();
        spec.incidents.push(Incident {
            at: Seconds(now - begin),
            what: Trouble::GpuFailure { node, gpu },
        });
        let mut story = Story::of(spec).ok()?;
        story.skip_to(now);
        self.broken += 1;
        self.next = story.next();
        self.story = story;
        Some((node, gpu))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_core::sim::story::{Event, Scenario};

    use super::*;

    fn player(speed: f64) -> Player {
        let spec = Scenario::named("calm").unwrap().spec().unwrap();
        Player::new(spec, speed).unwrap()
    }

    #[test]
    fn moments_come_when_they_are_due() {
        let mut player = player(2.0);
        assert_eq!(player.all_due().len(), 3);
        assert_eq!(player.wait(), Some(0.125));
        player.pass(0.125);
        assert!(matches!(player.all_due()[..], [Moment { at: 0.25, .. }]));
        player.is_paused = true;
        player.pass(100.0);
        assert_eq!(player.now, 0.25);
        player.is_paused = false;
        player.leap();
        let told = player.all_due();
        assert!(
            told.iter()
                .any(|moment| matches!(moment.event, Event::Step { step: 90, .. }))
        );
        player.speed = f64::INFINITY;
        player.pass(1.0);
        while !player.is_over() {
            assert!(!player.all_due().is_empty());
        }
        assert_eq!(player.board.step, 1024);
    }

    #[test]
    fn a_gpu_breaks_now_and_the_past_stays() {
        let mut player = player(100.0);
        assert_eq!(player.break_gpu(), None, "nothing runs yet");
        player.now = 1000.0;
        let step = |told: &[Moment]| {
            told.iter().rev().find_map(|moment| match moment.event {
                Event::Step { step, .. } => Some(step),
                _ => None,
            })
        };
        let before = step(&player.all_due()).unwrap();
        assert_eq!(player.break_gpu(), Some((0, 5)));
        let told = player.all_due();
        assert!(
            matches!(told[0].event, Event::Trouble { .. } | Event::Failed { .. }),
            "{:?}",
            told[0]
        );
        player.leap();
        let told = player.all_due();
        let resumed = told.iter().find_map(|moment| match moment.event {
            Event::Resumed { step } => Some(step),
            _ => None,
        });
        assert_eq!(resumed, Some(128));
        assert!(before > 128 && step(&told).is_some());
        assert_eq!(player.board.failures, 1);
        assert_eq!(player.break_gpu(), Some((6, 4)), "another one");
    }

    #[test]
    fn keys_change_the_pace_within_limits() {
        let mut player = player(100.0);
        player.faster();
        assert_eq!(player.speed, 200.0);
        for _ in 0..20 {
            player.slower();
        }
        assert_eq!(player.speed, 1.0);
        player.speed = f64::INFINITY;
        player.slower();
        assert_eq!(player.speed, 1e6);
    }
}
