//! A run as plain lines, for pipes, logs and terminals that cannot do more.

use std::time::Duration;

use kitchen_core::words;
use kitchen_types::Number;
use kitchen_types::board::Board;
use kitchen_types::event::{Envelope, Evaluation, Event, Mix, Step};

/// Steps are reported at most this often; the first and the last one always are.
const STEPS_EVERY_MS: u64 = 2000;

/// Turns envelopes into lines.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    board: Board,
    reported_ms: Option<u64>,
    headed: bool,
}

impl Plain {
    /// Goes on from what a run said before.
    pub(crate) fn after(board: Board) -> Self {
        Self {
            board,
            ..Self::default()
        }
    }

    /// How the run stands after what was heard so far.
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// The lines that an envelope is worth, without line ends.
    pub(crate) fn lines(&mut self, envelope: &Envelope) -> Vec<String> {
        if self.board.knows(&envelope.event) {
            return Vec::new();
        }
        let is_new_mix = match &envelope.event {
            Event::Mixed(mix) => self.board.mix.as_ref().map(shares) != Some(shares(mix)),
            _ => false,
        };
        self.board.apply(envelope);
        match &envelope.event {
            Event::RunStarted { config, step, .. } => {
                let again = match step {
                    0 => String::new(),
                    step => format!(", from step {}", words::count(*step)),
                };
                vec![format!(
                    "run      {} ({}{again})",
                    envelope.run, config.recipe
                )]
            }
            Event::DatasetLoaded {
                source,
                train,
                validation,
                ..
            } => vec![format!(
                "data     {}: {} to train on, {} held out",
                words::one_line(source),
                words::count(*train),
                words::count(*validation),
            )],
            Event::DeviceChosen { chosen, reason, .. } => {
                vec![format!(
                    "device   {}: {}",
                    words::one_line(chosen),
                    words::one_line(reason)
                )]
            }
            Event::SessionOpened { client } => {
                vec![format!(
                    "model    {}",
                    words::counted(client.parameters, "parameter")
                )]
            }
            Event::Planned {
                steps,
                steps_per_epoch,
            } => vec![format!(
                "plan     {}, {} an epoch",
                words::counted(*steps, "step"),
                words::count(*steps_per_epoch),
            )],
            Event::Stepped(step) => self.stepped(step, envelope.at_ms),
            Event::Evaluated(evaluation) => evaluated(evaluation),
            Event::Mixed(mix) if is_new_mix => vec![format!(
                "{:>8}  batches hold {}",
                words::count(mix.step),
                words::one_line(&words::mix(mix))
            )],
            Event::Sampled { step, prompt, text } => vec![format!(
                "{:>8}  wrote {:?}",
                words::count(*step),
                format!("{prompt}{text}")
            )],
            Event::CheckpointSaved {
                step,
                name,
                bytes,
                best,
                ..
            } => vec![format!(
                "{:>8}  saved {name} ({}{})",
                words::count(*step),
                words::bytes(*bytes),
                if *best { ", the best so far" } else { "" },
            )],
            Event::Exported { name, bytes } => {
                vec![format!("weights  {name} ({})", words::bytes(*bytes))]
            }
            _ => self.remark(&envelope.event),
        }
    }

    fn stepped(&mut self, step: &Step, at_ms: u64) -> Vec<String> {
        let due = self
            .reported_ms
            .is_none_or(|before| at_ms.saturating_sub(before) >= STEPS_EVERY_MS);
        if !due && step.step != self.board.steps_planned {
            return Vec::new();
        }
        self.reported_ms = Some(at_ms);
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.headed, true) {
            lines.push(format!(
                "{:>8}  {:>5}  {:>9}  {:>8}  {:>9}  {:>9}  {}",
                "step", "epoch", "loss", "accuracy", "lr", "samples/s", "left"
            ));
        }
        let accuracy = step
            .accuracy
            .map_or_else(|| "-".into(), |share| words::percent(share.0));
        let per_second = step.samples as f64 * 1e6 / step.duration_us as f64;
        lines.push(format!(
            "{:>8}  {:>5}  {:>9}  {:>8}  {:>9}  {:>9}  {}",
            words::count(step.step),
            step.epoch,
            words::value(step.loss.0),
            accuracy,
            words::setting(step.lr.0),
            words::rate(per_second),
            time_left(&self.board).map_or_else(|| "?".into(), words::duration),
        ));
        lines
    }

    fn remark(&self, event: &Event) -> Vec<String> {
        let line = match event {
            Event::Warning { message } => format!("warning  {message}"),
            Event::Interrupted { interruption, .. } => format!("stopped  {interruption}"),
            Event::StageFailed { stage, error } => format!("failed   {stage}: {error}"),
            Event::StageRetried {
                stage,
                attempt,
                delay_ms,
            } => {
                let delay = words::duration(Duration::from_millis(*delay_ms));
                format!("retry    {stage}: attempt {attempt} in {delay}")
            }
            Event::StageSkipped { stage, reason } => format!("skipped  {stage}: {reason}"),
            Event::CheckpointRejected { name, reason } => {
                format!("warning  checkpoint {name} was not used: {reason}")
            }
            Event::Restored { step, name, .. } => {
                format!("{:>8}  went on from {name}", words::count(*step))
            }
            Event::StoppedEarly {
                step,
                best_step,
                best_loss,
            } => format!(
                "{:>8}  stopped early: the validation loss was lowest at step {}, {}",
                words::count(*step),
                words::count(*best_step),
                words::value(best_loss.0),
            ),
            Event::AnomalyFound(anomaly) => format!("trouble  {anomaly}"),
            Event::Diagnosed(diagnosis) => format!("found    {diagnosis}"),
            Event::Repaired(repair) => format!("repair   {repair}"),
            Event::PersonAsked(ask) => format!("waits    {ask}"),
            Event::PersonAnswered { step, .. } => {
                format!("{:>8}  a person lets it go on", words::count(*step))
            }
            Event::Paused { step } => format!("{:>8}  paused", words::count(*step)),
            Event::Resumed { step } => format!("{:>8}  goes on", words::count(*step)),
            Event::CommandRefused { command, reason } => {
                format!("warning  {command:?} was refused: {reason}")
            }
            _ => return Vec::new(),
        };
        vec![words::one_line(&line)]
    }
}

fn shares(mix: &Mix) -> Vec<Number> {
    mix.domains.iter().map(|domain| domain.share).collect()
}

fn evaluated(measured: &Evaluation) -> Vec<String> {
    let mut line = format!(
        "{:>8}  validation loss {}",
        words::count(measured.step),
        words::value(measured.loss.0)
    );
    let mut add = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            line.push_str(&format!(", {name} {text}"));
        }
    };
    add(
        "accuracy",
        measured.accuracy.map(|share| words::percent(share.0)),
    );
    add("exact", measured.exact.map(|share| words::percent(share.0)));
    add(
        "bits a byte",
        measured.bits_per_byte.map(|bits| words::value(bits.0)),
    );
    if measured.best {
        line.push_str(" (the best so far)");
    }
    let mut lines = vec![line];
    if !measured.domains.is_empty() {
        let domains = words::one_line(&words::domains(&measured.domains));
        lines.push(format!("{:>8}  of which {domains}", ""));
    }
    lines
}

/// How long the rest of the training takes, if it goes on as it went so far; `None` before the
/// first step, or where the end is not known.
pub(crate) fn time_left(board: &Board) -> Option<Duration> {
    let done = board.current_step();
    let left = board.steps_planned.checked_sub(done)?;
    if done == 0 || board.trained_us == 0 {
        return None;
    }
    let us = board.trained_us as f64 / done as f64 * left as f64;
    Duration::try_from_secs_f64(us / 1e6).ok()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::scripted;

    fn printed(script: &scripted::Script) -> String {
        let mut plain = Plain::default();
        let lines = script
            .envelopes
            .iter()
            .flat_map(|envelope| plain.lines(envelope));
        lines.map(|line| line + "\n").collect()
    }

    #[test]
    fn a_mixture_in_lines() {
        let all = printed(&scripted::mixture());
        let lines = all.lines().filter(|line| line.contains("sums"));
        let lines: Vec<&str> = lines.map(str::trim_start).collect();
        expect![[r#"
            0  batches hold 100.0 % sums
            of which sums 0.1000 (90.5 %), words 2.2500 (10.5 %)
            of which sums 0.0500 (95.1 %), words 0.5625 (57.0 %)
            of which sums 0.0333 (96.7 %), words 0.2500 (77.9 %)
            of which sums 0.0250 (97.5 %), words 0.1406 (86.9 %)
            100  batches hold 1.0 % sums, 99.0 % words
            of which sums 0.0200 (98.0 %), words 0.0900 (91.4 %)
            of which sums 2.0200 (13.3 %), words 0.0625 (93.9 %)
            120  batches hold 5.0 % sums, 95.0 % words
            of which sums 4.0200 (1.8 %), words 0.0459 (95.5 %)
            140  batches hold 9.0 % sums, 91.0 % words
            of which sums 6.0200 (0.2 %), words 0.0352 (96.5 %)
            160  batches hold 13.0 % sums, 87.0 % words
            of which sums 8.0200 (0.0 %), words 0.0278 (97.3 %)
            180  batches hold 17.0 % sums, 83.0 % words
            of which sums 10.02 (0.0 %), words 0.0225 (97.8 %)
            200  batches hold 21.0 % sums, 79.0 % words"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_run_in_lines() {
        expect![[r#"
            run      digits-20231114-221320 (digits)
            data     1,797 handwritten digits (UCI): 1,438 to train on, 359 held out
            plan     450 steps, 45 an epoch
            device   cpu: the only device here
            model    17,226 parameters
                step  epoch       loss  accuracy         lr  samples/s  left
                   1      1     2.5163    10.0 %      0.003      8,000  1.8 s
                  45  validation loss 0.6769, accuracy 72.9 % (the best so far)
                  90  validation loss 0.4000, accuracy 84.0 % (the best so far)
                 135  validation loss 0.2839, accuracy 88.6 % (the best so far)
                 180  validation loss 0.2200, accuracy 91.2 % (the best so far)
                 225  validation loss 0.1796, accuracy 92.8 % (the best so far)
                 225  saved step-000000225-1f3a9c2e (210.3 kB, the best so far)
                 270  validation loss 0.1517, accuracy 93.9 % (the best so far)
                 315  validation loss 0.1313, accuracy 94.7 % (the best so far)
                 360  validation loss 0.1158, accuracy 95.4 % (the best so far)
                 405  validation loss 0.1035, accuracy 95.9 % (the best so far)
                 450     10     0.0832    96.8 %      0.003      8,000  0.0 s
                 450  validation loss 0.0936, accuracy 96.3 % (the best so far)
            weights  export/model.safetensors (69.9 kB)
        "#]]
        .assert_eq(&printed(&scripted::finished_digits()));
    }

    #[test]
    fn a_model_that_writes() {
        expect![[r#"
            run      text-20231114-221320 (text)
            warning  the text has 3 characters that occur once
            plan     2,000 steps, 1,450 an epoch
                step  epoch       loss  accuracy         lr  samples/s  left
                   1      1     2.5163    10.0 %      0.003      8,000  8.0 s
                  68      2     0.5695    78.1 %      0.003      8,000  7.7 s
                 135      3     0.2895    88.9 %      0.003      8,000  7.5 s
                 202      5     0.1816    93.0 %      0.003      8,000  7.2 s
                 250  wrote "\nROMEO:\nWhat light through 250 yonder\u{1b}[2J window breaks?"
                 266      6     0.1563    94.0 %      0.003      8,000  6.9 s
                 333      8     0.1416    94.6 %      0.003      8,000  6.7 s
                 400      9     0.1258    95.2 %      0.003      8,000  6.4 s
                 467     11     0.1058    95.9 %      0.003      8,000  6.1 s
                 500  wrote "\nROMEO:\nWhat light through 500 yonder\u{1b}[2J window breaks?"
        "#]]
        .assert_eq(&printed(&scripted::text()));
    }

    #[test]
    fn steps_are_reported_now_and_then_whatever_their_speed() {
        // 500 steps of 30 ms take 15 s: one report every two seconds, and the first one.
        let steps = scripted::text().envelopes;
        let mut plain = Plain::default();
        let reports = steps
            .iter()
            .filter(|envelope| matches!(envelope.event, Event::Stepped(_)))
            .filter(|envelope| !plain.lines(envelope).is_empty());
        assert_eq!(reports.count(), 8);
    }
}
