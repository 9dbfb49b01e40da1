//! The screen of a simulated run: its loss, its GPUs, its numbers, and what happens.

mod grid;
mod keys;
mod terminal;
#[cfg(test)]
mod tests;

use kitchen_core::sim::story::{Board, Cell, Event, Limits, Metric, Phase};
use kitchen_core::{told, words};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Modifier};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::canvas::{Canvas, Line as Stroke};
use ratatui::widgets::{Block, LineGauge, Paragraph};

pub(super) use terminal::show;

use super::plain;
use crate::screen::Palette;

/// Lines of numbers below the progress.
const FACTS: u16 = 5;
/// Lines that are kept of what happened.
const LOG: usize = 64;

/// What is drawn beside the board.
#[derive(Clone, Debug)]
pub(super) struct View {
    palette: Palette,
    metric: Metric,
    /// Simulated seconds for each second.
    speed: f64,
    is_paused: bool,
    now: f64,
    /// What happened, the newest last.
    log: Vec<String>,
    gpus: u32,
    per_node: u32,
    limits: Limits,
}

/// Where the grid of a frame is, inside of its border.
fn grid_area(area: Rect) -> Rect {
    parts(area).grid.inner(Margin::new(1, 1))
}

struct Parts {
    header: Rect,
    loss: Rect,
    grid: Rect,
    progress: Rect,
    facts: Rect,
    log: Rect,
    keys: Rect,
}

fn parts(area: Rect) -> Parts {
    let [header, top, progress, facts, log, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(3),
        Constraint::Length(1),
        Constraint::Length(FACTS),
        Constraint::Fill(2),
        Constraint::Length(1),
    ])
    .areas(area);
    let [loss, grid] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(top);
    Parts {
        header,
        loss,
        grid,
        progress,
        facts,
        log,
        keys,
    }
}

/// Draws a run as it stands; `cells` are its GPUs, as many in each as [`grid::arrange`] says.
fn draw(frame: &mut Frame<'_>, board: &Board, cells: &[Cell], view: &View) {
    let parts = parts(frame.area());
    draw_header(frame, parts.header, board, view);
    draw_loss(frame, parts.loss, board, view);
    grid::draw(frame, parts.grid, cells, view);
    draw_progress(frame, parts.progress, board, view);
    let facts = Paragraph::new(facts(board, view));
    frame.render_widget(facts, parts.facts.inner(Margin::new(1, 0)));
    draw_log(frame, parts.log, view);
    keys::draw(frame, parts.keys, view);
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, board: &Board, view: &View) {
    let run = board.run.as_ref().map_or("", |(run, _)| run.as_str());
    let model = board.model.as_ref().map_or("", |(model, _)| model.as_str());
    let card = board.card.as_ref().map_or("", |(card, _)| card.as_str());
    let left = Line::from(vec![
        Span::styled(" kitchen ", view.palette.badge()),
        Span::styled(format!(" {run}"), Modifier::BOLD),
        Span::styled(
            format!("  {model} on {} x {card}", view.gpus),
            view.palette.quiet(),
        ),
    ]);
    let (state, style) = match board.phase {
        _ if view.is_paused => ("paused", view.palette.alert()),
        Phase::Starting => ("starting", view.palette.quiet()),
        Phase::Training => ("training", view.palette.good()),
        Phase::Validating => ("validating", view.palette.validation()),
        Phase::Saving => ("saving", view.palette.train()),
        Phase::Down => ("down", view.palette.alert()),
        Phase::Exporting => ("exporting", view.palette.train()),
        Phase::Ended => ("ended", view.palette.good()),
    };
    let speed = if view.speed.is_finite() {
        format!("x{:.0}", view.speed)
    } else {
        "max".to_owned()
    };
    let right = format!("  {state}  {speed}  {} ", told::clock(view.now));
    let width = right.chars().count() as u16;
    let [left_area, right_area] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(area);
    frame.render_widget(left, left_area);
    frame.render_widget(Span::styled(right, style), right_area);
}

fn draw_loss(frame: &mut Frame<'_>, area: Rect, board: &Board, view: &View) {
    let title = match (board.loss, board.ppl) {
        (Some(loss), Some(ppl)) => format!(" loss {loss:.4}  ppl {} ", plain::ppl(ppl)),
        _ => " loss ".to_owned(),
    };
    let mut block = Block::bordered()
        .border_style(view.palette.quiet())
        .title(title);
    // The steep beginning would leave no height to the rest.
    let skipped = board.losses.len() / 10;
    let values = || board.losses.iter().skip(skipped).map(|(_, loss)| *loss);
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    if low <= high {
        let bounds = format!(" {low:.2} to {high:.2} ");
        block = block.title_bottom(Line::from(bounds).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if low > high {
        let waiting = Paragraph::new("no step yet").style(view.palette.quiet());
        return frame.render_widget(waiting.centered(), inner);
    }
    let color = view.palette.train().fg.unwrap_or(Color::Reset);
    let last = board.steps.max(board.step).max(2) as f64;
    let canvas = Canvas::default()
        .marker(Marker::Braille)
        .x_bounds([1.0, last])
        .y_bounds([low, high.max(low + 1e-3)])
        .paint(|context| {
            for pair in board.losses.windows(2) {
                if let [(from, before), (to, after)] = pair {
                    context.draw(&Stroke::new(
                        *from as f64,
                        *before,
                        *to as f64,
                        *after,
                        color,
                    ));
                }
            }
        });
    frame.render_widget(canvas, inner);
}

fn draw_progress(frame: &mut Frame<'_>, area: Rect, board: &Board, view: &View) {
    let label = if board.steps == 0 {
        "getting ready".to_owned()
    } else {
        let (epoch, epochs) = board.epoch;
        let left = board
            .eta_s
            .map_or_else(String::new, |left| format!(", {} left", told::clock(left)));
        format!(
            "step {} of {}, epoch {epoch} of {epochs}{left}",
            words::count(board.step),
            words::count(board.steps)
        )
    };
    let share = board.step as f64 / board.steps.max(1) as f64;
    let gauge = LineGauge::default()
        .ratio(share.clamp(0.0, 1.0))
        .label(label)
        .filled_symbol("\u{2501}")
        .unfilled_symbol("\u{2500}")
        .filled_style(view.palette.train())
        .unfilled_style(view.palette.quiet());
    frame.render_widget(gauge, area.inner(Margin::new(1, 0)));
}

fn facts(board: &Board, view: &View) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(speed(board))];
    let mut add = |text: Option<String>| lines.push(Line::from(text.unwrap_or_default()));
    let communication = board.comm.as_ref().and_then(plain::communication);
    let gradient = board.gradient.as_ref().and_then(plain::gradient);
    add(communication
        .zip(gradient)
        .map(|(comm, gradient)| format!("{comm}; {gradient}")));
    add(board
        .fleet
        .as_ref()
        .and_then(|fleet| plain::gpus(board, fleet)));
    add(Some(layout(board)));
    let mut last = vec![Span::raw(kept(board))];
    if !board.troubles.is_empty() {
        let text = format!("  {}", board.troubles.join(", "));
        last.push(Span::styled(text, view.palette.alert()));
    }
    lines.push(Line::from(last));
    lines
}

fn speed(board: &Board) -> String {
    let Some(Event::Rate {
        step_s,
        tok_s,
        seq_s,
    }) = board.rate
    else {
        return String::new();
    };
    format!(
        "tokens/s {}  samples/s {}  step {step_s:.3} s  lr {}",
        words::rate(tok_s),
        words::rate(seq_s),
        words::setting(board.lr.unwrap_or(f64::NAN)),
    )
}

fn layout(board: &Board) -> String {
    let parameters = board
        .model
        .as_ref()
        .map_or(0, |(_, parameters)| *parameters);
    let Some(Event::Layout {
        tp, cp, pp, dp, ep, ..
    }) = board.layout
    else {
        return String::new();
    };
    format!(
        "parameters {}  tp {tp}  cp {cp}  pp {pp}  dp {dp}  ep {ep}",
        words::count(parameters)
    )
}

/// What was measured and kept.
fn kept(board: &Board) -> String {
    let mut parts = Vec::new();
    if let Some((step, loss)) = board.held_out {
        parts.push(format!("validation {loss:.4} at {}", words::count(step)));
    }
    if let Some(path) = &board.checkpoint {
        parts.push(format!("saved {path}"));
    }
    if board.failures > 0 {
        parts.push(words::counted(u64::from(board.failures), "failure"));
    }
    parts.join("  ")
}

fn draw_log(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::bordered()
        .border_style(view.palette.quiet())
        .title(" what happens ");
    let inner = block.inner(area);
    let room = usize::from(inner.height);
    let first = view.log.len().saturating_sub(room);
    let lines: Vec<Line<'_>> = view
        .log
        .iter()
        .skip(first)
        .map(|line| Line::from(line.as_str()))
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
