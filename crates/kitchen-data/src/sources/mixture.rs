//! Several sources, mixed by weight.

use std::collections::BTreeSet;

use kitchen_types::SampleId;
use kitchen_types::config::{DataConfig, Domain, MixtureConfig, TextConfig};
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, DomainRange, Inputs, Splits, Targets, TokenizerClient,
};

use crate::encode::TokenCache;
use crate::features::no_such_position;
use crate::files::Files;
use crate::fingerprint::Fingerprint;
use crate::lines::{Draft, split_alike};
use crate::sources::text::{Text, joint_tokenizer};

/// Domains that an id can name.
const DOMAINS: usize = 1 << 13;

/// The same mixture with every named data set as files.
pub(crate) fn resolve(
    config: &MixtureConfig,
    files: &dyn Files,
    cache: &str,
) -> Result<MixtureConfig, DataError> {
    let mut resolved = config.clone();
    for domain in &mut resolved.domains {
        if let DataConfig::Hub(hub) = &domain.data {
            domain.data = super::hub::resolve(hub, files, cache)?;
        }
    }
    Ok(resolved)
}

/// Opens every domain with `open`. Where all are texts, or all are lists of words and questions, they
/// share one tokenizer, so that the same token means the same everywhere; other sources must come
/// out alike by themselves.
pub(crate) fn open(
    config: &MixtureConfig,
    files: &dyn Files,
    cache: &TokenCache<'_>,
    seed: u64,
    open: impl Fn(&DataConfig) -> Result<Splits, DataError>,
) -> Result<Splits, DataError> {
    check(config)?;
    let sources = || config.domains.iter().map(|domain| &domain.data);
    let texts: Option<Vec<&TextConfig>> = sources()
        .map(|data| match data {
            DataConfig::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    let drafts: Option<Vec<Draft>> = sources()
        .map(|data| draft(data, files, seed))
        .collect::<Result<_, _>>()?;
    let parts: Vec<Splits> = match (texts, drafts) {
        (Some(texts), _) => open_texts(&texts, files, cache)?,
        (None, Some(drafts)) => split_alike(drafts, seed)?,
        (None, None) => sources().map(open).collect::<Result<_, _>>()?,
    };
    mix(config, parts)
}

fn check(config: &MixtureConfig) -> Result<(), DataError> {
    let wrong = |what: String, remedy: &str| Err(DataError::new("data.domains", what, remedy));
    if config.domains.is_empty() || config.domains.len() > DOMAINS {
        return wrong(
            format!("a mixture cannot have {} domains", config.domains.len()),
            "name two or more",
        );
    }
    if config.domains.iter().all(|domain| domain.from > 0) {
        return wrong(
            "no domain comes from the beginning".into(),
            "leave `from` out of one",
        );
    }
    let mut names = BTreeSet::new();
    for domain in &config.domains {
        if domain.name.is_empty() || !names.insert(&domain.name) {
            return wrong(
                format!("`{}` is no name of its own", domain.name),
                "give every domain another `name`",
            );
        }
        if !(domain.weight.is_finite() && domain.weight > 0.0) {
            return wrong(
                format!("`{}` has the weight {}", domain.name, domain.weight),
                "use a number above 0",
            );
        }
        if matches!(domain.data, DataConfig::Mixture(_)) {
            return wrong(
                format!("`{}` is a mixture itself", domain.name),
                "name its sources here instead",
            );
        }
    }
    Ok(())
}

/// A list of words or questions, if `data` are one.
fn draft(data: &DataConfig, files: &dyn Files, seed: u64) -> Result<Option<Draft>, DataError> {
    match data {
        DataConfig::Words(words) => super::words::read(words, files).map(Some),
        DataConfig::Sequence(task) => super::sequence::make(task, seed).map(Some),
        _ => Ok(None),
    }
}

fn open_texts(
    configs: &[&TextConfig],
    files: &dyn Files,
    cache: &TokenCache<'_>,
) -> Result<Vec<Splits>, DataError> {
    let texts: Vec<Text> = configs
        .iter()
        .map(|config| Text::read(config, files))
        .collect::<Result<_, _>>()?;
    let tokenizer = joint_tokenizer(&texts, files)?;
    texts
        .into_iter()
        .map(|text| text.split(tokenizer.clone(), cache))
        .collect()
}

fn mix(config: &MixtureConfig, parts: Vec<Splits>) -> Result<Splits, DataError> {
    let mut hash = Fingerprint::new("mixture");
    let mut sources = Vec::new();
    let mut notes = Vec::new();
    let Some(spec) = parts.first().map(|part| part.train.spec().clone()) else {
        return Err(no_such_position(0, 0));
    };
    let mut train = Mixed::new(spec.clone());
    let mut validation = Mixed::new(spec);
    let mut tokenizer: Option<Box<dyn TokenizerClient>> = None;
    for (domain, part) in config.domains.iter().zip(parts) {
        check_alike(&domain.name, &train, tokenizer.as_deref(), &part)?;
        hash.bytes(domain.name.as_bytes());
        hash.number(domain.weight.to_bits());
        if domain.from > 0 {
            hash.number(domain.from);
        }
        hash.bytes(part.fingerprint.as_bytes());
        sources.push(format!("{} ({})", domain.name, part.source));
        notes.extend(part.notes);
        train.add(domain, part.train);
        validation.add(domain, part.validation);
        tokenizer = part.tokenizer.or(tokenizer);
    }
    Ok(Splits {
        train: Box::new(train),
        validation: Box::new(validation),
        tokenizer,
        source: format!("a mixture of {}", sources.join(", ")),
        notes,
        fingerprint: hash.finish(),
    })
}

/// Errors unless `part` has the inputs, targets and tokens of the parts before it.
fn check_alike(
    name: &str,
    before: &Mixed,
    tokenizer: Option<&dyn TokenizerClient>,
    part: &Splits,
) -> Result<(), DataError> {
    let Some(first) = before.parts.first() else {
        return Ok(());
    };
    let json = |tokenizer: Option<&dyn TokenizerClient>| {
        tokenizer.map(|tokenizer| tokenizer.to_json().unwrap_or_default())
    };
    if first.spec() != part.train.spec() {
        return Err(DataError::new(
            "data.domains",
            format!("`{name}` has other inputs or targets than the domains before it"),
            "mix sources of the same shape; for texts set the same context and tokenizer",
        ));
    }
    if json(tokenizer) != json(part.tokenizer.as_deref()) {
        return Err(DataError::new(
            "data.domains",
            format!("`{name}` has other tokens than the domains before it"),
            "use the `bytes` tokenizer, or the same tokenizer file, in every domain",
        ));
    }
    Ok(())
}

/// One half of every domain, one after the other.
struct Mixed {
    spec: DataSpec,
    parts: Vec<Box<dyn Dataset>>,
    ranges: Vec<DomainRange>,
}

impl Mixed {
    fn new(spec: DataSpec) -> Self {
        Self {
            spec,
            parts: Vec::new(),
            ranges: Vec::new(),
        }
    }

    fn add(&mut self, domain: &Domain, part: Box<dyn Dataset>) {
        let start = self.len();
        self.ranges.push(DomainRange {
            name: domain.name.clone(),
            weight: domain.weight,
            from: domain.from,
            positions: start..start + part.len(),
        });
        self.parts.push(part);
    }

    /// The number of a position's domain, its examples, and where among them it is.
    fn locate(&self, position: u64) -> Result<(u16, &dyn Dataset, u64), DataError> {
        let domain = self
            .ranges
            .partition_point(|range| range.positions.end <= position);
        match (self.ranges.get(domain), self.parts.get(domain)) {
            (Some(range), Some(part)) => {
                Ok((domain as u16, &**part, position - range.positions.start))
            }
            _ => Err(no_such_position(position, self.len())),
        }
    }
}

impl Dataset for Mixed {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.positions.end)
    }

    fn id(&self, position: u64) -> SampleId {
        match self.locate(position) {
            Ok((domain, part, local)) => SampleId::new(domain, part.id(local).index()),
            Err(_) => SampleId::new(DOMAINS as u16 - 1, (1 << SampleId::INDEX_BITS) - 1),
        }
    }

    fn position(&self, id: SampleId) -> Option<u64> {
        let domain = usize::from(id.domain());
        let local = self
            .parts
            .get(domain)?
            .position(SampleId::new(0, id.index()))?;
        Some(self.ranges.get(domain)?.positions.start + local)
    }

    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError> {
        let mut mixed: Option<Batch> = None;
        let mut rest = positions;
        while let Some(&first) = rest.first() {
            // A sampler hands over the positions of one domain after the other.
            let (domain, part, _) = self.locate(first)?;
            let range = self
                .ranges
                .get(usize::from(domain))
                .map(|range| range.positions.clone());
            let range = range.unwrap_or_default();
            let count = rest
                .iter()
                .take_while(|position| range.contains(position))
                .count();
            let (own, others) = rest.split_at(count);
            let local: Vec<u64> = own.iter().map(|position| position - range.start).collect();
            let mut batch = part.batch(&local)?;
            for id in &mut batch.ids {
                *id = SampleId::new(domain, id.index());
            }
            match &mut mixed {
                None => mixed = Some(batch),
                Some(mixed) => append(mixed, batch),
            }
            rest = others;
        }
        match (mixed, self.parts.first()) {
            (Some(batch), _) => Ok(batch),
            (None, Some(part)) => part.batch(&[]),
            (None, None) => Err(no_such_position(0, 0)),
        }
    }

    fn domains(&self) -> &[DomainRange] {
        &self.ranges
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        let (domain, part, local) = self.locate(position)?;
        let name = self
            .ranges
            .get(usize::from(domain))
            .map_or("", |range| range.name.as_str());
        Ok(format!("{name}: {}", part.describe(local)?))
    }
}

/// Puts `more` behind `batch`. Both have the same spec, which was checked when they were mixed.
fn append(batch: &mut Batch, more: Batch) {
    batch.ids.extend(more.ids);
    match (&mut batch.inputs, more.inputs) {
        (Inputs::Features { values, .. }, Inputs::Features { values: more, .. }) => {
            values.extend(more)
        }
        (Inputs::Tokens { values, .. }, Inputs::Tokens { values: more, .. }) => values.extend(more),
        _ => {}
    }
    match (&mut batch.targets, more.targets) {
        (Targets::Classes(classes), Targets::Classes(more)) => classes.extend(more),
        (Targets::Values { values, .. }, Targets::Values { values: more, .. }) => {
            values.extend(more)
        }
        (
            Targets::Tokens { values, mask },
            Targets::Tokens {
                values: more,
                mask: more_mask,
            },
        ) => {
            values.extend(more);
            mask.extend(more_mask);
        }
        _ => {}
    }
}
