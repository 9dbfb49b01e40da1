//! Data by themselves, and whether model and loss fit them.

use std::collections::BTreeSet;

use kitchen_types::RunConfig;
use kitchen_types::config::{DataConfig, Domain, LossConfig, ModelConfig, TokenizerConfig};

use super::{Findings, limits};

impl Findings {
    pub(super) fn data(&mut self, path: &str, data: &DataConfig) {
        match data {
            DataConfig::Digits(digits) => self.held_out(path, "digits", digits.validation),
            DataConfig::Table(table) => self.held_out(path, "table", table.validation),
            DataConfig::Playground(playground) => {
                self.held_out(path, "playground", playground.validation);
                self.between(
                    &format!("{path}.playground.samples"),
                    playground.samples,
                    10,
                    limits::SAMPLES,
                );
                self.not_negative(&format!("{path}.playground.noise"), playground.noise);
            }
            DataConfig::Sequence(task) => {
                self.held_out(path, "sequence", task.validation);
                self.between(&format!("{path}.sequence.length"), task.length, 1, 1024);
                self.between(
                    &format!("{path}.sequence.samples"),
                    task.samples,
                    10,
                    limits::SAMPLES,
                );
            }
            DataConfig::Words(words) => self.held_out(path, "words", words.validation),
            DataConfig::Text(text) => {
                self.held_out(path, "text", text.validation);
                self.file(&format!("{path}.text.path"), &text.path, "a text file");
                self.tokens(&format!("{path}.text"), text.context, &text.tokenizer);
            }
            DataConfig::Csv(table) => {
                self.held_out(path, "csv", table.validation);
                self.file(&format!("{path}.csv.path"), &table.path, "a CSV file");
            }
            DataConfig::Idx(idx) => {
                self.share_below_one(&format!("{path}.idx.validation"), idx.validation);
                self.file(
                    &format!("{path}.idx.path"),
                    &idx.path,
                    "a folder of IDX files",
                );
            }
            DataConfig::Images(images) => {
                self.held_out(path, "images", images.validation);
                self.file(
                    &format!("{path}.images.path"),
                    &images.path,
                    "a folder of images",
                );
                self.between(
                    &format!("{path}.images.size"),
                    images.size,
                    1,
                    limits::PIXELS,
                );
            }
            DataConfig::Jsonl(lines) => {
                self.held_out(path, "jsonl", lines.validation);
                self.file(&format!("{path}.jsonl.path"), &lines.path, "a JSONL file");
                self.file(
                    &format!("{path}.jsonl.text"),
                    &lines.text,
                    "the field that holds the text",
                );
                self.tokens(&format!("{path}.jsonl"), lines.context, &lines.tokenizer);
            }
            DataConfig::Hub(hub) => {
                self.file(
                    &format!("{path}.hub.name"),
                    &hub.name,
                    "a name that `data ls` shows",
                );
                self.tokens(&format!("{path}.hub"), hub.context, &hub.tokenizer);
            }
            DataConfig::Mixture(mixture) => {
                let domains = format!("{path}.mixture.domains");
                self.between(&domains, mixture.domains.len(), 1, 8191);
                let begins_late = |it: &Domain| it.from > 0;
                if !mixture.domains.is_empty() && mixture.domains.iter().all(begins_late) {
                    let message = format!(
                        "no domain of `{domains}` comes from the beginning; leave `from` out of one"
                    );
                    self.one(&domains, message);
                }
                let mut names = BTreeSet::new();
                for (index, domain) in mixture.domains.iter().enumerate() {
                    let path = format!("{domains}.{index}");
                    if domain.name.is_empty() || !names.insert(&domain.name) {
                        let path = format!("{path}.name");
                        let message = format!(
                            "`{path}` is `{}`, which is no name of its own; give every domain another",
                            domain.name
                        );
                        self.one(&path, message);
                    }
                    let weight = domain.weight;
                    if !(weight.is_finite() && weight > 0.0) {
                        let path = format!("{path}.weight");
                        let message = format!("`{path}` is {weight}, and must be above 0");
                        self.one(&path, message);
                    }
                    self.data(&format!("{path}.data"), &domain.data);
                }
            }
        }
    }

    fn tokens(&mut self, path: &str, context: usize, tokenizer: &TokenizerConfig) {
        self.between(&format!("{path}.context"), context, 1, limits::CONTEXT);
        match tokenizer {
            TokenizerConfig::Bytes | TokenizerConfig::Characters => {}
            TokenizerConfig::Bpe { vocabulary } => {
                // The 256 bytes are always in the vocabulary.
                let path = format!("{path}.tokenizer.bpe.vocabulary");
                self.between(&path, *vocabulary, 257, limits::VOCABULARY);
            }
            TokenizerConfig::File { path: file } => {
                self.file(
                    &format!("{path}.tokenizer.file.path"),
                    file,
                    "a `tokenizer.json`",
                );
            }
        }
    }

    pub(super) fn fit(&mut self, config: &RunConfig) {
        let Some(kind) = kind_of(&config.data) else {
            if let DataConfig::Mixture(mixture) = &config.data
                && mixture
                    .domains
                    .iter()
                    .filter_map(|domain| kind_of(&domain.data))
                    .count()
                    > 0
            {
                let message = "the sources of `data.mixture.domains` differ in kind; mix texts with texts, images with images, tables with tables";
                self.one("data.mixture.domains", message.to_owned());
            }
            return;
        };
        let (model, takes): (_, &[Inputs]) = match config.model {
            ModelConfig::Mlp(_) => ("mlp", &[Inputs::Images, Inputs::Numbers]),
            ModelConfig::Cnn(_) => ("cnn", &[Inputs::Images]),
            ModelConfig::Gpt(_) => ("gpt", &[Inputs::Tokens]),
            ModelConfig::Rnn(_) => ("rnn", &[Inputs::Tokens]),
        };
        if !takes.contains(&kind) {
            let (data, remedy) = kind.in_words();
            self.both(
                ["model", "data"],
                format!("`model` is `{model}`, which does not take {data}; {remedy}"),
            );
        }
        let of_tokens = matches!(
            config.loss,
            LossConfig::Auto | LossConfig::CrossEntropy { .. }
        );
        if kind == Inputs::Tokens && !of_tokens {
            self.both(
                ["loss", "data"],
                "tokens are classes, and only `cross_entropy` measures those; leave `loss` at `auto`".into(),
            );
        }
    }
}

/// What data put into a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inputs {
    Images,
    Numbers,
    Tokens,
}

impl Inputs {
    fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Images => ("images", "use `model=cnn` or `model=mlp`"),
            Self::Numbers => ("tables or points", "use `model=mlp`"),
            Self::Tokens => ("sequences of tokens", "use `model=gpt` or `model=rnn`"),
        }
    }
}

/// What `data` put into a model; `None` where only opening them tells, or where they disagree.
fn kind_of(data: &DataConfig) -> Option<Inputs> {
    match data {
        DataConfig::Digits(_) | DataConfig::Idx(_) | DataConfig::Images(_) => Some(Inputs::Images),
        DataConfig::Table(_) | DataConfig::Playground(_) | DataConfig::Csv(_) => {
            Some(Inputs::Numbers)
        }
        DataConfig::Sequence(_)
        | DataConfig::Words(_)
        | DataConfig::Text(_)
        | DataConfig::Jsonl(_) => Some(Inputs::Tokens),
        DataConfig::Hub(_) => None,
        DataConfig::Mixture(mixture) => {
            let mut kinds = mixture.domains.iter().map(|domain| kind_of(&domain.data));
            let first = kinds.next()??;
            kinds.all(|kind| kind == Some(first)).then_some(first)
        }
    }
}
