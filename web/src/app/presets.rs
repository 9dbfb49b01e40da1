//! What there is to watch, as sentences.

use kitchen_core::Recipe;

use crate::settings::Settings;

/// Something to watch. To add one, add an entry to [`PRESETS`].
pub(super) struct Preset {
    /// Goes on from "Watch a network …".
    pub(super) sentence: &'static str,
    recipe: &'static str,
    arguments: &'static [&'static str],
    /// What has to be dropped onto the page first, if anything.
    pub(super) wants: Option<&'static str>,
}

const fn preset(
    sentence: &'static str,
    recipe: &'static str,
    arguments: &'static [&'static str],
) -> Preset {
    Preset {
        sentence,
        recipe,
        arguments,
        wants: None,
    }
}

/// Everything there is to watch, the first visit's first.
pub(super) const PRESETS: &[Preset] = &[
    preset("separate two spirals", "playground", &[]),
    preset(
        "find the ring around a disc",
        "playground",
        &["data.shape=circles", "model.hidden=[8,8]"],
    ),
    preset(
        "solve exclusive-or",
        "playground",
        &["data.shape=xor", "model.hidden=[8,8]"],
    ),
    preset("tell handwritten digits apart", "digits", &[]),
    preset(
        "see digits through convolutions",
        "digits",
        &["model=cnn", "lr=0.002", "steps=12 epochs"],
    ),
    preset("add two numbers", "addition", &[]),
    preset(
        "put letters in order",
        "addition",
        &["data.task=sorting", "data.length=6"],
    ),
    preset(
        "turn words around",
        "addition",
        &["data.task=reversal", "data.length=6"],
    ),
    preset(
        "check whether brackets close",
        "addition",
        &["data.task=brackets", "data.length=10"],
    ),
    preset("keep one task while it learns another", "forgetting", &[]),
    preset("survive bad examples and a flipped bit", "night-shift", &[]),
    preset("invent names", "names", &[]),
    preset("tell three flowers apart", "table", &[]),
    preset(
        "tell benign tumours from malignant",
        "table",
        &["data.name=breast_cancer"],
    ),
    Preset {
        wants: Some(
            "Drop a text file onto the page, or choose one below: a book, a log, your own notes.",
        ),
        ..preset("write like a text of yours", "text", &[])
    },
    Preset {
        wants: Some(
            "Drop a CSV file with a header onto the page, or choose one below; its last column is predicted.",
        ),
        ..preset("predict a column of your table", "table", &["data=csv"])
    },
    Preset {
        wants: Some(
            "Drop the four files of Fashion-MNIST (train-images-idx3-ubyte.gz and its companions) onto the page, or choose them below.",
        ),
        ..preset("tell clothes apart", "fashion-mnist", &["data=idx"])
    },
];

impl Preset {
    /// What it asks for.
    pub(super) fn settings(&self) -> Settings {
        // A test makes sure that every name is a recipe's.
        let recipe = Recipe::find(self.recipe).unwrap_or(&kitchen_core::RECIPES[0]);
        Settings::with(recipe, self.arguments)
    }

    /// The preset that `settings` are, or come nearest to: of the same recipe, with the most of its
    /// arguments.
    pub(super) fn nearest(settings: &Settings) -> Option<usize> {
        let same = |preset: &Preset| preset.settings() == *settings;
        let of_the_recipe = |preset: &Preset| preset.recipe == settings.recipe.name;
        PRESETS
            .iter()
            .position(same)
            .or_else(|| PRESETS.iter().position(of_the_recipe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_a_configuration() {
        for preset in PRESETS {
            assert!(Recipe::find(preset.recipe).is_some(), "{}", preset.recipe);
            let settings = preset.settings();
            assert!(settings.merge().is_some(), "{}", preset.sentence);
            // What wants a file cannot begin without it; everything else can.
            assert_eq!(
                settings.resolve().is_err(),
                preset.wants.is_some(),
                "{}",
                preset.sentence
            );
        }
    }

    #[test]
    fn every_recipe_can_be_watched() {
        for recipe in kitchen_core::RECIPES {
            let found = PRESETS.iter().any(|preset| preset.recipe == recipe.name);
            assert!(found, "{}", recipe.name);
        }
    }
}
