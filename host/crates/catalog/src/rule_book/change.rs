//! How a change of rules comes about: it is decided on, and compiled, by a thread of its own; then, under the lock, it is
//! made if nothing of what it was decided on has changed meanwhile.
//!
//! A rule may hold patterns and templates that take long to compile. Neither those who send events nor others who change
//! rules wait for that.

use std::sync::Arc;

use petrel_engine_core::{Decided, Error};
use petrel_model::{Ref, Rule};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;
use tokio::sync::Semaphore;

use crate::content::Content;
use crate::service::Catalog;

/// How many changes are decided on at once: that takes a processor.
static TURNS: Semaphore = Semaphore::const_new(2);

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

    /// What is to be committed and shown, and the answer then.
    fn with_answer<T>(self, answer: T) -> Decided<Content, T> {
        let Self { expect, delete, put } = self;
        let mut changes: Vec<_> = delete.iter().cloned().map(Change::delete::<Rule>).collect();
        changes.extend(put.iter().map(|compiled| Change::put(Rule::clone(compiled.rule()))));
        let show = move |content: &mut Content| {
            delete.iter().for_each(|reference| content.delete_rule(reference));
            put.into_iter().for_each(|compiled| content.put_rule(compiled));
        };
        Decided::new(changes, answer, show).expecting_all(expect)
    }
}

/// `rule`, ready to be evaluated.
pub(super) fn compiled(rule: &Rule) -> Arc<CompiledRule> {
    Arc::new(CompiledRule::new(Arc::new(rule.clone())))
}

impl Catalog {
    /// Decides on the rules as they are now, commits, and then changes what is in memory. Nobody else changes what is
    /// registered between the decision and that; where somebody has, it is decided anew.
    pub(super) async fn change_rules<T: Send + 'static>(
        &self,
        decide: impl Fn(&Content) -> Result<(RuleChange, T), Error> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (catalog, decide) = (self.clone(), Arc::new(decide));
        self.core()
            .run_detached(async move {
                let mut tries = 0;
                loop {
                    let early = if tries < TRIES { None } else { Some(catalog.begin_change().await) };
                    let version = catalog.version();
                    let (change, answer) = catalog.decided(Arc::clone(&decide)).await?;
                    let changing = match early {
                        Some(changing) => changing,
                        None => catalog.begin_change().await,
                    };
                    if changing.version() == version {
                        return changing.make(catalog.core(), change.with_answer(answer)).await;
                    }
                    tries += 1;
                }
            })
            .await
    }

    async fn decided<T: Send + 'static>(
        &self,
        decide: Arc<impl Fn(&Content) -> Result<T, Error> + Send + Sync + 'static>,
    ) -> Result<T, Error> {
        let _turn = TURNS.acquire().await;
        // As it is when it is its turn.
        let content = self.content();
        let decided = tokio::task::spawn_blocking(move || decide(&content)).await;
        decided.unwrap_or_else(|gone| Err(gone.into()))
    }
}
