//! Numbers from elsewhere about the sets that are built in, as scikit-learn's documentation and
//! its `load_*` functions give them.
#![allow(clippy::unwrap_used, clippy::panic)]

use kitchen_data::{Memory, Store};
use kitchen_types::config::{BuiltinTableConfig, DataConfig, DigitsConfig, TableName};
use kitchen_types::ports::{Batch, DatasetStore, Inputs, Splits, TargetSpec, Targets};

/// All examples as training examples.
fn open(config: &DataConfig) -> Splits {
    Store::new(Memory::new(), "").open(config, 1).unwrap()
}

fn table(name: TableName) -> Splits {
    open(&DataConfig::Table(BuiltinTableConfig {
        name,
        validation: 0.0,
    }))
}

fn all(splits: &Splits) -> Batch {
    splits
        .train
        .batch(&(0..splits.train.len()).collect::<Vec<_>>())
        .unwrap()
}

fn counts(batch: &Batch) -> Vec<usize> {
    let Targets::Classes(classes) = &batch.targets else {
        panic!("{:?}", batch.targets);
    };
    let last = *classes.iter().max().unwrap();
    (0..=last)
        .map(|class| classes.iter().filter(|of_row| **of_row == class).count())
        .collect()
}

fn features(batch: &Batch) -> &[f32] {
    match &batch.inputs {
        Inputs::Features { values, .. } => values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn digits() {
    let splits = open(&DataConfig::Digits(DigitsConfig { validation: 0.0 }));
    let batch = all(&splits);
    assert_eq!(batch.len(), 1797);
    assert_eq!(
        counts(&batch),
        [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    );
    // scikit-learn: the first image begins 0 0 5 13 9 1 0 0, in sixteenths.
    let first_row: Vec<f32> = features(&batch)[..8]
        .iter()
        .map(|value| value * 16.0)
        .collect();
    assert_eq!(first_row, [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
    // scikit-learn: `load_digits().data.mean()` is 4.884164579855314.
    let mean = features(&batch)
        .iter()
        .map(|value| f64::from(*value) * 16.0)
        .sum::<f64>()
        / (1797.0 * 64.0);
    assert!((mean - 4.884_164_579_855_314).abs() < 1e-9, "{mean}");
}

#[test]
fn digits_keep_a_share_of_every_class() {
    let splits = open(&DataConfig::default());
    assert_eq!((splits.train.len(), splits.validation.len()), (1438, 359));
    let held_out = splits
        .validation
        .batch(&(0..359).collect::<Vec<_>>())
        .unwrap();
    for (class, (held_out, of_class)) in counts(&held_out)
        .iter()
        .zip([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
        .enumerate()
    {
        let share = f64::from(of_class) * 0.2;
        assert!(
            (*held_out as f64 - share).abs() < 1.0,
            "{class}: {held_out} of {of_class}"
        );
    }
}

#[test]
fn tables_have_the_right_classes() {
    let iris = table(TableName::Iris);
    assert_eq!(counts(&all(&iris)), [50, 50, 50]);
    assert_eq!(
        iris.train.spec().target,
        TargetSpec::Classes {
            names: ["setosa", "versicolor", "virginica"]
                .map(String::from)
                .into()
        }
    );
    assert_eq!(
        iris.train.describe(0).unwrap(),
        "sepal length (cm) 5.1, sepal width (cm) 3.5, petal length (cm) 1.4, petal width (cm) 0.2 -> setosa"
    );
    // scikit-learn: 212 malignant, 357 benign.
    assert_eq!(counts(&all(&table(TableName::BreastCancer))), [212, 357]);
}

#[test]
fn features_are_standardised() {
    for name in [
        TableName::Iris,
        TableName::BreastCancer,
        TableName::Diabetes,
    ] {
        let batch = all(&table(name));
        let width = features(&batch).len() / batch.len();
        for column in 0..width {
            let column = features(&batch)
                .iter()
                .skip(column)
                .step_by(width)
                .map(|v| f64::from(*v));
            let rows = batch.len() as f64;
            let mean = column.clone().sum::<f64>() / rows;
            let variance = column.map(|value| value * value).sum::<f64>() / rows;
            assert!(
                mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4,
                "{mean} {variance}"
            );
        }
    }
}

/// The held-out rows must not shift the mean: only the training rows have mean 0.
#[test]
fn features_are_standardised_by_the_training_rows_alone() {
    let config = DataConfig::Table(BuiltinTableConfig {
        name: TableName::Iris,
        validation: 0.4,
    });
    let splits = open(&config);
    let mean = |batch: &Batch| {
        let values = features(batch)
            .iter()
            .step_by(4)
            .map(|value| f64::from(*value));
        values.sum::<f64>() / batch.len() as f64
    };
    assert!(mean(&all(&splits)).abs() < 1e-6);
    let held_out = splits
        .validation
        .batch(&(0..60).collect::<Vec<_>>())
        .unwrap();
    assert!(mean(&held_out).abs() > 1e-3);
}

#[test]
fn diabetes_says_the_mean_of_its_target() {
    // scikit-learn: `load_diabetes().target.mean()` is 152.13348416, its deviation 77.00574587.
    let source = table(TableName::Diabetes).source;
    assert!(
        source.contains("1 is 77.0057") && source.contains("mean 152.1335"),
        "{source}"
    );
}
