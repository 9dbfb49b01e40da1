//! Where the time of a step and the memory of a GPU go.

use kitchen_core::sim::cost::{Memory, Times, peak_memory};
use kitchen_core::sim::story::Setting;
use kitchen_core::words;
use yew::{Html, html};

/// Both, as bars.
pub(super) fn view(setting: &Setting) -> Html {
    let (stage, memory) = peak_memory(&setting.job);
    let free = (setting.memory_gib().1 - memory.gib()).max(0.0);
    let seconds = |value: f64| format!("{} s", words::value(value));
    let gib = |value: f64| format!("{} GiB", words::value(value));
    html! {
        <section class="card" aria-labelledby="parts-title">
            <h2 id="parts-title">{ "Where time and memory go" }</h2>
            { bars("A step", &times(&setting.estimate.times), seconds) }
            { bars(&format!("The fullest GPU, in stage {stage}"), &memories(&memory, free), gib) }
        </section>
    }
}

/// Parts and their names; those that are nothing are left out.
fn times(times: &Times) -> Vec<(&'static str, f64)> {
    vec![
        ("linear layers", times.linear),
        ("attention", times.attention),
        ("norms, activations", times.elementwise),
        ("waiting for the host", times.host),
        ("communication in layers", times.tensor),
        ("communication between stages", times.pipeline),
        ("communication of data parallelism", times.data),
        ("waiting for other stages", times.bubble),
        ("optimizer", times.optimizer),
        ("waiting for the slowest", times.jitter),
    ]
}

fn memories(memory: &Memory, free: f64) -> Vec<(&'static str, f64)> {
    let gib = |bytes: f64| bytes / 1_073_741_824.0;
    vec![
        ("weights", gib(memory.weights)),
        ("gradients", gib(memory.gradients)),
        ("optimizer", gib(memory.optimizer)),
        ("activations", gib(memory.activations)),
        ("logits", gib(memory.logits)),
        ("libraries", gib(memory.workspace)),
        ("free", free),
    ]
}

fn bars(caption: &str, parts: &[(&'static str, f64)], write: impl Fn(f64) -> String) -> Html {
    let sum: f64 = parts.iter().map(|(_, value)| value).sum();
    let shown = parts.iter().filter(|(_, value)| *value > 0.0);
    html! {
        <table class="bars">
            <caption>{ caption }</caption>
            <tbody>
            { for shown.map(|(name, value)| html! {
                <tr>
                    <th scope="row">{ *name }</th>
                    <td class="number">{ write(*value) }</td>
                    <td class="share"><div class="bar" style={format!("width: {:.2}%", 100.0 * value / sum)}></div></td>
                </tr>
            }) }
            </tbody>
        </table>
    }
}
