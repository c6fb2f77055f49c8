//! Directory records (ECMA-119 §9.1) and the Rock Ridge entries in them (SUSP 1.10, RRIP 1.09).

/// Day and time of everything in an image: the beginning of 2000, so that the same files give the same bytes.
const RECORDED: [u8; 7] = [100, 1, 1, 0, 0, 0, 0];

/// Mode bits of a folder and of a file: everybody may read.
const FOLDER_MODE: u32 = 0o040_555;
const FILE_MODE: u32 = 0o100_444;

/// One record: a name in a folder, and which sectors it stands for.
pub(super) fn record(
    identifier: &[u8],
    (sector, bytes): (u32, u32),
    is_folder: bool,
    system_use: &[u8],
) -> Vec<u8> {
    let mut record = vec![0, 0];
    push_both(&mut record, sector);
    push_both(&mut record, bytes);
    record.extend(RECORDED);
    record.push(if is_folder { 2 } else { 0 });
    record.extend([0, 0]);
    push_both_short(&mut record, 1);
    record.push(length(identifier));
    record.extend(identifier);
    if identifier.len().is_multiple_of(2) {
        record.push(0);
    }
    record.extend(system_use);
    if !record.len().is_multiple_of(2) {
        record.push(0);
    }
    let whole = length(&record);
    if let Some(first) = record.first_mut() {
        *first = whole;
    }
    record
}

/// What Rock Ridge says of something: its real name, unless it is a link to a folder itself, and who may do what.
pub(super) fn attributes(name: Option<&str>, is_folder: bool) -> Vec<u8> {
    let mut entries = Vec::new();
    let (mode, links) = if is_folder {
        (FOLDER_MODE, 2)
    } else {
        (FILE_MODE, 1)
    };
    entries.extend(*b"PX\x24\x01");
    for number in [mode, links, 0, 0] {
        push_both(&mut entries, number);
    }
    if let Some(name) = name {
        entries.extend(*b"NM");
        entries.push(length(name.as_bytes()).saturating_add(5));
        entries.extend([1, 0]);
        entries.extend(name.as_bytes());
    }
    entries
}

/// What Rock Ridge says of a folder in the folder itself. That of the root also says that there is Rock Ridge.
pub(super) fn own_attributes(is_root: bool) -> Vec<u8> {
    let mut entries = Vec::new();
    if is_root {
        entries.extend(*b"SP\x07\x01\xbe\xef\x00");
    }
    entries.extend(attributes(None, true));
    if is_root {
        entries.extend(*b"ER\x12\x01\x0a\x00\x00\x01RRIP_1991A");
    }
    entries
}

/// 32 bits in both orders.
pub(super) fn push_both(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend(number.to_le_bytes());
    bytes.extend(number.to_be_bytes());
}

/// 16 bits in both orders.
pub(super) fn push_both_short(bytes: &mut Vec<u8>, number: u16) {
    bytes.extend(number.to_le_bytes());
    bytes.extend(number.to_be_bytes());
}

/// A length in one byte: names are so short that it always fits.
fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap_or(u8::MAX)
}
