//! Places in a configuration, for notes and errors. A configuration may have a million of them, below names that are as long
//! as it is: a place is written out only where it is told, and a note names a few and counts the others.

use std::fmt;

use petrel_model::quoted::quoted;

/// Largest number of keys and places that one note names.
pub(crate) const MOST_NAMED: usize = 5;

/// A place in a configuration, such as `auth.hosts[0]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'p> {
    above: Option<&'p Self>,
    step: Step<'p>,
}

/// The last step to a place.
#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    /// The place of a top-level key.
    pub(crate) fn of(name: &'p str) -> Self {
        Self { above: None, step: Step::Key(name) }
    }

    /// The place of a key in the object that is here.
    pub(crate) fn key(&'p self, name: &'p str) -> Self {
        Self { above: Some(self), step: Step::Key(name) }
    }

    /// The place of an item in the list that is here.
    pub(crate) fn item(&'p self, number: usize) -> Self {
        Self { above: Some(self), step: Step::Item(number) }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.above, self.step) {
            (None, Step::Key(name)) => f.write_str(&quoted(name)),
            (Some(above), Step::Key(name)) => write!(f, "{above}.{}", quoted(name)),
            (None, Step::Item(number)) => write!(f, "[{number}]"),
            (Some(above), Step::Item(number)) => write!(f, "{above}[{number}]"),
        }
    }
}

/// Places of which one thing is said: the first ones, and the number of all.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    named: Vec<String>,
    count: usize,
}

impl Places {
    /// Adds a place.
    pub(crate) fn add(&mut self, place: &str) {
        self.count += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(quoted(place).into_owned());
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One word for a single place, and another for several.
    pub(crate) fn word(&self, of_one: &'static str, of_several: &'static str) -> &'static str {
        if self.count == 1 { of_one } else { of_several }
    }
}

/// The places for a message: `` `a`, `b` and 3 more ``.
impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = self.named.iter().map(|place| format!("`{place}`")).collect();
        write!(f, "{}{}", named.join(", "), and_more(self.count))
    }
}

/// The words on those of `count` things that are not named.
pub(crate) fn and_more(count: usize) -> String {
    match count.saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_people_know_it_and_is_never_long() {
        let auth = Place::of("auth");
        let hosts = auth.key("hosts");
        assert_eq!(hosts.item(1).key("port").to_string(), "auth.hosts[1].port");
        let long = "x".repeat(1 << 20);
        let (below, above) = (auth.key(&long), Place::of(&long));
        for place in [below.item(0), above.key(&long)] {
            assert!(place.to_string().len() < 500, "{place}");
        }
    }

    #[test]
    fn few_of_many_places_are_named_and_all_are_counted() {
        for (count, expected) in
            [(0, ""), (1, "`0`"), (2, "`0`, `1`"), (7, "`0`, `1`, `2`, `3`, `4` and 2 more")]
        {
            let mut places = Places::default();
            (0..count).for_each(|number: usize| places.add(&number.to_string()));
            assert_eq!((places.to_string().as_str(), places.is_empty()), (expected, count == 0));
        }
    }
}
