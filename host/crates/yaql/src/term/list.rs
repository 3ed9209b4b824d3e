//! Lists, built by the expression or within shared JSON. Python has two kinds that never equal each other, tuples and
//! lists, and both occur: values from the scope and `[...]` are tuples.

use std::rc::Rc;

use super::super::error::Error;
use super::super::limits::Run;
use super::super::view::View;
use super::{Term, above};

/// A list.
#[derive(Debug, Clone)]
pub(crate) struct List {
    items: Items,
    is_tuple: bool,
}

#[derive(Debug, Clone)]
enum Items {
    Built { items: Rc<[Term]>, height: u32 },
    View(View),
}

impl List {
    /// A tuple.
    pub(crate) fn tuple(run: &Run<'_>, items: Vec<Term>) -> Result<Self, Error> {
        Self::build(run, items, true)
    }

    /// A list that is mutable in Python, and therefore not a key.
    pub(crate) fn mutable(run: &Run<'_>, items: Vec<Term>) -> Result<Self, Error> {
        Self::build(run, items, false)
    }

    fn build(run: &Run<'_>, items: Vec<Term>, is_tuple: bool) -> Result<Self, Error> {
        run.allocate(size_of::<Term>() * items.len())?;
        let height = above(items.iter().map(Term::height).max().unwrap_or(0))?;
        Ok(Self { items: Items::Built { items: items.into(), height }, is_tuple })
    }

    pub(crate) fn view(view: View) -> Self {
        Self { items: Items::View(view), is_tuple: true }
    }

    pub(crate) fn as_view(&self) -> Option<&View> {
        match &self.items {
            Items::View(view) => Some(view),
            Items::Built { .. } => None,
        }
    }

    pub(crate) fn is_tuple(&self) -> bool {
        self.is_tuple
    }

    pub(crate) fn len(&self) -> usize {
        match &self.items {
            Items::Built { items, .. } => items.len(),
            Items::View(view) => view.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Term> {
        match &self.items {
            Items::Built { items, .. } => items.get(index).cloned(),
            Items::View(view) => view.item(index),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Term> + '_ {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// The items from `start` to before `end`, as far as they exist.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Vec<Term> {
        (start..end.min(self.len())).map_while(|index| self.get(index)).collect()
    }

    pub(crate) fn height(&self) -> u32 {
        match &self.items {
            Items::Built { height, .. } => *height,
            Items::View(_) => 1,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.items, &other.items) {
            (Items::Built { items, .. }, Items::Built { items: others, .. }) => Rc::ptr_eq(items, others),
            (Items::View(view), Items::View(other)) => view.is_same(other),
            _ => false,
        }
    }
}
