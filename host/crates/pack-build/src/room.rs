//! Room for the adapter in modules that Go has compiled. The adapter between WASI and its older preview takes memory when it
//! is first called, and would grow the module's memory for it; but Go takes all memory behind its data for its own heap, and
//! would write over it. So the library for Go has some room in its data, known by its first bytes, and a function is added
//! here that gives it to the adapter, under the name by which the encoder of components looks for one.

/// The first bytes of the room.
const MARK: &[u8] = b"petrel:room-of-the-adapter";
/// Its size: the state of the adapter, its stack, and what is lost by alignment.
const SIZE: u32 = 192 << 10;
/// The name of the function.
const REALLOC: &[u8] = b"cabi_realloc_adapter";

/// Sections of a module, by their numbers in the specification of WebAssembly.
const TYPES: u8 = 1;
const IMPORTS: u8 = 2;
const FUNCTIONS: u8 = 3;
const GLOBALS: u8 = 6;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;
const DATA: u8 = 11;

/// The type of the function: four numbers of 32 bits to one.
const SIGNATURE: &[u8] = &[0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f];

/// The module, with a function that gives the adapter the room in it. A module without such a room is left as it is.
pub(crate) fn given(core: &[u8]) -> Vec<u8> {
    changed(core).unwrap_or_else(|| core.to_vec())
}

fn changed(core: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = core.split_at_checked(8)?;
    let (mut reader, mut sections) = (Reader(rest), Vec::new());
    while !reader.0.is_empty() {
        let (id, length) = (reader.byte()?, reader.number()?);
        sections.push((id, reader.take(length)?));
    }
    let section = |wanted: u8| sections.iter().find(|(id, _)| *id == wanted).map(|(_, content)| *content);
    let count = |wanted: u8| Reader(section(wanted)?).number();
    let room = room(section(DATA)?)?;
    let (kind, global) = (count(TYPES)?, count(GLOBALS)?);
    let function = imported_functions(section(IMPORTS)?)?.checked_add(count(FUNCTIONS)?)?;
    let export = [length(REALLOC)?, REALLOC.to_vec(), vec![0], unsigned(function)].concat();
    let next = [vec![0x7f, 1, 0x41], signed(room), vec![0x0b]].concat();
    let body = body(global, room.checked_add(SIZE)?);
    let body = [length(&body)?, body].concat();
    let mut made = head.to_vec();
    for (id, content) in sections.iter().copied() {
        let content = match id {
            TYPES => one_more(content, SIGNATURE)?,
            FUNCTIONS => one_more(content, &unsigned(kind))?,
            GLOBALS => one_more(content, &next)?,
            EXPORTS => one_more(content, &export)?,
            CODE => one_more(content, &body)?,
            _ => content.to_vec(),
        };
        made.push(id);
        made.extend(length(&content)?);
        made.extend(content);
    }
    Some(made)
}

/// The address of the room, from the section of data.
fn room(data: &[u8]) -> Option<u32> {
    let mut data = Reader(data);
    for _ in 0..data.number()? {
        // A part of the one memory, at a constant address.
        let (0, 0x41) = (data.byte()?, data.byte()?) else { return None };
        let offset = data.number()?;
        data.byte()?;
        let length = data.number()?;
        let part = data.take(length)?;
        if let Some(at) = part.windows(MARK.len()).position(|bytes| bytes == MARK) {
            return offset.checked_add(u32::try_from(at).ok()?);
        }
    }
    None
}

/// The number of imports. `None` unless all of them are functions.
fn imported_functions(imports: &[u8]) -> Option<u32> {
    let mut imports = Reader(imports);
    let count = imports.number()?;
    for _ in 0..count {
        for _name in 0..2 {
            let length = imports.number()?;
            imports.take(length)?;
        }
        let 0 = imports.byte()? else { return None };
        imports.number()?;
    }
    Some(count)
}

/// The body of `realloc(old, old_size, align, size)`: it gives what comes next in the room, up to `end`, and traps behind
/// that, and for what it has given before. `next` is the global with the place of what comes next.
fn body(next: u32, end: u32) -> Vec<u8> {
    let next = unsigned(next);
    let mut code = vec![1, 1, 0x7f];
    // if old { unreachable }
    code.extend([0x20, 0, 0x04, 0x40, 0x00, 0x0b]);
    // at = (next + align - 1) & (0 - align)
    code.push(0x23);
    code.extend(&next);
    code.extend([0x20, 2, 0x6a, 0x41, 1, 0x6b, 0x41, 0, 0x20, 2, 0x6b, 0x71, 0x22, 4]);
    // next = at + size
    code.extend([0x20, 3, 0x6a, 0x24]);
    code.extend(&next);
    // if next > end { unreachable }
    code.push(0x23);
    code.extend(&next);
    code.push(0x41);
    code.extend(signed(end));
    code.extend([0x4b, 0x04, 0x40, 0x00, 0x0b]);
    // at
    code.extend([0x20, 4, 0x0b]);
    code
}

/// A section with one more item at its end.
fn one_more(section: &[u8], item: &[u8]) -> Option<Vec<u8>> {
    let mut items = Reader(section);
    let count = items.number()?.checked_add(1)?;
    Some([unsigned(count), items.0.to_vec(), item.to_vec()].concat())
}

fn length(bytes: &[u8]) -> Option<Vec<u8>> {
    u32::try_from(bytes.len()).ok().map(unsigned)
}

/// A number as modules have it: seven bits a byte, the lowest first.
fn unsigned(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f).to_le_bytes()[0];
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// The same for a constant, whose last byte also has a sign, which is that of a positive number.
fn signed(number: u32) -> Vec<u8> {
    let mut bytes = unsigned(number);
    if let Some(last) = bytes.last_mut()
        && *last & 0x40 != 0
    {
        *last |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// What is left to read of a module.
struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: u32) -> Option<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with an import, a function, a global, an export, and data at 1000.
    fn module(data: &[u8]) -> Vec<u8> {
        let sections: [(u8, &[u8]); 6] = [
            (TYPES, &[1, 0x60, 0, 0]),
            (IMPORTS, &[1, 1, b'a', 1, b'b', 0, 0]),
            (FUNCTIONS, &[1, 0]),
            (GLOBALS, &[1, 0x7f, 0, 0x41, 0, 0x0b]),
            (EXPORTS, &[1, 1, b'f', 0, 1]),
            (CODE, &[1, 2, 0, 0x0b]),
        ];
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in sections {
            module.push(id);
            module.extend(length(content).unwrap());
            module.extend(content);
        }
        let segment =
            [vec![1, 0, 0x41], signed(1000), vec![0x0b], length(data).unwrap(), data.to_vec()].concat();
        module.push(DATA);
        module.extend(length(&segment).unwrap());
        module.extend(segment);
        module
    }

    #[test]
    fn a_module_with_room_has_a_function_that_gives_it() {
        let core = module(&[b"before".as_slice(), MARK].concat());
        let made = given(&core);
        let has = |part: &[u8]| made.windows(part.len()).any(|bytes| bytes == part);
        // The second type, the third function of all, the second global, which begins at the room.
        assert!(has(&[2, 0x60, 0, 0, 0x60, 4]), "the type");
        assert!(has(&[2, 0, 1]), "the function has that type");
        assert!(has(&[b"cabi_realloc_adapter".as_slice(), &[0, 2]].concat()), "the export");
        assert!(has(&[vec![0x7f, 1, 0x41], signed(1006), vec![0x0b]].concat()), "the global");
        assert!(has(&[signed(1006 + SIZE), vec![0x4b]].concat()), "the end");
    }

    #[test]
    fn any_other_module_is_left_as_it_is() {
        for core in [module(b"no room"), b"\0asm\x01\0\0\0".to_vec(), b"none".to_vec(), Vec::new()] {
            assert_eq!(given(&core), core);
        }
        let cut = module(MARK);
        let cut = cut.get(..cut.len() - 1).unwrap();
        assert_eq!(given(cut), cut);
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for number in [0, 63, 64, 127, 128, 8191, 8192, 1 << 20, u32::MAX] {
            for bytes in [unsigned(number), signed(number)] {
                let mut reader = Reader(&bytes);
                assert_eq!((reader.number(), reader.0.len()), (Some(number), 0), "{number}");
            }
        }
    }
}
