//! What is told beside steps: checkpoints, failures, incidents.

use kitchen_types::config::{Incident, Trouble};

use super::event::{Event, digits, places};
use super::fleet::{Ailment, Condition};
use super::heat::HotRack;
use super::setting::Setting;
use crate::loss::perplexity;
use crate::random::Random;
use crate::reliability::{Cause, Culprit};
use crate::run::{Doing, Happening, Performance, Span};

/// Seconds between two reports of something that lasts.
const REPORT: f64 = 60.0;
/// The most reports of one incident.
const REPORTS: u32 = 30;
/// Purpose of the draws of corrected errors.
const ECC: u64 = 121;

/// What is told, when, in seconds since the first step began.
pub(super) type Notice = (f64, Event);

/// The folder of the checkpoint of a step.
pub(super) fn checkpoint_path(setting: &Setting, step: u64) -> String {
    format!("runs/{}/step-{step:08}", setting.spec.name)
}

/// All notices of a run, in order.
pub(super) fn notices(
    setting: &Setting,
    performance: &Performance,
    racks: &[HotRack],
) -> Vec<Notice> {
    let mut told = Vec::new();
    for (number, incident) in setting.spec.incidents.iter().enumerate() {
        trouble(setting, number as u64, incident, &mut told);
    }
    for rack in racks {
        heat(rack, &mut told);
    }
    told.extend(happenings(setting, performance));
    let end = end(&performance.spans);
    told.retain(|(at, _)| *at <= end);
    told.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    told
}

/// When the last span ends.
pub(super) fn end(spans: &[Span]) -> f64 {
    spans.last().map_or(0.0, |span| span.until)
}

/// What the engine tells, in the words of a story. A node that is replaced while the run stands is
/// told of before the run goes on.
fn happenings(setting: &Setting, performance: &Performance) -> Vec<Notice> {
    let mut told: Vec<Notice> = Vec::new();
    let mut saved = 0;
    for happening in &performance.record.events {
        let at = happening.at;
        match happening.what {
            Happening::Saved { step } => saved = step,
            Happening::Failed { .. } => {
                told.push((at + setting.plan.detect, restarting(setting, saved)));
            }
            Happening::RolledBack { .. } => told.push((at, restarting(setting, saved))),
            _ => {}
        }
        let events = in_words(setting, performance, at, happening.what);
        told.extend(events.into_iter().map(|event| (at, event)));
    }
    told.sort_by(|(one, event), (other, next)| {
        let goes_on = |event: &Event| matches!(event, Event::Resumed { .. });
        one.total_cmp(other)
            .then(goes_on(event).cmp(&goes_on(next)))
    });
    told
}

fn in_words(
    setting: &Setting,
    performance: &Performance,
    at: f64,
    happening: Happening,
) -> Vec<Event> {
    match happening {
        Happening::Saved { step } => {
            let path = checkpoint_path(setting, step);
            let saved = Event::Saved {
                step,
                bytes: setting.checkpoint_bytes as u64,
                took: digits(took(&performance.spans, at)),
            };
            vec![saved, Event::Checkpoint { path }]
        }
        Happening::Validated { step } => {
            let loss = places(setting.curve.held_out(step, at), 4);
            let ppl = places(perplexity(loss), 3);
            let validated = Event::Validated { step, loss, ppl };
            vec![Event::Looked { share: 1.0 }, validated]
        }
        Happening::Failed {
            node,
            device,
            cause,
            lost,
        } => {
            let cause = cause.name.to_owned();
            let gpu = device;
            vec![Event::Failed { node, gpu, lost }, Event::Cause { cause }]
        }
        Happening::RolledBack { lost } => vec![Event::RolledBack { lost }],
        Happening::Replaced { node } => vec![Event::Replaced { node }],
        Happening::Resumed { step } => vec![Event::Resumed { step }],
    }
}

fn restarting(setting: &Setting, saved: u64) -> Event {
    let path = if saved == 0 {
        "the beginning".to_owned()
    } else {
        checkpoint_path(setting, saved)
    };
    Event::Restarting { path }
}

/// For how long the checkpoint that was complete at a time was written.
fn took(spans: &[Span], at: f64) -> f64 {
    let before = spans.partition_point(|span| span.until < at);
    let span = spans
        .get(before)
        .filter(|span| matches!(span.doing, Doing::Saving { .. }));
    span.map_or(0.0, |span| span.until - span.from)
}

fn trouble(setting: &Setting, number: u64, incident: &Incident, told: &mut Vec<Notice>) {
    let from = incident.at.0;
    let what = incident.what.name().to_owned();
    let lasts = incident.what.lasts();
    told.push((
        from,
        Event::Trouble {
            what: what.clone(),
            lasts,
        },
    ));
    if let Trouble::EccStorm {
        node,
        gpu,
        per_minute,
        lasts,
    } = incident.what
    {
        let mut random = Random::of(setting.spec.seed ^ number << 32, ECC);
        let each = REPORT.max(lasts.0 / f64::from(REPORTS));
        let mut passed = each;
        while passed < lasts.0 {
            // More and more: twice the mean at the end.
            let mean = 2.0 * per_minute * each / 60.0 * passed / lasts.0;
            let corrected = (mean + mean.sqrt() * random.normal()).max(0.0) as u32;
            told.push((
                from + passed,
                Event::Ecc {
                    node,
                    gpu,
                    corrected,
                },
            ));
            passed += each;
        }
    }
    if let Some(lasts) = lasts {
        told.push((from + lasts, Event::Over { what }));
    }
}

fn heat(rack: &HotRack, told: &mut Vec<Notice>) {
    let mut next = rack.from;
    for (from, until, clock) in rack.stretches() {
        if clock >= 1.0 || until < next {
            continue;
        }
        let at = from.max(next);
        if let Some(look) = rack.at(at) {
            told.push((
                at,
                Event::Hot {
                    rack: rack.rack,
                    celsius: places(look.celsius, 1),
                    clock,
                },
            ));
            next = at + REPORT;
        }
    }
}

/// Which nodes are not well, and when.
pub(super) fn ailments(
    setting: &Setting,
    performance: &Performance,
    racks: &[HotRack],
) -> Vec<Ailment> {
    let mut found: Vec<Ailment> = Vec::new();
    let incidents = setting.spec.incidents.iter();
    found.extend(incidents.filter_map(ailment));
    let each = setting.spec.cluster.nodes_per_rack;
    let off = racks.iter().filter_map(|rack| Some((rack, rack.off?)));
    found.extend(off.map(|(rack, from)| Ailment {
        node: rack.rack * each,
        nodes: each,
        gpu: None,
        from,
        until: rack.until(),
        condition: Condition::Failed,
    }));
    let events = &performance.record.events;
    for (place, told) in events.iter().enumerate() {
        let Happening::Failed {
            node,
            device,
            cause,
            ..
        } = told.what
        else {
            continue;
        };
        let mut later = events.iter().skip(place);
        let resumed = later.find(|later| matches!(later.what, Happening::Resumed { .. }));
        let Some(condition) = seen_as(cause) else {
            continue;
        };
        found.push(Ailment {
            node,
            nodes: 1,
            gpu: device,
            from: told.at,
            until: resumed.map_or(f64::INFINITY, |resumed| resumed.at),
            condition,
        });
    }
    found
}

fn seen_as(cause: Cause) -> Option<Condition> {
    match cause.culprit {
        Culprit::Gpu | Culprit::Host => Some(Condition::Failed),
        Culprit::Network => Some(Condition::CutOff),
        Culprit::Software | Culprit::Unknown => None,
    }
}

fn ailment(incident: &Incident) -> Option<Ailment> {
    let (node, nodes, gpu, condition) = match incident.what {
        Trouble::NetworkPartition { node, nodes, .. } => (node, nodes, None, Condition::CutOff),
        Trouble::Straggler { node, .. } => (node, 1, None, Condition::Slow),
        Trouble::EccStorm { node, gpu, .. } => (node, 1, Some(gpu), Condition::Correcting),
        _ => return None,
    };
    let from = incident.at.0;
    Some(Ailment {
        node,
        nodes,
        gpu,
        from,
        until: from + incident.what.lasts().unwrap_or(0.0),
        condition,
    })
}
