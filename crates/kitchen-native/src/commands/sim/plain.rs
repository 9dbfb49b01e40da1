//! A simulated run as plain lines of at most 80 columns.

use kitchen_core::sim::story::{Board, Event, Moment};
use kitchen_core::told::{bar, clock, told};
use kitchen_core::words;

/// Reports between two that tell of communication and GPUs too.
const DETAILS_EVERY: u64 = 4;

/// Turns moments into lines.
#[derive(Debug, Default)]
pub(super) struct Plain {
    board: Board,
    reports: u64,
    headed: bool,
}

impl Plain {
    /// The lines that a moment is worth.
    pub(super) fn tell(&mut self, moment: &Moment) -> Vec<String> {
        self.board.apply(moment);
        // What GPUs do is the last of a report.
        if let Event::Fleet { .. } = moment.event {
            return self.report();
        }
        told(&moment.event).into_iter().collect()
    }

    fn report(&mut self) -> Vec<String> {
        let board = &self.board;
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.headed, true) {
            lines.push(format!(
                "{:>9}  {:>7}  {:>8}  {:>10}  {:>10}  {:>6}  {:>8}  {:>8}",
                "step", "loss", "ppl", "lr", "tokens/s", "seq/s", "elapsed", "left"
            ));
        }
        let (tokens, sequences) = match board.rate {
            Some(Event::Rate { tok_s, seq_s, .. }) => (words::rate(tok_s), words::rate(seq_s)),
            _ => Default::default(),
        };
        lines.push(format!(
            "{:>9}  {:>7.4}  {:>8}  {:>10}  {:>10}  {:>6}  {:>8}  {:>8}",
            words::count(board.step),
            board.loss.unwrap_or(f64::NAN),
            ppl(board.ppl.unwrap_or(f64::NAN)),
            words::setting(board.lr.unwrap_or(f64::NAN)),
            tokens,
            sequences,
            clock(board.at),
            board.eta_s.map_or_else(String::new, clock),
        ));
        if self.reports.is_multiple_of(DETAILS_EVERY) {
            lines.extend(details(board));
        }
        self.reports += 1;
        lines
    }
}

/// Progress, communication and GPUs.
fn details(board: &Board) -> Vec<String> {
    let (epoch, epochs) = board.epoch;
    let share = board.step as f64 / board.steps.max(1) as f64;
    let mut lines = vec![format!(
        "{:10}{} {}, epoch {epoch} of {epochs}",
        "",
        bar(share),
        words::percent(share),
    )];
    let mut add = |text: Option<String>| lines.extend(text.map(|text| format!("{:10}{text}", "")));
    add(board.comm.as_ref().and_then(communication));
    add(board.gradient.as_ref().and_then(gradient));
    add(board.fleet.as_ref().and_then(|fleet| gpus(board, fleet)));
    lines
}

/// All-reduce times, in words.
pub(super) fn communication(event: &Event) -> Option<String> {
    let Event::Comm { dp, tp, pp, wait } = event else {
        return None;
    };
    let ms = |value: &f64| words::count(value.round() as u64);
    Some(format!(
        "all-reduce {} ms, in layers {}, stages {}, waiting {}",
        ms(dp),
        ms(tp),
        ms(pp),
        ms(wait),
    ))
}

/// The gradient, in words.
pub(super) fn gradient(event: &Event) -> Option<String> {
    match event {
        Event::Gradient { norm, clip } if *clip < 1.0 => {
            Some(format!("gradient {norm:.3}, clipped to 1"))
        }
        Event::Gradient { norm, .. } => Some(format!("gradient {norm:.3}")),
        _ => None,
    }
}

/// What GPUs do, in words.
pub(super) fn gpus(board: &Board, event: &Event) -> Option<String> {
    let Event::Fleet {
        gib,
        used,
        temp,
        watts,
    } = event
    else {
        return None;
    };
    let of = board.card.as_ref().map_or(f64::NAN, |(_, gib)| *gib);
    Some(format!(
        "gpus {gib:.1} of {of} GiB ({}), {} busy, {temp:.0} °C, {watts:.0} W",
        words::percent(gib / of),
        words::percent(*used),
    ))
}

/// Perplexity in at most eight characters, unless it is worse than guessing.
pub(super) fn ppl(value: f64) -> String {
    if value < 1000.0 {
        format!("{value:.2}")
    } else {
        words::rate(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use expect_test::expect;
    use kitchen_core::sim::story::{SCENARIOS, Scenario, Story};

    use super::*;

    fn lines(name: &str) -> Vec<String> {
        let spec = Scenario::named(name).unwrap().spec().unwrap();
        let mut plain = Plain::default();
        let story = Story::of(spec).unwrap();
        story.flat_map(|moment| plain.tell(&moment)).collect()
    }

    #[test]
    fn lines_have_80_columns() {
        for scenario in SCENARIOS {
            for line in lines(scenario.name) {
                assert!(line.chars().count() <= 80, "{}: {line}", scenario.name);
            }
        }
    }

    #[test]
    fn a_night_in_lines() {
        let all = lines("first-night");
        let short: Vec<&str> = all.iter().map(String::as_str).take(48).collect();
        expect![[r#"
            run       first-night, seed 1
            model     llama3-8b, 8,029,995,008 parameters
                      32 layers, hidden 4,096, 32 heads, vocabulary 128,256
            tokenizer [#####---------------] 25.0 % of 128,256 tokens
            tokenizer [##########----------] 50.0 % of 128,256 tokens
            tokenizer [###############-----] 75.0 % of 128,256 tokens
            tokenizer [####################] 100.0 % of 128,256 tokens
            data      web text: 262,144 samples
                      2,147,483,648 tokens, 8,388,608 more held out
            gpus      8 of 64 found
            gpus      16 of 64 found
            gpus      24 of 64 found
            gpus      32 of 64 found
            gpus      40 of 64 found
            gpus      48 of 64 found
            gpus      56 of 64 found
            gpus      64 of 64 found
                      H100 SXM 80GB, 80 GiB each
            nccl      8 of 64 ranks connected, on 8 nodes
            nccl      16 of 64 ranks connected, on 8 nodes
            nccl      24 of 64 ranks connected, on 8 nodes
            nccl      32 of 64 ranks connected, on 8 nodes
            nccl      40 of 64 ranks connected, on 8 nodes
            nccl      48 of 64 ranks connected, on 8 nodes
            nccl      56 of 64 ranks connected, on 8 nodes
            nccl      64 of 64 ranks connected, on 8 nodes
            layout    tp 1, cp 1, pp 1, vp 1, dp 64, ep 1
            sharding  zero2, over 64 ranks
            precision mixed: bf16 in linear layers, fp32 in the optimizer
            memory    weights 14.96 GiB, gradients 0.23, optimizer 1.40
                      activations 41.83; 59.42 of 80 GiB in all (74.3 %)
            plan      1,024 steps, batches of 512, 2 epochs
            schedule  lr up to 0.0003 over 64 steps, then down to 0.00003
            step      6.3770 s predicted, MFU 53.5 %
            epoch     1 of 2
                 step     loss       ppl          lr    tokens/s   seq/s   elapsed      left
                    1  11.7796   130,562    4.687e-6     657,725      80      21 s   1:51:26
                      [--------------------] 0.1 %, epoch 1 of 2
                      all-reduce 416 ms, in layers 0, stages 0, waiting 80
                      gradient 3.138, clipped to 1
                      gpus 59.4 of 80 GiB (74.2 %), 98.5 % busy, 38 °C, 629 W
                    8  10.8533    51,704   0.0000375     657,725      80   0:01:06   1:50:40
                   16   8.2424     3,799    0.000075     657,725      80   0:01:57   1:49:48
                   24   6.5970    732.89   0.0001125     657,725      80   0:02:48   1:48:56
                   32   5.6510    284.58     0.00015     657,725      80   0:03:39   1:48:03
                      [--------------------] 3.1 %, epoch 1 of 2
                      all-reduce 416 ms, in layers 0, stages 0, waiting 80
                      gradient 1.034, clipped to 1"#]]
        .assert_eq(&short.join("\n"));
        let failure = all
            .iter()
            .position(|line| line.starts_with("failed"))
            .unwrap();
        expect![[r#"
            trouble   gpu failure
            failed    node 5, GPU 3: 96 steps lost
            cause     faulty gpu
            restart   all ranks, from runs/first-night/step-00000640
            replaced  node 5
            resumed   at step 640
                  648   2.7480     15.61   0.0001199     657,284      80   1:28:06   0:40:59
                  656   2.7438     15.55   0.0001166     657,284      80   1:28:57   0:40:07
                  664   2.7430     15.53   0.0001133     657,284      80   1:29:48   0:39:14"#]]
        .assert_eq(&all[failure - 1..failure + 8].join("\n"));
        expect![[r#"
                      all-reduce 416 ms, in layers 0, stages 0, waiting 81
                      gradient 0.264
                      gpus 59.4 of 80 GiB (74.2 %), 98.4 % busy, 64 °C, 629 W
               1,024  validation begins: 1,024 samples
                      [#####---------------] 25.0 %
                      [##########----------] 50.0 %
                      [###############-----] 75.0 %
                      [####################] 100.0 %
               1,024  validation loss 2.6636, ppl 14.348
               1,024  saving a checkpoint
               1,024  saved 112.4 GB in 16.1 s
                      as runs/first-night/step-00001024
            export    to safetensors in 16 bits, 4 shards
                      16.1 GB in all
                      model-00001-of-00004.safetensors (4.0 GB)
                      model-00002-of-00004.safetensors (4.0 GB)
                      model-00003-of-00004.safetensors (4.0 GB)
                      model-00004-of-00004.safetensors (4.0 GB)
            exported  runs/first-night/export
            summary   1,024 of 1,024 steps in 2:09:14
                      final loss 2.6444, ppl 14.07, validation loss 2.6636
                      4,294,967,296 tokens, 137.90 GPU hours, 86.87 kWh
                      84.5 % of the time in steps, 1.7 % saving, 8.0 % lost, 5.4 % down
                      1 failure, 1 node replaced"#]]
        .assert_eq(&all[all.len() - 24..].join("\n"));
    }
}
