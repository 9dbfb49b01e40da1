//! `runs history`: what led to where a run stands.

use kitchen_types::{Envelope, Event};
use serde::Serialize;

use crate::cli::JsonArg;
use crate::plain::Plain;
use crate::runs::{RunFolder, iso_time};
use crate::{inbox, out, record};

/// A moment at which the run was saved, went elsewhere, or heard of people.
#[derive(Debug, PartialEq, Serialize)]
struct Moment {
    /// The number of its envelope.
    seq: u64,
    /// When, in milliseconds since 1970.
    at_ms: u64,
    /// The step that the run stood at.
    step: u64,
    /// What happened, in words.
    what: String,
    /// The checkpoint that was saved, if it is still there: `runs fork --step` begins with it, and
    /// `command rollback` goes back to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

/// Shows the moments of a run, the oldest first.
pub(super) fn history(run: &RunFolder, json: JsonArg) -> anyhow::Result<()> {
    let moments = moments(&record::envelopes(&run.events())?);
    if json.json {
        return out::json(&moments);
    }
    for moment in &moments {
        out::line(&format!("{}  {}", iso_time(moment.at_ms), moment.what))?;
    }
    Ok(())
}

fn moments(envelopes: &[Envelope]) -> Vec<Moment> {
    let mut plain = Plain::default();
    let mut moments: Vec<Moment> = Vec::new();
    for envelope in envelopes {
        let lines = plain.lines(envelope);
        if let Some(what) = words(envelope, lines) {
            moments.push(Moment {
                seq: envelope.seq,
                at_ms: envelope.at_ms,
                step: plain.board().current_step(),
                what,
                checkpoint: saved(&envelope.event).map(str::to_owned),
            });
        }
    }
    let there = &plain.board().checkpoints;
    for moment in &mut moments {
        let is_there = |name: &String| there.iter().any(|saved| saved.name == *name);
        if moment
            .checkpoint
            .as_ref()
            .is_some_and(|name| !is_there(name))
        {
            moment.checkpoint = None;
            moment.what.push_str(", no longer there");
        }
    }
    moments
}

/// A moment in words; none for what is measured or prepared, which `runs show` sums up. Most are
/// what a run says in `lines`.
fn words(envelope: &Envelope, lines: Vec<String>) -> Option<String> {
    match &envelope.event {
        Event::RunFinished { status, reason, .. } => {
            let status = format!("{status:?}").to_lowercase();
            let reason = reason
                .as_ref()
                .map_or(String::new(), |it| format!(": {it}"));
            Some(format!("ended    {status}{reason}"))
        }
        Event::Forked { from, step } => Some(format!("branch   of {from}, at step {step}")),
        Event::CommandApplied { command, .. } => {
            let command = inbox::in_words(command).unwrap_or_else(|| format!("{command:?}"));
            Some(format!("told     {command}"))
        }
        Event::RunStarted { .. }
        | Event::CheckpointSaved { .. }
        | Event::CheckpointRejected { .. }
        | Event::Restored { .. }
        | Event::Interrupted { .. }
        | Event::AnomalyFound(_)
        | Event::Diagnosed(_)
        | Event::Repaired(_)
        | Event::PersonAsked(_)
        | Event::PersonAnswered { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::CommandRefused { .. }
        | Event::StoppedEarly { .. }
        | Event::Exported { .. } => lines.into_iter().next(),
        _ => None,
    }
}

fn saved(event: &Event) -> Option<&str> {
    match event {
        Event::CheckpointSaved { name, .. } => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::{Command, Number, RunId};

    use super::*;

    fn saved(step: u64) -> Event {
        Event::CheckpointSaved {
            step,
            name: format!("step-{step}"),
            bytes: 2048,
            best: false,
            blocked_ms: 0,
        }
    }

    #[test]
    fn what_was_saved_is_there_until_it_is_removed() {
        let events = [
            saved(10),
            Event::Warning {
                message: "of no interest here".into(),
            },
            Event::CommandApplied {
                command: Command::SetLearningRate(Number(0.5)),
                step: 12,
            },
            saved(20),
            Event::CheckpointRemoved {
                name: "step-10".into(),
            },
        ];
        let envelopes: Vec<Envelope> = (0..)
            .zip(events)
            .map(|(seq, event)| Envelope {
                run: RunId::new("test").unwrap(),
                seq,
                at_ms: 1000 * seq,
                event,
            })
            .collect();
        let moments = moments(&envelopes);
        let told: Vec<(u64, &str)> = moments.iter().map(|it| (it.seq, it.what.trim())).collect();
        assert_eq!(
            told,
            [
                (0, "10  saved step-10 (2.0 kB), no longer there"),
                (2, "told     set_lr 0.5"),
                (3, "20  saved step-20 (2.0 kB)"),
            ]
        );
        let there: Vec<&str> = moments
            .iter()
            .filter_map(|it| it.checkpoint.as_deref())
            .collect();
        assert_eq!(there, ["step-20"]);
    }
}
