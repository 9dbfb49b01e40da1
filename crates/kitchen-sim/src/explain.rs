//! Predictions with the formula that each comes from, its values, and who says so.
//!
//! The number is computed from the terms that are shown: what stands there is what was done.

use serde::Serialize;

use crate::cost::{Memory, Times, peak_memory};
use crate::reliability::BYTES_PER_PARAMETER;
use crate::story::Setting;

/// A number, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// What it is.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// What it is measured in; nothing for a plain number.
    pub unit: &'static str,
    /// How it follows from the terms, by their symbols.
    pub formula: &'static str,
    /// What the symbols stand for.
    pub terms: Vec<Term>,
    /// Who says so.
    pub source: &'static str,
}

/// A symbol of a formula.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Term {
    /// The symbol.
    pub symbol: &'static str,
    /// What it stands for, with its unit.
    pub meaning: &'static str,
    /// Its value.
    pub value: f64,
}

/// A formula that can be computed.
struct Formula<const N: usize> {
    name: &'static str,
    unit: &'static str,
    formula: &'static str,
    source: &'static str,
    compute: fn([f64; N]) -> f64,
}

impl<const N: usize> Formula<N> {
    fn of(&self, terms: [(&'static str, &'static str, f64); N]) -> Explained {
        Explained {
            name: self.name,
            value: (self.compute)(terms.map(|(_, _, value)| value)),
            unit: self.unit,
            formula: self.formula,
            source: self.source,
            terms: terms
                .map(|(symbol, meaning, value)| Term {
                    symbol,
                    meaning,
                    value,
                })
                .into(),
        }
    }
}

/// Everything that can be explained of a run before it begins.
#[must_use]
pub fn explain(setting: &Setting) -> Vec<Explained> {
    vec![
        step(&setting.estimate.times),
        throughput(setting),
        utilisation(setting),
        bubble(setting),
        memory(&peak_memory(&setting.job).1),
        parameters(setting),
        checkpoint(setting),
        interval(setting),
        power(setting),
        energy(setting),
    ]
}

fn step(times: &Times) -> Explained {
    Formula {
        name: "step time",
        unit: "s",
        formula: "t = L + A + E + H + T + P + D + B + O + J",
        source: "parts of the analytic step on the device that works longest: rooflines (Williams \
                 et al. 2009), rings (Thakur et al. 2005), and 25 constants fitted to 927 \
                 published steps",
        compute: |parts: [f64; 10]| parts.iter().sum(),
    }
    .of([
        ("L", "linear layers, s", times.linear),
        ("A", "attention between tokens, s", times.attention),
        ("E", "norms, activations, casts, s", times.elementwise),
        ("H", "waiting for the host, s", times.host),
        (
            "T",
            "communication inside of layers that nothing hides, s",
            times.tensor,
        ),
        ("P", "communication between stages, s", times.pipeline),
        (
            "D",
            "communication of data parallelism that nothing hides, s",
            times.data,
        ),
        ("B", "waiting for other stages, s", times.bubble),
        ("O", "the optimizer, s", times.optimizer),
        ("J", "waiting for the slowest device, s", times.jitter),
    ])
}

fn throughput(setting: &Setting) -> Explained {
    let batch = &setting.job.batch;
    Formula {
        name: "tokens a second",
        unit: "tokens/s",
        formula: "r = G·s / t",
        source: "the definition",
        compute: |[sequences, tokens, seconds]| sequences * tokens / seconds,
    }
    .of([
        ("G", "sequences of a step", f64::from(batch.global_batch)),
        ("s", "tokens of a sequence", f64::from(batch.seq_len)),
        ("t", "step time, s", setting.estimate.seconds),
    ])
}

fn utilisation(setting: &Setting) -> Explained {
    let job = &setting.job;
    Formula {
        name: "model FLOPs utilisation",
        unit: "",
        formula: "MFU = r·F / (n·C)",
        source: "Chowdhery et al. 2022 (PaLM), appendix B, with causal attention counted in half \
                 and nothing that is recomputed (Narayanan et al. 2021, appendix)",
        compute: |[rate, flops, devices, peak]| rate * flops / (devices * peak),
    }
    .of([
        ("r", "tokens a second", setting.estimate.tokens_per_s),
        (
            "F",
            "floating-point operations of a token, 6N + 6Lsh",
            job.model.flops_per_token(job.batch.seq_len),
        ),
        ("n", "GPUs", f64::from(job.cluster.devices)),
        (
            "C",
            "peak of a GPU in 16 bits, FLOP/s",
            job.cluster.accelerator.peak_bf16_tflops * 1e12,
        ),
    ])
}

fn bubble(setting: &Setting) -> Explained {
    Formula {
        name: "share of the step in which a stage waits for others",
        unit: "",
        formula: "b = B / t; with equal stages (p - 1) / (v·m + p - 1)",
        source: "Narayanan et al. 2021, section 2.2",
        compute: |[waiting, seconds, ..]: [f64; 5]| waiting / seconds,
    }
    .of([
        (
            "B",
            "waiting for other stages, s",
            setting.estimate.times.bubble,
        ),
        ("t", "step time, s", setting.estimate.seconds),
        ("p", "pipeline stages", f64::from(setting.job.layout.pp)),
        ("v", "chunks of a stage", f64::from(setting.job.layout.vp)),
        (
            "m",
            "micro-steps of a step",
            f64::from(setting.job.micro_steps()),
        ),
    ])
}

fn memory(memory: &Memory) -> Explained {
    Formula {
        name: "memory of the fullest GPU",
        unit: "GiB",
        formula: "M = (W + G + O + A + L + w) / 2^30",
        source: "2 + 2 + 12 bytes a parameter, shared as the layout says (Rajbhandari et al. \
                 2020, section 3); activations of all micro-steps in flight (Korthikanti et al. \
                 2022, equations 1 to 4)",
        compute: |parts: [f64; 6]| parts.iter().sum::<f64>() / 1_073_741_824.0,
    }
    .of([
        ("W", "weights, bytes", memory.weights),
        ("G", "gradients, bytes", memory.gradients),
        (
            "O",
            "master weights and Adam's moments, bytes",
            memory.optimizer,
        ),
        ("A", "activations, bytes", memory.activations),
        ("L", "logits and their gradients, bytes", memory.logits),
        ("w", "what libraries keep, bytes", memory.workspace),
    ])
}

fn parameters(setting: &Setting) -> Explained {
    let model = &setting.job.model;
    let tables = if model.tied_embeddings { 1.0 } else { 2.0 };
    Formula {
        name: "parameters",
        unit: "",
        formula: "N = l·(a + f + x) + e·V",
        source: "the shapes of a transformer's matrices (Vaswani et al. 2017); norms and biases, \
                 less than a thousandth, are left out",
        compute: |[layers, attention, dense, experts, tables, table]| {
            layers * (attention + dense + experts) + tables * table
        },
    }
    .of([
        ("l", "layers", f64::from(model.layers)),
        (
            "a",
            "of the attention of a layer",
            model.attention_parameters(),
        ),
        (
            "f",
            "of its dense feed-forward network",
            model.dense_ffn_parameters(),
        ),
        ("x", "of its experts", model.expert_parameters()),
        (
            "e",
            "tables of tokens: 1 where input and output share it",
            tables,
        ),
        ("V", "of such a table", model.embedding_parameters()),
    ])
}

fn checkpoint(setting: &Setting) -> Explained {
    Formula {
        name: "size of a checkpoint",
        unit: "bytes",
        formula: "c = 14·N",
        source: "8 bytes of Adam's moments, 4 of master weights, 2 of 16-bit weights; BLOOM's 2.3 \
                 TB for 176 billion parameters agree",
        compute: |[parameters]| BYTES_PER_PARAMETER * parameters,
    }
    .of([("N", "parameters", setting.parameters)])
}

/// Where the specification names no interval.
fn interval(setting: &Setting) -> Explained {
    let nodes = f64::from(setting.nodes());
    let between = 3600.0 * setting.plan.rates.hours_between_when_burnt_in(nodes);
    Formula {
        name: "work between checkpoints that wastes least",
        unit: "s",
        formula: "T = \u{221a}(2·C·M)·(1 + \u{221a}(C/2M)/3 + C/18M) - C",
        source: "Daly 2006, equation 37; failures of a node as Llama 3 405B had them (Dubey et al. \
                 2024, table 5)",
        compute: |[cost, mean]| crate::reliability::daly(cost, mean),
    }
    .of([
        ("C", "a checkpoint stops the run for, s", setting.plan.save),
        ("M", "between failures, s", between),
    ])
}

fn power(setting: &Setting) -> Explained {
    Formula {
        name: "power of all GPUs",
        unit: "kW",
        formula: "P = n·p / 1000",
        source: "idle power and what arithmetic, memory and links add, up to the design power; \
                 within 5 % of a measured node of eight H100",
        compute: |[devices, watts]| devices * watts / 1e3,
    }
    .of([
        ("n", "GPUs", f64::from(setting.job.cluster.devices)),
        (
            "p",
            "watts of a GPU, on average",
            setting.estimate.device_watts,
        ),
    ])
}

fn energy(setting: &Setting) -> Explained {
    Formula {
        name: "energy of a step",
        unit: "kWh",
        formula: "W = n·p·t / 3.6e6",
        source: "the definition",
        compute: |[devices, watts, seconds]| devices * watts * seconds / 3.6e6,
    }
    .of([
        ("n", "GPUs", f64::from(setting.job.cluster.devices)),
        (
            "p",
            "watts of a GPU, on average",
            setting.estimate.device_watts,
        ),
        ("t", "step time, s", setting.estimate.seconds),
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::story::SCENARIOS;

    /// What is explained is what the simulator uses.
    #[test]
    fn formulas_give_the_numbers_of_the_simulator() {
        for scenario in SCENARIOS {
            let setting = Setting::of(scenario.spec().unwrap()).unwrap();
            let estimate = &setting.estimate;
            let all = explain(&setting);
            for (name, expected) in [
                ("step time", estimate.seconds),
                ("tokens a second", estimate.tokens_per_s),
                ("model FLOPs utilisation", estimate.mfu),
                ("memory of the fullest GPU", setting.memory_gib().0),
                ("parameters", setting.parameters),
                ("size of a checkpoint", setting.checkpoint_bytes),
                ("energy of a step", estimate.joules / 3.6e6),
            ] {
                let found = all.iter().find(|it| it.name == name).unwrap();
                let off = (found.value / expected - 1.0).abs();
                assert!(off < 1e-12, "{}: {name} {found:?}", scenario.name);
            }
            if setting.spec.every.checkpoint.is_none() {
                let found = all.iter().find(|it| it.unit == "s" && it.terms.len() == 2);
                let at_least = setting.estimate.seconds;
                assert_eq!(found.unwrap().value.max(at_least), setting.plan.interval);
            }
        }
    }

    #[test]
    fn every_symbol_stands_in_its_formula() {
        let setting = Setting::of(SCENARIOS[0].spec().unwrap()).unwrap();
        for it in explain(&setting) {
            for term in &it.terms {
                assert!(it.formula.contains(term.symbol), "{}: {term:?}", it.name);
            }
        }
    }
}
