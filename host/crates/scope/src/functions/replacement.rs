//! Templates of replacements, as Python's `re.sub` reads them.

use petrel_python::regex::Regex;
use petrel_python::work;

use super::Error;

/// Expands a template (`\1`, `\g<1>`, `\g<name>`, `\n`) for a match.
///
/// # Errors
/// A group that `regex` does not have, an escape that Python does not know, or the limit that the charge exceeds.
pub fn expand(
    out: &mut String,
    template: &str,
    regex: &Regex,
    whole: &str,
    groups: &[String],
) -> Result<(), Error> {
    let group = |number: usize| match number.checked_sub(1) {
        None => Ok(whole),
        Some(index) => {
            let group = groups.get(index).map(String::as_str);
            group.ok_or_else(|| Error::Wrong(format!("regex_replace has no group {number}")))
        }
    };
    let mut rest = template.chars();
    work::make(template.len())?;
    while let Some(char) = rest.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        // An escape is read, and its group is looked up.
        work::visit(2)?;
        match rest.next() {
            Some('g') => {
                let (name, after) = rest
                    .as_str()
                    .strip_prefix('<')
                    .and_then(|inner| inner.split_once('>'))
                    .ok_or_else(|| {
                    Error::Wrong("regex_replace needs a group name after \\g, as in \\g<1>".to_owned())
                })?;
                rest = after.chars();
                let number = match name.parse().ok() {
                    None => {
                        // Names are searched one by one.
                        work::visit(groups.len())?;
                        regex.group_number(name)
                    }
                    number => number,
                };
                let number =
                    number.ok_or_else(|| Error::Wrong(format!("regex_replace has no group {name}")))?;
                let group = group(number)?;
                work::make(group.len())?;
                out.push_str(group);
            }
            Some(digit @ '1'..='9') => {
                let mut number = digit.to_string();
                if let Some(second) = rest.as_str().chars().next().filter(char::is_ascii_digit) {
                    rest.next();
                    number.push(second);
                }
                let group = group(number.parse().unwrap_or(0))?;
                work::make(group.len())?;
                out.push_str(group);
            }
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') | None => out.push('\\'),
            Some(other) if other.is_ascii_alphabetic() => {
                return Err(Error::Wrong(format!("regex_replace does not know \\{other}")));
            }
            Some(other) => out.extend(['\\', other]),
        }
    }
    Ok(())
}
