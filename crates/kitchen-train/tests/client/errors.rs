//! Models, data and batches that do not fit are refused in words; nothing panics.

use kitchen_train::{Gpu, Workload, choose_device, estimate_memory};
use kitchen_types::config::{DeviceChoice, SgdConfig};

use super::*;

fn refused(model: ModelConfig, spec: &DataSpec) -> String {
    BurnClient::open(&model, spec, &adam(), OpenDevice::cpu(), 1)
        .unwrap_err()
        .to_string()
}

#[test]
fn models_that_do_not_fit() {
    let gpt = GptConfig::default();
    let mlp = MlpConfig::default();
    let cases = [
        (
            ModelConfig::Gpt(gpt.clone()),
            images(vec![4]),
            "use `model=mlp`",
        ),
        (ModelConfig::Mlp(mlp.clone()), text(), "use `model=gpt`"),
        (
            ModelConfig::Cnn(CnnConfig::default()),
            images(vec![4]),
            "[channels, height, width]",
        ),
        (
            ModelConfig::Mlp(mlp.clone()),
            images(vec![0]),
            "no features",
        ),
        (ModelConfig::Mlp(mlp.clone()), values(3, 0), "no outputs"),
        (
            ModelConfig::Mlp(MlpConfig {
                hidden: vec![8, 0],
                ..mlp.clone()
            }),
            images(vec![4]),
            "width 0",
        ),
        (
            ModelConfig::Mlp(MlpConfig {
                dropout: 1.0,
                ..mlp
            }),
            images(vec![4]),
            "dropout",
        ),
        (
            ModelConfig::Gpt(GptConfig {
                heads: 3,
                ..gpt.clone()
            }),
            text(),
            "`model.gpt.width` (128) must be a multiple of `model.gpt.heads` (3)",
        ),
        (
            ModelConfig::Gpt(GptConfig {
                heads: 0,
                ..gpt.clone()
            }),
            text(),
            "multiple",
        ),
        (
            ModelConfig::Gpt(GptConfig {
                kv_heads: 3,
                ..gpt.clone()
            }),
            text(),
            "kv_heads",
        ),
        (
            ModelConfig::Gpt(GptConfig {
                width: 12,
                positions: Positions::Rotary,
                ..gpt.clone()
            }),
            text(),
            "even head width",
        ),
        (
            ModelConfig::Rnn(RnnConfig {
                layers: 0,
                ..RnnConfig::default()
            }),
            text(),
            "at least 1",
        ),
        (
            ModelConfig::Gpt(gpt),
            DataSpec {
                target: TargetSpec::Values { width: 1 },
                ..text()
            },
            "next token",
        ),
    ];
    for (model, spec, expected) in cases {
        let error = refused(model, &spec);
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
    }
}

#[test]
fn batches_that_do_not_fit() {
    let features = |shape: &[usize], count: usize| Inputs::Features {
        shape: shape.to_vec(),
        values: vec![0.5; count],
    };
    let tokens = |context: usize, values: &[u32]| Inputs::Tokens {
        context,
        values: values.to_vec(),
    };
    let classes = |classes: &[u32]| Targets::Classes(classes.to_vec());
    let next = |values: &[u32], mask: &[f32]| Targets::Tokens {
        values: values.to_vec(),
        mask: mask.to_vec(),
    };
    let (image, words) = (images(vec![2]), text());
    let cases = [
        (
            &image,
            features(&[3], 3),
            classes(&[0]),
            "shape [3], the model was built for [2]",
        ),
        (&image, features(&[2], 3), classes(&[0]), "no multiple of 2"),
        (&image, features(&[2], 0), classes(&[]), "empty"),
        (
            &image,
            features(&[2], 2),
            classes(&[0, 1]),
            "2 classes where 1 are needed",
        ),
        (
            &image,
            features(&[2], 2),
            classes(&[3]),
            "class 3 at position 0",
        ),
        (&image, features(&[2], 2), Targets::None, "no targets"),
        (
            &image,
            features(&[2], 2),
            Targets::Values {
                width: 1,
                values: vec![0.0],
            },
            "set `loss=auto`",
        ),
        (&image, tokens(2, &[0, 1]), classes(&[0]), "reads features"),
        (&words, features(&[2], 2), next(&[0, 1], &[]), "where"),
        (
            &words,
            tokens(9, &[0; 9]),
            next(&[0; 9], &[]),
            "sequences of 9 tokens",
        ),
        (&words, tokens(0, &[]), next(&[], &[]), "empty"),
        (
            &words,
            tokens(2, &[0, 7]),
            next(&[0, 1], &[]),
            "token 7 at position 1",
        ),
        (
            &words,
            tokens(2, &[0, u32::MAX]),
            next(&[0, 1], &[]),
            "outside a vocabulary of 7",
        ),
        (
            &words,
            tokens(2, &[0, 1]),
            next(&[0, 9], &[]),
            "target token 9",
        ),
        (
            &words,
            tokens(2, &[0, 1]),
            next(&[0], &[]),
            "1 target tokens where 2 are needed",
        ),
        (
            &words,
            tokens(2, &[0, 1]),
            next(&[0, 1], &[1.0]),
            "1 mask values",
        ),
        (
            &words,
            tokens(2, &[0, 1]),
            next(&[0, 1], &[0.0, 0.0]),
            "no target to learn from",
        ),
        (
            &words,
            tokens(2, &[0, 1]),
            next(&[0, 1], &[0.5, 1.0]),
            "only 0 and 1",
        ),
        (
            &words,
            tokens(2, &[0, 1]),
            next(&[0, 1], &[f32::NAN, 1.0]),
            "only 0 and 1",
        ),
    ];
    for (spec, inputs, targets, expected) in cases {
        let model = match spec.target {
            TargetSpec::NextToken => families().remove(2).1,
            _ => ModelConfig::default(),
        };
        let mut client = open(&model, spec, 1);
        let batch = Batch {
            ids: vec![SampleId(0)],
            inputs,
            targets,
        };
        let trained = block_on(client.forward_backward(&batch, &CROSS_ENTROPY)).map(drop);
        let evaluated = block_on(client.evaluate(&batch, &CROSS_ENTROPY)).map(drop);
        let alone = block_on(client.per_sample(&batch, &CROSS_ENTROPY)).map(drop);
        for result in [trained, evaluated, alone] {
            let error = result.unwrap_err().to_string();
            assert!(
                error.contains(expected),
                "{error:?} does not say {expected:?}"
            );
        }
    }
}

#[test]
fn ids_losses_and_smoothing_that_do_not_fit() {
    let spec = images(vec![2]);
    let mut client = open(&ModelConfig::default(), &spec, 1);
    let mut refused = |batch: &Batch, loss: &Loss| {
        block_on(client.evaluate(batch, loss))
            .unwrap_err()
            .to_string()
    };
    let mut good = batch(&spec, 3, 1);
    assert!(refused(&good, &Loss::MeanSquaredError).contains("mean squared error"));
    for label_smoothing in [1.0, -0.1, f64::NAN] {
        let error = refused(&good, &Loss::CrossEntropy { label_smoothing });
        assert!(error.contains("label smoothing"), "{error}");
    }
    good.ids.pop();
    assert!(refused(&good, &CROSS_ENTROPY).contains("2 sample ids where 3 are needed"));
}

#[test]
fn memory_is_told_part_by_part() {
    // 784-256-128-10: 235,146 weights of 4 bytes.
    let model = ModelConfig::Mlp(MlpConfig {
        hidden: vec![256, 128],
        ..MlpConfig::default()
    });
    let mut spec = images(vec![784]);
    spec.target = TargetSpec::Classes {
        names: (0..10).map(|class| class.to_string()).collect(),
    };
    let weights = 4 * 235_146;
    for (optimizer, expected) in [
        (Algorithm::Adam(AdamConfig::default()), 2 * weights),
        (Algorithm::Sgd(SgdConfig::default()), 0),
        (
            Algorithm::Sgd(SgdConfig {
                momentum: 0.9,
                ..SgdConfig::default()
            }),
            weights,
        ),
    ] {
        let optimizer = OptimizerConfig {
            algorithm: optimizer,
            ..OptimizerConfig::default()
        };
        let memory = estimate_memory(&model, &spec, &optimizer, 128).unwrap();
        assert_eq!(
            (memory.weights, memory.gradients, memory.optimizer),
            (weights, weights, expected)
        );
        let twice = estimate_memory(&model, &spec, &optimizer, 256).unwrap();
        assert_eq!(twice.activations, 2 * memory.activations);
        assert_eq!(memory.total(), 2 * weights + expected + memory.activations);
    }
}

/// Whatever this machine has, `auto` finds a device, lists every other, and says why.
#[test]
fn auto_always_finds_a_device() {
    let (_, model, spec) = families().remove(0);
    let batch = batch(&spec, 4, 1);
    let optimizer = adam();
    let work = Workload {
        model: &model,
        data: &spec,
        optimizer: &optimizer,
        loss: &CROSS_ENTROPY,
        batch: &batch,
    };
    let choice = block_on(choose_device(DeviceChoice::Auto, work, &Gpu::default())).unwrap();
    assert!(!choice.reason.is_empty());
    assert!(
        choice
            .timings
            .iter()
            .any(|timing| timing.device.starts_with("gpu")),
        "{choice:?}"
    );
    assert!(
        choice
            .timings
            .iter()
            .all(|timing| timing.step_ms.is_some() || timing.note.is_some()),
        "{choice:?}"
    );
    let cpu = block_on(choose_device(DeviceChoice::Cpu, work, &Gpu::default())).unwrap();
    assert_eq!(cpu.device.name(), "cpu");
}
