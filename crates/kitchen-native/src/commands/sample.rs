//! `sample`: lets a trained sequence model write.

use futures::executor::block_on;
use kitchen_core::words;
use kitchen_platform::random_seed;
use kitchen_types::config::SampleConfig;
use serde_json::json;

use super::model;
use crate::cli::SampleArgs;
use crate::exit::Exit;
use crate::out;
use crate::runs::Runs;

/// Lets a trained sequence model write.
pub(crate) fn sample(args: &SampleArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let (_, mut session) = model::open(&args.of, runs)?;
    let settings = settings(args, &session.config.sample);
    let seed = args.seed.unwrap_or_else(random_seed);
    let written = block_on(session.sample(&settings, seed))?;
    for (prompt, text) in written {
        if args.json.json {
            out::json_line(&json!({ "prompt": prompt, "text": text, "seed": seed }))?;
        } else {
            out::line(&words::harmless(&format!("{prompt}{text}")))?;
        }
    }
    Ok(Exit::Ok)
}

/// What the run does while it trains, changed as the arguments say.
fn settings(args: &SampleArgs, of_run: &SampleConfig) -> SampleConfig {
    SampleConfig {
        every: of_run.every,
        prompt: args.prompt.clone().unwrap_or_else(|| of_run.prompt.clone()),
        tokens: args.tokens.map_or(of_run.tokens, |tokens| tokens as usize),
        temperature: args.temperature.unwrap_or(of_run.temperature),
        top_k: args.top_k.unwrap_or(of_run.top_k),
        top_p: args.top_p.unwrap_or(of_run.top_p),
    }
}
