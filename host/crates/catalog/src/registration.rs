//! The registration of packs: the contents of a directory become part of the catalog in one commit, and contents that
//! have left it are removed. [`reading`] finds problems, [`flows`] those of workflows, [`dependencies`] packs that are
//! missing; [`rules`] decides about rules, [`sensors`] about sensors, [`mod@gone`] words what has gone, [`lifted`] refuses
//! to declare less secret, [`asking`] to ask for more, [`parts`] registers parts of a pack, and [`ready`] is a pack about to
//! be committed.

mod asking;
mod dependencies;
mod flows;
mod gone;
pub(crate) mod lifted;
mod notify;
mod parts;
mod policies;
mod reading;
mod ready;
mod rule_files;
mod rules;
pub(crate) mod schemas;
mod sensors;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_engine_core::{Changing, Core, Decided, Error, apart};
use petrel_model::names;
use petrel_model::{
    Action, MadeTrigger, Pack, PackArtifact, PackConfig, PackGrant, Policy, Ref, Rule, Sensor, TriggerType,
};
use petrel_packs::PackContents;
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;
use petrel_runners::Runs;

pub use asking::OnBehalf;
use dependencies::without_dependencies;
use flows::Around;
pub use gone::Removed;
use gone::{left_behind, no_longer_made, taken_along};
use lifted::{foreign_secret, refuse_elsewhere, refuse_lifted, refuse_removal};
pub use parts::Parts;
use parts::refuse_mixture;
pub use reading::look_at;
use ready::Ready;
use rules::RulesOfPack;
use sensors::{as_switched, gone_sensors, keep_unread};

use crate::content::{Content, RegisteredAction, RegisteredTriggerType};
use crate::grants::tell;
use crate::masked::Giver;
use crate::service::Catalog;

/// The outcome of a registration.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The pack.
    pub pack: Pack,
    /// The number of its actions.
    pub actions: usize,
    /// The number of its trigger types.
    pub trigger_types: usize,
    /// The number of its rules.
    pub rules: usize,
    /// The number of its policies.
    pub policies: usize,
    /// The number of its sensors.
    pub sensors: usize,
    /// Skipped parts and advice.
    pub notes: Vec<String>,
}

impl Catalog {
    /// Registers the pack in `directory`, or registers it again. A mistake in a single action is a note, and the
    /// action is refused when somebody runs it.
    ///
    /// # Errors
    /// When anything else in the pack is wrong; every problem is named, with file, line and column. Nothing was
    /// registered then.
    pub async fn register_pack(&self, directory: &Path, built_in: bool) -> Result<Report, Error> {
        self.register_parts(directory, built_in, Parts::ALL).await
    }

    /// Registers some parts of the pack.
    ///
    /// # Errors
    /// As [`Catalog::register_pack`], and when its other parts were registered from another directory.
    pub async fn register_parts(
        &self,
        directory: &Path,
        built_in: bool,
        parts: Parts,
    ) -> Result<Report, Error> {
        self.register_by(Giver::SeesSecrets, directory, built_in, parts).await
    }

    /// As [`Catalog::register_parts`], on behalf of somebody who may see fewer secrets, or who grants what the pack asks
    /// for.
    ///
    /// # Errors
    /// As [`Catalog::register_parts`], when something that they do not see would no longer be secret, and when an update
    /// asks for more and they do not grant it.
    pub async fn register_by(
        &self,
        by: impl Into<OnBehalf> + Send,
        directory: &Path,
        built_in: bool,
        parts: Parts,
    ) -> Result<Report, Error> {
        self.register_artifact(by, directory, (built_in, None), parts).await
    }

    /// As [`Catalog::register_by`]: a pack that came with the binary, or that was installed from an artifact.
    pub async fn register_artifact(
        &self,
        by: impl Into<OnBehalf> + Send,
        directory: &Path,
        (built_in, artifact): (bool, Option<PackArtifact>),
        parts: Parts,
    ) -> Result<Report, Error> {
        // Actions start in another directory, and so may a later host.
        let directory = std::path::absolute(directory).map_err(|error| {
            Error::invalid(
                format!("{} is no directory: {error}", directory.display()),
                "name the one with pack.yaml",
            )
        })?;
        let around = Around::host(self.content(), self.keys().all());
        // The packs of the binary were checked when it was built.
        let read = if built_in {
            reading::files(&directory, around).await
        } else {
            reading::look_around(&directory, around, true).await
        };
        let mut contents = read.map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            Error::invalid(lines.join("\n"), "correct the pack and register it again")
        })?;
        contents.pack.path = directory.display().to_string();
        contents.pack.built_in = built_in;
        contents.pack.artifact = artifact;
        refuse_own_name(&contents.pack)?;
        let (catalog, by) = (self.clone(), by.into());
        self.core()
            .run_detached(async move {
                let changing = catalog.begin_change().await;
                if parts != Parts::ALL {
                    refuse_mixture(&changing.get(), &contents.pack)?;
                }
                catalog.register(&changing, by, contents, parts).await
            })
            .await
    }

    /// Registers parts of a pack again from its directory.
    ///
    /// # Errors
    /// When the pack does not exist, and as [`Catalog::register_by`].
    pub async fn register_again(
        &self,
        by: impl Into<OnBehalf> + Send,
        name: &str,
        parts: Parts,
    ) -> Result<Report, Error> {
        let pack = Pack::clone(self.content().pack(name)?);
        self.register_by(by, Path::new(&pack.path), pack.built_in, parts).await
    }

    /// Removes a pack with all that is its on behalf of `user`, and reports what went. Its files and past executions stay.
    ///
    /// # Errors
    /// When the pack does not exist, it is one of the host's own, its configuration waits for its key, or rules of others use it.
    pub async fn remove_pack(&self, name: &str, giver: Giver, user: &str) -> Result<Removed, Error> {
        let (catalog, name, user) = (self.clone(), name.to_owned(), user.to_owned());
        self.core()
            .run_detached(async move {
                let changing = catalog.begin_change().await;
                catalog.refuse_sealed_config(&name).await?;
                if giver == Giver::SeesNone {
                    refuse_removal(&changing.get(), &name)?;
                }
                let (pack, decided) = removal(&changing.get(), &name)?;
                let grant = changing.get().grant(&name).cloned();
                let removed = changing.make(catalog.core(), decided).await?;
                tell("cap.revoked", &user, &name, grant.iter().flat_map(|grant| grant.granted.all()));
                for runner in changing.get().runners().values().filter_map(Runs::runner) {
                    runner.forget(Path::new(&pack.path));
                    runner.removed(&name);
                }
                Ok(removed)
            })
            .await
    }

    async fn register(
        &self,
        changing: &Changing<'_, Content>,
        OnBehalf { giver, grants }: OnBehalf,
        contents: PackContents,
        parts: Parts,
    ) -> Result<Report, Error> {
        let (content, core) = (changing.get(), self.core().clone());
        let mut ready = apart::wait_for(move || make_ready(&content, &core, contents, parts)).await?;
        if giver == Giver::SeesNone {
            let gone = (&ready.gone_actions, &ready.gone_kinds);
            refuse_lifted(&changing.get(), &ready.pack, &ready.actions, &ready.kinds, gone.0, gone.1)?;
        }
        let name = ready.pack.reference.clone();
        ready.config = self.config_of(&name, ready.pack.config_schema.as_ref(), &mut ready.notes).await?;
        let sealing =
            self.sealing_of_config(&name, ready.pack.config_schema.as_ref(), &mut ready.notes).await?;
        if giver == Giver::SeesNone {
            refuse_elsewhere(&changing.get(), &ready.pack, ready.config.as_ref())?;
            ready.leave_out_rules(&changing.get(), foreign_secret);
        }
        ready.notes.extend(self.without_keys(&ready.pack, ready.config.as_ref()));
        let asked = asking::settle(&changing.get(), &mut ready, grants.as_deref(), self.core().now())?;
        let report = Report {
            pack: ready.pack.clone(),
            actions: ready.actions.len(),
            trigger_types: ready.kinds.len(),
            rules: ready.rules.len(),
            policies: ready.policies.len(),
            sensors: ready.sensors.len(),
            notes: std::mem::take(&mut ready.notes),
        };
        let (mut changes, expect) = (ready.changes(), std::mem::take(&mut ready.expect));
        changes.extend(sealing);
        let decided = Decided::new(changes, (), |content: &mut Content| ready.show(content));
        let old = changing.get().pack(&name).ok().map(|known| PathBuf::from(&known.path));
        changing.make(self.core(), decided.expecting_all(expect)).await?;
        asked.write(&name, grants.as_deref());
        // Runners drop what they have cached of changed files, and of another version; present runs go on with it.
        let path = Path::new(&report.pack.path);
        for runner in changing.get().runners().values().filter_map(Runs::runner) {
            runner.refresh(path);
            old.iter().filter(|old| *old != path).for_each(|old| runner.forget(old));
        }
        // Components are compiled now, and not by the first event.
        self.prepare(Some(&name));
        Ok(report)
    }
}

/// The removal of a pack with its contents and its configuration, and the removed pack.
fn removal(content: &Content, name: &str) -> Result<(Arc<Pack>, Decided<Content, Removed>), Error> {
    let pack = Arc::clone(content.pack(name)?);
    let conflict =
        |message: String, hint: &str| Err(Error::Conflict { message, hint: hint.into(), id: None });
    if names::is_own_pack(name) {
        return conflict(format!("the pack `{name}` came with petrel and cannot be removed"), "leave it");
    }
    let is_ours = |reference: &Ref| reference.pack() == name;
    let uses = |rule: &Rule| {
        is_ours(&rule.action.reference) || rule.triggers().any(|trigger| is_ours(&trigger.kind))
    };
    let rules = content.rules().filter(|rule| is_ours(&rule.reference) || uses(rule));
    let (rules, users): (Vec<_>, Vec<_>) =
        rules.map(|rule| (rule.reference.clone(), rule.id)).partition(|(rule, _)| is_ours(rule));
    if !users.is_empty() {
        let names: Vec<_> = users.iter().map(|(rule, _)| rule.as_str()).collect();
        let message = format!("rules of other packs use the pack `{name}`: {}", names.join(", "));
        return conflict(message, "delete or change them first");
    }
    let (actions, kinds) = gone(content, &pack, &[], &[]);
    let sensors = gone_sensors(content, name, &[]);
    let made = content.made_triggers().filter(|made| is_ours(&made.trigger.kind));
    let made: Vec<Ref> = made.map(|made| made.reference.clone()).collect();
    let name = name.to_owned();
    let mut changes = vec![Change::delete::<Pack>(name.clone()), Change::delete::<PackConfig>(name.clone())];
    changes.push(Change::delete::<PackGrant>(name.clone()));
    changes.extend(actions.iter().cloned().map(Change::delete::<Action>));
    changes.extend(kinds.iter().cloned().map(Change::delete::<TriggerType>));
    changes.extend(made.iter().cloned().map(Change::delete::<MadeTrigger>));
    let policies = content.policies().map(|policy| &policy.reference).filter(|policy| is_ours(policy));
    let policies: Vec<Ref> = policies.cloned().collect();
    changes.extend(policies.iter().cloned().map(Change::delete::<Policy>));
    changes.extend(sensors.iter().cloned().map(Change::delete::<Sensor>));
    changes.extend(rules.iter().map(|(rule, _)| Change::delete::<Rule>(rule.clone())));
    let expect = rules.iter().map(|(rule, id)| Expect::RuleIs(rule.clone(), *id)).collect();
    let removed = Removed {
        pack: name.clone(),
        actions: actions.len(),
        trigger_types: kinds.len(),
        rules: rules.len(),
        policies: policies.len(),
        sensors: sensors.len(),
        notes: taken_along(content, &pack, &rules),
    };
    let show = move |content: &mut Content| {
        rules.iter().for_each(|(rule, _)| content.delete_rule(rule));
        policies.iter().for_each(|policy| content.delete_policy(policy));
        actions.iter().for_each(|reference| content.delete_action(reference));
        kinds.iter().for_each(|reference| content.delete_trigger_type(reference));
        made.iter().for_each(|reference| content.delete_made_trigger(reference));
        sensors.iter().for_each(|reference| content.delete_sensor(reference));
        content.delete_pack(&name);
    };
    Ok((pack, Decided::new(changes, removed, show).expecting_all(expect)))
}

/// Compiles the contents of a pack, which takes a processor. Only other changes of the catalog wait for it.
fn make_ready(content: &Content, core: &Core, contents: PackContents, parts: Parts) -> Ready {
    let known = content.pack(&contents.pack.reference).ok().cloned();
    let contents = parts.of(contents, known.as_deref());
    let PackContents {
        mut pack,
        actions,
        trigger_types,
        sensors,
        sensors_left_out,
        rules,
        policies,
        refused,
        refused_rules,
        mut notes,
        ..
    } = contents;
    reading::note_refused(&mut pack, refused, refused_rules, &mut notes);
    notes.extend(moved(content, &pack));
    notes.extend(without_dependencies(content, &pack));
    notes.extend(no_longer_made(content, &trigger_types));
    let path = PathBuf::from(&pack.path);
    // Registered again from where it was, it came from the same artifact.
    let same = known.filter(|known| known.path == pack.path && pack.artifact.is_none());
    pack.artifact = pack.artifact.take().or_else(|| same.and_then(|known| known.artifact.clone()));
    let (mut gone_actions, mut gone_kinds) = gone(content, &pack, &actions, &trigger_types);
    // Parts that were not read are not gone.
    gone_actions.retain(|_| parts.actions);
    gone_kinds.retain(|kind| parts.triggers && !content.is_made(kind));
    let mut gone_sensors = gone_sensors(content, &pack.reference, &sensors);
    gone_sensors.retain(|_| parts.sensors);
    keep_unread(content, &sensors_left_out, (&mut gone_sensors, &mut gone_kinds), &mut notes);
    notes.extend(left_behind(content, &pack, &gone_actions, &gone_kinds));
    let register = |action: Action| {
        let refused = pack.refused.get(action.reference.name()).cloned();
        RegisteredAction { refused, ..RegisteredAction::new(action, content.runners(), path.clone()) }
    };
    let actions: Vec<_> = actions.into_iter().map(register).collect();
    let RulesOfPack { rules, expect, gone } = if parts.rules {
        rules::rules_of(content, core, &pack.reference, rules, &trigger_types, &mut notes)
    } else {
        RulesOfPack::default()
    };
    let of_files = || policies::policies_of(content, core, &pack.reference, policies, &actions, &mut notes);
    let (policies, gone_policies) = parts.policies.then(of_files).unwrap_or_default();
    Ready {
        actions,
        policies,
        gone_policies,
        kinds: trigger_types.into_iter().map(RegisteredTriggerType::new).collect(),
        rules: rules.into_iter().map(|rule| Arc::new(CompiledRule::new(Arc::new(rule)))).collect(),
        sensors: sensors.into_iter().map(|sensor| as_switched(content, sensor)).collect(),
        pack,
        expect,
        gone_actions,
        gone_kinds,
        gone_rules: gone,
        gone_sensors,
        config: None,
        grant: None,
        notes,
    }
}

/// The note on a pack that was registered from another directory before.
fn moved(content: &Content, pack: &Pack) -> Option<String> {
    let known = content.pack(&pack.reference).ok().map(|known| known.path.clone())?;
    let (before, now) = (Path::new(&known), Path::new(&pack.path));
    // Versions of a pack that was installed stand beside each other, in a directory with its name.
    let is_version =
        before.parent() == now.parent() && now.parent().is_some_and(|above| above.ends_with(&pack.reference));
    (before != now && !is_version).then(|| {
        format!(
            "the pack `{}` was registered from {known} and is now that in {}; if these are two packs, give one of \
             them another ref in its pack.yaml",
            pack.reference, pack.path
        )
    })
}

/// The contents that the pack had and has no more.
fn gone(content: &Content, pack: &Pack, actions: &[Action], kinds: &[TriggerType]) -> (Vec<Ref>, Vec<Ref>) {
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

/// Refuses a pack with the name of one of the host's own.
fn refuse_own_name(pack: &Pack) -> Result<(), Error> {
    match reading::own_name(pack).filter(|_| !pack.built_in) {
        Some((message, hint)) => Err(Error::Conflict { message, hint: hint.into(), id: None }),
        None => Ok(()),
    }
}
