//! Whether the quantities of a specification make sense, each by itself.

use super::error::SpecError;
use kitchen_types::config::Incident;

use super::incident::{Quantity, quantities};
use super::setting::cluster;
use super::spec::{ClusterSpec, Spec};
use crate::input::Cluster;
use crate::loss::Anneal;
use crate::math::parts;

/// The longest run, in seconds: ten years.
const LONGEST: f64 = 3.2e8;
/// The most checkpoints, and the most looks at held-out data.
const MOST: u64 = 1_000_000;

/// Refuses names that do not fit and quantities that make no sense.
pub(super) fn check(spec: &Spec) -> Result<(), SpecError> {
    check_names(spec)?;
    check_quantities(spec)
}

/// Refuses a run of `steps`, each of so many `seconds`, that nobody could watch to its end.
pub(super) fn check_length(spec: &Spec, steps: u64, seconds: f64) -> Result<(), SpecError> {
    let too_many = |what, most: u64, why: &str| {
        Err(SpecError::Quantity {
            what,
            value: steps.to_string(),
            must: format!("at most {most}: {why}"),
        })
    };
    let most = (LONGEST / seconds) as u64;
    if steps > most {
        return too_many("schedule.steps", most, "a run takes ten years at most");
    }
    for every in [
        spec.every.checkpoint.unwrap_or(steps),
        spec.every.validation,
    ] {
        if every > 0 && steps / every > MOST {
            let most = every.saturating_mul(MOST);
            let why = "a million checkpoints or validations are enough";
            return too_many("schedule.steps", most, why);
        }
    }
    Ok(())
}

/// The share of the highest learning rate that is left at the end.
fn share_left(anneal: Anneal) -> f64 {
    match anneal {
        Anneal::Constant => 1.0,
        Anneal::Cosine(share)
        | Anneal::Linear(share)
        | Anneal::Exponential(share)
        | Anneal::Drop(share) => share,
    }
}

/// The most letters of a name: lines have 80 columns.
const NAME: usize = 20;

fn check_names(spec: &Spec) -> Result<(), SpecError> {
    let in_path = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_short = |name: &str| (1..=NAME).contains(&name.chars().count());
    let names = [
        ("name", &spec.name, spec.name.chars().all(in_path)),
        (
            "data.name",
            &spec.data.name,
            !spec.data.name.chars().any(char::is_control),
        ),
    ];
    match names
        .into_iter()
        .find(|(_, name, is_clean)| !is_clean || !is_short(name))
    {
        None => Ok(()),
        Some((what, name, _)) => Err(SpecError::Quantity {
            what,
            value: format!("{:?}", name.chars().take(2 * NAME).collect::<String>()),
            must: format!("up to {NAME} letters, digits, `-`, `_` and `.`"),
        }),
    }
}

/// Refuses a cluster whose quantities make no sense.
pub(crate) fn check_cluster(cluster: &ClusterSpec) -> Result<(), SpecError> {
    let storage = cluster.storage_gbs.unwrap_or(1.0);
    let network = cluster.node_gbps.unwrap_or(1.0);
    let count = |value: u32| f64::from(value);
    let table = [
        ("cluster.gpus", count(cluster.gpus), 1.0, 131_072.0),
        (
            "cluster.gpus_per_node",
            count(cluster.gpus_per_node.unwrap_or(1)),
            1.0,
            1024.0,
        ),
        (
            "cluster.nodes_per_rack",
            count(cluster.nodes_per_rack),
            1.0,
            1024.0,
        ),
        ("cluster.node_gbps", network, 0.001, 1e9),
        ("cluster.inlet_c", cluster.inlet_c, -40.0, 60.0),
        ("cluster.storage_gbs", storage, 0.001, 1e9),
    ];
    all_within(&table)
}

fn check_quantities(spec: &Spec) -> Result<(), SpecError> {
    check_cluster(&spec.cluster)?;
    let (data, schedule) = (&spec.data, &spec.schedule);
    let count = |value: u32| f64::from(value);
    // A billion steps or sequences are more than anybody draws, and few enough to count exactly.
    let table = [
        ("data.samples", data.samples as f64, 1.0, 1e12),
        (
            "data.validation_samples",
            data.validation_samples as f64,
            0.0,
            1e9,
        ),
        ("data.seq_len", count(data.seq_len), 1.0, 1e9),
        ("data.global_batch", count(data.global_batch), 1.0, 1e9),
        ("schedule.epochs", count(schedule.epochs), 1.0, 1e6),
        (
            "schedule.steps",
            schedule.steps.unwrap_or(1) as f64,
            1.0,
            1e9,
        ),
        ("schedule.peak_lr", schedule.peak_lr, 1e-9, 1.0),
        ("schedule.anneal", share_left(schedule.anneal), 0.0, 1.0),
        ("every.log", spec.every.log as f64, 1.0, 1e9),
        (
            "every.checkpoint",
            spec.every.checkpoint.unwrap_or(1) as f64,
            1.0,
            1e9,
        ),
    ];
    all_within(&table)?;
    check_incidents(&spec.cluster, &cluster(&spec.cluster)?, &spec.incidents)
}

fn all_within(table: &[(&'static str, f64, f64, f64)]) -> Result<(), SpecError> {
    let mut all = table.iter();
    all.try_for_each(|&(what, value, least, most)| within(what, value, least, most))
}

fn within(what: &'static str, value: f64, least: f64, most: f64) -> Result<(), SpecError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SpecError::Quantity {
        what,
        value: value.to_string(),
        must: format!("from {least} to {most}"),
    })
}

/// Refuses incidents that cannot happen on a cluster.
pub(crate) fn check_incidents(
    spec: &ClusterSpec,
    cluster: &Cluster,
    incidents: &[Incident],
) -> Result<(), SpecError> {
    let mut incidents = incidents.iter();
    incidents.try_for_each(|incident| check_incident(spec, cluster, incident))
}

fn check_incident(
    spec: &ClusterSpec,
    cluster: &Cluster,
    incident: &Incident,
) -> Result<(), SpecError> {
    let nodes = cluster.nodes();
    let there = |what, number: u32, count: u32| {
        if number < count {
            return Ok(());
        }
        Err(SpecError::Nowhere {
            trouble: incident.what.name(),
            at: incident.at.to_string(),
            what,
            number,
            count,
        })
    };
    for quantity in quantities(&incident.what) {
        match quantity {
            Quantity::Node(number) => there("node", number, nodes)?,
            Quantity::Gpu(number) => there("GPU", number, cluster.devices_per_node)?,
            Quantity::Rack(number) => {
                there("rack", number, parts(nodes, spec.nodes_per_rack))?;
            }
            Quantity::Range(what, value, least, most) => within(what, value, least, most)?,
        }
    }
    Ok(())
}
