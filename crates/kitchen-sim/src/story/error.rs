//! Why a specification describes no run.

use crate::input::Refusal;
use crate::run::PlanError;

/// What is wrong with a specification, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It is not such a file.
    #[error(transparent)]
    Text(#[from] toml::de::Error),
    /// A name that is not known.
    #[error("there is no {what} `{name}`; there are {known}")]
    Unknown {
        /// What is not known.
        what: &'static str,
        /// Its name.
        name: String,
        /// What there is.
        known: String,
    },
    /// A model lacks a dimension.
    #[error("the model has no `{what}`; name it, or a `preset`")]
    Missing {
        /// The dimension.
        what: &'static str,
    },
    /// A quantity makes no sense.
    #[error("`{what}` is {value}; it must be {must}")]
    Quantity {
        /// The quantity.
        what: &'static str,
        /// What it is.
        value: String,
        /// What it must be.
        must: String,
    },
    /// An incident concerns what is not there.
    #[error("the {trouble} at {at} concerns {what} {number}, but there are {count}, from 0")]
    Nowhere {
        /// What goes wrong.
        trouble: &'static str,
        /// When.
        at: String,
        /// Node, rack or GPU.
        what: &'static str,
        /// Which.
        number: u32,
        /// How many there are.
        count: u32,
    },
    /// The job is impossible, or does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The layout is impossible, or does not fit, and another does.
    #[error("{refusal}; the nearest layout that works: {nearest}")]
    Layout {
        /// Why not. No `source`, since it is told already.
        refusal: Refusal,
        /// What to change, by the names that a specification has for it.
        nearest: String,
    },
    /// No layout divides the work.
    #[error(
        "no layout divides this model and {batch} sequences a step over {gpus} GPUs; use another number of them, or a batch that is a multiple of it"
    )]
    Indivisible {
        /// Sequences of a step.
        batch: u32,
        /// GPUs.
        gpus: u32,
    },
    /// No layout fits.
    #[error(
        "none of {examined} layouts fits into the memory of {gpus} x {accelerator}; use more GPUs, or a smaller model"
    )]
    NoLayout {
        /// Layouts that were looked at.
        examined: u64,
        /// GPUs.
        gpus: u32,
        /// What they are.
        accelerator: String,
    },
    /// The plan that follows makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A table of the crate is malformed, which a test rules out.
    #[error("a bundled table cannot be read: {0}")]
    Bundled(String),
}
