//! The screen as a picture: what a terminal would show of a run, as SVG.

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use kitchen_types::board::Board;

use super::{Ui, draw};

/// The size of one character, in the picture's units.
const CELL: (u32, u32) = (8, 17);
/// Room around the text.
const MARGIN: u32 = 12;

/// A dark terminal's sixteen colours, as most programs have them.
const PALETTE: [&str; 16] = [
    "#1d2026", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
    "#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
];
const INK: &str = "#d7dae0";
const PAPER: &str = "#1d2026";

/// The screen of `board` on a terminal of `columns` by `rows`, as an SVG document.
pub(crate) fn svg(board: &Board, ui: &Ui, columns: u16, rows: u16) -> String {
    // Drawing into memory cannot fail.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
    let _ = terminal.draw(|frame| draw(frame, board, ui));
    document(terminal.backend().buffer())
}

fn document(buffer: &Buffer) -> String {
    let (columns, rows) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2 * MARGIN, rows * CELL.1 + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"13.3\" fill=\"{INK}\" xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    for row in 0..buffer.area.height {
        write_row(&mut svg, buffer, row);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Characters of one look become one piece of text, held to the width of its cells.
fn write_row(svg: &mut String, buffer: &Buffer, row: u16) {
    let cells: Vec<&Cell> = (0..buffer.area.width)
        .filter_map(|column| buffer.cell((column, row)))
        .collect();
    let mut column = 0;
    for run in cells.chunk_by(|a, b| look(a) == look(b)) {
        let text: String = run.iter().map(|cell| cell.symbol()).collect();
        write_run(svg, (column, u32::from(row)), run, &text);
        column += run.len() as u32;
    }
}

fn look(cell: &Cell) -> (Color, Color, Modifier, bool) {
    (cell.fg, cell.bg, cell.modifier, dots(cell) > 0)
}

/// Which of a braille character's eight dots are set; 0 for every other character.
fn dots(cell: &Cell) -> u32 {
    cell.symbol()
        .chars()
        .next()
        .and_then(|c| u32::from(c).checked_sub(0x2800))
        .filter(|dots| *dots < 0x100)
        .unwrap_or(0)
}

/// Where each dot lies in its cell, as (column, row), in the order of Unicode's bits.
const DOTS: [(u32, u32); 8] = [
    (0, 0),
    (0, 1),
    (0, 2),
    (1, 0),
    (1, 1),
    (1, 2),
    (0, 3),
    (1, 3),
];

/// Dots are drawn, not written: fonts that have braille at all disagree on its width.
fn dot_path((x, y): (u32, u32), run: &[&Cell]) -> String {
    let mut path = String::new();
    for (cell, left) in run.iter().zip((x..).step_by(CELL.0 as usize)) {
        for (bit, (column, row)) in DOTS.iter().enumerate() {
            if dots(cell) & (1 << bit) > 0 {
                let (x, y) = (left + 1 + 4 * column, y + 2 + 4 * row);
                // Writing to a string cannot fail.
                let _ = write!(path, "M{x} {y}h2v2h-2z");
            }
        }
    }
    path
}

fn write_run(svg: &mut String, (column, row): (u32, u32), run: &[&Cell], text: &str) {
    let Some(cell) = run.first() else { return };
    let (x, y) = (MARGIN + column * CELL.0, MARGIN + row * CELL.1);
    let width = run.len() as u32 * CELL.0;
    let (mut ink, mut paper) = (colour(cell.fg), colour(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        (ink, paper) = (
            Some(paper.unwrap_or(PAPER.into())),
            Some(ink.unwrap_or(INK.into())),
        );
    }
    // Writing to a string cannot fail.
    if let Some(paper) = paper {
        let height = CELL.1;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    if dots(cell) > 0 {
        let ink = ink.unwrap_or(INK.into());
        let _ = writeln!(
            svg,
            "<path d=\"{}\" fill=\"{ink}\"/>",
            dot_path((x, y), run)
        );
        return;
    }
    let mut style = ink.map_or_else(String::new, |ink| format!(" fill=\"{ink}\""));
    if cell.modifier.contains(Modifier::BOLD) {
        style.push_str(" font-weight=\"bold\"");
    }
    if cell.modifier.contains(Modifier::DIM) {
        style.push_str(" opacity=\"0.6\"");
    }
    let baseline = y + 13;
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"{style}>{}</text>",
        escape(text)
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(' ', "\u{a0}")
}

fn colour(colour: Color) -> Option<String> {
    let index = match colour {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(index) => index.into(),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(
        PALETTE
            .get(index)
            .map_or_else(|| cube(index), |colour| (*colour).to_owned()),
    )
}

/// The colours above 15: a cube of 6 by 6 by 6, then 24 greys (xterm).
fn cube(index: usize) -> String {
    let level = |step: usize| if step == 0 { 0 } else { 55 + 40 * step };
    let (r, g, b) = match index.checked_sub(16) {
        Some(place) if index < 232 => (level(place / 36), level(place / 6 % 6), level(place % 6)),
        _ => {
            let grey = 8 + 10 * index.saturating_sub(232);
            (grey, grey, grey)
        }
    };
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_pieces_of_text_and_markup_is_escaped() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, "a<b", ratatui::style::Style::new().fg(Color::Green));
        buffer.set_string(3, 0, "&", ratatui::style::Style::new().bold());
        let svg = document(&buffer);
        assert!(
            svg.contains(
                "textLength=\"24\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#98c379\">a&lt;b</text>"
            ),
            "{svg}"
        );
        assert!(svg.contains("font-weight=\"bold\">&amp;</text>"), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 72 41\""), "{svg}");
    }

    #[test]
    fn braille_becomes_dots() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 1, 1));
        buffer.set_string(0, 0, "\u{2881}", ratatui::style::Style::new());
        assert!(
            document(&buffer)
                .contains("<path d=\"M13 14h2v2h-2zM17 26h2v2h-2z\" fill=\"#d7dae0\"/>")
        );
    }

    #[test]
    fn high_colours_are_those_of_xterm() {
        let table = [
            (16, "#000000"),
            (196, "#ff0000"),
            (231, "#ffffff"),
            (232, "#080808"),
            (255, "#eeeeee"),
        ];
        for (index, hex) in table {
            assert_eq!(colour(Color::Indexed(index)).as_deref(), Some(hex));
        }
    }
}
