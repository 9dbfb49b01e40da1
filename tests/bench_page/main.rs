//! The page beside its peers, in the same browser: who trains the same model faster, by what
//! factor; and how the page itself starts, draws, and keeps its memory.
//!
//! `cargo xtask bench-page` builds the page, fetches the peers, and runs this.

#![allow(
    clippy::print_stdout,
    reason = "a command-line tool talks through its output"
)]

mod contest;
mod life;
mod site;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use serde_json::json;

use contest::CASES;
use site::Site;
use table::Table;

/// Measures the page beside its peers.
#[derive(Debug, Parser)]
struct Args {
    /// The folder of the built page.
    page: PathBuf,
    /// The folder of the peers' page, with what it imports.
    peers: PathBuf,
    /// Where what was measured is written, as JSON.
    result: PathBuf,
    /// Steps that are timed on the CPU, each time; on a GPU in software a tenth of them.
    #[arg(long)]
    steps: u64,
    /// How often each is measured, in turn.
    #[arg(long)]
    rounds: u64,
    /// Measure only this.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| only == name);
    // Not isolated from other pages they cannot have threads: each is measured on one.
    let page = Site::serve(&args.page, false)?;
    let peers = Site::serve(&args.peers, false)?;
    let mut table = Table::default();
    for case in CASES.iter().filter(|case| wanted(case.work)) {
        for _ in 0..args.rounds {
            case.measure(&page, &peers, args.steps, &mut table);
        }
    }
    let mut of_page = serde_json::Map::new();
    for (name, measure) in life::MEASURES.iter().filter(|(name, _)| wanted(name)) {
        println!("{name} ...");
        let measured = measure(&page).with_context(|| format!("{name} of the page"));
        let measured = measured.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        of_page.insert((*name).to_owned(), measured);
    }

    println!("\n{table}");
    for (name, measured) in &of_page {
        println!("{name}: {measured:#}");
    }
    let all = json!({ "contest": table.to_json(), "page": of_page });
    if let Some(folder) = args.result.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    fs::write(&args.result, format!("{all:#}\n"))
        .with_context(|| format!("{} cannot be written", args.result.display()))
}
