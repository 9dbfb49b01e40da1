//! Models, the rules that move their weights, and schedules.

use kitchen_types::RunConfig;
use kitchen_types::config::{AdamwConfig, Algorithm, GptConfig, ModelConfig, Positions, Schedule};

use super::{Findings, limits};

impl Findings {
    pub(super) fn model(&mut self, model: &ModelConfig) {
        match model {
            ModelConfig::Mlp(mlp) => {
                self.widths("model.mlp.hidden", &mlp.hidden);
                self.share_below_one("model.mlp.dropout", mlp.dropout);
            }
            ModelConfig::Cnn(cnn) => {
                self.widths("model.cnn.channels", &cnn.channels);
                if cnn.channels.is_empty() {
                    let message = "`model.cnn.channels` is empty; give each convolution its channels, as in `[16, 32]`, or use `model=mlp`";
                    self.one("model.cnn.channels", message.to_owned());
                }
                self.between("model.cnn.hidden", cnn.hidden, 0, limits::WIDTH);
                self.share_below_one("model.cnn.dropout", cnn.dropout);
            }
            ModelConfig::Gpt(gpt) => self.gpt(gpt),
            ModelConfig::Rnn(rnn) => {
                self.between("model.rnn.layers", rnn.layers, 1, limits::LAYERS);
                self.between("model.rnn.width", rnn.width, 1, limits::WIDTH);
                self.share_below_one("model.rnn.dropout", rnn.dropout);
            }
        }
    }

    fn gpt(&mut self, gpt: &GptConfig) {
        self.between("model.gpt.layers", gpt.layers, 1, limits::LAYERS);
        self.between("model.gpt.width", gpt.width, 1, limits::WIDTH);
        self.between("model.gpt.heads", gpt.heads, 1, limits::WIDTH);
        self.share_below_one("model.gpt.dropout", gpt.dropout);
        let (width, heads, kv_heads) = (gpt.width, gpt.heads, gpt.kv_heads);
        if heads == 0 {
            return;
        }
        if !width.is_multiple_of(heads) {
            self.both(
                ["model.gpt.heads", "model.gpt.width"],
                format!(
                    "`model.gpt.heads` is {heads}, which does not divide `model.gpt.width`, {width}"
                ),
            );
        } else if gpt.positions == Positions::Rotary && !(width / heads).is_multiple_of(2) {
            self.both(
                ["model.gpt.heads", "model.gpt.positions"],
                format!("each head is {} wide, and rotary positions turn pairs of numbers; make `model.gpt.width` / `model.gpt.heads` even", width / heads),
            );
        }
        if kv_heads != 0 && !heads.is_multiple_of(kv_heads) {
            self.both(
                ["model.gpt.kv_heads", "model.gpt.heads"],
                format!("`model.gpt.kv_heads` is {kv_heads}, which does not divide `model.gpt.heads`, {heads}"),
            );
        }
    }

    pub(super) fn algorithm(&mut self, config: &RunConfig) {
        let path = |rest: &str| format!("optimizer.algorithm.{rest}");
        match &config.optimizer.algorithm {
            Algorithm::Sgd(sgd) => {
                self.share_below_one(&path("sgd.momentum"), sgd.momentum);
                self.not_negative(&path("sgd.weight_decay"), sgd.weight_decay);
                if sgd.nesterov && sgd.momentum == 0.0 {
                    self.both(
                        [&path("sgd.nesterov"), &path("sgd.momentum")],
                        "Nesterov's momentum needs momentum; set `optimizer.algorithm.sgd.momentum`, usually 0.9".into(),
                    );
                }
            }
            Algorithm::Adam(adam) => {
                self.adam(
                    &path("adam"),
                    [adam.beta1, adam.beta2],
                    adam.epsilon,
                    adam.weight_decay,
                );
            }
            Algorithm::Adamw(adamw) => self.adamw(&path("adamw"), adamw),
            Algorithm::Lion(lion) => {
                self.share_below_one(&path("lion.beta1"), lion.beta1);
                self.share_below_one(&path("lion.beta2"), lion.beta2);
                self.not_negative(&path("lion.weight_decay"), lion.weight_decay);
            }
            Algorithm::Muon(muon) => {
                self.share_below_one(&path("muon.momentum"), muon.momentum);
                self.not_negative(&path("muon.weight_decay"), muon.weight_decay);
                self.not_negative(&path("muon.adamw_lr_ratio"), muon.adamw_lr_ratio);
                self.between(&path("muon.iterations"), muon.iterations, 1, 100);
                self.adamw(&path("muon.adamw"), &muon.adamw);
            }
        }
    }

    fn adamw(&mut self, path: &str, adamw: &AdamwConfig) {
        self.adam(
            path,
            [adamw.beta1, adamw.beta2],
            adamw.epsilon,
            adamw.weight_decay,
        );
    }

    fn adam(&mut self, path: &str, betas: [f64; 2], epsilon: f64, weight_decay: f64) {
        self.share_below_one(&format!("{path}.beta1"), betas[0]);
        self.share_below_one(&format!("{path}.beta2"), betas[1]);
        self.not_negative(&format!("{path}.weight_decay"), weight_decay);
        if !(epsilon.is_finite() && epsilon > 0.0) {
            let path = format!("{path}.epsilon");
            let message = format!("`{path}` is {epsilon}, and must be above 0; 1e-8 is usual");
            self.one(&path, message);
        }
    }

    pub(super) fn schedule(&mut self, config: &RunConfig) {
        let path = |rest: &str| format!("schedule.shape.{rest}");
        match config.schedule.shape {
            Schedule::Constant => {}
            Schedule::Linear { end } => self.share(&path("linear.end"), end),
            Schedule::Cosine { end } => self.share(&path("cosine.end"), end),
            Schedule::Exponential { end } => {
                self.share(&path("exponential.end"), end);
                if end == 0.0 {
                    let message = "`schedule.shape.exponential.end` is 0, which a geometric fall never reaches; 0.01 is a good end";
                    self.one(&path("exponential.end"), message.to_owned());
                }
            }
            Schedule::Polynomial { power, end } => {
                self.share(&path("polynomial.end"), end);
                if !(power.is_finite() && power > 0.0) {
                    let message = format!(
                        "`schedule.shape.polynomial.power` is {power}, and must be above 0"
                    );
                    self.one(&path("polynomial.power"), message);
                }
            }
            // A warmup or a decay longer than the run is fine: a recipe cut short must still run.
            Schedule::WarmupStableDecay { end, .. } => {
                self.share(&path("warmup_stable_decay.end"), end);
            }
        }
    }
}
