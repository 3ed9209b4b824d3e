// Texts as bytes and back: there is no `TextEncoder` in components. What cannot be read becomes U+FFFD, as in the standard.

/** The bytes of a text. */
export function encode(text) {
  const bytes = new Uint8Array(text.length * 3);
  let end = 0;
  for (const sign of text) {
    let code = sign.codePointAt(0);
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    if (code < 0x80) {
      bytes[end++] = code;
      continue;
    }
    const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[end++] = (0xf00 >> more + 1 & 0xff) | code >> 6 * more;
    for (let left = more - 1; left >= 0; left--) bytes[end++] = 0x80 | code >> 6 * left & 0x3f;
  }
  return bytes.subarray(0, end);
}

/** The text of bytes. */
export function decode(bytes) {
  const parts = [];
  let codes = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at++];
    let more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
    let code = more < 0 ? 0xfffd : more ? first & 0x3f >> more : first;
    // The second byte shows what is too long, a half of a pair, or beyond the last sign.
    let least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    let most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    for (; more > 0; more--, least = 0x80, most = 0xbf) {
      if (!(bytes[at] >= least && bytes[at] <= most)) {
        code = 0xfffd;
        break;
      }
      code = code << 6 | bytes[at++] & 0x3f;
    }
    codes.push(code);
    if (codes.length === 4096) {
      parts.push(String.fromCodePoint(...codes));
      codes = [];
    }
  }
  parts.push(String.fromCodePoint(...codes));
  return parts.join('');
}
