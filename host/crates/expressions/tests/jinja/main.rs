//! Jinja from outside: what it gives where the template engine alone would give something else
//! (`semantics`, `names`), and that no text makes it panic or run without end (`robust`).

mod names;
mod robust;
mod semantics;
