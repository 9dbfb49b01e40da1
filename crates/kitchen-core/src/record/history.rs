//! The part of a record that a checkpoint takes along.

use kitchen_types::supervision::{Anomaly, Ask, Diagnosis, Repair};
use kitchen_types::{Envelope, Event, RunId};

/// What led to the checkpoint at `step`, as the beginning of the record of `run`: numbered from 0,
/// without what came after it, and without the coming and going of files that stay behind.
pub fn history(events: &[Envelope], run: &RunId, step: u64) -> Vec<Envelope> {
    let is_saved = |envelope: &Envelope| matches!(envelope.event, Event::CheckpointSaved { step: at, .. } if at == step);
    // Where a run went back and came here again, the newest time is what the checkpoint holds.
    let end = events
        .iter()
        .rposition(is_saved)
        .map_or(events.len(), |at| at + 1);
    events
        .iter()
        .take(end)
        .filter(|envelope| belongs(&envelope.event, step))
        .zip(0..)
        .map(|(envelope, seq)| Envelope {
            run: run.clone(),
            seq,
            ..envelope.clone()
        })
        .collect()
}

fn belongs(event: &Event, until: u64) -> bool {
    match event {
        Event::Stepped(step) => step.step <= until,
        Event::Evaluated(evaluation) => evaluation.step <= until,
        Event::Mixed(mix) => mix.step <= until,
        Event::EpochFinished { step, .. }
        | Event::Sampled { step, .. }
        | Event::StoppedEarly { step, .. }
        | Event::PersonAnswered { step, .. }
        | Event::CommandApplied { step, .. }
        | Event::RunStarted { step, .. }
        | Event::Interrupted { step, .. }
        | Event::Restored { step, .. } => *step <= until,
        Event::AnomalyFound(Anomaly { step, .. })
        | Event::Diagnosed(Diagnosis { step, .. })
        | Event::Repaired(Repair { step, .. })
        | Event::PersonAsked(Ask { step, .. }) => *step <= until,
        // A checkpoint is written beside the training: a pause may come before it is told.
        Event::Paused { .. } | Event::Resumed { .. } => false,
        // The files of the run, and how its sessions ended.
        Event::CheckpointSaved { .. }
        | Event::CheckpointRemoved { .. }
        | Event::CheckpointRejected { .. }
        | Event::Exported { .. }
        | Event::RunFinished { .. } => false,
        Event::StageStarted { .. }
        | Event::StageFinished { .. }
        | Event::StageFailed { .. }
        | Event::StageRetried { .. }
        | Event::StageSkipped { .. }
        | Event::StageRolledBack { .. }
        | Event::DatasetLoaded { .. }
        | Event::Planned { .. }
        | Event::DeviceChosen { .. }
        | Event::SessionOpened { .. }
        | Event::CommandRefused { .. }
        | Event::Forked { .. }
        | Event::Warning { .. } => true,
    }
}
