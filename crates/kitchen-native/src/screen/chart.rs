//! Curves over steps.

use kitchen_core::words;
use kitchen_types::board::{Board, domain_loss, domain_share};
use kitchen_types::series::{Bucket, Series};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::canvas::{Canvas, Context, Line as Stroke};
use ratatui::widgets::{Block, Paragraph};

use super::ui::Ui;

/// Room for the numbers beside the vertical axis.
const AXIS: u16 = 7;

/// A few curves over the same steps.
pub(super) struct Chart<'b> {
    title: &'static str,
    curves: Vec<Curve<'b>>,
    write: fn(f64) -> String,
    /// The same in at most six characters, for the axis.
    label: fn(f64) -> String,
}

struct Curve<'b> {
    name: &'b str,
    series: &'b Series,
    style: Style,
    /// A few dots joined by lines, rather than a line within the band of its extremes.
    dots: bool,
}

/// The losses.
pub(super) fn loss<'b>(board: &'b Board, ui: &Ui) -> Chart<'b> {
    Chart {
        title: "loss",
        curves: curves(board, ui, "train.loss", "validation.loss"),
        write: words::value,
        label: words::short,
    }
}

/// The accuracies, where they are measured.
pub(super) fn accuracy<'b>(board: &'b Board, ui: &Ui) -> Option<Chart<'b>> {
    let exact = board.curve("validation.exact").is_some();
    let (title, held_out) = match exact {
        true => ("accuracy, and answers exactly right", "validation.exact"),
        false => ("accuracy", "validation.accuracy"),
    };
    let curves = curves(board, ui, "train.accuracy", held_out);
    (!curves.is_empty()).then_some(Chart {
        title,
        curves,
        write: words::percent,
        label: words::percent,
    })
}

/// How well each domain of a mixture is known, and how much of the batches comes from it.
pub(super) fn domains<'b>(board: &'b Board, ui: &Ui) -> Option<[Chart<'b>; 2]> {
    let mix = board.mix.as_ref()?;
    let curves = |place: fn(&str) -> String, dots: bool| {
        let found = mix
            .domains
            .iter()
            .enumerate()
            .filter_map(|(index, domain)| {
                Some(Curve {
                    name: &domain.name,
                    series: board.curve(&place(&domain.name))?,
                    style: ui.palette.domain(index),
                    dots,
                })
            });
        found.collect()
    };
    let losses = Chart {
        title: "held-out loss",
        curves: curves(domain_loss, true),
        write: words::value,
        label: words::short,
    };
    let shares = Chart {
        title: "share",
        curves: curves(domain_share, false),
        write: words::percent,
        label: words::percent,
    };
    Some([losses, shares])
}

fn curves<'b>(board: &'b Board, ui: &Ui, train: &str, held_out: &str) -> Vec<Curve<'b>> {
    let train = board.curve(train).map(|series| Curve {
        name: "train",
        series,
        style: ui.palette.train(),
        dots: false,
    });
    let held_out = board.curve(held_out).map(|series| Curve {
        name: "validation",
        series,
        style: ui.palette.validation(),
        dots: true,
    });
    train.into_iter().chain(held_out).collect()
}

/// Draws a chart in a frame, with the newest values in its title.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, chart: &Chart<'_>, ui: &Ui) {
    let bounds = Bounds::of(chart);
    let mut block = Block::bordered()
        .border_style(ui.palette.quiet())
        .title(title(chart, area.width, ui));
    if let Some(Bounds { first, last, .. }) = bounds {
        let (first, last) = (words::count(first as u64), words::count(last as u64));
        block = block
            .title_bottom(Line::from(format!(" {first} ")))
            .title_bottom(Line::from(format!(" step {last} ")).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(bounds) = bounds else {
        let waiting = Paragraph::new("no step yet")
            .style(ui.palette.quiet())
            .centered();
        return frame.render_widget(waiting, inner);
    };
    let [axis, plot] =
        Layout::horizontal([Constraint::Length(AXIS), Constraint::Fill(1)]).areas(inner);
    draw_axis(frame, axis, chart, &bounds, ui);
    let columns = usize::from(plot.width) * 2;
    let canvas = Canvas::default()
        .marker(Marker::Braille)
        .x_bounds([bounds.first, bounds.last])
        .y_bounds([bounds.low, bounds.high])
        .paint(|context| {
            for curve in &chart.curves {
                paint(context, curve, &bounds, columns, ui);
                context.layer();
            }
        });
    frame.render_widget(canvas, plot);
}

/// The name and the newest values; the curves' names too, where there is room for them.
fn title<'b>(chart: &Chart<'b>, width: u16, ui: &Ui) -> Line<'b> {
    let named = legend(chart, true, ui);
    if named.width() + 2 <= usize::from(width) {
        named
    } else {
        legend(chart, false, ui)
    }
}

fn legend<'b>(chart: &Chart<'b>, named: bool, ui: &Ui) -> Line<'b> {
    let mut spans = vec![Span::raw(format!(" {} ", chart.title))];
    for curve in &chart.curves {
        if let Some((_, newest)) = curve.series.last() {
            let mark = if curve.dots { '\u{2022}' } else { '\u{2500}' };
            let name = if named { curve.name } else { "" };
            let gap = if named { " " } else { "" };
            let text = format!(" {mark}{gap}{name} {} ", (chart.write)(newest));
            spans.push(Span::styled(text, curve.style));
        }
        if curve.series.not_finite() > 0 {
            let text = format!(" {} not finite ", words::count(curve.series.not_finite()));
            spans.push(Span::styled(text, ui.palette.alert()));
        }
    }
    Line::from(spans)
}

fn draw_axis(frame: &mut Frame<'_>, area: Rect, chart: &Chart<'_>, bounds: &Bounds, ui: &Ui) {
    let mut label = |row: u16, value: f64| {
        let text = (chart.label)(value);
        let line = Line::styled(format!("{text:>6} "), ui.palette.quiet());
        if row < area.height {
            frame.render_widget(
                line,
                Rect {
                    y: area.y + row,
                    height: 1,
                    ..area
                },
            );
        }
    };
    label(0, bounds.high);
    if area.height >= 5 {
        label(area.height / 2, f64::midpoint(bounds.low, bounds.high));
    }
    if area.height >= 2 {
        label(area.height - 1, bounds.low);
    }
}

/// The steps and values that a chart spans.
#[derive(Clone, Copy)]
struct Bounds {
    first: f64,
    last: f64,
    low: f64,
    high: f64,
}

impl Bounds {
    fn of(chart: &Chart<'_>) -> Option<Self> {
        let buckets = || chart.curves.iter().flat_map(|curve| curve.series.buckets());
        let first = buckets().map(|bucket| bucket.first).min()? as f64;
        let last = buckets().map(|bucket| bucket.last).max()? as f64;
        let low = buckets()
            .map(|bucket| bucket.min.0)
            .fold(f64::INFINITY, f64::min);
        let high = buckets()
            .map(|bucket| bucket.max.0)
            .fold(f64::NEG_INFINITY, f64::max);
        // A flat curve still needs a height, or nothing is drawn.
        let room = if high > low {
            0.0
        } else {
            high.abs().max(1e-6) * 0.1
        };
        Some(Self {
            first,
            last: last.max(first + 1.0),
            low: low - room,
            high: high + room,
        })
    }
}

fn paint(context: &mut Context<'_>, curve: &Curve<'_>, bounds: &Bounds, columns: usize, ui: &Ui) {
    let color = curve.style.fg.unwrap_or(Color::Reset);
    let points = merge(curve.series.buckets(), bounds, columns);
    if !curve.dots && ui.palette.has_colours() {
        for point in &points {
            let x = middle(point);
            context.draw(&Stroke::new(
                x,
                point.min.0,
                x,
                point.max.0,
                Color::DarkGray,
            ));
        }
        context.layer();
    }
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        context.draw(&Stroke::new(
            middle(from),
            from.mean(),
            middle(to),
            to.mean(),
            color,
        ));
    }
    if curve.dots || points.len() == 1 {
        context.layer();
        for point in &points {
            let dot = Span::styled("\u{2022}", curve.style);
            context.print(middle(point), point.mean(), Line::from(dot));
        }
    }
}

/// Neighbouring buckets that fall into the same column of dots become one.
fn merge(buckets: &[Bucket], bounds: &Bounds, columns: usize) -> Vec<Bucket> {
    let column = |bucket: &Bucket| {
        let share = (middle(bucket) - bounds.first) / (bounds.last - bounds.first);
        (share * columns as f64) as usize
    };
    let mut merged: Vec<(usize, Bucket)> = Vec::with_capacity(columns.min(buckets.len()));
    for bucket in buckets {
        let place = column(bucket);
        match merged.last_mut() {
            Some((last, into)) if *last == place => into.absorb(bucket),
            _ => merged.push((place, bucket.clone())),
        }
    }
    merged.into_iter().map(|(_, bucket)| bucket).collect()
}

fn middle(bucket: &Bucket) -> f64 {
    f64::midpoint(bucket.first as f64, bucket.last as f64)
}
