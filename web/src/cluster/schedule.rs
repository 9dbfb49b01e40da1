//! One step as the pipeline does it: a row for each stage, a bar for each micro-step.

use kitchen_core::sim::trace::{Direction, Operation, Trace};
use kitchen_core::words;
use yew::{Html, html};

use crate::draw::canvas::{Brush, measure};
use crate::draw::shapes::{Rect, Texts, Tone};
use crate::stage::Stage;

/// Room on the left for the names of stages, in CSS pixels.
const NAMES: f64 = 24.0;
/// The tallest row.
const TALLEST: f64 = 28.0;

/// The place of the schedule.
pub(super) fn view() -> Html {
    html! {
        <section class="card" aria-labelledby="schedule-title">
            <h2 id="schedule-title">{ "The pipeline of a step" }</h2>
            <canvas id="schedule" class="curve" role="img"></canvas>
            <p id="schedule-reason" class="problems"></p>
            <p class="quiet">{ "A row is a stage, a bar a micro-step with its number: forward in the first colour, backward in the second. What is empty is the bubble; at the end come gradients and the optimizer." }</p>
        </section>
    }
}

/// Why there is no picture; empty where there is one.
pub(super) fn reason(trace: &Result<Trace, String>) -> String {
    let told = |refusal| format!("Stages with several chunks are not drawn here: {refusal}.");
    trace.as_ref().err().map(told).unwrap_or_default()
}

/// Draws the operations of the slowest replica, and says them in words. Where there are none, the
/// picture of the run before is wiped away.
pub(super) fn draw(stage: &Stage<'_>, trace: &Result<Trace, String>) -> String {
    let brush = Brush::begin(
        &stage.context,
        stage.palette,
        stage.ratio,
        (stage.width, stage.height),
    );
    let Ok(trace) = trace else {
        return reason(trace);
    };
    let stages = trace.operations.iter().map(|it| it.stage + 1).max();
    let stages = stages.unwrap_or(1);
    let row = (stage.height / f64::from(stages)).min(TALLEST);
    let scale = (stage.width - NAMES) / trace.seconds.max(f64::MIN_POSITIVE);
    let place = |operation: &Operation| Rect {
        left: NAMES + operation.start * scale,
        top: f64::from(operation.stage) * row + 1.0,
        width: (operation.end - operation.start) * scale,
        height: (row - 2.0).max(1.0),
    };
    let measure = measure(&stage.context);
    let mut texts = Texts::new(&measure, stage.width);
    for operation in &trace.operations {
        let rect = place(operation);
        let colour = stage.palette.of_series(match operation.pass {
            Direction::Forward => 0,
            Direction::Backward => 1,
        });
        brush.fill(colour, 1.0);
        brush.rect(rect);
        brush.pen(stage.palette.surface, 1.0, 0.5, &[]);
        brush.frame(rect);
        if rect.width > 16.0 && row > 15.0 {
            let on = colour.clearer(stage.palette.surface, stage.palette.ink);
            let middle = rect.left + rect.width / 2.0;
            let number = operation.micro.to_string();
            texts.put(
                &number,
                middle,
                rect.top + row / 2.0 + 3.0,
                0.5,
                Tone::On(on),
            );
        }
    }
    let end = trace.operations.iter().fold(0.0, |end, it| it.end.max(end));
    brush.fill(stage.palette.quiet, 0.5);
    brush.rect(Rect {
        left: NAMES + end * scale,
        top: 1.0,
        width: (trace.seconds - end) * scale,
        height: (f64::from(stages) * row - 2.0).max(1.0),
    });
    if row > 10.0 {
        for number in 0..stages {
            let baseline = f64::from(number) * row + row / 2.0 + 4.0;
            texts.put(&number.to_string(), 2.0, baseline, 0.0, Tone::Quiet);
        }
    }
    brush.texts(&texts.into_placed());
    describe(trace, stages)
}

fn describe(trace: &Trace, stages: u32) -> String {
    let busy: f64 = trace.operations.iter().map(|it| it.end - it.start).sum();
    let end = trace.operations.iter().fold(0.0, |end, it| it.end.max(end));
    let idle = 1.0 - busy / (f64::from(stages) * end.max(f64::MIN_POSITIVE));
    format!(
        "{}, {} in {} s; stages wait {} of the time until the last backward pass",
        words::counted(u64::from(stages), "stage"),
        words::counted(trace.operations.len() as u64, "operation"),
        words::value(trace.seconds),
        words::percent(idle.max(0.0)),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_core::sim::Constants;
    use kitchen_core::sim::story::{LayoutSpec, Scenario, Setting};
    use kitchen_core::sim::trace::trace;

    use super::*;

    /// The picture of `small` in 12 chunks, with so many sequences in a micro-step.
    fn picture(micro_batch: u32) -> Result<Trace, String> {
        let mut spec = Scenario::named("small").unwrap().spec().unwrap();
        spec.layout = Some(LayoutSpec {
            pp: 4,
            vp: 3,
            micro_batch,
            ..LayoutSpec::default()
        });
        let job = Setting::of(spec).unwrap().job;
        let found = trace(&job, &Constants::bundled().unwrap(), |_, _| 1.0);
        found.map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn what_is_not_drawn_is_told_with_its_reason() {
        assert_eq!(reason(&picture(12)), "");
        assert_eq!(
            reason(&picture(16)),
            "Stages with several chunks are not drawn here: micro-steps (15) is not a multiple of \
             pp (4); the nearest that is: 16."
        );
    }
}
