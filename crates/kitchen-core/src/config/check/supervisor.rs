//! Ranges of how a run looks after itself, of guards, planted faults, and a simulated cluster.

use kitchen_types::config::{
    Algorithm, ClusterConfig, FaultsConfig, GuardConfig, Incident, OptimizerConfig,
    SupervisorConfig, Trouble,
};

use super::{Findings, limits};

/// The most interruptions by a node in a day: more than one in a tenth of a second.
const MOST_FAILURES: f64 = 1e6;

impl Findings {
    pub(super) fn supervisor(&mut self, config: &SupervisorConfig) {
        let SupervisorConfig::On(on) = config else {
            return;
        };
        let path = |name: &str| format!("supervisor.on.{name}");
        // More than so many would not fit the state that a run keeps.
        self.between(&path("window"), on.window, 10, 100_000);
        self.between(&path("min_history"), on.min_history, 10, 100_000);
        self.between(&path("confirm_of"), on.confirm_of, 1, 100);
        self.between(&path("confirm"), on.confirm, 1, on.confirm_of.max(1));
        self.between(&path("plateau_steps"), on.plateau_steps, 0, 100_000);
        self.not_negative(&path("plateau_drop"), on.plateau_drop);
        self.share(&path("starved_share"), on.starved_share);
        self.share(&path("dead_share"), on.dead_share);
        self.between(&path("max_retries"), on.max_retries, 0, 100);
        self.between(&path("max_left_out"), on.max_left_out, 0, 1000);
        for (name, value) in [
            ("spike_sigma", on.spike_sigma),
            ("spike_rise", on.spike_rise),
            ("grad_norm_threshold", on.grad_norm_threshold),
            ("outlier_z", on.outlier_z),
            ("outlier_ratio", on.outlier_ratio),
            ("clip_norm", on.clip_norm),
        ] {
            self.positive(&path(name), value);
        }
        if !(on.lr_factor > 0.0 && on.lr_factor < 1.0) {
            let path = path("lr_factor");
            let message = format!(
                "`{path}` is {}, and must be above 0 and below 1",
                on.lr_factor
            );
            self.one(&path, message);
        }
    }

    pub(super) fn guard(&mut self, config: &GuardConfig, optimizer: &OptimizerConfig) {
        // More than so many would not fit the state that a run keeps.
        const MOST: usize = 100_000;
        match config {
            GuardConfig::Off => {}
            GuardConfig::SkipStep(skip) => {
                self.between("guard.skip_step.window", skip.window, 4, MOST);
                self.positive("guard.skip_step.sigma", skip.sigma);
            }
            GuardConfig::Zclip(zclip) => {
                self.share_below_one("guard.zclip.alpha", zclip.alpha);
                self.positive("guard.zclip.z_threshold", zclip.z_threshold);
                self.between("guard.zclip.warmup", zclip.warmup, 2, MOST);
                self.not_negative("guard.zclip.max_norm", zclip.max_norm);
                self.positive("guard.zclip.epsilon", zclip.epsilon);
            }
            GuardConfig::Adagc(adagc) => {
                self.share_below_one("guard.adagc.beta", adagc.beta);
                self.positive("guard.adagc.lambda_rel", adagc.lambda_rel);
                self.positive("guard.adagc.lambda_abs", adagc.lambda_abs);
            }
            GuardConfig::Spam(spam) => {
                self.positive("guard.spam.theta", spam.theta);
                self.positive("guard.spam.every", spam.every as f64);
                let algorithm = &optimizer.algorithm;
                if !matches!(algorithm, Algorithm::Adam(_) | Algorithm::Adamw(_)) {
                    let message = "`guard=spam` looks after the moments of Adam, which this \
                                   optimizer does not have; use \
                                   `optimizer.algorithm=adam` or another guard";
                    self.one("guard", message.into());
                }
            }
        }
    }

    pub(super) fn faults(&mut self, faults: &FaultsConfig) {
        self.between(
            "faults.samples",
            usize::try_from(faults.samples).unwrap_or(usize::MAX),
            0,
            limits::SAMPLES,
        );
        self.positive("faults.scale", faults.scale);
    }

    /// Whether the cluster exists, and has what incidents concern, is said where it is opened.
    pub(super) fn cluster(&mut self, cluster: &ClusterConfig) {
        for (name, value, most) in [
            ("gpus", cluster.gpus, 131_072),
            ("gpus_per_node", cluster.gpus_per_node, 1024),
        ] {
            self.between(&format!("cluster.{name}"), value as usize, 1, most);
        }
        self.positive("cluster.node_gbps", cluster.node_gbps);
        if !(0.0..=MOST_FAILURES).contains(&cluster.failures_per_day) {
            let path = "cluster.failures_per_day";
            let message = format!(
                "`{path}` is {}, and must be from 0 to {MOST_FAILURES}",
                cluster.failures_per_day
            );
            self.one(path, message);
        }
        self.not_negative("cluster.speed", cluster.speed);
        let is_spike = |it: &Incident| matches!(it.what, Trouble::LossSpike { .. });
        if cluster.incidents.iter().any(is_spike) {
            let message = "`cluster.incidents` has a loss spike, and losses are not simulated \
                           here; plant a fault with `faults.nan_at` or `faults.samples`";
            self.one("cluster.incidents", message.into());
        }
    }
}
