//! How a run ended, in words that a learner understands.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use kitchen_core::Recipe;
use kitchen_core::words;
use kitchen_types::board::{Board, Phase};
use kitchen_types::event::{Evaluation, RunStatus};

use crate::inbox;

/// The most incidents that are told.
const TROUBLES: usize = 8;

/// What it did, where it is, what to try next.
pub(crate) fn in_words(
    board: &Board,
    recipe: Option<&Recipe>,
    folder: &Path,
    took: Duration,
) -> String {
    let mut text = String::new();
    let name = board.run.as_ref().map_or("the run", |run| run.as_str());
    // Writing to a string cannot fail.
    let _ = write!(text, "{name} {}", how_it_ended(board, took));
    for (index, (label, line)) in facts(board, recipe, folder).iter().enumerate() {
        let gap = if index == 0 { "\n\n" } else { "\n" };
        let _ = write!(text, "{gap}  {label:<14}{line}");
    }
    let next = what_next(board, recipe, name);
    for (index, (command, shows)) in next.iter().enumerate() {
        let (gap, label) = if index == 0 {
            ("\n\n", "try next")
        } else {
            ("\n", "")
        };
        let _ = write!(text, "{gap}  {label:<14}kitchen-native {command}");
        if !shows.is_empty() {
            let _ = write!(text, "\n  {:<14}    {shows}", "");
        }
    }
    text
}

fn how_it_ended(board: &Board, took: Duration) -> String {
    let steps = words::counted(board.current_step(), "step");
    let device = board.client.as_ref().map(|client| client.device.as_str());
    let took = words::duration(match device {
        // By its own clock.
        Some("cluster") => Duration::from_micros(board.trained_us),
        _ => took,
    });
    let on = device.map_or_else(String::new, |device| format!(" on the {device}"));
    let because = |reason: &Option<String>| match reason {
        Some(reason) => format!(": {}", words::one_line(reason)),
        None => String::new(),
    };
    match &board.phase {
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        } => {
            format!("is done: {steps} in {took}{on}.")
        }
        Phase::Finished {
            status: RunStatus::Stopped,
            ..
        } => {
            format!("was stopped after {steps} and {took}{on}, and can be resumed.")
        }
        Phase::Finished {
            status: RunStatus::Waiting,
            reason,
        } => {
            format!("waits for a person after {steps}{}", because(reason))
        }
        Phase::Finished {
            status: RunStatus::Failed,
            reason,
        } => {
            format!("failed after {steps}{}", because(reason))
        }
        Phase::Starting if board.forked.is_some() => {
            format!("waits at step {}.", words::count(board.current_step()))
        }
        Phase::Starting | Phase::Running | Phase::Paused => {
            format!("was cut off after {steps}.")
        }
    }
}

fn facts(board: &Board, recipe: Option<&Recipe>, folder: &Path) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(fork) = &board.forked {
        let line = format!("{}, from step {} on", fork.run, words::count(fork.step));
        facts.push(("branch of", line));
    }
    if let Some(newest) = &board.evaluation {
        facts.push(("it can", quality(newest)));
        if !newest.domains.is_empty() {
            facts.push((
                "in domains",
                words::one_line(&words::domains(&newest.domains)),
            ));
        }
        if let Some(best) = board.best.as_ref().filter(|best| best.step != newest.step) {
            let line = format!("{}, after step {}", quality(best), words::count(best.step));
            facts.push(("at its best", line));
        }
    }
    let completed = matches!(
        board.phase,
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        }
    );
    if let Some(recipe) = recipe.filter(|_| completed && board.evaluation.is_some()) {
        facts.push(("expected", recipe.expect.to_owned()));
    }
    if let Some(sample) = board.samples.back() {
        let text = words::one_line(&format!("{}{}", sample.prompt, sample.text));
        let start: String = text.trim().chars().take(100).collect();
        facts.push(("it writes", start));
    }
    facts.extend(troubles(board));
    let kept = match board.checkpoints.len() {
        0 => String::new(),
        kept => format!(", with {}", words::counted(kept as u64, "checkpoint")),
    };
    facts.push(("where", format!("{}{kept}", folder.display())));
    for name in &board.exported {
        let label = if name.ends_with(".safetensors") {
            "weights"
        } else {
            "model card"
        };
        facts.push((label, folder.join(name).display().to_string()));
    }
    facts
}

/// What went wrong, and what was done about it; the newest of many.
fn troubles(board: &Board) -> impl Iterator<Item = (&'static str, String)> {
    let first = board.incidents.len().saturating_sub(TROUBLES);
    board.incidents.iter().skip(first).flat_map(|incident| {
        let anomaly = Some(("trouble", incident.anomaly.to_string()));
        let repair = incident.repair.as_ref().map(|it| ("", it.to_string()));
        let ask = incident.ask.as_ref().map(|it| ("", it.to_string()));
        [anomaly, repair, ask].into_iter().flatten()
    })
}

fn quality(measured: &Evaluation) -> String {
    let loss = words::value(measured.loss.0);
    let of = words::counted(measured.samples, "held-out example");
    match (measured.exact, measured.accuracy, measured.perplexity) {
        (Some(exact), _, _) => {
            format!(
                "answer {} of {of} exactly (loss {loss})",
                words::percent(exact.0)
            )
        }
        // What comes next in a text is never certain: the loss says more than the share.
        (None, _, Some(perplexity)) => format!(
            "guess the next token of {of} with a loss of {loss} nats, as if among {} equally likely ones",
            words::setting((perplexity.0 * 10.0).round() / 10.0)
        ),
        (None, Some(accuracy), None) => {
            format!(
                "tell {} of {of} rightly (loss {loss})",
                words::percent(accuracy.0)
            )
        }
        (None, None, None) => format!("predict {of} with a loss of {loss}"),
    }
}

/// What usually helps, in the words of the command line.
fn answers(board: &Board, name: &str) -> Vec<(String, String)> {
    let ask = board.open_question().and_then(|it| it.open_question());
    let actions = ask.map_or(&[][..], |ask| &ask.actions);
    let told = actions.iter().filter_map(inbox::in_words);
    let mut next: Vec<_> = told
        .map(|words| (format!("command {name} {words}"), String::new()))
        .collect();
    next.push((
        format!("resume {name}"),
        "goes on from there, with what it was told".to_owned(),
    ));
    next
}

fn what_next(board: &Board, recipe: Option<&Recipe>, name: &str) -> Vec<(String, String)> {
    let resume = || {
        vec![(
            format!("resume {name}"),
            "goes on from the last checkpoint".to_owned(),
        )]
    };
    match &board.phase {
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        } => {
            let of_recipe = recipe.map_or(&[][..], |recipe| recipe.next);
            let runs = of_recipe
                .iter()
                .map(|(words, shows)| (format!("run {}", quoted(words)), (*shows).to_owned()));
            let look = if board.samples.is_empty() {
                "evaluate"
            } else {
                "sample"
            };
            runs.chain([(
                format!("{look} {name}"),
                "what this model can do".to_owned(),
            )])
            .collect()
        }
        Phase::Finished {
            status: RunStatus::Waiting,
            ..
        } => answers(board, name),
        _ if board.checkpoints.is_empty() => Vec::new(),
        _ => resume(),
    }
}

/// The words as a shell takes them: brackets would be patterns for file names.
fn quoted(words: &str) -> String {
    let quote = |word: &str| match word.contains(['[', ']', '*', '~', '$', '(', ')', '<', '>']) {
        true => format!("'{word}'"),
        false => word.to_owned(),
    };
    words.split(' ').map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use kitchen_types::summary::{LastLine, RunSummary};
    use kitchen_types::supervision::{Anomaly, AnomalyKind, Ask, Knobs, Measure, Repair, Strategy};
    use kitchen_types::{Command, Event, Number, SampleId};

    use super::*;
    use crate::scripted::{self, Script};

    fn check(script: &Script, recipe: &str, expected: Expect) {
        let board = Board::replay(&script.envelopes);
        let took = Duration::from_millis(2140);
        let text = in_words(&board, Recipe::find(recipe), Path::new("runs/here"), took);
        expected.assert_eq(&text);
    }

    #[test]
    fn a_run_that_completed() {
        check(
            &scripted::finished_digits(),
            "digits",
            expect![[r#"
                digits-20231114-221320 is done: 450 steps in 2.1 s on the cpu.

                  it can        tell 96.3 % of 359 held-out examples rightly (loss 0.0936)
                  expected      at least 97 % of held-out digits right (guessing gives 10 %)
                  where         runs/here, with 1 checkpoint
                  weights       runs/here/export/model.safetensors

                  try next      kitchen-native run digits model=cnn
                                    a convolutional network sees neighbouring pixels together
                                kitchen-native run digits 'model.hidden=[]'
                                    a linear model: how far do straight lines get?
                                kitchen-native run fashion-mnist
                                    the same question on 60,000 photos of clothes
                                kitchen-native evaluate digits-20231114-221320
                                    what this model can do"#]],
        );
    }

    #[test]
    fn a_run_that_was_stopped_failed_or_cut_off() {
        let ended = |status, reason: Option<&str>| {
            let mut script = scripted::digits(300);
            let reason = reason.map(str::to_owned);
            script.say(
                1,
                Event::RunFinished {
                    status,
                    step: 300,
                    duration_ms: 1,
                    reason,
                },
            );
            script
        };
        check(
            &ended(RunStatus::Stopped, None),
            "digits",
            expect![[r#"
                digits-20231114-221320 was stopped after 300 steps and 2.1 s on the cpu, and can be resumed.

                  it can        tell 93.9 % of 359 held-out examples rightly (loss 0.1517)
                  where         runs/here, with 1 checkpoint

                  try next      kitchen-native resume digits-20231114-221320
                                    goes on from the last checkpoint"#]],
        );
        check(
            &ended(RunStatus::Failed, Some("the disk is full")),
            "digits",
            expect![[r#"
                digits-20231114-221320 failed after 300 steps: the disk is full

                  it can        tell 93.9 % of 359 held-out examples rightly (loss 0.1517)
                  where         runs/here, with 1 checkpoint

                  try next      kitchen-native resume digits-20231114-221320
                                    goes on from the last checkpoint"#]],
        );
        check(
            &scripted::digits(10),
            "digits",
            expect![[r#"
                digits-20231114-221320 was cut off after 10 steps.

                  where         runs/here"#]],
        );
    }

    #[test]
    fn a_run_that_looked_after_itself_until_it_was_unsure() {
        let mut script = scripted::digits(300);
        let anomaly = |incident, step| Anomaly {
            incident,
            step,
            kind: AnomalyKind::LossSpike,
            of: Measure::Loss,
            value: Number(312.5),
            threshold: Some(Number(1.25)),
        };
        let knobs = Knobs {
            lr: Number(0.003),
            clip_norm: Number(0.0),
            left_out: 0,
        };
        let repair = Repair {
            incident: 1,
            step: 250,
            strategy: Strategy::Surgical,
            back_to: 225,
            left_out: vec![SampleId(17)],
            before: knobs,
            after: knobs,
        };
        let ask = Ask {
            incident: 2,
            step: 290,
            reason: "it came back".into(),
            actions: vec![Command::SetLearningRate(Number(0.0015))],
        };
        let ended = Event::RunFinished {
            status: RunStatus::Waiting,
            step: 225,
            duration_ms: 1,
            reason: Some("it came back".into()),
        };
        for event in [
            Event::AnomalyFound(anomaly(1, 250)),
            Event::Repaired(repair),
            Event::AnomalyFound(anomaly(2, 290)),
            Event::PersonAsked(ask),
            ended,
        ] {
            script.say(1, event);
        }
        check(
            &script,
            "digits",
            expect![[r#"
            digits-20231114-221320 waits for a person after 300 steps: it came back

              it can        tell 93.9 % of 359 held-out examples rightly (loss 0.1517)
              trouble       a jump of the loss at step 250: loss 312.5, expected below 1.25
                            went back to step 225, and left out example 17
              trouble       a jump of the loss at step 290: loss 312.5, expected below 1.25
                            a person is needed: it came back
              where         runs/here, with 1 checkpoint

              try next      kitchen-native command digits-20231114-221320 set_lr 0.0015
                            kitchen-native resume digits-20231114-221320
                                goes on from there, with what it was told"#]],
        );
    }

    #[test]
    fn a_model_that_writes() {
        check(
            &scripted::text(),
            "text",
            expect![[r#"
                text-20231114-221320 was cut off after 500 steps.

                  it writes     ROMEO: What light through 500 yonder�[2J window breaks?
                  where         runs/here"#]],
        );
    }

    /// Scripts rely on these keys.
    #[test]
    fn the_last_line_of_json() {
        let board = Board::replay(&scripted::finished_digits().envelopes);
        let summary = LastLine::Summary(RunSummary::new(&board, "runs/here", Some(2.5)));
        expect![[r#"
            {
              "summary": {
                "run": "digits-20231114-221320",
                "status": "completed",
                "reason": null,
                "recipe": "digits",
                "steps": 450,
                "device": "cpu",
                "duration_s": 2.5,
                "run_dir": "runs/here",
                "metrics": {
                  "best.step": 450.0,
                  "best.validation.accuracy": 0.9625531914893617,
                  "best.validation.loss": 0.09361702127659575,
                  "train.accuracy": 0.9680018833707712,
                  "train.loss": 0.08319510323599476,
                  "validation.accuracy": 0.9625531914893617,
                  "validation.loss": 0.09361702127659575
                }
              }
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&summary).unwrap_or_default());
        let nothing = LastLine::Summary(RunSummary::new(&Board::default(), "runs/here", None));
        expect![[r#"{"summary":{"run":null,"status":null,"reason":null,"recipe":null,"steps":0,"device":null,"duration_s":0.0,"run_dir":"runs/here","metrics":{}}}"#]].assert_eq(&serde_json::to_string(&nothing).unwrap_or_default());
    }
}
