//! What a run of the settings would need, told before it is begun.

use std::time::Duration;

use kitchen_core::words;
use kitchen_types::RunConfig;
use kitchen_types::board::Board;
use kitchen_types::page::{Needs, StartRun, ToWorker};
use kitchen_types::question::Estimate;
use yew::{Html, html};

use super::App;

/// What is known of the settings' needs.
#[derive(Default)]
pub(super) struct Known {
    /// The newest question, and the settings that it is about.
    asked: Option<(u64, RunConfig)>,
    answer: Option<Result<Needs, String>>,
}

impl Known {
    /// Takes in an answer. Says whether it is about the settings as they are.
    pub(super) fn hear(&mut self, id: u64, needs: Result<Needs, String>) -> bool {
        let is_newest = self.asked.as_ref().is_some_and(|(asked, _)| *asked == id);
        if is_newest {
            self.answer = Some(needs);
        }
        is_newest
    }
}

impl App {
    /// Asks what the settings need, unless that was asked. Nothing is asked before the first run has
    /// begun, which nothing may delay.
    pub(super) fn ask_for_needs(&mut self) {
        if !self.shown.has_client {
            return;
        }
        let Ok(resolved) = self.settings.resolve() else {
            self.needs = Known::default();
            return;
        };
        let config = resolved.config;
        if matches!(&self.needs.asked, Some((_, asked)) if *asked == config) {
            return;
        }
        self.questions += 1;
        let id = self.questions;
        self.tell(&ToWorker::Estimate {
            id,
            config: Box::new(config.clone()),
        });
        self.needs.asked = Some((id, config));
    }
}

/// What a run of the settings would need. `running` is the run beside it, which says how fast this
/// machine is.
pub(super) fn view(known: &Known, running: Option<&StartRun>, board: &Board) -> Html {
    let (Some((_, config)), Some(answer)) = (&known.asked, &known.answer) else {
        return Html::default();
    };
    match answer {
        // Where nothing can be opened, the run says so itself, with what to do.
        Err(_) => Html::default(),
        Ok(needs) => html! {
            <div id="needs" class="quiet" role="note" aria-label="What it needs">
                <p>{ memory(&needs.estimate) }</p>
                { for too_much(needs).map(|text| html! { <p class="problems">{ text }</p> }) }
                <p>{ time(needs.steps, speed(config, running, board)) }</p>
            </div>
        },
    }
}

fn memory(estimate: &Estimate) -> String {
    format!(
        "{} to learn, in about {} of memory: {} for weights, {} for gradients, {} for the optimizer, \
         {} for activations.",
        words::counted(estimate.parameters, "number"),
        words::bytes(estimate.total()),
        words::bytes(estimate.weights),
        words::bytes(estimate.gradients),
        words::bytes(estimate.optimizer),
        words::bytes(estimate.activations),
    )
}

fn too_much(needs: &Needs) -> Option<String> {
    (needs.estimate.total() > needs.limit_bytes).then(|| {
        format!(
            "That is more than the {} that a tab may use: choose a smaller model or batch.",
            words::bytes(needs.limit_bytes)
        )
    })
}

fn time(steps: u64, step: Option<Duration>) -> String {
    let steps_in_words = words::counted(steps, "step");
    match step {
        None => format!("{steps_in_words}; how long they take is known after the first ones."),
        Some(step) => {
            let all = step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
            format!(
                "{steps_in_words}, about {} as fast as it goes now.",
                words::duration(all)
            )
        }
    }
}

/// How long a step of `config` takes, where the run beside it takes the same ones.
fn speed(config: &RunConfig, running: Option<&StartRun>, board: &Board) -> Option<Duration> {
    let running = &running?.config;
    let same = config.model == running.model
        && config.data == running.data
        && config.optimizer == running.optimizer
        && config.loss == running.loss
        && config.device == running.device
        && board.batch == Some(config.batch);
    // The last of them: the first steps compile, and a tab is not always seen.
    let rates = board.curve("samples_per_second")?.buckets();
    let newest = rates.len().saturating_sub(RECENT);
    let newest = rates.get(newest..).unwrap_or_default();
    let rate = newest.iter().map(|rate| rate.mean()).sum::<f64>() / newest.len() as f64;
    let examples = (config.batch * config.optimizer.accumulate) as f64;
    let seconds = Duration::try_from_secs_f64(examples / rate).ok();
    seconds.filter(|_| same)
}

/// So many points of the curve are now.
const RECENT: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::RunId;
    use kitchen_types::series::Series;

    use super::*;

    #[test]
    fn needs_in_words() {
        let needs = Needs {
            estimate: Estimate {
                parameters: 1_000,
                weights: 4_000,
                gradients: 4_000,
                optimizer: 8_000,
                activations: 84_000,
            },
            limit_bytes: 100_000,
            steps: 2_000,
        };
        assert_eq!(
            memory(&needs.estimate),
            "1,000 numbers to learn, in about 100.0 kB of memory: 4.0 kB for weights, 4.0 kB for \
             gradients, 8.0 kB for the optimizer, 84.0 kB for activations."
        );
        assert_eq!(too_much(&needs), None);
        let less = Needs {
            limit_bytes: 99_999,
            ..needs.clone()
        };
        assert!(too_much(&less).is_some());
        assert_eq!(
            time(needs.steps, Some(Duration::from_millis(5))),
            "2,000 steps, about 10 s as fast as it goes now."
        );
        assert!(time(needs.steps, None).contains("after the first ones"));
    }

    /// At 1,000 examples a second, a batch of 50 takes 50 ms.
    #[test]
    fn the_time_of_a_step_is_that_of_the_same_steps() {
        let config = RunConfig {
            batch: 50,
            ..RunConfig::default()
        };
        let running = StartRun {
            run: RunId::new("a").unwrap(),
            config: config.clone(),
        };
        let mut rates = Series::default();
        // It took its time at first.
        rates.push(1, 1.0);
        for step in 2..100 {
            rates.push(step, 1000.0);
        }
        let mut board = Board::default();
        board.batch = Some(50);
        assert_eq!(speed(&config, Some(&running), &board), None);
        board.series.insert("samples_per_second".into(), rates);
        let step = Some(Duration::from_millis(50));
        assert_eq!(speed(&config, Some(&running), &board), step);
        let longer = RunConfig {
            lr: 0.5,
            seed: 9,
            ..config.clone()
        };
        assert_eq!(speed(&longer, Some(&running), &board), step);
        let larger = RunConfig {
            batch: 100,
            ..config
        };
        assert_eq!(speed(&larger, Some(&running), &board), None);
        assert_eq!(speed(&larger, None, &board), None);
    }
}
