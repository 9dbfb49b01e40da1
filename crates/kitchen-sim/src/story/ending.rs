//! What is told after the last step: the export, and what it all took.

use super::event::{Event, Moment, digits, places};
use super::fleet::span_watts;
use super::opening::shard_bytes;
use super::setting::Setting;
use crate::cost::node_watts;
use crate::loss::perplexity;
use crate::run::{Happening, Performance};

/// GB/s at which one process writes the exported files.
const WRITES_GBS: f64 = 2.0;

/// From the end of the last span, `now` seconds since the program began.
pub(super) fn ending(setting: &Setting, performance: &Performance, mut now: f64) -> Vec<Moment> {
    let record = &performance.record;
    let mut told = Vec::new();
    let mut tell = |at: f64, event| {
        let at = places(at, 2);
        told.push(Moment { at, event });
    };
    let is_whole = record.steps >= setting.steps;
    if is_whole {
        let shards = setting.shards;
        let format = "safetensors".to_owned();
        tell(now, Event::Export { format, shards });
        let bytes = setting.export_bytes as u64;
        tell(now, Event::ExportSize { bytes });
        for number in 0..shards {
            let bytes = shard_bytes(setting, number);
            now += bytes as f64 / (1e9 * WRITES_GBS);
            let shard = Event::Shard {
                number: number + 1,
                of: shards,
                bytes,
            };
            tell(now, shard);
        }
        let path = format!("runs/{}/export", setting.spec.name);
        tell(now, Event::Exported { path });
    }
    tell(
        now,
        Event::Ended {
            steps: record.steps,
            of: setting.steps,
            hours: places(now / 3600.0, 3),
        },
    );
    tell(now, last_losses(setting, performance));
    let joules: f64 = performance
        .spans
        .iter()
        .map(|span| span_watts(setting, span.doing) * (span.until - span.from))
        .map(|device| {
            node_watts(setting.plan.devices_per_node, device) * f64::from(setting.nodes())
        })
        .sum();
    let tokens = record.steps as f64 * setting.batch_tokens();
    let gpus = f64::from(setting.job.cluster.devices);
    tell(
        now,
        Event::Spent {
            tokens: tokens as u64,
            gpu_h: digits(gpus * now / 3600.0),
            kwh: digits(joules / 3.6e6),
        },
    );
    let share = |seconds: f64| places(seconds / record.seconds().max(1e-9), 3);
    tell(
        now,
        Event::Time {
            steps: share(record.productive + record.slowed),
            saves: share(record.saving),
            lost: share(record.lost),
            down: share(record.down),
        },
    );
    tell(
        now,
        Event::Failures {
            failures: record.interruptions,
            replaced: record.replaced,
        },
    );
    told
}

fn last_losses(setting: &Setting, performance: &Performance) -> Event {
    let record = &performance.record;
    let end = performance.spans.last().map_or(0.0, |span| span.until);
    let loss = (record.steps > 0).then(|| places(setting.curve.training(record.steps, end), 4));
    let looks = record.events.iter().rev();
    let held_out = looks.into_iter().find_map(|told| match told.what {
        Happening::Validated { step } => Some(places(setting.curve.held_out(step, told.at), 4)),
        _ => None,
    });
    Event::Final {
        loss,
        ppl: loss.map(|loss| places(perplexity(loss), 3)),
        held_out,
    }
}
