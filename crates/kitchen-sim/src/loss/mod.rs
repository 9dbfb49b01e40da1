//! How the loss of a language model falls.

mod law;
mod schedule;
mod score;

pub use law::{LossLaw, NOMINAL_BATCH, chinchilla, noise, perplexity};
pub use schedule::{Anneal, Schedule, Stretch, stretches};
pub use score::{LossScore, LossTableError, LossTableProblem, is_loss_table, score_loss};
