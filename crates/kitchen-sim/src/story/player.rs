//! A story at a pace: how far it is, and what a person makes of it.

use kitchen_types::config::{Incident, Seconds, Trouble};

use super::board::Board;
use super::error::SpecError;
use super::event::Moment;
use super::spec::Spec;
use super::telling::Story;

/// The slowest and the fastest that keys can make it.
const SPEEDS: (f64, f64) = (1.0, 1e6);
/// Simulated seconds that a key skips.
const LEAP: f64 = 600.0;
/// The most moments that are taken in at once, so that the screen and the keys get a turn.
const BATCH: usize = 4096;

/// A story at a pace.
#[derive(Clone, Debug)]
pub struct Player {
    story: Story,
    next: Option<Moment>,
    /// How the story stands.
    pub board: Board,
    /// Simulated seconds since the run began.
    pub now: f64,
    /// Simulated seconds for each second.
    pub speed: f64,
    /// Whether time stands still.
    pub is_paused: bool,
    broken: u32,
}

impl Player {
    /// At the beginning of a run.
    ///
    /// # Errors
    ///
    /// If the specification describes no run.
    pub fn new(spec: Spec, speed: f64) -> Result<Self, SpecError> {
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

    /// What is told.
    #[must_use]
    pub fn story(&self) -> &Story {
        &self.story
    }

    /// Whether everything was told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// Seconds until the next moment is due, if there is one.
    #[must_use]
    pub fn wait(&self) -> Option<f64> {
        let next = self.next.as_ref()?;
        Some(((next.at - self.now) / self.speed).max(0.0))
    }

    /// Lets so many seconds pass.
    pub fn pass(&mut self, seconds: f64) {
        if !self.is_paused && seconds > 0.0 && self.speed.is_finite() {
            self.now += seconds * self.speed;
        }
    }

    /// The next moment, if it is due.
    pub fn due(&mut self) -> Option<Moment> {
        let at = self.next.as_ref()?.at;
        let hurries = self.speed.is_infinite() && !self.is_paused;
        if at <= self.now || hurries {
            self.take()
        } else {
            None
        }
    }

    /// The moments that are due, up to a number of them.
    pub fn all_due(&mut self) -> Vec<Moment> {
        std::iter::from_fn(|| self.due()).take(BATCH).collect()
    }

    /// The next moment, due or not. A run that is ahead of its pace goes on from there.
    pub fn take(&mut self) -> Option<Moment> {
        let moment = std::mem::replace(&mut self.next, self.story.next())?;
        self.now = self.now.max(moment.at);
        self.board.apply(&moment);
        Some(moment)
    }

    /// Doubles the pace.
    pub fn faster(&mut self) {
        self.speed = (2.0 * self.speed).clamp(SPEEDS.0, SPEEDS.1);
    }

    /// Halves the pace.
    pub fn slower(&mut self) {
        self.speed = (0.5 * self.speed).clamp(SPEEDS.0, SPEEDS.1);
    }

    /// Goes ten minutes forward.
    pub fn leap(&mut self) {
        self.now += LEAP;
    }

    /// Goes to a time, earlier or later: everything up to it is told anew. Gives all of that.
    pub fn seek(&mut self, to: f64) -> Vec<Moment> {
        self.story.rewind();
        self.next = self.story.next();
        self.board = Board::default();
        self.now = to.max(0.0);
        let is_due = |player: &Self| player.next.as_ref().is_some_and(|it| it.at <= player.now);
        std::iter::from_fn(|| is_due(self).then(|| self.take()).flatten()).collect()
    }

    /// Breaks a GPU now, another one each time, and gives its node and its place there.
    pub fn break_gpu(&mut self) -> Option<(u32, u32)> {
        let devices = self.story.setting().job.cluster.devices;
        // Steps of a number without common divisors visit all GPUs.
        let number = self.broken.wrapping_mul(7919).wrapping_add(5) % devices;
        let broken = self.break_number(number)?;
        self.broken += 1;
        Some(broken)
    }

    /// Breaks GPU `number`, from 0, now, and gives its node and its place there. Nothing breaks
    /// before the first step or after the last.
    pub fn break_number(&mut self, number: u32) -> Option<(u32, u32)> {
        let setting = self.story.setting();
        let begin = setting.setup.seconds();
        let now = self.now;
        if now < begin || now >= self.story.seconds() {
            return None;
        }
        let each = setting.job.cluster.devices_per_node;
        let (node, gpu) = (number / each, number % each);
        let mut spec = setting.spec.clone();
        spec.incidents.push(Incident {
            at: Seconds(now - begin),
            what: Trouble::GpuFailure { node, gpu },
        });
        let mut story = Story::of(spec).ok()?;
        story.skip_to(now);
        self.next = story.next();
        self.story = story;
        Some((node, gpu))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{Event, Scenario};

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
    fn going_back_tells_the_same_again() {
        let mut player = player(100.0);
        player.now = 2000.0;
        while player.due().is_some() {}
        let (there, board) = (player.now, player.board.clone());
        player.seek(500.0);
        assert!(player.board.step < board.step);
        assert!(!player.seek(there).is_empty());
        assert_eq!(player.board, board);
        player.seek(f64::NAN);
        assert_eq!((player.now, player.board.step), (0.0, 0));
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
