//! Receipts: a link that says what a run measured, so that whoever opens it can run it again and
//! see whether they measure the same.

use form_urlencoded::parse;
use kitchen_core::receipt::{compare, from_link_text, in_words, issue, to_link_text};
use kitchen_core::words;
use kitchen_types::board::{Board, Phase};
use kitchen_types::receipt::Receipt;
use yew::{Callback, Html, html};

use super::address;
use super::controls::Act;

/// The key of the address that holds a receipt.
const KEY: &str = "receipt";

/// The receipt in an address's query, if there is one; an error where it cannot be read.
pub(super) fn in_query(query: &str) -> Option<Result<Receipt, String>> {
    let (_, text) = parse(query.as_bytes()).find(|(key, _)| key == KEY)?;
    Some(from_link_text(&text).map_err(|error| error.to_string()))
}

/// A link that says what `board` has measured.
pub(super) fn link(board: &Board) -> Result<String, String> {
    let receipt = issue(board, None).map_err(|error| error.to_string())?;
    let text = to_link_text(&receipt).map_err(|error| error.to_string())?;
    let address = address::whole();
    let page = address.split(['?', '#']).next().unwrap_or_default();
    Ok(format!("{page}?{KEY}={text}"))
}

/// What the receipt says, and how the run compares so far.
pub(super) fn view(receipt: &Receipt, board: &Board, act: &Callback<Act>) -> Html {
    let config = &receipt.config;
    let what = format!(
        "Somebody ran {} with seed {} on {} ({}), and measured {}.",
        config.recipe,
        config.seed,
        receipt.device,
        words::one_line(&receipt.adapter),
        words::counted(receipt.points.len() as u64, "value")
    );
    let is_its_run = board.config.as_deref() == Some(config);
    html! {
        <section class="card banner" aria-label="A receipt">
            <p>{ what }</p>
            { if is_its_run {
                html! { <p id="verdict" role="status">{ in_words(&compare(receipt, board)) }</p> }
            } else {
                html! { <button id="verify" type="button" class="primary" onclick={act.reform(|_| Act::Verify)}>
                    { "Run it again, and compare" }</button> }
            } }
        </section>
    }
}

/// Buttons that copy links.
pub(super) fn buttons(phase: &Phase, act: &Callback<Act>) -> Html {
    let over = matches!(phase, Phase::Finished { .. });
    html! {
        <div class="line">
            <button id="copy-link" type="button" onclick={act.reform(|_| Act::CopyLink)}>{ "Copy link" }</button>
            <button id="copy-receipt" type="button" disabled={!over} onclick={act.reform(|_| Act::CopyReceipt)}
                title="A link that says what this run measured, for others to run again and compare">{ "Copy receipt" }</button>
        </div>
    }
}
