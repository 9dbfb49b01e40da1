//! What the address asks for.

use kitchen_core::sim::story::{LayoutSpec, SCENARIOS, Scenario, Spec};
use yew::Properties;

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
    /// How many GPUs.
    pub(super) gpus: Option<u32>,
    /// Another layout.
    pub(super) layout: Option<LayoutSpec>,
    /// Simulated seconds for each second.
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
            gpus: None,
            layout: None,
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
            "gpus" => self.gpus = Some(number(value)?),
            "speed-factor" => self.speed = positive(value)?,
            "instant-print-lines" => self.lead = number(value)?,
            "at" => self.at = Some(positive(value)?),
            "paused" => self.paused = value.is_empty() || value == "true",
            "digest" => self.digest = Some(number::<u64>(value)?.min(MOST_DIGESTS)),
            "tp" => self.layout().tp = number(value)?,
            "pp" => self.layout().pp = number(value)?,
            "cp" => self.layout().cp = number(value)?,
            "vp" => self.layout().vp = number(value)?,
            "micro-batch" => self.layout().micro_batch = number(value)?,
            _ => return Err("nothing here is called so".into()),
        }
        Ok(())
    }

    fn layout(&mut self) -> &mut LayoutSpec {
        self.layout.get_or_insert_default()
    }

    /// The run that is asked for.
    pub(super) fn spec(&self) -> Result<Spec, String> {
        let scenario = Scenario::named(&self.scenario).unwrap_or(&SCENARIOS[0]);
        let mut spec = scenario.spec().map_err(|error| error.to_string())?;
        spec.seed = self.seed.unwrap_or(spec.seed);
        if let Some(gpus) = self.gpus {
            spec.cluster.gpus = gpus;
            // What was chosen for another number of them need not fit these.
            spec.layout = None;
        }
        spec.layout = self.layout.or(spec.layout);
        Ok(spec)
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
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
        let layout = Asked::from_query("gpus=128&pp=4&tp=2").spec().unwrap();
        assert_eq!(layout.layout.unwrap().on(128).dp, 16);
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (query, part) in [
            ("module=cryptomining", "there are first-night"),
            ("speed-factor=0", "above 0"),
            ("speed-factor=fast", "no number"),
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
