//! What was asked for: the words of a command line, files and the environment, as a configuration.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use kitchen_core::config::{ConfigProblem, Layers, Resolved, recipe_named_in, to_toml};
use kitchen_core::{RECIPES, Recipe};
use kitchen_types::RunConfig;
use kitchen_types::config::ConfigSource;

/// A little more than settings may have, so that a file that is too long is seen to be.
const READ_AT_MOST: u64 = (1 << 20) + 1;

/// Everything that is wrong with what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Problems(pub(crate) Vec<ConfigProblem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl From<ConfigProblem> for Problems {
    fn from(problem: ConfigProblem) -> Self {
        Self(vec![problem])
    }
}

/// A configuration with other settings over it.
pub(crate) fn changed(config: &RunConfig, settings: &[String]) -> anyhow::Result<RunConfig> {
    let recipe = Recipe::find(&config.recipe).map_or("", |recipe| recipe.settings);
    let resolved = Layers::new(&config.recipe, recipe)
        .file("config.toml", &to_toml(config)?)
        .arguments(settings)
        .resolve()
        .map_err(Problems)?;
    Ok(resolved.config)
}

/// A configuration in layers.
pub(crate) struct Request(Layers);

impl Request {
    /// Reads words of a command line: a recipe or files, then settings. Environment variables lie
    /// below all settings.
    pub(crate) fn read(words: &[String]) -> Result<Self, Problems> {
        Self::with_environment(words, environment())
    }

    /// Reads a file and nothing else.
    pub(crate) fn read_file_alone(name: String) -> Result<Self, Problems> {
        Self::with_environment(&[name], [])
    }

    fn with_environment(
        words: &[String],
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let (settings, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| is_setting(word));
        let mut recipe = None;
        let mut files = Vec::new();
        for name in names {
            match Recipe::find(name) {
                Some(found) if recipe.is_none() => recipe = Some(found),
                Some(_) => return Err(second_recipe(name).into()),
                None => files.push((name.as_str(), read_text(name)?)),
            }
        }
        let recipe = match recipe {
            Some(recipe) => recipe,
            None => recipe_of_files(&files)?,
        };
        let mut layers = Layers::new(recipe.name, recipe.settings);
        for (name, text) in &files {
            layers = layers.file(name, text);
        }
        let layers = layers.environment(environment).arguments(&settings);
        Ok(Self(layers))
    }

    /// The configuration, checked.
    pub(crate) fn resolve(self) -> Result<Resolved, Problems> {
        self.0.resolve().map_err(Problems)
    }

    /// The configuration, complete but not checked: a recipe may still lack the name of a file.
    pub(crate) fn merge(self) -> Result<Resolved, Problems> {
        self.0.merge().map_err(Problems)
    }
}

/// The environment, without what is not text and so cannot be a setting.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn is_setting(word: &str) -> bool {
    word.starts_with(['+', '~']) || word.contains('=')
}

/// The recipe that the first file with such a key names; without one, the first of all recipes.
fn recipe_of_files(files: &[(&str, String)]) -> Result<&'static Recipe, Problems> {
    for (file, text) in files {
        if let Some(name) = recipe_named_in(file, text)? {
            return Recipe::find(&name).ok_or_else(|| unknown_recipe(file, &name).into());
        }
    }
    Ok(&RECIPES[0])
}

/// Reads a file that settings may be in.
pub(crate) fn read_text(name: &str) -> Result<String, ConfigProblem> {
    let mut bytes = Vec::new();
    let read = File::open(Path::new(name))
        .and_then(|file| file.take(READ_AT_MOST).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8(bytes).map_err(|_| {
            problem(
                name,
                "the file is not text in UTF-8; save it as such".into(),
            )
        }),
        Err(_) if !looks_like_file(name) => Err(unknown_recipe("the command line", name)),
        Err(error) => Err(problem(
            name,
            format!("the file cannot be read: {error}; name another one"),
        )),
    }
}

fn looks_like_file(name: &str) -> bool {
    name.contains(['/', '\\', '.'])
}

fn unknown_recipe(place: &str, name: &str) -> ConfigProblem {
    let names: Vec<_> = RECIPES.iter().map(|recipe| recipe.name).collect();
    problem(
        place,
        format!(
            "there is no recipe `{name}`; there are {}, and files end in .toml, .json or .yaml",
            names.join(", ")
        ),
    )
}

fn second_recipe(name: &str) -> ConfigProblem {
    problem(
        "the command line",
        format!("`{name}` is a second recipe; name one"),
    )
}

fn problem(place: &str, message: String) -> ConfigProblem {
    ConfigProblem {
        origin: ConfigSource::File {
            name: place.to_owned(),
            line: 0,
        },
        path: String::new(),
        message,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(words: &[&str]) -> Result<Resolved, String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let request =
            Request::with_environment(&words, []).map_err(|problems| problems.to_string())?;
        request.resolve().map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_first_recipe_is_the_default() {
        assert_eq!(read(&[]).unwrap().config.recipe, "digits");
        assert_eq!(read(&["lr=0.5"]).unwrap().config.lr, 0.5);
        assert_eq!(
            read(&["playground", "lr=0.5"]).unwrap().config.recipe,
            "playground"
        );
    }

    #[test]
    fn files_come_before_settings_and_may_name_the_recipe() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my.toml");
        std::fs::write(&file, "recipe = 'playground'\nlr = 0.25\nseed = 5\n").unwrap();
        let file = file.to_str().unwrap();
        let config = read(&["lr=0.5", file]).unwrap().config;
        assert_eq!(
            (config.recipe.as_str(), config.lr, config.seed),
            ("playground", 0.5, 5)
        );
        let problem = read(&[file, "digits"]).unwrap_err();
        assert!(
            problem.contains("`recipe` is `playground`, and this run builds on `digits`"),
            "{problem}"
        );
    }

    #[test]
    fn what_is_neither_recipe_nor_file_is_told() {
        let problem = read(&["digit"]).unwrap_err();
        assert!(
            problem.starts_with(
                "the command line: there is no recipe `digit`; there are digits, night-shift, playground"
            ),
            "{problem}"
        );
        let problem = read(&["gone.toml"]).unwrap_err();
        assert!(
            problem.starts_with("gone.toml: the file cannot be read:"),
            "{problem}"
        );
        let problem = read(&["digits", "text"]).unwrap_err();
        assert_eq!(
            problem,
            "the command line: `text` is a second recipe; name one"
        );
    }

    #[test]
    fn every_recipe_makes_sense_once_it_has_its_file() {
        for recipe in RECIPES {
            let words = match recipe.name {
                "text" => vec![recipe.name, "data.path=plays.txt"],
                name => vec![name],
            };
            let config = read(&words)
                .unwrap_or_else(|problem| unreachable!("{problem}"))
                .config;
            assert_eq!(config.recipe, recipe.name);
        }
    }

    #[test]
    fn what_recipes_suggest_can_be_run() {
        for (command, _) in RECIPES.iter().flat_map(|recipe| recipe.next) {
            let words: Vec<_> = command.split(' ').collect();
            read(&words).unwrap_or_else(|problem| unreachable!("{command}: {problem}"));
        }
    }
}
