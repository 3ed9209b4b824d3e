//! Variables in scope. Each call of a lambda has its own, on top of those of the place where the lambda was written.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use petrel_python::work;

use super::error::Error;
use super::evaluate::evaluate;
use super::limits::Run;
use super::syntax::{Name, Node, NodeKind};
use super::term::{Term, above};

/// Variables and definitions on top of those of a parent.
#[derive(Debug)]
pub(super) struct Context {
    parent: Option<Rc<Self>>,
    variables: RefCell<Vec<(Name, Term)>>,
    /// The bodies of functions, which are evaluated in this context. A reference to it in each of them would be a
    /// cycle, and keep the context alive for ever.
    definitions: RefCell<Vec<(Arc<str>, Arc<Node>)>>,
    height: Cell<u32>,
}

impl Context {
    /// The outermost context, with `$`.
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
    /// When the value nests too deep, or there are too many variables.
    pub(super) fn set(&self, name: Name, value: Term) -> Result<(), Error> {
        let height = above(value.height())?;
        self.height.set(self.height.get().max(height));
        let mut variables = self.variables.borrow_mut();
        // All variables are compared with the name, and there may be as many as a list has elements.
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

    /// The latest definition of a function.
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

/// An expression that a function evaluates when it needs the value.
#[derive(Debug, Clone)]
pub(super) struct Lambda {
    pub(super) node: Arc<Node>,
    pub(super) context: Rc<Context>,
}

impl Lambda {
    /// A lambda whose value is always `term`.
    pub(super) fn constant(context: &Rc<Context>, term: &Term) -> Result<Self, Error> {
        // No expression can write this name.
        let name = Name::Text("=".into());
        let context = Context::child(context);
        context.set(name.clone(), term.clone())?;
        Ok(Self { node: Arc::new(Node { kind: NodeKind::Variable(name), position: 0 }), context })
    }

    /// Calls the lambda with `arguments` as `$1`, `$2` and so on.
    pub(super) fn call(&self, run: &Run<'_>, arguments: &[Term]) -> Result<Term, Error> {
        self.call_named(run, arguments, &[])
    }

    /// Calls the lambda with arguments by position and by name.
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

    /// Evaluates the lambda with the variables of `context` instead of its own.
    pub(super) fn call_in(&self, run: &Run<'_>, context: &Rc<Context>) -> Result<Term, Error> {
        evaluate(run, context, &self.node)
    }

    pub(super) fn height(&self) -> u32 {
        self.context.height()
    }
}
