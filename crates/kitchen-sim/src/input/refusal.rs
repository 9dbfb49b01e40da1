//! Why a job cannot be.

/// Why a job is not simulated, and what would be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A quantity that must be positive is not.
    #[error("`{what}` must be at least 1")]
    Zero {
        /// The quantity.
        what: &'static str,
    },
    /// The layout takes another number of devices than there are.
    #[error("tp·cp·pp·dp is {taken}, but the cluster has {devices} devices")]
    Devices {
        /// Devices of the layout.
        taken: u64,
        /// Devices of the cluster.
        devices: u32,
    },
    /// One quantity does not divide another.
    #[error(
        "{what} ({whole}) is not a multiple of {part_name} ({part}); the nearest that is: {nearest}"
    )]
    Indivisible {
        /// The quantity that is split.
        what: &'static str,
        /// How much there is of it.
        whole: u64,
        /// What it is split by.
        part_name: &'static str,
        /// How many parts.
        part: u64,
        /// The nearest multiple.
        nearest: u64,
    },
    /// There are more parts than there is to share.
    #[error("{parts_name} ({parts}) exceeds {what} ({whole}); at most {whole} works")]
    TooMany {
        /// What is shared.
        what: &'static str,
        /// How much there is of it.
        whole: u64,
        /// What shares it.
        parts_name: &'static str,
        /// How many.
        parts: u64,
    },
    /// The accelerator has no such arithmetic.
    #[error("{accelerator} has no {precision} arithmetic; use bf16")]
    Precision {
        /// The accelerator.
        accelerator: String,
        /// What it lacks.
        precision: &'static str,
    },
    /// The fullest device needs more memory than it has.
    #[error(
        "the fullest device (stage {stage}) needs {need_gib:.1} GiB of its {have_gib:.1}; {remedy}"
    )]
    Memory {
        /// The pipeline stage.
        stage: u32,
        /// What it needs.
        need_gib: f64,
        /// What it has.
        have_gib: f64,
        /// What would help most.
        remedy: String,
    },
}
