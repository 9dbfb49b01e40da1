#![allow(clippy::unwrap_used)]

use kitchen_types::config::{AdamConfig, SgdConfig};

use super::*;

#[test]
fn rules_that_remember_alike() {
    let sgd = |momentum| {
        Algorithm::Sgd(SgdConfig {
            momentum,
            ..SgdConfig::default()
        })
    };
    let adam = Algorithm::Adam(AdamConfig::default());
    for (old, new, expected) in [
        (&adam, &Algorithm::default(), true),
        (&adam, &sgd(0.0), false),
        (&sgd(0.9), &sgd(0.5), true),
        (&sgd(0.0), &sgd(0.5), false),
    ] {
        assert_eq!(remember_alike(old, new), expected, "{old:?} to {new:?}");
    }
}

#[test]
fn what_people_changed_is_in_force() {
    let config = RunConfig::default();
    let mut state = LoopState::default();
    assert_eq!(in_force(&config, &state), config);
    state.lr = Some(kitchen_types::Number(0.5));
    state.resized = Some(kitchen_types::checkpoint::Resized {
        batch: 7,
        step: 1,
        epoch: 0,
        taken: 32,
        domains: Vec::new(),
        shares: Vec::new(),
    });
    let now = in_force(&config, &state);
    assert_eq!((now.lr, now.batch), (0.5, 7));
}
