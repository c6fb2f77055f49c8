//! Changing the outermost sections of a component: what a careless or hostile vendor might upload, without a compiler.

use serde_json::Value;

/// The custom section that holds a package's metadata.
const METADATA: &str = "ironbark-driver";
/// `\0asm`, version 13, layer 1: a component.
const PREAMBLE: usize = 8;
const CUSTOM: u8 = 0;

struct Section {
    id: u8,
    content: Vec<u8>,
}

/// The same component with other metadata; without any if `change` says so.
pub(crate) fn with_metadata(component: &[u8], change: impl FnOnce(&mut Value) -> bool) -> Vec<u8> {
    let mut sections = sections(component);
    let at = sections
        .iter()
        .position(|section| custom(section).is_some_and(|(name, _)| name == METADATA))
        .expect("a package has metadata");
    let (_, text) = custom(&sections[at]).expect("just found");
    let mut metadata = serde_json::from_slice(text).expect("metadata is JSON");
    if change(&mut metadata) {
        sections[at] = make(METADATA, metadata.to_string().as_bytes());
    } else {
        sections.remove(at);
    }
    assemble(component, &sections)
}

/// The same component with a remark: other bytes, the same behaviour.
pub(crate) fn with_remark(component: &[u8], remark: &str) -> Vec<u8> {
    let mut sections = sections(component);
    sections.push(make("remark", remark.as_bytes()));
    assemble(component, &sections)
}

fn sections(component: &[u8]) -> Vec<Section> {
    let mut rest = &component[PREAMBLE..];
    let mut found = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        let (length, after) = read_length(after);
        let (content, after) = after.split_at(length);
        found.push(Section {
            id,
            content: content.to_vec(),
        });
        rest = after;
    }
    found
}

fn assemble(component: &[u8], sections: &[Section]) -> Vec<u8> {
    let mut bytes = component[..PREAMBLE].to_vec();
    for section in sections {
        bytes.push(section.id);
        write_length(&mut bytes, section.content.len());
        bytes.extend_from_slice(&section.content);
    }
    bytes
}

/// Name and content of a custom section.
fn custom(section: &Section) -> Option<(&str, &[u8])> {
    if section.id != CUSTOM {
        return None;
    }
    let (length, rest) = read_length(&section.content);
    let (name, content) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(name).ok()?, content))
}

fn make(name: &str, content: &[u8]) -> Section {
    let mut all = Vec::new();
    write_length(&mut all, name.len());
    all.extend_from_slice(name.as_bytes());
    all.extend_from_slice(content);
    Section {
        id: CUSTOM,
        content: all,
    }
}

/// Unsigned LEB128.
fn read_length(bytes: &[u8]) -> (usize, &[u8]) {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (value, &bytes[index + 1..]);
        }
    }
    panic!("a length without an end");
}

fn write_length(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn component() -> Vec<u8> {
        let metadata = make(METADATA, br#"{"name":"a"}"#);
        let big = Section {
            id: 1,
            content: vec![7; 300],
        };
        assemble(b"\0asm\x0d\0\x01\0", &[big, metadata])
    }

    #[test]
    fn metadata_is_changed_and_nothing_else() {
        let before = component();
        let same = with_metadata(&before, |_| true);
        assert_eq!(same, before);
        let changed = with_metadata(&before, |metadata| {
            metadata["name"] = json!("b");
            true
        });
        assert_eq!(changed.len(), before.len());
        assert_ne!(changed, before);
        let without = with_metadata(&before, |_| false);
        assert_eq!(sections(&without).len(), 1);
    }

    #[test]
    fn a_remark_is_added_at_the_end() {
        let before = component();
        let after = with_remark(&before, "hello");
        assert!(after.starts_with(&before));
        assert_eq!(
            custom(&sections(&after)[2]).unwrap(),
            ("remark", &b"hello"[..])
        );
    }
}
