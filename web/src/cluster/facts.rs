//! The numbers beside the controls: those of the terminal's screen, from the same board.

use kitchen_core::sim::story::{Event, Player};
use kitchen_core::told::clock;
use kitchen_core::words;
use web_sys::Document;
use yew::{Html, html};

use crate::frames::write;

/// What they are called, by the ids of their places.
const NAMES: [(&str, &str); 17] = [
    ("fact-time", "time"),
    ("fact-step", "step"),
    ("fact-epoch", "epoch"),
    ("fact-loss", "loss"),
    ("fact-ppl", "perplexity"),
    ("fact-lr", "lr"),
    ("fact-tokens", "tokens/s"),
    ("fact-samples", "samples/s"),
    ("fact-seconds", "step time"),
    ("fact-reduce", "all-reduce"),
    ("fact-gradient", "gradient"),
    ("fact-memory", "mean memory"),
    ("fact-busy", "busy"),
    ("fact-power", "power"),
    ("fact-heat", "mean heat"),
    ("fact-goodput", "goodput"),
    ("fact-failures", "failures"),
];

/// Their places.
pub(super) fn view() -> Html {
    html! {
        <dl class="facts">
            { for NAMES.iter().map(|(id, name)| html! {
                <div class="fact"><dt>{ *name }</dt><dd id={*id}>{ "–" }</dd></div>
            }) }
        </dl>
    }
}

/// Writes them.
pub(super) fn put(document: &Document, player: &Player) {
    for ((id, _), text) in NAMES.iter().zip(texts(player)) {
        write(document, id, text.as_deref().unwrap_or("–"));
    }
}

/// What they are, in the order of [`NAMES`]; what was not told yet is absent.
fn texts(player: &Player) -> [Option<String>; NAMES.len()] {
    let board = &player.board;
    let setting = player.story().setting();
    let (seconds, tokens, samples) = match board.rate {
        Some(Event::Rate {
            step_s,
            tok_s,
            seq_s,
        }) => (Some(step_s), Some(tok_s), Some(seq_s)),
        _ => (None, None, None),
    };
    let reduce = match board.comm {
        Some(Event::Comm { dp, .. }) => Some(format!("{} ms", words::count(dp.round() as u64))),
        _ => None,
    };
    let gradient = match board.gradient {
        Some(Event::Gradient { norm, clip }) if clip < 1.0 => Some(format!("{norm:.3}, clipped")),
        Some(Event::Gradient { norm, .. }) => Some(format!("{norm:.3}")),
        _ => None,
    };
    let (memory, busy, heat, watts) = match board.fleet {
        Some(Event::Fleet {
            gib,
            used,
            temp,
            watts,
        }) => (Some(gib), Some(used), Some(temp), Some(watts)),
        _ => (None, None, None, None),
    };
    let memory = memory.zip(board.card.as_ref());
    let gpus = f64::from(setting.job.cluster.devices);
    let (step, steps) = (words::count(board.step), words::count(setting.steps));
    let (epoch, epochs) = board.epoch;
    [
        Some(clock(player.now)),
        Some(format!("{step} of {steps}")),
        (epoch > 0).then(|| format!("{} of {}", words::count(epoch), words::count(epochs))),
        board.loss.map(|loss| format!("{loss:.4}")),
        board.ppl.map(words::value),
        board.lr.map(words::setting),
        tokens.map(words::rate),
        samples.map(words::rate),
        seconds.map(|it| format!("{} s", words::value(it))),
        reduce,
        gradient,
        memory.map(|(gib, (_, of))| format!("{gib:.1} of {of} GiB")),
        busy.map(words::percent),
        watts.map(|it| format!("{} kW", words::value(it * gpus / 1e3))),
        heat.map(|it| format!("{it:.0} °C")),
        goodput(player).map(words::percent),
        Some(words::count(u64::from(board.failures))),
    ]
}

/// The share of the time since the first step began that was spent on steps that count.
fn goodput(player: &Player) -> Option<f64> {
    let setting = player.story().setting();
    let passed = player.board.at - setting.setup.seconds();
    let useful = player.board.step as f64 * setting.plan.step;
    (passed > 0.0).then(|| (useful / passed).min(1.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_core::sim::story::SCENARIOS;

    use super::*;

    /// What the first scenario shows then.
    fn shown(at: f64) -> Vec<(&'static str, Option<String>)> {
        let mut player = Player::new(SCENARIOS[0].spec().unwrap(), 1.0).unwrap();
        player.seek(at);
        let names = NAMES.iter().map(|(_, name)| *name);
        names.zip(texts(&player)).collect()
    }

    #[test]
    fn each_number_stands_by_its_name() {
        let shown = shown(222.0);
        for (name, expected) in [
            ("step", "32 of 1,024"),
            ("epoch", "1 of 2"),
            ("lr", "0.00015"),
            ("tokens/s", "657,725"),
            ("samples/s", "80"),
            ("all-reduce", "416 ms"),
            ("gradient", "1.034, clipped"),
            ("mean memory", "59.4 of 80 GiB"),
            ("failures", "0"),
        ] {
            let found = shown.iter().find(|(other, _)| *other == name).unwrap();
            assert_eq!(found.1.as_deref(), Some(expected), "{name}");
        }
        assert!(shown.iter().all(|(_, text)| text.is_some()), "{shown:?}");
    }

    #[test]
    fn what_was_not_told_yet_is_absent() {
        let absent = shown(0.0).into_iter().filter(|(_, text)| text.is_none());
        assert_eq!(absent.count(), NAMES.len() - 3);
    }
}
