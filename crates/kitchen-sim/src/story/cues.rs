//! What incidents mean for the engine.

use kitchen_types::config::{Incident, Trouble};

use super::curve::BEFORE_ROLL_BACK;
use super::heat::HotRack;
use super::setting::Setting;
use super::site::Site;
use crate::reliability::{CAUSES, Cause};
use crate::run::{Act, Cue, Script};

/// Seconds for which a collective waits before it gives up, as PyTorch's does unasked.
const WATCHDOG: f64 = 600.0;
/// Share by which steps are longer while a memory corrects errors: nobody publishes it.
const CORRECTING: f64 = 0.02;

/// What the engine does for the incidents of a setting.
pub(super) fn script(setting: &Setting, racks: &[HotRack]) -> Script {
    Script {
        steps: Some(setting.steps),
        validation: setting.validation,
        cues: cues_of(&setting.site(), &setting.spec.incidents, racks),
    }
}

/// What incidents come to on a site.
pub(crate) fn cues(site: &Site<'_>, incidents: &[Incident]) -> Vec<Cue> {
    cues_of(site, incidents, &hot_racks(site, incidents))
}

fn cues_of(site: &Site<'_>, incidents: &[Incident], racks: &[HotRack]) -> Vec<Cue> {
    let mut cues = Vec::new();
    for incident in incidents {
        each(site, incident, &mut cues);
    }
    for rack in racks {
        heat(site, rack, &mut cues);
    }
    cues
}

/// The racks that lose their cooling.
pub(super) fn hot_racks(site: &Site<'_>, incidents: &[Incident]) -> Vec<HotRack> {
    let hot = incidents.iter().filter_map(|incident| match incident.what {
        Trouble::ThermalEvent {
            rack,
            warmer,
            lasts,
        } => Some(HotRack::of(site, rack, incident.at.0, warmer, lasts.0)),
        _ => None,
    });
    hot.collect()
}

fn each(site: &Site<'_>, incident: &Incident, cues: &mut Vec<Cue>) {
    let at = incident.at.0;
    let end = at + incident.what.lasts().unwrap_or(0.0);
    let mut add = |at: f64, act: Act| cues.push(Cue { at, act });
    match incident.what {
        Trouble::GpuFailure { node, gpu } => add(at, fail("faulty gpu", node, Some(gpu), at)),
        Trouble::NodeFailure { node } => add(at, fail("power supply", node, None, at)),
        Trouble::NetworkPartition { node, .. } => {
            add(
                at,
                Act::Stall {
                    until: end.min(at + WATCHDOG),
                },
            );
            if end > at + WATCHDOG {
                let act = Act::Fail {
                    node,
                    device: None,
                    cause: named("nccl watchdog timeouts"),
                    replaced: false,
                    until: end + site.restart,
                };
                add(at + WATCHDOG, act);
            }
        }
        Trouble::Straggler { slowness, .. } => add(
            at,
            Act::Slow {
                share: slowness,
                until: end,
            },
        ),
        Trouble::EccStorm { node, gpu, .. } => {
            let share = CORRECTING;
            add(at, Act::Slow { share, until: end });
            add(end, fail("gpu hbm3 memory", node, Some(gpu), end));
        }
        Trouble::LossSpike {
            rolls_back: true, ..
        } => add(at + BEFORE_ROLL_BACK * site.step, Act::RollBack),
        Trouble::SlowStorage { factor, .. } => add(at, Act::SlowSaves { factor, until: end }),
        Trouble::LossSpike { .. } | Trouble::ThermalEvent { .. } => {}
    }
}

/// Only arithmetic follows the clock: the share of a step that is not spent waiting or sending.
fn heat(site: &Site<'_>, rack: &HotRack, cues: &mut Vec<Cue>) {
    for (from, until, clock) in rack.stretches() {
        if clock > 0.0 && clock < 1.0 {
            let share = site.computing * (1.0 / clock - 1.0);
            let act = Act::Slow { share, until };
            cues.push(Cue { at: from, act });
        }
    }
    if let Some(off) = rack.off {
        let act = Act::Fail {
            node: rack.rack * site.cluster.nodes_per_rack,
            device: None,
            cause: named("gpu thermal interface + sensor"),
            replaced: false,
            until: rack.until() + site.restart,
        };
        cues.push(Cue { at: off, act });
    }
}

fn fail(cause: &str, node: u32, device: Option<u32>, until: f64) -> Act {
    Act::Fail {
        node,
        device,
        cause: named(cause),
        replaced: true,
        until,
    }
}

/// The cause of that name.
fn named(name: &str) -> Cause {
    let found = CAUSES.iter().find(|cause| cause.name == name);
    found.copied().unwrap_or(Cause::at(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_found() {
        for name in [
            "faulty gpu",
            "power supply",
            "nccl watchdog timeouts",
            "gpu hbm3 memory",
            "gpu thermal interface + sensor",
        ] {
            assert_eq!(named(name).name, name);
        }
    }
}
