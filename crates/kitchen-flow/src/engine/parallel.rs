//! Branches that run at the same time.

use futures::stream::{self, StreamExt};

use super::Halt;
use super::forks::Forks;
use super::walk::{Ended, Walk};
use crate::interrupt::{CancelToken, Scope};
use crate::plan::PlanNode;
use crate::state::State;

impl<'p> Walk<'p> {
    /// Runs branches at the same time, on this thread: while one waits, others work. When one
    /// fails, the others end at their next boundary.
    pub(super) async fn parallel(
        &self,
        branches: &'p [PlanNode],
        owned: &'p [Vec<String>],
        limit: Option<usize>,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        let abandon = CancelToken::new();
        let scope = &scope.cancelled_by(&abandon);
        let mut forks = Forks::new(state, owned, "");
        let runs = branches.iter().zip(forks.parts()).map(|(branch, part)| {
            let abandon = &abandon;
            async move {
                let ended = self.node(branch, part, scope).await;
                if ended.is_err() {
                    abandon.cancel();
                }
                ended
            }
        });
        let at_once = limit.unwrap_or(branches.len()).max(1);
        stream::iter(runs)
            .buffer_unordered(at_once)
            .fold(Ok(()), async |so_far, ended| worse(so_far, ended))
            .await
    }
}

/// How two branches ended together.
pub(super) fn worse(one: Ended, other: Ended) -> Ended {
    match (one, other) {
        (Err(one), Err(other)) => Err(Halt::weightier(one, other)),
        (Err(halt), Ok(())) | (Ok(()), Err(halt)) => Err(halt),
        (Ok(()), Ok(())) => Ok(()),
    }
}
