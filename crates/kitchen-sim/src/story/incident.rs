//! What an incident must be like to make sense.

use kitchen_types::config::Trouble;

/// Something in an incident that can be wrong.
pub(super) enum Quantity {
    Node(u32),
    Gpu(u32),
    Rack(u32),
    /// Name, value, least, most.
    Range(&'static str, f64, f64, f64),
}

/// Its quantities, with the least and the most that makes sense, and the nodes, racks and GPUs it
/// names.
pub(super) fn quantities(trouble: &Trouble) -> Vec<Quantity> {
    use Quantity::{Gpu, Node, Rack, Range};
    const ANY: f64 = 1e6;
    match *trouble {
        Trouble::GpuFailure { node, gpu } => vec![Node(node), Gpu(gpu)],
        Trouble::NodeFailure { node } => vec![Node(node)],
        Trouble::NetworkPartition { node, nodes, .. } => {
            let last = node.saturating_add(nodes).saturating_sub(1);
            vec![Range("nodes", f64::from(nodes), 1.0, ANY), Node(last)]
        }
        Trouble::Straggler { node, slowness, .. } => {
            vec![Node(node), Range("slowness", slowness, 0.0, 100.0)]
        }
        Trouble::EccStorm {
            node,
            gpu,
            per_minute,
            ..
        } => vec![
            Node(node),
            Gpu(gpu),
            Range("per_minute", per_minute, 0.0, ANY),
        ],
        Trouble::LossSpike { height, steps, .. } => vec![
            Range("height", height, 0.0, 20.0),
            Range("steps", steps, 0.1, ANY),
        ],
        Trouble::ThermalEvent { rack, warmer, .. } => {
            vec![Rack(rack), Range("warmer", warmer, 0.0, 60.0)]
        }
        Trouble::SlowStorage { factor, .. } => vec![Range("factor", factor, 1.0, 1000.0)],
    }
}
