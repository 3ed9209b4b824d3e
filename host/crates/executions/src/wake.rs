//! The signals that wake sleeping schedulers.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::kind::Kind;

/// The signals to schedulers that have found nothing to do, one for each kind. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wake(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    component: Notify,
    process: Notify,
    workflow: Notify,
}

/// The schedulers that new executions wait for. The others have nothing to do with them and sleep on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedulers {
    component: bool,
    process: bool,
    workflow: bool,
}

impl Schedulers {
    /// Adds the scheduler of a kind.
    pub(crate) fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Component => self.component = true,
            Kind::Process => self.process = true,
            Kind::Workflow => self.workflow = true,
        }
    }

    fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Component => self.component,
            Kind::Process => self.process,
            Kind::Workflow => self.workflow,
        }
    }
}

impl Wake {
    /// Wakes all schedulers, when there is room again.
    pub(crate) fn all(&self) {
        // It reaches only those who wait already, so a scheduler registers before it looks into the store.
        Kind::ALL.into_iter().for_each(|kind| self.of(kind).notify_waiters());
    }

    /// Wakes these schedulers, after a request.
    pub(crate) fn these(&self, schedulers: Schedulers) {
        let woken = Kind::ALL.into_iter().filter(|kind| schedulers.has(*kind));
        woken.for_each(|kind| self.of(kind).notify_waiters());
    }

    /// Completes after the next call of [`all`](Self::all), or of [`these`](Self::these) with this kind.
    pub(crate) fn notified(&self, kind: Kind) -> Notified<'_> {
        self.of(kind).notified()
    }

    fn of(&self, kind: Kind) -> &Notify {
        match kind {
            Kind::Component => &self.0.component,
            Kind::Process => &self.0.process,
            Kind::Workflow => &self.0.workflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of schedulers that a call wakes.
    fn heard(call: impl Fn(&Wake)) -> Vec<Kind> {
        let wake = Wake::default();
        let mut waiting = Kind::ALL.map(|kind| (kind, Box::pin(wake.notified(kind))));
        for (kind, notified) in &mut waiting {
            assert!(!notified.as_mut().enable(), "{kind:?} waits");
        }
        call(&wake);
        let woken =
            waiting.iter_mut().filter_map(|(kind, notified)| notified.as_mut().enable().then_some(*kind));
        woken.collect()
    }

    #[test]
    fn a_scheduler_is_woken_by_its_own_kind_of_work_and_by_room() {
        for kinds in [&[][..], &[Kind::Component], &[Kind::Process, Kind::Workflow]] {
            let mut schedulers = Schedulers::default();
            kinds.iter().for_each(|kind| schedulers.add(*kind));
            assert_eq!(heard(|wake| wake.these(schedulers)), kinds);
        }
        assert_eq!(heard(Wake::all), Kind::ALL);
    }
}
