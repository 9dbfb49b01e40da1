//! Tables of measured steps: reading them, scoring predictions of them, fitting constants to them.

mod fit;
mod row;
mod score;

pub use fit::{Check, Fit, FitOptions, calibrate, check_halves, check_tables};
pub use row::{Measured, Obstacle, TableError, TableProblem, read_tables};
pub use score::{LeftOut, RowScore, Score, TableScore, predictions, score};
