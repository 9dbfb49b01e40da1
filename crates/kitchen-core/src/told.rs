//! The moments of a simulated run in words, each on a line of at most 80 columns.

use std::time::Duration;

use kitchen_sim::story::{Event, shard_file};

use crate::words;

/// Characters of a bar.
const BAR: usize = 20;

/// What a moment says, if it says something by itself.
pub fn told(event: &Event) -> Option<String> {
    remark(event)
        .or_else(|| opening(event))
        .or_else(|| ending(event))
}

/// What is told before the first step.
fn opening(event: &Event) -> Option<String> {
    let text = match event {
        Event::Began { run, seed } => format!("run       {run}, seed {seed}"),
        Event::Model { name, params } => {
            format!("model     {name}, {} parameters", words::count(*params))
        }
        Event::Shape {
            layers,
            hidden,
            heads,
            vocab,
        } => format!(
            "          {layers} layers, hidden {}, {heads} heads, vocabulary {}",
            words::count(u64::from(*hidden)),
            words::count(u64::from(*vocab)),
        ),
        Event::Tokenizer { vocab, share } => format!(
            "tokenizer {} {} of {} tokens",
            bar(*share),
            words::percent(*share),
            words::count(u64::from(*vocab)),
        ),
        Event::Dataset { name, samples } => format!(
            "data      {}: {} samples",
            words::one_line(name),
            words::count(*samples)
        ),
        Event::Tokens { train, held_out } => format!(
            "          {} tokens, {} more held out",
            words::count(*train),
            words::count(*held_out)
        ),
        Event::Gpus { found, of } => format!("gpus      {found} of {of} found"),
        Event::Card { name, gib } => format!("          {name}, {gib} GiB each"),
        Event::Nccl { ranks, of, nodes } => {
            format!("nccl      {ranks} of {of} ranks connected, on {nodes} nodes")
        }
        other => return plan(other),
    };
    Some(text)
}

/// What is planned.
fn plan(event: &Event) -> Option<String> {
    let text = match event {
        Event::Layout {
            tp,
            cp,
            pp,
            vp,
            dp,
            ep,
        } => format!("layout    tp {tp}, cp {cp}, pp {pp}, vp {vp}, dp {dp}, ep {ep}"),
        Event::Sharding { rule, ranks } => format!("sharding  {rule}, over {ranks} ranks"),
        Event::Precision { linear, optimizer } => {
            format!("precision mixed: {linear} in linear layers, {optimizer} in the optimizer")
        }
        Event::States {
            weights,
            grads,
            optim,
        } => format!(
            "memory    weights {weights:.2} GiB, gradients {grads:.2}, optimizer {optim:.2}"
        ),
        Event::Memory {
            activations,
            sum,
            of,
        } => format!(
            "          activations {activations:.2}; {sum:.2} of {of} GiB in all ({})",
            words::percent(sum / of)
        ),
        Event::Plan {
            steps,
            epochs,
            batch,
        } => format!(
            "plan      {}, batches of {}, {}",
            words::counted(*steps, "step"),
            words::count(u64::from(*batch)),
            words::counted(*epochs, "epoch"),
        ),
        Event::Schedule { peak, warmup, end } => format!(
            "schedule  lr up to {} over {}, then down to {}",
            words::setting(*peak),
            words::counted(*warmup, "step"),
            words::setting(*end),
        ),
        Event::Predicted { step_s, mfu } => format!(
            "step      {} s predicted, MFU {}",
            words::value(*step_s),
            words::percent(*mfu)
        ),
        _ => return None,
    };
    Some(text)
}

/// What is told between steps.
fn remark(event: &Event) -> Option<String> {
    let text = match event {
        Event::Epoch { epoch, of } => format!("epoch     {epoch} of {of}"),
        Event::Validating { step, samples } => format!(
            "{:>8}  validation begins: {} samples",
            words::count(*step),
            words::count(*samples)
        ),
        Event::Looked { share } => {
            format!("{:10}{} {}", "", bar(*share), words::percent(*share))
        }
        Event::Validated { step, loss, ppl } => format!(
            "{:>8}  validation loss {loss:.4}, ppl {ppl:.3}",
            words::count(*step)
        ),
        Event::Saving { step } => format!("{:>8}  saving a checkpoint", words::count(*step)),
        Event::Saved { step, bytes, took } => format!(
            "{:>8}  saved {} in {took:.1} s",
            words::count(*step),
            words::bytes(*bytes)
        ),
        Event::Checkpoint { path } => format!("{:10}as {path}", ""),
        other => return misfortune(other),
    };
    Some(text)
}

/// What goes wrong, and how it is mended.
fn misfortune(event: &Event) -> Option<String> {
    let text = match event {
        Event::Trouble { what, lasts } => match lasts {
            Some(lasts) => format!("trouble   {what}, for {}", clock(*lasts)),
            None => format!("trouble   {what}"),
        },
        Event::Over { what } => format!("over      {what}"),
        Event::Ecc {
            node,
            gpu,
            corrected,
        } => format!(
            "ecc       node {node}, GPU {gpu}: {} corrected",
            words::counted(u64::from(*corrected), "error")
        ),
        Event::Hot {
            rack,
            celsius,
            clock,
        } => format!(
            "heat      rack {rack}: {celsius:.1} °C, clocks at {}",
            words::percent(*clock)
        ),
        Event::Failed { node, gpu, lost } => {
            let gpu = gpu.map_or_else(String::new, |gpu| format!(", GPU {gpu}"));
            format!(
                "failed    node {node}{gpu}: {} lost",
                words::counted(*lost, "step")
            )
        }
        Event::Cause { cause } => format!("cause     {cause}"),
        Event::Restarting { path } => format!("restart   all ranks, from {path}"),
        Event::Replaced { node } => format!("replaced  node {node}"),
        Event::RolledBack { lost } => {
            format!("rollback  {} undone", words::counted(*lost, "step"))
        }
        Event::Resumed { step } => format!("resumed   at step {}", words::count(*step)),
        _ => return None,
    };
    Some(text)
}

/// What is told after the last step.
fn ending(event: &Event) -> Option<String> {
    let text = match event {
        Event::Export { format, shards } => format!(
            "export    to {format} in 16 bits, {}",
            words::counted(u64::from(*shards), "shard")
        ),
        Event::ExportSize { bytes } => format!("          {} in all", words::bytes(*bytes)),
        Event::Shard { number, of, bytes } => {
            format!(
                "          {} ({})",
                shard_file(*number, *of),
                words::bytes(*bytes)
            )
        }
        Event::Exported { path } => format!("exported  {path}"),
        other => return summary(other),
    };
    Some(text)
}

/// What a run came to, in a few lines.
pub fn summary(event: &Event) -> Option<String> {
    let text = match event {
        Event::Ended { steps, of, hours } => format!(
            "summary   {} of {} steps in {}",
            words::count(*steps),
            words::count(*of),
            clock(hours * 3600.0)
        ),
        Event::Final {
            loss,
            ppl,
            held_out,
        } => {
            let number = |value: &Option<f64>| match value {
                Some(value) => words::value(*value),
                None => "none".to_owned(),
            };
            format!(
                "          final loss {}, ppl {}, validation loss {}",
                number(loss),
                number(ppl),
                number(held_out)
            )
        }
        Event::Spent { tokens, gpu_h, kwh } => format!(
            "          {} tokens, {} GPU hours, {} kWh",
            words::count(*tokens),
            words::value(*gpu_h),
            words::value(*kwh)
        ),
        Event::Time {
            steps,
            saves,
            lost,
            down,
        } => {
            format!(
                "          {} of the time in steps, {} saving",
                words::percent(*steps),
                words::percent(*saves)
            ) + &format!(
                ", {} lost, {} down",
                words::percent(*lost),
                words::percent(*down)
            )
        }
        Event::Failures { failures, replaced } => format!(
            "          {}, {} replaced",
            words::counted(u64::from(*failures), "failure"),
            words::counted(u64::from(*replaced), "node")
        ),
        _ => return None,
    };
    Some(text)
}

/// A share as a bar.
pub fn bar(share: f64) -> String {
    let full = (share.clamp(0.0, 1.0) * BAR as f64) as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(BAR - full))
}

/// Simulated seconds as a clock shows them: `0:12:33`, `3d 01:02`.
pub fn clock(seconds: f64) -> String {
    if !(0.0..1e9).contains(&seconds) {
        return "?".to_owned();
    }
    let whole = seconds as u64;
    if whole < 60 {
        return words::duration(Duration::from_secs(whole));
    }
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    if days > 0 {
        format!("{days}d {hours:02}:{minutes:02}")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_read_well() {
        for (seconds, expected) in [
            (5.9, "5.0 s"),
            (59.0, "59 s"),
            (60.0, "0:01:00"),
            (7754.0, "2:09:14"),
            (90_000.0, "1d 01:00"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(clock(seconds), expected);
        }
    }
}
