//! The card of a run that waits for a person: what happened, what was found, and what to do.

use kitchen_types::Command;
use kitchen_types::board::Board;
use kitchen_types::supervision::{Ask, Incident};
use yew::{Callback, Html, html};

use super::controls::Act;

/// The card, where a question is open.
pub(super) fn view(board: &Board, act: &Callback<Act>) -> Html {
    let open = board.open_question();
    let Some((incident, ask)) = open.and_then(|it| Some((it, it.open_question()?))) else {
        return Html::default();
    };
    let on = |what: Act| act.reform(move |_| what);
    html! {
        <section id="trouble" class="card notes" role="alert" aria-labelledby="trouble-title">
            <h2 id="trouble-title">{ "This run waits for you" }</h2>
            <ul>{ for story(incident, ask).into_iter().map(|text| html! { <li>{ text }</li> }) }</ul>
            <div class="buttons">
                { for ask.actions.iter().enumerate().map(|(place, action)| html! {
                    <button type="button" onclick={on(Act::Answer(place))}>{ label(action) }</button>
                }) }
                <button id="go-on" type="button" class="primary" onclick={on(Act::Toggle)}>
                    { "Go on" }
                </button>
                <button id="give-up" type="button" onclick={on(Act::Stop)}>{ "Save and end" }</button>
            </div>
        </section>
    }
}

/// What happened, in order.
fn story(incident: &Incident, ask: &Ask) -> Vec<String> {
    let found = incident.diagnosis.as_ref().map(ToString::to_string);
    let told = [
        Some(incident.anomaly.to_string()),
        found,
        Some(ask.to_string()),
    ];
    told.into_iter().flatten().collect()
}

/// What a button does.
fn label(action: &Command) -> String {
    match action {
        Command::SetLearningRate(lr) => format!("Learning rate {lr}"),
        Command::SetClipNorm(clip) => format!("Clip gradients at {clip}"),
        Command::BlacklistSamples(ids) => format!("Leave out {} examples", ids.len()),
        Command::RollBack { step } => format!("Go back to step {step}"),
        Command::SetBatchSize(batch) => format!("Batches of {batch}"),
        Command::SetSpeed(speed) => format!("Simulate {speed} seconds a second"),
        Command::Seek(to) => format!("Go to second {to}"),
        Command::SkipBatch => "Pass over a batch".into(),
        Command::Pause | Command::Resume | Command::Step | Command::Stop | Command::Save => {
            format!("{action:?}")
        }
    }
}

#[cfg(test)]
mod tests {
    use kitchen_types::Number;
    use kitchen_types::supervision::{Anomaly, AnomalyKind, Measure};

    use super::*;

    #[test]
    fn the_story_is_told_and_buttons_say_what_they_do() {
        let ask = Ask {
            incident: 1,
            step: 9,
            reason: "it came back".into(),
            actions: vec![
                Command::SetLearningRate(Number(0.01)),
                Command::SetClipNorm(Number(1.0)),
            ],
        };
        let anomaly = Anomaly {
            incident: 1,
            step: 9,
            kind: AnomalyKind::NotFinite,
            of: Measure::Loss,
            value: Number(f64::NAN),
            threshold: None,
        };
        let incident = Incident::new(anomaly);
        assert_eq!(
            story(&incident, &ask),
            [
                "a number that is not finite at step 9: loss NaN",
                "a person is needed: it came back"
            ]
        );
        let labels: Vec<String> = ask.actions.iter().map(label).collect();
        assert_eq!(labels, ["Learning rate 0.01", "Clip gradients at 1"]);
    }
}
