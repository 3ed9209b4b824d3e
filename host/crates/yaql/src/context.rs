//! Variables in scope: each lambda call has some of its own, above those of the place where it was written.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use petrel_python::work;

use super::error::Error;
use super::evaluate::evaluate;
use super::limits::Run;
use super::syntax::{Name, Node, NodeKind};
use super::term::{Term, above};

/// Variables and definitions, above those of a parent.
#[derive(Debug)]
pub(super) struct Context {
    parent: Option<Rc<Self>>,
    variables: RefCell<Vec<(Name, Term)>>,
    /// Bodies; they are evaluated in this context. With one of their own it would keep itself alive.
    definitions: RefCell<Vec<(Arc<str>, Arc<Node>)>>,
    height: Cell<u32>,
}

impl Context {
    /// The outermost one, with `$`.
    pub(super) fn root(data: Term) -> Rc<Self> {
        let height = data.height() + 1;
        let variables = vec![(Name::Text("data".into()), data.clone()), (Name::Position(1), data)];
        Rc::new(Self::with(None, variables, height))
    }

    pub(super) fn child(parent: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self::with(Some(Rc::clone(parent)), Vec::new(), parent.height.get()))
    }

    fn with(parent: Option<Rc<Self>>, variables: Vec<(Name, Term)>, height: u32) -> Self {
        Self {
            parent,
            variables: RefCell::new(variables),
            definitions: RefCell::default(),
            height: Cell::new(height),
        }
    }

    pub(super) fn height(&self) -> u32 {
        self.height.get()
    }

    /// Sets a variable.
    ///
    /// # Errors
    /// When its value nests too deep, or there are too many.
    pub(super) fn set(&self, name: Name, value: Term) -> Result<(), Error> {
        let height = above(value.height())?;
        self.height.set(self.height.get().max(height));
        let mut variables = self.variables.borrow_mut();
        // All of them are looked at, and there may be as many as a list has elements.
        work::charge(variables.len() as u64)?;
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => variables.push((name, value)),
        }
        Ok(())
    }

    /// The value of a variable, if it has one.
    pub(super) fn get(&self, name: &Name) -> Option<Term> {
        let mut context = Some(self);
        while let Some(current) = context {
            let variables = current.variables.borrow();
            if let Some((_, value)) = variables.iter().find(|(known, _)| known == name) {
                return Some(value.clone());
            }
            context = current.parent.as_deref();
        }
        None
    }

    pub(super) fn define(&self, name: &str, body: Arc<Node>) {
        self.definitions.borrow_mut().push((name.into(), body));
    }

    /// The function that was defined under a name last.
    pub(super) fn definition(self: &Rc<Self>, name: &str) -> Option<Lambda> {
        let mut context = Some(self);
        while let Some(current) = context {
            let definitions = current.definitions.borrow();
            if let Some((_, body)) = definitions.iter().rev().find(|(known, _)| **known == *name) {
                return Some(Lambda { node: Arc::clone(body), context: Rc::clone(current) });
            }
            context = current.parent.as_ref();
        }
        None
    }
}

/// An expression that is evaluated when a function asks for it.
#[derive(Debug, Clone)]
pub(super) struct Lambda {
    pub(super) node: Arc<Node>,
    pub(super) context: Rc<Context>,
}

impl Lambda {
    /// One that gives `term` always.
    pub(super) fn constant(context: &Rc<Context>, term: &Term) -> Result<Self, Error> {
        // No expression can name this variable.
        let name = Name::Text("=".into());
        let context = Context::child(context);
        context.set(name.clone(), term.clone())?;
        Ok(Self { node: Arc::new(Node { kind: NodeKind::Variable(name), position: 0 }), context })
    }

    /// Its value, with `arguments` as `$1`, `$2` and so on.
    pub(super) fn call(&self, run: &Run<'_>, arguments: &[Term]) -> Result<Term, Error> {
        self.call_named(run, arguments, &[])
    }

    /// Its value, with arguments by place and by name.
    pub(super) fn call_named(
        &self,
        run: &Run<'_>,
        arguments: &[Term],
        named: &[(Arc<str>, Term)],
    ) -> Result<Term, Error> {
        let context = Context::child(&self.context);
        for (position, argument) in (1..).zip(arguments) {
            context.set(Name::Position(position), argument.clone())?;
        }
        for (name, argument) in named {
            context.set(Name::Text(Arc::clone(name)), argument.clone())?;
        }
        self.call_in(run, &context)
    }

    /// Its value, with the variables of `context` instead of its own.
    pub(super) fn call_in(&self, run: &Run<'_>, context: &Rc<Context>) -> Result<Term, Error> {
        evaluate(run, context, &self.node)
    }

    pub(super) fn height(&self) -> u32 {
        self.context.height()
    }
}
