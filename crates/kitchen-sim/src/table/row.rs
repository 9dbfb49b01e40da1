//! One line of a table of measured steps.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::input::{
    Accelerator, Activation, Attention, Batch, Cluster, Experts, Job, Layout, Model, Precision,
    Recompute, Sharding, Software, accelerators,
};

/// The first year in which frameworks overlapped gradients with the backward pass as a matter of
/// course; used where a table does not say.
const OVERLAP_SINCE: u32 = 2022;

/// A measured step and the job that took it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The table it stands in.
    pub table: String,
    /// Its name.
    pub row_id: String,
    /// Whether it counts.
    pub scored: bool,
    /// What was run; absent where an unscored row lacks something.
    pub job: Option<Job>,
    /// Seconds of one step; not a number where `job` is absent.
    pub step_s: f64,
    /// Whether tokens a second were published, and errors are those of a rate.
    pub is_rate: bool,
    /// Memory of the fullest device in GiB, where it was published.
    pub peak_mem_gib: Option<f64>,
}

/// The largest count of anything in a table: more is a slip of the pen.
const MOST: u32 = 1 << 30;

/// Why a table was not read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct TableError {
    /// What the table was called.
    pub name: String,
    /// What is wrong with it.
    #[source]
    pub problem: TableProblem,
}

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableProblem {
    /// It is not such a table.
    #[error("the table cannot be read: {0}; its columns are described in docs/simulation.md")]
    Table(#[from] csv::Error),
    /// A row names an accelerator that the crate does not know.
    #[error("row `{row_id}`: no accelerator is called `{accelerator}`")]
    Accelerator {
        /// The row.
        row_id: String,
        /// What it names.
        accelerator: String,
    },
    /// A scored row lacks what a prediction needs.
    #[error("row `{row_id}` is scored, but `{column}` is empty, or no number that makes sense")]
    Missing {
        /// The row.
        row_id: String,
        /// The column.
        column: &'static str,
    },
    /// Two rows have one name.
    #[error("row_id `{0}` occurs twice")]
    Repeated(String),
}

/// A line as it stands in the table.
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
    activation: Option<Activation>,
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
    sharding: Option<Sharding>,
    recompute: Option<Recompute>,
    precision: Option<Precision>,
    attention: Option<Attention>,
    compile: Option<u8>,
    stack_year: Option<u32>,
    micro_batch: Option<u32>,
    global_batch: Option<u32>,
    overlap: Option<String>,
    tp_overlap: Option<String>,
    step_s: Option<f64>,
    primary: String,
    peak_mem_gib: Option<f64>,
}

/// The rows of tables of measured steps, each given as its name and its CSV.
///
/// # Errors
///
/// If one is no such table, names an unknown accelerator, repeats a row, or lacks an input of a
/// scored row.
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
        rows.push(row.measured(&known)?);
    }
    Ok(rows)
}

impl Row {
    fn measured(&self, known: &[Accelerator]) -> Result<Measured, TableProblem> {
        let scored = self.scored == 1;
        let measured = self.measure("step_s", self.step_s);
        let (job, step_s) = match self.job(known).and_then(|job| Ok((job, measured?))) {
            Ok((job, step_s)) => (Some(job), step_s),
            Err(_) if !scored => (None, f64::NAN),
            Err(error) => return Err(error),
        };
        Ok(Measured {
            table: self.table.clone(),
            row_id: self.row_id.clone(),
            scored,
            job,
            step_s,
            is_rate: self.primary == "tokens_per_s",
            peak_mem_gib: self.peak_mem_gib,
        })
    }

    fn job(&self, known: &[Accelerator]) -> Result<Job, TableProblem> {
        Ok(Job {
            model: self.model()?,
            cluster: self.cluster(known)?,
            layout: self.layout()?,
            software: self.software()?,
            batch: Batch {
                seq_len: self.count("seq_len", self.seq_len)?,
                global_batch: self.count("global_batch", self.global_batch)?,
            },
        })
    }

    fn model(&self) -> Result<Model, TableProblem> {
        let hidden = self.count("hidden", self.hidden)?;
        let heads = self.count("heads", self.heads)?;
        let experts = match (self.experts, self.experts_active, self.moe_ffn) {
            (Some(count @ 1..), Some(active @ 1..), Some(ffn @ 1..)) => {
                Some(Experts { count, active, ffn })
            }
            _ => None,
        };
        Ok(Model {
            layers: self.count("layers", self.layers)?,
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
            activation: self.present("activation", self.activation)?,
            vocab: self.count("vocab", self.vocab)?,
            tied_embeddings: self.tied_embeddings == Some(1),
            experts,
        })
    }

    fn cluster(&self, known: &[Accelerator]) -> Result<Cluster, TableProblem> {
        let found = known.iter().find(|known| known.name == self.accelerator);
        let found = found.ok_or_else(|| TableProblem::Accelerator {
            row_id: self.row_id.clone(),
            accelerator: self.accelerator.clone(),
        })?;
        let mut accelerator = found.clone();
        accelerator.mem_gb = self.device_mem_gb.unwrap_or(accelerator.mem_gb);
        accelerator.mem_bw_gbs = self.device_mem_bw_gbs.unwrap_or(accelerator.mem_bw_gbs);
        accelerator.tdp_w = self.device_tdp_w.or(accelerator.tdp_w);
        let devices_per_node = self
            .devices_per_node
            .filter(|count| *count > 0)
            .unwrap_or(8);
        let usual = accelerator
            .network_gbs
            .map(|gbs| 8.0 * gbs * f64::from(devices_per_node));
        let node_gbps = self.internode_gbps_per_node.or(usual);
        Ok(Cluster {
            accelerator,
            devices: self.count("n_devices", self.n_devices)?,
            devices_per_node,
            node_gbps: self.measure("internode_gbps_per_node", node_gbps)?,
        })
    }

    fn layout(&self) -> Result<Layout, TableProblem> {
        let one = |count: Option<u32>| count.unwrap_or(1).max(1);
        Ok(Layout {
            tp: self.count("tp", self.tp)?,
            cp: one(self.cp),
            pp: self.count("pp", self.pp)?,
            vp: one(self.vp),
            dp: self.count("dp", self.dp)?,
            ep: one(self.ep),
            sp: self.sp == Some(1),
            sharding: self.present("sharding", self.sharding)?,
            recompute: self.present("recompute", self.recompute)?,
            micro_batch: self.count("micro_batch", self.micro_batch)?,
        })
    }

    fn software(&self) -> Result<Software, TableProblem> {
        let year = self.present("stack_year", self.stack_year)?;
        let said = |column: &Option<String>| match column.as_deref() {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        Ok(Software {
            precision: self.present("precision", self.precision)?,
            attention: self.present("attention", self.attention)?,
            compile: self.compile == Some(1),
            year,
            overlap: said(&self.overlap).unwrap_or(year >= OVERLAP_SINCE),
            tp_overlap: said(&self.tp_overlap).unwrap_or(false),
        })
    }

    fn count(&self, column: &'static str, count: Option<u32>) -> Result<u32, TableProblem> {
        self.present(column, count.filter(|count| (1..=MOST).contains(count)))
    }

    /// A quantity that is positive and finite.
    fn measure(&self, column: &'static str, value: Option<f64>) -> Result<f64, TableProblem> {
        let makes_sense = |value: &f64| value.is_finite() && *value > 0.0;
        self.present(column, value.filter(makes_sense))
    }

    fn present<T>(&self, column: &'static str, value: Option<T>) -> Result<T, TableProblem> {
        value.ok_or_else(|| TableProblem::Missing {
            row_id: self.row_id.clone(),
            column,
        })
    }
}
