//! What PyTorch computed (`make.py` wrote `pytorch.json`), and how to compare with it.

/// The whole file, as JSON.
pub(crate) const PYTORCH: &str = include_str!("pytorch.json");

/// The numbers in `[-amplitude, amplitude)` that `make.py` takes for weights, gradients and
/// inputs: FNV-1a of the name, and MurmurHash3's mixer for each index.
pub(crate) fn formula(name: &str, count: usize, amplitude: f64) -> Vec<f32> {
    let seed = (name.bytes()).fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (0..count as u32)
        .map(|index| {
            let x = seed.wrapping_add(index.wrapping_mul(0x9E37_79B9));
            let x = (x ^ x >> 16).wrapping_mul(0x85EB_CA6B);
            let x = (x ^ x >> 13).wrapping_mul(0xC2B2_AE35);
            let x = x ^ x >> 16;
            (amplitude * (f64::from(x) / f64::from(1_u32 << 31) - 1.0)) as f32
        })
        .collect()
}

/// Asserts that all numbers agree within `tolerance`, relative to the largest of them.
#[track_caller]
pub(crate) fn assert_close(what: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len(), "{what}: lengths");
    let largest = expected
        .iter()
        .fold(0.0, |largest: f32, x| largest.max(x.abs()));
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (actual - expected).abs() <= tolerance * largest,
            "{what}[{index}]: {actual} instead of {expected} (largest {largest})"
        );
    }
}
