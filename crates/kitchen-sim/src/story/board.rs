//! How a story stands: the fold of its moments, which screens draw.

use super::event::{Event, Moment};

/// The most points of a curve that are kept.
const POINTS: usize = 2048;

/// What the run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It gets ready.
    #[default]
    Starting,
    /// It makes steps.
    Training,
    /// It looks at held-out data.
    Validating,
    /// It writes a checkpoint.
    Saving,
    /// It stands still.
    Down,
    /// It writes its weights for others.
    Exporting,
    /// It is over.
    Ended,
}

/// How a story stands. Later moments of a kind take the place of earlier ones; what was not told
/// yet is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    /// Simulated seconds since the program began.
    pub at: f64,
    /// What the run is doing.
    pub phase: Phase,
    /// Its name and its seed.
    pub run: Option<(String, u64)>,
    /// The model and its parameters.
    pub model: Option<(String, u64)>,
    /// The card and its GiB.
    pub card: Option<(String, f64)>,
    /// GPUs that are connected, and all of them.
    pub ranks: Option<(u32, u32)>,
    /// The newest [`Event::Layout`].
    pub layout: Option<Event>,
    /// Steps done, since the last checkpoint that was gone back to, and all.
    pub step: u64,
    /// All steps.
    pub steps: u64,
    /// The epoch, and all of them.
    pub epoch: (u64, u64),
    /// The newest training loss.
    pub loss: Option<f64>,
    /// The newest perplexity.
    pub ppl: Option<f64>,
    /// The newest learning rate.
    pub lr: Option<f64>,
    /// Seconds that are left.
    pub eta_s: Option<f64>,
    /// The newest [`Event::Rate`].
    pub rate: Option<Event>,
    /// The newest [`Event::Comm`].
    pub comm: Option<Event>,
    /// The newest [`Event::Gradient`].
    pub gradient: Option<Event>,
    /// The newest [`Event::Fleet`].
    pub fleet: Option<Event>,
    /// The newest held-out loss, and its step.
    pub held_out: Option<(u64, f64)>,
    /// The newest checkpoint.
    pub checkpoint: Option<String>,
    /// How much of the task at hand is done, if it says so: from 0 to 1.
    pub share: Option<f64>,
    /// What goes wrong at the moment.
    pub troubles: Vec<String>,
    /// How often the run was interrupted.
    pub failures: u32,
    /// Training losses by step, thinned where they are many.
    pub losses: Vec<(u64, f64)>,
    /// So many steps lie between two of them.
    stride: u64,
}

impl Board {
    /// Takes in what is told next.
    pub fn apply(&mut self, moment: &Moment) {
        self.at = moment.at;
        match &moment.event {
            Event::Began { run, seed } => self.run = Some((run.clone(), *seed)),
            Event::Model { name, params } => self.model = Some((name.clone(), *params)),
            Event::Card { name, gib } => self.card = Some((name.clone(), *gib)),
            Event::Nccl { ranks, of, .. } => self.ranks = Some((*ranks, *of)),
            Event::Layout { .. } => self.layout = Some(moment.event.clone()),
            Event::Plan { steps, epochs, .. } => {
                self.steps = *steps;
                self.epoch = (1, *epochs);
            }
            Event::Epoch { epoch, of } => self.epoch = (*epoch, *of),
            Event::Step { step, loss, lr } => {
                self.phase = Phase::Training;
                (self.step, self.loss, self.lr) = (*step, Some(*loss), Some(*lr));
                self.keep(*step, *loss);
            }
            Event::Ppl { ppl, .. } => self.ppl = Some(*ppl),
            Event::Progress { eta_s, .. } => self.eta_s = Some(*eta_s),
            Event::Rate { .. } => self.rate = Some(moment.event.clone()),
            Event::Comm { .. } => self.comm = Some(moment.event.clone()),
            Event::Gradient { .. } => self.gradient = Some(moment.event.clone()),
            Event::Fleet { .. } => self.fleet = Some(moment.event.clone()),
            event => self.apply_other(event),
        }
    }

    fn apply_other(&mut self, event: &Event) {
        match event {
            Event::Tokenizer { share, .. } | Event::Looked { share } => self.share = Some(*share),
            Event::Validating { .. } => (self.phase, self.share) = (Phase::Validating, Some(0.0)),
            Event::Validated { step, loss, .. } => {
                self.held_out = Some((*step, *loss));
                (self.phase, self.share) = (Phase::Training, None);
            }
            Event::Saving { .. } => self.phase = Phase::Saving,
            Event::Saved { .. } => self.phase = Phase::Training,
            Event::Checkpoint { path } => self.checkpoint = Some(path.clone()),
            Event::Trouble {
                what,
                lasts: Some(_),
            } => self.troubles.push(what.clone()),
            Event::Over { what } => {
                if let Some(place) = self.troubles.iter().position(|other| other == what) {
                    self.troubles.remove(place);
                }
            }
            Event::Failed { .. } => {
                self.failures += 1;
                (self.phase, self.share) = (Phase::Down, None);
            }
            Event::RolledBack { .. } => (self.phase, self.share) = (Phase::Down, None),
            Event::Resumed { step } => {
                self.phase = Phase::Training;
                self.step = *step;
                self.losses.retain(|(other, _)| other <= step);
            }
            Event::Export { .. } => (self.phase, self.share) = (Phase::Exporting, None),
            Event::Ended { .. } => (self.phase, self.eta_s) = (Phase::Ended, None),
            _ => {}
        }
    }

    fn keep(&mut self, step: u64, loss: f64) {
        self.stride = self.stride.max(1);
        if step != 1 && !step.is_multiple_of(self.stride) {
            return;
        }
        self.losses.push((step, loss));
        if self.losses.len() > POINTS {
            self.stride *= 2;
            let stride = self.stride;
            self.losses
                .retain(|(step, _)| *step == 1 || step.is_multiple_of(stride));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64) -> Moment {
        let loss = 1.0 / step as f64;
        Moment {
            at: step as f64,
            event: Event::Step {
                step,
                loss,
                lr: 1e-3,
            },
        }
    }

    #[test]
    fn curves_stay_small_and_keep_their_ends() {
        let mut board = Board::default();
        for number in 1..=100_000 {
            board.apply(&step(number));
        }
        assert!(board.losses.len() <= POINTS);
        assert_eq!(board.losses.first(), Some(&(1, 1.0)));
        assert!(board.losses.last().is_some_and(|(last, _)| *last > 99_900));
    }

    #[test]
    fn what_is_done_again_is_forgotten() {
        let mut board = Board::default();
        for number in 1..=10 {
            board.apply(&step(number));
        }
        board.apply(&Moment {
            at: 11.0,
            event: Event::Resumed { step: 4 },
        });
        assert_eq!((board.step, board.losses.len()), (4, 4));
    }
}
