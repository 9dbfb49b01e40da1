//! Events that a file has no room for.

use kitchen_types::{Envelope, Event};

use crate::record::write_line;

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// Nothing.
    Nothing,
    /// The beginnings and ends of stages.
    Stages,
    /// Those, and all steps but the last and every so many-th.
    Steps(u64),
}

/// One after the other until there is room.
pub(super) const LADDER: &[LeftOut] = &[
    LeftOut::Nothing,
    LeftOut::Stages,
    LeftOut::Steps(4),
    LeftOut::Steps(16),
    LeftOut::Steps(64),
    LeftOut::Steps(256),
    LeftOut::Steps(1024),
    LeftOut::Steps(4096),
    LeftOut::Steps(1 << 16),
    LeftOut::Steps(1 << 20),
];

impl LeftOut {
    pub(super) fn in_words(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Stages => Some("the events of stages".into()),
            Self::Steps(every) => Some(format!(
                "the events of stages, and those of all steps but every {every}th"
            )),
        }
    }

    fn keeps(self, event: &Event, last: u64) -> bool {
        let of_stage = matches!(
            event,
            Event::StageStarted { .. } | Event::StageFinished { .. }
        );
        match (self, event) {
            (Self::Nothing, _) => true,
            (Self::Steps(every), Event::Stepped(step)) => {
                step.step.is_multiple_of(every) || step.step == last
            }
            _ => !of_stage,
        }
    }
}

/// What is kept, numbered anew. `last` is the last step.
pub(super) fn thin(mut events: Vec<Envelope>, left_out: LeftOut, last: u64) -> Vec<Envelope> {
    if left_out == LeftOut::Nothing {
        return events;
    }
    events.retain(|envelope| left_out.keeps(&envelope.event, last));
    for (envelope, seq) in events.iter_mut().zip(0..) {
        envelope.seq = seq;
    }
    events
}

/// One envelope a line.
pub(super) fn lines(events: &[Envelope]) -> String {
    let mut lines = Vec::new();
    for envelope in events {
        // Memory takes everything, and an envelope is plain data that has a JSON form.
        let _ = write_line(&mut lines, envelope);
    }
    String::from_utf8(lines).unwrap_or_default()
}
