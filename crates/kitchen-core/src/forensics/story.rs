//! What led to a step, as the record of the run tells it.

use std::collections::BTreeSet;
use std::iter::Peekable;

use kitchen_types::config::DeviceChoice;
use kitchen_types::{Command, Envelope, Event, Number, RunId};

use crate::session::SessionError;

/// What led to a step.
#[derive(Debug, PartialEq)]
pub(super) struct Story {
    /// The step.
    pub(super) step: u64,
    /// Its loss.
    pub(super) loss: Number,
    /// Where it was taken.
    pub(super) device: Option<DeviceChoice>,
    /// Where the run branched off from another, if it did.
    pub(super) forked: Option<Fork>,
    told: Vec<Told>,
    /// The steps of checkpoints.
    saved: BTreeSet<u64>,
    /// Those of a way that was given up, and that were not saved again since.
    given_up: BTreeSet<u64>,
    /// What outlives that a run goes back, where a supervisor sees to it.
    standing: Option<Vec<Command>>,
}

/// Where a run branched off.
#[derive(Debug, PartialEq)]
pub(super) struct Fork {
    pub(super) from: RunId,
    pub(super) step: u64,
}

/// Something that happened between two steps.
#[derive(Debug, PartialEq)]
struct Told {
    /// After which step.
    after: u64,
    /// What; `None` where the run was saved, or came back, with all that was told before.
    change: Option<Change>,
}

/// What changes how a run goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It was told so.
    Told(Command),
    /// Its batches hold other shares of their domains.
    Mixed(Vec<f64>),
}

fn fork(event: &Event) -> Option<Fork> {
    match event {
        Event::Forked { from, step } => Some(Fork {
            from: from.clone(),
            step: *step,
        }),
        _ => None,
    }
}

impl Story {
    /// Of the last time that `step` was taken; of the newest step, if it is `None`.
    pub(super) fn until(
        events: &[Envelope],
        step: Option<u64>,
        is_watched: bool,
    ) -> Result<Self, SessionError> {
        let taken = |envelope: &Envelope| match &envelope.event {
            Event::Stepped(stepped) => Some((stepped.step, stepped.loss)),
            _ => None,
        };
        let last = events.iter().enumerate().rev().find_map(|(place, it)| {
            let (number, loss) = taken(it)?;
            let is_meant = step.is_none_or(|step| step == number);
            is_meant.then_some((place, number, loss))
        });
        let Some((place, number, loss)) = last else {
            let newest = events.iter().filter_map(taken).map(|(step, _)| step).max();
            return Err(SessionError(match (step, newest) {
                (Some(step), Some(newest)) => {
                    format!("the record has no step {step}; it tells of steps 1 to {newest}")
                }
                _ => "the run has not taken a step yet".into(),
            }));
        };
        let mut story = Self {
            step: number,
            loss,
            device: None,
            // The steps before are told in this record too, and were taken by the other run.
            forked: events.iter().find_map(|it| fork(&it.event)),
            told: Vec::new(),
            saved: BTreeSet::new(),
            given_up: BTreeSet::new(),
            standing: is_watched.then(Vec::new),
        };
        for envelope in events.iter().take(place) {
            story.take(&envelope.event);
        }
        // A step is reported after the next has begun: what was told in between came later.
        story.told.retain(|told| told.after < number);
        Ok(story)
    }

    fn take(&mut self, event: &Event) {
        match event {
            // Begun anew, without a checkpoint.
            Event::RunStarted { step: 0, .. } => self.go_back(0),
            Event::CheckpointSaved { step, .. } => {
                self.saved.insert(*step);
                self.given_up.remove(step);
            }
            Event::SessionOpened { client } => {
                self.device = match client.device.as_str() {
                    // A simulated cluster computes on the CPU.
                    "cpu" | "cluster" => Some(DeviceChoice::Cpu),
                    "gpu" => Some(DeviceChoice::Gpu),
                    _ => None,
                };
            }
            Event::Restored { step, .. } => self.go_back(*step),
            Event::Forked { step, .. } => {
                // All that was told before is in its first checkpoint.
                self.go_back(*step);
            }
            Event::Repaired(repair) => {
                self.tell(repair.back_to, Command::SetLearningRate(repair.after.lr));
                self.tell(repair.back_to, Command::SetClipNorm(repair.after.clip_norm));
                let left_out = Command::BlacklistSamples(repair.left_out.clone());
                self.tell(repair.back_to, left_out);
            }
            // Both save, after all that was told before.
            Event::CommandApplied {
                command: Command::Save | Command::Stop,
                step,
            } => self.told.push(Told {
                after: *step,
                change: None,
            }),
            Event::Mixed(mix) => {
                let shares = mix.domains.iter().map(|domain| domain.share.0);
                self.told.push(Told {
                    after: mix.step,
                    change: Some(Change::Mixed(shares.collect())),
                });
            }
            Event::CommandApplied { command, step } => self.tell(*step, command.clone()),
            _ => {}
        }
    }

    fn tell(&mut self, after: u64, command: Command) {
        let stands = matches!(
            command,
            Command::SetLearningRate(_) | Command::SetClipNorm(_) | Command::BlacklistSamples(_)
        );
        if let Some(standing) = &mut self.standing
            && stands
        {
            standing.push(command.clone());
        }
        let change = Some(Change::Told(command));
        self.told.push(Told { after, change });
    }

    /// Forgets what was told after the checkpoint of `step`. Most checkpoints are taken before the
    /// run listens, some since it was told to; and all after the shares are chosen.
    fn go_back(&mut self, step: u64) {
        let saved =
            (self.told.iter()).rposition(|told| told.after == step && told.change.is_none());
        let mut place = 0;
        self.told.retain(|told| {
            place += 1;
            let is_mix = matches!(told.change, Some(Change::Mixed(_)));
            let is_in_it = is_mix || saved.is_some_and(|saved| place <= saved + 1);
            told.after < step || (told.after == step && is_in_it)
        });
        self.told.push(Told {
            after: step,
            change: None,
        });
        let standing = self.standing.iter().flatten().cloned();
        self.told.extend(standing.map(|command| Told {
            after: step,
            change: Some(Change::Told(command)),
        }));
        self.given_up
            .extend(self.saved.split_off(&step.saturating_add(1)));
    }

    /// Whether the checkpoint of `step` belongs to a way that was given up.
    pub(super) fn is_given_up(&self, step: u64) -> bool {
        self.given_up.contains(&step)
    }

    /// What changed since the checkpoint of `step`, each with the step after which it did.
    pub(super) fn told_since(
        &self,
        step: u64,
    ) -> Peekable<impl Iterator<Item = (u64, Change)> + use<'_>> {
        let known = (self.told.iter())
            .rposition(|told| told.after == step && told.change.is_none())
            .map_or(0, |saved| saved + 1);
        (self.told.iter().skip(known))
            .filter(move |told| told.after >= step)
            .filter_map(|told| Some((told.after, told.change.clone()?)))
            .peekable()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::SampleId;
    use kitchen_types::event::{DomainShare, Mix, Step};

    use super::*;

    /// Events in short: `7` is step 7, `<5` restored to 5, `b5:3` told to blacklist example 3 after
    /// step 5, `m5:0.2` a share of 0.2 from step 5 on, `s5` told to save after step 5, `c5` the checkpoint of step 5, `!` begun anew, `f5`
    /// branched off at 5.
    fn events(text: &str) -> Vec<Envelope> {
        let event = |word: &str| {
            let (kind, rest) = word.split_at(1);
            match kind {
                "<" => Event::Restored {
                    step: rest.parse().unwrap(),
                    name: String::new(),
                    lr: None,
                    batch: None,
                },
                "b" => {
                    let (step, id) = rest.split_once(':').unwrap();
                    Event::CommandApplied {
                        command: Command::BlacklistSamples(vec![SampleId(id.parse().unwrap())]),
                        step: step.parse().unwrap(),
                    }
                }
                "s" => Event::CommandApplied {
                    command: Command::Save,
                    step: rest.parse().unwrap(),
                },
                "m" => {
                    let (step, share) = rest.split_once(':').unwrap();
                    Event::Mixed(Mix {
                        step: step.parse().unwrap(),
                        domains: vec![DomainShare {
                            name: String::new(),
                            share: Number(share.parse().unwrap()),
                            average: None,
                        }],
                    })
                }
                "c" => Event::CheckpointSaved {
                    step: rest.parse().unwrap(),
                    name: String::new(),
                    bytes: 1,
                    best: false,
                    blocked_ms: 0,
                },
                "f" => Event::Forked {
                    from: RunId::new("before").unwrap(),
                    step: rest.parse().unwrap(),
                },
                "!" => Event::RunStarted {
                    config: Box::default(),
                    workflow: String::new(),
                    step: 0,
                },
                _ => Event::Stepped(Step {
                    step: word.parse().unwrap(),
                    epoch: 1,
                    loss: Number(1.0),
                    accuracy: None,
                    lr: Number(0.1),
                    grad_norm: None,
                    update_ratio: None,
                    samples: 1,
                    tokens: 0,
                    duration_us: 1,
                }),
            }
        };
        let envelope = |(word, seq)| Envelope {
            run: RunId::new("test").unwrap(),
            seq,
            at_ms: 0,
            event: event(word),
        };
        text.split_whitespace().zip(0..).map(envelope).collect()
    }

    /// What was told since the checkpoint of step `from`: `after:id`.
    fn told(text: &str, step: Option<u64>, from: u64) -> String {
        let story = Story::until(&events(text), step, false).unwrap();
        let words = story.told_since(from).map(|(after, change)| match change {
            Change::Told(Command::BlacklistSamples(ids)) => format!("{after}:{}", ids[0]),
            Change::Mixed(shares) => format!("{after}:{}", shares[0]),
            other => format!("{after}:{other:?}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_led_to_a_step_is_what_was_told_on_the_way_that_counts() {
        let table: &[(&str, Option<u64>, u64, &str)] = &[
            ("! 1 2 3", None, 0, ""),
            ("! 1 b1:7 2 3", None, 0, "1:7"),
            ("! 1 b1:7 2 3 b3:8 4", None, 0, "1:7 3:8"),
            ("! 1 b1:7 2 3 b3:8 4", Some(3), 0, "1:7"),
            // A checkpoint is taken before the run listens, unless it was told to save.
            ("! 1 2 b2:7 3", None, 2, "2:7"),
            ("! 1 2 b2:7 s2 b2:8 3", None, 2, "2:8"),
            ("! 1 2 b2:7 s2 b2:8 3", None, 0, "2:7 2:8"),
            // A step is reported late: what was told after it comes before its report.
            ("! 1 b2:7 2 3", Some(2), 0, ""),
            ("! 1 b2:7 2 3", Some(3), 0, "2:7"),
            // What was told on a way that was given up does not count.
            ("! 1 2 b2:7 3 <1 2 3", None, 0, ""),
            ("! 1 b1:6 2 b2:7 3 <2 3", None, 0, "1:6"),
            ("! 1 b1:6 2 b2:7 3 <2 b2:8 3", None, 2, "2:8"),
            ("! 1 2 b2:7 s2 b2:8 3 <2 3", None, 0, "2:7"),
            ("! 1 2 b2:7 s2 b2:8 3 <2 3", None, 2, ""),
            ("! 1 b1:7 2 ! 1 2 3", None, 0, ""),
            // The shares are chosen before the checkpoint of the same step.
            ("! 1 2 m2:0.3 c2 3 m3:0.4 <2 3", None, 0, "2:0.3"),
            ("! 1 2 m2:0.3 c2 3 m3:0.4 <2 m2:0.3 3", None, 2, "2:0.3"),
            ("! 1 m1:0.3 2 m2:0.4 <1 m1:0.3 2", None, 0, "1:0.3 1:0.3"),
            // The last time that a step was taken counts.
            ("! 1 b1:7 2 3 <1 2", Some(3), 0, "1:7"),
            ("! 1 b1:7 2 3 <1 2", Some(2), 0, ""),
            ("! 1 b1:7 2 f2 ! b2:8 3", Some(3), 2, "2:8"),
        ];
        for (text, step, from, expected) in table {
            assert_eq!(
                told(text, *step, *from),
                *expected,
                "{text}, {step:?} from {from}"
            );
        }
    }

    #[test]
    fn checkpoints_of_a_way_that_was_given_up_are_known() {
        let table: &[(&str, &[u64])] = &[
            ("! 1 c1 2 c2 3", &[]),
            ("! 1 c1 2 c2 3 c3 <1 2", &[2, 3]),
            ("! 1 c1 2 c2 3 c3 <1 2 c2 3", &[3]),
            ("! 1 c1 2 c2 <1 2 <1 2", &[2]),
            ("! 1 c1 ! 1 2", &[1]),
        ];
        for (text, expected) in table {
            let story = Story::until(&events(text), None, false).unwrap();
            let given_up: Vec<u64> = (0..9).filter(|step| story.is_given_up(*step)).collect();
            assert_eq!(given_up, *expected, "{text}");
        }
    }

    #[test]
    fn a_step_that_was_not_taken_is_refused() {
        let refusal = |text, step| {
            Story::until(&events(text), step, false)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal("! 1 2", Some(5)),
            "the record has no step 5; it tells of steps 1 to 2"
        );
        assert_eq!(refusal("!", None), "the run has not taken a step yet");
    }
}
