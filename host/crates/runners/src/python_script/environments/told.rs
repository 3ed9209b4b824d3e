//! The reason why an installation failed, from what `pip` or `uv` has written: the requirement that is to blame, with its line,
//! and what it says itself. Pure.

use petrel_model::quoted::quoted;

/// The longest part of what a tool says that is quoted, in characters.
const LONGEST: usize = 400;

/// The reason and the remedy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blamed {
    pub(super) reason: String,
    pub(super) hint: String,
}

/// What is to blame in the output of an installation of these requirements.
pub(super) fn blamed(output: &str, requirements: &str) -> Blamed {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let pin = pin(&lines, requirements);
    let said = said(&lines);
    let place = pin.as_deref().map(|pin| match line_of(pin, requirements) {
        Some((number, line)) => format!("requirements.txt:{number}: `{}`", quoted(line)),
        None => format!("`{}`", quoted(pin)),
    });
    let reason = match place {
        Some(place) => format!("{place}: {said}"),
        None => said,
    };
    let is_network = [
        "Retrying (",
        "Could not resolve host",
        "error sending request",
        "Failed to fetch",
        "invalid peer certificate",
    ];
    let hint = if is_network.iter().any(|sign| output.contains(sign)) {
        "see whether the index can be reached; virtualenvs.index_url, .proxy and .wheels say where packages come from"
    } else if output.contains("onflicting dependencies") || output.contains("are unsatisfiable") {
        "correct it; a constraints.txt beside it holds versions back"
    } else {
        "correct it, or install what it needs to be built; wheels in virtualenvs.wheels need no building"
    };
    Blamed { reason, hint: hint.to_owned() }
}

/// The requirement that is to blame.
fn pin(lines: &[&str], requirements: &str) -> Option<String> {
    let after = |sign: &str| lines.iter().rev().find_map(|line| Some(line.split_once(sign)?.1));
    if let Some(rest) = after("No matching distribution found for ") {
        return Some(first_word(rest));
    }
    if let Some(rest) = after("Invalid requirement: ") {
        return rest.split(['\'', '"']).nth(1).map(str::to_owned);
    }
    for sign in ["Failed to build `", "Failed to download and build `", "Failed to download `"] {
        if let Some(rest) = after(sign) {
            return rest.split('`').next().map(str::to_owned);
        }
    }
    if let Some(rest) = after("Failed building wheel for ") {
        return Some(first_word(rest));
    }
    if let Some(rest) = after("Couldn't parse requirement in `requirements.txt` at position ") {
        let place = first_word(rest).parse().ok()?;
        return requirements.get(place..)?.lines().next().map(|line| line.trim().to_owned());
    }
    // What `uv` concludes names what is required.
    if let Some(rest) = after("Because ").filter(|_| lines.iter().any(|line| line.contains("unsatisfiable")))
    {
        let words = || rest.split(|c: char| c.is_whitespace() || c == ',');
        let named = names(requirements).find(|(_, name, _)| words().any(|word| name_of(word) == *name));
        return named.map(|(_, _, line)| line.to_owned());
    }
    if lines.iter().any(|line| line.contains("conflicting dependencies")) {
        return None;
    }
    // The one that was being fetched or built when something else failed.
    let begun = lines.iter().rev().find_map(|line| {
        let rest = line.strip_prefix("Collecting ").or_else(|| line.strip_prefix("Processing "));
        rest.or_else(|| line.strip_prefix("Updating "))
    });
    begun.map(first_word)
}

/// What the tool says of it, in one line.
fn said(lines: &[&str]) -> String {
    let is_cause = |line: &&&str| line.starts_with("The conflict is caused by");
    if let Some(at) = lines.iter().position(|line| is_cause(&line)) {
        let causes = lines.iter().skip(at + 1).take_while(|line| !line.starts_with("To fix this"));
        return short(&causes.copied().take(4).collect::<Vec<_>>().join("; "));
    }
    let start = |sign: &str| lines.iter().rev().find(|line| line.starts_with(sign)).copied();
    // The versions that there are may be hundreds.
    if let Some(line) = start("ERROR: Could not find a version") {
        let line = line.trim_start_matches("ERROR: ");
        return short(line.split(" (from versions:").next().unwrap_or(line));
    }
    if let Some(line) = start("cause: ") {
        return short(line.trim_start_matches("cause: "));
    }
    // Others of its versions draw an arrow.
    if let Some((_, line)) = lines.iter().rev().find_map(|line| line.split_once("╰─▶ Because ")) {
        return short(&format!("Because {line}"));
    }
    if let Some(line) = start("ERROR: Invalid requirement") {
        return short(line.trim_start_matches("ERROR: "));
    }
    // Of a build: the error of what was built, and not that the build has failed.
    let is_error = |line: &&&str| {
        let first = line.split(':').next().unwrap_or_default();
        let is_name = !first.is_empty() && first.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '_');
        let is_end = ["ERROR", "error", "note", "hint", "Hint"].contains(&first);
        is_name && !is_end && (first.ends_with("Error") || first.ends_with("Exception"))
    };
    if let Some(line) = lines.iter().rev().find(|line| is_error(line)) {
        return short(line);
    }
    let compiled = lines.iter().find(|line| line.contains(": error: ") || line.starts_with("fatal: "));
    compiled.map_or_else(|| short(last_line(&lines.join("\n"))), |line| short(line))
}

/// The last line that says something.
pub(super) fn last_line(output: &str) -> &str {
    let is_said = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !["note:", "hint:", "╰─>", "[notice]"].iter().any(|sign| line.starts_with(sign))
    };
    output.lines().rev().find(is_said).map_or("it says nothing", str::trim)
}

/// The line of a requirement with the same name.
fn line_of<'a>(pin: &str, requirements: &'a str) -> Option<(usize, &'a str)> {
    let wanted = name_of(pin);
    let same = names(requirements).find(|(_, _, line)| *line == pin);
    let found =
        same.or_else(|| names(requirements).find(|(_, name, line)| *name == wanted || line.contains(pin)));
    found.map(|(number, _, line)| (number, line))
}

/// The requirements: number of the line, normal name, line.
fn names(requirements: &str) -> impl Iterator<Item = (usize, String, &str)> {
    let lines = requirements.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| (number, name_of(line), line))
}

/// The name in a requirement, as packages are compared.
fn name_of(requirement: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name = requirement.split(|c: char| !is_part(c)).next().unwrap_or_default();
    name.to_lowercase().replace(['_', '.'], "-")
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().trim_end_matches([',', ';']).to_owned()
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // As pip says it.
    const CONFLICT: &str = "ERROR: Cannot install -r requirements.txt (line 1) and urllib3==1.20 because these package versions have conflicting dependencies.\n\nThe conflict is caused by:\n    The user requested urllib3==1.20\n    requests 2.31.0 depends on urllib3<3 and >=1.21.1\n\nTo fix this you could try to:\n1. loosen";
    const BUILT: &str = "Collecting lxml==3.0 (from -r requirements.txt (line 2))\n  src/lxml/lxml.etree.c:104:11: error: too few arguments\n  [end of output]\n  note: This error originates from a subprocess\n  ERROR: Failed building wheel for lxml\nERROR: Could not build wheels for lxml";
    const SETUP: &str = "Processing ./broken (from -r requirements.txt (line 2))\n  RuntimeError: no compiler here\n  [end of output]\nerror: subprocess-exited-with-error\n\n× Getting requirements to build wheel did not run successfully.\n╰─> See above for output.\n\nnote: This error";

    #[test]
    fn what_is_to_blame_is_named_with_its_line() {
        let broken = "requirements.txt:2: `./broken`: RuntimeError: no compiler here";
        for (output, requirements, reason, hint) in [
            (SETUP, "six\n./broken\n", broken, "virtualenvs.wheels"),
            (
                "ERROR: Could not find a version that satisfies the requirement requests==99.9 (from versions: 0.2.0)\nERROR: No matching distribution found for requests==99.9",
                "six\n# a\nRequests==99.9\n",
                "requirements.txt:3: `Requests==99.9`: Could not find a version that satisfies the requirement requests==99.9",
                "correct it",
            ),
            (
                "WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: Could not find a version that satisfies the requirement six==1.99 (from versions: none)\nERROR: No matching distribution found for six==1.99",
                "six==1.99",
                "requirements.txt:1: `six==1.99`",
                "virtualenvs.index_url",
            ),
            (
                "ERROR: Invalid requirement: 'foo=1' (from line 2 of requirements.txt)\nHint: = is not a valid operator.",
                "foo\nfoo=1\n",
                "requirements.txt:2: `foo=1`: Invalid requirement",
                "correct it",
            ),
            (
                CONFLICT,
                "requests==2.31.0\nurllib3==1.20\n",
                "The user requested urllib3==1.20; requests 2.31.0 depends",
                "constraints.txt",
            ),
            (
                BUILT,
                "fdb\nlxml==3.0\n",
                "requirements.txt:2: `lxml==3.0`: src/lxml/lxml.etree.c:104:11: error: too few arguments",
                "virtualenvs.wheels",
            ),
            (
                "error: No solution found when resolving dependencies\n  cause: Because there is no version of requests==99.9 and you require requests==99.9, we can conclude that your requirements are unsatisfiable.",
                "six\nrequests==99.9\n",
                "requirements.txt:2: `requests==99.9`: Because there is no version",
                "constraints.txt",
            ),
            (
                "error: Couldn't parse requirement in `requirements.txt` at position 4\n  cause: no such comparison operator \"=\", must be one of ~=\n         foo=1\n            ^^",
                "six\nfoo=1\n",
                "requirements.txt:2: `foo=1`: no such comparison operator",
                "correct it",
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because absent was not found in the provided package locations and you require\n      absent==9.9, we can conclude that your requirements are unsatisfiable.",
                "six\nabsent==9.9\n",
                "requirements.txt:2: `absent==9.9`: Because absent was not found",
                "constraints.txt",
            ),
            ("something else\n", "six\n", "something else", "correct it"),
            ("", "six\n", "it says nothing", "correct it"),
        ] {
            let blamed = blamed(output, requirements);
            assert!(blamed.reason.contains(reason), "{blamed:?}\nlacks {reason}");
            assert!(blamed.hint.contains(hint), "{blamed:?}\nlacks {hint}");
        }
    }
}
