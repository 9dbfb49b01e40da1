#![allow(clippy::unwrap_used)]

use super::colour::oklab;
use super::*;

/// What dichromats see of a linear colour: Machado, Oliveira and Fernandes (2009), table of severity
/// 1.0.
const SIGHTS: [(&str, [[f64; 3]; 3]); 4] = [
    ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

fn seen(colour: Rgb, sight: &[[f64; 3]; 3]) -> [f64; 3] {
    let linear = colour.linear();
    let seen = sight.map(|row| {
        let light: f64 = row
            .iter()
            .zip(linear)
            .map(|(weight, part)| weight * part)
            .sum();
        light.clamp(0.0, 1.0)
    });
    oklab(seen)
}

fn distance(one: Rgb, other: Rgb, sight: &[[f64; 3]; 3]) -> f64 {
    let (one, other) = (seen(one, sight), seen(other, sight));
    let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn everything_stands_out_from_its_surface() {
    for (name, palette) in [("light", LIGHT), ("dark", DARK)] {
        let shapes = palette.series.iter().chain(&palette.classes);
        for colour in shapes.chain([&palette.good, &palette.warn]) {
            let contrast = colour.contrast(palette.surface);
            assert!(contrast >= 3.0, "{name}: {colour} has {contrast:.2}");
        }
        for text in [palette.ink, palette.quiet, palette.warn, palette.good] {
            let contrast = text.contrast(palette.surface);
            assert!(contrast >= 4.5, "{name}: {text} has {contrast:.2}");
        }
    }
}

/// About 0.02 is the least difference that the eye notices; these are three times that and more.
#[test]
fn any_two_colours_differ_for_everybody() {
    for (name, palette) in [("light", LIGHT), ("dark", DARK)] {
        let kinds = [
            &palette.series[..],
            &palette.classes[..],
            &[palette.good, palette.warn],
        ];
        for colours in kinds {
            for (index, one) in colours.iter().enumerate() {
                for other in &colours[..index] {
                    for (sight, matrix) in &SIGHTS {
                        let distance = distance(*one, *other, matrix);
                        assert!(
                            distance > 0.06,
                            "{name}, {sight}: {one} and {other} differ by {distance:.3}"
                        );
                    }
                }
            }
        }
    }
}

/// The examples of WCAG's own documents: black on white has 21, and #777777 misses 4.5 narrowly.
#[test]
fn contrast_is_that_of_wcag() {
    let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
    assert!((black.contrast(white) - 21.0).abs() < 1e-9);
    assert!((white.contrast(white) - 1.0).abs() < 1e-9);
    let grey = Rgb(0x77, 0x77, 0x77).contrast(white);
    assert!((grey - 4.48).abs() < 0.005, "{grey}");
    assert_eq!(black.clearer(black, white), white);
}

#[test]
fn colours_are_read_as_they_are_written() {
    let table = [
        ("#0072b2", Some(Rgb(0x00, 0x72, 0xb2))),
        (" #FFF ", Some(Rgb(255, 255, 255))),
        ("rgb(213, 94, 0)", Some(Rgb(213, 94, 0))),
        ("rgb(213 94 0)", Some(Rgb(213, 94, 0))),
        ("rgb(213, 94)", None),
        ("rgb(256, 0, 0)", None),
        ("#12", None),
        ("#\u{e4}\u{e4}\u{e4}", None),
        ("blue", None),
        ("", None),
    ];
    for (text, expected) in table {
        assert_eq!(Rgb::parse(text), expected, "{text:?}");
    }
    assert_eq!(LIGHT.series[1].to_string(), "#d55e00");
}

#[test]
fn mixing_ends_where_it_should() {
    let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
    for colour in LIGHT.series {
        assert_eq!(colour.mix(white, 0.0), colour);
        assert_eq!(white.mix(colour, 1.0), colour);
    }
    assert_eq!(black.mix(white, f64::NAN), black);
    assert_eq!(black.mix(white, 7.0), white);
    // OKLab's middle grey has a lightness of one half, thus an eighth of the light.
    assert_eq!(black.mix(white, 0.5), Rgb(0x63, 0x63, 0x63));
}

/// Pictures drawn before the stylesheet arrives look like those after.
#[test]
fn the_pages_stylesheet_has_these_colours() {
    let css = include_str!("../../../page.css");
    let (light, dark) = css
        .split_once("@media (prefers-color-scheme: dark)")
        .unwrap();
    for (css, palette) in [(light, LIGHT), (dark, DARK)] {
        let get = |name: &str| {
            let (_, rest) = css.split_once(&format!("{name}:"))?;
            Some(rest.split_once(';')?.0.to_owned())
        };
        // Where a property is missing, this one shows.
        let missing = |name: &str| get(name).or_else(|| Some("#010203".to_owned()));
        assert_eq!(Palette::from_properties(missing), palette);
    }
    assert_eq!(Palette::from_properties(|_| None), LIGHT);
}
