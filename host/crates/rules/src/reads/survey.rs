//! Scans a JSON text without creating values: whether it is valid, how deep it is nested, and how much memory the parts
//! that are read would take.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{ENTRY_BYTES, Reads, VALUE_BYTES};

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    /// Memory of the parts that are read, once they are values, in bytes.
    pub bytes: usize,
    /// Whether it is nested too deep. The scan stopped there.
    pub is_too_deep: bool,
}

pub(super) fn survey(reads: &Reads, text: &str, room: usize) -> Result<Survey, serde_json::Error> {
    let mut survey = Survey::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let look = Look { reads: Some(reads), room, survey: &mut survey };
    let looked = look.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match looked {
        // The error that ended the scan is our own.
        Err(_) if survey.is_too_deep => Ok(survey),
        looked => looked.map(|()| survey),
    }
}

/// Scans the next value. Its kind is only known once it is parsed.
struct Look<'r, 's> {
    /// The reads inside it, if there are any.
    reads: Option<&'r Reads>,
    /// Levels that it may still have.
    room: usize,
    survey: &'s mut Survey,
}

impl<'r> Look<'r, '_> {
    fn count(&mut self, bytes: usize) {
        if self.reads.is_some() {
            self.survey.bytes += VALUE_BYTES + bytes;
        }
    }

    /// The scan of a value inside this one.
    fn within(&mut self, reads: Option<&'r Reads>) -> Look<'r, '_> {
        Look { reads, room: self.room - 1, survey: &mut *self.survey }
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.count(0);
        if self.room == 0 {
            self.survey.is_too_deep = true;
            return Err(E::custom("nested too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.count(0);
        Ok(())
    }

    fn visit_bool<E: Error>(mut self, _: bool) -> Result<(), E> {
        self.count(0);
        Ok(())
    }

    fn visit_i64<E: Error>(mut self, _: i64) -> Result<(), E> {
        self.count(0);
        Ok(())
    }

    fn visit_u64<E: Error>(mut self, _: u64) -> Result<(), E> {
        self.count(0);
        Ok(())
    }

    fn visit_f64<E: Error>(mut self, _: f64) -> Result<(), E> {
        self.count(0);
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.count(text.len());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.enter::<A::Error>()?;
        let reads = self.reads.filter(|reads| reads.is_whole);
        while items.next_element_seed(self.within(reads))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.enter::<A::Error>()?;
        while let Some(name) = entries.next_key::<String>()? {
            let reads = self.reads.and_then(|reads| reads.below(&name));
            if reads.is_some() {
                self.survey.bytes += ENTRY_BYTES + name.len();
            }
            entries.next_value_seed(self.within(reads))?;
        }
        Ok(())
    }
}
