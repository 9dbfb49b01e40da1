//! Ranges of curricula, and that there are domains for them.

use kitchen_types::RunConfig;
use kitchen_types::config::{CurriculumConfig, DataConfig, Span};

use super::Findings;

impl Findings {
    pub(super) fn curriculum(&mut self, config: &RunConfig) {
        if !config.curriculum.is_on() {
            return;
        }
        let domains = match &config.data {
            DataConfig::Mixture(mixture) => mixture.domains.len(),
            _ => 1,
        };
        if domains < 2 {
            let message = "`curriculum` chooses between the domains of a mixture, and `data` has \
                           fewer than two; use `data=mixture` with several, or `curriculum=off`";
            return self.both(["curriculum", "data"], message.into());
        }
        if matches!(config.evaluate.every, Span::Steps(0) | Span::Epochs(0)) {
            let message = "`curriculum` follows evaluations, and `evaluate.every` is 0, which is \
                           never; set it to 100, say";
            self.both(["curriculum", "evaluate.every"], message.into());
        }
        match &config.curriculum {
            CurriculumConfig::Off => {}
            CurriculumConfig::Replay(replay) => {
                self.positive("curriculum.replay.threshold", replay.threshold);
                self.positive("curriculum.replay.gain", replay.gain);
                self.at_most(
                    "curriculum.replay.floor",
                    replay.floor,
                    1.0 / domains as f64,
                );
            }
            CurriculumConfig::Doremi(doremi) => {
                let path = "curriculum.doremi.reference";
                self.one_for_each(path, doremi.reference.len(), domains);
                self.finite(path, &doremi.reference);
                self.positive("curriculum.doremi.step_size", doremi.step_size);
                self.at_most("curriculum.doremi.smoothing", doremi.smoothing, 1.0);
            }
            CurriculumConfig::Odm(odm) => {
                self.share_below_one("curriculum.odm.smoothing", odm.smoothing);
            }
            CurriculumConfig::SkillIt(skill_it) => {
                self.positive("curriculum.skill_it.step_size", skill_it.step_size);
                self.between("curriculum.skill_it.window", skill_it.window, 1, 1000);
                let path = "curriculum.skill_it.graph";
                if !skill_it.graph.is_empty() {
                    self.one_for_each(path, skill_it.graph.len(), domains);
                }
                for row in &skill_it.graph {
                    self.one_for_each(path, row.len(), domains);
                    self.finite(path, row);
                }
            }
        }
    }

    fn one_for_each(&mut self, path: &str, found: usize, domains: usize) {
        if found != domains {
            let message = format!(
                "`{path}` has {found} numbers in a row, and there are {domains} domains; name one \
                 for each, in their order"
            );
            self.both([path, "curriculum"], message);
        }
    }

    fn finite(&mut self, path: &str, numbers: &[f64]) {
        if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
            self.one(
                path,
                format!("`{path}` has {number}, which is no finite number"),
            );
        }
    }
}
