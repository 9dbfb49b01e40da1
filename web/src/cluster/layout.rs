//! A layout, part by part, as the address and the sliders change it.

use kitchen_core::sim::input::{Recompute, Sharding};
use kitchen_core::sim::story::LayoutSpec;

/// What data parallel ranks can share.
pub(super) const SHARDINGS: [Sharding; 6] = [
    Sharding::None,
    Sharding::Zero1,
    Sharding::DistOpt,
    Sharding::Zero2,
    Sharding::Zero3,
    Sharding::Fsdp,
];

/// What can be computed again.
pub(super) const RECOMPUTES: [Recompute; 3] =
    [Recompute::None, Recompute::Selective, Recompute::Full];

/// A part of a layout, and what it becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Tp(u32),
    Pp(u32),
    Cp(u32),
    Vp(u32),
    Ep(u32),
    MicroBatch(u32),
    Sharding(Sharding),
    Recompute(Recompute),
}

impl Part {
    /// What a parameter of the address means; none if it is not about the layout.
    pub(super) fn of(key: &str, value: &str) -> Option<Result<Self, String>> {
        let number = |part: fn(u32) -> Self| super::asked::number(value).map(part);
        Some(match key {
            "tp" => number(Self::Tp),
            "pp" => number(Self::Pp),
            "cp" => number(Self::Cp),
            "vp" => number(Self::Vp),
            "ep" => number(Self::Ep),
            "micro-batch" => number(Self::MicroBatch),
            "sharding" => named(value, &SHARDINGS.map(|it| (it.name(), it))).map(Self::Sharding),
            "recompute" => named(value, &RECOMPUTES.map(|it| (it.name(), it))).map(Self::Recompute),
            _ => return None,
        })
    }

    /// Changes a layout.
    pub(super) fn set(self, layout: &mut LayoutSpec) {
        match self {
            Self::Tp(tp) => layout.tp = tp,
            Self::Pp(pp) => layout.pp = pp,
            Self::Cp(cp) => layout.cp = cp,
            Self::Vp(vp) => layout.vp = vp,
            Self::Ep(ep) => layout.ep = ep,
            Self::MicroBatch(sequences) => layout.micro_batch = sequences,
            Self::Sharding(sharding) => layout.sharding = sharding,
            Self::Recompute(recompute) => layout.recompute = recompute,
        }
    }
}

/// A layout as parameters of the address.
pub(super) fn parameters(layout: &LayoutSpec) -> [(&'static str, String); 8] {
    [
        ("tp", layout.tp.to_string()),
        ("pp", layout.pp.to_string()),
        ("cp", layout.cp.to_string()),
        ("vp", layout.vp.to_string()),
        ("ep", layout.ep.to_string()),
        ("micro-batch", layout.micro_batch.to_string()),
        ("sharding", layout.sharding.name().to_owned()),
        ("recompute", layout.recompute.name().to_owned()),
    ]
}

/// What is called so, or what there is.
pub(super) fn named<T: Clone>(name: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(other, _)| *other == name);
    found.map(|(_, it)| it.clone()).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("nothing is called so; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn parameters_lead_back_to_their_layout() {
        let layout = LayoutSpec {
            tp: 2,
            cp: 4,
            pp: 8,
            vp: 3,
            ep: 5,
            sp: None,
            sharding: Sharding::Zero3,
            recompute: Recompute::Selective,
            micro_batch: 6,
        };
        let mut found = LayoutSpec::default();
        for (key, value) in parameters(&layout) {
            Part::of(key, &value).unwrap().unwrap().set(&mut found);
        }
        assert_eq!(found, layout);
        assert_eq!(Part::of("seed", "1"), None);
    }
}
