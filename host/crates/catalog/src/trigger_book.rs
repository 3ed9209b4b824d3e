//! The trigger book: trigger types and triggers that are made, changed and deleted by hand. Those types in the files of packs
//! come by [`registration`](super::registration), and triggers with the rules that listen to them. Nothing is deleted that a
//! rule listens to: an event is decided on when it comes in, so that none waits for what is deleted.

use std::sync::Arc;

use petrel_engine_core::{Decided, Error};
use petrel_model::names::is_own_pack;
use petrel_model::quoted::{listed, quoted};
use petrel_model::secrets::has_secret;
use petrel_model::size::of_value;
use petrel_model::{MadeTrigger, Object, Ref, Trigger, TriggerType};
use petrel_packs::Problem;
use petrel_packs::definition::read_made_trigger_type;
use petrel_packs::schema::odd_types;
use petrel_persistence::Change;

use crate::content::{Content, Named, RegisteredTriggerType};
use crate::masked::Giver;
use crate::registration::lifted::{of_gone_kind, of_trigger_type, of_unread};
use crate::registration::schemas::broken_kind;
use crate::rule_book::settle;
use crate::service::Catalog;

/// The greatest number of trigger types that are made by hand, and of triggers.
const MOST_MADE: usize = 1_000;
/// The number of rules that a refusal names.
const MOST_NAMED: usize = 10;
/// The greatest length of the description of a trigger, in bytes.
const LONGEST_DESCRIPTION: usize = 1_000;
/// The greatest size of the parameters of a trigger, in bytes: all triggers are kept in memory.
const LARGEST_PARAMETERS: usize = 64 << 10;

/// A trigger as somebody asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewTrigger {
    /// The reference of the trigger type.
    pub kind: String,
    /// The parameters.
    pub parameters: Object,
    /// One line on what it is for.
    pub description: String,
    /// The pack and the name that it is to have, if they are said.
    pub named: (Option<String>, Option<String>),
}

impl Catalog {
    /// Makes a trigger type from its text, YAML or JSON, on behalf of `user`.
    ///
    /// # Errors
    /// When the text is not a trigger type, its schemas are not valid, its pack is one of the host's own, the name is taken, by
    /// one that cannot be read perhaps and `giver` sees no secrets, or there are too many.
    pub async fn create_trigger_type(
        &self,
        giver: Giver,
        text: &str,
        user: &str,
    ) -> Result<Arc<TriggerType>, Error> {
        let kind = TriggerType { made_by: Some(user.to_owned()), ..definition(text, None)? };
        refuse_host(&kind.reference)?;
        self.change(move |content| {
            if let Ok(existing) = content.trigger_type(&kind.reference) {
                return Err(exists(&existing.kind));
            }
            refuse_unread(content, &kind.reference, giver)?;
            let made = content.trigger_types().filter(|registered| registered.kind.made_by.is_some());
            refuse_many("trigger types", made.count())?;
            Ok(put(kind))
        })
        .await
    }

    /// Replaces the trigger type `name`, which was made by hand, by the one in a text.
    ///
    /// # Errors
    /// As [`Catalog::create_trigger_type`]; when there is none, it is in the files of a pack, the text has another name, rules
    /// that listen to it would not fit, or something that `giver` does not see would no longer be secret.
    pub async fn update_trigger_type(
        &self,
        giver: Giver,
        name: &str,
        text: &str,
    ) -> Result<Arc<TriggerType>, Error> {
        let old = self.content().trigger_reference(name)?;
        let kind = definition(text, Some(old.pack()))?;
        if kind.reference != old {
            return Err(Error::invalid(
                format!("the trigger type `{old}` cannot become `{}`", kind.reference),
                "make the new one, have the rules listen to it, and delete the old one",
            ));
        }
        self.change(move |content| {
            let made_by = by_hand(content, &old)?.made_by.clone();
            let kind = TriggerType { made_by, ..kind };
            let registered = RegisteredTriggerType::new(kind.clone());
            if let Some(what) = of_trigger_type(content, &registered).filter(|_| giver == Giver::SeesNone) {
                return Err(shown(&what));
            }
            refuse_misfits(content, &registered)?;
            Ok(put(kind))
        })
        .await
    }

    /// Deletes the trigger type `name`, which was made by hand, with the triggers of it that were, and returns its reference.
    ///
    /// # Errors
    /// When there is none, it is in the files of a pack, rules listen to it, or it says what is secret and `giver` sees none.
    pub async fn delete_trigger_type(&self, giver: Giver, name: &str) -> Result<Ref, Error> {
        let kind = self.content().trigger_reference(name)?;
        self.change(move |content| {
            by_hand(content, &kind)?;
            refuse_used(content, &format!("trigger type `{kind}`"), |trigger| trigger.kind == kind)?;
            // Its stored events would be shown with nothing known of what is secret in them.
            if let Some(what) = of_gone_kind(content, &kind).filter(|_| giver == Giver::SeesNone) {
                return Err(shown(&what));
            }
            let triggers = content.made_triggers().filter(|made| made.trigger.kind == kind);
            let triggers: Vec<Ref> = triggers.map(|made| made.reference.clone()).collect();
            let mut changes = vec![Change::delete::<TriggerType>(kind.clone())];
            changes.extend(triggers.iter().cloned().map(Change::delete::<MadeTrigger>));
            let gone = kind.clone();
            Ok(Decided::new(changes, kind, move |content: &mut Content| {
                triggers.iter().for_each(|trigger| content.delete_made_trigger(trigger));
                content.delete_trigger_type(&gone);
            }))
        })
        .await
    }

    /// Makes a trigger on behalf of `user`. One that is there is returned as it is, as in StackStorm.
    ///
    /// # Errors
    /// When its type does not exist or is one of the host's own, its parameters do not fit, or there are too many.
    pub async fn create_trigger(&self, new: NewTrigger, user: &str) -> Result<Arc<MadeTrigger>, Error> {
        let user = user.to_owned();
        self.change(move |content| {
            let made = made(content, new, &user)?;
            if let Some(existing) = content.made_trigger(&made.reference) {
                return Ok(Decided::new(Vec::new(), Arc::clone(existing), |_: &mut Content| {}));
            }
            refuse_many("triggers", content.made_triggers().count())?;
            Ok(put_trigger(None, made))
        })
        .await
    }

    /// Replaces the trigger `name`, which was made by hand. With other parameters it is another one, with another reference.
    ///
    /// # Errors
    /// As [`Catalog::create_trigger`], when it was not made by hand, and when it would be another one that is there, or rules
    /// listen to it.
    pub async fn update_trigger(&self, name: &str, new: NewTrigger) -> Result<Arc<MadeTrigger>, Error> {
        let name = name.to_owned();
        self.change(move |content| {
            let old = trigger_by_hand(content, &name)?;
            let made = made(content, new, &old.made_by)?;
            let is_other = made.reference != old.reference;
            if is_other && content.made_trigger(&made.reference).is_some() {
                return Err(Error::Conflict {
                    message: format!("trigger `{}` exists already", made.reference),
                    hint: "leave it, and delete this one".into(),
                    id: Some(made.reference.to_string()),
                });
            }
            if is_other {
                refuse_used_trigger(content, &old.reference)?;
            }
            Ok(put_trigger(is_other.then(|| old.reference.clone()), made))
        })
        .await
    }

    /// Deletes the trigger `name`, which was made by hand, and returns its reference.
    ///
    /// # Errors
    /// When there is none, or rules listen to it.
    pub async fn delete_trigger(&self, name: &str) -> Result<Ref, Error> {
        let name = name.to_owned();
        self.change(move |content| {
            let reference = name.parse::<Ref>().map_err(|_no_reference| content.no_trigger(&name))?;
            refuse_used_trigger(content, &reference)?;
            let reference = trigger_by_hand(content, &name)?.reference.clone();
            let (changes, gone) = (vec![Change::delete::<MadeTrigger>(reference.clone())], reference.clone());
            Ok(Decided::new(changes, reference, move |content: &mut Content| {
                content.delete_made_trigger(&gone);
            }))
        })
        .await
    }
}

/// The trigger type in a text.
fn definition(text: &str, pack: Option<&str>) -> Result<TriggerType, Error> {
    let read = read_made_trigger_type("trigger type", text, pack).map_err(|problems| {
        let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
        Error::invalid(told.join("\n"), "correct the trigger type and try again")
    });
    let kind = read?;
    let schemas = [("payload_schema", &kind.payload_schema), ("parameters_schema", &kind.parameters_schema)];
    let mut wrong: Vec<_> = schemas.iter().flat_map(|(name, schema)| odd_types(schema, name)).collect();
    wrong.extend(broken_kind(&kind));
    if wrong.is_empty() {
        return Ok(kind);
    }
    let message = format!("trigger type `{}`: {}", kind.reference, wrong.join("; "));
    Err(Error::invalid(message, "correct the schemas and try again"))
}

/// Stores a trigger type.
fn put(kind: TriggerType) -> Decided<Content, Arc<TriggerType>> {
    let answer = Arc::new(kind.clone());
    Decided::new(vec![Change::put(kind.clone())], answer, move |content: &mut Content| {
        content.put_trigger_type(RegisteredTriggerType::new(kind));
    })
}

/// Stores a trigger in place of the one with the reference `old`, if that is another one.
fn put_trigger(old: Option<Ref>, made: MadeTrigger) -> Decided<Content, Arc<MadeTrigger>> {
    let mut changes: Vec<_> = old.iter().cloned().map(Change::delete::<MadeTrigger>).collect();
    changes.push(Change::put(made.clone()));
    let answer = Arc::new(made.clone());
    Decided::new(changes, answer, move |content: &mut Content| {
        old.iter().for_each(|reference| content.delete_made_trigger(reference));
        content.put_made_trigger(made);
    })
}

/// The trigger that somebody asks for.
fn made(content: &Content, new: NewTrigger, user: &str) -> Result<MadeTrigger, Error> {
    let NewTrigger { kind, parameters, description, named } = new;
    let kind = content.trigger_type(&content.trigger_reference(&kind)?)?;
    let mut trigger = Trigger { kind: kind.kind.reference.clone(), parameters };
    if is_own_pack(trigger.kind.pack()) {
        return Err(Error::invalid(
            format!("triggers of {} come with the rules that listen to them", trigger.kind),
            "create a rule with this trigger",
        ));
    }
    if !trigger.parameters.is_empty() && kind.parameters().values().any(has_secret) {
        return Err(Error::invalid(
            format!(
                "{} has secret parameters, and its triggers come with the rules that listen to them",
                trigger.kind
            ),
            "create a rule with this trigger",
        ));
    }
    settle(&mut trigger, kind)?;
    let size: usize = trigger.parameters.iter().map(|(name, value)| name.len() + of_value(value)).sum();
    for (what, size, most) in
        [("description", description.len(), LONGEST_DESCRIPTION), ("parameters", size, LARGEST_PARAMETERS)]
    {
        if size > most {
            return Err(Error::invalid(
                format!("{size} bytes are too many for the {what} of a trigger: {most} is the limit"),
                format!("shorten the {what}"),
            ));
        }
    }
    let reference = trigger.reference();
    let (pack, name) = named;
    for (what, given, is) in [("pack", pack, reference.pack()), ("name", name, reference.name())] {
        if let Some(given) = given.filter(|given| given != is) {
            return Err(Error::invalid(
                format!(
                    "the {what} of a trigger follows from its type and parameters: it is {is}, and not {}",
                    quoted(&given)
                ),
                format!("leave `{what}` out"),
            ));
        }
    }
    Ok(MadeTrigger { reference, trigger, description, made_by: user.to_owned() })
}

/// The trigger type `kind`, if it was made by hand.
fn by_hand<'a>(content: &'a Content, kind: &Ref) -> Result<&'a TriggerType, Error> {
    let registered = content.trigger_type(kind)?;
    refuse_host(kind)?;
    if registered.kind.made_by.is_some() {
        return Ok(&registered.kind);
    }
    Err(Error::Conflict {
        message: format!("trigger type `{kind}` comes with the files of the pack `{}`", kind.pack()),
        hint: format!("change it there, and say `petrel pack register {}`", kind.pack()),
        id: Some(kind.to_string()),
    })
}

/// The trigger `name`, if it was made by hand.
fn trigger_by_hand<'a>(content: &'a Content, name: &str) -> Result<&'a MadeTrigger, Error> {
    let reference = name.parse::<Ref>().map_err(|_no_reference| content.no_trigger(name))?;
    match content.made_trigger(&reference) {
        Some(made) => Ok(made),
        None if content.trigger(&reference).is_some() => Err(Error::Conflict {
            message: format!("trigger `{reference}` comes with the rules that listen to it"),
            hint: "change these rules".into(),
            id: Some(reference.to_string()),
        }),
        None => Err(content.no_trigger(name)),
    }
}

/// Refuses what belongs to a pack of the host, as StackStorm does for its system packs.
fn refuse_host(kind: &Ref) -> Result<(), Error> {
    if !is_own_pack(kind.pack()) {
        return Ok(());
    }
    let message = format!("trigger type `{kind}`: the pack `{}` is the host's own", kind.pack());
    Err(Error::invalid(message, "choose another pack"))
}

/// Refuses to replace one that is stored and cannot be read, of which nobody knows what it marks as secret.
fn refuse_unread(content: &Content, kind: &Ref, giver: Giver) -> Result<(), Error> {
    let unread = of_unread(content, Named::Trigger, kind).filter(|_| giver == Giver::SeesNone);
    unread.map_or(Ok(()), |what| Err(shown(&what)))
}

fn refuse_many(what: &str, count: usize) -> Result<(), Error> {
    if count < MOST_MADE {
        return Ok(());
    }
    Err(Error::invalid(
        format!("{count} {what} were made by hand, and {MOST_MADE} is the limit"),
        "delete some with `petrel trigger delete REF`, or declare them in a pack",
    ))
}

fn refuse_used_trigger(content: &Content, reference: &Ref) -> Result<(), Error> {
    refuse_used(content, &format!("trigger `{reference}`"), |trigger| trigger.reference() == *reference)
}

/// Refuses to take away a trigger, or several, to which rules listen.
fn refuse_used(content: &Content, what: &str, is_it: impl Fn(&Trigger) -> bool) -> Result<(), Error> {
    let rules: Vec<_> = content.rules_listening(is_it).map(|rule| rule.reference.as_str()).collect();
    if rules.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict {
        message: format!("rules listen to {what}: {}", listed(rules.iter().copied(), MOST_NAMED)),
        hint: "delete these rules, or change their triggers, first".into(),
        id: None,
    })
}

/// Refuses a version of a trigger type that the triggers of rules would not fit.
fn refuse_misfits(content: &Content, kind: &RegisteredTriggerType) -> Result<(), Error> {
    let misfit = |trigger: &Trigger| {
        trigger.kind == kind.kind.reference && settle(&mut trigger.clone(), kind).is_err()
    };
    let rules: Vec<_> = content.rules_listening(misfit).map(|rule| rule.reference.as_str()).collect();
    if rules.is_empty() {
        return Ok(());
    }
    let (reference, rules) = (&kind.kind.reference, listed(rules.iter().copied(), MOST_NAMED));
    Err(Error::Conflict {
        message: format!("the parameters that rules give trigger type `{reference}` would not fit: {rules}"),
        hint: "change these rules first, or let parameters_schema accept what they give".into(),
        id: None,
    })
}

/// The error for what would be shown that was secret.
fn shown(what: &str) -> Error {
    Error::Forbidden {
        message: format!("{what} was secret and would be shown from now on, so only the admin may do that"),
        hint: "leave `secret: true` where it was, or have the admin do it".into(),
    }
}

fn exists(existing: &TriggerType) -> Error {
    let reference = &existing.reference;
    Error::Conflict {
        message: format!("trigger type `{reference}` exists already"),
        hint: format!("change it with `petrel trigger update {reference} FILE`, or choose another name"),
        id: Some(reference.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_cannot_be_read_is_replaced_by_who_sees_secrets_alone() {
        let [lost, other]: [Ref; 2] = ["mine.order", "mine.other"].map(|name| name.parse().unwrap());
        let content = Content::default().with_unreadable(Named::Trigger, &lost);
        for (kind, giver, code) in [
            (&lost, Giver::SeesNone, Some("forbidden")),
            (&lost, Giver::SeesSecrets, None),
            (&other, Giver::SeesNone, None),
        ] {
            let refused = refuse_unread(&content, kind, giver).err();
            assert_eq!(refused.as_ref().map(Error::code), code, "{kind}: {refused:?}");
        }
    }
}
