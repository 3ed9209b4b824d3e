//! Output of a run, line by line, on its way from the runner to the store, and the memory claimed for its result.
//!
//! The sink accepts lines without waiting; the engine's executor takes them out at intervals and stores them.
//! Lines beyond the limit are dropped and counted, and the last line reports the count.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use petrel_model::size;
use serde_json::Value;

pub use petrel_model::output::{OutputLine, Stream};

use crate::room::ResultRoom;
use crate::shares::Holder;

/// Bytes that a stored line takes in addition to its text.
const LINE_BYTES: usize = 32;

/// Bytes that a line with this text takes in the store.
pub fn line_size(text: &[u8]) -> usize {
    size::of_text(text).saturating_add(LINE_BYTES)
}

/// Accepts the lines of one run. Cheap to clone; all clones feed the same run.
#[derive(Debug, Clone)]
pub struct OutputSink(Arc<Sink>, Option<Arc<str>>);

#[derive(Debug)]
struct Sink {
    buffer: Mutex<Buffer>,
    /// The account for the result's memory. Without one, the result may take any amount.
    place: Option<Place>,
    /// Whether a claim was refused.
    was_refused: AtomicBool,
}

/// The memory claimed for the result of one run.
#[derive(Debug)]
struct Place {
    room: Arc<ResultRoom>,
    holder: Holder,
    /// Bytes claimed so far, including those that need no claim.
    claimed: Mutex<usize>,
}

impl Place {
    fn claim(&self, bytes: usize) -> bool {
        let own = self.room.own();
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(all) = claimed.checked_add(bytes) else { return false };
        // Only what exceeds the part that every run has is taken from the room of all.
        let missing = all.saturating_sub(own) - claimed.saturating_sub(own);
        let has_room = missing == 0 || self.room.take(&self.holder, missing);
        if has_room {
            *claimed = all;
        }
        has_room
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let claimed = *self.claimed.get_mut().unwrap_or_else(PoisonError::into_inner);
        let taken = claimed.saturating_sub(self.room.own());
        if taken > 0 {
            self.room.give_back(&self.holder, taken);
        }
    }
}

#[derive(Debug)]
struct Buffer {
    lines: Vec<OutputLine>,
    room: usize,
    dropped: usize,
    /// The bytes that are kept, if the newest lines stay and not the first ones.
    rolls: Option<usize>,
    /// When each of the lines came, if the newest ones stay: nobody may look at them for long.
    came: Vec<Instant>,
}

impl Buffer {
    /// Adds a line of this size, and drops the oldest ones if there are too many.
    fn roll(&mut self, size: usize, line: OutputLine) {
        while size > self.room && !self.lines.is_empty() {
            // Half of them at once, so that not every line moves all others.
            let half = self.lines.len().div_ceil(2);
            drop(self.came.drain(..half));
            let freed: usize = self.lines.drain(..half).map(|line| line_size(line.text.as_bytes())).sum();
            self.room += freed;
        }
        self.room = self.room.saturating_sub(size);
        self.lines.push(line);
        self.came.push(Instant::now());
    }
}

impl OutputSink {
    /// Creates a sink that keeps `limit` bytes, as stored.
    pub fn new(limit: usize) -> Self {
        Self::make(limit, None)
    }

    /// As [`OutputSink::new`], for a run whose result is charged to `holder` in `room`.
    pub fn within(limit: usize, room: &Arc<ResultRoom>, holder: Holder) -> Self {
        Self::make(limit, Some(Place { room: Arc::clone(room), holder, claimed: Mutex::new(0) }))
    }

    /// Creates a sink that keeps the newest lines, of `limit` bytes at most, for a run without an end.
    pub fn rolling(limit: usize) -> Self {
        let sink = Self::new(limit);
        sink.buffer().rolls = Some(limit);
        sink
    }

    fn make(limit: usize, place: Option<Place>) -> Self {
        let buffer =
            Mutex::new(Buffer { lines: Vec::new(), room: limit, dropped: 0, rolls: None, came: Vec::new() });
        Self(Arc::new(Sink { buffer, place, was_refused: AtomicBool::new(false) }), None)
    }

    /// A sink that feeds the same run, with `name` and a colon before each line: one of several sources.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self(Arc::clone(&self.0), Some(format!("{name}: ").into()))
    }

    /// The holder that the result is charged to, if it is charged at all.
    pub fn holder(&self) -> Option<&Holder> {
        self.0.place.as_ref().map(|place| &place.holder)
    }

    /// Adds a line, or drops it when the limit is reached.
    pub fn line(&self, stream: Stream, text: impl Into<String>) {
        let mut text = text.into();
        if let Some(name) = &self.1 {
            text.insert_str(0, name);
        }
        let size = line_size(text.as_bytes());
        let mut buffer = self.buffer();
        if let Some(limit) = buffer.rolls {
            // One that is larger than all that is kept has no place, and drives out no others.
            if size <= limit {
                buffer.roll(size, OutputLine { stream, text });
            }
            return;
        }
        // Once something was dropped nothing more is kept, so that the lines have no gap.
        if buffer.dropped == 0 && size <= buffer.room {
            buffer.room -= size;
            buffer.lines.push(OutputLine { stream, text });
        } else {
            buffer.dropped += text.len() + 1;
        }
    }

    /// Whether every further line would be dropped.
    pub fn is_full(&self) -> bool {
        self.buffer().dropped > 0
    }

    /// Counts bytes as dropped without making them into lines first. For callers that have seen that the sink is full.
    pub fn drop_bytes(&self, count: usize) {
        self.buffer().dropped += count;
    }

    /// Takes the lines that have arrived since the last call.
    pub fn take(&self) -> Vec<OutputLine> {
        self.take_with_times().0
    }

    /// As [`take`](Self::take), with how long ago each line came, to the second. Only a [rolling](Self::rolling) sink knows
    /// that; the lines of others have come just now.
    pub fn take_with_ages(&self) -> Vec<(OutputLine, Duration)> {
        let (lines, came) = self.take_with_times();
        let ages = came.into_iter().map(|at| Duration::from_secs(at.elapsed().as_secs()));
        lines.into_iter().zip(ages.chain(std::iter::repeat(Duration::ZERO))).collect()
    }

    fn take_with_times(&self) -> (Vec<OutputLine>, Vec<Instant>) {
        let mut buffer = self.buffer();
        if let Some(limit) = buffer.rolls {
            buffer.room = limit;
        }
        (std::mem::take(&mut buffer.lines), std::mem::take(&mut buffer.came))
    }

    /// Bytes dropped because the limit was reached.
    pub fn dropped(&self) -> usize {
        self.buffer().dropped
    }

    /// Claims `bytes` for the result until the last clone is dropped. Returns `false` if running executions hold all
    /// the memory, or if the holder's user or root has its part.
    pub fn claim(&self, bytes: usize) -> bool {
        let has_room = self.0.place.as_ref().is_none_or(|place| place.claim(bytes));
        if !has_room {
            self.0.was_refused.store(true, Ordering::Relaxed);
        }
        has_room
    }

    /// The reason why a claim was refused, for an error message.
    pub fn refusal(&self) -> String {
        let limit = self.0.place.as_ref().map_or(usize::MAX, |place| place.room.limit()) >> 20;
        format!(
            "the results of all that runs may take {limit} MiB together (engine.results_mib), one user's three quarters \
             of it and those of one workflow or rule a half, and it is not left"
        )
    }

    /// The remark that a result must carry if a claim was refused, since part of it is then missing or in another form.
    pub fn shortfall(&self) -> Option<String> {
        let was_refused = self.0.was_refused.load(Ordering::Relaxed);
        was_refused.then(|| {
            let why = self.refusal();
            format!(
                "the result is not whole: {why}; run it again when fewer actions run, or raise engine.results_mib"
            )
        })
    }

    /// Parses `text` as JSON. `None` if it is not JSON, or if there is no memory for the parsed value; a line of output
    /// reports the latter.
    pub fn parse(&self, text: &str) -> Option<Value> {
        if text.trim_start().starts_with(['[', '{']) && !self.claim(size::parsed(text.as_bytes())) {
            let message = format!("JSON of {} bytes is kept as text: {}", text.len(), self.refusal());
            self.line(Stream::Output, message);
            return None;
        }
        serde_json::from_str(text).ok()
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shares::Root;

    fn holder(user: &str) -> Holder {
        Holder { user: user.into(), root: Root::User(user.into()) }
    }

    #[test]
    fn a_rolling_sink_keeps_the_newest_lines() {
        let sink = OutputSink::rolling(4 * (LINE_BYTES + 4));
        for number in 0..100 {
            sink.line(Stream::Stdout, format!("{number:04}"));
        }
        sink.line(Stream::Stdout, "x".repeat(1_000));
        let texts = || sink.take().into_iter().map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(
            texts().last().map(String::as_str),
            Some("0099"),
            "a line without a place drives out none"
        );
        for number in 0..7 {
            sink.line(Stream::Stdout, format!("{number:04}"));
        }
        let kept = texts();
        assert!(!sink.is_full() && (2..=4).contains(&kept.len()), "{kept:?}");
        assert_eq!(kept.last().map(String::as_str), Some("0006"));
        sink.line(Stream::Stdout, "old");
        sink.buffer().came.iter_mut().for_each(|at| *at -= Duration::from_secs(60));
        sink.line(Stream::Stdout, "new");
        let aged = sink.take_with_ages();
        assert!(aged.len() == 2 && aged[0].1 >= Duration::from_secs(60) && aged[1].1 < aged[0].1, "{aged:?}");
        assert!(sink.take_with_ages().is_empty());
    }

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_counted() {
        let plain = LINE_BYTES + 4;
        for (limit, texts, kept, dropped) in [
            (2 * plain, &["1234", "1234", "5", ""][..], 2, 3),
            // Empty lines take memory, too.
            (3 * LINE_BYTES, &[""; 10], 3, 7),
            // A byte that takes six in JSON counts as six.
            (LINE_BYTES + 23, &["\0\0\0\0"], 0, 5),
            (LINE_BYTES + 24, &["\0\0\0\0"], 1, 0),
            (LINE_BYTES + 8, &["\"\"\\\\"], 1, 0),
        ] {
            let sink = OutputSink::new(limit);
            texts.iter().for_each(|text| sink.line(Stream::Stdout, *text));
            let found: Vec<_> = sink.take().into_iter().map(|line| line.text).collect();
            assert_eq!((found.as_slice() == &texts[..kept], sink.dropped()), (true, dropped), "{texts:?}");
            assert_eq!(sink.take(), []);
        }
    }

    #[test]
    fn a_line_names_its_source() {
        let sink = OutputSink::new(1000);
        sink.named("web1").line(Stream::Stdout, "up");
        sink.line(Stream::Stdout, "down");
        assert_eq!(sink.take().into_iter().map(|line| line.text).collect::<Vec<_>>(), ["web1: up", "down"]);
    }

    #[test]
    fn what_runs_shares_room_for_results() {
        let room = Arc::new(ResultRoom::new(100));
        let [one, other] = ["ann", "bob"].map(|user| OutputSink::within(1000, &room, holder(user)));
        let clone = one.clone();
        assert!(one.claim(30) && clone.claim(20));
        assert!(!one.claim(1), "more than its share");
        assert!(!other.claim(60), "more than is left");
        drop(one);
        assert!(!other.claim(60), "a clone has it still");
        drop(clone);
        assert!(other.claim(100));
        assert!(OutputSink::new(0).claim(usize::MAX), "without a common room");
    }

    #[test]
    fn a_small_result_has_its_place_whatever_others_hold() {
        let room = Arc::new(ResultRoom::new(100 << 10));
        let all: Vec<_> =
            ["ann", "bob", "cyd"].map(|user| OutputSink::within(1000, &room, holder(user))).into();
        assert!(all[0].claim(50 << 10) && all[1].claim(50 << 10) && all[2].claim(200));
        // Its own part, and the remainder.
        assert!(all[2].claim(100));
        assert_eq!(all.iter().filter(|sink| sink.shortfall().is_some()).count(), 0);
        assert!(!all[2].claim(1));
        let told = all[2].shortfall().unwrap();
        assert!(told.contains("not whole") && told.contains("engine.results_mib"), "{told}");
        drop(all);
        let sink = OutputSink::within(1000, &room, holder("dan"));
        assert!(sink.claim(room.limit() + room.own()), "all of it was given back");
    }

    #[test]
    fn what_has_no_room_as_a_value_stays_text() {
        let room = Arc::new(ResultRoom::new(1000));
        let sink = OutputSink::within(1000, &room, holder("ann"));
        let many = format!("[{}1]", "1,".repeat(100));
        for (text, value) in [
            ("{\"a\": 1}", Some(json!({"a": 1}))),
            ("5", Some(json!(5))),
            ("[5", None),
            ("no JSON, [] and {}", None),
            (many.as_str(), None),
        ] {
            assert_eq!(sink.parse(text), value, "{text}");
        }
        let told: Vec<_> = sink.take().into_iter().map(|line| line.text).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("engine.results_mib"), "{told:?}");
    }
}
