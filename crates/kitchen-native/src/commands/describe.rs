//! `describe`: explains a recipe, a workflow or a stage.

use std::fmt::Write;

use anyhow::bail;
use kitchen_core::supervised::supervised;
use kitchen_core::{RECIPES, Recipe, flow, registry};
use kitchen_types::report::{RecipeInfo, StageInfo};

use super::list::{recipe_info, stage_info};
use crate::cli::DescribeArgs;
use crate::exit::Exit;
use crate::out;

/// Explains a recipe, a workflow or a stage.
pub(crate) fn describe(args: &DescribeArgs) -> anyhow::Result<Exit> {
    let DescribeArgs { what, json } = args;
    let registry = registry();
    if let Some(recipe) = Recipe::find(what) {
        let recipe = recipe_info(recipe);
        if json.json {
            out::json(&recipe)?
        } else {
            out::line(&recipe_in_words(&recipe))?
        }
    } else if what == &supervised().name {
        let workflow = supervised();
        if json.json {
            out::json(&workflow)?;
        } else {
            out::line(flow::describe(&workflow, &registry).trim_end())?;
        }
    } else if let Some(stage) = registry.list().find(|stage| stage.name == what) {
        let stage = stage_info(stage);
        if json.json {
            out::json(&stage)?
        } else {
            out::line(&stage_in_words(&stage))?
        }
    } else {
        let recipes: Vec<_> = RECIPES.iter().map(|recipe| recipe.name).collect();
        bail!(
            "there is nothing called `{what}`; recipes are {}, the workflow is {}, and `list` shows the stages",
            recipes.join(", "),
            supervised().name
        );
    }
    Ok(Exit::Ok)
}

fn recipe_in_words(recipe: &RecipeInfo) -> String {
    let mut text = format!(
        "{}: {}\n\n  teaches  {}\n  expect   {}\n  takes    {}\n\nSettings, over the defaults of all runs:\n",
        recipe.name, recipe.title, recipe.teaches, recipe.expect, recipe.takes
    );
    for line in recipe.settings.lines() {
        text.push_str(if line.is_empty() { "\n" } else { "\n  " });
        text.push_str(line);
    }
    text.push_str("\n\nTry next:\n");
    for (words, shows) in &recipe.next {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  kitchen-native run {words}\n      {shows}");
    }
    text
}

fn stage_in_words(stage: &StageInfo) -> String {
    let mut text = format!("{}: {}\n", stage.name, stage.description);
    let mut add = |name: &str, words: Vec<String>| {
        if !words.is_empty() {
            let _ = write!(text, "\n  {name:<10}{}", words.join(", "));
        }
    };
    add("reads", stage.reads.clone());
    add("writes", stage.writes.clone());
    add(
        "settings",
        stage
            .config
            .iter()
            .map(|(key, what)| format!("{key} ({what})"))
            .collect(),
    );
    add("events", stage.events.clone());
    text
}
