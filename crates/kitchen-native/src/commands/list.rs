//! `list`: what there is.

use std::collections::BTreeMap;

use kitchen_core::config::schema;
use kitchen_core::data::catalog;
use kitchen_core::flow::{Access, StageSpec};
use kitchen_core::{RECIPES, Recipe};
use kitchen_types::report::{Listing, RecipeInfo, StageInfo};
use serde_json::Value;

use super::data::catalog_table;
use super::table::table;
use crate::cli::JsonArg;
use crate::exit::Exit;
use crate::out;

/// Lists recipes, models, data sets and stages.
pub(crate) fn list(json: JsonArg) -> anyhow::Result<Exit> {
    let listing = Listing {
        recipes: RECIPES.iter().map(recipe_info).collect(),
        models: models(&schema()),
        data: catalog(),
        stages: kitchen_core::registry().list().map(stage_info).collect(),
    };
    if json.json {
        out::json(&listing)?;
    } else {
        out::line(&in_words(&listing))?;
    }
    Ok(Exit::Ok)
}

fn in_words(listing: &Listing) -> String {
    let recipes = listing
        .recipes
        .iter()
        .map(|it| [it.name.clone(), it.title.clone(), it.takes.clone()]);
    let models = listing
        .models
        .iter()
        .map(|(name, what)| [name.clone(), what.clone()]);
    let stages = listing
        .stages
        .iter()
        .map(|it| [it.name.clone(), it.description.clone()]);
    [
        section(
            "Recipes (`run NAME`, `describe NAME`)",
            &table(&recipes.collect::<Vec<_>>()),
        ),
        section("Models (`model=NAME`)", &table(&models.collect::<Vec<_>>())),
        section("Data (`data show NAME`)", &catalog_table(&listing.data)),
        section(
            "Stages (`describe NAME`)",
            &table(&stages.collect::<Vec<_>>()),
        ),
    ]
    .join("\n\n")
}

fn section(title: &str, table: &str) -> String {
    let lines: Vec<_> = table.lines().map(|line| format!("  {line}")).collect();
    format!("{title}\n{}", lines.join("\n"))
}

/// What there is to know of a recipe.
pub(super) fn recipe_info(recipe: &Recipe) -> RecipeInfo {
    let next = recipe
        .next
        .iter()
        .map(|(words, shows)| ((*words).into(), (*shows).into()));
    RecipeInfo {
        name: recipe.name.into(),
        title: recipe.title.into(),
        teaches: recipe.teaches.into(),
        expect: recipe.expect.into(),
        takes: recipe.takes.into(),
        next: next.collect(),
        settings: recipe.settings.trim().into(),
    }
}

/// What a stage declares of itself.
pub(super) fn stage_info(stage: &StageSpec) -> StageInfo {
    let mut reads = Vec::new();
    let mut writes = Vec::new();
    for one in &stage.keys {
        let name = one.key.name.to_string();
        match one.access {
            Access::Read | Access::Take => reads.push(name),
            Access::Write => writes.push(name),
            Access::Change => {
                reads.push(name.clone());
                writes.push(name);
            }
        }
    }
    StageInfo {
        name: stage.name.into(),
        description: stage.description.into(),
        reads,
        writes,
        config: stage
            .config
            .iter()
            .map(|it| (it.name.into(), it.description.into()))
            .collect(),
        events: stage.events.iter().map(|event| (*event).into()).collect(),
    }
}

/// The families of models, with their descriptions in the schema.
fn models(schema: &Value) -> BTreeMap<String, String> {
    let variants = schema
        .pointer("/$defs/ModelConfig/oneOf")
        .and_then(Value::as_array);
    let described = variants.into_iter().flatten().filter_map(|variant| {
        let name = variant.get("properties")?.as_object()?.keys().next()?;
        let what = variant.get("description")?.as_str()?;
        Some((name.clone(), what.trim_end_matches('.').to_owned()))
    });
    described.collect()
}
