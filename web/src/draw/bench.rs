//! How smoothly charts are drawn while they grow.

use js_sys::Promise;
use kitchen_platform::Stopwatch;
use kitchen_types::bench::ChartBench;
use kitchen_types::number::Number;
use kitchen_types::random::Key;
use kitchen_types::series::Series;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlCanvasElement};

use super::canvas;
use super::chart::{Chart, Curve, Goal, Mark, MarkKind, Scale, Unit, layout, paint};
use super::palette::Palette;

/// Points of each curve at the end.
const POINTS: u64 = 100_000;
/// Points that each curve gains in a frame.
const BATCH: u64 = 100;
/// Curves of each chart.
const RUNS: usize = 3;
/// The charts, as a page of training has them.
const CHARTS: [&str; 4] = ["loss", "accuracy", "learning rate", "gradient norm"];
/// The size of each, in CSS pixels.
const SIZE: (f64, f64) = (460.0, 240.0);

/// Puts four charts of three runs into `host`, draws them once a frame while they grow to a hundred
/// thousand points a curve, and says how that went. Errors where the page cannot draw.
pub async fn run(host: &Element) -> Result<ChartBench, String> {
    let window = web_sys::window().ok_or("there is no window")?;
    let ratio = window.device_pixel_ratio();
    let palette = Palette::read(host);
    let mut canvases = Vec::new();
    for _ in CHARTS {
        canvases.push(add_canvas(host).ok_or("a canvas could not be put into the page")?);
    }
    let mut growth = Growth::new();
    let mut times = Times::default();
    while !growth.is_complete() {
        let now_ms = next_frame(&window).await?;
        let work = Stopwatch::start();
        growth.grow();
        for (index, element) in canvases.iter().enumerate() {
            let context =
                canvas::fit(element, SIZE.0, SIZE.1, ratio).ok_or("a canvas has no context")?;
            let measure = canvas::measure(&context);
            let drawing = layout(&growth.chart(index), SIZE.0, SIZE.1, &measure);
            times.most_segments = times.most_segments.max(drawing.segments() as u64);
            paint(&drawing, &context, &palette, ratio);
        }
        times.frames_ms.push(now_ms);
        times.work_ms.push(work.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times.report())
}

fn add_canvas(host: &Element) -> Option<HtmlCanvasElement> {
    let document = host.owner_document()?;
    let canvas: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
    let style = format!("width:{}px;height:{}px", SIZE.0, SIZE.1);
    canvas.set_attribute("style", &style).ok()?;
    host.append_child(&canvas).ok()?;
    Some(canvas)
}

/// When the next frame begins, in milliseconds.
async fn next_frame(window: &web_sys::Window) -> Result<f64, String> {
    let frame = Promise::new(&mut |resolve, _| {
        // A page without frames is not looked at, and waits.
        let _ = window.request_animation_frame(&resolve);
    });
    let now = JsFuture::from(frame)
        .await
        .map_err(|error| format!("{error:?}"))?;
    JsValue::as_f64(&now).ok_or_else(|| "a frame came without its time".to_owned())
}

/// Runs that grow together.
struct Growth {
    key: Key,
    step: u64,
    /// Of each chart, of each run.
    series: Vec<Vec<Series>>,
}

impl Growth {
    fn new() -> Self {
        Self {
            key: Key::new(1).purpose("bench"),
            step: 0,
            series: vec![vec![Series::default(); RUNS]; CHARTS.len()],
        }
    }

    fn is_complete(&self) -> bool {
        self.step >= POINTS
    }

    fn grow(&mut self) {
        let mut rng = self.key.at(self.step).rng();
        for step in self.step + 1..=self.step + BATCH {
            let progress = step as f64 / POINTS as f64;
            for (chart, runs) in self.series.iter_mut().enumerate() {
                for (run, series) in runs.iter_mut().enumerate() {
                    let noise = rng.uniform();
                    // Now and then a spike, which must stay visible.
                    let spike = if noise > 0.9999 { 5.0 } else { 1.0 };
                    let pace = 1.0 + run as f64;
                    let value = match chart {
                        0 => (2.3 * (-progress * 6.0 * pace).exp() + 0.02 + 0.3 * noise) * spike,
                        1 => 1.0 - 0.9 * (-progress * 5.0 * pace).exp() - 0.1 * noise,
                        2 => 3e-3 / pace * (1.0 - progress),
                        _ => (0.5 + noise) * spike,
                    };
                    series.push(step, value);
                }
            }
        }
        self.step += BATCH;
    }

    fn chart(&self, index: usize) -> Chart<'_> {
        let curves = self.series[index]
            .iter()
            .enumerate()
            .map(|(run, points)| Curve {
                name: format!("run {}", run + 1),
                colour: run,
                dashed: false,
                points,
            });
        let mark = |part: u64| Mark {
            step: part * POINTS / 10,
            kind: if part == 9 {
                MarkKind::Best
            } else {
                MarkKind::Checkpoint
            },
            label: "best".to_owned(),
        };
        Chart {
            title: CHARTS[index].to_owned(),
            curves: curves.collect(),
            scale: if index == 3 {
                Scale::Log
            } else {
                Scale::Linear
            },
            unit: if index == 1 { Unit::Share } else { Unit::Plain },
            goal: Goal::Low,
            smoothing: if index == 2 { 0.0 } else { 0.9 },
            marks: (1..10).map(mark).collect(),
            cursor: Some(self.step / 2),
            ..Chart::default()
        }
    }
}

/// What was timed.
#[derive(Default)]
struct Times {
    frames_ms: Vec<f64>,
    work_ms: Vec<f64>,
    most_segments: u64,
}

impl Times {
    fn report(mut self) -> ChartBench {
        let between = self.frames_ms.windows(2).map(|pair| pair[1] - pair[0]);
        let worst_frame_ms = between.clone().fold(0.0, f64::max);
        let whole_ms: f64 = between.clone().sum();
        let frames = between.count() as u64;
        self.work_ms.sort_by(f64::total_cmp);
        let worst_work_ms = self.work_ms.last().copied();
        let median_work_ms = self.work_ms.get(self.work_ms.len() / 2).copied();
        // What was not timed is not a number, rather than 0.
        let number = |value: Option<f64>| Number(value.unwrap_or(f64::NAN));
        ChartBench {
            name: "chart".to_owned(),
            points: POINTS,
            runs: RUNS as u64,
            charts: CHARTS.len() as u64,
            frames,
            frames_per_second: Number(frames as f64 * 1e3 / whole_ms),
            worst_frame_ms: Number(worst_frame_ms),
            median_work_ms: number(median_work_ms),
            worst_work_ms: number(worst_work_ms),
            most_segments: self.most_segments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::chart::SEGMENTS;
    use crate::draw::shapes::tests::measure;

    #[test]
    fn charts_grow_to_their_size() {
        let mut growth = Growth::new();
        let mut frames = 0;
        while !growth.is_complete() {
            growth.grow();
            frames += 1;
        }
        assert_eq!(frames, 1000);
        for index in 0..CHARTS.len() {
            let chart = growth.chart(index);
            assert_eq!(chart.all_steps(), Some((1, POINTS)));
            let drawing = layout(&chart, SIZE.0, SIZE.1, &measure);
            let segments = drawing.segments();
            assert!((500..=SEGMENTS).contains(&segments), "{index}: {segments}");
        }
    }

    #[test]
    fn times_are_summed_up() {
        let times = Times {
            frames_ms: vec![0.0, 10.0, 20.0, 50.0],
            work_ms: vec![3.0, 1.0, 2.0, 9.0],
            most_segments: 7,
        };
        let report = times.report();
        assert_eq!((report.frames, report.frames_per_second), (3, Number(60.0)));
        assert_eq!(report.worst_frame_ms, Number(30.0));
        assert_eq!(
            (report.median_work_ms, report.worst_work_ms),
            (Number(3.0), Number(9.0))
        );
    }
}
