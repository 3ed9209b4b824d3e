//! Functions on regular expressions.

use std::rc::Rc;

use petrel_python::work;
use petrel_scope::functions::replacement::expand;

use super::super::context::{Context, Lambda};
use super::super::error::Error;
use super::super::limits::Run;
use super::super::pattern::{Pattern, PatternMatch};
use super::super::sequence::Sequence;
use super::super::syntax::Name;
use super::super::term::{Entries, List, Term};
use super::arguments::Arguments;
use super::signature::{Function, Parameter, Type, function, method, optional, required};

const REGEX: Parameter = required("regexp", Type::Pattern);
const STRING: Parameter = required("string", Type::Text);
const SELECTOR: Parameter = optional("selector", Type::Lambda);
const SPLITS: Parameter = optional("maxSplit", Type::Integer);
const COUNT: Parameter = optional("count", Type::Integer);

pub(super) const TABLE: &[Function] = &[
    function(
        "regex",
        &[
            required("pattern", Type::Text),
            optional("ignoreCase", Type::Bool).nullable(),
            optional("multiLine", Type::Bool).nullable(),
            optional("dotAll", Type::Bool).nullable(),
        ],
        regex,
    ),
    method("matches", &[REGEX, STRING], |_, args| args.pattern(0)?.is_match(&args.text(1)?).map(Term::Bool)),
    method("matches", &[STRING, required("regexp", Type::Text)], |_, args| {
        Pattern::new(&args.text(1)?, "")?.is_match(&args.text(0)?).map(Term::Bool)
    }),
    method("search", &[REGEX, STRING, SELECTOR], search),
    method("searchAll", &[REGEX, STRING, SELECTOR], search_all),
    method("split", &[REGEX, STRING, SPLITS], |run, args| split(run, args, 0, 1)),
    method("split", &[STRING, REGEX, SPLITS], |run, args| split(run, args, 1, 0)),
    method("replace", &[REGEX, STRING, required("repl", Type::Text), COUNT], |run, args| {
        replace(run, args, 0, 1)
    }),
    method("replace", &[STRING, REGEX, required("repl", Type::Text), COUNT], |run, args| {
        replace(run, args, 1, 0)
    }),
    method("replaceBy", &[REGEX, STRING, required("repl", Type::Lambda), COUNT], |run, args| {
        replace_by(run, args, 0, 1)
    }),
    method("replaceBy", &[STRING, REGEX, required("repl", Type::Lambda), COUNT], |run, args| {
        replace_by(run, args, 1, 0)
    }),
    function("escapeRegex", &[STRING], |run, args| {
        let text = args.text(0)?;
        work::read(text.len())?;
        run.allocate(text.len() * 2)?;
        Ok(Term::from(escape(&text)))
    }),
];

fn regex(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let flags = [(1, 'i'), (2, 'm'), (3, 's')].into_iter().filter(|(index, _)| args.flag(*index, false));
    let flags: String = flags.map(|(_, flag)| flag).collect();
    Pattern::new(&args.text(0)?, &flags).map(|pattern| Term::Pattern(Rc::new(pattern)))
}

/// A part of `text` as a term, with its copy charged.
fn part(run: &Run<'_>, text: &str, range: &std::ops::Range<usize>) -> Result<Term, Error> {
    run.allocate(range.len())?;
    Ok(Term::text(text.get(range.clone()).unwrap_or_default()))
}

fn search(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (pattern, text) = (args.pattern(0)?, args.text(1)?);
    match pattern.find(run, &text, 1)?.first() {
        None => Ok(Term::Null),
        Some(found) => selected(run, args.context, &text, &pattern, found, args.optional_lambda(2).as_ref()),
    }
}

fn search_all(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (pattern, text, selector) = (args.pattern(0)?, args.text(1)?, args.optional_lambda(2));
    let found = pattern.find(run, &text, usize::MAX)?;
    let mut found = found.into_iter();
    let context = Rc::clone(args.context);
    let sequence = Sequence::new(context.height().max(args.heights()), move |run| match found.next() {
        Some(found) => selected(run, &context, &text, &pattern, &found, selector.as_ref()).map(Some),
        None => Ok(None),
    });
    sequence.map(Term::Sequence)
}

/// The text of a match, or the value of the selector for it.
fn selected(
    run: &Run<'_>,
    context: &Rc<Context>,
    text: &str,
    pattern: &Pattern,
    found: &PatternMatch,
    selector: Option<&Lambda>,
) -> Result<Term, Error> {
    match selector {
        None => part(run, text, &found.range),
        Some(selector) => {
            let context = Context::child(context);
            publish(run, &context, text, pattern, found)?;
            selector.call_in(run, &context)
        }
    }
}

/// Sets `$1` to the whole match, `$2` to the first group and so on, and variables of the groups' names.
fn publish(
    run: &Run<'_>,
    context: &Context,
    text: &str,
    pattern: &Pattern,
    found: &PatternMatch,
) -> Result<(), Error> {
    let chars = |byte: usize| text.get(..byte).map_or(0, |before| before.chars().count()) as i128;
    let names = pattern.regex().group_names();
    for (index, group) in found.groups.iter().enumerate() {
        // The text before the group is read, to count its characters.
        run.steps((text.len() / 64) as u64)?;
        let (value, start, end) = match group {
            Some(range) => (part(run, text, range)?, chars(range.start), chars(range.end)),
            None => (Term::Null, -1, -1),
        };
        let mut record = Entries::mutable();
        record.insert(run, Term::text("value"), value)?;
        record.insert(run, Term::text("start"), Term::Integer(start))?;
        record.insert(run, Term::text("end"), Term::Integer(end))?;
        let record = Term::Dict(record.into_dict());
        if let Some(Some(name)) = names.get(index) {
            context.set(Name::new(name), record.clone())?;
        }
        context.set(Name::Position(u32::try_from(index + 1).unwrap_or(u32::MAX)), record)?;
    }
    Ok(())
}

fn split(run: &Run<'_>, args: &Arguments<'_>, pattern: usize, text: usize) -> Result<Term, Error> {
    let (pattern, text) = (args.pattern(pattern)?, args.text(text)?);
    // As in Python's `re`: 0 stands for all parts, and a negative number for no cut.
    let limit = match args.integer_or(2, 0) {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(0),
    };
    let mut parts = Vec::new();
    let mut end = 0;
    for found in pattern.find(run, &text, limit)? {
        run.step()?;
        parts.push(part(run, &text, &(end..found.range.start))?);
        for group in found.groups.iter().skip(1) {
            parts.push(group.as_ref().map_or(Ok(Term::Null), |range| part(run, &text, range))?);
        }
        end = found.range.end;
    }
    parts.push(part(run, &text, &(end..text.len()))?);
    List::mutable(run, parts).map(Term::List)
}

/// The greatest number of matches for a number of replacements: 0 means all, and a negative one means none.
fn most(args: &Arguments<'_>) -> usize {
    match args.integer_or(3, 0) {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(0),
    }
}

/// `text` with up to `limit` matches replaced by the output of `replacement`.
fn replaced(
    run: &Run<'_>,
    pattern: &Pattern,
    text: &str,
    limit: usize,
    mut replacement: impl FnMut(&mut String, &PatternMatch) -> Result<(), Error>,
) -> Result<Term, Error> {
    let (mut out, mut end) = (String::new(), 0);
    for found in pattern.find(run, text, limit)? {
        let before = out.len();
        out.push_str(text.get(end..found.range.start).unwrap_or_default());
        replacement(&mut out, &found)?;
        run.allocate(out.len() - before)?;
        end = found.range.end;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    run.allocate(text.len())?;
    Ok(Term::from(out))
}

/// `text` with matches replaced by a template. The template is checked even if nothing matches.
pub(super) fn substitute(
    run: &Run<'_>,
    pattern: &Pattern,
    text: &str,
    template: &str,
    limit: usize,
) -> Result<Term, Error> {
    let write = |out: &mut String, whole: &str, groups: &[String]| {
        expand(out, template, pattern.regex(), whole, groups).map_err(Error::from)
    };
    let count = pattern.regex().group_names().len().saturating_sub(1);
    write(&mut String::new(), "", &vec![String::new(); count])?;
    replaced(run, pattern, text, limit, |out, found| {
        let group = |range: &Option<std::ops::Range<usize>>| {
            let range = range.clone().unwrap_or_default();
            text.get(range).unwrap_or_default().to_owned()
        };
        let groups: Vec<_> = found.groups.iter().skip(1).map(group).collect();
        write(out, text.get(found.range.clone()).unwrap_or_default(), &groups)
    })
}

fn replace(run: &Run<'_>, args: &Arguments<'_>, pattern: usize, text: usize) -> Result<Term, Error> {
    substitute(run, &*args.pattern(pattern)?, &args.text(text)?, &args.text(2)?, most(args))
}

fn replace_by(run: &Run<'_>, args: &Arguments<'_>, pattern: usize, text: usize) -> Result<Term, Error> {
    let (pattern, text, lambda) = (args.pattern(pattern)?, args.text(text)?, args.lambda(2)?);
    replaced(run, &pattern, &text, most(args), |out, found| {
        let context = Context::child(args.context);
        publish(run, &context, &text, &pattern, found)?;
        match lambda.call_in(run, &context)? {
            Term::Text(text) => out.push_str(&text),
            Term::Null => {}
            other => {
                let kind = other.type_name();
                return Err(Error::type_(format!("expected str instance, {kind} found; use str()")));
            }
        }
        Ok(())
    })
}

/// `text` with a backslash before each character that has a meaning in a pattern.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}
