//! What was measured of whom, and by what factor it differs.

use std::fmt;

use anyhow::Context;
use serde_json::{Value, json};

use crate::contest::{Device, Engine};

/// Everything that was measured, in the order in which it was begun.
#[derive(Default)]
pub(crate) struct Table(Vec<Entry>);

/// One engine at one piece of work.
pub(crate) struct Entry {
    work: &'static str,
    device: Device,
    engine: Engine,
    pub(crate) rounds: Vec<Round>,
    /// Whether it took too long.
    pub(crate) gave_up: bool,
}

/// What one measurement gave.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) min_ms: f64,
    pub(crate) median_ms: f64,
    steps: u64,
}

impl Table {
    pub(crate) fn entry(
        &mut self,
        work: &'static str,
        device: Device,
        engine: Engine,
    ) -> &mut Entry {
        let place = self
            .0
            .iter()
            .position(|entry| (entry.work, entry.device, entry.engine) == (work, device, engine));
        let place = place.unwrap_or_else(|| {
            self.0.push(Entry {
                work,
                device,
                engine,
                rounds: Vec::new(),
                gave_up: false,
            });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// How many times as long as the peer's a step of Kitchen's takes, by the shortest of each.
    fn ratio(&self, peer: &Entry) -> Option<f64> {
        let ours = self.0.iter().find(|entry| {
            (entry.work, entry.device, entry.engine) == (peer.work, peer.device, Engine::Kitchen)
        });
        let ratio = ours?.min_ms()? / peer.min_ms()?;
        (peer.engine != Engine::Kitchen).then_some(ratio)
    }

    pub(crate) fn to_json(&self) -> Value {
        let entries = self.0.iter().map(|entry| {
            json!({
                "work": entry.work,
                "device": entry.device.to_string(),
                "engine": entry.engine.to_string(),
                "rounds": entry.rounds.len(),
                "steps": entry.rounds.first().map(|round| round.steps),
                "min_ms": entry.min_ms(),
                "median_ms": entry.median_ms(),
                "kitchen_over_this": self.ratio(entry),
            })
        });
        entries.collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "work      device  engine     min ms  median ms  kitchen/this"
        )?;
        for entry in &self.0 {
            let number = |value: Option<f64>| match value {
                Some(value) => format!("{value:.2}"),
                None => "-".to_owned(),
            };
            writeln!(
                f,
                "{:<9} {:<7} {:<8} {:>8} {:>10} {:>13}",
                entry.work,
                entry.device,
                entry.engine,
                number(entry.min_ms()),
                number(entry.median_ms()),
                number(self.ratio(entry)),
            )?;
        }
        Ok(())
    }
}

impl Entry {
    /// Adds what a page reported; nothing means that it took too long.
    pub(crate) fn add(&mut self, report: Option<&Value>) -> anyhow::Result<()> {
        let Some(report) = report else {
            self.gave_up = true;
            return Ok(());
        };
        let number = |name: &str| {
            let value = report[name].as_f64();
            value.with_context(|| format!("the report has no number `{name}`: {report}"))
        };
        self.rounds.push(Round {
            min_ms: number("min_ms")?,
            median_ms: number("median_ms")?,
            steps: report["steps"].as_u64().unwrap_or_default(),
        });
        Ok(())
    }

    fn min_ms(&self) -> Option<f64> {
        let times = self.rounds.iter().map(|round| round.min_ms);
        times.min_by(f64::total_cmp)
    }

    /// The median of the rounds' medians.
    fn median_ms(&self) -> Option<f64> {
        let mut times: Vec<f64> = self.rounds.iter().map(|round| round.median_ms).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    }
}
