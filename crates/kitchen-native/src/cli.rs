//! The command line: what can be asked, and the words that explain it.

mod forensics;
mod runs;
mod sim;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use kitchen_types::config::DeviceChoice;

pub(crate) use forensics::ForensicsArgs;
pub(crate) use runs::{ForkArgs, RunsCommand};
pub(crate) use sim::{SimArgs, SimCommand, SimFormat, SimScoreArgs, SimSearchArgs, SimWatchArgs};

/// Train small models, and watch them learn.
///
/// `kitchen-native run` trains a network on handwritten digits in a few seconds, with no download
/// and no GPU. `kitchen-native list` shows what else there is.
#[derive(Debug, Parser)]
#[command(name = "kitchen-native", version, max_term_width = 100)]
#[command(
    after_help = "Settings are written `key=value`, as in `run digits lr=0.01 model=cnn`. \
    `config schema` lists them all, and `config show` says where each came from."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The folder that holds all runs [default: $KITCHEN_RUNS_DIR, or ./runs]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) runs_dir: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model from a recipe, a config file, or both
    Run(RunArgs),
    /// Go on with a run that was stopped or cut off, or that a file brings
    Resume(ResumeArgs),
    /// Tell a run something: to go on, to stop, another learning rate, examples to leave out
    #[command(name = "command")]
    Tell(CommandArgs),
    /// Look at runs: list, show, compare, branch off, remove
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Measure a trained model on its held-out examples
    Evaluate(EvaluateArgs),
    /// Explain the batch of a step: which of its examples stand out
    Forensics(ForensicsArgs),
    /// Let a trained sequence model write
    Sample(SampleArgs),
    /// Write a model's weights for other programs to load, or a run to go on elsewhere
    Export(ExportArgs),
    /// Promise what a run measures, and run such promises again
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// List what there is: recipes, models, data sets, stages
    List(JsonArg),
    /// Explain a recipe, a workflow or a stage
    Describe(DescribeArgs),
    /// Check a config or workflow file without running it
    Validate(ValidateArgs),
    /// Show, check and explain settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at data sets, and download them
    #[command(subcommand)]
    Data(DataCommand),
    /// Time named work on this machine
    Bench(BenchArgs),
    /// Watch training on a simulated cluster, and predict what it takes
    Sim(SimArgs),
    /// Serve the built page to a browser on this machine
    ServePage(ServePageArgs),
    /// Find out what works here: devices, folders, terminal
    Doctor(JsonArg),
    /// Write a completion script for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual page, in roff
    Man,
}

/// A switch that many commands have.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct JsonArg {
    /// Write JSON, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a run is shown.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ShowArgs {
    /// Write every event as a line of JSON, and a summary as the last line
    #[arg(long, conflicts_with_all = ["plain", "quiet"])]
    pub(crate) json: bool,

    /// Write plain lines instead of drawing a screen
    #[arg(long)]
    pub(crate) plain: bool,

    /// Only say how it ended
    #[arg(long, conflicts_with = "plain")]
    pub(crate) quiet: bool,

    /// Also write what is measured into `metrics.sqlite` in the run's folder
    #[arg(long)]
    pub(crate) sqlite: bool,

    /// Also write files for TensorBoard, into `tensorboard` in the run's folder
    #[arg(long)]
    pub(crate) tensorboard: bool,

    /// Tell a webhook (signed with KITCHEN_WEBHOOK_SECRET), or `slack:` and the address of a
    /// channel, of anomalies, repairs, questions and the end
    #[arg(long, value_name = "URL")]
    pub(crate) notify: Option<String>,

    /// Keep the machine awake until it ends
    #[arg(long)]
    pub(crate) inhibit: bool,

    /// Threads that the CPU may use [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  kitchen-native run                               handwritten digits, in a few seconds
  kitchen-native run playground data.shape=moons   two half moons in the plane
  kitchen-native run text data.path=plays.txt      a transformer that writes like a text
  kitchen-native run digits model=cnn lr=0.001     another model, another learning rate
  kitchen-native run my.toml steps=5000            settings from a file, one of them changed")]
pub(crate) struct RunArgs {
    /// A recipe or a config file (.toml, .json, .yaml), then settings: `key=value` sets one,
    /// `+key=value` appends to a list, `~key` takes one back to its default
    #[arg(value_name = "RECIPE|FILE|KEY=VALUE")]
    pub(crate) words: Vec<String>,

    /// A setting, like `key=value`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Where to train, like `device=...`
    #[arg(long)]
    pub(crate) device: Option<Device>,

    /// What to call the run [default: recipe, date and time]
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Check everything that can be checked before the first step, show the plan, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) show: ShowArgs,
}

/// Where to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Device {
    /// The fastest, by a timed step
    Auto,
    /// A GPU
    Gpu,
    /// The CPU
    Cpu,
    /// The CPU, in the time of a simulated cluster
    Cluster,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Gpu => Self::Gpu,
            Device::Cpu => Self::Cpu,
            Device::Cluster => Self::Cluster,
        }
    }
}

impl Device {
    /// The value of the setting `device`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
            Self::Cluster => "cluster",
        }
    }
}

/// Arguments of `resume`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Which run: its name, the beginning of it, its folder, `last`, or a file that ends in
    /// `.safetensors`, from which a new folder is made
    #[arg(default_value = "last", value_name = "RUN|FILE")]
    pub(crate) run: String,

    /// Where to train from here on
    #[arg(long)]
    pub(crate) device: Option<Device>,

    /// Where the data lie now, if they were moved
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<String>,

    #[command(flatten)]
    pub(crate) show: ShowArgs,
}

/// Arguments of `command`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Commands:
  resume, pause, stop, save   what they say
  step                        take one step, and pause
  set_lr VALUE                the peak learning rate
  set_clip VALUE              the largest gradient norm; 0 does not clip
  blacklist_samples ID,ID     never train on these examples again
  skip_batch                  pass over the next batch
  set_speed VALUE             simulated seconds in one of yours; 0 does not wait
  seek TIME                   go on to this time of a simulated clock, as 90s or 2h10min
  rollback STEP               go back to the newest checkpoint at or before this step")]
pub(crate) struct CommandArgs {
    /// Which run: its name, the beginning of it, its folder, or `last`
    pub(crate) run: String,

    /// What it is told
    #[arg(required = true, value_name = "COMMAND")]
    pub(crate) words: Vec<String>,

    /// A command with the same key has one effect, however often it is given
    #[arg(long)]
    pub(crate) key: Option<String>,
}

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WhichArgs {
    /// Which checkpoint: `newest`, `best` (the lowest validation loss), or a step
    #[arg(long, default_value = "newest", value_name = "WHICH")]
    checkpoint: Checkpoint,

    /// Short for `--checkpoint N`
    #[arg(long, value_name = "N", conflicts_with = "checkpoint")]
    step: Option<u64>,

    /// Short for `--checkpoint best`
    #[arg(long, conflicts_with_all = ["checkpoint", "step"])]
    best: bool,
}

impl WhichArgs {
    /// The checkpoint that was asked for.
    pub(crate) fn checkpoint(self) -> Checkpoint {
        match self.step {
            Some(step) => Checkpoint::Step(step),
            None if self.best => Checkpoint::Best,
            None => self.checkpoint,
        }
    }
}

/// Which checkpoint of a run, and where to use it.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Which run: its name, the beginning of it, its folder, or `last`
    #[arg(default_value = "last")]
    pub(crate) run: String,

    #[command(flatten)]
    pub(crate) which: WhichArgs,

    /// Where to compute
    #[arg(long)]
    pub(crate) device: Option<Device>,
}

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    /// The newest.
    Newest,
    /// The one with the lowest validation loss.
    Best,
    /// The newest at or before a step.
    Step(u64),
}

impl std::str::FromStr for Checkpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newest" => Ok(Self::Newest),
            "best" => Ok(Self::Best),
            step => step
                .parse()
                .map(Self::Step)
                .map_err(|_| "write `newest`, `best`, or the number of a step".to_owned()),
        }
    }
}

/// Arguments of `evaluate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) of: CheckpointArgs,
    #[command(flatten)]
    pub(crate) json: JsonArg,
}

/// Arguments of `sample`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    pub(crate) of: CheckpointArgs,

    /// The text to go on from
    #[arg(long)]
    pub(crate) prompt: Option<String>,

    /// Tokens to write, at most
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) tokens: Option<u32>,

    /// 0 always takes the likeliest token; 1 samples from the model's own distribution
    #[arg(long)]
    pub(crate) temperature: Option<f64>,

    /// Choose among so many of the likeliest tokens; 0 means all
    #[arg(long)]
    pub(crate) top_k: Option<usize>,

    /// Choose among the likeliest tokens that together hold this much probability; 1 means all
    #[arg(long)]
    pub(crate) top_p: Option<f64>,

    /// The same seed writes the same text [default: another one each time]
    #[arg(long)]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) json: JsonArg,
}

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) of: CheckpointArgs,

    /// Write everything that `resume` needs into the file, here or in a browser; without a card
    #[arg(long)]
    pub(crate) resumable: bool,

    /// The file to write; the model card of weights alone is written beside it, with `.json` at
    /// the end [default with --resumable: the run's name]
    #[arg(
        long,
        value_name = "FILE.safetensors",
        required_unless_present = "resumable"
    )]
    pub(crate) to: Option<PathBuf>,
}

/// What to do with receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Write what a run was asked for and what it measured, for others to run again
    Make {
        /// Which run: its name, the beginning of it, its folder, or `last`
        #[arg(default_value = "last")]
        run: String,
        /// The file to write [default: the run's name, with `.receipt.json` at the end]
        #[arg(long, value_name = "FILE", conflicts_with = "link")]
        to: Option<PathBuf>,
        /// Print it as a text that fits a link, and write no file
        #[arg(long)]
        link: bool,
    },
    /// Run a receipt again from its seed, and say whether each value comes within 1e-4 of itself;
    /// ends with 3 if not
    Verify {
        /// A file with a receipt, in JSON or as the text of a link
        file: PathBuf,
        /// Where to train
        #[arg(long, default_value = "cpu")]
        device: Device,
        /// Threads that the CPU may use [default: one for each core]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,
        #[command(flatten)]
        json: JsonArg,
    },
}

/// Arguments of `describe`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DescribeArgs {
    /// A recipe, a workflow or a stage; `list` shows their names
    #[arg(default_value = "supervised")]
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) json: JsonArg,
}

/// Arguments of `validate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ValidateArgs {
    /// A config file, or a workflow file (one with `steps` that are nodes)
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) json: JsonArg,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show all settings that a run would have
    Show {
        /// A recipe or a config file, then settings, as for `run`
        #[arg(value_name = "RECIPE|FILE|KEY=VALUE")]
        words: Vec<String>,
        /// Say where each setting came from
        #[arg(long)]
        provenance: bool,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Check the settings that a run would have
    Validate {
        /// A recipe or a config file, then settings, as for `run`
        #[arg(value_name = "RECIPE|FILE|KEY=VALUE")]
        words: Vec<String>,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Write the JSON Schema of all settings, with help and defaults
    Schema,
}

/// What to do with data.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// List the data sets that can be opened
    Ls(JsonArg),
    /// Download a data set into the cache
    Get {
        /// Its name, as `data ls` shows it
        name: String,
    },
    /// Show examples of a data set
    Show {
        /// Its name, as `data ls` shows it, or a recipe
        name: String,
        /// Settings, as for `run`: `data.path=FILE`
        #[arg(value_name = "KEY=VALUE")]
        settings: Vec<String>,
        /// How many examples
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=1000))]
        examples: u64,
        #[command(flatten)]
        json: JsonArg,
    },
}

/// Arguments of `bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// Which work; by default all of it but `forensics`, which takes longer
    pub(crate) name: Option<String>,

    /// Where
    #[arg(long, default_value = "cpu")]
    pub(crate) device: Device,

    /// Threads that the CPU may use [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,

    /// Steps to time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) steps: u64,

    /// Time a bare loop on Burn too, for comparison
    #[arg(long)]
    pub(crate) bare: bool,

    #[command(flatten)]
    pub(crate) json: JsonArg,
}

/// Arguments of `serve-page`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServePageArgs {
    /// The folder of the page, as `cargo xtask page` leaves it
    #[arg(default_value = "dist")]
    pub(crate) folder: PathBuf,

    /// The port; 0 takes any that is free
    #[arg(long, default_value_t = 8080, value_name = "N")]
    pub(crate) port: u16,

    /// Serve it below this path, as hosts with many pages do
    #[arg(long, default_value = "/", value_name = "PATH", value_parser = url_path)]
    pub(crate) under: String,

    /// Leave out the headers that allow threads, as hosts do that let nobody set headers
    #[arg(long)]
    pub(crate) no_isolation: bool,
}

/// A path of a URL that needs no escapes.
fn url_path(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    let has_dots = text.split('/').any(|part| matches!(part, "." | ".."));
    if text.chars().all(is_plain) && !has_dots && !text.contains("//") {
        return Ok(text.to_owned());
    }
    Err("write letters, digits, `-`, `.`, `_`, `~`, and single slashes between them".to_owned())
}
