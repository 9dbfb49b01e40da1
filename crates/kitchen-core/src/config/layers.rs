//! The layers themselves, in the order in which they are laid.

use std::fmt;

use kitchen_types::RunConfig;
use kitchen_types::config::{ConfigProblem, ConfigSource};
use serde_json::Value;

use super::check::check;
use super::given::{Given, Written};
use super::merge::{Origins, Tree, join};
use super::read;
use super::shape::{Field, Kind, Shape};
use super::text::schema;

/// What environment variables for settings start with; `__` stands between keys:
/// `KITCHEN__MODEL__GPT__LAYERS=6`.
const PREFIX: &str = "KITCHEN__";

/// The longest path of keys; real ones are a quarter as long.
const MAX_KEYS: usize = 32;

/// A configuration in the making. Lay what there is in the order of its weight (recipe, files,
/// environment, arguments), then [`Layers::resolve`]. Problems are gathered and told at the end.
pub struct Layers {
    schema: Value,
    recipe: String,
    /// The tree as the recipe left it: where `~key` goes back to.
    base: Tree,
    tree: Tree,
}

/// A complete configuration, and where each of its settings came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The configuration.
    pub config: RunConfig,
    /// Where each setting came from.
    pub provenance: Provenance,
}

/// Where each setting came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance(Origins);

impl Provenance {
    /// Where the setting at `path` (in full, such as `model.gpt.layers`) came from.
    pub fn of(&self, path: &str) -> ConfigSource {
        self.0.get(path).cloned().unwrap_or(ConfigSource::BuiltIn)
    }

    /// Every setting that somebody set, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ConfigSource)> {
        self.0.iter().map(|(path, source)| (path.as_str(), source))
    }
}

impl Layers {
    /// Begins with the defaults of all settings, and over them the `settings` of the recipe
    /// called `recipe`, in TOML.
    pub fn new(recipe: &str, settings: &str) -> Self {
        let schema = schema();
        let mut tree = Tree::defaults(Shape::of(&schema));
        match read::recipe(recipe, settings) {
            Ok(given) => tree.overlay(Shape::of(&schema), given),
            Err(problem) => tree.problems.push(problem),
        }
        if let Some(name) = tree.value.get_mut("recipe") {
            *name = Value::from(recipe);
        }
        let source = ConfigSource::Recipe(recipe.to_owned());
        tree.origins.insert("recipe".to_owned(), source);
        Self {
            schema,
            recipe: recipe.to_owned(),
            base: tree.clone(),
            tree,
        }
    }

    /// Lays a file over. The end of `name` says what it is: `.toml`, `.json`, `.yaml` or `.yml`.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        match read::file(name, text) {
            Ok(given) => self.tree.overlay(Shape::of(&self.schema), given),
            Err(problem) => self.tree.problems.push(problem),
        }
        self
    }

    /// Lays the environment over: of all `variables`, those that start with `KITCHEN__`, shorter
    /// names first, so that a choice comes before its fields.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut ours: Vec<_> = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        ours.sort_by_key(|(name, _)| (name.matches("__").count(), name.clone()));
        for (name, value) in ours {
            let path = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            let source = ConfigSource::Environment(name);
            let given = read::typed_value(&value, &source);
            self.set(&path, given);
        }
        self
    }

    /// Lays arguments over, in their order: `key=value`, `+key=value`, `~key`.
    #[must_use]
    pub fn arguments(mut self, arguments: &[impl AsRef<str>]) -> Self {
        for argument in arguments {
            self.argument(argument.as_ref());
        }
        self
    }

    fn argument(&mut self, argument: &str) {
        let source = ConfigSource::Argument(argument.to_owned());
        if let Some(path) = argument.strip_prefix('~') {
            return self.take_back(path, &source);
        }
        let (append, rest) = match argument.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, argument),
        };
        let Some((path, value)) = rest.split_once('=') else {
            let message = "this is not a setting; write `key=value`, `+key=value` to append to a \
                           list, or `~key` for the default";
            return self.tree.problem("", source, message.to_owned());
        };
        let given = Given {
            append,
            ..read::typed_value(value, &source)
        };
        self.set(path.trim(), given);
    }

    fn set(&mut self, path: &str, given: Given) {
        if let Some(keys) = self.keys(path, &given.source) {
            self.tree
                .overlay(Shape::of(&self.schema), given.under(&keys));
        }
    }

    fn take_back(&mut self, path: &str, source: &ConfigSource) {
        let path = path.trim().to_owned();
        if let Some(keys) = self.keys(&path, source) {
            self.tree
                .restore(Shape::of(&self.schema), &self.base, &keys, source);
        }
    }

    fn keys<'p>(&mut self, path: &'p str, source: &ConfigSource) -> Option<Vec<&'p str>> {
        let keys: Vec<_> = path.split('.').collect();
        if keys.len() <= MAX_KEYS && keys.iter().all(|key| !key.is_empty()) {
            return Some(keys);
        }
        let message = format!("`{path}` is not a path of keys; write it as `model.gpt.layers`");
        self.tree.problem("", source.clone(), message);
        None
    }

    /// The configuration, if it is complete and makes sense; else everything that is wrong.
    pub fn resolve(self) -> Result<Resolved, Vec<ConfigProblem>> {
        let resolved = self.merge()?;
        let problems: Vec<_> = check(&resolved.config)
            .into_iter()
            .map(|finding| finding.blame(&resolved.provenance))
            .collect();
        if problems.is_empty() {
            Ok(resolved)
        } else {
            Err(problems)
        }
    }

    /// The configuration, if it is complete, whether or not it makes sense: for showing a recipe
    /// that still lacks the name of a file.
    pub fn merge(mut self) -> Result<Resolved, Vec<ConfigProblem>> {
        self.check_recipe();
        if self.tree.problems.is_empty() {
            let mut missing = Vec::new();
            find_missing(Shape::of(&self.schema), "", &self.tree.value, &mut missing);
            for (path, message) in missing {
                let source = nearest_origin(&self.tree.origins, &path);
                self.tree.problem(&path, source, message);
            }
        }
        if !self.tree.problems.is_empty() {
            return Err(self.tree.problems);
        }
        let provenance = Provenance(self.tree.origins);
        match serde_path_to_error::deserialize(self.tree.value) {
            Ok(config) => Ok(Resolved { config, provenance }),
            Err(error) => {
                let path = error.path().to_string();
                Err(vec![ConfigProblem {
                    origin: provenance.of(&path),
                    message: format!("`{path}`: {}", error.inner()),
                    path,
                }])
            }
        }
    }

    /// The recipe lies under all other layers, so that it cannot be changed from above.
    fn check_recipe(&mut self) {
        let named = self.tree.value.get("recipe").and_then(Value::as_str);
        if let Some(named) = named.filter(|named| *named != self.recipe) {
            let message = format!(
                "`recipe` is `{named}`, and this run builds on `{}`; the recipe is chosen first, as in `run {named}`",
                self.recipe
            );
            let source = nearest_origin(&self.tree.origins, "recipe");
            self.tree.problem("recipe", source, message);
        }
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("tree", &self.tree.value)
            .finish_non_exhaustive()
    }
}

/// The recipe that a file names in its key `recipe`, if it does. Errors if it cannot be read.
pub fn recipe_named_in(name: &str, text: &str) -> Result<Option<String>, ConfigProblem> {
    let Written::Table(entries) = read::file(name, text)?.value else {
        return Ok(None);
    };
    let recipe = entries.into_iter().find(|(key, _)| key == "recipe");
    Ok(recipe.and_then(|(_, given)| match given.value {
        Written::Text(recipe) => Some(recipe),
        _ => None,
    }))
}

/// Fields without a default that nobody set, with what to say of them.
fn find_missing(shape: Shape<'_>, path: &str, value: &Value, missing: &mut Vec<(String, String)>) {
    match shape.kind() {
        Kind::Table(fields) => {
            for (name, field) in fields {
                find_missing_field(name, &field, path, value, missing);
            }
        }
        Kind::Choice(variants) => {
            let payload =
                super::merge::active(&variants, value).and_then(|v| Some((v.name, v.payload?)));
            if let Some((name, payload)) = payload
                && let Some(value) = value.get(name)
            {
                find_missing(payload, &join(path, name), value, missing);
            }
        }
        Kind::List(item) => {
            for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                find_missing(item, &join(path, &index.to_string()), value, missing);
            }
        }
        Kind::Leaf(_) => {}
    }
}

fn find_missing_field(
    name: &str,
    field: &Field<'_>,
    path: &str,
    value: &Value,
    missing: &mut Vec<(String, String)>,
) {
    let path_of_field = join(path, name);
    match value.get(name) {
        Some(value) => find_missing(field.shape, &path_of_field, value, missing),
        None if field.required => {
            let message = format!("`{path_of_field}` is missing, and has no default; set it");
            missing.push((path_of_field, message));
        }
        None => {}
    }
}

/// Where `path` came from or, where nobody set it, the nearest of what it lies in.
fn nearest_origin(origins: &Origins, path: &str) -> ConfigSource {
    let mut path = path;
    loop {
        match (origins.get(path), path.rsplit_once('.')) {
            (Some(origin), _) => return origin.clone(),
            (None, Some((parent, _))) => path = parent,
            (None, None) => return ConfigSource::BuiltIn,
        }
    }
}
