//! What can be asked of the simulated cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use kitchen_core::sim::story::Seconds;

use super::JsonArg;

/// Arguments of `sim`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  kitchen-native sim                               Llama-3 8B on 64 H100; one GPU fails
  kitchen-native sim bad-day --seed 7              another run, another seed
  kitchen-native sim thermal-event --show > my.toml
  kitchen-native sim my.toml --format jsonl        a run of yours, for scripts
  kitchen-native sim search --model llama3-70b --gpus 512")]
pub(crate) struct SimArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SimCommand>,

    #[command(flatten)]
    pub(crate) watch: SimWatchArgs,
}

/// What else to do with the simulated cluster.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Find the best layout of a model on a cluster
    Search(SimSearchArgs),
    /// Predict measured training steps, and say how far off the predictions are
    Score(SimScoreArgs),
}

/// Arguments for watching a run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SimWatchArgs {
    /// Scenarios (`--list` shows them) or files in TOML, shown one after the other
    /// [default: first-night]
    #[arg(value_name = "SCENARIO|FILE")]
    pub(crate) runs: Vec<String>,

    /// List the scenarios
    #[arg(long, conflicts_with = "show")]
    pub(crate) list: bool,

    /// Write the file of a scenario, to be changed, instead of showing the run
    #[arg(long)]
    pub(crate) show: bool,

    /// The seed of all chance [default: the one in the file]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// How to show it [default: tty in a terminal, else plain]
    #[arg(long)]
    pub(crate) format: Option<SimFormat>,

    /// Simulated seconds for each second, or `max` [default: 100 in a terminal, else max]
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    pub(crate) speed_factor: Option<f64>,

    /// Write so many lines at once before the pace begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) instant_print_lines: u64,

    /// End after so long, wherever the run is: 90s, 40min, 2h10min
    #[arg(long, value_name = "TIME")]
    pub(crate) exit_after_time: Option<Seconds>,

    /// End after so many runs, which begin anew with the next seed when all were shown
    /// [default: each once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) exit_after_runs: Option<u32>,

    /// Keep the machine awake until it ends
    #[arg(long)]
    pub(crate) inhibit: bool,
}

/// How a simulated run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimFormat {
    /// A screen with all GPUs
    Tty,
    /// Lines to read
    Plain,
    /// Lines of JSON
    Jsonl,
}

fn speed(text: &str) -> Result<f64, String> {
    if text == "max" {
        return Ok(f64::INFINITY);
    }
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 => Ok(factor),
        _ => Err("write a number above 0, or `max`".to_owned()),
    }
}

/// Arguments of `sim search`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SimSearchArgs {
    /// A public model, such as llama3-70b
    #[arg(long, default_value = "llama3-8b")]
    pub(crate) model: String,

    /// The accelerator
    #[arg(long, default_value = "H100 SXM 80GB")]
    pub(crate) accelerator: String,

    /// GPUs of the cluster
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=131_072))]
    pub(crate) gpus: u32,

    /// Model, cluster, software and data from the file of a run, instead
    #[arg(long, value_name = "SCENARIO|FILE", conflicts_with_all = ["model", "accelerator", "gpus"])]
    pub(crate) run: Option<String>,

    /// The most memory that a GPU may need, in GiB [default: all it has]
    #[arg(long, value_name = "GIB")]
    pub(crate) memory: Option<f64>,

    /// What a GPU costs for an hour
    #[arg(long, value_name = "PRICE")]
    pub(crate) price: Option<f64>,

    #[command(flatten)]
    pub(crate) json: JsonArg,
}

/// Arguments of `sim score`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SimScoreArgs {
    /// A table of measured steps, or of losses, as CSV; may be given several times
    #[arg(long, required = true, value_name = "CSV")]
    pub(crate) table: Vec<PathBuf>,

    /// Write the predictions into this file, as CSV: row_id, pred_step_s, pred_peak_mem_gib
    #[arg(long, value_name = "CSV")]
    pub(crate) predictions: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) json: JsonArg,
}
