//! Examples beside what the model makes of them.

use std::ops::Range;

use kitchen_types::ports::{DataSpec, Loss, Split, TargetSpec, Targets, TokenizerClient};
use kitchen_types::question::ExampleView;

use super::{NoAnswer, Subject, positions, values};

impl Subject<'_> {
    /// Those of `from..from + count` that there are.
    pub(super) async fn examples(
        &mut self,
        split: Split,
        from: u64,
        count: u64,
    ) -> Result<Vec<ExampleView>, NoAnswer> {
        if count > ExampleView::COUNT {
            return NoAnswer::new(format!(
                "{count} examples are too many; ask for at most {} at once",
                ExampleView::COUNT
            ));
        }
        let data = self.data;
        let set = match split {
            Split::Train => &*data.train,
            Split::Validation => &*data.validation,
        };
        let wanted: Vec<u64> = (from..from.saturating_add(count).min(set.len())).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let loss = self.loss()?;
        let batch = set.batch(&wanted)?;
        let outputs = self.client.predict(&batch.inputs).await?;
        let width = outputs.width.max(1);
        let words = Words {
            spec: set.spec(),
            loss: &loss,
            tokenizer: data.tokenizer.as_deref(),
        };
        let examples = outputs.values.chunks(width * positions(&batch.inputs));
        let mut views = Vec::with_capacity(wanted.len());
        for (place, (&position, outputs)) in wanted.iter().zip(examples).enumerate() {
            let rows: Vec<&[f32]> = outputs.chunks(width).collect();
            let verdict = words.verdict(&batch.targets, place, &rows)?;
            views.push(ExampleView {
                id: set.id(position),
                position,
                split,
                inputs: set.batch(&[position])?.inputs,
                target: verdict.target,
                prediction: verdict.prediction,
                right: verdict.right,
                description: set.describe(position)?,
            });
        }
        Ok(views)
    }
}

/// What should come out, and what does.
struct Verdict {
    target: String,
    prediction: String,
    right: Option<bool>,
}

/// Puts targets and outputs into words.
struct Words<'a> {
    spec: &'a DataSpec,
    loss: &'a Loss,
    tokenizer: Option<&'a dyn TokenizerClient>,
}

impl Words<'_> {
    /// On the example at `place` of a batch, given its rows of outputs.
    fn verdict(
        &self,
        targets: &Targets,
        place: usize,
        rows: &[&[f32]],
    ) -> Result<Verdict, NoAnswer> {
        let first = rows.first().copied().unwrap_or_default();
        Ok(match targets {
            Targets::Classes(classes) => {
                let class = classes.get(place).copied().unwrap_or_default();
                let predicted = likeliest(first);
                Verdict {
                    target: self.class(class),
                    prediction: self.class(predicted),
                    right: Some(class == predicted),
                }
            }
            Targets::Values { width, values: all } => Verdict {
                target: list(all.get(part(place, *width)).unwrap_or_default()),
                prediction: list(&values(first, self.loss)),
                right: None,
            },
            Targets::Tokens { values, mask } => {
                let part = part(place, rows.len());
                let expected = values.get(part.clone()).unwrap_or_default();
                let mask = mask.get(part).unwrap_or_default();
                let counts = |at: usize| mask.get(at).is_none_or(|&counts| counts != 0.0);
                let counted = (expected.iter().zip(rows).enumerate())
                    .filter(|(at, _)| counts(*at))
                    .map(|(_, (&token, row))| (token, likeliest(row)));
                let (expected, predicted): (Vec<u32>, Vec<u32>) = counted.unzip();
                Verdict {
                    target: self.decode(&expected)?,
                    prediction: self.decode(&predicted)?,
                    // Of a text every token counts, and hardly one is guessed in full.
                    right: (!mask.is_empty()).then_some(expected == predicted),
                }
            }
            Targets::None => Verdict {
                target: String::new(),
                prediction: list(&values(first, self.loss)),
                right: None,
            },
        })
    }

    fn class(&self, class: u32) -> String {
        match &self.spec.target {
            TargetSpec::Classes { names } => names.get(class as usize).cloned(),
            TargetSpec::Values { .. } | TargetSpec::NextToken => None,
        }
        .unwrap_or_else(|| class.to_string())
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, NoAnswer> {
        match self.tokenizer {
            Some(tokenizer) => Ok(tokenizer.decode(tokens)?),
            None => Ok(format!("{tokens:?}")),
        }
    }
}

fn part(place: usize, width: usize) -> Range<usize> {
    place * width..(place + 1) * width
}

/// The place of the largest output, of equals the first.
fn likeliest(outputs: &[f32]) -> u32 {
    let best = (outputs.iter().zip(0u32..)).fold(None, |best, (&output, place)| match best {
        Some((_, highest)) if output <= highest => best,
        _ => Some((place, output)),
    });
    best.map_or(0, |(place, _)| place)
}

/// Numbers to three places behind the point.
fn list(numbers: &[f32]) -> String {
    let numbers: Vec<String> = numbers
        .iter()
        .map(|number| format!("{number:.3}"))
        .collect();
    numbers.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn words(spec: &DataSpec) -> Words<'_> {
        Words {
            spec,
            loss: &Loss::MeanSquaredError,
            tokenizer: None,
        }
    }

    #[test]
    fn classes_by_name() {
        let spec = DataSpec {
            input: kitchen_types::ports::InputSpec::Features { shape: vec![1] },
            target: TargetSpec::Classes {
                names: vec!["cat".into(), "dog".into()],
            },
        };
        let targets = Targets::Classes(vec![1, 0]);
        let verdict = words(&spec).verdict(&targets, 0, &[&[0.5, 0.25]]).unwrap();
        assert_eq!(verdict.target, "dog");
        assert_eq!(verdict.prediction, "cat");
        assert_eq!(verdict.right, Some(false));
        let verdict = words(&spec).verdict(&targets, 1, &[&[0.5, 0.25]]).unwrap();
        assert_eq!(verdict.right, Some(true));
    }

    #[test]
    fn only_what_counts_of_an_answer_is_judged() {
        let spec = DataSpec {
            input: kitchen_types::ports::InputSpec::Tokens {
                vocabulary: 3,
                context: 3,
            },
            target: TargetSpec::NextToken,
        };
        let targets = |mask: Vec<f32>| Targets::Tokens {
            values: vec![9, 9, 9, 0, 2, 1],
            mask,
        };
        // Predicted are 1, 2, 1.
        let rows: [&[f32]; 3] = [&[0.0, 5.0, 1.0], &[0.0, 1.0, 5.0], &[f32::NAN, 2.0, 1.0]];
        let judged = |mask| words(&spec).verdict(&targets(mask), 1, &rows).unwrap();
        let verdict = judged(vec![1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!(verdict.target, "[2, 1]");
        assert_eq!(verdict.right, Some(true));
        let verdict = judged(vec![1.0; 6]);
        assert_eq!(
            (verdict.target.as_str(), verdict.right),
            ("[0, 2, 1]", Some(false))
        );
        assert_eq!(judged(Vec::new()).right, None);
    }

    #[test]
    fn numbers_in_words() {
        assert_eq!(list(&[0.12345, -2.0]), "0.123, -2.000");
    }
}
