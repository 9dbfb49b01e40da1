//! The supervisor: a state, something seen, the next state, and what to do. It acts on nothing
//! itself; who does keeps the state before acting, and so loses and repeats nothing.

use kitchen_types::config::Supervision;
use kitchen_types::supervision::{
    Anomaly, Ask, Diagnosis, Incident, Knobs, Repair, Strategy, SupervisorPhase, SupervisorState,
};
use kitchen_types::{Command, Event, Number, SampleId};

use crate::monitor::Finding;
use crate::plan::{Plan, calmer, plan};
use crate::suspects::Suspects;

/// Steps before an anomaly whose examples are looked at too: a step shows what the one before did
/// to the weights.
pub const LOOK_BACK: u64 = 2;

/// The most examples of an incident that are looked at, those of the newest steps first.
pub const MOST_EXAMINED: usize = 2048;

/// The most repairs and steps that are remembered.
const REMEMBERED: usize = 256;

/// Something that a supervisor sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// The run begins, or begins again.
    Began,
    /// A step does not look like training. `ids` are the examples of that step and of the
    /// [`LOOK_BACK`] before it, the newest first.
    Found {
        /// What was found.
        finding: Finding,
        /// Whose gradients may have done it.
        ids: Vec<SampleId>,
    },
    /// The run stands at an earlier step.
    WentBack {
        /// Which.
        to: u64,
    },
    /// There is no checkpoint that old.
    CannotGoBack {
        /// How it trains.
        knobs: Knobs,
    },
    /// The examples were examined.
    Examined {
        /// What they look like, or why nobody knows.
        found: Result<Suspects, String>,
        /// How the norms were found, in words.
        method: String,
        /// The step whose weights were used.
        weights_of: u64,
        /// How it trains.
        knobs: Knobs,
    },
    /// A person changed something.
    Told(Command),
    /// A person lets the run go on.
    Answered {
        /// After which step.
        step: u64,
    },
}

/// Something to do. The last of several may take time, and is then answered by what is seen of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell everybody.
    Say(Event),
    /// Trust no checkpoint after `to`, and go back to the newest of the others.
    GoBack {
        /// The newest step that is trusted.
        to: u64,
    },
    /// Look at the gradients of these examples, one by one.
    Examine {
        /// Which.
        ids: Vec<SampleId>,
    },
    /// Wait for a person.
    Wait,
}

/// What a supervisor that stands at `state` and sees `seen` does.
pub fn next(
    mut state: SupervisorState,
    seen: Seen,
    rules: &Supervision,
) -> (SupervisorState, Vec<Effect>) {
    let effects = match (state.phase.clone(), seen) {
        (phase, Seen::Began) => begin(&mut state, phase),
        (SupervisorPhase::Watching, Seen::Found { finding, ids }) => {
            found(&mut state, finding, ids)
        }
        (SupervisorPhase::Examining { ids, .. }, Seen::WentBack { .. }) => {
            vec![Effect::Examine { ids }]
        }
        (SupervisorPhase::Examining { anomaly, .. }, Seen::CannotGoBack { knobs }) => {
            let reason = format!(
                "no checkpoint from before step {} is left to go back to",
                anomaly.step
            );
            let ask = Ask {
                incident: anomaly.incident,
                step: anomaly.step,
                reason,
                actions: calmer(knobs, rules, None),
            };
            vec![asked(&mut state, ask), Effect::Wait]
        }
        (
            SupervisorPhase::Examining { anomaly, .. },
            Seen::Examined {
                found,
                method,
                weights_of,
                knobs,
            },
        ) => {
            let diagnosis = diagnosis(&anomaly, found, method, weights_of);
            decide(&mut state, &anomaly, diagnosis, knobs, rules)
        }
        (_, Seen::Told(command)) => {
            obey(&mut state, command);
            Vec::new()
        }
        (SupervisorPhase::Waiting, Seen::Answered { step }) => answered(&mut state, step),
        // What is seen out of its turn is old news.
        _ => Vec::new(),
    };
    (state, effects)
}

/// Tells the newest incident again, whose story a crash may have kept from the record, and goes on
/// with it.
fn begin(state: &mut SupervisorState, phase: SupervisorPhase) -> Vec<Effect> {
    let mut effects = state.newest.as_ref().map_or_else(Vec::new, tell);
    match phase {
        SupervisorPhase::Watching | SupervisorPhase::Waiting => {}
        SupervisorPhase::Examining { back_to, .. } => effects.push(Effect::GoBack { to: back_to }),
    }
    effects
}

/// What is known of an incident, but not what a person was asked: a run that begins again was let go
/// on by one.
fn tell(incident: &Incident) -> Vec<Effect> {
    let found = Some(Event::AnomalyFound(incident.anomaly.clone()));
    let diagnosed = incident.diagnosis.clone().map(Event::Diagnosed);
    let repaired = incident.repair.clone().map(Event::Repaired);
    [found, diagnosed, repaired]
        .into_iter()
        .flatten()
        .map(Effect::Say)
        .collect()
}

fn found(state: &mut SupervisorState, finding: Finding, mut ids: Vec<SampleId>) -> Vec<Effect> {
    state.incidents += 1;
    let anomaly = Anomaly {
        incident: state.incidents,
        step: finding.since,
        kind: finding.kind,
        of: finding.of,
        value: Number(finding.value),
        threshold: finding.threshold.map(Number),
    };
    // The weights after the step before last may carry the fault already.
    let back_to = finding.since.saturating_sub(LOOK_BACK);
    ids.truncate(MOST_EXAMINED);
    state.newest = Some(Incident::new(anomaly.clone()));
    state.phase = SupervisorPhase::Examining {
        anomaly: anomaly.clone(),
        back_to,
        ids,
    };
    let said = Effect::Say(Event::AnomalyFound(anomaly));
    vec![said, Effect::GoBack { to: back_to }]
}

fn diagnosis(
    anomaly: &Anomaly,
    found: Result<Suspects, String>,
    method: String,
    weights_of: u64,
) -> Diagnosis {
    let unknown = Diagnosis {
        incident: anomaly.incident,
        step: anomaly.step,
        weights_of,
        samples: 0,
        median_grad_norm: None,
        max_grad_norm: None,
        suspects: Vec::new(),
        method,
    };
    match found {
        Ok(them) if them.samples > 0 => Diagnosis {
            samples: them.samples,
            median_grad_norm: Some(Number(them.median)),
            max_grad_norm: Some(Number(them.max)),
            suspects: them.suspects,
            ..unknown
        },
        Ok(_) => Diagnosis {
            method: "none of them is known".into(),
            ..unknown
        },
        Err(reason) => Diagnosis {
            method: reason,
            ..unknown
        },
    }
}

fn decide(
    state: &mut SupervisorState,
    anomaly: &Anomaly,
    diagnosis: Diagnosis,
    knobs: Knobs,
    rules: &Supervision,
) -> Vec<Effect> {
    let plan = plan(anomaly, &diagnosis, knobs, state, rules);
    if let Some(newest) = &mut state.newest {
        newest.diagnosis = Some(diagnosis.clone());
    }
    let said = Effect::Say(Event::Diagnosed(diagnosis));
    match plan {
        Plan::Repair(repair) => vec![said, repaired(state, repair)],
        Plan::Ask(ask) => vec![said, asked(state, ask), Effect::Wait],
    }
}

fn repaired(state: &mut SupervisorState, repair: Repair) -> Effect {
    match repair.strategy {
        Strategy::Surgical => state.blacklist.extend(&repair.left_out),
        Strategy::Retry => state.blind.push_back(repair.step),
        Strategy::Stabilise => {
            state.blind.push_back(repair.step);
            state.lr = Some(repair.after.lr);
            state.clip_norm = Some(repair.after.clip_norm);
        }
    }
    if state.blind.len() > REMEMBERED {
        state.blind.pop_front();
    }
    state.repaired.insert(repair.step);
    if state.repaired.len() > REMEMBERED {
        state.repaired.pop_first();
    }
    state.phase = SupervisorPhase::Watching;
    if let Some(newest) = &mut state.newest {
        newest.repair = Some(repair.clone());
    }
    Effect::Say(Event::Repaired(repair))
}

fn asked(state: &mut SupervisorState, ask: Ask) -> Effect {
    state.phase = SupervisorPhase::Waiting;
    if let Some(newest) = &mut state.newest {
        newest.ask = Some(ask.clone());
    }
    Effect::Say(Event::PersonAsked(ask))
}

/// A person has seen to it: what was tried before counts no more.
fn answered(state: &mut SupervisorState, step: u64) -> Vec<Effect> {
    state.phase = SupervisorPhase::Watching;
    state.blind.clear();
    if let Some(newest) = &mut state.newest {
        newest.answered = true;
        state.repaired.insert(newest.anomaly.step);
    }
    vec![Effect::Say(Event::PersonAnswered {
        incident: state.incidents,
        step,
    })]
}

/// What a person changed outlives the checkpoints that are gone back to.
fn obey(state: &mut SupervisorState, command: Command) {
    match command {
        Command::SetLearningRate(lr) => state.lr = Some(lr),
        Command::SetClipNorm(clip) => state.clip_norm = Some(clip),
        Command::BlacklistSamples(ids) => state.blacklist.extend(ids),
        Command::Pause
        | Command::Resume
        | Command::Step
        | Command::Stop
        | Command::Save
        | Command::SetBatchSize(_)
        | Command::SetSpeed(_)
        | Command::Seek(_)
        | Command::SkipBatch
        | Command::RollBack { .. } => {}
    }
}
