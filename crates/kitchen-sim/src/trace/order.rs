//! In which order a stage does its operations.

use super::{Direction, Operation};

/// The operations of `stage`: forward passes until the pipeline is full, then one forward and one
/// backward by turns, then the backward passes that are left.
///
/// Plain: p - s - 1 forward passes to begin with. Interleaved: 2(p - s - 1) + (v - 1)p, and chunks by
/// turns for each p micro-steps (Narayanan et al. 2021, section 2.2).
pub(super) fn order(stage: u32, stages: u32, chunks: u32, micros: u32) -> Vec<Operation> {
    let later = stages - stage - 1;
    let ahead = if chunks > 1 {
        2 * later + (chunks - 1) * stages
    } else {
        later
    };
    let count = (chunks * micros) as usize;
    let ahead = (ahead as usize).min(count);
    let forward = sequence(stages, chunks, micros);
    let operation = |(chunk, micro): (u32, u32), pass| Operation {
        stage,
        chunk,
        micro,
        pass,
        start: 0.0,
        end: 0.0,
    };
    let forwards = forward
        .iter()
        .map(|&pair| operation(pair, Direction::Forward));
    let backwards = forward
        .iter()
        .map(|&(chunk, micro)| operation((chunks - 1 - chunk, micro), Direction::Backward));
    let (forwards, backwards): (Vec<_>, Vec<_>) = (forwards.collect(), backwards.collect());
    let (first, rest) = forwards.split_at(ahead);
    let mut made = first.to_vec();
    let (paired, left) = backwards.split_at(rest.len());
    for (forward, backward) in rest.iter().zip(paired) {
        made.extend([*forward, *backward]);
    }
    made.extend_from_slice(left);
    made
}

/// Chunks and micro-steps in the order of forward passes.
fn sequence(stages: u32, chunks: u32, micros: u32) -> Vec<(u32, u32)> {
    if chunks == 1 {
        return (0..micros).map(|micro| (0, micro)).collect();
    }
    let mut made = Vec::with_capacity((chunks * micros) as usize);
    for first in (0..micros).step_by(stages as usize) {
        for chunk in 0..chunks {
            made.extend((first..micros.min(first + stages)).map(|micro| (chunk, micro)));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order as text: `F` or `B`, the chunk as a letter, the micro-step.
    fn text(stage: u32, stages: u32, chunks: u32, micros: u32) -> String {
        let one = |operation: &Operation| {
            let pass = if operation.pass == Direction::Forward {
                'F'
            } else {
                'B'
            };
            let chunk = char::from(b'a' + operation.chunk as u8);
            format!("{pass}{chunk}{}", operation.micro)
        };
        let all = order(stage, stages, chunks, micros);
        all.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_forward_one_backward() {
        assert_eq!(text(0, 2, 1, 3), "Fa0 Fa1 Ba0 Fa2 Ba1 Ba2");
        assert_eq!(text(1, 2, 1, 3), "Fa0 Ba0 Fa1 Ba1 Fa2 Ba2");
        assert_eq!(text(0, 4, 1, 2), "Fa0 Fa1 Ba0 Ba1");
    }

    #[test]
    fn interleaved() {
        assert_eq!(text(1, 2, 2, 2), "Fa0 Fa1 Fb0 Bb0 Fb1 Bb1 Ba0 Ba1");
        assert_eq!(text(0, 2, 2, 2), "Fa0 Fa1 Fb0 Fb1 Bb0 Bb1 Ba0 Ba1");
    }
}
