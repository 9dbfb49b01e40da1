//! One line of a table of measured steps.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::input::{
    Accelerator, Batch, Cluster, Experts, Job, Layout, Model, Refusal, Software, accelerators,
};

/// The first year in which frameworks overlapped gradients with the backward pass as a matter of
/// course; used where a table does not say.
const OVERLAP_SINCE: u32 = 2022;

/// A row: a job, and what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The table it stands in.
    pub table: String,
    /// Its name.
    pub row_id: String,
    /// Whether it counts, if it can be predicted and was measured.
    pub scored: bool,
    /// What was run, or why nothing can be predicted of it.
    pub job: Result<Job, Obstacle>,
    /// Seconds of one step, where they were published.
    pub step_s: Option<f64>,
    /// Whether tokens a second were published, and errors are those of a rate.
    pub is_rate: bool,
    /// Memory of the fullest device in GiB, where it was published.
    pub peak_mem_gib: Option<f64>,
}

impl Measured {
    /// The job and its seconds, which a prediction is held against.
    ///
    /// # Errors
    ///
    /// Why the row cannot be scored.
    pub fn pair(&self) -> Result<(&Job, f64), Obstacle> {
        let job = self.job.as_ref().map_err(Obstacle::clone)?;
        Ok((job, present("step_s", self.step_s)?))
    }
}

/// Why a row cannot be predicted, or not be scored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Obstacle {
    /// The row names an accelerator that the crate does not know.
    #[error("no accelerator is called `{0}`")]
    Accelerator(String),
    /// A column that is needed holds nothing of use.
    #[error("`{0}` is empty, or nothing that makes sense")]
    Missing(&'static str),
    /// The job cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The largest count of anything in a table: more is a slip of the pen.
const MOST: u32 = 1 << 30;

/// Why a table was not read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct TableError {
    /// What the table was called.
    pub name: String,
    /// What is wrong with it. No `source`, since it is told already.
    pub problem: TableProblem,
}

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableProblem {
    /// It is not such a table.
    #[error("the table cannot be read: {0}; its columns are described in docs/simulation.md")]
    Table(#[from] csv::Error),
    /// Two rows have one name.
    #[error("row_id `{0}` occurs twice")]
    Repeated(String),
}

/// A line as it stands in the table. Words of a closed set are read later, so that one that nobody
/// knows costs its row and not the table.
#[derive(Deserialize)]
struct Row {
    table: String,
    row_id: String,
    scored: u8,
    layers: Option<u32>,
    hidden: Option<u32>,
    heads: Option<u32>,
    kv_heads: Option<u32>,
    head_dim: Option<u32>,
    ffn: Option<u32>,
    activation: Option<String>,
    vocab: Option<u32>,
    tied_embeddings: Option<u8>,
    seq_len: Option<u32>,
    experts: Option<u32>,
    experts_active: Option<u32>,
    moe_ffn: Option<u32>,
    accelerator: String,
    device_mem_gb: Option<f64>,
    device_mem_bw_gbs: Option<f64>,
    device_tdp_w: Option<f64>,
    n_devices: Option<u32>,
    devices_per_node: Option<u32>,
    internode_gbps_per_node: Option<f64>,
    tp: Option<u32>,
    sp: Option<u8>,
    cp: Option<u32>,
    pp: Option<u32>,
    vp: Option<u32>,
    dp: Option<u32>,
    ep: Option<u32>,
    sharding: Option<String>,
    recompute: Option<String>,
    precision: Option<String>,
    attention: Option<String>,
    compile: Option<u8>,
    stack_year: Option<u32>,
    micro_batch: Option<u32>,
    global_batch: Option<u32>,
    overlap: Option<String>,
    tp_overlap: Option<String>,
    step_s: Option<f64>,
    primary: Option<String>,
    peak_mem_gib: Option<f64>,
}

/// The rows of tables of measured steps, each given as its name and its CSV.
///
/// # Errors
///
/// If one is no such table, or repeats a row. A row that cannot be predicted is none: it says why.
pub fn read_tables<T: AsRef<str>>(tables: &[(String, T)]) -> Result<Vec<Measured>, TableError> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for (name, text) in tables {
        let read = read_table(text.as_ref(), &mut seen);
        rows.extend(read.map_err(|problem| TableError {
            name: name.clone(),
            problem,
        })?);
    }
    Ok(rows)
}

/// The rows of one table, none of which may be among those `seen`.
fn read_table(text: &str, seen: &mut BTreeSet<String>) -> Result<Vec<Measured>, TableProblem> {
    let known = accelerators()?;
    let mut rows = Vec::new();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let row: Row = row?;
        if !seen.insert(row.row_id.clone()) {
            return Err(TableProblem::Repeated(row.row_id));
        }
        rows.push(row.measured(&known));
    }
    Ok(rows)
}

impl Row {
    fn measured(&self, known: &[Accelerator]) -> Measured {
        Measured {
            table: self.table.clone(),
            row_id: self.row_id.clone(),
            scored: self.scored == 1,
            job: self.job(known),
            step_s: measure(self.step_s),
            is_rate: self.primary.as_deref() == Some("tokens_per_s"),
            peak_mem_gib: measure(self.peak_mem_gib),
        }
    }

    fn job(&self, known: &[Accelerator]) -> Result<Job, Obstacle> {
        let job = Job {
            model: self.model()?,
            cluster: self.cluster(known)?,
            layout: self.layout()?,
            software: self.software()?,
            batch: Batch {
                seq_len: count("seq_len", self.seq_len)?,
                global_batch: count("global_batch", self.global_batch)?,
            },
        };
        job.check()?;
        Ok(job)
    }

    fn model(&self) -> Result<Model, Obstacle> {
        let hidden = count("hidden", self.hidden)?;
        let heads = count("heads", self.heads)?;
        let experts = match (self.experts, self.experts_active, self.moe_ffn) {
            (Some(count @ 1..), Some(active @ 1..), Some(ffn @ 1..)) => {
                Some(Experts { count, active, ffn })
            }
            _ => None,
        };
        Ok(Model {
            layers: count("layers", self.layers)?,
            hidden,
            heads,
            kv_heads: self.kv_heads.filter(|heads| *heads > 0).unwrap_or(heads),
            head_dim: self
                .head_dim
                .filter(|width| *width > 0)
                .unwrap_or(hidden / heads),
            ffn: self.ffn.unwrap_or(if experts.is_some() {
                0
            } else {
                hidden.saturating_mul(4)
            }),
            activation: word("activation", self.activation.as_deref())?,
            vocab: count("vocab", self.vocab)?,
            tied_embeddings: self.tied_embeddings == Some(1),
            experts,
        })
    }

    fn cluster(&self, known: &[Accelerator]) -> Result<Cluster, Obstacle> {
        let found = known.iter().find(|known| known.name == self.accelerator);
        let found = found.ok_or_else(|| Obstacle::Accelerator(self.accelerator.clone()))?;
        let mut accelerator = found.clone();
        accelerator.mem_gb = self.device_mem_gb.unwrap_or(accelerator.mem_gb);
        accelerator.mem_bw_gbs = self.device_mem_bw_gbs.unwrap_or(accelerator.mem_bw_gbs);
        accelerator.tdp_w = self.device_tdp_w.or(accelerator.tdp_w);
        let devices_per_node = self
            .devices_per_node
            .filter(|count| *count > 0)
            .unwrap_or(accelerator.node_size());
        let usual = accelerator.usual_gbps(devices_per_node);
        let node_gbps = self.internode_gbps_per_node.or(usual);
        Ok(Cluster {
            accelerator,
            devices: count("n_devices", self.n_devices)?,
            devices_per_node,
            node_gbps: present("internode_gbps_per_node", measure(node_gbps))?,
        })
    }

    fn layout(&self) -> Result<Layout, Obstacle> {
        let one = |count: Option<u32>| count.unwrap_or(1).max(1);
        Ok(Layout {
            tp: count("tp", self.tp)?,
            cp: one(self.cp),
            pp: count("pp", self.pp)?,
            vp: one(self.vp),
            dp: count("dp", self.dp)?,
            ep: one(self.ep),
            sp: self.sp == Some(1),
            sharding: word("sharding", self.sharding.as_deref())?,
            recompute: word("recompute", self.recompute.as_deref())?,
            micro_batch: count("micro_batch", self.micro_batch)?,
        })
    }

    fn software(&self) -> Result<Software, Obstacle> {
        let year = present("stack_year", self.stack_year)?;
        let said = |column: &Option<String>| match column.as_deref() {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        Ok(Software {
            precision: word("precision", self.precision.as_deref())?,
            attention: word("attention", self.attention.as_deref())?,
            compile: self.compile == Some(1),
            year,
            overlap: said(&self.overlap).unwrap_or(year >= OVERLAP_SINCE),
            tp_overlap: said(&self.tp_overlap).unwrap_or(false),
        })
    }
}

fn count(column: &'static str, count: Option<u32>) -> Result<u32, Obstacle> {
    present(column, count.filter(|count| (1..=MOST).contains(count)))
}

/// A word of a closed set.
fn word<T: DeserializeOwned>(column: &'static str, word: Option<&str>) -> Result<T, Obstacle> {
    let known = |word| T::deserialize(StrDeserializer::<ValueError>::new(word)).ok();
    present(column, word.and_then(known))
}

/// A quantity that is positive and finite.
fn measure(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value > 0.0)
}

fn present<T>(column: &'static str, value: Option<T>) -> Result<T, Obstacle> {
    value.ok_or(Obstacle::Missing(column))
}
