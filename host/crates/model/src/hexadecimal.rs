//! Bytes in text.

/// `bytes` as hexadecimal digits in lower case, two a byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_two_digits() {
        for (bytes, text) in [(&[][..], ""), (&[0, 1, 0x1f, 0xa0, 0xff], "00011fa0ff")] {
            assert_eq!(hexadecimal(bytes), text);
        }
    }
}
