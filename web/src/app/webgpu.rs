//! How to turn WebGPU on, for whoever is without it.

use kitchen_types::board::Board;
use wasm_bindgen::JsValue;
use yew::{Html, html};

/// What to do in a browser to have WebGPU.
#[derive(Debug, PartialEq)]
struct Advice {
    browser: &'static str,
    steps: &'static [&'static str],
}

const CHROMIUM: Advice = Advice {
    browser: "Chrome, Edge and other Chromium browsers",
    steps: &[
        "Update the browser: it has WebGPU since version 113 (on Android since 121).",
        "Under chrome://settings/system, turn on graphics acceleration, and start the browser again.",
        "On Linux, or with a GPU that the browser does not trust, turn on chrome://flags/#enable-unsafe-webgpu.",
        "chrome://gpu says what is still in the way.",
    ],
};

const FIREFOX: Advice = Advice {
    browser: "Firefox",
    steps: &[
        "Update the browser: it has WebGPU since version 141 on Windows, and later on other systems.",
        "Where it is still off, set dom.webgpu.enabled to true under about:config, and start the browser again.",
        "about:support says under Graphics what is still in the way.",
    ],
};

const SAFARI: Advice = Advice {
    browser: "Safari",
    steps: &[
        "Update the system: Safari has WebGPU since version 26.",
        "Before, on a Mac: Develop, Feature Flags, WebGPU.",
        "Before, on an iPhone or iPad: Settings, Apps, Safari, Advanced, Feature Flags, WebGPU.",
    ],
};

const ALL: [&Advice; 3] = [&CHROMIUM, &FIREFOX, &SAFARI];

/// What fits the browser that calls itself so; everything where none does.
fn advice(user_agent: &str) -> Vec<&'static Advice> {
    let is = |name: &str| user_agent.contains(name);
    // All browsers on an iPhone are Safari inside. Elsewhere Chromium says that it is Safari too.
    if is("iPhone") || is("iPad") {
        vec![&SAFARI]
    } else if is("Firefox/") {
        vec![&FIREFOX]
    } else if is("Chrome/") {
        vec![&CHROMIUM]
    } else if is("Safari/") {
        vec![&SAFARI]
    } else {
        ALL.to_vec()
    }
}

/// Whether this page is without WebGPU, as far as is known.
pub(super) fn is_missing(board: &Board) -> bool {
    let failed = board
        .timings
        .iter()
        .any(|timing| timing.device == "gpu" && timing.step_ms.is_none());
    failed || !is_in(web_sys::window().map(|window| window.navigator().into()))
}

fn is_in(navigator: Option<JsValue>) -> bool {
    navigator.is_some_and(|navigator| {
        js_sys::Reflect::get(&navigator, &JsValue::from("gpu")).is_ok_and(|gpu| gpu.is_truthy())
    })
}

/// What to do, folded up.
pub(super) fn help() -> Html {
    let window = web_sys::window();
    let user_agent = window
        .as_ref()
        .map(|window| window.navigator().user_agent());
    let user_agent = user_agent.and_then(Result::ok).unwrap_or_default();
    let insecure = window.is_some_and(|window| !window.is_secure_context());
    html! {
        <details id="webgpu-help" class="more">
            <summary>{ "Without WebGPU everything runs on the CPU. How to turn it on" }</summary>
            { for insecure.then(|| html! {
                <p>{ "Browsers offer WebGPU only to pages that come over https or from this machine: open this one so." }</p>
            }) }
            { for advice(&user_agent).into_iter().map(|advice| html! {
                <>
                    <h3>{ advice.browser }</h3>
                    <ol>{ for advice.steps.iter().map(|step| html! { <li>{ *step }</li> }) }</ol>
                </>
            }) }
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the browsers' makers document them.
    #[test]
    fn browsers_are_told_apart() {
        let table = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                vec![&CHROMIUM],
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                vec![&CHROMIUM],
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                vec![&FIREFOX],
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                vec![&SAFARI],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1",
                vec![&SAFARI],
            ),
            ("something else", ALL.to_vec()),
        ];
        for (user_agent, expected) in table {
            assert_eq!(advice(user_agent), expected, "{user_agent}");
        }
    }
}
