//! Who is told what happens, and how a run becomes a stream of events.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

use futures::stream::{self, Stream};
use kitchen_types::Event;

/// Who is told what happens in a run.
pub trait Observer {
    /// Takes in an event, at once.
    fn observe(&self, event: Event);

    /// Whether anybody wants to know. If not, no event is even made.
    fn is_listening(&self) -> bool {
        true
    }

    /// Whether events wait for somebody to take them. The engine then gives way between two
    /// stages, so that they are seen when they happen.
    fn has_waiting(&self) -> bool {
        false
    }
}

/// Nobody.
impl Observer for () {
    fn observe(&self, _event: Event) {}

    fn is_listening(&self) -> bool {
        false
    }
}

/// Events that wait to be taken. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    events: Rc<RefCell<VecDeque<Event>>>,
}

impl Queue {
    /// A queue with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the oldest event.
    pub fn pop(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }
}

impl Observer for Queue {
    fn observe(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
    }

    fn has_waiting(&self) -> bool {
        !self.events.borrow().is_empty()
    }
}

/// A run that puts its events into `queue`, as a stream of them.
///
/// The run advances only while the stream is polled and everything it said has been taken: to
/// pause it is not to poll, to cancel it is to drop the stream.
pub fn events<'a>(
    queue: Queue,
    run: impl Future<Output = ()> + 'a,
) -> impl Stream<Item = Event> + Unpin + 'a {
    let mut run = Some(Box::pin(run));
    stream::poll_fn(move |cx| {
        if let Some(event) = queue.pop() {
            return Poll::Ready(Some(event));
        }
        if let Some(running) = &mut run
            && running.as_mut().poll(cx).is_ready()
        {
            run = None;
        }
        match queue.pop() {
            None if run.is_some() => Poll::Pending,
            event => Poll::Ready(event),
        }
    })
}
