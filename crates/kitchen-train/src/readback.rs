//! Numbers on their way back from the device: at most one wait for each step of the optimizer.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use burn::tensor::{ExecutionError, Tensor, TensorData, Transaction};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use kitchen_types::ports::ClientError;

/// Collects scalars, and reads all that have come together when the first of them is awaited.
#[derive(Debug, Default)]
pub(crate) struct Readbacks {
    open: Rc<RefCell<Parcel>>,
    waits: Rc<Cell<u64>>,
}

/// Scalars that are read together.
#[derive(Debug)]
enum Parcel {
    Collecting(Vec<Tensor<1>>),
    Sent(Shared<LocalBoxFuture<'static, Result<Rc<[f32]>, ClientError>>>),
}

impl Default for Parcel {
    fn default() -> Self {
        Self::Collecting(Vec::new())
    }
}

/// Where some scalars will be found.
#[derive(Debug)]
pub(crate) struct Ticket {
    parcel: Rc<RefCell<Parcel>>,
    places: Range<usize>,
    waits: Rc<Cell<u64>>,
}

impl Readbacks {
    /// Adds scalars to what is read next.
    pub(crate) fn add(&mut self, scalars: impl IntoIterator<Item = Tensor<1>>) -> Ticket {
        if matches!(*self.open.borrow(), Parcel::Sent(_)) {
            self.close();
        }
        let mut places = 0..0;
        if let Parcel::Collecting(waiting) = &mut *self.open.borrow_mut() {
            let start = waiting.len();
            waiting.extend(scalars);
            places = start..waiting.len();
        }
        Ticket {
            parcel: Rc::clone(&self.open),
            places,
            waits: Rc::clone(&self.waits),
        }
    }

    /// What is added from now on is read on its own.
    pub(crate) fn close(&mut self) {
        self.open = Rc::default();
    }

    /// How often the host has waited for the device.
    pub(crate) fn waits(&self) -> u64 {
        self.waits.get()
    }

    /// Reads tensors at once, and counts the wait.
    pub(crate) async fn now(&self, tensors: Transaction) -> Result<Vec<TensorData>, ClientError> {
        self.waits.set(self.waits.get() + 1);
        tensors.execute_async().await.map_err(lost)
    }
}

impl Ticket {
    /// Waits for the scalars.
    pub(crate) async fn read(self) -> Result<Vec<f32>, ClientError> {
        if self.places.is_empty() {
            return Ok(Vec::new());
        }
        let sent = self.send();
        let values = sent.await?;
        let values = values.get(self.places).map(<[f32]>::to_vec);
        values.ok_or_else(|| ClientError::Failed("the device gave too few numbers back".into()))
    }

    fn send(&self) -> Shared<LocalBoxFuture<'static, Result<Rc<[f32]>, ClientError>>> {
        let mut parcel = self.parcel.borrow_mut();
        let waiting = match &mut *parcel {
            Parcel::Sent(sent) => return sent.clone(),
            Parcel::Collecting(waiting) => std::mem::take(waiting),
        };
        self.waits.set(self.waits.get() + 1);
        let sent = read(waiting).boxed_local().shared();
        *parcel = Parcel::Sent(sent.clone());
        sent
    }
}

async fn read(scalars: Vec<Tensor<1>>) -> Result<Rc<[f32]>, ClientError> {
    let transaction = (scalars.into_iter()).fold(Transaction::default(), |transaction, scalar| {
        transaction.register(scalar)
    });
    let read = transaction.execute_async().await.map_err(lost)?;
    read.into_iter()
        .map(floats)
        .collect::<Result<Vec<_>, _>>()
        .map(|all| all.concat().into())
}

/// The numbers of a float tensor.
pub(crate) fn floats(data: TensorData) -> Result<Vec<f32>, ClientError> {
    let read = data.try_into_vec_as::<f32>();
    read.map_err(|error| ClientError::Failed(error.to_string()))
}

/// The numbers of an int tensor.
pub(crate) fn ints(data: TensorData) -> Result<Vec<i64>, ClientError> {
    let read = data.try_into_vec_as::<i64>();
    read.map_err(|error| ClientError::Failed(error.to_string()))
}

/// What it means when a device does not answer.
pub(crate) fn lost(error: ExecutionError) -> ClientError {
    ClientError::DeviceLost(error.to_string())
}
