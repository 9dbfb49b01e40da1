//! What is asked for: a recipe, and settings over it. The address of the page holds them as the
//! command line does: `?recipe=digits&model=cnn&lr=0.002`.

use form_urlencoded::{Serializer, parse};
use kitchen_core::config::{ConfigProblem, ConfigSource, Layers, Resolved, form, recipe_named_in};
use kitchen_core::{RECIPES, Recipe};
use kitchen_types::RunConfig;
use kitchen_types::config::Span;

/// The recipe that a first visit finds: it moves at once, and can be looked at.
const FIRST: &str = "playground";

/// Checkpoints over a whole run, so that there is somewhere to go back to.
const CHECKPOINTS: u64 = 20;

/// A recipe, and settings over it in the order in which they were made.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The recipe.
    pub recipe: &'static Recipe,
    changes: Vec<(String, String)>,
}

impl Settings {
    /// A recipe as it is.
    pub fn of(recipe: &'static Recipe) -> Self {
        Self {
            recipe,
            changes: Vec::new(),
        }
    }

    /// A recipe, and settings as on the command line: `data.task=sorting`.
    pub fn with(recipe: &'static Recipe, arguments: &[&str]) -> Self {
        let split = |argument: &&str| {
            let (path, value) = argument.split_once('=')?;
            Some((path.to_owned(), value.to_owned()))
        };
        Self {
            recipe,
            changes: arguments.iter().filter_map(split).collect(),
        }
    }

    /// Reads an address's query, without its `?`. Returns it with what a person should know of
    /// settings that were left out because nothing reads them.
    pub fn from_query(query: &str) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let mut settings = Self::of(Recipe::find(FIRST).unwrap_or(&RECIPES[0]));
        for (path, value) in parse(query.as_bytes()) {
            match (path.as_ref(), Recipe::find(&value)) {
                (path, _) if NOT_SETTINGS.contains(&path) => {}
                ("recipe", Some(recipe)) => settings.recipe = recipe,
                ("recipe", None) => {
                    let names: Vec<_> = RECIPES.iter().map(|recipe| recipe.name).collect();
                    warnings.push(format!(
                        "there is no recipe `{value}`; there are {}",
                        names.join(", ")
                    ));
                }
                _ => settings.changes.push((path.into(), value.into())),
            }
        }
        warnings.extend(settings.leave_out_unknown());
        (settings, warnings)
    }

    /// Reads a configuration file; the end of `name` says which kind it is. Errors on what nothing
    /// reads.
    pub fn from_file(name: &str, text: &str) -> Result<Self, Vec<String>> {
        let words = |problems: Vec<ConfigProblem>| -> Vec<String> {
            problems.iter().map(ToString::to_string).collect()
        };
        let named = recipe_named_in(name, text).map_err(|problem| vec![problem.to_string()])?;
        let recipe = match &named {
            None => &RECIPES[0],
            Some(named) => Recipe::find(named)
                .ok_or_else(|| vec![format!("{name}: there is no recipe `{named}`")])?,
        };
        let layers = Layers::new(recipe.name, recipe.settings).file(name, text);
        let config = layers.merge().map_err(words)?.config;
        Ok(Self::from_config(recipe, &config))
    }

    /// The settings that lead from `recipe` to `config`.
    pub fn from_config(recipe: &'static Recipe, config: &RunConfig) -> Self {
        let mut settings = Self::of(recipe);
        for field in form(config) {
            if field.path != "recipe" {
                settings.set(&field.path, &field.value);
            }
        }
        settings
    }

    /// The query that leads back here; empty for the recipe of a first visit as it is.
    pub fn to_query(&self) -> String {
        if self.changes.is_empty() && self.recipe.name == FIRST {
            return String::new();
        }
        let mut query = Serializer::new(String::new());
        query.append_pair("recipe", self.recipe.name);
        query.extend_pairs(&self.changes);
        // Brackets and commas of lists are legal here, and lists are easier to read with them.
        query
            .finish()
            .replace("%5B", "[")
            .replace("%5D", "]")
            .replace("%2C", ",")
    }

    /// Changes one setting. What is no change to the recipe leaves no trace.
    pub fn set(&mut self, path: &str, value: &str) {
        let inside = format!("{path}.");
        let mut changed = self.clone();
        changed
            .changes
            .retain(|(other, _)| other != path && !other.starts_with(&inside));
        let without = changed.clone().merge();
        changed.changes.push((path.to_owned(), value.to_owned()));
        // Another choice has settings of its own; those made for the one before go with it.
        changed.leave_out_unknown();
        if without.is_some() && without == changed.clone().merge() {
            // It may have been left out already: the last change can be another one.
            changed.changes.retain(|(other, _)| other != path);
        }
        *self = changed;
    }

    /// The configuration, if it is complete and makes sense; else everything that is wrong.
    pub fn resolve(&self) -> Result<Resolved, Vec<ConfigProblem>> {
        self.layers()?.resolve()
    }

    /// The configuration, which may still lack a file.
    pub fn merge(&self) -> Option<RunConfig> {
        let layers = self.layers().ok()?;
        layers.merge().ok().map(|resolved| resolved.config)
    }

    fn layers(&self) -> Result<Layers, Vec<ConfigProblem>> {
        let recipe = || Layers::new(self.recipe.name, self.recipe.settings);
        let length = recipe().arguments(&self.arguments()).merge()?.config.steps;
        Ok(recipe()
            .file("page.toml", &of_the_page(length))
            .arguments(&self.arguments()))
    }

    fn arguments(&self) -> Vec<String> {
        let write = |(path, value): &(String, String)| format!("{path}={value}");
        self.changes.iter().map(write).collect()
    }

    /// Leaves out what nothing reads, and says so.
    fn leave_out_unknown(&mut self) -> Vec<String> {
        let recipe = Layers::new(self.recipe.name, self.recipe.settings);
        let Err(problems) = recipe.arguments(&self.arguments()).merge() else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        for problem in problems {
            if let ConfigSource::Argument(argument) = &problem.origin {
                self.changes
                    .retain(|(path, value)| *argument != format!("{path}={value}"));
            }
            warnings.push(format!("{problem}; it was left out"));
        }
        warnings
    }
}

/// Keys of the address that are for the page itself.
const NOT_SETTINGS: [&str; 3] = ["bench", "receipt", "paused"];

/// What the page asks for beneath everything a person says: somewhere to go back to.
fn of_the_page(length: Span) -> String {
    let every = match length {
        Span::Steps(steps) => format!("{}", (steps / CHECKPOINTS).max(1)),
        Span::Epochs(epochs) => format!("\"{} epochs\"", (epochs / CHECKPOINTS).max(1)),
    };
    format!("[checkpoint]\nevery = {every}\nkeep = {CHECKPOINTS}\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(query: &str) -> Settings {
        let (settings, warnings) = Settings::from_query(query);
        assert!(warnings.is_empty(), "{warnings:?}");
        settings
    }

    #[test]
    fn an_address_holds_every_setting_and_comes_back_as_it_was() {
        for query in [
            "",
            "recipe=digits",
            "recipe=digits&model=cnn&lr=0.002&seed=7",
            "recipe=playground&model.hidden=[8,8]&device=cpu",
            "recipe=addition&data.task=sorting&data.length=6",
        ] {
            let settings = read(query);
            settings.resolve().unwrap();
            assert_eq!(settings.to_query(), query);
        }
        let config = read("recipe=digits&lr=0.5&batch=8")
            .resolve()
            .unwrap()
            .config;
        assert_eq!((config.lr, config.batch), (0.5, 8));
    }

    #[test]
    fn what_nothing_reads_is_left_out_with_a_warning() {
        let (settings, warnings) = Settings::from_query("recipe=digits&learning_rate=1&batch=8");
        assert_eq!(settings.to_query(), "recipe=digits&batch=8");
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("learning_rate"), "{warnings:?}");
        let (settings, warnings) = Settings::from_query("recipe=poetry");
        assert_eq!(settings.recipe.name, FIRST);
        assert!(warnings[0].contains("no recipe `poetry`"), "{warnings:?}");
    }

    #[test]
    fn a_setting_that_is_put_back_leaves_no_trace() {
        let mut settings = read("");
        let before = settings.clone();
        settings.set("lr", "0.5");
        assert_eq!(settings.to_query(), "recipe=playground&lr=0.5");
        settings.set("lr", "0.25");
        assert_eq!(settings.to_query(), "recipe=playground&lr=0.25");
        settings.set("lr", "0.01");
        assert_eq!(settings, before);
    }

    #[test]
    fn a_value_that_makes_no_sense_takes_nothing_else_with_it() {
        let query = "recipe=digits&model.hidden=[8]";
        let mut settings = read(query);
        settings.set("seed", "");
        assert_eq!(settings.to_query(), query);
    }

    #[test]
    fn another_choice_takes_its_settings_with_it() {
        let mut settings = read("recipe=digits&model.hidden=[8]");
        settings.set("model", "cnn");
        settings.resolve().unwrap();
        assert_eq!(settings.to_query(), "recipe=digits&model=cnn");
    }

    #[test]
    fn a_file_says_the_same_as_an_address() {
        let text = "recipe = \"digits\"\nlr = 0.5\n[model.cnn]\nchannels = [4]\n";
        let settings = Settings::from_file("mine.toml", text).unwrap();
        let same = read("recipe=digits&lr=0.5&model=cnn&model.cnn.channels=[4]");
        let without = |settings: &Settings| {
            let mut config = settings.resolve().unwrap().config;
            config.checkpoint = Default::default();
            config
        };
        assert_eq!(without(&settings), without(&same));
        let problems = Settings::from_file("mine.toml", "learning_rate = 1").unwrap_err();
        assert!(problems[0].contains("mine.toml:1"), "{problems:?}");
        assert!(Settings::from_file("a.toml", "recipe = \"poetry\"").is_err());
    }

    #[test]
    fn there_is_somewhere_to_go_back_to() {
        let config = read("recipe=text&data.path=a.txt&steps=400")
            .resolve()
            .unwrap()
            .config;
        assert_eq!(config.checkpoint.every, Span::Steps(20));
        let config = read("recipe=digits").resolve().unwrap().config;
        assert_eq!(config.checkpoint.every, Span::Epochs(1));
        assert_eq!(config.checkpoint.keep, 20);
    }
}
