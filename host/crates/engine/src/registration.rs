//! Registers packs: what is in a directory becomes content, all of it in one commit, and what is no
//! longer there is forgotten.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_model::secrets::has_secret;
use petrel_model::{Action, Object, Pack, Ref, Rule, RuleId, TriggerType};
use petrel_packs::limits::{LARGEST_WORKFLOW, MOST_PROBLEMS_OF_PACK};
use petrel_packs::{Directory, PackContents, Problem, Source, read_pack};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;

use crate::clock;
use crate::content::{RegisteredAction, RegisteredTriggerType};
use crate::error::Error;
use crate::service::Engine;
use crate::workflows;

/// The pack in a directory.
fn read(directory: &Path) -> Result<PackContents, Vec<Problem>> {
    let opened = Directory::open(directory).map_err(|error| {
        let message = format!("the directory cannot be read ({error}); give the one that holds pack.yaml");
        vec![Problem { file: directory.display().to_string(), position: None, message }]
    })?;
    let contents = read_pack(&opened)?;
    let mut problems = check_workflows(&opened, &contents);
    if problems.is_empty() {
        return Ok(contents);
    }
    if let Some(more) = problems.len().checked_sub(MOST_PROBLEMS_OF_PACK).filter(|more| *more > 0) {
        problems.truncate(MOST_PROBLEMS_OF_PACK);
        let message = format!("and {more} more problems in workflows; correct these first");
        problems.push(Problem { file: "actions".into(), position: None, message });
    }
    Err(problems)
}

/// What is wrong with the workflows of a pack, as its other problems are said.
fn check_workflows(pack: &dyn Source, contents: &PackContents) -> Vec<Problem> {
    let workflows = contents.actions.iter().filter(|action| workflows::is_workflow(&action.runner_type));
    let mut problems = Vec::new();
    for action in workflows {
        let file = format!("actions/{}", action.entry_point);
        let source = match pack.read(&file, LARGEST_WORKFLOW) {
            Ok(source) => source,
            Err(error) => {
                let message = format!("the workflow cannot be read ({error}); check the file");
                problems.push(Problem { file, position: None, message });
                continue;
            }
        };
        if let Err(invalid) = workflows::check(&action.runner_type, &source) {
            problems.extend(invalid.0.into_iter().map(|found| Problem {
                file: file.clone(),
                position: found.position,
                message: found.without_position(),
            }));
        }
    }
    problems
}

/// What was registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The pack.
    pub pack: Pack,
    /// How many actions it has.
    pub actions: usize,
    /// How many trigger types it has.
    pub trigger_types: usize,
    /// How many rules it has.
    pub rules: usize,
    /// What was passed over, and what to think about.
    pub notes: Vec<String>,
}

/// What a pack brings and what goes with its old version, all of it compiled.
struct Ready {
    pack: Pack,
    actions: Vec<RegisteredAction>,
    kinds: Vec<RegisteredTriggerType>,
    rules: Vec<Arc<CompiledRule>>,
    expect: Vec<Expect>,
    gone_actions: Vec<Ref>,
    gone_kinds: Vec<Ref>,
    notes: Vec<String>,
}

impl Ready {
    fn changes(&self) -> Vec<Change> {
        let mut changes = vec![Change::PutPack(self.pack.clone())];
        let actions = self.actions.iter().map(|registered| Action::clone(&registered.action));
        changes.extend(actions.map(Change::PutAction));
        let kinds = self.kinds.iter().map(|registered| TriggerType::clone(&registered.kind));
        changes.extend(kinds.map(Change::PutTriggerType));
        changes.extend(self.gone_actions.iter().cloned().map(Change::DeleteAction));
        changes.extend(self.gone_kinds.iter().cloned().map(Change::DeleteTriggerType));
        changes.extend(self.rules.iter().map(|compiled| Change::PutRule(Rule::clone(compiled.rule()))));
        changes
    }
}

impl Engine {
    /// Registers the pack in `directory`, or registers it again.
    ///
    /// # Errors
    /// When anything in it is not right; every problem is named, with file, line and column. Nothing was
    /// registered then.
    pub async fn register_pack(&self, directory: &Path, built_in: bool) -> Result<Report, Error> {
        // Its actions start elsewhere, and a later host too.
        let directory = std::path::absolute(directory).map_err(|error| {
            Error::invalid(
                format!("{} is no directory: {error}", directory.display()),
                "name the one with pack.yaml",
            )
        })?;
        let path = directory.clone();
        let read = tokio::task::spawn_blocking(move || read(&directory)).await;
        let read = read.map_err(Error::from)?;
        let mut contents = read.map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            Error::invalid(lines.join("\n"), "correct the pack and register it again")
        })?;
        contents.pack.path = path.display().to_string();
        contents.pack.built_in = built_in;
        self.refuse_taking_over(&contents.pack)?;
        let engine = self.clone();
        self.to_the_end(async move {
            let _changing = engine.0.changing_content.lock().await;
            engine.register(contents).await
        })
        .await
    }

    /// Forgets a pack with all that is in it, and its configuration. Its files stay where they are, and so
    /// does what has run.
    ///
    /// # Errors
    /// When there is no such pack, it came with petrel, or rules of other packs use it.
    pub async fn remove_pack(&self, name: &str) -> Result<(), Error> {
        let (engine, name) = (self.clone(), name.to_owned());
        self.to_the_end(async move {
            let _changing = engine.0.changing_content.lock().await;
            let pack = Pack::clone(engine.content().pack(&name)?);
            let conflict =
                |message: String, hint: &str| Err(Error::Conflict { message, hint: hint.into(), id: None });
            if pack.built_in {
                return conflict(
                    format!("the pack `{name}` came with petrel and cannot be removed"),
                    "leave it",
                );
            }
            let (own, users): (Vec<_>, Vec<_>) = {
                let content = engine.content();
                let is_ours = |reference: &Ref| reference.pack() == name;
                let uses = |rule: &Rule| is_ours(&rule.action.reference) || is_ours(&rule.trigger.kind);
                let rules = content.rules().filter(|rule| is_ours(&rule.reference) || uses(rule));
                rules.map(|rule| (rule.reference.clone(), rule.id)).partition(|(rule, _)| is_ours(rule))
            };
            if !users.is_empty() {
                let names: Vec<_> = users.iter().map(|(rule, _)| rule.as_str()).collect();
                let message = format!("rules of other packs use the pack `{name}`: {}", names.join(", "));
                return conflict(message, "delete or change them first");
            }
            engine.forget_pack(&pack, own).await
        })
        .await
    }

    /// Deletes a pack with these rules and all else that is in it; the lock of content is held.
    async fn forget_pack(&self, pack: &Pack, rules: Vec<(Ref, RuleId)>) -> Result<(), Error> {
        let name = &pack.reference;
        let (actions, kinds) = self.gone(pack, &[], &[]);
        let mut changes = vec![Change::DeletePack(name.clone()), Change::DeletePackConfig(name.clone())];
        changes.extend(actions.iter().cloned().map(Change::DeleteAction));
        changes.extend(kinds.iter().cloned().map(Change::DeleteTriggerType));
        changes.extend(rules.iter().map(|(rule, _)| Change::DeleteRule(rule.clone())));
        let expect = rules.iter().map(|(rule, id)| Expect::RuleIs(rule.clone(), *id)).collect();
        self.commit(expect, changes).await?;
        let runners = {
            let mut content = self.content_mut();
            rules.iter().for_each(|(rule, _)| content.delete_rule(rule));
            actions.iter().for_each(|reference| content.delete_action(reference));
            kinds.iter().for_each(|reference| content.delete_trigger_type(reference));
            content.delete_pack(name);
            content.runners().clone()
        };
        runners.values().for_each(|runner| runner.forget(Path::new(&pack.path)));
        Ok(())
    }

    /// A pack of the binary is not replaced by one from elsewhere.
    fn refuse_taking_over(&self, pack: &Pack) -> Result<(), Error> {
        let content = self.content();
        match content.pack(&pack.reference) {
            Ok(known) if known.built_in && !pack.built_in => Err(Error::Conflict {
                message: format!("the pack `{}` came with petrel and cannot be replaced", pack.reference),
                hint: "give your pack another ref in its pack.yaml".into(),
                id: None,
            }),
            _ => Ok(()),
        }
    }

    async fn register(&self, contents: PackContents) -> Result<Report, Error> {
        let engine = self.clone();
        let ready = tokio::task::spawn_blocking(move || engine.make_ready(contents)).await;
        let mut ready = ready.map_err(Error::from)??;
        let name = ready.pack.reference.clone();
        let given = self.config_of(&name, ready.pack.config_schema.as_ref(), &mut ready.notes).await?;
        let changes = ready.changes();
        self.commit(std::mem::take(&mut ready.expect), changes).await?;

        let report = Report {
            pack: ready.pack.clone(),
            actions: ready.actions.len(),
            trigger_types: ready.kinds.len(),
            rules: ready.rules.len(),
            notes: ready.notes,
        };
        let path = ready.pack.path.clone();
        let runners = {
            let mut content = self.content_mut();
            content.put_pack(ready.pack);
            content.put_config(&name, given);
            ready.gone_actions.iter().for_each(|reference| content.delete_action(reference));
            ready.gone_kinds.iter().for_each(|reference| content.delete_trigger_type(reference));
            ready.actions.into_iter().for_each(|action| content.put_action(action));
            ready.kinds.into_iter().for_each(|kind| content.put_trigger_type(kind));
            ready.rules.into_iter().for_each(|rule| content.put_rule(rule));
            content.runners().clone()
        };
        // Whatever a runner has kept of the pack's files is old now.
        runners.values().for_each(|runner| runner.forget(Path::new(&path)));
        self.prepare(Some(&name));
        Ok(report)
    }

    /// Makes what is in a pack ready, which takes a processor: nobody waits for it but those who change content.
    fn make_ready(&self, contents: PackContents) -> Result<Ready, Error> {
        let PackContents { pack, actions, trigger_types, rules, mut notes, .. } = contents;
        let (rules, expect) = self.rules_of(rules, &trigger_types, &actions, &mut notes)?;
        let (gone_actions, gone_kinds) = self.gone(&pack, &actions, &trigger_types);
        let runners = self.content().runners().clone();
        let path = PathBuf::from(&pack.path);
        let action = |action| RegisteredAction::new(action, &runners, path.clone());
        Ok(Ready {
            actions: actions.into_iter().map(action).collect(),
            kinds: trigger_types.into_iter().map(RegisteredTriggerType::new).collect(),
            rules: rules.into_iter().map(|rule| Arc::new(CompiledRule::new(Arc::new(rule)))).collect(),
            pack,
            expect,
            gone_actions,
            gone_kinds,
            notes,
        })
    }

    /// The rules of a pack: those that are there keep their ids and whether they are on.
    fn rules_of(
        &self,
        definitions: Vec<petrel_packs::RuleDefinition>,
        new_kinds: &[TriggerType],
        new_actions: &[Action],
        notes: &mut Vec<String>,
    ) -> Result<(Vec<Rule>, Vec<Expect>), Error> {
        let mut rules = Vec::new();
        let mut expect = Vec::new();
        for definition in definitions {
            let known =
                self.content().rule(definition.reference().as_str()).ok().map(|rule| Rule::clone(rule));
            let id = known.as_ref().map_or_else(|| self.mint(clock::now()), |rule| rule.id);
            if let Some(note) = self.without_trigger(&definition, new_kinds) {
                notes.push(note);
                continue;
            }
            let is_new_kind = new_kinds.iter().any(|kind| kind.reference == definition.trigger.kind);
            let mut rule = if is_new_kind {
                definition.into_rule(id)
            } else {
                self.rule_of(definition, id, Object::new())?
            };
            expect.push(match known {
                Some(known) => {
                    rule.enabled = known.enabled;
                    Expect::RuleIs(known.reference, known.id)
                }
                None => Expect::RuleAbsent(rule.reference.clone()),
            });
            let is_secret = |name: &str| self.is_secret(&rule.action.reference, name, new_actions);
            petrel_rules::check(&rule, is_secret).into_iter().try_for_each(|problem| {
                let message = format!("rule `{}`: {}: {}", rule.reference, problem.at, problem.message);
                Err(Error::invalid(message, "correct the rule and register the pack again"))
            })?;
            let runner = self
                .content()
                .action(&rule.action.reference)
                .ok()
                .map(|action| action.action.runner_type.clone());
            notes.extend(petrel_rules::warnings(&rule, runner.as_deref()));
            rules.push(rule);
        }
        Ok((rules, expect))
    }

    /// Whether the parameter `name` of an action is secret: of one among `new`, or else one that is there. Of one that is
    /// neither it is not known, so it is.
    fn is_secret(&self, action: &Ref, name: &str, new: &[Action]) -> bool {
        let content = self.content();
        let Some(action) = new.iter().find(|new| new.reference == *action) else {
            return content.action(action).ok().is_none_or(|known| known.signature.is_secret(name));
        };
        let runner = content.runners().get(&action.runner_type);
        let of_runner = runner.and_then(|runner| runner.runner_type().parameters.get(name));
        action.parameters.get(name).into_iter().chain(of_runner).any(has_secret)
    }

    /// What to say of a rule whose trigger type does not exist, as when it is a sensor's or StackStorm's own. It
    /// would never match; the rest of its pack is of use without it.
    fn without_trigger(
        &self,
        definition: &petrel_packs::RuleDefinition,
        new_kinds: &[TriggerType],
    ) -> Option<String> {
        let kind = &definition.trigger.kind;
        if new_kinds.iter().any(|new| new.reference == *kind) {
            return None;
        }
        let error = self.content().trigger_type(kind).err()?;
        let rule = definition.reference();
        Some(format!(
            "rule `{rule}` is passed over: {error}; {}. Register the pack again when it is there",
            error.hint()
        ))
    }

    /// What the pack had and has no more.
    fn gone(&self, pack: &Pack, actions: &[Action], kinds: &[TriggerType]) -> (Vec<Ref>, Vec<Ref>) {
        let content = self.content();
        let actions: BTreeSet<_> = actions.iter().map(|action| &action.reference).collect();
        let kinds: BTreeSet<_> = kinds.iter().map(|kind| &kind.reference).collect();
        let is_ours = |reference: &&Ref| reference.pack() == pack.reference;
        let known_actions = content.actions().map(|registered| &registered.action.reference);
        let known_kinds = content.trigger_types().map(|registered| &registered.kind.reference);
        (
            known_actions.filter(is_ours).filter(|reference| !actions.contains(reference)).cloned().collect(),
            known_kinds.filter(is_ours).filter(|reference| !kinds.contains(reference)).cloned().collect(),
        )
    }
}
