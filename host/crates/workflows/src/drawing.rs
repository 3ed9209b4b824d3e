//! Drawings of a workflow: source text for Graphviz, or an SVG image. Tasks are in layers, each below the tasks that
//! lead to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::definition::{Definition, Join, Task, TaskId};

/// Longest condition written beside an arrow, in characters.
const LONGEST_LABEL: usize = 40;

/// The graph of a workflow in the language of Graphviz.
pub fn dot(definition: &Definition) -> String {
    let mut text = "digraph workflow {\n  rankdir=TB;\n  node [shape=box, style=rounded];\n".to_owned();
    for task in definition.tasks() {
        let style = match (&task.engine, task.join) {
            (Some(_), _) => ", shape=plaintext",
            (None, Some(_)) => ", shape=invhouse",
            (None, None) if task.is_start => ", penwidth=2",
            (None, None) => "",
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  {} [label={}{style}];", quoted(&task.name), quoted(&label(task)));
    }
    for task in definition.tasks() {
        for transition in &task.transitions {
            let target = definition.name(transition.target);
            let when =
                transition.when.as_ref().map(|when| shortened(when.source().as_str().unwrap_or_default()));
            let when = when.map(|when| format!(" [label={}]", quoted(&when))).unwrap_or_default();
            let _ = writeln!(text, "  {} -> {}{when};", quoted(&task.name), quoted(&target));
        }
    }
    text.push_str("}\n");
    text
}

/// The text in the box of a task: its name, its action, and its items.
fn label(task: &Task) -> String {
    let mut label = task.name.to_string();
    if let Some(action) = task.action.as_ref().and_then(|action| action.source().as_str()) {
        let _ = write!(label, "\n{}", shortened(action));
    }
    if let Some(items) = &task.items {
        let _ = write!(label, "\nfor each of {}", shortened(&items.text));
    }
    match task.join {
        Some(Join::All) => label.push_str("\njoins all"),
        Some(Join::Count(count)) => {
            let _ = write!(label, "\njoins {count}");
        }
        None => {}
    }
    if task.retry.is_some() {
        label.push_str("\nretries");
    }
    label
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST_LABEL {
        return line.to_owned();
    }
    line.chars().take(LONGEST_LABEL - 1).chain(['…']).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

const WIDTH: usize = 220;
const LINE: usize = 16;
const GAP: (usize, usize) = (40, 60);

/// A box: position and size in pixels, and its lines of text.
struct Frame {
    x: usize,
    y: usize,
    height: usize,
    lines: Vec<String>,
}

/// The graph of a workflow as SVG.
pub fn svg(definition: &Definition) -> String {
    let frames = frames(definition);
    let width = frames.values().map(|frame| frame.x + WIDTH).max().unwrap_or_default() + GAP.0;
    let height = frames.values().map(|frame| frame.y + frame.height).max().unwrap_or_default() + GAP.1;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<defs><marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" \
         refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\"/></marker></defs>\n"
    );
    for (task, number) in definition.tasks().iter().zip(0..) {
        let Some(from) = frames.get(&TaskId(number)) else { continue };
        for transition in &task.transitions {
            let Some(to) = frames.get(&transition.target) else { continue };
            arrow(&mut text, from, to, transition.when.as_ref().and_then(|when| when.source().as_str()));
        }
    }
    // Behind the arrows in the text, and so above them in the image.
    for frame in frames.values() {
        draw(&mut text, frame);
    }
    text.push_str("</svg>\n");
    text
}

fn arrow(text: &mut String, from: &Frame, to: &Frame, when: Option<&str>) {
    let (x1, y1) = (from.x + WIDTH / 2, from.y + from.height);
    let (x2, y2) = (to.x + WIDTH / 2, to.y);
    // An arrow that leads upwards, or to its own task, goes around the side.
    let path = if y2 > y1 {
        let middle = y1.midpoint(y2);
        format!("M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}")
    } else {
        let side = from.x.max(to.x) + WIDTH + GAP.0 / 2;
        format!("M{x1} {y1}C{side} {y1} {side} {y2} {x2} {y2}")
    };
    let _ = writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#arrow)\"/>");
    if let Some(when) = when {
        let (x, y) = (x1.midpoint(x2), y1.midpoint(y2));
        let when = escaped(&shortened(when));
        let _ =
            writeln!(text, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#555\">{when}</text>");
    }
}

fn draw(text: &mut String, frame: &Frame) {
    let Frame { x, y, height, lines } = frame;
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#fff\" stroke=\"#333\"/>"
    );
    for (number, line) in lines.iter().enumerate() {
        let (x, y) = (x + WIDTH / 2, y + LINE * (number + 1));
        let weight = if number == 0 { " font-weight=\"bold\"" } else { "" };
        let line = escaped(line);
        let _ = writeln!(text, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\"{weight}>{line}</text>");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The box of each task.
fn frames(definition: &Definition) -> BTreeMap<TaskId, Frame> {
    let mut rows: BTreeMap<usize, Vec<TaskId>> = BTreeMap::new();
    for (task, layer) in layers(definition) {
        rows.entry(layer).or_default().push(task);
    }
    let (mut frames, mut y) = (BTreeMap::new(), GAP.1 / 2);
    for row in rows.into_values() {
        let mut tallest = 0;
        for (place, id) in row.into_iter().enumerate() {
            let lines: Vec<String> =
                definition.task(id).map(label).unwrap_or_default().lines().map(str::to_owned).collect();
            let height = LINE * lines.len() + LINE / 2;
            tallest = tallest.max(height);
            frames.insert(id, Frame { x: GAP.0 + place * (WIDTH + GAP.0), y, height, lines });
        }
        y += tallest + GAP.1;
    }
    frames
}

/// The layer of each task: its distance from the start, by the longest path without a cycle.
fn layers(definition: &Definition) -> BTreeMap<TaskId, usize> {
    let mut layers: BTreeMap<TaskId, usize> = definition.starts().iter().map(|start| (*start, 0)).collect();
    // A path without a cycle has at most as many steps as there are tasks, so this ends with cycles, too.
    for _ in 0..definition.tasks().len() {
        let mut has_changed = false;
        for (task, number) in definition.tasks().iter().zip(0..) {
            let Some(own) = layers.get(&TaskId(number)).copied() else { continue };
            for transition in &task.transitions {
                // A way back must not push its target further down.
                let is_back = task.is_in_cycle && layers.contains_key(&transition.target);
                let layer = layers.entry(transition.target).or_default();
                if !is_back && *layer <= own {
                    *layer = own + 1;
                    has_changed = true;
                }
            }
        }
        if !has_changed {
            break;
        }
    }
    layers
}
