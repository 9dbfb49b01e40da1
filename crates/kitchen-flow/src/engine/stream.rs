//! A producer beside a consumer, with a bounded buffer between them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use futures::future::join;
use kitchen_types::workflow::Repeat;

use super::Halt;
use super::forks::Forks;
use super::parallel::worse;
use super::repeat::{Items, wants_turn};
use super::walk::{Ended, Walk};
use crate::interrupt::{CancelToken, Scope};
use crate::plan::{PlanNode, StreamPlan};
use crate::stage::StageError;
use crate::state::{Slot, State};

impl<'p> Walk<'p> {
    /// Runs a producer and a consumer at the same time, until the consumer has had enough.
    pub(super) async fn stream(
        &self,
        node: &'p PlanNode,
        stream: &'p StreamPlan,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        let items = match &stream.repeat {
            Repeat::Each { list, .. } => Items::of(list, state).map(Some),
            _ => Ok(None),
        };
        let items = items.map_err(|error| self.failed(node, error))?;
        let end = match (&stream.repeat, &items) {
            (Repeat::Times(times), _) => Some(*times),
            (_, Some(items)) => Some(items.len() as u64),
            _ => None,
        };
        let belt = &Belt::new(stream, end);
        let abandon = &CancelToken::new();
        let scope = &scope.cancelled_by(abandon);
        let mut forks = Forks::new(state, &stream.owned, &stream.item);
        let [upstream, downstream] = forks.parts() else {
            return Ok(());
        };
        // What stood there before is not an item of this stream.
        upstream.take_slot(&stream.item);
        let producer = async {
            let ended = self
                .produce(node, stream, items.as_ref(), belt, upstream, scope)
                .await;
            if ended.is_err() {
                abandon.cancel();
            }
            ended
        };
        let consumer = async {
            let ended = self.consume(node, stream, belt, downstream, scope).await;
            // Whatever is still being made is for nobody.
            abandon.cancel();
            ended
        };
        match join(producer, consumer).await {
            (Err(Halt::Cancelled), Ok(())) => Ok(()),
            (produced, consumed) => worse(produced, consumed),
        }
    }

    async fn produce(
        &self,
        node: &'p PlanNode,
        stream: &'p StreamPlan,
        items: Option<&Items>,
        belt: &Belt,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        loop {
            let ticket = scope.wait(belt.next_ticket()).await?;
            if let (Some(items), Repeat::Each { item, .. }) = (items, &stream.repeat) {
                items.put(ticket as usize, item, state);
            }
            let finished_before = belt.finished.get();
            self.block(&stream.producer, state, scope).await?;
            let Some(content) = state.take_slot(&stream.item) else {
                let reason = format!("the producer did not write `{}`", stream.item);
                return Err(self.failed(node, StageError::new(reason)));
            };
            belt.put(Item {
                ticket,
                finished_before,
                content,
            });
            self.host_turn().await;
        }
    }

    async fn consume(
        &self,
        node: &'p PlanNode,
        stream: &'p StreamPlan,
        belt: &Belt,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        let wants_more = |state: &State| match belt.end {
            Some(end) => Ok(belt.finished.get() < end),
            None => wants_turn(&stream.repeat, belt.finished.get(), state)
                .map_err(|error| self.failed(node, error)),
        };
        while wants_more(state)? {
            let content = scope.wait(belt.next_item()).await?;
            state.put_slot(&stream.item, content);
            self.block(&stream.consumer, state, scope).await?;
            belt.finish_one();
            self.host_turn().await;
        }
        Ok(())
    }
}

/// What lies between producer and consumer.
struct Belt {
    capacity: usize,
    staleness: Option<u64>,
    /// How many items the consumer takes in all, where that is known before.
    end: Option<u64>,
    /// How many items the consumer has finished.
    finished: Cell<u64>,
    /// The next item to be made for the first time.
    next: Cell<u64>,
    /// Items that went stale, to be made anew.
    again: RefCell<VecDeque<u64>>,
    items: RefCell<VecDeque<Item>>,
    sleepers: RefCell<Vec<Waker>>,
}

struct Item {
    /// Which item it is, from 0.
    ticket: u64,
    /// How many items were finished when its making began.
    finished_before: u64,
    content: Slot,
}

impl Belt {
    fn new(stream: &StreamPlan, end: Option<u64>) -> Self {
        Self {
            capacity: stream.buffer,
            staleness: stream.staleness,
            end,
            finished: Cell::new(0),
            next: Cell::new(0),
            again: RefCell::default(),
            items: RefCell::default(),
            sleepers: RefCell::default(),
        }
    }

    /// Which item to make next, once there is room for it.
    async fn next_ticket(&self) -> u64 {
        self.when(|| {
            if self.items.borrow().len() >= self.capacity {
                return None;
            }
            if let Some(ticket) = self.again.borrow_mut().pop_front() {
                return Some(ticket);
            }
            let ticket = self.next.get();
            if self.end.is_some_and(|end| ticket >= end) {
                return None;
            }
            self.next.set(ticket + 1);
            Some(ticket)
        })
        .await
    }

    fn put(&self, item: Item) {
        self.items.borrow_mut().push_back(item);
        self.wake();
    }

    /// The oldest item that is fresh enough, once there is one.
    async fn next_item(&self) -> Slot {
        self.when(|| {
            loop {
                let item = self.items.borrow_mut().pop_front()?;
                self.wake();
                let age = self.finished.get() - item.finished_before;
                if self.staleness.is_none_or(|limit| age <= limit) {
                    return Some(item.content);
                }
                self.again.borrow_mut().push_back(item.ticket);
            }
        })
        .await
    }

    fn finish_one(&self) {
        self.finished.set(self.finished.get() + 1);
    }

    /// Waits until `look` finds something. It looks again whenever the other side has moved.
    async fn when<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| match look() {
            Some(found) => Poll::Ready(found),
            None => {
                let mut sleepers = self.sleepers.borrow_mut();
                if !sleepers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    sleepers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        })
        .await
    }

    fn wake(&self) {
        for waker in self.sleepers.take() {
            waker.wake();
        }
    }
}
