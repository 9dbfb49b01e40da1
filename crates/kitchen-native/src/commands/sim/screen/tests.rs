//! Frames of simulated runs, as text.

#![allow(clippy::unwrap_used)]

use expect_test::{Expect, expect};
use kitchen_core::sim::story::{Player, Scenario};
use kitchen_core::told;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::grid::arrange;
use super::{Palette, View, draw, grid_area};

/// A scenario at a simulated time, and what happened so far.
fn at(name: &str, seconds: f64, palette: Palette) -> (Player, View) {
    let spec = Scenario::named(name).unwrap().spec().unwrap();
    let mut player = Player::new(spec, 100.0).unwrap();
    let mut view = View::of(&player, palette);
    player.now = seconds;
    while let Some(moment) = player.due() {
        view.say(told::told(&moment.event));
    }
    view.follow(&player);
    (player, view)
}

fn frame(width: u16, height: u16, player: &Player, view: &View) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            let area = grid_area(frame.area());
            let each = arrange(view.gpus, view.per_node, area.width, area.height).each;
            let cells = player.story().cells(player.now, each);
            draw(frame, &player.board, &cells, view);
        })
        .unwrap();
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

fn check(name: &str, seconds: f64, expected: Expect) {
    let (player, view) = at(name, seconds, Palette::Colours);
    expected.assert_eq(&text_of(&frame(80, 24, &player, &view)));
}

#[test]
fn getting_ready() {
    check(
        "first-night",
        8.0,
        expect![[r#"
             kitchen  first-night  llama3-8b on 64 x H100 SXM 80GB    starting  x100  8.0 s
            ┌ loss ────────────────────────────────┐┌ 64 GPUs: utilisation ────────────────┐
            │              no step yet             ││▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁   │
            │                                      ││▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁   │
            │                                      ││                                      │
            │                                      ││                                      │
            │                                      ││                                      │
            │                                      ││                                      │
            │                                      ││                                      │
            │                                      ││                                      │
            └──────────────────────────────────────┘└──────────────────────────────────────┘
             getting ready ────────────────────────────────────────────────────────────────





            ┌ what happens ────────────────────────────────────────────────────────────────┐
            │nccl      8 of 64 ranks connected, on 8 nodes                                 │
            │nccl      16 of 64 ranks connected, on 8 nodes                                │
            │nccl      24 of 64 ranks connected, on 8 nodes                                │
            │nccl      32 of 64 ranks connected, on 8 nodes                                │
            └──────────────────────────────────────────────────────────────────────────────┘
             space pause  ↑↓ speed  → 10 minutes on  m metric  b break a GPU  q quit
        "#]],
    );
}

#[test]
fn training_on_64_gpus() {
    check(
        "first-night",
        3000.0,
        expect![[r#"
             kitchen  first-night  llama3-8b on 64 x H100 SXM 80GB  training  x100  0:50:00
            ┌ loss 2.8441  ppl 17.19 ──────────────┐┌ 64 GPUs: utilisation ────────────────┐
            │ ⠘⡄                                   ││████████ ████████ ████████ ████████   │
            │  ⡇                                   ││████████ ████████ ████████ ████████   │
            │  ⢳                                   ││                                      │
            │  ⠸⡄                                  ││                                      │
            │   ⠱⡀                                 ││                                      │
            │    ⠹⣤⡀                               ││                                      │
            │     ⠈⠙⠲⣤⣀⣀                           ││                                      │
            │         ⠉⠉⠛⠒⠶⠶⢤⣤⡀                    ││                                      │
            └──────────────────────── 2.83 to 4.74 ┘└──────────────────────────────────────┘
             step 458 of 1,024, epoch 1 of 2, 1:01:52 left ━━━━━━━━━━━━━━──────────────────
             tokens/s 657,725  samples/s 80  step 6.377 s  lr 0.0002025
             all-reduce 416 ms, in layers 0, stages 0, waiting 80; gradient 0.339
             gpus 59.4 of 80 GiB (74.2 %), 98.5 % busy, 64 °C, 629 W
             parameters 8,029,995,008  tp 1  cp 1  pp 1  dp 64  ep 1
             validation 2.9137 at 384  saved runs/first-night/step-00000384
            ┌ what happens ────────────────────────────────────────────────────────────────┐
            │     384  validation loss 2.9137, ppl 18.425                                  │
            │     384  saving a checkpoint                                                 │
            │     384  saved 112.4 GB in 16.1 s                                            │
            │          as runs/first-night/step-00000384                                   │
            └──────────────────────────────────────────────────────────────────────────────┘
             space pause  ↑↓ speed  → 10 minutes on  m metric  b break a GPU  q quit
        "#]],
    );
}

#[test]
fn a_gpu_has_failed() {
    check(
        "first-night",
        4900.0,
        expect![[r#"
             kitchen  first-night  llama3-8b on 64 x H100 SXM 80GB      down  x100  1:21:40
            ┌ loss 2.7321  ppl 15.37 ──────────────┐┌ 64 GPUs: utilisation ────────────────┐
            │  ⠘⡄                                  ││▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁   │
            │   ⢣                                  ││▁▁▁▁▁▁▁▁ ▁▁▁X▁▁▁▁ ▁▁▁▁▁▁▁▁ ▁▁▁▁▁▁▁▁   │
            │   ⠈⣆                                 ││                                      │
            │    ⠘⣦                                ││                                      │
            │     ⠘⠳⣤⡀                             ││                                      │
            │       ⠈⠛⠶⣤⣄                          ││                                      │
            │           ⠉⠛⠿⠶⢤⣤⣀⣀⡀⢀                 ││                                      │
            │                 ⠈⠉⠛⠛⠓⠷⠶⠶⣦⣦⡄          ││                                      │
            └──────────────────────── 2.68 to 3.94 ┘└──────────────────────────── X failed ┘
             step 736 of 1,024, epoch 2 of 2, 0:31:23 left ━━━━━━━━━━━━━━━━━━━━━━━─────────
             tokens/s 657,284  samples/s 80  step 6.381 s  lr 0.00008565
             all-reduce 416 ms, in layers 0, stages 0, waiting 84; gradient 0.281
             gpus 59.4 of 80 GiB (74.2 %), 98.4 % busy, 64 °C, 628 W
             parameters 8,029,995,008  tp 1  cp 1  pp 1  dp 64  ep 1
             validation 2.7513 at 640  saved runs/first-night/step-00000640  1 failure
            ┌ what happens ────────────────────────────────────────────────────────────────┐
            │          as runs/first-night/step-00000640                                   │
            │trouble   gpu failure                                                         │
            │failed    node 5, GPU 3: 96 steps lost                                        │
            │cause     faulty gpu                                                          │
            └──────────────────────────────────────────────────────────────────────────────┘
             space pause  ↑↓ speed  → 10 minutes on  m metric  b break a GPU  q quit
        "#]],
    );
}

#[test]
fn a_hot_rack_among_16_384_gpus() {
    check(
        "llama3-405b",
        2500.0,
        expect![[r#"
             kitchen  llama3-405b  llama3-405b on 16384 x H100 SXM  training  x100  0:41:40
            ┌ loss 2.7134  ppl 15.08 ──────────────┐┌ 16,384 GPUs: utilisation, 64 a cell ─┐
            │ ⢸                                    ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆h▆▆▆▆▆▆   │
            │  ⡇                                   ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            │  ⢧                                   ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            │  ⠸⡀                                  ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            │   ⢧                                  ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            │   ⠈⢧⡀                                ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            │     ⠙⢦⣄                              ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            │       ⠈⠉⠓⠒⠶⠤⠤⣤⣀⡀                     ││▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆▆   │
            └──────────────────────── 2.71 to 5.90 ┘└─────────────────────────────── h hot ┘
             step 337 of 800, epoch 1 of 1, 0:57:57 left ━━━━━━━━━━━━━━────────────────────
             tokens/s 2,305,350  samples/s 281  step 7.278 s  lr 0.00006148
             all-reduce 2,721 ms, in layers 696, stages 105, waiting 1,022; gradient 0.359
             gpus 66.1 of 80 GiB (82.6 %), 71.1 % busy, 52 °C, 440 W
             parameters 405,849,243,648  tp 8  cp 1  pp 16  dp 128  ep 1
             validation 2.9528 at 200  saved runs/llama3-405b/step-00000300  thermal event
            ┌ what happens ────────────────────────────────────────────────────────────────┐
            │heat      rack 100: 87.4 °C, clocks at 90.0 %                                 │
            │heat      rack 100: 87.5 °C, clocks at 87.0 %                                 │
            │heat      rack 100: 87.6 °C, clocks at 86.0 %                                 │
            │heat      rack 100: 87.6 °C, clocks at 85.0 %                                 │
            └──────────────────────────────────────────────────────────────────────────────┘
             space pause  ↑↓ speed  → 10 minutes on  m metric  b break a GPU  q quit
        "#]],
    );
}

#[test]
fn every_size_is_drawn() {
    let (player, view) = at("bad-day", 5000.0, Palette::Colours);
    for (width, height) in [(1, 1), (10, 4), (40, 10), (80, 24), (200, 60)] {
        frame(width, height, &player, &view);
    }
}

#[test]
fn without_colours_there_are_none() {
    let colours = |palette| {
        let (player, view) = at("first-night", 4900.0, palette);
        let backend = frame(80, 24, &player, &view);
        let cells = backend.buffer().content.iter();
        cells.filter(|cell| cell.fg != Color::Reset).count()
    };
    assert_eq!(colours(Palette::Plain), 0);
    assert!(colours(Palette::Colours) > 100);
}
