//! What the model has learnt so far: what it writes, what it makes of the plane, which classes it
//! mixes up.

use kitchen_core::Surface;
use kitchen_core::words;
use kitchen_types::board::{Board, WrittenSample};
use kitchen_types::ports::TargetSpec;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::ui::Ui;

/// Draws whichever there is.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let inside = Block::bordered().inner(area);
    let (title, text) = if let Some(sample) = board.samples.back() {
        let title = format!(" what it writes at step {} ", words::count(sample.step));
        (title, written(sample, ui))
    } else if let Some(surface) = &ui.surface {
        let title = format!(" the plane at step {} ", words::count(surface.step));
        (title, plane(surface, inside, ui))
    } else if let Some(measured) = board
        .evaluation
        .as_ref()
        .filter(|it| !it.confusion.is_empty())
    {
        let names = class_names(board);
        let title = format!(
            " what is taken for what at step {} ",
            words::count(measured.step)
        );
        (title, confusion(&measured.confusion, &names, inside, ui))
    } else {
        let waiting = "shown after the first evaluation";
        (
            " what it has learnt ".to_owned(),
            Text::styled(waiting, ui.palette.quiet()),
        )
    };
    let block = Block::bordered()
        .border_style(ui.palette.quiet())
        .title(title);
    frame.render_widget(
        Paragraph::new(text).wrap(Wrap { trim: false }).block(block),
        area,
    );
}

fn written<'b>(sample: &'b WrittenSample, ui: &Ui) -> Text<'b> {
    let prompt = words::harmless(&sample.prompt);
    let text = words::harmless(&sample.text);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut first = vec![Span::styled(prompt, ui.palette.quiet())];
    for line in text.split('\n') {
        let mut spans = std::mem::take(&mut first);
        spans.push(Span::raw(line.to_owned()));
        lines.push(Line::from(spans));
    }
    Text::from(lines)
}

/// Two cells of the plane in each character: the upper one in front, the lower one behind.
fn plane(surface: &Surface, area: Rect, ui: &Ui) -> Text<'static> {
    let rows = usize::from(area.height) * 2;
    let columns = usize::from(area.width).min(rows * 2);
    let class_at = |column: usize, row: usize| {
        let x = column * surface.size / columns.max(1);
        // Row 0 of a screen is at the top, that of the plane at the bottom.
        let y = surface
            .size
            .saturating_sub(1 + row * surface.size / rows.max(1));
        surface
            .classes
            .get(y * surface.size + x)
            .copied()
            .unwrap_or(0)
    };
    let line = |row: usize| {
        let cells = (0..columns).map(|column| {
            let (upper, lower) = (class_at(column, row), class_at(column, row + 1));
            if ui.palette.has_colours() {
                Span::styled(
                    "\u{2580}",
                    Style::new().fg(class_color(upper)).bg(class_color(lower)),
                )
            } else {
                Span::raw(if upper == 0 { "\u{b7}" } else { "#" })
            }
        });
        Line::from(cells.collect::<Vec<_>>())
    };
    Text::from((0..rows).step_by(2).map(line).collect::<Vec<_>>())
}

fn class_color(class: u32) -> Color {
    match class % 6 {
        0 => Color::Blue,
        1 => Color::Yellow,
        2 => Color::Green,
        3 => Color::Magenta,
        4 => Color::Cyan,
        _ => Color::Red,
    }
}

fn class_names(board: &Board) -> Vec<String> {
    match board.data.as_ref().map(|data| &data.spec.target) {
        Some(TargetSpec::Classes { names }) => {
            names.iter().map(|name| words::one_line(name)).collect()
        }
        _ => Vec::new(),
    }
}

/// The whole matrix where it fits, else the pairs that are mixed up most.
fn confusion(matrix: &[Vec<u64>], names: &[String], area: Rect, ui: &Ui) -> Text<'static> {
    let name = |class: usize| {
        names
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    };
    let largest = matrix.iter().flatten().copied().max().unwrap_or(0);
    let cell = largest.to_string().len().max(2) + 1;
    let label = (0..matrix.len())
        .map(|class| name(class).chars().count())
        .max()
        .unwrap_or(0);
    let label = label.min(12);
    let fits = label + matrix.len() * cell <= usize::from(area.width)
        && matrix.len() < usize::from(area.height);
    if fits {
        whole_matrix(matrix, &name, label, cell, ui)
    } else {
        mixed_up_most(matrix, &name, usize::from(area.height))
    }
}

fn whole_matrix(
    matrix: &[Vec<u64>],
    name: &dyn Fn(usize) -> String,
    label: usize,
    cell: usize,
    ui: &Ui,
) -> Text<'static> {
    let short = |text: String, width: usize| text.chars().take(width).collect::<String>();
    let heads = (0..matrix.len()).map(|class| format!("{:>cell$}", short(name(class), cell - 1)));
    let heads = heads.collect::<String>();
    let mut lines = vec![Line::styled(
        format!("{:label$}{heads}", ""),
        ui.palette.quiet(),
    )];
    for (class, row) in matrix.iter().enumerate() {
        let mut spans = vec![Span::styled(
            format!("{:>label$}", short(name(class), label)),
            ui.palette.quiet(),
        )];
        for (taken_for, count) in row.iter().enumerate() {
            let style = match (*count, class == taken_for) {
                (0, _) => ui.palette.quiet(),
                (_, true) => ui.palette.good(),
                (_, false) => ui.palette.alert(),
            };
            let text = if *count == 0 {
                "\u{b7}".to_owned()
            } else {
                count.to_string()
            };
            spans.push(Span::styled(format!("{text:>cell$}"), style));
        }
        lines.push(Line::from(spans));
    }
    Text::from(lines)
}

fn mixed_up_most(
    matrix: &[Vec<u64>],
    name: &dyn Fn(usize) -> String,
    rows: usize,
) -> Text<'static> {
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (class, row) in matrix.iter().enumerate() {
        for (taken_for, count) in row.iter().enumerate() {
            if *count > 0 && class != taken_for {
                pairs.push((*count, class, taken_for));
            }
        }
    }
    pairs.sort_by_key(|(count, class, taken_for)| (std::cmp::Reverse(*count), *class, *taken_for));
    if pairs.is_empty() {
        return Text::from("nothing is mixed up");
    }
    let lines = pairs.iter().take(rows).map(|(count, class, taken_for)| {
        Line::from(vec![
            Span::styled(name(*class), Modifier::BOLD),
            Span::raw(" taken for "),
            Span::styled(name(*taken_for), Modifier::BOLD),
            Span::raw(format!("  {}", words::counted(*count, "time"))),
        ])
    });
    Text::from(lines.collect::<Vec<_>>())
}
