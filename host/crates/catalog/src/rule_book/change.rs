//! Changes of rules: each is decided and compiled on a thread of its own, and then made under the lock if nothing has
//! changed meanwhile.
//!
//! A rule may have patterns and templates that take long to compile. Neither senders of events nor other changes wait
//! for that.

use std::sync::Arc;

use petrel_engine_core::{Decided, Error};
use petrel_model::{Ref, Rule};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;

use crate::content::Content;
use crate::service::Catalog;

/// The number of attempts before other changes are locked out.
const TRIES: u32 = 3;

/// A change of a rule.
pub(super) struct RuleChange {
    pub(super) expect: Vec<Expect>,
    pub(super) delete: Option<Ref>,
    pub(super) put: Option<Arc<CompiledRule>>,
}

impl RuleChange {
    /// Replaces `old` by `rule`, which may have another reference.
    pub(super) fn replacing(old: &Rule, rule: &Rule) -> Self {
        let mut expect = vec![Expect::RuleIs(old.reference.clone(), old.id)];
        let delete = (old.reference != rule.reference).then(|| old.reference.clone());
        if delete.is_some() {
            expect.push(Expect::RuleAbsent(rule.reference.clone()));
        }
        Self { expect, delete, put: Some(compiled(rule)) }
    }

    /// The changes to commit and to show, and the answer after that.
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

/// `rule`, compiled.
pub(super) fn compiled(rule: &Rule) -> Arc<CompiledRule> {
    Arc::new(CompiledRule::new(Arc::new(rule.clone())))
}

impl Catalog {
    /// Decides on the present rules, commits, and then changes the catalog. If another change came between the
    /// decision and the commit, the decision is repeated.
    pub(super) async fn change_rules<T: Send + 'static>(
        &self,
        decide: impl Fn(&Content) -> Result<(RuleChange, T), Error> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (catalog, decide) = (self.clone(), Arc::new(decide));
        self.core()
            .run_detached(async move {
                let mut tries = 0;
                loop {
                    // After some attempts others wait, so that a stream of other changes does not repeat this
                    // one for ever.
                    let early = if tries < TRIES { None } else { Some(catalog.begin_change().await) };
                    // Before the content, so that a change between the two is noticed.
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

    /// Decides on the present rules, on a thread that may block.
    pub(super) async fn decided<T: Send + 'static>(
        &self,
        decide: Arc<impl Fn(&Content) -> Result<T, Error> + Send + Sync + 'static>,
    ) -> Result<T, Error> {
        let _turn = self.rule_turn().await;
        // The catalog as it is once it is this change's turn.
        let content = self.content();
        let decided = tokio::task::spawn_blocking(move || decide(&content)).await;
        decided.unwrap_or_else(|gone| Err(gone.into()))
    }
}
