//! Answers to inquiries: who may give one, whether it fits the question, and its commit, which comes once and goes to the
//! workflow that asked. [`inquiries`](super::inquiries) knows which are open.

use petrel_catalog::validation::Validator;
use petrel_engine_core::evaluation::quick;
use petrel_engine_core::{Error, refuse_depth};
use petrel_model::inquiry::{self, Question};
use petrel_model::quoted::quoted;
use petrel_model::{Execution, ExecutionId, Object, Parent, RuleId, Status, StatusEvent, size};
use petrel_persistence::Expect;
use petrel_runners::Outcome;
use serde_json::Value;

use super::cancel::TRIES;
use super::service::Executions;
use super::uncommitted::Uncommitted;

/// The most bytes of a question, and of an answer.
const MOST_BYTES: usize = 64 << 10;

/// The most inquiries that are open at the same time. Nothing else limits what waits for people.
const MOST_OPEN: usize = 100_000;

/// An answer to an inquiry.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer itself.
    pub response: Value,
    /// The user who gives it.
    pub user: String,
    /// The user who issued the credential by which it is given, if that is somebody else.
    pub issuer: Option<String>,
}

/// The outcome of a run that asks beside so many `open` inquiries, if its question can be answered at all.
pub(crate) fn checked(outcome: Outcome, open: usize) -> Outcome {
    if open >= MOST_OPEN {
        let message = format!("{open} inquiries are open, and {MOST_OPEN} is the limit");
        let hint = "answer or cancel some: `petrel inquiry list` shows them; a short `ttl` ends those that nobody answers";
        return Outcome::failed("inquiry.too_many", message, hint);
    }
    let bytes = size::of_value(&outcome.result);
    if bytes > MOST_BYTES {
        let message = format!("the question has {bytes} bytes, and {MOST_BYTES} is the limit");
        return Outcome::failed("inquiry.too_large", message, "ask with a smaller schema and fewer users");
    }
    let schema = Question::in_result(&outcome.result).and_then(Question::schema);
    let Some(schema) = schema else {
        let hint = "give the parameter `schema` a JSON Schema, such as {type: object, properties: ...}";
        return Outcome::failed("inquiry.schema", "the schema of the question is no object", hint);
    };
    match Validator::wrong_question(schema) {
        Some(why) => Outcome::failed(
            "inquiry.schema",
            format!("the schema of the question is not valid: {why}"),
            "correct the parameter `schema`",
        ),
        None => outcome,
    }
}

impl Executions {
    /// An open inquiry.
    ///
    /// # Errors
    /// When there is none with this id, or it is not open any more, in StackStorm's words.
    pub async fn inquiry(&self, id: ExecutionId) -> Result<Execution, Error> {
        let Some(execution) = self.store().execution(id).await? else {
            return Err(Error::NotFound {
                what: "inquiry",
                name: id.to_string(),
                hint: "`petrel inquiry list` shows the open ones".into(),
            });
        };
        if execution.runner != inquiry::NAME {
            let message = format!("Action execution \"{id}\" is not an inquiry.");
            return Err(Error::invalid(message, "`petrel inquiry list` shows the open ones"));
        }
        if self.store().is_held(id) && !execution.status.is_final() {
            return Err(Error::Conflict {
                message: format!(
                    "inquiry {id} is held: it was open at the backup that this host is restored from"
                ),
                hint: "`petrel resume-all` lets all that is held go on".into(),
                id: Some(id.to_string()),
            });
        }
        let why = match execution.status {
            Status::Pending => return Ok(execution),
            Status::Succeeded => "has already been responded to.".to_owned(),
            Status::Timeout => "timed out and cannot be responded to.".to_owned(),
            Status::Canceled => "was canceled and cannot be responded to.".to_owned(),
            status => format!("is {status} and cannot be responded to."),
        };
        let hint = format!("`petrel execution get {id}` shows it, `petrel inquiry list` the open ones");
        Err(Error::invalid(format!("Inquiry \"{id}\" {why}"), hint))
    }

    /// Answers an inquiry, and lets its workflow go on. The answer is stored when this returns, and it is completed even if
    /// the caller stops waiting.
    ///
    /// # Errors
    /// When the inquiry is not open, the user may not answer it, or the answer does not fit. The inquiry stays open then.
    pub async fn respond(&self, id: ExecutionId, answer: Answer) -> Result<Execution, Error> {
        let executions = self.clone();
        self.core().run_detached(async move { executions.respond_now(id, &answer).await }).await
    }

    async fn respond_now(&self, id: ExecutionId, answer: &Answer) -> Result<Execution, Error> {
        refuse_depth("the response", &answer.response)?;
        let bytes = size::of_value(&answer.response);
        if bytes > MOST_BYTES {
            return Err(Error::TooLarge {
                message: format!("the response has {bytes} bytes, and {MOST_BYTES} is the limit"),
                hint: "answer with less, or with a reference to the data".into(),
            });
        }
        for _ in 0..TRIES {
            let mut execution = self.inquiry(id).await?;
            self.refuse_stranger(&execution, answer).await?;
            self.refuse_misfit(&execution, &answer.response).await?;
            let expect = Expect::ExecutionVersion(id, execution.version);
            let moved = execution.apply(StatusEvent::Succeeded, self.core().now());
            moved.map_err(|illegal| Error::Internal(illegal.to_string()))?;
            let result = Question::of(&execution).map(|question| question.answered(answer.response.clone()));
            execution.result = result.map(Into::into);
            execution.context.answered_by = Some(answer.user.clone());
            if execution.holds_secrets()
                && let Some(why) = self.store().refuses_secrets()
            {
                // Stored without its values it would be lost, and it can be given again.
                let message =
                    format!("the answer to inquiry {id} has secrets, and none can be stored: {why}");
                return Err(Error::invalid(message, "answer once the key is back"));
            }
            match self.end_inquiry(&execution, expect).await {
                // Somebody else was faster, most likely, which is the answer then.
                Err(Uncommitted::Moved) => {}
                result => return Ok(result.map(|()| execution)?),
            }
        }
        Err(Error::Busy(format!("inquiry {id} keeps changing")))
    }

    /// Refuses an answer by somebody who may not give it.
    async fn refuse_stranger(&self, execution: &Execution, answer: &Answer) -> Result<(), Error> {
        let (id, user) = (execution.id, answer.user.as_str());
        let Some(question) = Question::of(execution) else { return Ok(()) };
        let is_named = question.users().any(|one| one == user);
        // There are no roles yet, so nobody has one: the admin and those who are named stand in.
        let may_answer = if question.roles().next().is_some() {
            is_named || self.access().is_admin(user)
        } else {
            is_named || question.users().next().is_none()
        };
        if !may_answer {
            let user = quoted(user);
            return Err(Error::Forbidden {
                message: format!("User \"{user}\" does not have permission to respond to inquiry \"{id}\"."),
                hint: format!("`petrel inquiry get {id}` shows who has"),
            });
        }
        if !question.needs_four_eyes() {
            return Ok(());
        }
        let Some(starter) = self.starter(execution, answer).await? else { return Ok(()) };
        Err(Error::Forbidden {
            message: format!(
                "inquiry {id} needs the answer of somebody else than \"{}\", who started the run (four_eyes)",
                quoted(&starter)
            ),
            hint: "have another user answer it".into(),
        })
    }

    /// The one among those who give the answer who started the run, if there is one.
    async fn starter(&self, execution: &Execution, answer: &Answer) -> Result<Option<String>, Error> {
        let top = match execution.parent.as_ref().map(Parent::root) {
            Some(root) => self.store().execution(root).await?.map(|root| root.context),
            None => Some(execution.context.clone()),
        };
        // Nobody knows who started it, so it may have been anybody.
        let Some(top) = top else { return Ok(Some(answer.user.clone())) };
        if let Some(rule) = &top.rule {
            return Ok(self.author(rule.id, answer));
        }
        let starters = [Some(&top.user), top.api_user.as_ref()];
        let answering = [Some(&answer.user), answer.issuer.as_ref()];
        let is_starter = |user: &&String| starters.into_iter().flatten().any(|one| one == *user);
        Ok(answering.into_iter().flatten().find(is_starter).cloned())
    }

    /// The one among those who give the answer who made the rule that started the run. Who sent the event is not known.
    fn author(&self, rule: RuleId, answer: &Answer) -> Option<String> {
        let content = self.queue().catalog().content();
        let Ok(rule) = content.rule(&rule.to_string()) else {
            // Its author may have been anybody; the admin needs no rule.
            return (!self.access().is_admin(&answer.user)).then(|| answer.user.clone());
        };
        // Rules from the files of packs have none.
        let author = rule.context.get("user").and_then(Value::as_str)?;
        let answering = [Some(&answer.user), answer.issuer.as_ref()];
        answering.into_iter().flatten().find(|user| user.as_str() == author).cloned()
    }

    /// Refuses an answer that does not fit the schema of the question.
    async fn refuse_misfit(&self, execution: &Execution, response: &Value) -> Result<(), Error> {
        let id = execution.id;
        let Some(schema) = Question::of(execution).and_then(Question::schema) else { return Ok(()) };
        let (schema, response) = (schema.clone(), response.clone());
        let checked = if let Some(checked) = quick(|| fits(&schema, &response)) {
            checked
        } else {
            let evaluations = self.queue().evaluations();
            evaluations.check_room()?;
            evaluations.heavy(move || fits(&schema, &response)).await?
        };
        checked.map_err(|why| {
            let message = format!("Response for inquiry \"{id}\" did not pass schema validation. {why}");
            Error::invalid(message, format!("`petrel inquiry get {id}` shows what it asks for"))
        })
    }
}

/// Whether a response fits `schema`, or else why not.
fn fits(schema: &Object, response: &Value) -> Result<(), String> {
    Validator::of_answer(schema).check(response)
}

#[cfg(test)]
mod tests {
    use petrel_runners::End;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_that_nobody_could_answer_is_not_asked() {
        let long = "x".repeat(MOST_BYTES);
        for (schema, code) in [
            (json!({"type": "object", "properties": {"ok": {"type": "boolean", "required": true}}}), None),
            (json!({}), None),
            (json!("text"), Some("inquiry.schema")),
            (json!({"type": "objekt"}), Some("inquiry.schema")),
            (json!({"properties": {"ok": {"type": "bolean"}}}), Some("inquiry.schema")),
            (json!({"properties": {"approved": "boolean"}}), Some("inquiry.schema")),
            (json!({"properties": {"approved": {"typ": "boolean"}}}), None),
            (json!({"description": long}), Some("inquiry.too_large")),
        ] {
            let result = json!({"schema": schema, "ttl": 1});
            let outcome = checked(Outcome { end: End::Asked, result }, 0);
            assert_eq!(outcome.result.get("code").and_then(Value::as_str), code, "{schema}");
            assert_eq!(outcome.end == End::Asked, code.is_none());
            let told = outcome.result["error"].as_str().unwrap_or_default();
            let says = "`bolean` is not a type, in schema.ok; did you mean boolean?";
            assert_eq!(told.contains(says), schema.to_string().contains("bolean"), "{told}");
        }
        let outcome = Outcome { end: End::Asked, result: json!({"schema": {}, "ttl": 1}) };
        assert_eq!(checked(outcome, MOST_OPEN).result["code"], json!("inquiry.too_many"));
    }

    #[test]
    fn an_answer_is_checked_in_the_dialect_of_stackstorm() {
        let schema = json!({"type": "object", "properties": {
            "ok": {"type": "boolean", "required": true}, "note": {"type": "string"}, "pin": {"type": "string", "secret": true},
        }});
        let schema = schema.as_object().unwrap();
        for (response, says) in [
            (json!({"ok": true}), ""),
            (json!({"ok": false, "note": null, "more": 1}), ""),
            (json!({}), "'ok' is a required property"),
            (json!({"ok": "yes"}), "ok:"),
            (json!("yes"), "is not an object"),
            (json!({"ok": true, "pin": 424_242}), "pin:"),
        ] {
            let why = fits(schema, &response).err().unwrap_or_default();
            assert!(why.starts_with(says) || why.contains(says), "{response}: {why}");
            assert!(why.is_empty() == says.is_empty() && !why.contains("424242"), "{response}: {why}");
        }
    }
}
