//! The newest numbers, where they come from, and what a person should know.

use kitchen_core::words;
use kitchen_types::board::Board;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::ui::Ui;

/// The newest numbers, the most important ones first.
pub(super) fn lines(board: &Board, ui: &Ui) -> Vec<Line<'static>> {
    let mut lines = vec![
        quality(board, ui),
        motion(board, ui),
        device(board, ui),
        data(board, ui),
    ];
    lines.extend(domains(board, ui));
    lines
}

/// Numbers with their names before them.
struct Facts<'u> {
    spans: Vec<Span<'static>>,
    ui: &'u Ui,
}

impl<'u> Facts<'u> {
    fn new(ui: &'u Ui) -> Self {
        Self {
            spans: Vec::new(),
            ui,
        }
    }

    fn add(&mut self, name: &str, value: Option<String>, style: Style) {
        if let Some(value) = value {
            let gap = if self.spans.is_empty() { "" } else { "  " };
            self.spans.push(Span::styled(
                format!("{gap}{name} "),
                self.ui.palette.quiet(),
            ));
            self.spans.push(Span::styled(value, style));
        }
    }

    fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}

fn quality(board: &Board, ui: &Ui) -> Line<'static> {
    let (train, held_out) = (ui.palette.train(), ui.palette.validation());
    let step = board.step.as_ref();
    let measured = board.evaluation.as_ref();
    let mut facts = Facts::new(ui);
    facts.add("loss", step.map(|step| words::value(step.loss.0)), train);
    facts.add(
        "validation",
        measured.map(|it| words::value(it.loss.0)),
        held_out,
    );
    let accuracy = measured.and_then(|it| it.accuracy);
    facts.add(
        "accuracy",
        accuracy.map(|it| words::percent(it.0)),
        held_out,
    );
    let exact = measured.and_then(|it| it.exact);
    facts.add("exact", exact.map(|it| words::percent(it.0)), held_out);
    let bits = measured.and_then(|it| it.bits_per_byte);
    facts.add("bits/byte", bits.map(|it| words::value(it.0)), held_out);
    let best = board.best.as_ref().map(|best| {
        format!(
            "{} at step {}",
            words::value(best.loss.0),
            words::count(best.step)
        )
    });
    facts.add("best", best, Style::new());
    facts.line()
}

fn motion(board: &Board, ui: &Ui) -> Line<'static> {
    let step = board.step.as_ref();
    let mut facts = Facts::new(ui);
    facts.add(
        "lr",
        step.map(|step| words::setting(step.lr.0)),
        Style::new(),
    );
    let newest = |name: &str| board.curve(name).and_then(|series| series.last());
    let write = |value: Option<(u64, f64)>| value.map(|(_, value)| words::value(value));
    facts.add("gradient", write(newest("grad_norm")), Style::new());
    facts.add("update", write(newest("update_ratio")), Style::new());
    let per_second = newest("samples_per_second").map(|(_, rate)| rate);
    facts.add("samples/s", per_second.map(words::rate), Style::new());
    let tokens = per_second.zip(step).and_then(|(rate, step)| {
        let each = step.tokens as f64 / step.samples.max(1) as f64;
        (step.tokens > 0).then(|| words::rate(rate * each))
    });
    facts.add("tokens/s", tokens, Style::new());
    facts.line()
}

fn device(board: &Board, ui: &Ui) -> Line<'static> {
    let Some(client) = &board.client else {
        return Line::styled("no device yet", ui.palette.quiet());
    };
    let mut facts = Facts::new(ui);
    let adapter = match client.adapter.as_str() {
        "" => String::new(),
        adapter => format!(" ({})", words::one_line(adapter)),
    };
    facts.add(
        "device",
        Some(format!("{}{adapter}", client.device)),
        Style::new(),
    );
    facts.add(
        "parameters",
        Some(words::count(client.parameters)),
        Style::new(),
    );
    if !board.device_reason.is_empty() {
        facts.add(
            "why",
            Some(words::one_line(&board.device_reason)),
            ui.palette.quiet(),
        );
    }
    facts.line()
}

fn data(board: &Board, ui: &Ui) -> Line<'static> {
    let Some(data) = &board.data else {
        return Line::styled("no data yet", ui.palette.quiet());
    };
    let mut facts = Facts::new(ui);
    facts.add("data", Some(words::one_line(&data.source)), Style::new());
    facts.add("train", Some(words::count(data.train)), Style::new());
    facts.add(
        "held out",
        Some(words::count(data.validation)),
        Style::new(),
    );
    facts.line()
}

/// How well each domain of a mixture is known, and what the batches hold.
fn domains(board: &Board, ui: &Ui) -> Option<Line<'static>> {
    let mix = board.mix.as_ref()?;
    let scores = board.evaluation.as_ref().map(|it| &it.domains);
    let scores = scores.filter(|scores| !scores.is_empty());
    let mut facts = Facts::new(ui);
    facts.add(
        "domains",
        scores.map(|scores| words::one_line(&words::domains(scores))),
        ui.palette.validation(),
    );
    facts.add(
        "batches",
        Some(words::one_line(&words::mix(mix))),
        Style::new(),
    );
    Some(facts.line())
}

/// What a person should know, newest last: notices of the run, reports of this program, and the
/// newest checkpoint.
pub(super) fn draw_notes(frame: &mut Frame<'_>, area: Rect, board: &Board, ui: &Ui) {
    let block = Block::bordered()
        .border_style(ui.palette.quiet())
        .title(" notes ");
    let room = usize::from(area.height.saturating_sub(2));
    let mut lines: Vec<Line<'_>> = Vec::new();
    for notice in &board.notices {
        let step = match notice.step {
            0 => String::new(),
            step => format!("step {}: ", words::count(step)),
        };
        lines.push(Line::from(format!(
            "{step}{}",
            words::one_line(&notice.text)
        )));
    }
    for report in &ui.reports {
        lines.push(Line::styled(words::one_line(report), ui.palette.alert()));
    }
    if let Some(saved) = board.checkpoints.last() {
        let text = format!(
            "saved at step {} ({}), {} kept",
            words::count(saved.step),
            words::bytes(saved.bytes),
            board.checkpoints.len()
        );
        lines.push(Line::styled(text, ui.palette.good()));
    }
    // A long notice takes several rows; the newest ones matter most.
    let width = usize::from(area.width.saturating_sub(2)).max(1);
    let mut rows = 0;
    let fitting = lines
        .iter()
        .rev()
        .take_while(|line| {
            rows += line.width().div_ceil(width).max(1);
            rows <= room
        })
        .count();
    let newest = lines.split_off(lines.len() - fitting);
    frame.render_widget(
        Paragraph::new(newest)
            .wrap(Wrap { trim: true })
            .block(block),
        area,
    );
}
