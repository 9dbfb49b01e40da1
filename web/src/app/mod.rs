//! The page.

use kitchen_types::Board;
use kitchen_types::RunId;
use kitchen_types::page::{FromWorker, StartRun, ToWorker};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{MessageEvent, Worker};

use crate::link;

/// Puts the page together.
pub fn mount() {
    let worker = Worker::new("./worker_loader.js").unwrap();
    let w2 = worker.clone();
    let mut board = Board::default();
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Ok((message, _)) = link::unpack::<FromWorker>(&event) else {
            return;
        };
        let document = web_sys::window().unwrap().document().unwrap();
        match message {
            FromWorker::Ready => {
                let recipe = &kitchen_core::RECIPES[1];
                let config = kitchen_core::config::Layers::new(recipe.name, recipe.settings)
                    .resolve()
                    .unwrap()
                    .config;
                let start = StartRun {
                    run: RunId::new("first").unwrap(),
                    config,
                };
                w2.post_message(&link::pack(&ToWorker::Start(Box::new(start)), None))
                    .unwrap();
            }
            FromWorker::Envelopes(list) => {
                for e in &list {
                    board.apply(e);
                }
                document
                    .query_selector("main")
                    .unwrap()
                    .unwrap()
                    .set_text_content(Some(&format!(
                        "{} {:?} {:?}",
                        board.current_step(),
                        board.phase,
                        board.evaluation.as_ref().map(|e| e.accuracy)
                    )));
            }
            other => document
                .query_selector("main")
                .unwrap()
                .unwrap()
                .set_text_content(Some(&format!("{other:?}"))),
        }
    });
    worker.set_onmessage(Some(listen.as_ref().unchecked_ref()));
    listen.forget();
}
