//! Small tables, from the smartcore crate.

use kitchen_types::config::{BuiltinTableConfig, TableName};
use kitchen_types::ports::{DataError, Splits};
use smartcore::dataset::{Dataset, breast_cancer, diabetes, iris};

use super::table::{Column, Table, TargetColumn};

pub(crate) fn open(config: &BuiltinTableConfig, seed: u64) -> Result<Splits, DataError> {
    let (table, source) = match config.name {
        TableName::Iris => {
            let table = classes(
                &iris::load_dataset(),
                &["setosa", "versicolor", "virginica"],
            );
            (
                table,
                "150 iris flowers by four lengths (Fisher 1936), built in",
            )
        }
        TableName::BreastCancer => {
            let table = classes(&breast_cancer::load_dataset(), &["malignant", "benign"]);
            (
                table,
                "569 tumours by 30 measures of their cells (Wolberg et al. 1995), built in",
            )
        }
        TableName::Diabetes => {
            let table = numbers(&diabetes::load_dataset(), "progression");
            (
                table,
                "442 diabetes patients by ten measures (Efron et al. 2004), built in",
            )
        }
    };
    table.split(config.validation, seed, source.into(), Vec::new())
}

fn classes(set: &Dataset<f32, u32>, names: &[&str]) -> Table {
    Table {
        columns: columns(set),
        target: TargetColumn::Classes {
            names: names.iter().map(|name| (*name).into()).collect(),
            rows: set.target.clone(),
        },
    }
}

fn numbers(set: &Dataset<f32, u32>, name: &str) -> Table {
    Table {
        columns: columns(set),
        target: TargetColumn::Number {
            name: name.into(),
            rows: set.target.iter().map(|value| f64::from(*value)).collect(),
        },
    }
}

/// The inputs, which the crate keeps row by row, column by column.
fn columns(set: &Dataset<f32, u32>) -> Vec<Column> {
    set.feature_names
        .iter()
        .enumerate()
        .map(|(column, name)| Column::Number {
            name: name.clone(),
            rows: set
                .data
                .iter()
                .skip(column)
                .step_by(set.num_features)
                .map(|value| f64::from(*value))
                .collect(),
        })
        .collect()
}
