//! Sequences that are sorted when they are read, by one or more selectors.

use std::cell::RefCell;
use std::rc::Rc;

use petrel_python::sorting::merge_sort;

use super::context::Lambda;
use super::error::Error;
use super::limits::Run;
use super::operators::compare;
use super::sequence::collect;
use super::syntax::BinaryOperator;
use super::term::{Term, above};

/// The value of `orderBy`.
#[derive(Debug)]
pub(super) struct Ordered {
    collection: Term,
    order: Vec<(Lambda, bool)>,
    sorted: RefCell<Option<Rc<[Term]>>>,
    height: u32,
}

/// An element, with the values of selectors as far as they were needed.
struct Element {
    term: Term,
    keys: Vec<Term>,
}

impl Ordered {
    pub(super) fn new(collection: Term, selector: Lambda, is_ascending: bool) -> Result<Self, Error> {
        let height = above(collection.height().max(selector.height()))?;
        Ok(Self { collection, order: vec![(selector, is_ascending)], sorted: RefCell::default(), height })
    }

    /// This sequence, sorted by `selector` where all earlier selectors are equal.
    pub(super) fn then_by(&self, selector: Lambda, is_ascending: bool) -> Result<Self, Error> {
        let height = above(self.height.max(selector.height()))?;
        let mut order = self.order.clone();
        order.push((selector, is_ascending));
        Ok(Self { collection: self.collection.clone(), order, sorted: RefCell::default(), height })
    }

    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// The elements in order. They are sorted only once.
    pub(super) fn sorted(&self, run: &Run<'_>) -> Result<Rc<[Term]>, Error> {
        if let Some(sorted) = &*self.sorted.borrow() {
            return Ok(Rc::clone(sorted));
        }
        let elements = collect(run, &self.collection)?;
        let elements = elements.into_iter().map(|term| Element { term, keys: Vec::new() }).collect();
        let sorted = merge_sort(elements, &mut |left, right| self.precedes(run, left, right))?;
        let sorted: Rc<[Term]> = sorted.into_iter().map(|element| element.term).collect();
        *self.sorted.borrow_mut() = Some(Rc::clone(&sorted));
        Ok(sorted)
    }

    /// Whether `left` precedes `right` strictly.
    fn precedes(&self, run: &Run<'_>, left: &mut Element, right: &mut Element) -> Result<bool, Error> {
        run.step()?;
        for (index, (selector, is_ascending)) in self.order.iter().enumerate() {
            let key = left.key(run, index, selector)?;
            let other = right.key(run, index, selector)?;
            if compare(run, BinaryOperator::Less, &key, &other)? {
                return Ok(*is_ascending);
            }
            if compare(run, BinaryOperator::Greater, &key, &other)? {
                return Ok(!*is_ascending);
            }
        }
        Ok(false)
    }
}

impl Element {
    fn key(&mut self, run: &Run<'_>, index: usize, selector: &Lambda) -> Result<Term, Error> {
        // Each selector is called once for an element, because it may be expensive and may consume a sequence.
        if let Some(key) = self.keys.get(index) {
            return Ok(key.clone());
        }
        let key = selector.call(run, std::slice::from_ref(&self.term))?;
        self.keys.push(key.clone());
        Ok(key)
    }
}
