//! The order of the examples: which positions make up batch `k` of epoch `e`.

use std::collections::BTreeSet;

use kitchen_types::checkpoint::Resized;
use kitchen_types::ports::{DataError, Dataset, DomainRange};
use kitchen_types::random::Key;
use kitchen_types::{Number, SampleId};

use crate::permutation::Permutation;

/// Shuffles without state: each batch is a function of (key, epoch, batch, blacklist) alone, so
/// that a resumed run reads exactly what an uninterrupted one reads, whatever the size of the data.
///
/// - An epoch visits each example at most once. The examples that do not fill a last batch are
///   left out, other ones each time, so that all batches have the same shape.
/// - A data set smaller than one batch fills it by starting over.
/// - A blacklisted example is passed over and the next of the order takes its place. Once an epoch
///   runs out of others (more are blacklisted than the last partial batch had), it starts over.
/// - In a mixture, every batch holds its domains in the proportion of their shares, which are those
///   of their weights at first: what does not divide the batch alternates so that the long run does.
///   Each domain is shuffled by itself and begins anew when it is used up, whatever the others do.
/// - The order does not depend on the size of the batches, nor on the shares. Where others take over
///   ([`Sampler::resized`]), the epoch goes on after the last example that was taken, in a mixture
///   each domain after its own: nothing comes twice, and nothing is left out but what does not fill
///   a last batch.
#[derive(Clone, Debug)]
pub struct Sampler {
    domains: Vec<Domain>,
    /// How much of a batch comes from each domain of the data set; together 1, or empty where there
    /// are none.
    shares: Vec<f64>,
    /// The examples of all domains together.
    len: u64,
    batch: u64,
    batches_per_epoch: u64,
    key: Key,
    from: Resized,
}

#[derive(Clone, Debug)]
struct Domain {
    /// Its first position in the data set.
    start: u64,
    /// Its examples.
    len: u64,
    /// How many of its examples the first `i` batches of a cycle hold; one more than a cycle.
    quota: Vec<u64>,
}

/// Batches after which the shares of a mixture repeat. Within a cycle a domain's examples are
/// within one of its exact share, so the long run is off by less than `1 / (CYCLE * batch)`.
const CYCLE: u64 = 1024;

impl Sampler {
    /// The order of `data` in batches of `batch` examples. Errors where there is nothing to read.
    pub fn new(data: &dyn Dataset, batch: usize, key: Key) -> Result<Self, DataError> {
        let beginning = Resized {
            batch,
            step: 0,
            epoch: 0,
            taken: 0,
            domains: Vec::new(),
            shares: Vec::new(),
        };
        Self::resized(data, beginning, key)
    }

    /// The same order, where another batch size or other shares took over at `from`; batches of that
    /// epoch are counted from there. Errors where the shares are not those of such domains.
    pub fn resized(data: &dyn Dataset, from: Resized, key: Key) -> Result<Self, DataError> {
        if from.batch == 0 {
            return Err(DataError::new(
                "batch",
                "a batch holds nothing",
                "ask for at least 1",
            ));
        }
        if data.is_empty() {
            return Err(DataError::new(
                "",
                "there are no examples to train on",
                "use a larger data set, or a smaller share for validation",
            ));
        }
        let batch = from.batch as u64;
        let shares = shares(data, &from.shares)?;
        // The comb goes on where it was, so that many changes favour no domain.
        let drawn = from.domains.iter().copied().reduce(u64::saturating_add);
        let batches_before = drawn.unwrap_or(0) / batch;
        Ok(Self {
            domains: domains(data, batch, &shares, batches_before),
            shares,
            len: data.len(),
            batch,
            batches_per_epoch: (data.len() / batch).max(1),
            key,
            from,
        })
    }

    /// Where a size of `size` takes over after `step` steps and `batch` batches of epoch `epoch`.
    pub fn resize(&self, size: usize, step: u64, epoch: u64, batch: u64) -> Resized {
        let shares = self.shares.iter().copied().map(Number).collect();
        self.take_over(size, shares, step, epoch, batch)
    }

    /// Where other `shares`, one for each domain of the data set, take over after `step` steps and
    /// `batch` batches of epoch `epoch`.
    pub fn remix(&self, shares: &[f64], step: u64, epoch: u64, batch: u64) -> Resized {
        let shares = shares.iter().copied().map(Number).collect();
        self.take_over(self.batch as usize, shares, step, epoch, batch)
    }

    fn take_over(
        &self,
        size: usize,
        shares: Vec<Number>,
        step: u64,
        epoch: u64,
        batch: u64,
    ) -> Resized {
        let taken = self
            .taken_before(epoch)
            .saturating_add(batch.saturating_mul(self.batch));
        let number = self.number(epoch, batch);
        let of_domains = self.domains.iter().enumerate();
        Resized {
            batch: size,
            step,
            epoch,
            taken: taken.min(self.len),
            domains: match self.domains.as_slice() {
                [_] => Vec::new(),
                _ => of_domains
                    .map(|(index, domain)| self.drawn_before(index, domain, number))
                    .collect(),
            },
            shares,
        }
    }

    /// How much of a batch comes from each domain of the data set; together 1, or empty where there
    /// are none.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Examples in a batch.
    pub fn batch_size(&self) -> u64 {
        self.batch
    }

    /// Batches in one epoch, at least 1.
    pub fn batches_per_epoch(&self) -> u64 {
        self.batches_per_epoch
    }

    /// Batches in epoch `epoch` (from 0): fewer, and perhaps none, in one of which another size has
    /// taken a part.
    pub fn batches_in(&self, epoch: u64) -> u64 {
        match self.taken_before(epoch) {
            0 => self.batches_per_epoch,
            taken => self.len.saturating_sub(taken) / self.batch,
        }
    }

    /// Whether all of epoch `epoch` is read in batches of this size.
    pub fn is_whole(&self, epoch: u64) -> bool {
        self.taken_before(epoch) == 0
    }

    /// The examples of epoch `epoch` that batches of another size have taken.
    fn taken_before(&self, epoch: u64) -> u64 {
        if epoch == self.from.epoch {
            self.from.taken
        } else {
            0
        }
    }

    /// How many batches of this size come before batch `batch` of epoch `epoch`.
    fn number(&self, epoch: u64, batch: u64) -> u64 {
        match epoch.saturating_sub(self.from.epoch) {
            0 => batch,
            epochs => (epochs - 1)
                .saturating_mul(self.batches_per_epoch)
                .saturating_add(self.batches_in(self.from.epoch))
                .saturating_add(batch),
        }
    }

    /// How many examples of a domain come before the batch of that number.
    fn drawn_before(&self, index: usize, domain: &Domain, number: u64) -> u64 {
        let by_others = self.from.domains.get(index).copied().unwrap_or(0);
        by_others.saturating_add(domain.drawn_in(number))
    }

    /// The positions of batch `batch` (from 0) of epoch `epoch` (from 0), without the blacklisted.
    /// Errors if all examples of a domain are blacklisted.
    pub fn positions(
        &self,
        data: &dyn Dataset,
        epoch: u64,
        batch: u64,
        blacklist: &BTreeSet<SampleId>,
    ) -> Result<Vec<u64>, DataError> {
        let excluded: BTreeSet<u64> = blacklist
            .iter()
            .filter_map(|id| data.position(*id))
            .collect();
        let mut positions = Vec::with_capacity(self.batch as usize);
        match self.domains.as_slice() {
            [all] => {
                let taken = self.taken_before(epoch);
                let first = taken.saturating_add(batch.saturating_mul(self.batch));
                let ranks = first..first.saturating_add(self.batch);
                all.pass(self.key.at(epoch), ranks, &excluded, &mut positions)?;
            }
            domains => {
                let number = self.number(epoch, batch);
                for (index, domain) in domains.iter().enumerate() {
                    let key = self.key.purpose("domain").at(index as u64);
                    let first = self.drawn_before(index, domain, number);
                    let end = self.drawn_before(index, domain, number.saturating_add(1));
                    domain.continued(key, first..end, &excluded, &mut positions)?;
                }
            }
        }
        Ok(positions)
    }
}

impl Domain {
    /// Appends the examples that stand at `ranks` of the order of one pass.
    fn pass(
        &self,
        key: Key,
        ranks: std::ops::Range<u64>,
        excluded: &BTreeSet<u64>,
        positions: &mut Vec<u64>,
    ) -> Result<(), DataError> {
        let order = Permutation::new(self.len, key);
        let mut passed_over: Vec<u64> = excluded
            .range(self.start..self.start + self.len)
            .map(|position| order.rank(position - self.start))
            .collect();
        passed_over.sort_unstable();
        let kept = self.len - passed_over.len() as u64;
        if kept == 0 {
            return Err(DataError::new(
                "",
                format!("all {} examples of the data set are blacklisted", self.len),
                "take some off the blacklist",
            ));
        }
        positions.extend(ranks.map(|rank| {
            let mut rank = rank % kept;
            for gap in &passed_over {
                if *gap > rank {
                    break;
                }
                rank += 1;
            }
            self.start + order.element(rank)
        }));
        Ok(())
    }

    /// Appends the examples that this domain draws at `places`, counted over all its passes.
    fn continued(
        &self,
        key: Key,
        places: std::ops::Range<u64>,
        excluded: &BTreeSet<u64>,
        positions: &mut Vec<u64>,
    ) -> Result<(), DataError> {
        let (mut first, end) = (places.start, places.end);
        while first < end {
            let pass = first / self.len;
            let until = end.min((pass + 1).saturating_mul(self.len));
            let ranks = first - pass * self.len..until - pass * self.len;
            self.pass(key.at(pass), ranks, excluded, positions)?;
            first = until;
        }
        Ok(())
    }

    /// How many of its examples the first `batches` batches of one size hold.
    fn drawn_in(&self, batches: u64) -> u64 {
        let at = |index: u64| self.quota.get(index as usize).copied().unwrap_or(0);
        (batches / CYCLE)
            .saturating_mul(at(CYCLE))
            .saturating_add(at(batches % CYCLE))
    }
}

/// How much of a batch comes from each domain of `data`: as `given`, or else those that come from the
/// beginning, by their weights. A domain without examples has no share.
fn shares(data: &dyn Dataset, given: &[Number]) -> Result<Vec<f64>, DataError> {
    let ranges = data.domains();
    let mut shares: Vec<f64> = match given {
        [] => ranges
            .iter()
            .map(|domain| if domain.from == 0 { domain.weight } else { 0.0 })
            .collect(),
        given => given.iter().copied().map(f64::from).collect(),
    };
    for (share, range) in shares.iter_mut().zip(ranges) {
        if range.positions.is_empty() {
            *share = 0.0;
        }
    }
    let total: f64 = shares.iter().sum();
    let are_shares = shares.iter().all(|share| *share >= 0.0) && total.is_finite() && total > 0.0;
    if shares.len() != ranges.len() || !(ranges.is_empty() || are_shares) {
        return Err(DataError::new(
            "",
            "no batch can be filled by these shares of the domains",
            "let a domain that has examples come from the beginning",
        ));
    }
    for share in &mut shares {
        *share /= total;
    }
    Ok(shares)
}

/// The domains of `data` that have examples, or all of it as one.
fn domains(data: &dyn Dataset, batch: u64, shares: &[f64], batches_before: u64) -> Vec<Domain> {
    let parts: Vec<(&DomainRange, f64)> = data
        .domains()
        .iter()
        .zip(shares.iter().copied())
        .filter(|(domain, _)| !domain.positions.is_empty())
        .collect();
    let [_, _, ..] = parts.as_slice() else {
        return vec![Domain {
            start: 0,
            len: data.len(),
            quota: Vec::new(),
        }];
    };
    let last = parts.iter().rposition(|(_, share)| *share > 0.0);
    let mut below = 0.0;
    let mut domains = Vec::with_capacity(parts.len());
    for (index, (domain, share)) in parts.iter().enumerate() {
        // Sums of shares are not exact; the batch is.
        let upper = match Some(index) >= last {
            true => batch as f64,
            false => (below + batch as f64 * share).min(batch as f64),
        };
        domains.push(Domain {
            start: domain.positions.start,
            len: domain.positions.end - domain.positions.start,
            quota: quota(below, upper, batches_before),
        });
        below = upper;
    }
    domains
}

/// Systematic sampling (Madow 1944): the domains lie end to end on a line as long as the batch, and
/// a comb with teeth one apart is laid over it. Each domain gets the teeth that fall on it: its
/// exact share rounded down or up, and together always the batch. The comb's offset moves on from
/// batch to batch through the van der Corput sequence, which fills [0, 1) evenly at any length; it
/// begins after `batches_before` of it.
fn quota(below: f64, upper: f64, batches_before: u64) -> Vec<u64> {
    let mut total = 0;
    let mut quota = Vec::with_capacity(CYCLE as usize + 1);
    quota.push(0);
    for batch in 0..CYCLE {
        let bits = CYCLE.trailing_zeros();
        let place = ((batches_before % CYCLE + batch) % CYCLE) as u32;
        let reversed = place.reverse_bits() >> (u32::BITS - bits);
        let offset = (f64::from(reversed) + 0.5) / CYCLE as f64;
        total += ((upper + offset).floor() - (below + offset).floor()) as u64;
        quota.push(total);
    }
    quota
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;
