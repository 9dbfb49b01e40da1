//! Frames of scripted runs, as text.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use expect_test::{Expect, expect};
use kitchen_core::Surface;
use kitchen_types::board::Board;
use kitchen_types::{Command, Event, Number};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::{Action, Palette, Ui, draw};
use crate::scripted::{self, Script};

fn ui() -> Ui {
    Ui {
        title: "tell handwritten digits apart".into(),
        elapsed: Duration::from_millis(2400),
        ..Ui::default()
    }
}

fn frame(width: u16, height: u16, board: &Board, ui: &Ui) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, board, ui)).unwrap();
    terminal.backend().clone()
}

fn text_of(backend: &TestBackend) -> String {
    let buffer = backend.buffer();
    let width = usize::from(buffer.area.width);
    let rows = buffer.content.chunks(width).map(|row| {
        let text: String = row.iter().map(|cell| cell.symbol()).collect();
        text.trim_end().to_owned() + "\n"
    });
    rows.collect()
}

fn check(width: u16, height: u16, script: &Script, expected: Expect) {
    let board = Board::replay(&script.envelopes);
    expected.assert_eq(&text_of(&frame(width, height, &board, &ui())));
}

#[test]
fn before_anything_was_said() {
    check(
        80,
        24,
        &Script::new("digits"),
        expect![[r#"
             kitchen  a run  tell handwritten digits apart                  starting  2.4 s
            ┌ loss ────────────────────────────────────────────────────────────────────────┐
            │                                  no step yet                                 │
            │                                                                              │
            │                                                                              │
            │                                                                              │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘
             the length is not known yet ──────────────────────────────────────────────────


             no device yet
             no data yet
            ┌ what it has learnt ──────────────────────────┐┌ notes ───────────────────────┐
            │shown after the first evaluation              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            └──────────────────────────────────────────────┘└──────────────────────────────┘
             space pause  . step  s save  q stop  ↑↓ learning rate  ←→ batch  : tell  ? help
        "#]],
    );
}

#[test]
fn digits_at_80_by_24() {
    check(
        80,
        24,
        &scripted::digits(300),
        expect![[r#"
             kitchen  digits-20231114-221320  tell handwritten digits apar  training  2.4 s
            ┌ loss  ─ 0.1626  • 0.1517 ────────────┐┌ accuracy  ─ 93.7 %  • 93.9 % ────────┐
            │2.5163 ⡇                              ││95.2 %        ⣀•⣀⣀⡠⠤•⠤⠤⠔•⠒⠒⠒⠒•⠒⠒⠊•⠉⠉⠉⠉│
            │       ⢇                              ││         ⢀⢀•⠔⠒⠉⠁⠁                     │
            │       ⠸⡀                             ││        ⢀⠖⠁                           │
            │1.3211 ⠈⠘⢄⡀•                          ││52.6 % ⢀⠎                             │
            │         ⠉⠈⠠⠤⣀⣀•    •   •    •   •    ││       ⡜⠁                             │
            │0.1258       ⠉⠉⠉⠉⠉⠑⠒⠒⠒⠒⠢⠤⠤⠤⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀││10.0 % ⠁                              │
            └ 1 ───────────────────────── step 300 ┘└ 1 ───────────────────────── step 300 ┘
             step 300 of 450, epoch 7 of 10, 0.6 s left ━━━━━━━━━━━━━━━━━━━━━━━────────────
             loss 0.1626  validation 0.1517  accuracy 93.9 %  best 0.1517 at step 270
             lr 0.003  gradient 0.2143  update 0.001000  samples/s 8,000
             device cpu (flex, 2 threads)  parameters 17,226  why the only device here
             data 1,797 handwritten digits (UCI)  train 1,438  held out 359
            ┌ what is taken for what at step 270 ──────────┐┌ notes ───────────────────────┐
            │2 taken for 5  2 times                        ││saved at step 225 (210.3 kB), │
            │5 taken for 8  2 times                        ││1 kept                        │
            │8 taken for 1  2 times                        ││                              │
            │1 taken for 4  1 time                         ││                              │
            │4 taken for 7  1 time                         ││                              │
            │7 taken for 0  1 time                         ││                              │
            │                                              ││                              │
            └──────────────────────────────────────────────┘└──────────────────────────────┘
             space pause  . step  s save  q stop  ↑↓ learning rate  ←→ batch  : tell  ? help
        "#]],
    );
}

#[test]
fn a_mixture_shows_its_domains() {
    check(
        100,
        26,
        &scripted::mixture(),
        expect![[r#"
             kitchen  forgetting-20231114-221320  tell handwritten digits apart                 training  2.4 s
            ┌ held-out loss  • sums 10.02  • words 0.0225 ───┐┌ share  ─ sums 21.0 %  ─ words 79.0 % ──────────┐
            │ 10.02                                      ⢀⡠⠔•││100.0 %⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⢸⠉⠉⠉⠑⠒⠒⠒⠢⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀  │
            │                                        ⢀⡠•⠊⠁   ││                           ⢸               ⠈  ⠉⠙│
            │                                    ⢀⡠•⠊⠁       ││                           ⢸                    │
            │5.0200 •                        ⢀•⠔⠊⠁           ││50.0 %                     ⡇                    │
            │       •⣀  •   •    •   •   ⢀•⠔⠊⠁•    •   •    •││                           ⡇               ⢀  ⣀⣠│
            │0.0200 ⣀⣀⠉⠒⠤⠤⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀•⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀││ 0.0 % ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡇⣀⣀⣀⡠⠤⠤⠤⠔⠒⠒⠉⠉⠉⠉⠉⠉⠉⠉  │
            └ 20 ────────────────────────────────── step 200 ┘└ 0 ─────────────────────────────────── step 200 ┘
             step 200 of 400, epoch 5 of 4, 0.8 s left ━━━━━━━━━━━━━━━━━━━━━━━━━━━━────────────────────────────
             loss 0.2295  validation 0.2000  accuracy 92.0 %  best 0.2000 at step 200
             lr 0.003  gradient 0.3000  update 0.001000  samples/s 8,000
             no device yet
             no data yet
             domains sums 10.02 (0.0 %), words 0.0225 (97.8 %)  batches 21.0 % sums, 79.0 % words
            ┌ what it has learnt ──────────────────────────────────────┐┌ notes ───────────────────────────────┐
            │shown after the first evaluation                          ││step 100: `words` comes from here on  │
            │                                                          ││                                      │
            │                                                          ││                                      │
            │                                                          ││                                      │
            │                                                          ││                                      │
            │                                                          ││                                      │
            │                                                          ││                                      │
            │                                                          ││                                      │
            └──────────────────────────────────────────────────────────┘└──────────────────────────────────────┘
             space pause  . step  s save  q stop  ↑↓ learning rate  ←→ batch  : tell  ? help
        "#]],
    );
}

#[test]
fn digits_at_120_by_40() {
    check(
        120,
        40,
        &scripted::digits(300),
        expect![[r#"
             kitchen  digits-20231114-221320  tell handwritten digits apart                                         training  2.4 s
            ┌ loss  ─ train 0.1626  • validation 0.1517 ───────────────┐┌ accuracy  ─ train 93.7 %  • validation 93.9 % ───────────┐
            │2.5163 ⡇                                                  ││95.2 %                     ⡀⣀•⣀⢀⣀⣀⣀⡠•⠤⠤⠤⠤⠔⠒⠒•⠒⠒⠒⠒⠒⠒•⠒⠒⠒⠉⠒⠓│
            │       ⡇                                                  ││                  ⢀⣀⣄•⣀⡠⠤⠤⠒⠒⠊⠉⠉⠁⠁⠁⠁⠁                      │
            │       ⡆                                                  ││              ⢀⢠⢀⣀⠤⠒⠊⠁⠉⠁                                  │
            │       ⢸⡄                                                 ││            ⣰⡄•⠊⠁⠁                                        │
            │       ⢻⡇                                                 ││          ⡀⢠⠒⠉⠉                                           │
            │       ⠈⢱⢀                                                ││         ⢠⢠⠃⠉                                             │
            │1.3211  ⠈⡆⣄                                               ││52.6 %  ⢀⡰⠁                                               │
            │         ⠈⢢⡄                                              ││        ⢠⠃                                                │
            │          ⠃⠣⡀⡄                                            ││       ⢠⡜                                                 │
            │           ⠈⠈⠉•⡀⡀                                         ││       ⢀⠇                                                 │
            │              ⠁⠈⠑⠒⠤⣀⡀•                                    ││       ⡸⠁                                                 │
            │                  ⠉⠉⠈⠑⠒⠢⠤⠤⣀⣀⡀•⡀⣀⣀⡀⡀ •       •      •      ││       ⠁                                                  │
            │0.1258                     ⠁⠈⠉⠉⠉⠉⠑⠒⠒⠒⠒⠒⠒⠒⠢⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⣀⠤⡠││10.0 % ⡇                                                  │
            └ 1 ───────────────────────────────────────────── step 300 ┘└ 1 ───────────────────────────────────────────── step 300 ┘
             step 300 of 450, epoch 7 of 10, 0.6 s left ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━─────────────────────────
             loss 0.1626  validation 0.1517  accuracy 93.9 %  best 0.1517 at step 270
             lr 0.003  gradient 0.2143  update 0.001000  samples/s 8,000
             device cpu (flex, 2 threads)  parameters 17,226  why the only device here
             data 1,797 handwritten digits (UCI)  train 1,438  held out 359
            ┌ what is taken for what at step 270 ──────────────────────────────────┐┌ notes ───────────────────────────────────────┐
            │   0  1  2  3  4  5  6  7  8  9                                       ││saved at step 225 (210.3 kB), 1 kept          │
            │0 30  ·  ·  ·  ·  ·  ·  ·  ·  ·                                       ││                                              │
            │1  · 31  ·  ·  1  ·  ·  ·  ·  ·                                       ││                                              │
            │2  ·  · 32  ·  ·  2  ·  ·  ·  ·                                       ││                                              │
            │3  ·  ·  · 33  ·  ·  ·  ·  ·  ·                                       ││                                              │
            │4  ·  ·  ·  · 34  ·  ·  1  ·  ·                                       ││                                              │
            │5  ·  ·  ·  ·  · 35  ·  ·  2  ·                                       ││                                              │
            │6  ·  ·  ·  ·  ·  · 36  ·  ·  ·                                       ││                                              │
            │7  1  ·  ·  ·  ·  ·  · 37  ·  ·                                       ││                                              │
            │8  ·  2  ·  ·  ·  ·  ·  · 38  ·                                       ││                                              │
            │9  ·  ·  ·  ·  ·  ·  ·  ·  · 39                                       ││                                              │
            │                                                                      ││                                              │
            │                                                                      ││                                              │
            │                                                                      ││                                              │
            │                                                                      ││                                              │
            │                                                                      ││                                              │
            └──────────────────────────────────────────────────────────────────────┘└──────────────────────────────────────────────┘
             space pause  . step  s save  q stop  ↑↓ learning rate  ←→ batch  : tell  ? help
        "#]],
    );
}

#[test]
fn digits_at_40_by_12() {
    check(
        40,
        12,
        &scripted::digits(300),
        expect![[r#"
         kitchen  digits-20231  training  2.4 s
        ┌ loss  ─ 0.1626  • 0.1517 ────────────┐
        │2.5163 ⡇                              │
        │       ⢣⡀                             │
        │1.3211 ⠈⢢⣄                            │
        │         ⠉⠢•⣀⡀⡀•    •   •    •   •    │
        │0.1258      ⠉⠉⠉⠒⠒⠒⠢⠤⠤⠤⠤⠤⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀│
        └ 1 ───────────────────────── step 300 ┘
         step 300/450, 0.6 s left ━━━━━━━━─────
         loss 0.1626  validation 0.1517
         accuracy 93.9 %  best 0.1517 at step
         space pause  . step  s save  q stop  ↑↓
    "#]],
    );
}

#[test]
fn text_at_80_by_24() {
    check(
        80,
        24,
        &scripted::text(),
        expect![[r#"
             kitchen  text-20231114-221320  tell handwritten digits apart   training  2.4 s
            ┌ loss  ─ train 0.1015 ────────────────┐┌ accuracy  ─ train 96.1 % ────────────┐
            │2.5163 ⡇                              ││97.1 %     ⢀⢀⣀⡠⠤⠤⠤⠔⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉⠉⠉⠉⠉│
            │       ⡄                              ││        ⢀⡠⠔⠉⠁⠁                        │
            │       ⠘⡄                             ││        ⢰⠁                            │
            │1.2959  ⢱⡀                            ││53.5 % ⢀⠇                             │
            │        ⠈⠑⠤⣀⣀                         ││       ⠎⠁                             │
            │0.0755     ⠉⠉⠉⠒⠒⠒⠒⠤⠤⠤⠤⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀││10.0 % ⡇                              │
            └ 1 ───────────────────────── step 500 ┘└ 1 ───────────────────────── step 500 ┘
             step 500 of 2,000, epoch 12 of 2, 6.0 s left ━━━━━━━━─────────────────────────
             loss 0.1015
             lr 0.003  gradient 0.1364  update 0.001000  samples/s 8,000
             no device yet
             no data yet
            ┌ what it writes at step 500 ──────────────────┐┌ notes ───────────────────────┐
            │ROMEO:                                        ││the text has 3 characters that│
            │What light through 500 yonder�[2J window      ││occur once                    │
            │breaks?                                       ││                              │
            │                                              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            │                                              ││                              │
            └──────────────────────────────────────────────┘└──────────────────────────────┘
             space pause  . step  s save  q stop  ↑↓ learning rate  ←→ batch  : tell  ? help
        "#]],
    );
}

#[test]
fn a_loss_that_is_not_a_number_is_told() {
    let mut script = scripted::digits(3);
    if let Event::Stepped(mut step) = scripted::step(4) {
        step.loss = Number(f64::NAN);
        script.say(4, Event::Stepped(step));
    }
    let board = Board::replay(&script.envelopes);
    let text = text_of(&frame(80, 24, &board, &ui()));
    assert!(text.contains("train NaN"), "{text}");
    assert!(text.contains("1 not finite"), "{text}");
}

#[test]
fn too_many_classes_show_the_worst_pairs() {
    let board = Board::replay(&scripted::digits(90).envelopes);
    let text = text_of(&frame(64, 18, &board, &ui()));
    assert!(text.contains("8 taken for 1  2 times"), "{text}");
}

#[test]
fn the_plane_is_drawn_bottom_up() {
    let ui = Ui {
        palette: Palette::Plain,
        surface: Some(Surface {
            step: 7,
            size: 2,
            extent: 1.0,
            // The lower row is class 0, the upper one class 1.
            classes: vec![0, 0, 1, 1],
            confidence: vec![1.0; 4],
        }),
        ..ui()
    };
    let text = text_of(&frame(80, 24, &Board::default(), &ui));
    let rows: Vec<_> = text.lines().collect();
    let upper = rows.iter().position(|row| row.contains("##")).unwrap();
    let lower = rows
        .iter()
        .position(|row| row.contains("\u{b7}\u{b7}"))
        .unwrap();
    assert!(upper < lower, "{text}");
}

#[test]
fn nothing_is_coloured_where_colours_are_off() {
    let mut ui = Ui {
        palette: Palette::Plain,
        ..ui()
    };
    let board = Board::replay(&scripted::digits(300).envelopes);
    for help in [false, true] {
        ui.help = help;
        let backend = frame(120, 40, &board, &ui);
        let coloured = |color: Color| color != Color::Reset;
        let cells = &backend.buffer().content;
        assert!(
            !cells
                .iter()
                .any(|cell| coloured(cell.fg) || coloured(cell.bg))
        );
    }
}

#[test]
fn every_size_can_be_drawn() {
    let ui = Ui {
        help: true,
        reports: vec!["a report".repeat(40)],
        ..ui()
    };
    for script in [
        Script::new("digits"),
        scripted::digits(300),
        scripted::text(),
    ] {
        let board = Board::replay(&script.envelopes);
        for (width, height) in [
            (1, 1),
            (5, 3),
            (20, 5),
            (39, 11),
            (63, 40),
            (64, 17),
            (300, 4),
            (300, 100),
        ] {
            frame(width, height, &board, &ui);
        }
    }
}

#[test]
fn what_a_model_writes_does_not_steer_the_terminal() {
    let board = Board::replay(&scripted::text().envelopes);
    let text = text_of(&frame(80, 24, &board, &ui()));
    assert!(!text.contains('\u{1b}'));
    assert!(text.contains("yonder\u{fffd}[2J window"), "{text}");
}

#[test]
fn help_opens_over_the_rest() {
    let ui = Ui { help: true, ..ui() };
    let board = Board::replay(&scripted::digits(300).envelopes);
    expect![[r#"
         kitchen  digits-20231114-221320  tell handwritten digits apar  training  2.4 s
        ┌ loss  ─ 0.1626  • 0.1517 ────────────┐┌ accuracy  ─ 93.7 %  • 93.9 % ────────┐
        │2.5163 ⡇                              ││95.2 %        ⣀•⣀⣀⡠⠤•⠤⠤⠔•⠒⠒⠒⠒•⠒⠒⠊•⠉⠉⠉⠉│
        │      ┌ help ──────────────────────────────────────────────────────────┐      │
        │      │space   pause, and go on                                        │      │
        │1.3211│.       take one step, and pause                                │      │
        │      │s       save a checkpoint now                                   │      │
        │0.1258│q       save and end; `resume` goes on later                    │      │
        └ 1 ───│↑ ↓     raise or lower the learning rate by a quarter           │p 300 ┘
         step 3│← →     halve or double the batches                             │──────
         loss 0│:       type a command, as `kitchen-native command` takes it    │
         lr 0.0│?       close this help                                         │
         device│Ctrl-C  save and end; twice ends at once                        │e
         data 1│                                                                │
        ┌ what │The band of a curve shows the smallest and the largest value of │──────┐
        │2 take│neighbouring steps, the line their mean; dots are measures of   │ kB), │
        │5 take│held-out examples, which the model never trains on. Training    │      │
        │8 take│loss falling while the validation loss rises means that it      │      │
        │1 take│learns by heart.                                                │      │
        │4 take│                                                                │      │
        │7 take└────────────────────────────────────────────────────────────────┘      │
        │                                              ││                              │
        └──────────────────────────────────────────────┘└──────────────────────────────┘
         space pause  . step  s save  q stop  ↑↓ learning rate  ←→ batch  : tell  ? help
    "#]]
    .assert_eq(&text_of(&frame(80, 24, &board, &ui)));
}

#[test]
fn keys_become_commands() {
    let mut board = Board::replay(&scripted::digits(3).envelopes);
    let mut ui = ui();
    let tell = |command| Some(Action::Tell(command));
    let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
    let lr = |value| tell(Command::SetLearningRate(Number(value)));
    assert_eq!(
        ui.press(key(KeyCode::Char(' ')), &board),
        tell(Command::Pause)
    );
    board.phase = kitchen_types::board::Phase::Paused;
    assert_eq!(
        ui.press(key(KeyCode::Char(' ')), &board),
        tell(Command::Resume)
    );
    assert_eq!(
        ui.press(key(KeyCode::Char('.')), &board),
        tell(Command::Step)
    );
    assert_eq!(
        ui.press(key(KeyCode::Char('s')), &board),
        tell(Command::Save)
    );
    // Two presses in a row count twice, though the run has not answered the first one yet.
    assert_eq!(ui.press(key(KeyCode::Up), &board), lr(0.001 * 1.25));
    assert_eq!(ui.press(key(KeyCode::Up), &board), lr(0.001 * 1.25 * 1.25));
    let batch = |size| Some(Action::Tell(Command::SetBatchSize(size)));
    assert_eq!(ui.press(key(KeyCode::Right), &board), batch(64));
    assert_eq!(ui.press(key(KeyCode::Right), &board), batch(128));
    assert_eq!(ui.press(key(KeyCode::Left), &board), batch(64));
    assert_eq!(ui.press(key(KeyCode::Char('x')), &board), None);
    // While a command is typed, letters are letters.
    let type_in = |ui: &mut Ui, line: &str| {
        let letters = line.chars().map(KeyCode::Char).chain([KeyCode::Enter]);
        letters.fold(None, |_, code| ui.press(key(code), &board))
    };
    assert_eq!(type_in(&mut ui, ":set_lr 0.01"), lr(0.01));
    assert_eq!(type_in(&mut ui, ":quit"), None);
    assert!(ui.reports.concat().contains("`quit` is no command"));
    assert!(!ui.stopping);
    assert_eq!(
        ui.press(key(KeyCode::Char('q')), &board),
        tell(Command::Stop)
    );
    assert!(ui.stopping);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(ui.press(control_c, &board), Some(Action::Interrupt));
}
