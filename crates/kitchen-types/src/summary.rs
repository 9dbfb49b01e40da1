//! A run in a few numbers: what scripts read when it is over.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::board::{Board, Fork, Phase};
use crate::event::RunStatus;
use crate::ids::RunId;
use crate::number::Number;

/// The last line of `run --json`, after the envelopes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LastLine {
    /// How the run ended.
    Summary(RunSummary),
}

/// A run in a few numbers. Scripts rely on these names: add to them, do not change them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// Which run; absent where it ended before it had a name.
    pub run: Option<RunId>,
    /// How it stands; absent while it goes on, or where it was cut off.
    pub status: Option<RunStatus>,
    /// Why, where it did not simply complete.
    pub reason: Option<String>,
    /// The recipe.
    pub recipe: Option<String>,
    /// The step that the weights stand at.
    pub steps: u64,
    /// What trained it, such as `cpu`; absent where it never came to that.
    pub device: Option<String>,
    /// How long it took, over all sessions, in seconds.
    pub duration_s: Number,
    /// The run's folder.
    pub run_dir: String,
    /// The newest measures by name; those that were not measured are absent.
    pub metrics: BTreeMap<String, Number>,
    /// Where it branched off from another run, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked: Option<Fork>,
}

impl RunSummary {
    /// Sums up a board. `duration_s` is what the caller measured or, where nobody did, what the
    /// board knows (see [`Board::trained_us`]).
    pub fn new(board: &Board, run_dir: impl Into<String>, duration_s: Option<f64>) -> Self {
        let (status, reason) = match &board.phase {
            Phase::Finished { status, reason } => (Some(*status), reason.clone()),
            _ => (None, None),
        };
        let trained_s = board.trained_us as f64 / 1e6;
        Self {
            run: board.run.clone(),
            status,
            reason,
            recipe: board.config.as_ref().map(|config| config.recipe.clone()),
            steps: board.current_step(),
            device: board.client.as_ref().map(|client| client.device.clone()),
            duration_s: Number(duration_s.unwrap_or(trained_s)),
            run_dir: run_dir.into(),
            metrics: metrics(board),
            forked: board.forked.clone(),
        }
    }
}

fn metrics(board: &Board) -> BTreeMap<String, Number> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, value: Option<Number>| {
        if let Some(value) = value {
            found.insert(name.to_owned(), value);
        }
    };
    for name in ["train.loss", "train.accuracy"] {
        let newest = board.curve(name).and_then(|series| series.last());
        add(name, newest.map(|(_, value)| Number(value)));
    }
    if let Some(measured) = &board.evaluation {
        add("validation.loss", Some(measured.loss));
        add("validation.accuracy", measured.accuracy);
        add("validation.exact", measured.exact);
        add("validation.perplexity", measured.perplexity);
        add("validation.bits_per_byte", measured.bits_per_byte);
    }
    if let Some(best) = &board.best {
        add("best.validation.loss", Some(best.loss));
        add("best.validation.accuracy", best.accuracy);
        add("best.step", Some(Number(best.step as f64)));
    }
    found
}
