//! What only Muon does.

use kitchen_types::config::MuonAdjustLr;

use super::golden::assert_close;
use super::{muon, tensor, values};

// The tables of numbers are independent computations in double precision, by hand from the papers.

#[test]
fn orthogonalises_as_on_paper() {
    let wide = tensor(vec![1.0, 2.0, 3.0, 0.5, -1.0, 0.2], [2, 3]);
    let expected = [
        0.223_807_343_9,
        0.363_521_954_8,
        0.616_761_755_4,
        0.440_332_512_7,
        -0.712_479_559_3,
        0.285_453_558,
    ];
    let actual = values(muon::orthogonalise(wide.clone(), 5));
    assert_close("wide", &actual, &expected, 2e-6);
    let tall = muon::orthogonalise(wide.transpose(), 5).transpose();
    assert_close("tall", &values(tall), &expected, 2e-6);
}

#[test]
fn muon_adjusts_the_learning_rate_as_on_paper() {
    for (adjust, shape, expected) in [
        (MuonAdjustLr::Original, [2, 3], 1.0),
        (MuonAdjustLr::Original, [3, 2], 1.224_744_871_4),
        (MuonAdjustLr::MatchRmsAdamw, [3, 2], 0.346_410_161_5),
        (MuonAdjustLr::MatchRmsAdamw, [2, 3], 0.346_410_161_5),
    ] {
        let actual = muon::adjusted_lr(adjust, 1.0, shape);
        assert!((actual - expected).abs() < 1e-9, "{adjust:?} of {shape:?}");
    }
}

#[test]
fn muon_leaves_embeddings_and_output_layers_to_adamw() {
    for (names, expected) in [
        (
            vec!["layers.0.weight", "layers.1.weight", "layers.2.weight"],
            vec!["layers.0.weight", "layers.1.weight"],
        ),
        (
            vec![
                "token_embedding.weight",
                "blocks.0.attention.qkv.weight",
                "head.weight",
            ],
            vec!["blocks.0.attention.qkv.weight"],
        ),
        // The last matrix of a model with tied embeddings is a hidden one.
        (
            vec![
                "token_embedding.weight",
                "blocks.0.feed_forward.down.weight",
            ],
            vec!["blocks.0.feed_forward.down.weight"],
        ),
        (
            vec!["token_embedding.weight", "rnn.weight_hh_l0", "head.weight"],
            vec!["rnn.weight_hh_l0"],
        ),
    ] {
        let names = names.into_iter().map(String::from).collect();
        assert_eq!(muon::hidden(names), expected);
    }
}
