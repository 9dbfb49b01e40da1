//! Loops.

use std::rc::Rc;

use kitchen_types::workflow::Repeat;

use super::walk::{Ended, Walk};
use crate::condition::holds;
use crate::interrupt::Scope;
use crate::plan::PlanNode;
use crate::stage::StageError;
use crate::state::{Slot, State};
use crate::value::ListOps;

impl<'p> Walk<'p> {
    /// Runs a body as often as it is to run.
    pub(super) async fn repeat(
        &self,
        node: &'p PlanNode,
        repeat: &'p Repeat,
        body: &'p [PlanNode],
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        let Repeat::Each { list, item } = repeat else {
            let mut turns = 0;
            while wants_turn(repeat, turns, state).map_err(|error| self.failed(node, error))? {
                self.turn(body, state, scope).await?;
                turns += 1;
            }
            return Ok(());
        };
        let items = Items::of(list, state).map_err(|error| self.failed(node, error))?;
        // An outer loop may have an item of the same name.
        let outer = state.take_slot(item);
        let ended = async {
            for index in 0..items.len() {
                items.put(index, item, state);
                self.turn(body, state, scope).await?;
            }
            Ok(())
        }
        .await;
        restore(item, outer, state);
        ended
    }

    async fn turn(&self, body: &'p [PlanNode], state: &mut State, scope: &Scope<'_>) -> Ended {
        scope.check()?;
        self.block(body, state, scope).await?;
        self.host_turn().await;
        Ok(())
    }
}

/// Whether another turn follows on `turns` of them, where no list says so.
pub(super) fn wants_turn(repeat: &Repeat, turns: u64, state: &State) -> Result<bool, StageError> {
    match repeat {
        Repeat::Times(times) => Ok(turns < *times),
        Repeat::While(condition) => holds(condition, state),
        Repeat::Until(condition) => Ok(!holds(condition, state)?),
        Repeat::Each { list, .. } => Ok(turns < Items::of(list, state)?.len() as u64),
    }
}

/// A list that is gone through. It stays as it is, whatever becomes of the key.
pub(super) struct Items {
    list: Slot,
    ops: &'static ListOps,
}

impl Items {
    pub(super) fn of(list: &str, state: &State) -> Result<Self, StageError> {
        let slot = state.slot(list).ok_or_else(|| {
            StageError::new(format!(
                "there is no list `{list}`; run a stage that writes it"
            ))
        })?;
        let ops = slot.holds.value.and_then(|ops| ops.list.as_ref());
        let ops = ops.ok_or_else(|| {
            StageError::new(format!(
                "`{list}` is a {}, not a list; declare the key with `Key::list`",
                slot.holds
            ))
        })?;
        let list = slot.clone();
        Ok(Self { list, ops })
    }

    pub(super) fn len(&self) -> usize {
        (self.ops.len)(&*self.list.content)
    }

    /// Puts a copy of the item at `index` under the key `item`.
    pub(super) fn put(&self, index: usize, item: &str, state: &mut State) {
        let holds = (self.ops.item)();
        let list = &*self.list.content;
        if let Some(slot) = state.slot_mut(item) {
            slot.holds = holds;
            (self.ops.copy_item)(list, index, &mut slot.content);
        } else {
            let mut content: Rc<dyn std::any::Any> = Rc::new(());
            (self.ops.copy_item)(list, index, &mut content);
            state.put_slot(item, Slot { content, holds });
        }
    }
}

/// Puts back what stood under a loop's item before the loop.
fn restore(item: &str, outer: Option<Slot>, state: &mut State) {
    match outer {
        Some(slot) => state.put_slot(item, slot),
        None => drop(state.take_slot(item)),
    }
}
