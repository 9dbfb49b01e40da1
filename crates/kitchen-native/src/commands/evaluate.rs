//! `evaluate`: measures a trained model on its held-out examples.

use futures::executor::block_on;
use kitchen_core::words;
use kitchen_types::event::Evaluation;

use super::model;
use super::table::table;
use crate::cli::EvaluateArgs;
use crate::exit::Exit;
use crate::out;
use crate::runs::Runs;

/// Measures a trained model on its held-out examples.
pub(crate) fn evaluate(args: &EvaluateArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let (folder, mut session) = model::open(&args.of, runs)?;
    let settings = session.config.evaluate.clone();
    let measured = block_on(session.evaluate(&settings))?;
    if args.json.json {
        out::json(&measured)?;
    } else {
        out::line(&format!(
            "{} at step {}\n",
            folder.id,
            words::count(measured.step)
        ))?;
        out::line(&in_words(&measured, session.classes()))?;
    }
    Ok(Exit::Ok)
}

fn in_words(measured: &Evaluation, classes: &[String]) -> String {
    let number = |value: kitchen_types::Number| words::value(value.0);
    let share = |value: kitchen_types::Number| words::percent(value.0);
    let facts = [
        ("examples", Some(words::count(measured.samples))),
        ("loss", Some(number(measured.loss))),
        ("accuracy", measured.accuracy.map(share)),
        ("exactly right", measured.exact.map(share)),
        ("perplexity", measured.perplexity.map(number)),
        ("bits a byte", measured.bits_per_byte.map(number)),
    ];
    let rows: Vec<_> = facts
        .into_iter()
        .filter_map(|(name, value)| Some([name.to_owned(), value?]))
        .collect();
    let mut text = table(&rows);
    if !measured.domains.is_empty() {
        text.push_str("\n\nEach domain, its loss, and how much is right:\n\n");
        text.push_str(&table(&domains(measured)));
    }
    if !measured.confusion.is_empty() {
        text.push_str("\n\nEach row is a class, each column what it was taken for:\n\n");
        text.push_str(&matrix(&measured.confusion, classes));
    }
    text
}

fn domains(measured: &Evaluation) -> Vec<[String; 3]> {
    let rows = measured.domains.iter().map(|domain| {
        let right = domain.right();
        [
            words::one_line(&domain.name),
            words::value(domain.loss.0),
            right.map_or_else(|| "-".into(), |share| words::percent(share.0)),
        ]
    });
    rows.collect()
}

fn matrix(confusion: &[Vec<u64>], classes: &[String]) -> String {
    let name = |class: usize| match classes.get(class) {
        Some(name) => words::one_line(name),
        None => class.to_string(),
    };
    let largest = confusion.iter().flatten().copied().max().unwrap_or(0);
    let cell = largest.to_string().len() + 1;
    let label = (0..confusion.len())
        .map(|class| name(class).chars().count())
        .max()
        .unwrap_or(0);
    let rows = confusion.iter().enumerate().map(|(class, row)| {
        let cells: String = row.iter().map(|count| format!("{count:>cell$}")).collect();
        format!("{:>label$} {cells}", name(class))
    });
    rows.collect::<Vec<_>>().join("\n")
}
