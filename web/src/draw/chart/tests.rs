//! Charts as a person would check them: as text, and by what must never happen.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::draw::shapes::tests::measure;

fn series(points: impl IntoIterator<Item = (u64, f64)>) -> Series {
    let mut series = Series::default();
    for (step, value) in points {
        series.push(step, value);
    }
    series
}

fn curve<'a>(name: &str, colour: usize, points: &'a Series) -> Curve<'a> {
    Curve {
        name: name.to_owned(),
        colour,
        dashed: false,
        points,
    }
}

fn chart<'a>(curves: impl IntoIterator<Item = Curve<'a>>) -> Chart<'a> {
    Chart {
        title: "loss".to_owned(),
        curves: curves.into_iter().collect(),
        goal: Goal::Low,
        ..Chart::default()
    }
}

/// Falls from 2.3 like a loss does.
fn falling(steps: u64) -> Series {
    series((1..=steps).map(|step| (step, 2.3 / (1.0 + 9.0 * step as f64 / steps as f64))))
}

#[track_caller]
fn check(chart: &Chart<'_>, expected: Expect) {
    expected.assert_eq(&told(&layout(chart, 420.0, 220.0, &measure)));
}

/// A drawing as text: everything written from top to bottom, then shapes by their ends.
fn told(drawing: &Drawing) -> String {
    let mut text = String::new();
    let mut rows: Vec<&crate::draw::shapes::Text> = drawing.texts.iter().collect();
    rows.sort_by(|a, b| {
        a.baseline
            .total_cmp(&b.baseline)
            .then(a.left.total_cmp(&b.left))
    });
    for row in rows.chunk_by(|a, b| (a.baseline - b.baseline).abs() < 1.0) {
        let words: Vec<String> = row
            .iter()
            .map(|text| format!("{:.0}:{:?}", text.left, text.content))
            .collect();
        writeln!(text, "at {:.0} {}", row[0].baseline, words.join(" ")).unwrap();
    }
    let plot = drawing.plot;
    writeln!(
        text,
        "plot {:.0},{:.0} to {:.0},{:.0}",
        plot.left,
        plot.top,
        plot.right(),
        plot.bottom()
    )
    .unwrap();
    for band in &drawing.bands {
        let ends = [&band.ranges[0], &band.ranges[band.ranges.len() - 1]];
        let [from, to] = ends.map(|end| format!("{:.0},{:.0}..{:.0}", end.x, end.top, end.bottom));
        writeln!(
            text,
            "band {} of {}: {from} to {to}",
            band.colour,
            band.ranges.len()
        )
        .unwrap();
    }
    for line in &drawing.lines {
        let ends = [line.points[0], line.points[line.points.len() - 1]];
        let [from, to] = ends.map(|(x, y)| format!("{x:.0},{y:.0}"));
        writeln!(
            text,
            "line {} of {}: {from} to {to}",
            line.colour,
            line.points.len()
        )
        .unwrap();
    }
    for dot in &drawing.dots {
        writeln!(text, "dot {} at {:.0},{:.0}", dot.colour, dot.x, dot.y).unwrap();
    }
    for upright in &drawing.uprights {
        writeln!(text, "{:?} at {:.0}", upright.kind, upright.x).unwrap();
    }
    for mark in &drawing.marks {
        writeln!(text, "{:?} below {:.0}", mark.kind, mark.x).unwrap();
    }
    text
}

#[test]
fn a_usual_run() {
    let train = falling(1000);
    let held_out = series((1..=4).map(|part| (part * 250, 1.5 / part as f64)));
    let mut chart = chart([curve("train", 0, &train), curve("validation", 1, &held_out)]);
    chart.smoothing = 0.8;
    chart.cursor = Some(500);
    chart.guides = vec![Guide {
        value: 10f64.ln(),
        label: "guessing".to_owned(),
    }];
    chart.marks = vec![
        Mark {
            step: 250,
            kind: MarkKind::Checkpoint,
            label: String::new(),
        },
        Mark {
            step: 1000,
            kind: MarkKind::Best,
            label: "best".to_owned(),
        },
    ];
    check(
        &chart,
        expect![[r#"
        at 13 6:"loss" 74:"train 0.421" 205:"validation 1.083"
        at 42 348:"guessing"
        at 55 17:"2.0"
        at 93 17:"1.5"
        at 130 17:"1.0"
        at 167 17:"0.5"
        at 216 8:"step" 106:"200" 198:"step 500" 325:"800" 384:"1,000"
        plot 44,23 to 408,191
        band 0 of 501: 44,31..31 to 408,183..183
        band 1 of 4: 135,89..89 to 408,173..173
        line 0 of 501: 44,31 to 408,183
        line 1 of 4: 135,89 to 408,149
        dot 0 at 226,169
        dot 1 at 226,120
        dot 1 at 135,89
        dot 1 at 226,120
        dot 1 at 317,138
        dot 1 at 408,149
        Mark at 408
        Cursor at 226
        Checkpoint below 135
        Best below 408
    "#]],
    );
}

#[test]
fn nothing_yet() {
    let empty = Series::default();
    check(
        &chart([curve("train", 0, &empty)]),
        expect![[r#"
        at 13 6:"loss" 74:"train –"
        at 116 188:"no step yet"
        plot 44,23 to 408,201
    "#]],
    );
}

#[test]
fn one_point() {
    let one = series([(1, 2.31)]);
    check(
        &chart([curve("train", 0, &one)]),
        expect![[r#"
        at 13 6:"loss" 74:"train 2.31"
        at 43 17:"2.5"
        at 81 17:"2.4"
        at 120 17:"2.3"
        at 158 17:"2.2"
        at 197 17:"2.1"
        at 216 8:"step" 222:"1"
        plot 44,23 to 408,201
        line 0 of 1: 226,112 to 226,112
        dot 0 at 226,112
    "#]],
    );
}

#[test]
fn a_constant() {
    let constant = series((1..=100).map(|step| (step, 0.003)));
    check(
        &chart([curve("rate", 0, &constant)]),
        expect![[r#"
        at 13 6:"loss" 74:"rate 0.003"
        at 57 4:"0.0032"
        at 116 4:"0.0030"
        at 175 4:"0.0028"
        at 216 16:"step" 113:"20" 185:"40" 257:"60" 329:"80" 398:"100"
        plot 52,23 to 408,201
        line 0 of 100: 52,112 to 408,112
    "#]],
    );
}

#[test]
fn nothing_but_nan() {
    let lost = series((1..=3).map(|step| (step, f64::NAN)));
    check(
        &chart([curve("train", 0, &lost)]),
        expect![[r#"
        at 13 6:"loss" 74:"train NaN"
        at 30 6:"3 values were NaN or infinite"
        at 124 160:"no finite value yet"
        plot 44,40 to 408,201
    "#]],
    );
}

#[test]
fn huge_and_tiny() {
    let huge = series([(1, 1e300), (2, -1e300), (3, 1e-300)]);
    check(
        &chart([curve("train", 0, &huge)]),
        expect![[r#"
        at 13 6:"loss" 74:"train 1e-300"
        at 35 11:"1.0e300"
        at 76 25:"5e299"
        at 116 53:"0"
        at 156 18:"-5e299"
        at 197 4:"-1.0e300"
        at 216 30:"step" 62:"1" 234:"2" 404:"3"
        plot 66,23 to 408,201
        line 0 of 3: 66,31 to 408,112
        dot 0 at 66,31
        dot 0 at 237,193
        dot 0 at 408,112
    "#]],
    );
    let tiny = series([(1, 1e-12), (2, 3e-12)]);
    check(
        &chart([curve("train", 0, &tiny)]),
        expect![[r#"
        at 13 6:"loss" 74:"train 3e-12"
        at 35 4:"3.0e-12"
        at 76 4:"2.5e-12"
        at 116 4:"2.0e-12"
        at 156 4:"1.5e-12"
        at 197 4:"1.0e-12"
        at 216 23:"step" 56:"1" 404:"2"
        plot 59,23 to 408,201
        line 0 of 2: 59,193 to 408,31
        dot 0 at 59,193
        dot 0 at 408,31
    "#]],
    );
}

#[test]
fn a_logarithmic_axis_leaves_out_what_has_no_place_on_it() {
    let crossing = series([
        (1, 10.0),
        (2, 1.0),
        (3, 0.0),
        (4, -5.0),
        (5, 0.1),
        (6, 0.01),
    ]);
    let mut chart = chart([curve("train", 0, &crossing)]);
    chart.scale = Scale::Log;
    check(
        &chart,
        expect![[r#"
        at 13 6:"loss" 74:"train 0.01"
        at 30 6:"values of 0 and below have no place on a logarithmic axis"
        at 51 24:"10"
        at 100 31:"1"
        at 149 17:"0.1"
        at 198 10:"0.01"
        at 216 8:"step" 40:"1" 113:"2" 186:"3" 259:"4" 332:"5" 404:"6"
        plot 44,40 to 408,201
        line 0 of 2: 44,47 to 117,96
        line 0 of 2: 335,145 to 408,194
        dot 0 at 44,47
        dot 0 at 117,96
        dot 0 at 335,145
        dot 0 at 408,194
    "#]],
    );
    let below = series([(1, -1.0), (2, 0.0)]);
    chart.curves = vec![curve("train", 0, &below)];
    check(
        &chart,
        expect![[r#"
        at 13 6:"loss" 74:"train 0"
        at 30 6:"values of 0 and below have no place on a logarithmic axis"
        at 124 170:"no value above 0"
        plot 44,40 to 408,201
    "#]],
    );
}

#[test]
fn a_spike_among_a_hundred_thousand_is_as_high_as_it_was() {
    let spike = series((1..=100_000).map(|step| (step, if step == 54_321 { 8.0 } else { 0.5 })));
    for smoothing in [0.0, 0.99] {
        let mut chart = chart([curve("train", 0, &spike)]);
        chart.smoothing = smoothing;
        let drawing = layout(&chart, 800.0, 300.0, &measure);
        let ranges = drawing.bands.iter().flat_map(|band| &band.ranges);
        let highest = ranges
            .reduce(|a, b| if b.top < a.top { b } else { a })
            .unwrap();
        // The axis ends 5 % above the largest value.
        let (top, bottom) = (drawing.plot.top, drawing.plot.bottom());
        let (low, high) = (0.125, 8.375);
        let expected = bottom - (bottom - top) * (8.0 - low) / (high - low);
        assert!(
            (highest.top - expected).abs() < 1e-6,
            "{highest:?} for {expected}"
        );
        let place = drawing.place_of(54_321).unwrap();
        assert!((highest.x - place).abs() < 2.0, "{highest:?} for {place}");
    }
}

#[test]
fn segments_are_bounded() {
    let noisy: Vec<Series> = (0..10)
        .map(|run| series((1..=200_000).map(|step| (step, ((step * 7 + run) % 13) as f64))))
        .collect();
    for runs in [1, 2, 3, 10] {
        let curves = noisy[..runs].iter().enumerate();
        let mut chart = chart(curves.map(|(index, points)| curve("train", index, points)));
        chart.smoothing = 0.5;
        for width in [300.0, 1000.0, 4000.0] {
            let segments = layout(&chart, width, 300.0, &measure).segments();
            assert!(
                segments <= SEGMENTS,
                "{runs} runs, {width} wide: {segments}"
            );
            assert!(segments > 500, "{runs} runs, {width} wide: {segments}");
        }
    }
}

/// Sizes, views and numbers of curves that a person may come upon.
#[test]
fn labels_never_overlap_and_lines_stay_on_the_canvas() {
    let long = falling(100_000);
    let sparse = series((1..=20).map(|part| (part * 5000, part as f64)));
    let marks: Vec<Mark> = (1..=40)
        .map(|part| Mark {
            step: part * 2500,
            kind: [MarkKind::Checkpoint, MarkKind::Branch, MarkKind::Best][part as usize % 3],
            label: format!("branch {part}"),
        })
        .collect();
    let guide = Guide {
        value: 2.0,
        label: "guessing".to_owned(),
    };
    let views = [
        View::All,
        View::Newest(100),
        View::Between(49_000, 49_004),
        View::Between(7, 7),
    ];
    for width in [60.0, 200.0, 360.0, 1200.0] {
        for height in [50.0, 120.0, 400.0] {
            for view in views {
                for number in [1, 2, 20] {
                    for scale in [Scale::Linear, Scale::Log] {
                        let curves = (0..number).map(|index| {
                            let points = if index % 2 == 0 { &long } else { &sparse };
                            curve("a curve's name", index, points)
                        });
                        let mut chart = chart(curves);
                        chart.marks = marks.clone();
                        chart.guides = vec![guide.clone()];
                        chart.cursor = Some(49_002);
                        chart.current = Some(50_000);
                        chart.view = view;
                        chart.scale = scale;
                        let drawing = layout(&chart, width, height, &measure);
                        let what = format!("{width} by {height}, {view:?}, {number}, {scale:?}");
                        check_texts(&drawing, &what);
                        check_lines(&drawing, &what);
                    }
                }
            }
        }
    }
}

fn check_texts(drawing: &Drawing, what: &str) {
    for (index, text) in drawing.texts.iter().enumerate() {
        let rect = text.rect();
        assert!(
            rect.left >= -0.5 && rect.right() <= drawing.width + 0.5,
            "{what}: {text:?} is cut off"
        );
        for other in &drawing.texts[..index] {
            assert!(
                !other.rect().overlaps(&rect),
                "{what}: {text:?} covers {other:?}"
            );
        }
    }
}

fn check_lines(drawing: &Drawing, what: &str) {
    let lines = drawing.lines.iter().flat_map(|line| &line.points);
    for (x, y) in lines {
        assert!(x.is_finite() && y.is_finite(), "{what}: {x}, {y}");
        // A bucket's width beyond the plot at most.
        assert!(x.abs() < 1e6 && y.abs() < 1e6, "{what}: {x}, {y}");
    }
    for band in &drawing.bands {
        for range in &band.ranges {
            assert!(range.top <= range.bottom + 1e-9, "{what}: {range:?}");
        }
    }
}

#[test]
fn places_and_steps_are_inverse() {
    let train = falling(1000);
    let drawing = layout(&chart([curve("train", 0, &train)]), 800.0, 300.0, &measure);
    for step in [1, 2, 500, 1000] {
        let place = drawing.place_of(step).unwrap();
        assert_eq!(drawing.step_at(place), Some(step));
    }
    assert_eq!(drawing.step_at(-50.0), Some(1));
    assert_eq!(drawing.step_at(5000.0), Some(1000));
    assert_eq!(drawing.place_of(2000), None);
    assert!((drawing.steps_in(drawing.plot.width) - 999.0).abs() < 1e-9);
    let empty = layout(&chart([]), 800.0, 300.0, &measure);
    assert_eq!((empty.step_at(10.0), empty.place_of(1)), (None, None));
}

#[test]
fn important_marks_hide_their_neighbours() {
    let train = falling(1000);
    let mut chart = chart([curve("train", 0, &train)]);
    let mark = |step, kind| Mark {
        step,
        kind,
        label: String::new(),
    };
    chart.marks = vec![
        mark(500, MarkKind::Checkpoint),
        mark(502, MarkKind::Best),
        mark(900, MarkKind::Branch),
        mark(5000, MarkKind::Branch),
    ];
    let drawing = layout(&chart, 800.0, 300.0, &measure);
    let kinds: Vec<MarkKind> = drawing.marks.iter().map(|mark| mark.kind).collect();
    assert_eq!(
        kinds,
        [MarkKind::Best, MarkKind::Branch],
        "the best hides its neighbour"
    );
}

#[test]
fn in_words() {
    let train = series((1..=1000).map(|step| match step {
        1 => (1, 2.31),
        980 => (980, 0.03),
        step => (step, 0.04),
    }));
    let held_out = series([(100, 0.5), (200, 0.9), (300, 0.8)]);
    let constant = series([(1, 0.003), (2, 0.003)]);
    let empty = Series::default();
    let lost = series([(1, 1.0), (2, f64::NAN)]);
    let crossing = series([(1, 1.0), (2, -1.0)]);
    let words = |curves: Vec<Curve<'_>>, goal, unit, scale| {
        describe(&Chart {
            goal,
            unit,
            scale,
            ..chart(curves)
        })
    };
    let table = [
        (
            words(
                vec![curve("train", 0, &train)],
                Goal::Low,
                Unit::Plain,
                Scale::Linear,
            ),
            "train loss, 1,000 steps: from 2.31 down to 0.04, lowest 0.03 at step 980.",
        ),
        (
            words(
                vec![curve("train", 0, &held_out)],
                Goal::High,
                Unit::Share,
                Scale::Linear,
            ),
            "train loss, 300 steps: from 50.0 % up to 80.0 %, highest 90.0 % at step 200.",
        ),
        (
            words(
                vec![curve("a", 0, &constant), curve("b", 0, &empty)],
                Goal::Neither,
                Unit::Plain,
                Scale::Linear,
            ),
            "a loss, 2 steps: constant at 0.003. b loss: nothing measured yet.",
        ),
        (
            words(
                vec![curve("train", 0, &lost)],
                Goal::Low,
                Unit::Plain,
                Scale::Linear,
            ),
            "train loss, 2 steps: from 1 to NaN, lowest 1 at step 1. 1 value was NaN or infinite.",
        ),
        (
            words(
                vec![curve("train", 0, &crossing)],
                Goal::Neither,
                Unit::Plain,
                Scale::Log,
            ),
            "train loss, 2 steps: from 1 down to -1, between -1 and 1. values of 0 and below have no \
             place on a logarithmic axis. logarithmic axis.",
        ),
        (
            words(vec![], Goal::Low, Unit::Plain, Scale::Linear),
            "loss: no curve.",
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}

#[test]
fn what_is_marked_and_what_is_seen_in_words() {
    let constant = series([(1, 0.5), (1000, 0.5)]);
    let mut chart = chart([curve("train", 0, &constant)]);
    let mark = |step, kind, label: &str| Mark {
        step,
        kind,
        label: label.to_owned(),
    };
    chart.marks = vec![
        mark(100, MarkKind::Checkpoint, ""),
        mark(500, MarkKind::Best, "best"),
        mark(700, MarkKind::Branch, "another branched off"),
    ];
    chart.current = Some(600);
    chart.view = View::Between(400, 800);
    assert_eq!(
        describe(&chart),
        "train loss, 1,000 steps: constant at 0.5. 3 marked steps. best at step 500. another \
         branched off at step 700. the model stands at step 600. steps 400 to 800 of 1,000 are shown."
    );
}
