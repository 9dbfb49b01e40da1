//! Where the page's requests arrive.

use std::cell::RefCell;
use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedSender};
use futures::future::{AbortHandle, AbortRegistration, Abortable};
use kitchen_core::config::to_toml;
use kitchen_core::data::{Memory as Files, Store};
use kitchen_core::record::{Record, StoreRecorder};
use kitchen_core::store::Memory;
use kitchen_core::supervised::Plan;
use kitchen_core::train::OpenDevice;
use kitchen_core::{CommandSender, QuestionSender, StartRequest};
use kitchen_types::config::DeviceChoice;
use kitchen_types::kept::KeptRequest;
use kitchen_types::page::{FromWorker, Needs, StartRun, ToWorker};
use kitchen_types::ports::{BlobStore, ClientError, DatasetStore, StoreError};
use kitchen_types::question::QuestionError;
use kitchen_types::{Question, RunConfig, RunId};
use wasm_bindgen_futures::spawn_local;

use super::devices::{MEMORY_LIMIT_BYTES, TabDevices};
use super::recording::Recording;
use super::store::{BrowserStore, CONFIG, Opening, Runs};
use super::under_way::UnderWay;
use super::{data, drive, kept, say, say_with, text};

/// What the worker holds between messages.
pub(super) struct Desk {
    /// Files that were dropped onto the page.
    files: Rc<RefCell<Files>>,
    /// The run that is under way, or was the last one.
    run: Rc<RefCell<Option<UnderWay>>>,
    /// Whom to ask about the model: the run that is under way, or the last one.
    questions: Rc<RefCell<Option<QuestionSender>>>,
    /// The processors of this machine.
    devices: Rc<TabDevices>,
    /// What takes its time, to be done in the order it was asked for.
    asked: UnboundedSender<Asked>,
}

/// What takes its time.
enum Asked {
    Start {
        start: Box<StartRun>,
        registration: AbortRegistration,
        /// The run that was given up for it.
        before: Option<UnderWay>,
    },
    Kept {
        id: u64,
        request: KeptRequest,
        bytes: Option<Vec<u8>>,
    },
    Estimate {
        id: u64,
        config: Box<RunConfig>,
    },
}

impl Desk {
    /// An empty desk, and someone behind it.
    pub(super) fn new() -> Self {
        let (asked, mut requests) = mpsc::unbounded();
        let desk = Self {
            files: Rc::default(),
            run: Rc::default(),
            questions: Rc::default(),
            devices: Rc::new(TabDevices::new()),
            asked,
        };
        let clerk = Clerk {
            files: desk.files.clone(),
            run: desk.run.clone(),
            questions: desk.questions.clone(),
            devices: desk.devices.clone(),
        };
        spawn_local(async move {
            let runs = Runs::open().await.map(Rc::new);
            if let Err(reason) = &runs {
                notice(format!(
                    "this browser keeps nothing for this page: {reason}; runs last until the page \
                     is closed, unless you download them"
                ));
            }
            while let Some(asked) = requests.next().await {
                clerk.serve(asked, runs.as_ref()).await;
            }
        });
        desk
    }

    /// Does what the page asks.
    pub(super) fn take(&self, request: ToWorker, bytes: Option<Vec<u8>>) {
        match request {
            ToWorker::Start(start) => {
                let (give_up, registration) = AbortHandle::new_pair();
                // In its place at once: what is said to it right away waits for it there.
                let under_way = UnderWay::new(start.run.clone(), give_up);
                let before = self.run.borrow_mut().replace(under_way);
                if let Some(before) = &before {
                    before.give_up.abort();
                }
                say(&FromWorker::Taken);
                self.ask(Asked::Start {
                    start,
                    registration,
                    before,
                });
            }
            ToWorker::Kept { id, request } => {
                if let KeptRequest::Delete { run } = &request {
                    self.give_up(run);
                }
                self.ask(Asked::Kept { id, request, bytes });
            }
            ToWorker::Command(command) => {
                if let Some(run) = self.run.borrow_mut().as_mut() {
                    run.tell(command);
                }
            }
            ToWorker::Ask { id, question } => self.answer(id, question),
            ToWorker::Gpu(gpu) => self.devices.hear_of(gpu),
            ToWorker::Estimate { id, config } => self.ask(Asked::Estimate { id, config }),
            ToWorker::LoseDevice => {
                if !self.devices.destroy_gpu() {
                    notice("there is no GPU to lose: the run is on the CPU".into());
                }
            }
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

    /// Has the run answer, however long that takes.
    fn answer(&self, id: u64, question: Question) {
        let questions = self.questions.borrow().clone();
        spawn_local(async move {
            let answer = match questions {
                Some(questions) => questions.ask(question).await,
                None => Err(QuestionError("there is no run to ask yet".into())),
            };
            say(&FromWorker::Answered { id, answer });
        });
    }

    /// Ends the run that is under way where it stands, if it is called so.
    fn give_up(&self, which: &RunId) {
        if let Some(run) = self.run.borrow_mut().take_if(|run| run.run == *which) {
            run.give_up.abort();
        }
    }

    fn ask(&self, asked: Asked) {
        // Someone is behind the desk for as long as there is one.
        let _ = self.asked.unbounded_send(asked);
    }
}

/// Whoever is behind the desk.
struct Clerk {
    files: Rc<RefCell<Files>>,
    run: Rc<RefCell<Option<UnderWay>>>,
    questions: Rc<RefCell<Option<QuestionSender>>>,
    devices: Rc<TabDevices>,
}

impl Clerk {
    async fn serve(&self, asked: Asked, runs: Result<&Rc<Runs>, &String>) {
        match asked {
            Asked::Start {
                start,
                registration,
                before,
            } => {
                if let (Some(before), Some(runs)) = (&before, runs.ok())
                    && before.kept.is_some()
                {
                    // Whoever moves on is not offered to go back; if this fails, they are.
                    let _ = runs.note(&before.run, false).await;
                }
                drop(before);
                if let Err(message) = self.start(*start, registration, runs.ok()).await {
                    say(&FromWorker::Failed { message });
                }
            }
            Asked::Kept { id, request, bytes } => {
                let answer = kept::answer(request, bytes, runs, &self.run, &self.files).await;
                let (reply, bytes) = match answer {
                    Ok((reply, bytes)) => (Ok(reply), bytes),
                    Err(reason) => (Err(reason), None),
                };
                say_with(&FromWorker::Kept { id, reply }, bytes.as_deref());
            }
            Asked::Estimate { id, config } => {
                let needs = self.needs(&config).await;
                say(&FromWorker::Estimated { id, needs });
            }
        }
    }

    /// What a run of `config` would need.
    async fn needs(&self, config: &RunConfig) -> Result<Needs, String> {
        let held = self.files.borrow().clone();
        let store = self.run.borrow().as_ref().and_then(|run| run.store.clone());
        let files = match store {
            Some(store) => data::with_kept(&held, &*store).await?,
            None => held,
        };
        let data = Store::new(files, "").open(&config.data, config.seed);
        let train = data.map_err(text)?.train;
        let plan = Plan::new(config, &*train).map_err(text)?;
        Ok(Needs {
            estimate: kitchen_core::estimate(config, train.spec()).map_err(text)?,
            limit_bytes: MEMORY_LIMIT_BYTES,
            steps: plan.steps,
        })
    }

    async fn start(
        &self,
        start: StartRun,
        registration: AbortRegistration,
        runs: Option<&Rc<Runs>>,
    ) -> Result<(), String> {
        let given_up = registration.handle();
        if given_up.is_aborted() {
            return Ok(());
        }
        let kept = open(&start, runs).await;
        let store: Rc<dyn BlobStore> = match &kept {
            Some(kept) => Rc::new(kept.clone()),
            None => Rc::new(Memory::default()),
        };
        let held = self.files.borrow().clone();
        let files = data::with_kept(&held, &*store).await;
        let files = files.unwrap_or_else(|reason| {
            notice(format!(
                "{reason}; drop them again if the run asks for them"
            ));
            held
        });
        let (recorder, record) = open_record(&store).await.map_err(text)?;
        if let Err(reason) =
            write_down(&start, &files, &*store, runs.filter(|_| kept.is_some())).await
        {
            notice(format!(
                "{reason}; this run may not be there after a reload"
            ));
        }
        match self.run.borrow_mut().as_mut() {
            Some(run) if !given_up.is_aborted() => {
                run.store = Some(store.clone());
                run.kept = kept;
            }
            // Another one has taken its place meanwhile, or it was deleted.
            _ => return Ok(()),
        }

        let (here, ask) = (self.run.clone(), self.questions.clone());
        let listening = move |commands: CommandSender, questions: QuestionSender| {
            *ask.borrow_mut() = Some(questions);
            if let Some(run) = here.borrow_mut().as_mut() {
                run.listens(commands);
            }
        };
        let request = StartRequest {
            run: start.run.clone(),
            config: start.config,
            workflow: kitchen_core::supervised::supervised(),
            first_seq: record.next_seq,
        };
        let host = drive::host(files, store, self.devices.clone());
        let recording = Recording::start(recorder);
        let run = drive::drive(request, host, recording, listening);
        let run = Abortable::new(run, registration);
        let ended = Ended {
            run: self.run.clone(),
            runs: runs.cloned(),
        };
        let devices = self.devices.clone();
        spawn_local(async move {
            match run.await {
                // Given up: whoever asked for that has begun another run.
                Err(_) => {}
                Ok(Ok(driven)) => {
                    if let Some(message) = driven.failure
                        && devices.gpu_is_lost().await
                    {
                        // It stays under way: a new worker has a new device.
                        return say(&FromWorker::Crashed { message });
                    }
                    ended.note().await;
                    // The model can be asked until another run begins.
                    driven.afterwards.await;
                }
                Ok(Err(error)) => {
                    say(&FromWorker::Failed {
                        message: error.to_string(),
                    });
                    ended.note().await;
                }
            }
        });
        Ok(())
    }
}

/// What is left to do once a run has come to its end.
struct Ended {
    run: Rc<RefCell<Option<UnderWay>>>,
    runs: Option<Rc<Runs>>,
}

impl Ended {
    /// Crosses out that it is under way, and lets other tabs have it. One that is not kept stays
    /// here, for it can be downloaded.
    async fn note(self) {
        let Some(ended) = self.run.borrow_mut().take_if(|run| run.kept.is_some()) else {
            return;
        };
        if let Some(runs) = self.runs {
            // If this fails, the next load offers to go on with a run that has nothing left to do.
            let _ = runs.note(&ended.run, false).await;
        }
    }
}

/// The store of a run that is kept; none where it can only be held in memory, which is said.
async fn open(start: &StartRun, runs: Option<&Rc<Runs>>) -> Option<BrowserStore> {
    let message = match runs?.write(&start.run, &start.config.recipe).await {
        Ok(Opening::Here(store)) => return Some(store),
        Ok(Opening::Elsewhere) => format!(
            "another tab trains `{}`: this one begins anew and keeps nothing; close the other tab, \
             or give this run another name",
            start.run
        ),
        Err(error) => format!("{error}; this run lasts until the page is closed"),
    };
    notice(message);
    None
}

/// The record of a run. What of it cannot be read is removed: the run itself goes on from its
/// checkpoint.
async fn open_record(store: &Rc<dyn BlobStore>) -> Result<(StoreRecorder, Record), StoreError> {
    loop {
        match StoreRecorder::open(store.clone()).await {
            Err(StoreError::Io { name, reason, .. }) if name.starts_with("events/") => {
                notice(format!(
                    "a part of this run's record is lost ({name}: {reason}); its curves have a gap"
                ));
                store.delete(&name).await?;
            }
            opened => return opened,
        }
    }
}

/// Writes down what was asked for, unless that is what stands there, that it is under way, and
/// what it learns from.
async fn write_down(
    start: &StartRun,
    files: &Files,
    store: &dyn BlobStore,
    runs: Option<&Rc<Runs>>,
) -> Result<(), String> {
    let config = to_toml(&start.config)
        .map_err(|error| format!("the settings cannot be written down: {error}"))?;
    let kept = store.get(CONFIG).await;
    if !kept.is_ok_and(|kept| kept == config.as_bytes()) {
        store.put(CONFIG, config.as_bytes()).await.map_err(text)?;
    }
    if let Some(runs) = runs {
        runs.note(&start.run, true).await.map_err(text)?;
        data::keep(&start.config, files, store).await?;
    }
    Ok(())
}

fn notice(message: String) {
    say(&FromWorker::Notice { message });
}

async fn bench(name: &str, device: DeviceChoice, steps: u64) -> Result<FromWorker, ClientError> {
    let device = match device {
        DeviceChoice::Gpu => OpenDevice::gpu().await?,
        DeviceChoice::Auto | DeviceChoice::Cpu | DeviceChoice::Cluster => OpenDevice::cpu(),
    };
    // A tab trains on one thread.
    let report = kitchen_core::train::bench::run(name, &device, 1, steps).await?;
    Ok(FromWorker::Benched(report))
}
