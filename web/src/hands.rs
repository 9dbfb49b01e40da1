//! What a mouse, a pen or fingers do with a picture that shows a part of something long: one moves
//! it, two bring it closer.

/// Fingers closer than this count as so far apart, in CSS pixels: from nothing everything is far.
const APART: f64 = 24.0;

/// Where fingers are on a picture, along its horizontal axis, in CSS pixels from the left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hands(Vec<Finger>);

#[derive(Clone, Debug, PartialEq)]
struct Finger {
    /// The browser's number for it.
    id: i32,
    began: f64,
    now: f64,
}

/// What fingers have done since the last of them came or went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The place that stays under them.
    pub place: f64,
    /// How many times as much is seen: less than 1 is closer.
    pub factor: f64,
    /// How far they have gone to the right.
    pub moved: f64,
}

impl Hands {
    /// Another finger comes down at `x`. What was done until then is done.
    pub fn down(&mut self, id: i32, x: f64) {
        self.up(id);
        let finger = Finger {
            id,
            began: x,
            now: x,
        };
        self.0.push(finger);
    }

    /// A finger has moved to `x`. `None` if it is not down.
    pub fn to(&mut self, id: i32, x: f64) -> Option<Change> {
        self.0.iter_mut().find(|finger| finger.id == id)?.now = x;
        match &self.0[..] {
            [one] => Some(Change {
                place: one.began,
                factor: 1.0,
                moved: one.now - one.began,
            }),
            [one, other, ..] => {
                let place = f64::midpoint(one.began, other.began);
                let apart = |one: f64, other: f64| (one - other).abs().max(APART);
                Some(Change {
                    place,
                    factor: apart(one.began, other.began) / apart(one.now, other.now),
                    moved: f64::midpoint(one.now, other.now) - place,
                })
            }
            [] => None,
        }
    }

    /// A finger is gone. What was done until then is done.
    pub fn up(&mut self, id: i32) {
        self.0.retain(|finger| finger.id != id);
        for finger in &mut self.0 {
            finger.began = finger.now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(place: f64, factor: f64, moved: f64) -> Option<Change> {
        Some(Change {
            place,
            factor,
            moved,
        })
    }

    #[test]
    fn one_finger_moves() {
        let mut hands = Hands::default();
        assert_eq!(hands.to(1, 50.0), None, "nobody has touched it");
        hands.down(1, 100.0);
        assert_eq!(hands.to(1, 130.0), change(100.0, 1.0, 30.0));
        assert_eq!(hands.to(1, 90.0), change(100.0, 1.0, -10.0));
        assert_eq!(hands.to(2, 90.0), None);
        hands.up(1);
        assert_eq!(hands.to(1, 90.0), None);
    }

    #[test]
    fn two_fingers_come_closer_and_the_rest_stays_when_one_goes() {
        let mut hands = Hands::default();
        hands.down(1, 100.0);
        hands.to(1, 110.0);
        hands.down(2, 210.0);
        // Twice as far apart, half as much is seen; the middle goes to the right.
        assert_eq!(hands.to(2, 310.0), change(160.0, 0.5, 50.0));
        hands.up(1);
        assert_eq!(hands.to(2, 300.0), change(310.0, 1.0, -10.0));
    }

    #[test]
    fn fingers_that_meet_do_not_see_everything_at_once() {
        let mut hands = Hands::default();
        hands.down(1, 100.0);
        hands.down(2, 148.0);
        assert_eq!(hands.to(1, 148.0), change(124.0, 2.0, 24.0));
        hands.down(1, 148.0);
        assert_eq!(hands.to(1, 148.0 - 24.0), change(148.0, 1.0, -12.0));
    }
}
