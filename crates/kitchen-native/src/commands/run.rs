//! `run`: trains a model.

use anyhow::Context;
use kitchen_core::data::Store;
use kitchen_core::supervised::{Plan, supervised};
use kitchen_core::words;
use kitchen_core::{Recipe, StartRequest, check_workflow, flow};
use kitchen_platform::{files, now_ms};
use kitchen_types::RunConfig;
use kitchen_types::ports::DatasetStore;
use kitchen_types::summary::{LastLine, RunSummary};

use crate::cli::{RunArgs, ShowArgs};
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::notify::{self, Notifier};
use crate::observe::Observers;
use crate::record::Recorder;
use crate::request::Request;
use crate::runs::{RunFolder, Runs};
use crate::sqlite::{self, Sqlite};
use crate::tensorboard::{self, TensorBoard};
use crate::training::Training;
use crate::voice::Voice;
use crate::watch::{Watched, watch};
use crate::{awake, ending, hub, out};

/// Trains a model.
pub(crate) fn run(args: &RunArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let device = args
        .device
        .map(|device| format!("device={}", device.name()));
    let words: Vec<_> = args
        .words
        .iter()
        .chain(&args.set)
        .cloned()
        .chain(device)
        .collect();
    let config = Request::read(&words)?.resolve()?.config;
    if args.dry_run {
        return dry_run(&config);
    }
    let folder = runs.create(args.name.as_deref(), &config.recipe, now_ms())?;
    let lock = folder.lock()?;
    folder.write_config(&config)?;
    train(&folder, config, &args.show, lock)
}

/// Trains in a folder that this process holds, from where the run stands, and says how it ended.
pub(super) fn train(
    folder: &RunFolder,
    config: RunConfig,
    show: &ShowArgs,
    _lock: files::Lock,
) -> anyhow::Result<Exit> {
    use_threads(show.threads)?;
    let _awake = awake::hold(show.inhibit);
    let (recorder, record) = Recorder::open(&folder.events())?;
    let recipe = Recipe::find(&config.recipe);
    let request = request(folder, config, record.next_seq);
    let training = Training::start(request, folder.path.clone(), recorder)?;
    let voice = Voice::choose(show);
    let title = recipe.map_or("", |recipe| recipe.title);
    let mut observers = Observers::default();
    if show.tensorboard {
        observers.add(TensorBoard::create(&folder.path.join(tensorboard::FOLDER))?);
    }
    if show.sqlite {
        observers.add(Sqlite::open(&folder.path.join(sqlite::FILE))?);
    }
    if let Some(notifier) = Notifier::asked_for(show, &folder.path)? {
        observers.add(notifier);
    }
    let watched = watch(
        training,
        record.board,
        observers,
        (voice, title),
        Interrupts::listen()?,
    )?;
    if !watched.closed {
        say_how_it_ended(&watched, recipe, folder, voice)?;
    }
    say_what_waits(folder, show)?;
    let summary = RunSummary::new(&watched.board, "", None);
    Ok(Exit::of_run(summary.status, watched.interrupted))
}

fn request(folder: &RunFolder, config: RunConfig, first_seq: u64) -> StartRequest {
    StartRequest {
        run: folder.id.clone(),
        config,
        workflow: supervised(),
        first_seq,
    }
}

fn say_how_it_ended(
    watched: &Watched,
    recipe: Option<&Recipe>,
    folder: &RunFolder,
    voice: Voice,
) -> anyhow::Result<()> {
    let Watched { board, took, .. } = watched;
    if voice == Voice::Json {
        let path = folder.path.display().to_string();
        let summary = RunSummary::new(board, path, Some(took.as_secs_f64()));
        return out::json_line(&LastLine::Summary(summary));
    }
    let gap = if voice == Voice::Plain { "\n" } else { "" };
    out::line(&format!(
        "{gap}{}",
        ending::in_words(board, recipe, &folder.path, *took)
    ))
}

/// Says how many notifications have not arrived, if any have not.
pub(super) fn say_what_waits(folder: &RunFolder, show: &ShowArgs) -> anyhow::Result<()> {
    if show.notify.is_none() {
        return Ok(());
    }
    match notify::waiting(&folder.path)? {
        0 => {}
        waiting => out::remark(&format!(
            "{} did not arrive yet; `resume {} --notify URL` sends what is left",
            words::counted(waiting as u64, "notification"),
            folder.id
        )),
    }
    Ok(())
}

/// Lets the kernels of the CPU use so many threads.
pub(super) fn use_threads(threads: Option<u16>) -> anyhow::Result<()> {
    let Some(threads) = threads else {
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(usize::from(threads))
        .build_global()
        .context("the number of threads cannot be set")
}

/// Checks all that can be checked before the first step, and shows what would happen.
fn dry_run(config: &RunConfig) -> anyhow::Result<Exit> {
    let workflow = supervised();
    let problems = check_workflow(&workflow);
    for problem in &problems {
        out::remark(&problem.to_string());
    }
    let cache = hub::cache_folder();
    let data = Store::on_disk(cache.to_string_lossy()).open(&config.data, config.seed)?;
    let memory = kitchen_core::estimate(config, data.train.spec())?;
    let plan = Plan::new(config, &*data.train).map_err(|error| anyhow::anyhow!("{error}"))?;
    let lines = [
        format!("recipe    {}", config.recipe),
        format!(
            "data      {}: {} to train on, {} held out",
            words::one_line(&data.source),
            words::count(data.train.len()),
            words::count(data.validation.len()),
        ),
        format!(
            "plan      {} ({}), batches of {}",
            words::counted(plan.steps, "step"),
            config.steps,
            config.batch,
        ),
        format!("memory    about {}", words::bytes(memory.total())),
        String::new(),
        flow::describe(&workflow, &kitchen_core::registry()),
    ];
    out::line(lines.join("\n").trim_end())?;
    Ok(if problems.is_empty() {
        Exit::Ok
    } else {
        Exit::Problems
    })
}
