//! What the address asks for, and the address of what is watched.

use kitchen_core::sim::input::{accelerators, models};
use kitchen_core::sim::story::{LayoutSpec, ModelSpec, SCENARIOS, Scenario, Spec};
use yew::Properties;

use super::layout::{Part, named, parameters};

/// Simulated seconds a second: two hours in a minute or so.
const SPEED: f64 = 100.0;
/// The most runs whose bytes are digested.
const MOST_DIGESTS: u64 = 1000;

/// What the address asks for.
#[derive(Clone, Debug, PartialEq, Properties)]
pub(super) struct Asked {
    /// The name of the scenario.
    pub(super) scenario: String,
    /// Another seed.
    pub(super) seed: Option<u64>,
    /// Another model, by its name.
    pub(super) model: Option<String>,
    /// Another accelerator, by its name.
    pub(super) accelerator: Option<String>,
    /// How many GPUs.
    pub(super) gpus: Option<u32>,
    /// What of the layout is different.
    pub(super) layout: Vec<Part>,
    /// Simulated seconds for each second; infinite is as fast as it can.
    pub(super) speed: f64,
    /// Lines that come at once.
    pub(super) lead: u64,
    /// Where to begin, in simulated seconds.
    pub(super) at: Option<f64>,
    /// Whether it begins paused.
    pub(super) paused: bool,
    /// How many runs to digest instead of showing one.
    pub(super) digest: Option<u64>,
    /// What is wrong with the address.
    pub(super) notices: Vec<String>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            scenario: SCENARIOS[0].name.to_owned(),
            seed: None,
            model: None,
            accelerator: None,
            gpus: None,
            layout: Vec::new(),
            speed: SPEED,
            lead: 0,
            at: None,
            paused: false,
            digest: None,
            notices: Vec::new(),
        }
    }
}

impl Asked {
    /// Reads a query, without its `?`. Parameters come in any order, also by the names that genact
    /// gives them.
    pub(super) fn from_query(query: &str) -> Self {
        let mut asked = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Err(reason) = asked.set(&key, &value) {
                asked.notices.push(format!("?{key}={value}: {reason}"));
            }
        }
        asked
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "scenario" | "module" => {
                let found = Scenario::named(value).ok_or_else(|| {
                    let names: Vec<&str> = SCENARIOS.iter().map(|it| it.name).collect();
                    format!("no scenario is called so; there are {}", names.join(", "))
                })?;
                self.scenario = found.name.to_owned();
            }
            "seed" => self.seed = Some(number(value)?),
            "model" => {
                named(value, &models())?;
                self.model = Some(value.to_owned());
            }
            "accelerator" => {
                let known = accelerators().map_err(|error| error.to_string())?;
                let known: Vec<_> = known.iter().map(|it| (it.name.as_str(), ())).collect();
                named(value, &known)?;
                self.accelerator = Some(value.to_owned());
            }
            "gpus" => self.gpus = Some(number(value)?),
            "speed-factor" if value == "max" => self.speed = f64::INFINITY,
            "speed-factor" => {
                self.speed = positive(value).map_err(|reason| format!("{reason}, or `max`"))?;
            }
            "instant-print-lines" => self.lead = number(value)?,
            "at" => self.at = Some(positive(value)?),
            "paused" => self.paused = value.is_empty() || value == "true",
            "digest" => self.digest = Some(number::<u64>(value)?.min(MOST_DIGESTS)),
            // A terminal has these: what is open in a browser a person closes.
            "exit-after-time" | "exit-after-modules" | "exit-after-runs" => {
                return Err("it has no meaning here: the page stays until it is closed".into());
            }
            "inhibit" => {
                return Err("it has no meaning here: a page cannot keep the machine awake".into());
            }
            key => match Part::of(key, value) {
                Some(part) => self.layout.push(part?),
                None => return Err("nothing here is called so".into()),
            },
        }
        Ok(())
    }

    /// The run that is asked for.
    pub(super) fn spec(&self) -> Result<Spec, String> {
        let scenario = Scenario::named(&self.scenario).unwrap_or(&SCENARIOS[0]);
        let own = scenario.spec().map_err(|error| error.to_string())?;
        let mut spec = own.clone();
        spec.seed = self.seed.unwrap_or(own.seed);
        if let Some(name) = &self.model {
            spec.model = ModelSpec {
                preset: Some(name.clone()),
                ..ModelSpec::default()
            };
        }
        if let Some(name) = &self.accelerator {
            spec.cluster.accelerator.clone_from(name);
        }
        spec.cluster.gpus = self.gpus.unwrap_or(own.cluster.gpus);
        spec.layout = kept_layout(&own, &spec);
        if !self.layout.is_empty() {
            let layout = spec.layout.get_or_insert_default();
            for part in &self.layout {
                part.set(layout);
            }
        }
        Ok(spec)
    }
}

/// The layout of a scenario, where the model and the cluster are its own too: what was chosen for
/// others need not fit these.
fn kept_layout(own: &Spec, spec: &Spec) -> Option<LayoutSpec> {
    let is_own = spec.model == own.model && spec.cluster == own.cluster;
    own.layout.filter(|_| is_own)
}

/// The query that leads to a run of a scenario, with all in which it is different.
pub(super) fn query(scenario: &str, seed: Option<u64>, spec: &Spec) -> String {
    let own = Scenario::named(scenario).and_then(|it| it.spec().ok());
    let own = own.unwrap_or_default();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("scenario", scenario);
    if let Some(seed) = seed {
        query.append_pair("seed", &seed.to_string());
    }
    if let Some(model) = &spec.model.preset
        && spec.model != own.model
    {
        query.append_pair("model", model);
    }
    if spec.cluster.accelerator != own.cluster.accelerator {
        query.append_pair("accelerator", &spec.cluster.accelerator);
    }
    if spec.cluster.gpus != own.cluster.gpus {
        query.append_pair("gpus", &spec.cluster.gpus.to_string());
    }
    if let Some(layout) = &spec.layout
        && spec.layout != kept_layout(&own, spec)
    {
        query.extend_pairs(parameters(layout));
    }
    query.finish()
}

pub(super) fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| "that is no number that can be meant here".into())
}

fn positive(value: &str) -> Result<f64, String> {
    let value: f64 = number(value)?;
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err("it must be above 0".into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn parameters_come_in_any_order_and_by_either_name() {
        let asked = Asked::from_query("seed=7&speed-factor=50&module=calm&instant-print-lines=20");
        assert!(asked.notices.is_empty(), "{:?}", asked.notices);
        assert_eq!(
            (asked.scenario.as_str(), asked.seed, asked.speed, asked.lead),
            ("calm", Some(7), 50.0, 20)
        );
        assert_eq!(
            asked,
            Asked::from_query("instant-print-lines=20&scenario=calm&speed-factor=50&seed=7")
        );
        let asked = Asked::from_query("speed-factor=max");
        assert!(asked.notices.is_empty() && asked.speed.is_infinite());
    }

    #[test]
    fn a_layout_is_the_one_of_the_scenario_but_for_what_is_said() {
        let spec = |query| {
            let asked = Asked::from_query(query);
            assert!(asked.notices.is_empty(), "{:?}", asked.notices);
            asked.spec().unwrap()
        };
        let layout = spec("scenario=llama3-405b&tp=16&recompute=full").layout;
        let layout = layout.unwrap();
        assert_eq!((layout.tp, layout.pp, layout.vp), (16, 16, 4));
        assert_eq!(
            (layout.sharding.name(), layout.recompute.name()),
            ("zero2", "full")
        );
        // What was made for other GPUs is not taken.
        let layout = spec("gpus=128&pp=4&tp=2").layout.unwrap();
        assert_eq!(layout.on(128).dp, 16);
        let others = spec("scenario=llama3-405b&model=qwen3-30b-a3b&accelerator=MI300X&ep=8");
        assert_eq!(others.model.preset.as_deref(), Some("qwen3-30b-a3b"));
        assert_eq!(others.cluster.accelerator, "MI300X");
        let layout = others.layout.unwrap();
        assert_eq!((layout.ep, layout.pp), (8, 1));
        assert_eq!(spec("scenario=llama3-405b&gpus=8192").layout, None);
    }

    #[test]
    fn the_address_of_what_is_watched_leads_back_to_it() {
        assert_eq!(
            query(
                "calm",
                None,
                &Asked::from_query("scenario=calm").spec().unwrap()
            ),
            "scenario=calm"
        );
        for asked in [
            "scenario=llama3-405b&seed=7&tp=16&sharding=fsdp",
            "scenario=small&seed=3&model=llama3-8b&accelerator=GB200+NVL72+(per+GPU)&gpus=16",
            "scenario=llama3-405b&gpus=8192&tp=8&pp=16&vp=4&sharding=zero2",
            "scenario=bad-day&gpus=128&tp=2&pp=4&vp=2&cp=2&ep=2&micro-batch=2&recompute=selective",
        ] {
            let asked = Asked::from_query(asked);
            let spec = asked.spec().unwrap();
            let query = query(&asked.scenario, asked.seed, &spec);
            let again = Asked::from_query(&query);
            assert!(again.notices.is_empty(), "{query}: {:?}", again.notices);
            assert_eq!(again.spec().unwrap(), spec, "{query}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (query, part) in [
            ("module=cryptomining", "there are first-night"),
            ("speed-factor=0", "above 0"),
            ("speed-factor=fast", "or `max`"),
            ("sharding=some", "there are none, zero1"),
            ("recompute=twice", "none, selective, full"),
            ("model=gpt-9", "gpt2-124m"),
            ("accelerator=abacus", "H100 SXM 80GB"),
            ("inhibit", "no meaning here"),
            ("exit-after-time=2h", "no meaning here"),
            ("exit-after-modules=3", "no meaning here"),
            ("seed=-1", "no number"),
            ("colour=red", "nothing here is called so"),
        ] {
            let asked = Asked::from_query(query);
            assert_eq!(asked.notices.len(), 1, "{query}");
            assert!(asked.notices[0].contains(part), "{}", asked.notices[0]);
            assert!(asked.spec().is_ok());
        }
    }
}
