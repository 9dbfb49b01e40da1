//! `?bench=mlp-784&device=cpu&steps=50`: named work is timed instead of a run, and the page shows
//! what was measured as JSON. `?bench=chart` times how charts are drawn, for which nobody trains.

use form_urlencoded::parse;
use kitchen_types::bench::BenchReport;
use kitchen_types::config::DeviceChoice;
use kitchen_types::page::ToWorker;
use web_sys::Element;
use yew::{Html, html};

use crate::draw;

/// Steps that count where the address does not say.
const STEPS: u64 = 50;

/// What the address asks to be timed, if anything.
pub(super) fn asked_for(query: &str) -> Option<ToWorker> {
    let (mut name, mut device, mut steps) = (None, DeviceChoice::Cpu, STEPS);
    for (key, value) in parse(query.as_bytes()) {
        match key.as_ref() {
            "bench" => name = Some(value.into_owned()),
            "device" if value == "gpu" => device = DeviceChoice::Gpu,
            "steps" => steps = value.parse().unwrap_or(STEPS),
            _ => {}
        }
    }
    Some(ToWorker::Bench {
        name: name?,
        device,
        steps,
    })
}

/// Whether the address asks for the charts to be timed.
pub(super) fn asks_for_charts(query: &str) -> bool {
    parse(query.as_bytes()).any(|(key, value)| key == "bench" && value == "chart")
}

/// Times how charts are drawn in `place`, in whose stead the report stands afterwards.
pub(super) async fn time_charts(place: Element) {
    place.set_inner_html("");
    let text = match draw::bench::run(&place).await {
        // Plain data always has a JSON form.
        Ok(report) => serde_json::to_string_pretty(&report).unwrap_or_default(),
        Err(error) => serde_json::json!({ "error": error }).to_string(),
    };
    place.set_inner_html("<pre id=\"bench\"></pre>");
    if let Some(report) = place.first_element_child() {
        report.set_text_content(Some(&text));
    }
}

/// What was measured.
pub(super) fn view(report: &BenchReport) -> Html {
    // Plain data always has a JSON form.
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    html! { <section class="card"><h2>{ "Measured" }</h2><pre id="bench">{ text }</pre></section> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_what_to_time() {
        assert!(asks_for_charts("bench=chart") && !asks_for_charts("bench=mlp-784&chart"));
        assert_eq!(asked_for("recipe=digits"), None);
        assert_eq!(
            asked_for("bench=mlp-784&device=gpu&steps=7"),
            Some(ToWorker::Bench {
                name: "mlp-784".into(),
                device: DeviceChoice::Gpu,
                steps: 7
            })
        );
    }
}
