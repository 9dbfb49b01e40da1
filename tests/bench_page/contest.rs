//! Who competes at what.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;

use crate::site::Site;
use crate::table::{Entry, Table};

/// How long one measurement may take, before it counts as not measured.
const LIMIT: Duration = Duration::from_secs(120);

/// The same work on the same kind of device.
pub(crate) struct Case {
    /// A name that `kitchen-train` knows (`bench::NAMES`), and `benches/page/work.mjs`.
    pub(crate) work: &'static str,
    pub(crate) device: Device,
}

/// In this order they are measured.
pub(crate) const CASES: [Case; 4] = [
    Case {
        work: "mlp-784",
        device: Device::Cpu,
    },
    Case {
        work: "gpt-210k",
        device: Device::Cpu,
    },
    Case {
        work: "mlp-784",
        device: Device::WebGpu,
    },
    Case {
        work: "gpt-210k",
        device: Device::WebGpu,
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    Cpu,
    WebGpu,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cpu => "cpu",
            Self::WebGpu => "webgpu",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Kitchen,
    JaxJs,
    Tfjs,
}

impl Engine {
    const ALL: [Self; 3] = [Self::Kitchen, Self::JaxJs, Self::Tfjs];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kitchen => "kitchen",
            Self::JaxJs => "jax-js",
            Self::Tfjs => "tfjs",
        })
    }
}

impl Case {
    /// Measures every engine once, one after the other.
    pub(crate) fn measure(&self, page: &Site, peers: &Site, steps: u64, table: &mut Table) {
        let steps = match self.device {
            Device::Cpu => steps,
            Device::WebGpu => (steps / 10).max(3),
        };
        for engine in Engine::ALL {
            let entry = table.entry(self.work, self.device, engine);
            // It will not be faster another time.
            if entry.gave_up {
                continue;
            }
            let site = if engine == Engine::Kitchen {
                page
            } else {
                peers
            };
            let measured = self.run(site, engine, steps);
            // What one of many browsers breaks at does not cost what the others measured.
            match measured.and_then(|report| entry.add(report.as_ref())) {
                Ok(()) => println!("{}", line(self, engine, entry)),
                Err(error) => println!("{} {} {engine}: {error:#}", self.work, self.device),
            }
        }
    }

    fn run(&self, site: &Site, engine: Engine, steps: u64) -> anyhow::Result<Option<Value>> {
        let mut browser = site.browser()?;
        browser.go(&self.query(engine, steps))?;
        let report = browser.report(LIMIT)?;
        browser.driver.quit()?;
        let Some(report) = report else {
            return Ok(None);
        };
        // Kitchen's own tests see to its losses.
        if engine != Engine::Kitchen {
            let loss = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
            let (first, last) = (loss("first_loss"), loss("last_loss"));
            ensure!(last < first, "the loss went from {first} to {last}");
        }
        Ok(Some(report))
    }

    fn query(&self, engine: Engine, steps: u64) -> String {
        let work = self.work;
        let device = match (engine, self.device) {
            (Engine::Kitchen, Device::Cpu) => "cpu",
            (Engine::Kitchen, Device::WebGpu) => "gpu",
            (_, Device::Cpu) => "wasm",
            (_, Device::WebGpu) => "webgpu",
        };
        match engine {
            Engine::Kitchen => format!("bench={work}&device={device}&steps={steps}"),
            _ => format!("engine={engine}&backend={device}&work={work}&steps={steps}"),
        }
    }
}

fn line(case: &Case, engine: Engine, entry: &Entry) -> String {
    let (work, device) = (case.work, case.device);
    match entry.rounds.last() {
        Some(round) if !entry.gave_up => {
            let (least, median) = (round.min_ms, round.median_ms);
            format!("{work:<9} {device:<7} {engine:<8} {least:>8.2} ms, median {median:.2}")
        }
        _ => format!("{work:<9} {device:<7} {engine:<8} not within {LIMIT:?}"),
    }
}
