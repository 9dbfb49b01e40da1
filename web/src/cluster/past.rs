//! How one GPU was in the last minutes: two lines, and the same in words.

use kitchen_core::sim::story::{Gpu, Player};
use kitchen_core::told::clock;
use kitchen_core::words;

use crate::draw::canvas::{Brush, measure};
use crate::draw::shapes::{LINE, Texts, Tone};
use crate::stage::Stage;

/// Simulated seconds of the past, and how many looks at it.
const PAST: (f64, u32) = (600.0, 48);
/// The least degrees between the bottom and the top of a picture: less would show mere trembling.
const LEAST_RANGE: f64 = 10.0;
/// Room between two lines and beside the outermost, in CSS pixels.
const MARGIN: f64 = 3.0;

/// How one GPU was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Past {
    /// Seconds between the first look and the last, which is now.
    seconds: f64,
    looks: Vec<Gpu>,
}

impl Past {
    /// The last minutes of GPU `number`.
    pub(super) fn of(player: &Player, number: u32) -> Self {
        let (most, looks) = PAST;
        let from = (player.now - most).max(0.0);
        let seconds = player.now - from;
        let at = |look: u32| from + seconds * f64::from(look) / f64::from(looks);
        let story = player.story();
        Self {
            seconds,
            looks: (0..=looks)
                .map(|look| story.gpu(at(look), number))
                .collect(),
        }
    }

    /// The lowest and the highest temperature.
    pub(super) fn celsius(&self) -> (f64, f64) {
        range(self.looks.iter().map(|gpu| gpu.celsius))
    }

    /// The least and the largest share of time in use.
    fn used(&self) -> (f64, f64) {
        range(self.looks.iter().map(|gpu| gpu.used))
    }

    /// How long it is, as people read it.
    pub(super) fn length(&self) -> String {
        clock(self.seconds)
    }

    /// The picture in words.
    fn in_words(&self) -> String {
        let ((coldest, hottest), (least, most)) = (self.celsius(), self.used());
        format!(
            "The last {}: between {coldest:.0} and {hottest:.0} °C, and {} to {} busy",
            self.length(),
            words::percent(least),
            words::percent(most)
        )
    }

    /// Points of a line, the oldest first, from 0 to 1 both ways.
    fn points(&self, level: impl Fn(&Gpu) -> f64) -> Vec<(f64, f64)> {
        let last = self.looks.len().saturating_sub(1).max(1) as f64;
        let looks = self.looks.iter().enumerate();
        looks
            .map(|(place, gpu)| (place as f64 / last, level(gpu).clamp(0.0, 1.0)))
            .collect()
    }
}

/// The least and the greatest.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
        (low.min(it), high.max(it))
    })
}

/// Draws temperature over utilisation, and says them in words; nothing where no GPU is looked at.
pub(super) fn draw(stage: &Stage<'_>, past: Option<&Past>) -> String {
    let brush = Brush::begin(
        &stage.context,
        stage.palette,
        stage.ratio,
        (stage.width, stage.height),
    );
    let Some(past) = past else {
        return "The last minutes of a GPU: none is looked at".into();
    };
    let (low, high) = past.celsius();
    let missing = (LEAST_RANGE - (high - low)).max(0.0);
    let (bottom, of) = (low - missing / 2.0, high - low + missing);
    let (least, most) = past.used();
    let lines = [
        (
            format!("{low:.0} to {high:.0} °C"),
            past.points(|gpu| (gpu.celsius - bottom) / of),
        ),
        (
            format!("{} to {} busy", words::percent(least), words::percent(most)),
            past.points(|gpu| gpu.used),
        ),
    ];
    let measure = measure(&stage.context);
    let mut texts = Texts::new(&measure, stage.width);
    let each = stage.height / lines.len() as f64;
    for (place, (name, points)) in lines.iter().enumerate() {
        let top = place as f64 * each;
        texts.put(name, 0.0, top + LINE - MARGIN, 0.0, Tone::Quiet);
        let (over, under) = (top + LINE, top + each - MARGIN);
        brush.pen(stage.palette.of_series(place), 1.0, 1.5, &[]);
        brush.line(points.iter().map(|(x, y)| {
            let across = MARGIN + x * (stage.width - 2.0 * MARGIN);
            (across, under - y * (under - over))
        }));
    }
    brush.texts(&texts.into_placed());
    past.in_words()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_core::sim::story::Scenario;

    use super::*;

    #[test]
    fn a_gpu_warms_up_and_its_past_begins_with_the_run() {
        let spec = Scenario::named("calm").unwrap().spec().unwrap();
        let mut player = Player::new(spec, 1.0).unwrap();
        player.seek(120.0);
        let past = Past::of(&player, 3);
        assert_eq!(past.seconds, 120.0);
        let (low, high) = past.celsius();
        assert!(low + 10.0 < high, "{low} {high}");
        assert_eq!(past.used().0, 0.0, "it waited for the run to begin");
        assert!(past.in_words().contains("°C, and 0.0 % to 9"));
        let points = past.points(|gpu| gpu.used);
        assert_eq!(points.len(), 49);
        assert_eq!((points[0], points[48].0), ((0.0, 0.0), 1.0));

        player.seek(3000.0);
        let past = Past::of(&player, 3);
        assert_eq!(past.seconds, 600.0);
        assert!(past.points(|_| 7.0).iter().all(|(_, y)| *y == 1.0));
    }
}
