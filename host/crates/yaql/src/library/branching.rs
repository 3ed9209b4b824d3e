//! Choices. Arguments are evaluated only if the choice needs them.

use super::super::error::Error;
use super::super::limits::Run;
use super::super::sequence::Sequence;
use super::super::term::Term;
use super::arguments::{Arguments, Bound};
use super::signature::{Function, Type, function, method, required};

pub(super) const TABLE: &[Function] = &[
    function("switch", &[], switch).rest(Type::LazyRule).rules(),
    function("selectCase", &[], select_case).rest(Type::Lambda),
    function("selectAllCases", &[], |_, args| cases(args, true)).rest(Type::Lambda),
    function("examine", &[], |_, args| cases(args, false)).rest(Type::Lambda),
    method("switchCase", &[required("case", Type::Integer)], switch_case).rest(Type::Lambda),
    function("coalesce", &[], coalesce).rest(Type::Lambda),
];

fn switch(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    for bound in &args.rest {
        if let Bound::Rule(condition, value) = bound
            && condition.call(run, &[])?.is_true()
        {
            return value.call(run, &[]);
        }
    }
    Ok(Term::Null)
}

fn select_case(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let conditions = args.rest_lambdas();
    for (index, condition) in (0..).zip(&conditions) {
        if condition.call(run, &[])?.is_true() {
            return Ok(Term::Integer(index));
        }
    }
    Ok(Term::Integer(conditions.len() as i128))
}

/// The indexes of the conditions that hold, or for each condition whether it holds.
fn cases(args: &Arguments<'_>, as_indexes: bool) -> Result<Term, Error> {
    let mut conditions = (0..).zip(args.rest_lambdas());
    let sequence = Sequence::new(args.heights(), move |run| {
        for (index, condition) in conditions.by_ref() {
            let holds = condition.call(run, &[])?.is_true();
            if !as_indexes {
                return Ok(Some(Term::Bool(holds)));
            }
            if holds {
                return Ok(Some(Term::Integer(index)));
            }
        }
        Ok(None)
    });
    sequence.map(Term::Sequence)
}

fn switch_case(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let cases = args.rest_lambdas();
    let case = usize::try_from(args.integer(0)?).ok().and_then(|case| cases.get(case));
    match case.or_else(|| cases.last()) {
        Some(case) => case.call(run, &[]),
        None => Ok(Term::Null),
    }
}

fn coalesce(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    for value in args.rest_lambdas() {
        let value = value.call(run, &[])?;
        if !matches!(value, Term::Null) {
            return Ok(value);
        }
    }
    Ok(Term::Null)
}
