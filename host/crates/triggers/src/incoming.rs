//! Events on their way in: their text, which is stored, and their values, as far as somebody reads them.
//!
//! A small event is parsed as a whole, which is quickest. Of a large one only the parts that the rules of its
//! trigger and its payload schema read become values ([`petrel_rules::reads`]).

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::{
    ExecutionId, Object, Payload, Ref, TraceId, TraceTag, TriggerInstance, TriggerInstanceId, depth,
};
use petrel_rules::Reads;
use petrel_runners::apart;
use petrel_runners::sensors::EmittedBy;
use serde_json::{Value, json};

use crate::dedup::Once;
use crate::intake::Claim;
use crate::service::Triggers;
use petrel_engine_core::Error;

/// The largest event that is parsed as a whole, in bytes of JSON.
pub const SMALL: usize = 256 << 10;

/// An event on its way in.
#[derive(Debug, Clone)]
pub struct Event {
    payload: Payload,
    values: Arc<Value>,
    /// The parts of the payload that were parsed, if not all of it was.
    reads: Option<Reads>,
    /// The trace that its sender named.
    trace: Option<TraceId>,
    /// The tag of the trace.
    tag: Option<TraceTag>,
    /// The execution that it reports, or that has sent it.
    caused_by: Option<ExecutionId>,
    /// The number of events of actions that led to it and that it is one of.
    depth: u32,
    /// The key by which it is known if it comes again.
    once: Option<Arc<Once>>,
    /// Whether it names the event that it repeats.
    is_marked: bool,
}

/// The field of a payload that names the event that it repeats, as StackStorm has it.
pub(crate) const MARK: &str = "__context";
/// How the text of the payload of a large event begins that has the mark.
const MARKED: &str = "{\"__context\":{\"original_id\":\"";

impl Event {
    /// The whole payload.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The parsed values.
    pub fn values(&self) -> &Arc<Value> {
        &self.values
    }

    /// This event, from a sender that has named this trace, if any.
    #[must_use]
    pub fn in_trace(self, trace: Option<TraceId>) -> Self {
        Self { trace, ..self }
    }

    /// This event, with a tag for its trace, if one was given.
    #[must_use]
    pub fn tagged(self, tag: Option<TraceTag>) -> Self {
        Self { tag, ..self }
    }

    /// This event, which reports an execution, or was sent by it.
    #[must_use]
    pub(crate) fn caused_by(self, execution: Option<ExecutionId>) -> Self {
        Self { caused_by: execution, ..self }
    }

    /// This event, of which only the first with this key is taken in, if there is a key.
    #[must_use]
    pub fn taken_once(self, once: Option<Once>) -> Self {
        Self { once: once.map(Arc::new), ..self }
    }

    /// The key by which it is known if it comes again.
    pub(crate) fn once(&self) -> Option<&Arc<Once>> {
        self.once.as_ref()
    }

    /// The trace that its sender named.
    pub(crate) fn trace(&self) -> Option<TraceId> {
        self.trace
    }

    /// This event, which an action emits: it belongs to the trace of its execution, and has the tag of that if it names
    /// none.
    #[must_use]
    pub(crate) fn emitted_by(self, by: EmittedBy) -> Self {
        Self { trace: Some(by.trace), tag: self.tag.or(by.trace_tag), caused_by: Some(by.execution), ..self }
    }

    /// The tag of its trace.
    pub(crate) fn tag(&self) -> Option<TraceTag> {
        self.tag.clone()
    }

    /// The execution that it reports, or that has sent it.
    pub(crate) fn cause(&self) -> Option<ExecutionId> {
        self.caused_by
    }

    /// This event, to which so many events of actions led, itself among them.
    #[must_use]
    pub(crate) fn at_depth(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    /// The number of events of actions that led to it and that it is one of.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// This event as the repetition of `original`, which its payload names, as in StackStorm. A payload that is no object
    /// stays as it is.
    ///
    /// # Errors
    /// When its text is no JSON.
    pub(crate) fn repeating(self, original: TriggerInstanceId) -> Result<Self, Error> {
        let mut values = Arc::unwrap_or_clone(self.values);
        let Some(fields) = values.as_object_mut() else {
            return Ok(Self { values: Arc::new(values), ..self });
        };
        fields.insert(MARK.to_owned(), json!({"original_id": original}));
        let payload = if self.reads.is_none() {
            Payload::from(&values)
        } else {
            marked(self.payload.text(), original)?
        };
        Ok(Self { payload, values: Arc::new(values), is_marked: true, ..self })
    }

    /// Whether it is a stored one that is emitted once more.
    pub(crate) fn is_repetition(&self) -> bool {
        self.is_marked
    }

    /// The values as the sender of the event has made them, without the mark of a repetition.
    pub(crate) fn unmarked(&self) -> Cow<'_, Value> {
        if !self.is_marked {
            return Cow::Borrowed(&*self.values);
        }
        let mut values = Value::clone(&self.values);
        if let Some(fields) = values.as_object_mut() {
            fields.remove(MARK);
        }
        Cow::Owned(values)
    }

    /// Whether the event was parsed for `reads`.
    pub(crate) fn is_for(&self, reads: impl FnOnce() -> Reads) -> bool {
        self.reads.as_ref().is_none_or(|known| *known == reads())
    }

    /// An event of which no more is known than its payload, of which these are the values.
    fn of(payload: Payload, values: Arc<Value>) -> Self {
        Self {
            payload,
            values,
            reads: None,
            trace: None,
            tag: None,
            caused_by: None,
            depth: 0,
            once: None,
            is_marked: false,
        }
    }
}

impl From<Value> for Event {
    fn from(whole: Value) -> Self {
        Self::of(Payload::from(&whole), Arc::new(whole))
    }
}

/// An event of a webhook with a body larger than [`SMALL`].
#[derive(Debug)]
pub struct LargeEvent {
    /// The headers, by their names in title case.
    pub headers: Object,
    /// The headers, by their names in lower case.
    pub headers_lower: Object,
    /// The body, unparsed.
    pub body: Vec<u8>,
}

impl Triggers {
    /// Parses a large event of the webhook `url` on a thread of its own, and claims the memory of its values.
    /// The text of the payload ends with the body and one bracket.
    ///
    /// # Errors
    /// When no rule listens, the body is not a JSON object or list or nests too deep, or there is no memory
    /// for its values.
    pub async fn read_large(
        &self,
        url: &str,
        sent: LargeEvent,
        mut claim: Claim,
    ) -> Result<(Event, Claim), Error> {
        let (triggers, url) = (self.clone(), url.to_owned());
        self.read_apart(move || triggers.read(&url, sent, &mut claim).map(|event| (event, claim))).await
    }

    /// A stored event, to be taken in once more in its trace, with the claim on the memory of its values.
    ///
    /// # Errors
    /// When it cannot be read, or there is no memory for it.
    pub(crate) async fn stored_event(&self, instance: &TriggerInstance) -> Result<(Event, Claim), Error> {
        let (payload, depth) = (instance.payload.clone(), instance.depth);
        let (trace, tag) = (Some(instance.trace_id()), instance.trace_tag.clone());
        let mut claim = self.claim(payload.text().len())?;
        let is_large = payload.text().len() > SMALL;
        let reads = is_large.then(|| self.content().reads(&instance.trigger, &instance.trigger_type));
        let read = move || {
            let whole = Reads::whole();
            let values = take(reads.as_ref().unwrap_or(&whole), payload.text(), 0, &mut claim)?;
            // It may have been sent once more itself.
            let is_marked = values.get(MARK).is_some();
            let values = Arc::new(values);
            let event = Event { reads, trace, tag, depth, is_marked, ..Event::of(payload, values) };
            Ok((event, claim))
        };
        if is_large { self.read_apart(read).await } else { read() }
    }

    /// Reads a large event on a thread of its own, one after the other.
    async fn read_apart<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.reading_turn().await?;
        let reading = apart::spawn(std::thread::Builder::new().name("read".into()), move || {
            let _turn = turn;
            read()
        });
        let internal = |why: String| Error::Internal(format!("a large event cannot be read: {why}"));
        reading
            .map_err(|error| internal(error.to_string()))?
            .await
            .map_err(|gone| internal(gone.to_string()))?
    }

    fn read(&self, url: &str, sent: LargeEvent, claim: &mut Claim) -> Result<Event, Error> {
        let LargeEvent { headers, headers_lower, body } = sent;
        let body = String::from_utf8(body).map_err(|error| {
            Error::invalid(format!("the body is not JSON: {error}"), "send a JSON object in UTF-8")
        })?;
        let reads = {
            let content = self.content();
            let (trigger, kind) = content.webhook(url)?;
            content.reads(trigger, &kind.kind)
        };
        if !body.trim_start().starts_with(['{', '[']) {
            return Err(Error::invalid("the body is neither an object nor a list", "send a JSON object"));
        }
        let value = take(&reads.of_field("body"), &body, 1, claim)?;
        let head = json!({"headers": headers, "headers_lower": headers_lower});
        let payload = with_body(&head.to_string(), body)?;
        let mut values = head;
        if let Some(values) = values.as_object_mut() {
            values.insert("body".into(), value);
        }
        Ok(Event { reads: Some(reads), ..Event::of(payload, Arc::new(values)) })
    }

    /// The values of a stored event that the rules of its trigger read, with the claim on their memory.
    pub(crate) fn stored_values(&self, trigger: &Ref, payload: &Payload) -> Result<(Value, Claim), Error> {
        self.values_of(payload, |reads| self.content().add_reads(trigger, reads))
    }

    /// The values of a stored event, with the claim on their memory. Of a large one only those that `add_reads` adds.
    pub(crate) fn values_of(
        &self,
        payload: &Payload,
        add_reads: impl FnOnce(&mut Reads),
    ) -> Result<(Value, Claim), Error> {
        let text = payload.text();
        let mut claim = self.claim(text.len())?;
        let mut reads = Reads::whole();
        if text.len() > SMALL {
            reads = Reads::default();
            add_reads(&mut reads);
        }
        Ok((take(&reads, text, 0, &mut claim)?, claim))
    }
}

/// Parses the parts `reads` of `text`, which nests `around` levels deep in something else.
fn take(reads: &Reads, text: &str, around: usize, claim: &mut Claim) -> Result<Value, Error> {
    let invalid = |error: serde_json::Error| {
        Error::invalid(
            format!("the body is not JSON: {error}"),
            "send a JSON object, with the header Content-Type: application/json",
        )
    };
    let survey = reads.survey(text, around).map_err(invalid)?;
    if survey.is_too_deep {
        return Err(Error::invalid(
            format!("the payload is nested more than {} levels deep", depth::LIMIT),
            "send something flatter, or send it as text",
        ));
    }
    claim.grow(survey.bytes)?;
    reads.take(text).map_err(invalid)
}

/// The text of the payload of a large event with the mark, in place of one that it had. It is not parsed for that.
fn marked(text: &str, original: TriggerInstanceId) -> Result<Payload, Error> {
    let had = text.strip_prefix(MARKED).and_then(|rest| rest.split_once("\"}")).map(|(_, rest)| rest);
    let rest = match had {
        Some(rest) => rest.trim_start_matches(',').to_owned(),
        None => text.trim_start().strip_prefix('{').unwrap_or(text).to_owned(),
    };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    let text = format!("{MARKED}{original}\"}}{comma}{rest}");
    Payload::from_text(text).map_err(|error| Error::Internal(format!("a payload is no JSON: {error}")))
}

/// The object `head` with `body` as its last field.
fn with_body(head: &str, body: String) -> Result<Payload, Error> {
    const NAME: &str = ",\"body\":";
    let mut text = String::with_capacity(head.len() + NAME.len() + body.len());
    text.push_str(head.strip_suffix('}').unwrap_or(head));
    text.push_str(NAME);
    text.push_str(&body);
    // The body may be large, and the next call copies the text, so it is freed first.
    drop(body);
    text.push('}');
    Payload::from_text(text).map_err(|error| Error::Internal(format!("a payload is no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_payload_has_one_mark() {
        let id = |n| TriggerInstanceId::from(petrel_model::Id::from_parts(n, n));
        for (text, rest) in [("{\"n\": 1}", json!({"n": 1})), (" { }", json!({}))] {
            let once = marked(text, id(1)).unwrap();
            let twice = marked(once.text(), id(2)).unwrap();
            for (found, id) in [(once, id(1)), (twice, id(2))] {
                let mut expected = rest.clone();
                expected[MARK] = json!({"original_id": id});
                assert_eq!(found.text().matches(MARK).count(), 1);
                assert_eq!(found.parse().unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_body_ends_the_text_of_its_payload() {
        let head = json!({"headers": {"A": "1"}, "headers_lower": {"a": "1"}});
        let body = " [1,  2]\n";
        let payload = with_body(&head.to_string(), body.into()).unwrap();
        assert!(payload.text().ends_with(&format!("{body}}}")));
        assert_eq!(
            payload.parse().unwrap(),
            json!({"headers": {"A": "1"}, "headers_lower": {"a": "1"}, "body": [1, 2]})
        );
    }
}
