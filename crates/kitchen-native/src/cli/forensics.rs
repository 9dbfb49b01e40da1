//! The arguments of `forensics`.

use clap::{Args, ValueEnum};
use kitchen_types::diagnosis::{OutlierRule, OutlierScore};

use super::{Device, JsonArg};

/// Arguments of `forensics`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  kitchen-native forensics mine --step 400        which examples of step 400 stand out
  kitchen-native forensics mine --step 400 --json ids and statistics, for scripts

The training is done again from the newest checkpoint before the step. Examples are shown on \
    this machine only: the JSON holds their ids, losses and gradient norms, and nothing of them.")]
pub(crate) struct ForensicsArgs {
    /// Which run: its name, the beginning of it, its folder, or `last`
    #[arg(default_value = "last")]
    pub(crate) run: String,

    /// The step whose batch is explained [default: the last]
    #[arg(long, value_name = "N")]
    pub(crate) step: Option<u64>,

    /// Where to compute [default: where the run was trained]
    #[arg(long)]
    pub(crate) device: Option<Device>,

    /// How the distance from the others is measured
    #[arg(long, default_value = "mad")]
    score: Score,

    /// The largest distance, in deviations, that is not yet an outlier's; 0 leaves it out
    #[arg(long, default_value_t = OutlierRule::default().z, value_parser = limit)]
    z: f64,

    /// The largest multiple of the median that is not yet an outlier's; 0 leaves it out
    #[arg(long, default_value_t = OutlierRule::default().ratio, value_parser = limit)]
    ratio: f64,

    /// How many examples to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) show: usize,

    #[command(flatten)]
    pub(crate) json: JsonArg,
}

impl ForensicsArgs {
    /// What makes an example an outlier.
    pub(crate) fn rule(&self) -> OutlierRule {
        OutlierRule {
            score: self.score.into(),
            z: self.z,
            ratio: self.ratio,
        }
    }
}

/// How the distance from the others is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Score {
    /// From the median, in median absolute deviations
    Mad,
    /// From the mean, in standard deviations: blind in small batches
    Classical,
}

impl From<Score> for OutlierScore {
    fn from(score: Score) -> Self {
        match score {
            Score::Mad => Self::Mad,
            Score::Classical => Self::Classical,
        }
    }
}

fn limit(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(limit) if limit.is_finite() && limit >= 0.0 => Ok(limit),
        _ => Err("write a number that is not below 0".to_owned()),
    }
}
