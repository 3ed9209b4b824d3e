//! Resources of the component's own, whose handles the host keeps.

#![expect(unsafe_code, clippy::all, clippy::pedantic, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package shelf:handles@1.0.0;

        interface tokens {
            resource token;
        }

        world handles {
            export tokens;
        }
    ",
});

use exports::shelf::handles::tokens::{Guest, GuestToken, Token};

struct Tokens;

struct Plain;

impl Guest for Tokens {
    type Token = Plain;
}

impl GuestToken for Plain {}

export!(Tokens);

/// Makes `count` handles, and keeps all of them until they are made.
pub(crate) fn make(count: u64) -> usize {
    let mut kept = Vec::new();
    for _ in 0..count {
        kept.push(Token::new(Plain));
    }
    kept.len()
}
