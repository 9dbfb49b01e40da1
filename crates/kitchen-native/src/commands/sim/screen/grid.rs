//! All GPUs at once: one or more to a character.

use kitchen_core::sim::story::{Cell, per_cell};
use kitchen_core::words;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::View;

/// Levels of a quantity, the least first.
const LEVELS: [&str; 8] = [
    "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}", "\u{2588}",
];
/// Colours of a quantity, the least first.
const COLOURS: [Color; 5] = [
    Color::DarkGray,
    Color::Blue,
    Color::Cyan,
    Color::Green,
    Color::Yellow,
];

/// How cells lie: GPUs in each, cells that stay together, such groups in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrangement {
    pub(super) each: u32,
    group: u32,
    in_row: u32,
}

/// The finest arrangement of `gpus`, `per_node` in a node, that fits. Cells of a node stay together,
/// or eight nodes do where a cell holds one or more.
pub(super) fn arrange(gpus: u32, per_node: u32, width: u16, height: u16) -> Arrangement {
    let (width, height) = (u32::from(width).max(1), u32::from(height).max(1));
    let mut room = width * height;
    loop {
        let each = per_cell(gpus, per_node, room);
        let group = if each < per_node { per_node / each } else { 8 };
        let group = group.min(width);
        let in_row = ((width + 1) / (group + 1)).max(1);
        let cells = gpus.div_ceil(each);
        let fits = cells.div_ceil(group).div_ceil(in_row) <= height;
        if fits || room == 1 {
            return Arrangement {
                each,
                group,
                in_row,
            };
        }
        // Fewer cells than this takes.
        room = (cells - 1).max(1);
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, cells: &[Cell], view: &View) {
    let count = cells.first().map_or(1, |cell| cell.count);
    let each = match count {
        1 => String::new(),
        count => format!(", {count} a cell"),
    };
    let gpus = words::count(u64::from(view.gpus));
    let title = format!(" {gpus} GPUs: {}{each} ", view.metric.name());
    let mut block = Block::bordered()
        .border_style(view.palette.quiet())
        .title(title);
    if let Some(legend) = legend(cells) {
        let legend = Line::styled(legend, view.palette.alert());
        block = block.title_bottom(legend.right_aligned());
    }
    let inner = block.inner(area);
    let arrangement = arrange(view.gpus, view.per_node, inner.width, inner.height);
    let lines = rows(cells, view, arrangement);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn rows(cells: &[Cell], view: &View, arrangement: Arrangement) -> Vec<Line<'static>> {
    let in_row = (arrangement.group * arrangement.in_row).max(1) as usize;
    let group = arrangement.group.max(1) as usize;
    let rows = cells.chunks(in_row).map(|row| {
        let mut spans = Vec::new();
        for (place, part) in row.chunks(group).enumerate() {
            if place > 0 {
                spans.push(Span::raw(" "));
            }
            spans.extend(part.iter().map(|cell| character(cell, view)));
        }
        Line::from(spans)
    });
    rows.collect()
}

fn character(cell: &Cell, view: &View) -> Span<'static> {
    if let Some((mark, _)) = cell.gpu.condition.mark() {
        return Span::styled(mark, view.palette.alert());
    }
    let level = view.metric.level(cell, &view.limits);
    let pick = |count: usize| ((level * count as f64) as usize).min(count - 1);
    let symbol = LEVELS.get(pick(LEVELS.len())).copied().unwrap_or(" ");
    let color = COLOURS.get(pick(COLOURS.len())).copied();
    let style = match color {
        Some(color) if view.palette.has_colours() => Style::new().fg(color),
        _ => Style::new(),
    };
    Span::styled(symbol, style)
}

/// What the letters in the grid stand for, if there are any.
fn legend(cells: &[Cell]) -> Option<String> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for found in cells.iter().filter_map(|cell| cell.gpu.condition.mark()) {
        if !seen.contains(&found) {
            seen.push(found);
        }
    }
    if seen.is_empty() {
        return None;
    }
    let words: Vec<String> = seen
        .iter()
        .map(|(mark, name)| format!("{mark} {name}"))
        .collect();
    Some(format!(" {} ", words.join("  ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_fits() {
        for gpus in [1, 8, 10, 64, 72, 512, 1000, 1024, 4096, 16_384, 131_072] {
            for per_node in [1, 4, 8, 72] {
                for (width, height) in [(1, 1), (36, 6), (38, 7), (58, 15), (200, 50)] {
                    let found = arrange(gpus, per_node, width, height);
                    let cells = gpus.div_ceil(found.each);
                    let across = found.in_row * (found.group + 1) - 1;
                    let rows = cells.div_ceil(found.group).div_ceil(found.in_row);
                    let fits = across <= u32::from(width) && rows <= u32::from(height);
                    assert!(fits, "{gpus} {per_node} {width} {height} {found:?}");
                }
            }
        }
        let all = arrange(64, 8, 38, 6);
        assert_eq!((all.each, all.group, all.in_row), (1, 8, 4));
    }
}
