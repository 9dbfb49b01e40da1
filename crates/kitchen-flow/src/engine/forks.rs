//! The state while several branches work on it.

use crate::state::State;

/// The state, forked for branches that run at the same time.
///
/// A branch reads what stood there before, and sees its own writes only. What the branches wrote
/// is merged, in their order, when this is dropped: however they ended, whoever cleans up sees
/// what was done.
pub(super) struct Forks<'s> {
    whole: &'s mut State,
    before: State,
    parts: Vec<State>,
    /// A key that means something among the branches only.
    local: &'s str,
}

impl<'s> Forks<'s> {
    /// One fork for each list of live resources, which its branch has to itself.
    pub(super) fn new(whole: &'s mut State, owned: &[Vec<String>], local: &'s str) -> Self {
        let names = || owned.iter().flatten();
        let mut own: Vec<_> = names().map(|name| whole.take_slot(name)).collect();
        let before = whole.fork();
        let mut resources = names().zip(own.drain(..));
        let parts = owned
            .iter()
            .map(|names| {
                let mut part = before.fork();
                for (name, slot) in resources.by_ref().take(names.len()) {
                    if let Some(slot) = slot {
                        part.put_slot(name, slot);
                    }
                }
                part
            })
            .collect();
        Self {
            whole,
            before,
            parts,
            local,
        }
    }

    /// The state of each branch.
    pub(super) fn parts(&mut self) -> &mut [State] {
        &mut self.parts
    }
}

impl Drop for Forks<'_> {
    fn drop(&mut self) {
        for part in self.parts.drain(..) {
            self.whole.merge(part, &self.before, self.local);
        }
    }
}
