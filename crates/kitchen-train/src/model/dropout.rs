//! Dropout that can be redone: each mask is keyed by (seed, step, place).

use std::cell::Cell;

use burn::tensor::{Device, Distribution, Tensor, TensorData};
use kitchen_types::random::Key;

/// The randomness of one forward pass.
///
/// On the CPU the masks come from the host's counter-based generator: Burn's own is one for the
/// whole process, and another run in it would change the draws of this one. On a GPU the device
/// draws, seeded anew for each mask, so that no mask travels.
#[derive(Debug)]
pub(crate) struct Dropout {
    training: Option<Training>,
}

#[derive(Debug)]
struct Training {
    key: Key,
    on_host: bool,
    masks: Cell<u64>,
}

impl Dropout {
    /// Drops nothing: for everything but training.
    pub(crate) fn off() -> Self {
        Self { training: None }
    }

    /// The masks of the forward pass that `key` stands for.
    pub(crate) fn training(key: Key, on_host: bool) -> Self {
        Self {
            training: Some(Training {
                key,
                on_host,
                masks: Cell::new(0),
            }),
        }
    }

    /// Sets a share `rate` of the values to 0, and scales the rest so that the mean stays.
    pub(crate) fn apply<const D: usize>(&self, x: Tensor<D>, rate: f64) -> Tensor<D> {
        match &self.training {
            Some(training) if rate > 0.0 => {
                let mask = training.mask(x.dims(), rate, &x.device().without_autodiff());
                x * mask
            }
            _ => x,
        }
    }
}

impl Training {
    /// 0 with probability `rate`, else `1 / (1 - rate)`.
    fn mask<const D: usize>(&self, shape: [usize; D], rate: f64, device: &Device) -> Tensor<D> {
        let place = self.masks.replace(self.masks.get() + 1);
        let key = self.key.at(place);
        let scale = 1.0 / (1.0 - rate);
        if self.on_host {
            let values = host_mask(key, shape.iter().product(), rate, scale as f32);
            return Tensor::from_data(TensorData::new(values, shape), device);
        }
        device.seed(key.draw());
        Tensor::random(shape, Distribution::Bernoulli(1.0 - rate), device) * scale
    }
}

/// Four values from each draw of 64 bits: a rate is met to one part in 65,536.
fn host_mask(key: Key, count: usize, rate: f64, scale: f32) -> Vec<f32> {
    let mut rng = key.rng();
    let threshold = (rate * 65536.0) as u64;
    let mut values = Vec::with_capacity(count + 3);
    while values.len() < count {
        let bits = rng.next_u64();
        values.extend([0, 16, 32, 48].map(|shift| {
            let keep = (bits >> shift) & 0xffff >= threshold;
            if keep { scale } else { 0.0 }
        }));
    }
    values.truncate(count);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_its_share_and_the_mean() {
        for (rate, tolerance) in [(0.1, 0.02), (0.5, 0.02), (0.9, 0.1)] {
            let scale = 1.0 / (1.0 - rate);
            let mask = host_mask(Key::new(7), 100_001, rate, scale as f32);
            assert_eq!(mask.len(), 100_001);
            let mean = mask.iter().map(|&value| f64::from(value)).sum::<f64>() / 100_001.0;
            assert!((mean - 1.0).abs() < tolerance, "rate {rate}: mean {mean}");
        }
    }

    #[test]
    fn each_place_has_its_own_mask_and_each_key_the_same_again() {
        let device = Device::flex();
        let draw = |seed| {
            let dropout = Dropout::training(Key::new(seed), true);
            let ones = Tensor::<1>::ones([64], &device);
            [(); 2].map(|()| dropout.apply(ones.clone(), 0.5).into_data())
        };
        let [first, second] = draw(1);
        assert_ne!(first, second);
        assert_eq!([first.clone(), second], draw(1));
        assert_ne!(first, draw(2)[0]);
    }

    #[test]
    fn off_and_rate_zero_change_nothing() {
        let ones = Tensor::<1>::ones([8], &Device::flex());
        let training = Dropout::training(Key::new(1), true);
        for (dropout, rate) in [(Dropout::off(), 0.5), (training, 0.0)] {
            let out = dropout.apply(ones.clone(), rate);
            out.into_data().assert_eq(&ones.clone().into_data(), true);
        }
    }
}
