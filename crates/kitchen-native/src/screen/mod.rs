//! The screen of a run: a pure function from the board to a frame, and the loop around it.

mod chart;
mod facts;
mod learnt;
mod picture;
mod terminal;
mod ui;

#[cfg(test)]
mod tests;

use kitchen_core::words;
use kitchen_types::board::{Board, Phase};
use kitchen_types::event::RunStatus;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, LineGauge, Paragraph, Wrap};

pub(crate) use picture::svg;
pub(crate) use terminal::{FRAME, Screen};
pub(crate) use ui::{Action, Palette, Ui};

use crate::plain::time_left;

/// Below this size there is room for one curve and the newest numbers only.
const ROOMY: (u16, u16) = (64, 18);

/// Draws a run as it stands.
pub(crate) fn draw(frame: &mut Frame<'_>, board: &Board, ui: &Ui) {
    let area = frame.area();
    if area.width >= ROOMY.0 && area.height >= ROOMY.1 {
        draw_roomy(frame, area, board, ui);
    } else {
        draw_tight(frame, area, board, ui);
    }
    if ui.help {
        draw_help(frame, area, ui);
    }
}

fn draw_roomy(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let facts = facts::lines(board, ui);
    let [header, charts, progress, numbers, body, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(4),
        Constraint::Length(1),
        Constraint::Length(facts.len() as u16),
        Constraint::Fill(5),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_header(frame, header, board, ui);
    draw_charts(frame, charts, board, ui);
    draw_progress(frame, progress, board, ui);
    frame.render_widget(Paragraph::new(facts), numbers.inner(Margin::new(1, 0)));
    let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(body);
    learnt::draw(frame, left, board, ui);
    facts::draw_notes(frame, right, board, ui);
    draw_keys(frame, keys, ui);
}

fn draw_tight(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let quality = facts::lines(board, ui).swap_remove(0);
    let numbers = Paragraph::new(quality).wrap(Wrap { trim: true });
    let [header, loss, progress, facts, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_header(frame, header, board, ui);
    chart::draw(frame, loss, &chart::loss(board, ui), ui);
    draw_progress(frame, progress, board, ui);
    frame.render_widget(numbers, facts.inner(Margin::new(1, 0)));
    draw_keys(frame, keys, ui);
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let run = board.run.as_ref().map_or("a run", |run| run.as_str());
    let left = Line::from(vec![
        Span::styled(" kitchen ", ui.palette.badge()),
        Span::styled(format!(" {run}"), Modifier::BOLD),
        Span::styled(format!("  {}", ui.title), ui.palette.quiet()),
    ]);
    let (state, style) = match &board.phase {
        _ if ui.stopping => ("saving and ending", ui.palette.alert()),
        Phase::Starting => ("starting", ui.palette.quiet()),
        Phase::Running => ("training", ui.palette.good()),
        Phase::Paused => ("paused", ui.palette.alert()),
        Phase::Finished {
            status: RunStatus::Failed,
            ..
        } => ("failed", ui.palette.alert()),
        Phase::Finished { .. } => ("finished", ui.palette.good()),
    };
    let right = format!("  {state}  {} ", words::duration(ui.elapsed));
    let [left_area, right_area] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(right.len() as u16)])
            .areas(area);
    frame.render_widget(left, left_area);
    frame.render_widget(Span::styled(right, style), right_area);
}

fn draw_charts(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let (first, second) = match chart::domains(board, ui) {
        Some([losses, shares]) => (losses, Some(shares)),
        None => (chart::loss(board, ui), chart::accuracy(board, ui)),
    };
    let Some(second) = second else {
        return chart::draw(frame, area, &first, ui);
    };
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    chart::draw(frame, left, &first, ui);
    chart::draw(frame, right, &second, ui);
}

fn draw_progress(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let (done, all) = (board.current_step(), board.steps_planned);
    let label = progress_label(board, area.width < ROOMY.0);
    let gauge = LineGauge::default()
        .ratio((done as f64 / all.max(1) as f64).clamp(0.0, 1.0))
        .label(label)
        .filled_symbol("\u{2501}")
        .unfilled_symbol("\u{2500}")
        .filled_style(ui.palette.train())
        .unfilled_style(ui.palette.quiet());
    frame.render_widget(gauge, area.inner(Margin::new(1, 0)));
}

fn progress_label(board: &Board, short: bool) -> String {
    let (done, all) = (board.current_step(), board.steps_planned);
    if all == 0 {
        return "the length is not known yet".to_owned();
    }
    let of = if short { "/" } else { " of " };
    let mut label = format!("step {}{of}{}", words::count(done), words::count(all));
    if let Some(step) = &board.step
        && board.steps_per_epoch > 0
        && !short
    {
        let epochs = all.div_ceil(board.steps_per_epoch);
        label.push_str(&format!(", epoch {} of {epochs}", step.epoch));
    }
    if let Some(left) = time_left(board).filter(|_| done < all) {
        label.push_str(&format!(", {} left", words::duration(left)));
    }
    label
}

fn draw_keys(frame: &mut Frame<'_>, area: Rect, ui: &Ui) {
    if let Some(line) = &ui.prompt {
        return draw_prompt(frame, area, line, ui);
    }
    let keys = [
        ("space", "pause"),
        (".", "step"),
        ("s", "save"),
        ("q", "stop"),
        ("\u{2191}\u{2193}", "learning rate"),
        ("\u{2190}\u{2192}", "batch"),
        (":", "tell"),
        ("?", "help"),
    ];
    let mut spans = Vec::new();
    for (key, does) in keys {
        spans.push(Span::styled(format!(" {key}"), ui.palette.key()));
        spans.push(Span::styled(format!(" {does} "), ui.palette.quiet()));
    }
    frame.render_widget(Line::from(spans), area);
}

/// The command that is being typed; its end, where it is too long.
fn draw_prompt(frame: &mut Frame<'_>, area: Rect, line: &str, ui: &Ui) {
    let room = usize::from(area.width).saturating_sub(4);
    let skipped = line.chars().count().saturating_sub(room);
    let shown: String = line.chars().skip(skipped).collect();
    let prompt = Line::from(vec![
        Span::styled(" : ", ui.palette.key()),
        Span::raw(shown),
        Span::styled(" ", Modifier::REVERSED),
    ]);
    frame.render_widget(prompt, area);
}

const HELP: &str = "\
space   pause, and go on
.       take one step, and pause
s       save a checkpoint now
q       save and end; `resume` goes on later
\u{2191} \u{2193}     raise or lower the learning rate by a quarter
\u{2190} \u{2192}     halve or double the batches
:       type a command, as `kitchen-native command` takes it
?       close this help
Ctrl-C  save and end; twice ends at once

The band of a curve shows the smallest and the largest value of \
neighbouring steps, the line their mean; dots are measures of held-out \
examples, which the model never trains on. Training loss falling while \
the validation loss rises means that it learns by heart.";

fn draw_help(frame: &mut Frame<'_>, area: Rect, ui: &Ui) {
    let width = area.width.min(66);
    let height = area.height.min(if width < 60 { 23 } else { 18 });
    let [popup] = Layout::horizontal([Constraint::Length(width)])
        .flex(ratatui::layout::Flex::Center)
        .areas(area);
    let [popup] = Layout::vertical([Constraint::Length(height)])
        .flex(ratatui::layout::Flex::Center)
        .areas(popup);
    let block = Block::bordered()
        .title(" help ")
        .border_style(ui.palette.train());
    let text = Paragraph::new(HELP).wrap(Wrap { trim: false }).block(block);
    frame.render_widget(Clear, popup);
    frame.render_widget(text, popup);
}
