//! Volume descriptors and path tables (ECMA-119 §8 and §9.4).

use super::hierarchy::{Hierarchy, Naming};
use super::record::{push_both, push_both_short, record};
use super::{SECTOR, fill_sector};

/// A date that isn't given.
const NO_DATE: [u8; 17] = *b"0000000000000000\0";
/// When the image was made: see the records.
const MADE: [u8; 17] = *b"2000010100000000\0";

/// What a volume's descriptor says.
pub(super) struct Volume<'a> {
    pub(super) naming: Naming,
    pub(super) label: &'a str,
    /// Sectors of the whole image.
    pub(super) sectors: u32,
    /// Length of one path table.
    pub(super) table_bytes: u32,
    /// First sectors of the path tables, the little-endian and the big-endian one.
    pub(super) tables: [u32; 2],
    /// First sector and bytes of the root folder.
    pub(super) root: (u32, u32),
}

/// Appends a descriptor: one sector.
pub(super) fn write(image: &mut Vec<u8>, volume: &Volume<'_>) {
    let naming = volume.naming;
    let text = |image: &mut Vec<u8>, text: &str, room: usize| {
        let end = image.len() + room;
        image.extend(naming.text(text));
        while image.len() < end {
            image.extend(naming.text(" "));
        }
        image.truncate(end);
    };
    image.push(match naming {
        Naming::Primary => 1,
        Naming::Joliet => 2,
    });
    image.extend(*b"CD001\x01\0");
    text(image, "", 32);
    text(image, volume.label, 32);
    image.extend([0; 8]);
    push_both(image, volume.sectors);
    let mut escapes = [0; 32];
    if naming == Naming::Joliet {
        // UCS-2, level 3.
        for (place, byte) in escapes.iter_mut().zip(*b"%/E") {
            *place = byte;
        }
    }
    image.extend(escapes);
    push_both_short(image, 1);
    push_both_short(image, 1);
    push_both_short(image, u16::try_from(SECTOR).unwrap_or(u16::MAX));
    push_both(image, volume.table_bytes);
    let [little, big] = volume.tables;
    image.extend(little.to_le_bytes());
    image.extend([0; 4]);
    image.extend(big.to_be_bytes());
    image.extend([0; 4]);
    image.extend(record(&[0], volume.root, true, &[]));
    for room in [128, 128, 128, 128, 37, 37, 37] {
        text(image, "", room);
    }
    for date in [MADE, MADE, NO_DATE, NO_DATE] {
        image.extend(date);
    }
    image.push(1);
    fill_sector(image);
}

/// Appends the sector that ends the list of descriptors.
pub(super) fn write_terminator(image: &mut Vec<u8>) {
    image.extend(*b"\xffCD001\x01");
    fill_sector(image);
}

/// All folders with their place and the number of their parent, in the byte order of `long` and `short`.
pub(super) fn path_table(
    hierarchy: &Hierarchy<'_>,
    places: &[(u32, u32)],
    long: fn(u32) -> [u8; 4],
    short: fn(u16) -> [u8; 2],
) -> Vec<u8> {
    let mut table = Vec::new();
    for (index, folder) in hierarchy.folders.iter().enumerate() {
        let (sector, _) = places.get(index).copied().unwrap_or_default();
        table.push(u8::try_from(folder.identifier.len()).unwrap_or(u8::MAX));
        table.push(0);
        table.extend(long(sector));
        table.extend(short(u16::try_from(folder.parent + 1).unwrap_or(u16::MAX)));
        table.extend(&folder.identifier);
        if !folder.identifier.len().is_multiple_of(2) {
            table.push(0);
        }
    }
    table
}
