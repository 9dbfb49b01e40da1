//! Runs that a browser keeps: what the page asks about them, and what is written down to find
//! them again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::config::RunConfig;
use crate::ids::RunId;

/// What the page asks about kept runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeptRequest {
    /// Which there are.
    List,
    /// Call a run something else.
    Rename {
        /// Which.
        run: RunId,
        /// What to call it; no other run may have that name.
        to: RunId,
    },
    /// Mark a run as one to be kept, or no longer.
    Pin {
        /// Which.
        run: RunId,
        /// Whether it is marked.
        pinned: bool,
    },
    /// Delete a run with all it holds. One that this tab trains is given up first.
    Delete {
        /// Which.
        run: RunId,
    },
    /// What a run came to: its board, as watching it would have shown.
    Replay {
        /// Which.
        run: RunId,
    },
    /// One file that holds all that the run needs to go on elsewhere.
    Download {
        /// Which.
        run: RunId,
        /// The newest checkpoint at or before this step; none asks for the newest of all.
        step: Option<u64>,
    },
    /// Keep the run that is in such a file, whose bytes come along.
    Upload,
    /// Make a new run that begins with a checkpoint of another. Start it to let it go on.
    Fork {
        /// Of which run.
        run: RunId,
        /// The newest checkpoint at or before this step.
        step: u64,
        /// What to call the new one; if that is taken, it gets a number.
        to: RunId,
        /// What the new one is asked for; none leaves all as it is there.
        config: Option<Box<RunConfig>>,
    },
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeptReply {
    /// Every run that is kept, the newest first.
    Runs {
        /// The runs.
        runs: Vec<KeptRun>,
        /// How safe they are, and how much room there is.
        storage: Storage,
    },
    /// It is renamed, pinned or deleted.
    Done,
    /// What a run came to.
    Replayed(Box<Replayed>),
    /// The file; its bytes come along.
    Downloaded {
        /// What to call it.
        name: String,
        /// The step that it goes on from.
        step: u64,
    },
    /// The run that was in the file, or that branched off, is kept.
    Made {
        /// What it is called.
        run: RunId,
        /// The step that it goes on from.
        step: u64,
        /// What it is asked for.
        config: Box<RunConfig>,
        /// What a person should know, in sentences.
        notes: Vec<String>,
    },
}

/// A run that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptRun {
    /// What it is called.
    pub run: RunId,
    /// The recipe it came from.
    pub recipe: String,
    /// The step of its newest checkpoint; none where it has not come that far.
    pub step: Option<u64>,
    /// What its files take.
    pub bytes: u64,
    /// Whether a person marked it as one to be kept.
    pub pinned: bool,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// When anything of it was last written.
    pub updated_ms: u64,
    /// Whether it was begun and has not come to its end: unless a tab trains it, it was cut off.
    pub under_way: bool,
    /// Whether a tab trains it, this one or another.
    pub in_use: bool,
}

/// The browser's promise about what it keeps for this page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Whether it keeps everything until a person deletes it. Otherwise it may clear it when it
    /// runs out of room.
    pub persisted: bool,
    /// What all of this page's data take, where the browser says.
    pub used_bytes: Option<u64>,
    /// What they may take.
    pub quota_bytes: Option<u64>,
}

/// What a kept run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replayed {
    /// What was asked for.
    pub config: RunConfig,
    /// The step of its newest checkpoint, which it goes on from.
    pub step: Option<u64>,
    /// How it stood.
    pub board: Board,
}

/// A run, as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// What it is called.
    pub run: RunId,
    /// The recipe it came from.
    pub recipe: String,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// Whether a person marked it as one to be kept.
    pub pinned: bool,
}

/// That a run is under way, as it is written down when it begins, and crossed out when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

/// One of the two places that each name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The one that is written first.
    First,
    /// The other one.
    Second,
}

impl Slot {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Where the bytes of a file are, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlotRecord {
    /// Where they were written last.
    pub slot: Slot,
    /// How many times the name was written.
    pub generation: u64,
    /// How many bytes.
    pub bytes: u64,
    /// BLAKE3 of name, generation and bytes, in hexadecimal.
    pub blake3: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}
