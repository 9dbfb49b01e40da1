//! The arguments of `runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{JsonArg, WhichArgs};

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List all runs, the newest first
    Ls(JsonArg),
    /// Show how a run went
    Show {
        /// Which run: its name, the beginning of it, its folder, or `last`
        #[arg(default_value = "last")]
        run: String,
        /// Draw the screen of the run into this file, as an SVG picture
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        svg: Option<PathBuf>,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Tell when a run was saved, went back, was changed, and waited for people
    History {
        /// Which run: its name, the beginning of it, its folder, or `last`
        #[arg(default_value = "last")]
        run: String,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Compare the settings and results of two runs
    Diff {
        /// One run
        first: String,
        /// The other
        #[arg(default_value = "last")]
        second: String,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Write the curves of a run as a file for TensorBoard
    Tensorboard {
        /// Which run: its name, the beginning of it, its folder, or `last`
        #[arg(default_value = "last")]
        run: String,
        /// The folder to write into [default: `tensorboard` in the run's folder]
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Write the curves of a run into a SQLite database
    Sqlite {
        /// Which run: its name, the beginning of it, its folder, or `last`
        #[arg(default_value = "last")]
        run: String,
        /// The database to write into [default: `metrics.sqlite` in the run's folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a new run that begins with a checkpoint of another, with other settings
    Fork(ForkArgs),
    /// Remove runs, with all their files
    Rm {
        /// Which runs, by their full names
        #[arg(required = true)]
        runs: Vec<String>,
    },
}

/// Arguments of `runs fork`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  kitchen-native runs fork mine lr=0.01                    from the newest checkpoint
  kitchen-native runs fork mine --step 400 batch=128 steps=2000 --name wide
  kitchen-native resume wide                               lets the branch go on")]
pub(crate) struct ForkArgs {
    /// Which run: its name, the beginning of it, its folder, or `last`
    pub(crate) run: String,

    /// What changes: `key=value`, as for `run`; seed, data and model stay as they are
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,

    #[command(flatten)]
    pub(crate) which: WhichArgs,

    /// What to call the new run [default: the run's name with a number]
    #[arg(long)]
    pub(crate) name: Option<String>,
}
