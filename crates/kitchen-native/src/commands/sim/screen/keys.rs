//! What keys do.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::View;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pause,
    Faster,
    Slower,
    Leap,
    NextMetric,
    Break,
    Quit,
    Interrupt,
}

/// What a key means.
pub(super) fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => Some(Action::Interrupt),
        _ if control => None,
        KeyCode::Char(' ') => Some(Action::Pause),
        KeyCode::Char('+' | '=') | KeyCode::Up => Some(Action::Faster),
        KeyCode::Char('-') | KeyCode::Down => Some(Action::Slower),
        KeyCode::Right => Some(Action::Leap),
        KeyCode::Char('m') | KeyCode::Tab => Some(Action::NextMetric),
        KeyCode::Char('b') => Some(Action::Break),
        KeyCode::Char('q') | KeyCode::Esc => Some(Action::Quit),
        _ => None,
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let keys = [
        ("space", "pause"),
        ("\u{2191}\u{2193}", "speed"),
        ("\u{2192}", "10 minutes on"),
        ("m", "metric"),
        ("b", "break a GPU"),
        ("q", "quit"),
    ];
    let mut spans = Vec::new();
    for (key, does) in keys {
        spans.push(Span::styled(format!(" {key}"), view.palette.key()));
        spans.push(Span::styled(format!(" {does} "), view.palette.quiet()));
    }
    frame.render_widget(Line::from(spans), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_screen_says() {
        let plain = |code| action(KeyEvent::new(code, KeyModifiers::NONE));
        for (code, expected) in [
            (KeyCode::Char(' '), Some(Action::Pause)),
            (KeyCode::Up, Some(Action::Faster)),
            (KeyCode::Down, Some(Action::Slower)),
            (KeyCode::Right, Some(Action::Leap)),
            (KeyCode::Char('m'), Some(Action::NextMetric)),
            (KeyCode::Char('b'), Some(Action::Break)),
            (KeyCode::Char('q'), Some(Action::Quit)),
            (KeyCode::Char('x'), None),
        ] {
            assert_eq!(plain(code), expected, "{code:?}");
        }
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(action(control), Some(Action::Interrupt));
    }
}
