//! What is accepted, what is refused, and how the help reads.

#![allow(clippy::unwrap_used, clippy::panic)]

use clap::CommandFactory;
use clap::error::ErrorKind;
use expect_test::expect;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("kitchen-native").chain(line.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn words_of_run_are_kept_in_order() {
    let Command::Run(run) = parse("run text data.path=a.txt +x=1 ~lr --set seed=3")
        .unwrap()
        .command
    else {
        panic!("another command");
    };
    assert_eq!(run.words, ["text", "data.path=a.txt", "+x=1", "~lr"]);
    assert_eq!(run.set, ["seed=3"]);
    assert!(!run.dry_run && !run.show.json && run.device.is_none());
}

#[test]
fn every_command_takes_what_its_help_says() {
    for line in [
        "run",
        "run --json --threads 2 --device cpu --name a --dry-run",
        "run --quiet",
        "resume",
        "resume digits-1 --plain",
        "resume moved.safetensors --device cpu --json",
        "runs ls --json",
        "runs show",
        "runs diff a b --json",
        "runs diff a",
        "runs rm a b",
        "runs fork a",
        "runs fork a --step 40 lr=0.1 batch=8 --name b",
        "runs fork a --best ~lr",
        "evaluate last --checkpoint best --json",
        "forensics",
        "forensics a --step 40 --score classical --z 4 --ratio 0 --show 9 --device cpu --json",
        "sample last --prompt x --tokens 5 --temperature 0 --top-k 3 --top-p 0.9 --seed 1",
        "export last --to model.safetensors --checkpoint 400",
        "export last --resumable",
        "export last --resumable --step 40 --to moved.safetensors",
        "export --resumable --best",
        "receipt make",
        "receipt make a --to a.json",
        "receipt make a --link",
        "receipt verify a.json --device gpu --threads 2 --json",
        "list --json",
        "describe digits",
        "describe",
        "validate a.toml --json",
        "config show digits lr=1 --provenance --json",
        "config validate a.yaml",
        "config schema",
        "data ls",
        "data get mnist",
        "data show iris --examples 5 data.validation=0.5",
        "bench mlp-784 --device gpu --threads 1 --steps 10 --json --bare",
        "sim",
        "sim bad-day mine.toml --seed 7 --format jsonl --speed-factor max",
        "sim --list",
        "sim calm --show",
        "sim --instant-print-lines 9 --exit-after-time 2h10min --exit-after-runs 2",
        "sim search --model llama3-70b --accelerator B300 --gpus 512 --memory 80 --price 2 --json",
        "sim search --run calm",
        "sim score --table a.csv",
        "sim score --table a.csv --table b.csv --predictions c.csv --json",
        "serve-page",
        "serve-page elsewhere --port 0 --under /kitchen/ --no-isolation",
        "doctor --json",
        "completions zsh",
        "man",
        "--runs-dir elsewhere runs ls",
        "runs ls --runs-dir elsewhere",
    ] {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, kind) in [
        ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("walk", ErrorKind::InvalidSubcommand),
        ("run --json --plain", ErrorKind::ArgumentConflict),
        ("run --json --quiet", ErrorKind::ArgumentConflict),
        ("run --threads 0", ErrorKind::ValueValidation),
        ("run --device tpu", ErrorKind::InvalidValue),
        ("sim score", ErrorKind::MissingRequiredArgument),
        ("runs rm", ErrorKind::MissingRequiredArgument),
        ("export last", ErrorKind::MissingRequiredArgument),
        (
            "export --resumable --step 1 --best",
            ErrorKind::ArgumentConflict,
        ),
        ("receipt make --link --to a", ErrorKind::ArgumentConflict),
        ("runs fork", ErrorKind::MissingRequiredArgument),
        ("evaluate --checkpoint first", ErrorKind::ValueValidation),
        ("forensics a --z -1", ErrorKind::UnknownArgument),
        ("forensics a --z=-1", ErrorKind::ValueValidation),
        ("forensics a --ratio NaN", ErrorKind::ValueValidation),
        ("bench --steps 0", ErrorKind::ValueValidation),
        ("serve-page --port 70000", ErrorKind::ValueValidation),
        ("serve-page --under {*rest}", ErrorKind::ValueValidation),
        ("serve-page --under /../up", ErrorKind::ValueValidation),
    ] {
        let error = parse(line)
            .err()
            .unwrap_or_else(|| panic!("`{line}` was taken"));
        assert_eq!(error.kind(), kind, "{line}");
        // 2 is what scripts expect of a wrong command line.
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn help_fits_a_narrow_terminal_and_reads_well() {
    let help = Cli::command().term_width(80).render_long_help().to_string();
    assert!(
        help.lines().all(|line| line.chars().count() <= 80),
        "{help}"
    );
    expect![[r#"
        Train small models, and watch them learn.

        `kitchen-native run` trains a network on handwritten digits in a few seconds,
        with no download and no GPU. `kitchen-native list` shows what else there is.

        Usage: kitchen-native [OPTIONS] <COMMAND>

        Commands:
          run          Train a model from a recipe, a config file, or both
          resume       Go on with a run that was stopped or cut off, or that a file
                       brings
          command      Tell a run something: to go on, to stop, another learning rate,
                       examples to leave out
          runs         Look at runs: list, show, compare, branch off, remove
          evaluate     Measure a trained model on its held-out examples
          forensics    Explain the batch of a step: which of its examples stand out
          sample       Let a trained sequence model write
          export       Write a model's weights for other programs to load, or a run to
                       go on elsewhere
          receipt      Promise what a run measures, and run such promises again
          list         List what there is: recipes, models, data sets, stages
          describe     Explain a recipe, a workflow or a stage
          validate     Check a config or workflow file without running it
          config       Show, check and explain settings
          data         Look at data sets, and download them
          bench        Time named work on this machine
          sim          Watch training on a simulated cluster, and predict what it takes
          serve-page   Serve the built page to a browser on this machine
          doctor       Find out what works here: devices, folders, terminal
          completions  Write a completion script for a shell
          man          Write the manual page, in roff
          help         Print this message or the help of the given subcommand(s)

        Options:
              --runs-dir <FOLDER>
                  The folder that holds all runs [default: $KITCHEN_RUNS_DIR, or ./runs]

          -h, --help
                  Print help (see a summary with '-h')

          -V, --version
                  Print version

        Settings are written `key=value`, as in `run digits lr=0.01 model=cnn`. `config
        schema` lists them all, and `config show` says where each came from.
    "#]]
    .assert_eq(&help);
}
