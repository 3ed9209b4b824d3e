//! Keys of mappings and members of sets, by Python's rules: `1`, `1.0` and `true` are one key, and mutable lists are
//! none.

use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use indexmap::{Equivalent, IndexSet};
use petrel_python::number::PythonNumber;
use petrel_python::work;

use super::super::compare::equal;
use super::super::error::Error;
use super::super::limits::Run;
use super::{Term, above};

/// The bytes of text that cost as much to compare as one value. A tuple of many numbers has no text.
const PART: usize = 256;

/// A term with its hash.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    hash: u64,
    /// The bytes that comparing the key may read: those of its texts, and [`PART`] for each value.
    weight: usize,
    term: Term,
}

/// A hasher that passes on a hash which was computed before.
#[derive(Debug, Default, Clone)]
pub(crate) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys write only one number to the hasher; this method is required by the trait.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(super) type Hashed = BuildHasherDefault<Passed>;

impl Key {
    /// # Errors
    /// When `term` cannot be a key.
    pub(crate) fn new(run: &Run<'_>, term: Term) -> Result<Self, Error> {
        let mut weight = 0;
        let hash = hash(run, &term, &mut weight)?;
        Ok(Self { hash, weight, term })
    }

    /// The key of a term that is a key already.
    pub(super) fn of_existing(term: &Term) -> Self {
        let mut weight = 0;
        // A hash that exceeds a limit is 0, which finds nothing, and the evaluation fails.
        let hash = hash(&Run::new(None), term, &mut weight).unwrap_or_default();
        Self { hash, weight, term: term.clone() }
    }

    pub(crate) fn term(&self) -> &Term {
        &self.term
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && equal(&self.term, &other.term)
    }
}

impl Eq for Key {}

/// Text to be looked up among keys.
pub(super) struct TextKey<'a>(pub(super) &'a str);

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash_text(self.0));
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        matches!(&key.term, Term::Text(text) if **text == *self.0)
    }
}

fn hash_text(text: &str) -> u64 {
    hash_of(&(1_u8, text))
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The hash of `term`. Charges a step for each value in it and work for its length, which is added to `weight`.
fn hash(run: &Run<'_>, term: &Term, weight: &mut usize) -> Result<u64, Error> {
    run.step()?;
    *weight = weight.saturating_add(PART);
    let mut scan = |bytes: usize| {
        *weight = weight.saturating_add(bytes);
        work::scan(bytes)
    };
    let unhashable = || Error::type_(format!("unhashable type: '{}'", term.type_name()));
    Ok(match term {
        Term::Null => hash_of(&0_u8),
        Term::Bool(value) => hash_of(&(2_u8, i128::from(*value))),
        Term::Integer(number) => hash_of(&(2_u8, *number)),
        Term::Float(number) => match whole(*number) {
            Some(whole) => hash_of(&(2_u8, whole)),
            None => hash_of(&(3_u8, number.to_bits())),
        },
        Term::Text(text) => {
            scan(text.len())?;
            hash_text(text)
        }
        Term::List(list) if list.is_tuple() => {
            let hashes = list.iter().map(|item| hash(run, &item, weight)).collect::<Result<Vec<_>, _>>()?;
            hash_of(&(4_u8, hashes))
        }
        Term::Dict(dict) if !dict.is_mutable() => {
            // A sum, because mappings are equal in any order of their entries.
            let mut sum = 0_u64;
            for (key, value) in dict.entries() {
                let (key, value) = (hash(run, &key, weight)?, hash(run, &value, weight)?);
                sum = sum.wrapping_add(hash_of(&(key, value)));
            }
            hash_of(&(5_u8, sum))
        }
        Term::Set(set) if !set.is_view => {
            // The members have their hashes already; only their later comparison is to be charged.
            scan(set.members.weight())?;
            run.steps(set.members.len() as u64 / 16)?;
            let sum = set.members.iter().fold(0_u64, |sum, key| sum.wrapping_add(hash_of(&key.hash)));
            hash_of(&(6_u8, sum))
        }
        Term::DateTime(time) => hash_of(&(7_u8, time.micros)),
        Term::TimeSpan(span) => hash_of(&(8_u8, span.micros)),
        Term::Pattern(pattern) => {
            scan(pattern.source().len())?;
            hash_of(&(9_u8, pattern.source()))
        }
        Term::Sequence(sequence) => hash_of(&(10_u8, sequence.address())),
        Term::Ordered(ordered) => hash_of(&(11_u8, Rc::as_ptr(ordered) as usize)),
        Term::Context(context) => hash_of(&(12_u8, Rc::as_ptr(context) as usize)),
        _ => return Err(unhashable()),
    })
}

/// The integer that equals a float, if there is one.
#[expect(clippy::cast_possible_truncation, reason = "it is compared with the float afterwards")]
fn whole(number: f64) -> Option<i128> {
    let whole = number as i128;
    let is_same = PythonNumber::Integer(whole)
        .compare(PythonNumber::Float(number))
        .is_some_and(std::cmp::Ordering::is_eq);
    (number.fract() == 0.0 && number.abs() < 1e38 && is_same).then_some(whole)
}

/// Distinct terms, in the order of their first occurrence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    members: IndexSet<Key, Hashed>,
    height: u32,
    weight: usize,
}

impl Keys {
    pub(crate) fn of(run: &Run<'_>, terms: impl IntoIterator<Item = Term>) -> Result<Self, Error> {
        let mut keys = Self::default();
        for term in terms {
            keys.insert(run, term)?;
        }
        Ok(keys)
    }

    /// Adds a term and returns whether it is new.
    pub(crate) fn insert(&mut self, run: &Run<'_>, term: Term) -> Result<bool, Error> {
        run.allocate(size_of::<Key>() + 8)?;
        self.height = self.height.max(above(term.height())?);
        Ok(self.put(Key::new(run, term)?))
    }

    pub(crate) fn push(&mut self, key: Key) {
        // No limit is checked, since the key comes from a set, which was within it.
        self.height = self.height.max(key.term.height() + 1);
        self.put(key);
    }

    fn put(&mut self, key: Key) -> bool {
        let weight = key.weight;
        let is_new = self.members.insert(key);
        self.weight = self.weight.saturating_add(if is_new { weight } else { 0 });
        is_new
    }

    /// The bytes that comparing all members may read.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.members.contains(key)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Term> {
        self.members.get_index(index).map(Key::term)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.members.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn height(&self) -> u32 {
        self.height.max(1)
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.iter().all(|key| other.contains(key))
    }
}
