//! Where the page's requests arrive.

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::{AbortHandle, Abortable};
use kitchen_core::data::Memory as Files;
use kitchen_core::train::OpenDevice;
use kitchen_core::{CommandSender, StartRequest};
use kitchen_types::config::DeviceChoice;
use kitchen_types::page::{FromWorker, StartRun, ToWorker};
use kitchen_types::ports::ClientError;
use wasm_bindgen_futures::spawn_local;

use super::{drive, say};

/// What the worker holds between messages.
#[derive(Default)]
pub(super) struct Desk {
    /// Files that were dropped onto the page.
    files: RefCell<Files>,
    /// The run that is under way.
    run: Rc<RefCell<Option<UnderWay>>>,
}

/// A run that is under way.
struct UnderWay {
    give_up: AbortHandle,
    commands: Option<CommandSender>,
}

impl Desk {
    /// Does what the page asks.
    pub(super) fn take(&self, request: ToWorker, bytes: Option<Vec<u8>>) {
        match request {
            ToWorker::Start(start) => self.start(*start),
            ToWorker::Command(command) => {
                let run = self.run.borrow();
                let commands = run.as_ref().and_then(|run| run.commands.as_ref());
                if let Some(commands) = commands {
                    commands.send(command);
                }
            }
            ToWorker::Kept { .. } => {}
            ToWorker::Ask { id, .. } => say(&FromWorker::Answered {
                id,
                answer: Err(kitchen_types::question::QuestionError("later".into())),
            }),
            ToWorker::Bench {
                name,
                device,
                steps,
            } => spawn_local(async move {
                let outcome = bench(&name, device, steps).await;
                say(&outcome.unwrap_or_else(|error| FromWorker::Failed {
                    message: error.to_string(),
                }));
            }),
            ToWorker::Hold { name } => {
                let bytes = bytes.unwrap_or_default();
                self.files.borrow_mut().insert(name, bytes);
            }
        }
    }

    fn start(&self, start: StartRun) {
        let (give_up, registration) = AbortHandle::new_pair();
        let under_way = UnderWay {
            give_up,
            commands: None,
        };
        if let Some(before) = self.run.borrow_mut().replace(under_way) {
            before.give_up.abort();
        }
        let request = StartRequest {
            run: start.run,
            config: start.config,
            workflow: kitchen_core::supervised::supervised(),
            first_seq: 0,
        };
        let host = drive::host(self.files.borrow().clone());
        let here = self.run.clone();
        let listening = move |commands| {
            if let Some(run) = here.borrow_mut().as_mut() {
                run.commands = Some(commands);
            }
        };
        let run = Abortable::new(drive::drive(request, host, listening), registration);
        spawn_local(async move {
            // Given up: whoever asked for that has begun another run.
            if let Ok(Err(error)) = run.await {
                say(&FromWorker::Failed {
                    message: error.to_string(),
                });
            }
        });
    }
}

async fn bench(name: &str, device: DeviceChoice, steps: u64) -> Result<FromWorker, ClientError> {
    let device = match device {
        DeviceChoice::Gpu => OpenDevice::gpu().await?,
        DeviceChoice::Auto | DeviceChoice::Cpu => OpenDevice::cpu(),
    };
    // A tab trains on one thread.
    let report = kitchen_core::train::bench::run(name, &device, 1, steps).await?;
    Ok(FromWorker::Benched(report))
}
