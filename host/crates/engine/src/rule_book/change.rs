//! How a change of rules comes about: it is decided on, and compiled, by a thread of its own; then, under the lock, it is
//! made if nothing of what it was decided on has changed meanwhile.
//!
//! A rule may hold patterns and templates that take long to compile. Neither those who send events nor others who change
//! rules wait for that.

use std::sync::Arc;

use petrel_model::{Ref, Rule};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;

use super::compiled;
use crate::error::Error;
use crate::service::Engine;

/// How often a change is decided on before others are kept from changing anything meanwhile.
const TRIES: u32 = 3;

/// What is to become of a rule.
pub(super) struct RuleChange {
    pub(super) expect: Vec<Expect>,
    pub(super) delete: Option<Ref>,
    pub(super) put: Option<Arc<CompiledRule>>,
}

impl RuleChange {
    /// `rule` in the place of `old`, under another reference if it has one.
    pub(super) fn replacing(old: &Rule, rule: &Rule) -> Self {
        let mut expect = vec![Expect::RuleIs(old.reference.clone(), old.id)];
        let delete = (old.reference != rule.reference).then(|| old.reference.clone());
        if delete.is_some() {
            expect.push(Expect::RuleAbsent(rule.reference.clone()));
        }
        Self { expect, delete, put: Some(compiled(rule)) }
    }
}

impl Engine {
    /// Decides on the rules as they are now, commits, and then changes what is in memory. Nobody else changes what is
    /// registered between the decision and that; where somebody has, it is decided anew.
    pub(super) async fn change_rules<T: Send + 'static>(
        &self,
        decide: impl Fn(&Self) -> Result<(RuleChange, T), Error> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (engine, decide) = (self.clone(), Arc::new(decide));
        self.to_the_end(async move {
            let mut tries = 0;
            loop {
                let early = if tries < TRIES { None } else { Some(engine.0.changing_content.lock().await) };
                let revision = engine.content().revision();
                let (change, answer) = engine.decided(Arc::clone(&decide)).await?;
                let _changing = match early {
                    Some(changing) => changing,
                    None => engine.0.changing_content.lock().await,
                };
                let is_as_it_was = engine.content().revision() == revision;
                if is_as_it_was {
                    engine.make(change).await?;
                    return Ok(answer);
                }
                tries += 1;
            }
        })
        .await
    }

    async fn decided<T: Send + 'static>(
        &self,
        decide: Arc<impl Fn(&Self) -> Result<T, Error> + Send + Sync + 'static>,
    ) -> Result<T, Error> {
        let engine = self.clone();
        let _turn = self.0.rule_turns.next().await;
        let decided = tokio::task::spawn_blocking(move || decide(&engine)).await;
        decided.unwrap_or_else(|gone| Err(gone.into()))
    }

    /// Commits a change and shows it; the lock of content is held.
    async fn make(&self, change: RuleChange) -> Result<(), Error> {
        let RuleChange { expect, delete, put } = change;
        let mut changes: Vec<_> = delete.iter().cloned().map(Change::delete::<Rule>).collect();
        changes.extend(put.iter().map(|compiled| Change::put(Rule::clone(compiled.rule()))));
        self.commit(expect, changes).await?;
        let mut content = self.content_mut();
        if let Some(reference) = delete {
            content.delete_rule(&reference);
        }
        if let Some(compiled) = put {
            content.put_rule(compiled);
        }
        Ok(())
    }
}
