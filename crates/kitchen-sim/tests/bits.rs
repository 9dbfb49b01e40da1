//! The same bits everywhere. The sums here were computed on x86-64; whoever runs these tests on
//! another platform, a browser among them, must find the same ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::loss::{Anneal, LossLaw, Schedule, chinchilla, stretches};
use kitchen_sim::random::Random;
use kitchen_sim::reliability::FailureRates;
use kitchen_sim::run::{Plan, run};

/// Adds bits to a sum in which their order counts.
fn mix(sum: u64, bits: u64) -> u64 {
    sum.rotate_left(7) ^ bits.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[test]
fn fifty_runs() {
    let plan = |seed| Plan {
        seed,
        nodes: 256,
        devices_per_node: 8,
        seconds: 30.0 * 86_400.0,
        step: 5.0,
        save: 5.0,
        interval: 900.0,
        detect: 120.0,
        restart: 300.0,
        rates: FailureRates::RESEARCH,
        slow_share: 0.005,
        slowness: 0.1,
        slow_for: 3600.0,
        diurnal: 0.01,
    };
    let sum = (0..50).fold(0, |sum, seed| {
        let events = run(&plan(seed)).unwrap().events;
        events
            .iter()
            .fold(sum, |sum, told| mix(sum, told.at.to_bits()))
    });
    assert_eq!(format!("{sum:016x}"), "369ff96763d64424");
}

#[test]
fn fifty_curves() {
    let schedule = Schedule {
        peak: 3e-4,
        warmup: 2160,
        stable: 0,
        steps: 24_000,
        anneal: Anneal::Cosine(0.1),
    };
    let sum = (0..50).fold(0, |sum, seed| {
        let mut random = Random::new(seed);
        let parameters = 1e7 * (1.0 + 1e4 * random.uniform());
        let step = 24_000.0 * random.uniform();
        let loss = LossLaw::of(parameters).loss(&stretches(&schedule, step, 64));
        let sum = mix(sum, loss.to_bits());
        let sum = mix(sum, chinchilla(parameters, 1e12).to_bits());
        mix(sum, random.normal().to_bits())
    });
    assert_eq!(format!("{sum:016x}"), "d33cd4524e41131b");
}
