//! What must hold of a configuration beyond its types: ranges, sizes, and that data, model and
//! loss fit each other.

mod curriculum;
mod data;
mod model;
mod supervisor;

use kitchen_types::RunConfig;
use kitchen_types::config::{ConfigProblem, ConfigSource, LossConfig, Span};

use super::layers::Provenance;

/// Something that does not make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The settings that it concerns, in full; the first is the one to change.
    pub paths: Vec<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Finding {
    /// The finding as a problem, at the place of the first of its settings that somebody set.
    pub(super) fn blame(self, provenance: &Provenance) -> ConfigProblem {
        let mut set = self.paths.iter().map(|path| provenance.of(path));
        let origin = set
            .find(|origin| *origin != ConfigSource::BuiltIn)
            .unwrap_or(ConfigSource::BuiltIn);
        ConfigProblem {
            origin,
            path: self.paths.into_iter().next().unwrap_or_default(),
            message: self.message,
        }
    }
}

/// The most examples that a batch may hold.
pub(crate) const MOST_IN_A_BATCH: usize = 1 << 20;

/// Limits on sizes. They are far above anything that trains on one machine; beyond them lies a
/// typing error, and an allocation that would take the machine down.
mod limits {
    pub(super) const BATCH: usize = super::MOST_IN_A_BATCH;
    pub(super) const WIDTH: usize = 1 << 16;
    pub(super) const LAYERS: usize = 1 << 10;
    pub(super) const CONTEXT: usize = 1 << 17;
    pub(super) const VOCABULARY: usize = 1 << 20;
    pub(super) const SAMPLES: usize = 100_000_000;
    pub(super) const PIXELS: usize = 1 << 12;
    pub(super) const TOKENS: usize = 1 << 20;
    /// Whole numbers that JSON carries exactly between all programs.
    pub(super) const EXACT: u64 = 1 << 53;
}

/// Everything about `config` that does not make sense; empty if all does.
pub fn check(config: &RunConfig) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.training(config);
    findings.data("data", &config.data);
    findings.model(&config.model);
    findings.algorithm(config);
    findings.schedule(config);
    findings.reports(config);
    findings.curriculum(config);
    findings.guard(&config.guard, &config.optimizer);
    findings.supervisor(&config.supervisor);
    findings.faults(&config.faults);
    findings.cluster(&config.cluster);
    findings.fit(config);
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn training(&mut self, config: &RunConfig) {
        if config.seed > limits::EXACT {
            self.one(
                "seed",
                format!("`seed` is {}, and can be at most 2^53", config.seed),
            );
        }
        self.length("steps", config.steps);
        self.between("batch", config.batch, 1, limits::BATCH);
        if !(config.lr.is_finite() && config.lr > 0.0) {
            self.one(
                "lr",
                format!(
                    "`lr` is {}, and must be above 0; 0.001 is a good start",
                    config.lr
                ),
            );
        }
        if let LossConfig::CrossEntropy { label_smoothing } = config.loss {
            self.share_below_one("loss.cross_entropy.label_smoothing", label_smoothing);
        }
        self.between(
            "optimizer.accumulate",
            config.optimizer.accumulate,
            1,
            limits::BATCH,
        );
        self.not_negative("optimizer.clip_norm", config.optimizer.clip_norm);
    }

    fn reports(&mut self, config: &RunConfig) {
        self.between("evaluate.batch", config.evaluate.batch, 1, limits::BATCH);
        self.not_negative("early_stopping.min_delta", config.early_stopping.min_delta);
        self.between("checkpoint.keep", config.checkpoint.keep, 2, 1_000_000);
        let sample = &config.sample;
        self.between("sample.tokens", sample.tokens, 1, limits::TOKENS);
        self.not_negative("sample.temperature", sample.temperature);
        if !(sample.top_p > 0.0 && sample.top_p <= 1.0) {
            let message = format!(
                "`sample.top_p` is {}, and must be above 0 and at most 1",
                sample.top_p
            );
            self.one("sample.top_p", message);
        }
    }

    // What follows are the rules that many settings share.

    fn between(&mut self, path: &str, value: usize, least: usize, most: usize) {
        if !(least..=most).contains(&value) {
            self.one(
                path,
                format!("`{path}` is {value}, and must be from {least} to {most}"),
            );
        }
    }

    fn widths(&mut self, path: &str, widths: &[usize]) {
        if widths.len() > limits::LAYERS {
            self.one(
                path,
                format!(
                    "`{path}` has {} layers, and can have at most {}",
                    widths.len(),
                    limits::LAYERS
                ),
            );
        }
        if let Some(width) = widths
            .iter()
            .find(|width| !(1..=limits::WIDTH).contains(*width))
        {
            self.one(
                path,
                format!(
                    "`{path}` has a layer of width {width}; each must be from 1 to {}",
                    limits::WIDTH
                ),
            );
        }
    }

    fn length(&mut self, path: &str, span: Span) {
        let (Span::Steps(count) | Span::Epochs(count)) = span;
        if !(1..=limits::EXACT).contains(&count) {
            self.one(
                path,
                format!("`{path}` is {span}, and must be from 1 to 2^53"),
            );
        }
    }

    fn held_out(&mut self, data: &str, variant: &str, share: f64) {
        if !(share > 0.0 && share < 1.0) {
            let path = format!("{data}.{variant}.validation");
            let message = format!(
                "`{path}` is {share}, and must be above 0 and below 1; 0.2 holds out a fifth"
            );
            self.one(&path, message);
        }
    }

    fn share(&mut self, path: &str, value: f64) {
        if !(0.0..=1.0).contains(&value) {
            self.one(
                path,
                format!("`{path}` is {value}, and must be from 0 to 1"),
            );
        }
    }

    fn share_below_one(&mut self, path: &str, value: f64) {
        if !(0.0..1.0).contains(&value) {
            self.one(
                path,
                format!("`{path}` is {value}, and must be at least 0 and below 1"),
            );
        }
    }

    fn positive(&mut self, path: &str, value: f64) {
        if !(value.is_finite() && value > 0.0) {
            self.one(path, format!("`{path}` is {value}, and must be above 0"));
        }
    }

    fn at_most(&mut self, path: &str, value: f64, most: f64) {
        if !(0.0..=most).contains(&value) {
            let message = format!("`{path}` is {value}, and must be from 0 to {most}");
            self.one(path, message);
        }
    }

    fn not_negative(&mut self, path: &str, value: f64) {
        if !(value.is_finite() && value >= 0.0) {
            self.one(path, format!("`{path}` is {value}, and must be 0 or more"));
        }
    }

    fn file(&mut self, path: &str, value: &str, what: &str) {
        if value.is_empty() {
            self.one(
                path,
                format!("`{path}` is empty; name {what}: `{path}=...`"),
            );
        }
    }

    fn one(&mut self, path: &str, message: String) {
        self.0.push(Finding {
            paths: vec![path.to_owned()],
            message,
        });
    }

    fn both(&mut self, paths: [&str; 2], message: String) {
        self.0.push(Finding {
            paths: paths.map(str::to_owned).to_vec(),
            message,
        });
    }
}
