//! A hash over everything that could change what is learnt.

use kitchen_types::ports::{Dataset, Inputs, Targets};

/// Adds up bytes and numbers, each with its length before it, so that no two different lists of
/// parts look alike.
pub(crate) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// Nothing yet, for a kind of data.
    pub(crate) fn new(kind: &str) -> Self {
        let mut hash = Self(blake3::Hasher::new());
        hash.bytes(kind.as_bytes());
        hash
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn numbers(&mut self, numbers: impl Iterator<Item = [u8; 4]>) {
        let bytes: Vec<u8> = numbers.flatten().collect();
        self.bytes(&bytes);
    }

    /// The first 32 hexadecimal digits: 128 bits tell data sets apart, and fit on a screen.
    pub(crate) fn finish(self) -> String {
        self.0.finalize().to_hex().chars().take(32).collect()
    }
}

/// Examples read at once, to bound the memory.
const CHUNK: u64 = 1024;

/// The fingerprint of every example of `halves`, in order.
pub(crate) fn of_examples(halves: &[&dyn Dataset]) -> String {
    let mut hash = Fingerprint::new("examples");
    for half in halves {
        hash.bytes(&serde_json::to_vec(half.spec()).unwrap_or_default());
        hash.number(half.len());
        for start in (0..half.len()).step_by(CHUNK as usize) {
            let positions: Vec<u64> = (start..half.len().min(start + CHUNK)).collect();
            // Every position is below the length, so there is a batch.
            if let Ok(batch) = half.batch(&positions) {
                for id in &batch.ids {
                    hash.number(id.0);
                }
                inputs(&mut hash, &batch.inputs);
                targets(&mut hash, &batch.targets);
            }
        }
    }
    hash.finish()
}

fn inputs(hash: &mut Fingerprint, inputs: &Inputs) {
    match inputs {
        Inputs::Features { values, .. } => hash.numbers(values.iter().map(|v| v.to_le_bytes())),
        Inputs::Tokens { values, .. } => hash.numbers(values.iter().map(|v| v.to_le_bytes())),
    }
}

fn targets(hash: &mut Fingerprint, targets: &Targets) {
    match targets {
        Targets::Classes(classes) => hash.numbers(classes.iter().map(|v| v.to_le_bytes())),
        Targets::Values { values, .. } => hash.numbers(values.iter().map(|v| v.to_le_bytes())),
        Targets::Tokens { values, mask } => {
            hash.numbers(values.iter().map(|v| v.to_le_bytes()));
            hash.numbers(mask.iter().map(|v| v.to_le_bytes()));
        }
        Targets::None => {}
    }
}
