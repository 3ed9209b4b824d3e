//! The ends of windows: the task that has correlations fire whose window ends, and drops what counts no more. It sleeps until
//! the first window ends, and for good while nothing is held.
//!
//! What was there at a restore waits as long as executions are held: the host that the backup comes from has likely had it
//! fire, or has seen events that it waits for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_engine_core::Error;
use petrel_model::{CorrelationState, RuleId, Timestamp};
use petrel_persistence::{Document, DocumentKey, DocumentKind, Error as StoreError, Noun as _};
use petrel_rules::CompiledRule;
use petrel_rules::correlation::ended;

use super::Settled;
use crate::alarm::sleep_until;
use crate::service::Triggers;

/// How many windows end in one commit.
const AT_ONCE: usize = 64;
/// How many states of an earlier process are in memory at once: each may be large.
const READ_AT_ONCE: usize = 256;
/// The pause before a window is tried again that could not end.
const AGAIN: Duration = Duration::from_secs(1);
/// The pause before a window is tried again that waits since a restore.
const WHILE_HELD: Duration = Duration::from_mins(1);
/// The longest sleep until a window ends: a machine that was suspended meanwhile does not count that as sleep.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

impl Triggers {
    /// Has correlations fire whose windows end, until the host stops.
    pub async fn run_correlations(self) {
        let stop = self.core().stop_starting().clone();
        stop.run_until_cancelled(self.keep()).await;
    }

    async fn keep(self) {
        let begun = self.core().now();
        self.take_up_windows().await;
        let (core, catalog, held) = (self.core(), self.catalog(), self.held());
        let mut seen = None;
        loop {
            let version = catalog.version();
            if seen != Some(version) {
                held.pass_over(|rule| self.correlating(rule).map(|compiled| made_for(&compiled)), core.now());
                seen = Some(version);
            }
            let now = core.now();
            let due = held.due(now, AT_ONCE);
            if !due.is_empty() {
                // What came before may count for them still.
                held.passed(core, now, None).await;
                self.end_all(&due, begun).await;
                // Others may be due as well.
                continue;
            }
            let left = held.first().map(|first| first.since(core.now()).min(LONGEST_SLEEP));
            let alarm: Option<Instant> = left.and_then(|left| core.monotonic().checked_add(left));
            tokio::select! {
                biased;
                () = catalog.changed_since(version) => {}
                () = held.earlier() => {}
                () = sleep_until(core, alarm) => {}
            }
        }
    }

    /// Takes up what an earlier process has left.
    async fn take_up_windows(&self) {
        let mut after = None;
        loop {
            match self.take_up_some(&mut after).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "failed to read what correlations hold; trying again");
                    self.core().sleep(AGAIN).await;
                }
            }
        }
    }

    /// Takes up some windows that come `after` others. Whether there may be more.
    async fn take_up_some(&self, after: &mut Option<DocumentKey>) -> Result<bool, StoreError> {
        let kind = DocumentKind::CorrelationState;
        let found = self.store().documents_after(kind, after.as_ref(), READ_AT_ONCE).await?;
        let is_full = found.len() == READ_AT_ONCE;
        *after = found.last().map(Document::key);
        let states = found.into_iter().filter_map(CorrelationState::from_document);
        states.for_each(|state| self.held().take_up(&state));
        Ok(is_full)
    }

    /// The rule, if it is enabled and correlates events.
    fn correlating(&self, rule: RuleId) -> Option<Arc<CompiledRule>> {
        let content = self.content();
        let compiled = content.index().get(rule)?;
        (compiled.rule().enabled && compiled.grouping().is_some()).then(|| Arc::clone(compiled))
    }

    /// Ends these windows, and tries those later that cannot end now.
    async fn end_all(&self, keys: &[Arc<str>], begun: Timestamp) {
        // While too much waits they are not even read.
        if let Err(error) = self.queue().check_room() {
            keys.iter().for_each(|key| self.put_off(key));
            self.tell(&error);
            return;
        }
        // One that cannot end keeps no other from it.
        let ended = match self.end(keys, begun).await {
            Err(_) if keys.len() > 1 => {
                for key in keys {
                    self.end_one(key, begun).await;
                }
                return;
            }
            ended => ended,
        };
        if let Err(error) = ended {
            keys.iter().for_each(|key| self.put_off(key));
            self.tell(&error);
        }
    }

    async fn end_one(&self, key: &Arc<str>, begun: Timestamp) {
        if let Err(error) = self.end(std::slice::from_ref(key), begun).await {
            self.put_off(key);
            self.tell(&error);
        }
    }

    /// Has a window looked at again later.
    fn put_off(&self, key: &str) {
        self.held().put_off(key, self.core().now().plus(AGAIN));
    }

    fn tell(&self, error: &Error) {
        if !self.core().is_stopping()
            && let Some(left_out) = self.core().may_log("the windows of correlations")
        {
            tracing::warn!(%error, hint = error.hint(), left_out, "failed to end the window of a correlation; trying again");
        }
    }

    /// Ends these windows in one commit; this process has begun at `begun`.
    async fn end(&self, keys: &[Arc<str>], begun: Timestamp) -> Result<(), Error> {
        let turns = self.held().turns(keys.iter().map(|key| &**key)).await?;
        let mut settled = Settled::new(turns);
        for key in keys {
            self.end_window(&mut settled, key, begun).await?;
        }
        let mut changes = Vec::new();
        settled.add_to(&mut changes);
        if changes.is_empty() {
            settled.states.iter().for_each(|(key, (_, after))| self.held().put(key, after.as_ref()));
            return Ok(());
        }
        self.commit_settled(settled, Vec::new(), changes).await
    }

    async fn end_window(&self, settled: &mut Settled, key: &Arc<str>, begun: Timestamp) -> Result<(), Error> {
        let name = key.to_string();
        let Some(state) = self.held_of(&name).await? else {
            settled.states.insert(name, (None, None));
            return Ok(());
        };
        let rule = self.correlating(state.rule_id).filter(|rule| made_for(rule) == state.made_for);
        if rule.is_some() && state.due_at > self.core().now() {
            // An event has come meanwhile.
            self.held().put(&name, Some(&state));
            return Ok(());
        }
        if rule.is_some() && state.last_at <= begun && self.store().held() > 0 {
            self.held().put_off(&name, self.core().now().plus(WHILE_HELD));
            return Ok(());
        }
        let before = Some(state.clone());
        if let Some(rule) = rule
            && let Some(correlation) = rule.rule().correlation()
            && let Some(firing) = ended(correlation, state)
        {
            let fired = self.fire_correlation(&rule, firing).await?;
            settled.take_in(fired);
        }
        settled.states.insert(name, (before, None));
        Ok(())
    }
}

/// The version of a rule that correlates events.
fn made_for(rule: &CompiledRule) -> String {
    rule.grouping().map(|grouping| grouping.made_for.clone()).unwrap_or_default()
}
