#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn seen(parts: &[(f64, f64, f64)]) -> Vec<DomainSeen> {
    let parts = parts.iter().map(|&(weight, share, loss)| DomainSeen {
        weight,
        share,
        loss: Some(loss),
    });
    parts.collect()
}

/// Replay with a threshold that is easily divided by.
fn replaying() -> CurriculumConfig {
    CurriculumConfig::Replay(ReplayConfig {
        threshold: 0.1,
        ..ReplayConfig::default()
    })
}

fn assert_shares(actual: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert_eq!(actual.len(), expected.len());
    assert!(
        actual.iter().zip(expected).all(close),
        "{actual:?}, expected {expected:?}"
    );
}

/// The shares after each evaluation with these losses, where each goes on from the shares before.
fn story(rule: &CurriculumConfig, weights: &[f64], losses: &[&[f64]]) -> Vec<Vec<f64>> {
    let mut state = CurriculumState::default();
    let total: f64 = weights.iter().sum();
    let mut shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    let mut story = Vec::new();
    for losses in losses {
        let parts = weights.iter().zip(&shares).zip(*losses);
        let domains: Vec<_> = parts.map(|((w, s), l)| (*w, *s, *l)).collect();
        shares = follow(&mut state, &seen(&domains), rule);
        story.push(shares.clone());
    }
    story
}

/// Weights 1 and 3, threshold 0.1, gain 1. A rise by 0.3 is three thresholds, and multiplies the
/// weight by 4: 4 of 7. Another by 0.2 multiplies it by 3 more: 12 of 15. Then it is back.
#[test]
fn replay_gives_more_of_what_is_forgotten_until_it_is_back() {
    let rule = replaying();
    let losses: &[&[f64]] = &[
        &[1.0, 2.0],
        &[1.3, 1.9],
        &[1.2, 1.8],
        &[1.05, 1.7],
        &[0.9, 1.75],
    ];
    let story = story(&rule, &[1.0, 3.0], losses);
    let expected: &[&[f64]] = &[
        &[0.25, 0.75],
        &[4.0 / 7.0, 3.0 / 7.0],
        &[12.0 / 15.0, 3.0 / 15.0],
        &[0.25, 0.75],
        &[0.25, 0.75],
    ];
    for (shares, expected) in story.iter().zip(expected) {
        assert_shares(shares, expected);
    }
}

/// 1 and 999 parts would be 0.1 %; the floor is 1 % before the shares are made to add up: 0.01 of
/// 1.009.
#[test]
fn replay_forgets_nobody_entirely() {
    let rule = replaying();
    let shares = story(&rule, &[1.0, 999.0], &[&[1.0, 1.0]]).remove(0);
    assert_shares(&shares, &[0.01 / 1.009, 0.999 / 1.009]);
}

/// Shares 0.5 and 0.5, excess 0.2 and 0 (below its reference): e^0.2 = 1.2214027582 to 1, which is
/// 0.5498339973 and 0.4501660027; of these 90 % and 5 % each.
#[test]
fn doremi_gives_more_of_what_lags_behind_its_reference() {
    let rule = CurriculumConfig::Doremi(DoremiConfig {
        reference: vec![1.0, 2.0],
        step_size: 1.0,
        smoothing: 0.1,
    });
    let story = story(&rule, &[1.0, 1.0], &[&[1.2, 1.5], &[1.2, 1.5]]);
    let first = [0.544_850_597_581_230, 0.455_149_402_418_770];
    assert_shares(&story[0], &first);
    // 0.5448505976 e^0.2 = 0.6654820226 of 1.1206314250.
    let again = 0.665_482_022_670_932 / 1.120_631_425_089_701;
    assert_shares(&story[1], &[0.9 * again + 0.05, 0.9 * (1.0 - again) + 0.05]);
}

/// Two domains: exploration is min(1/2, sqrt(ln 2 / 2t)): 1/2 at the first turn (0.5887 is more),
/// 0.4162773056 at the second, 0.3398889967 at the third. Losses 2 and 1 at even shares earn 4 and 2, of which
/// a tenth counts: 0.4 and 0.2. At the second turn e^(0.5 * 0.4) to e^(0.5 * 0.2) is 0.5249791875 to the
/// rest, of which 1 - 2 * 0.4162773056 counts.
#[test]
fn odm_rewards_high_losses_and_explores_the_less_the_longer() {
    let rule = CurriculumConfig::Odm(OdmConfig::default());
    let story = story(&rule, &[1.0, 1.0], &[&[2.0, 1.0], &[2.0, 1.0]]);
    let exploration: f64 = 0.416_277_305_578_849;
    let first = (1.0 - 2.0 * exploration) * 0.524_979_187_479 + exploration;
    assert_shares(&story[0], &[first, 1.0 - first]);
    // By hand again: rewards 0.36 + 0.2 / first and 0.18 + 0.1 / (1 - first).
    let rewards = [0.36 + 0.2 / first, 0.18 + 0.1 / (1.0 - first)];
    let odds = (exploration * (rewards[0] - rewards[1])).exp();
    let exploration: f64 = 0.339_888_996_722_936;
    let second = (1.0 - 2.0 * exploration) * odds / (odds + 1.0) + exploration;
    assert_shares(&story[1], &[second, 1.0 - second]);
}

/// Without a graph and with step size 0.5: 1 and 3 parts times e^0.5 and e^1. Then the sums over
/// both evaluations are 2 and 2.5; a window of 2 then forgets the first.
#[test]
fn skill_it_weighs_the_newest_losses() {
    let rule = |graph| {
        CurriculumConfig::SkillIt(SkillItConfig {
            step_size: 0.5,
            window: 2,
            graph,
        })
    };
    let shares = |parts: [f64; 2]| {
        [
            parts[0] / (parts[0] + parts[1]),
            parts[1] / (parts[0] + parts[1]),
        ]
    };
    let losses: &[&[f64]] = &[&[1.0, 2.0], &[1.0, 0.5], &[0.2, 0.3]];
    let alone = story(&rule(Vec::new()), &[1.0, 3.0], losses);
    assert_shares(&alone[0], &shares([0.5_f64.exp(), 3.0 * 1.0_f64.exp()]));
    assert_shares(&alone[1], &shares([1.0_f64.exp(), 3.0 * 1.25_f64.exp()]));
    assert_shares(&alone[2], &shares([0.6_f64.exp(), 3.0 * 0.4_f64.exp()]));
    // The first helps with both, the second with itself by a half: sums 3 and 1.
    let graph = vec![vec![1.0, 1.0], vec![0.0, 0.5]];
    let helped = story(&rule(graph), &[1.0, 3.0], &losses[..1]);
    assert_shares(&helped[0], &shares([1.5_f64.exp(), 3.0 * 0.5_f64.exp()]));
}

#[test]
fn averages_are_those_of_the_shares_after_each_evaluation() {
    let rule = replaying();
    let mut state = CurriculumState::default();
    assert!(averages(&state).is_empty());
    follow(
        &mut state,
        &seen(&[(1.0, 0.25, 1.0), (3.0, 0.75, 2.0)]),
        &rule,
    );
    follow(
        &mut state,
        &seen(&[(1.0, 0.25, 1.3), (3.0, 0.75, 2.0)]),
        &rule,
    );
    let first = f64::midpoint(0.25, 4.0 / 7.0);
    assert_shares(&averages(&state), &[first, 1.0 - first]);
}

#[test]
fn domains_begin_with_their_weight() {
    // The curriculum had moved the first two away from their weights; a third of weight 2 comes.
    let shares = admit(&seen(&[(1.0, 0.8, 0.0), (1.0, 0.2, 0.0), (2.0, 0.0, 0.0)]));
    assert_shares(&shares, &[0.4, 0.1, 0.5]);
    let later = admit(&seen(&[(1.0, 1.0, 0.0), (0.0, 0.0, 0.0)]));
    assert_shares(&later, &[1.0, 0.0]);
}

#[test]
fn without_a_rule_or_a_readable_loss_nothing_moves() {
    let domains = seen(&[(1.0, 0.3, 1.0), (3.0, 0.7, f64::NAN)]);
    let replay = replaying();
    for rule in [CurriculumConfig::Off, replay] {
        let mut state = CurriculumState::default();
        assert_shares(&follow(&mut state, &domains, &rule), &[0.3, 0.7]);
        assert_eq!(state, CurriculumState::default());
    }
}

fn rules() -> impl Strategy<Value = CurriculumConfig> {
    prop_oneof![
        Just(replaying()),
        Just(CurriculumConfig::Doremi(DoremiConfig {
            reference: vec![1.0; 4],
            ..DoremiConfig::default()
        })),
        Just(CurriculumConfig::Odm(OdmConfig::default())),
        Just(CurriculumConfig::SkillIt(SkillItConfig::default())),
        Just(CurriculumConfig::SkillIt(SkillItConfig {
            graph: vec![vec![-1.0, 2.0, 0.0, 1e9]; 4],
            ..SkillItConfig::default()
        })),
    ]
}

/// A loss as it comes, or as it does not.
fn losses() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        4 => (0.0..10.0f64).prop_map(Some),
        1 => Just(None),
        1 => prop::num::f64::ANY.prop_map(Some),
    ]
}

proptest! {
    #[test]
    fn shares_always_fill_a_batch_with_what_has_begun(
        rule in rules(),
        weights in prop::collection::vec(1e-6..1e6f64, 4),
        begun_from in prop::collection::vec(0usize..5, 3),
        evaluations in prop::collection::vec(prop::collection::vec(losses(), 4), 1..12),
    ) {
        let mut state = CurriculumState::default();
        let mut shares = vec![1.0, 0.0, 0.0, 0.0];
        for (turn, losses) in evaluations.iter().enumerate() {
            let begun = |domain: usize| domain == 0 || begun_from[domain - 1] <= turn;
            let look = |shares: &[f64]| -> Vec<DomainSeen> {
                (0..4).map(|domain| DomainSeen {
                    weight: if begun(domain) { weights[domain] } else { 0.0 },
                    share: shares[domain],
                    loss: losses[domain],
                }).collect()
            };
            shares = admit(&look(&shares));
            shares = follow(&mut state, &look(&shares), &rule);
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
            for (domain, share) in shares.iter().enumerate() {
                prop_assert!(*share >= 0.0 && (begun(domain) || *share == 0.0), "{shares:?}");
            }
        }
    }
}
