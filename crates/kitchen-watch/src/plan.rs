//! What to do about an anomaly.

use kitchen_types::config::Supervision;
use kitchen_types::supervision::{
    Anomaly, AnomalyKind, Ask, Diagnosis, Knobs, Repair, Strategy, SupervisorState,
};
use kitchen_types::{Command, Number, SampleId};

use crate::suspects::MOST_SUSPECTS;

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Go on from where the run went back to, with something changed.
    Repair(Repair),
    /// Let a person decide.
    Ask(Ask),
}

/// Plans what to do about `anomaly`, of which `diagnosis` is known, in a run that went back and
/// trained with `knobs`.
///
/// Few examples that stand out are left out. Where none does, a number that is not finite is first
/// taken for a passing fault, and anything else for a learning rate that is too high; after
/// `max_retries` such repairs of about the same steps a person is asked. So is one if too many
/// examples stand out to be the exception.
pub fn plan(
    anomaly: &Anomaly,
    diagnosis: &Diagnosis,
    knobs: Knobs,
    state: &SupervisorState,
    rules: &Supervision,
) -> Plan {
    let ask = |reason: String, actions: Vec<Command>| {
        Plan::Ask(Ask {
            incident: anomaly.incident,
            step: anomaly.step,
            reason,
            actions,
        })
    };
    let repair = |strategy, left_out: Vec<SampleId>, after| {
        Plan::Repair(Repair {
            incident: anomaly.incident,
            step: anomaly.step,
            strategy,
            back_to: diagnosis.weights_of,
            left_out,
            before: knobs,
            after,
        })
    };
    let suspects: Vec<SampleId> = diagnosis.suspects.iter().map(|it| it.id).collect();
    let few = MOST_SUSPECTS.min((diagnosis.samples / 4) as usize);
    if suspects.len() > few {
        let reason = format!(
            "{} of {} examples stand out, which is too many to be the exception; \
             look at the data, or lower the learning rate",
            suspects.len(),
            diagnosis.samples
        );
        return ask(reason, calmer(knobs, rules, Some(suspects)));
    }
    if state.blacklist.len() + suspects.len() > rules.max_left_out {
        let reason = format!(
            "more than {} examples would be left out (supervisor.max_left_out); look at the data",
            rules.max_left_out
        );
        return ask(reason, calmer(knobs, rules, Some(suspects)));
    }
    if !suspects.is_empty() {
        let after = Knobs {
            left_out: knobs.left_out + suspects.len() as u64,
            ..knobs
        };
        return repair(Strategy::Surgical, suspects, after);
    }
    let is_near = |step: &&u64| step.abs_diff(anomaly.step) <= rules.retry_window;
    let tried = state.blind.iter().filter(is_near).count();
    if tried >= rules.max_retries {
        let after = match tried {
            0 => "nothing was tried (supervisor.max_retries is 0)".to_owned(),
            tried => format!("it came back after {tried} repairs"),
        };
        let reason = format!(
            "{after}, and no example explains it; \
             lower the learning rate, or clip the gradient more"
        );
        return ask(reason, calmer(knobs, rules, None));
    }
    if tried == 0 && anomaly.kind == AnomalyKind::NotFinite {
        return repair(Strategy::Retry, Vec::new(), knobs);
    }
    repair(Strategy::Stabilise, Vec::new(), stabilised(knobs, rules))
}

fn stabilised(knobs: Knobs, rules: &Supervision) -> Knobs {
    let clip = match knobs.clip_norm.0 {
        none if none <= 0.0 => rules.clip_norm,
        clip => (clip / 2.0).min(rules.clip_norm),
    };
    Knobs {
        lr: Number(knobs.lr.0 * rules.lr_factor),
        clip_norm: Number(clip),
        ..knobs
    }
}

/// What usually helps, the likeliest first.
pub(crate) fn calmer(
    knobs: Knobs,
    rules: &Supervision,
    suspects: Option<Vec<SampleId>>,
) -> Vec<Command> {
    let calm = stabilised(knobs, rules);
    let leave_out = suspects.filter(|ids| !ids.is_empty());
    let mut actions: Vec<_> = leave_out
        .map(Command::BlacklistSamples)
        .into_iter()
        .collect();
    actions.push(Command::SetLearningRate(calm.lr));
    actions.push(Command::SetClipNorm(calm.clip_norm));
    actions
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use kitchen_types::supervision::{Measure, Suspect};

    use super::*;

    fn check(kind: AnomalyKind, suspects: u64, blind: &[u64], left_out: u64, expected: Expect) {
        let anomaly = Anomaly {
            incident: 1,
            step: 500,
            kind,
            of: Measure::Loss,
            value: Number(9.0),
            threshold: None,
        };
        let diagnosis = Diagnosis {
            incident: 1,
            step: 500,
            weights_of: 400,
            samples: 96,
            median_grad_norm: Some(Number(1.0)),
            max_grad_norm: Some(Number(2.0)),
            suspects: (0..suspects)
                .map(|id| Suspect {
                    id: SampleId(id),
                    loss: Number(9.0),
                    grad_norm: Number(900.0),
                    ratio: Number(900.0),
                    z: Number(90.0),
                })
                .collect(),
            method: "given".into(),
        };
        let state = SupervisorState {
            blind: blind.iter().copied().collect(),
            blacklist: (1000..1000 + left_out).map(SampleId).collect(),
            ..SupervisorState::default()
        };
        let knobs = Knobs {
            lr: Number(0.1),
            clip_norm: Number(0.0),
            left_out,
        };
        let text = match plan(&anomaly, &diagnosis, knobs, &state, &Supervision::default()) {
            Plan::Repair(repair) => repair.to_string(),
            Plan::Ask(ask) => ask.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn what_is_done() {
        use AnomalyKind::{LossSpike, NotFinite};
        check(
            LossSpike,
            2,
            &[],
            0,
            expect!["went back to step 400, and left out examples 0, 1"],
        );
        // Examples to blame do not count as attempts.
        check(
            LossSpike,
            1,
            &[500, 500, 500],
            0,
            expect!["went back to step 400, and left out example 0"],
        );
        check(
            NotFinite,
            0,
            &[],
            0,
            expect!["went back to step 400, and tried again: no example explains it"],
        );
        check(
            NotFinite,
            0,
            &[500],
            0,
            expect![
                "went back to step 400, and lowered lr from 0.1 to 0.05, with gradients clipped at 1"
            ],
        );
        check(
            LossSpike,
            0,
            &[],
            0,
            expect![
                "went back to step 400, and lowered lr from 0.1 to 0.05, with gradients clipped at 1"
            ],
        );
        // Long ago.
        check(
            LossSpike,
            0,
            &[10, 20, 399],
            0,
            expect![
                "went back to step 400, and lowered lr from 0.1 to 0.05, with gradients clipped at 1"
            ],
        );
        check(
            LossSpike,
            0,
            &[400, 500, 600],
            0,
            expect![
                "a person is needed: it came back after 3 repairs, and no example explains it; lower the learning rate, or clip the gradient more"
            ],
        );
        check(
            LossSpike,
            25,
            &[],
            0,
            expect![
                "a person is needed: 25 of 96 examples stand out, which is too many to be the exception; look at the data, or lower the learning rate"
            ],
        );
        check(
            LossSpike,
            1,
            &[],
            1000,
            expect![
                "a person is needed: more than 1000 examples would be left out (supervisor.max_left_out); look at the data"
            ],
        );
    }
}
