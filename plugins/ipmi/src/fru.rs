//! The inventory that a machine carries with it: chassis, board and product. Commands: IPMI 2.0 §34; format: *Platform Management FRU
//! Information Storage Definition* 1.0, revision 1.3 ("FRU §…").

use ironbark_driver::{
    Error, Result,
    ipmi::{STORAGE, completion_error},
};
use serde_json::{Map, Value, json};

use crate::{bmc::Bmc, sensors::text};

const GET_INVENTORY_AREA_INFO: u8 = 0x10;
const READ_DATA: u8 = 0x11;
/// The BMC's own inventory; others are of parts.
const OWN: u8 = 0;

/// How many bytes are read at once; half of it when that is too much.
const CHUNK: u8 = 32;
/// The length is wrong, it is too long, so many bytes can't be returned, unspecified: what BMCs say to large chunks.
const TOO_MUCH: &[u8] = &[0xc7, 0xc8, 0xca, 0xff];
/// Lengths and offsets count in these (FRU §8).
const UNIT: usize = 8;
/// A field that says that there are no more (FRU §8.1).
const END_OF_FIELDS: u8 = 0xc1;
/// Minutes from 1970 to 1996, from which boards' dates count (FRU §11).
const MINUTES_TO_1996: i64 = 13_674_240;

const CHASSIS_FIELDS: &[&str] = &["part_number", "serial_number"];
const BOARD_FIELDS: &[&str] = &[
    "manufacturer",
    "product_name",
    "serial_number",
    "part_number",
    "fru_file_id",
];
const PRODUCT_FIELDS: &[&str] = &[
    "manufacturer",
    "product_name",
    "part_number",
    "version",
    "serial_number",
    "asset_tag",
    "fru_file_id",
];

/// What the BMC's own inventory says, area by area; areas that it hasn't are left out.
pub(crate) fn read(bmc: &impl Bmc) -> Result<Value> {
    let mut inventory = Inventory::open(bmc)?;
    let header = inventory.bytes(0, UNIT)?;
    let [0x01, _, chassis, board, product, ..] = header[..] else {
        return Err(Error::protocol(
            "the BMC's FRU inventory has no header that is known",
        ));
    };
    check_sum(&header)?;
    let mut areas = Map::new();
    for (name, offset, read) in [
        ("chassis", chassis, chassis_of as fn(&[u8]) -> Value),
        ("board", board, board_of),
        ("product", product, product_of),
    ] {
        if offset != 0 {
            let area = inventory.area(usize::from(offset) * UNIT)?;
            areas.insert(name.to_owned(), read(&area));
        }
    }
    Ok(Value::Object(areas))
}

/// Reads any bytes as each of the areas, for fuzzing: a wrong check sum keeps them out of [`read`].
#[cfg(not(target_family = "wasm"))]
pub(crate) fn read_areas(bytes: &[u8]) {
    for read in [chassis_of, board_of, product_of] {
        let _ = read(bytes);
    }
}

/// Reads bytes of the inventory.
struct Inventory<'a, B> {
    bmc: &'a B,
    size: usize,
    by_words: bool,
    chunk: u8,
}

impl<'a, B: Bmc> Inventory<'a, B> {
    fn open(bmc: &'a B) -> Result<Self> {
        let info = bmc.request(STORAGE, GET_INVENTORY_AREA_INFO, &[OWN])?;
        let [low, high, access, ..] = info[..] else {
            return Err(Error::protocol("the BMC's FRU inventory has no size"));
        };
        Ok(Self {
            bmc,
            size: u16::from_le_bytes([low, high]).into(),
            by_words: access & 1 == 1,
            chunk: CHUNK,
        })
    }

    /// An area as long as its second byte says, with a good check sum (FRU §10 to §12).
    fn area(&mut self, offset: usize) -> Result<Vec<u8>> {
        let head = self.bytes(offset, UNIT)?;
        let length = head.get(1).copied().map_or(0, usize::from) * UNIT;
        if length < UNIT {
            return Err(Error::protocol(
                "an area of the BMC's FRU inventory has no length",
            ));
        }
        let area = self.bytes(offset, length)?;
        check_sum(&area)?;
        Ok(area)
    }

    fn bytes(&mut self, offset: usize, length: usize) -> Result<Vec<u8>> {
        if offset + length > self.size {
            return Err(Error::protocol(
                "the BMC's FRU inventory is shorter than it says",
            ));
        }
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let missing = length - bytes.len();
            let wanted = u8::try_from(missing).unwrap_or(u8::MAX).min(self.chunk);
            match self.part(offset + bytes.len(), wanted)? {
                Some(part) if part.is_empty() => {
                    return Err(Error::protocol("the BMC's FRU inventory ends early"));
                }
                Some(part) => bytes.extend(part),
                // Never below two, so that it is a whole word.
                None => self.chunk = (wanted / 4 * 2).max(2),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    /// At most `wanted` bytes, an even number but for the last; none if that is too much at once.
    fn part(&self, offset: usize, wanted: u8) -> Result<Option<Vec<u8>>> {
        let unit: u8 = if self.by_words { 2 } else { 1 };
        let place = u16::try_from(offset / usize::from(unit)).unwrap_or(u16::MAX);
        let [low, high] = place.to_le_bytes();
        let request = [OWN, low, high, wanted.div_ceil(unit)];
        let response = self.bmc.raw(STORAGE, 0, READ_DATA, &request)?;
        match (response.completion_code, response.data.split_first()) {
            (0, Some((_, bytes))) => Ok(Some(bytes.iter().copied().take(wanted.into()).collect())),
            (0, None) => Err(Error::protocol("the BMC's FRU inventory is empty")),
            (code, _) if TOO_MUCH.contains(&code) && wanted > 2 => Ok(None),
            (code, _) => Err(completion_error(STORAGE, READ_DATA, code)),
        }
    }
}

/// All bytes of a header or an area together are zero, modulo 256.
fn check_sum(bytes: &[u8]) -> Result<()> {
    match bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) {
        0 => Ok(()),
        _ => Err(Error::protocol(
            "the BMC's FRU inventory has a wrong check sum",
        )),
    }
}

/// Format, length, type of chassis, fields (FRU §10).
fn chassis_of(area: &[u8]) -> Value {
    let mut chassis = fields(area.get(3..), CHASSIS_FIELDS);
    if let Some(kind) = area.get(2) {
        chassis.insert("type".to_owned(), json!(kind));
    }
    Value::Object(chassis)
}

/// Format, length, language, minutes since 1996, fields (FRU §11).
fn board_of(area: &[u8]) -> Value {
    let mut board = fields(area.get(6..), BOARD_FIELDS);
    if let Some([low, middle, high]) = area.get(3..6) {
        let minutes = u32::from_le_bytes([*low, *middle, *high, 0]);
        if minutes != 0 {
            board.insert("manufactured_at".to_owned(), json!(date(minutes)));
        }
    }
    Value::Object(board)
}

/// Format, length, language, fields (FRU §12).
fn product_of(area: &[u8]) -> Value {
    Value::Object(fields(area.get(3..), PRODUCT_FIELDS))
}

/// Fields with their names; what the maker added has none. Empty ones are left out.
fn fields(bytes: Option<&[u8]>, names: &[&str]) -> Map<String, Value> {
    let mut rest = bytes.unwrap_or_default();
    let mut names = names.iter();
    let (mut found, mut custom) = (Map::new(), Vec::new());
    while let Some((&head, after)) = rest.split_first() {
        if head == END_OF_FIELDS {
            break;
        }
        let length = usize::from(head & 0x3f);
        let Some((field, further)) = after.split_at_checked(length) else {
            break;
        };
        rest = further;
        let text = text(head >> 6, field);
        match names.next() {
            Some(name) if !text.is_empty() => {
                found.insert((*name).to_owned(), text.into());
            }
            None if !text.is_empty() => custom.push(text),
            _ => {}
        }
    }
    if !custom.is_empty() {
        found.insert("custom".to_owned(), custom.into());
    }
    found
}

/// A day, from minutes since 1996. Civil days by Howard Hinnant's algorithm, for years after 1970.
fn date(minutes: u32) -> String {
    let days = (i64::from(minutes) + MINUTES_TO_1996) / (24 * 60);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bmc::tests::Scripted;

    /// Bytes with their length in units of 8, and the check sum that makes them add up to zero.
    fn area(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(END_OF_FIELDS);
        let padded = (bytes.len() + 1).next_multiple_of(UNIT);
        bytes.resize(padded, 0);
        bytes[1] = u8::try_from(padded / UNIT).unwrap();
        summed(bytes)
    }

    fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        *bytes.last_mut().unwrap() = sum.wrapping_neg();
        bytes
    }

    fn field(text: &str) -> Vec<u8> {
        [&[0xc0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    fn inventory() -> Vec<u8> {
        let chassis = area([vec![1, 0, 0x17], field("CH-1"), field("C-0042")].concat());
        let board = area(
            [
                vec![1, 0, 0, 0x60, 0x5f, 0xd3],
                field("ACME"),
                field("Board 9"),
                field("B-1"),
                vec![0],
                field(""),
                field("rev C"),
            ]
            .concat(),
        );
        // The serial number in BCD plus.
        let product = area(
            [
                vec![1, 0, 0],
                field("ACME"),
                field("Rocket"),
                field("R-9"),
                field("v2"),
                vec![0x42, 0x12, 0x34],
            ]
            .concat(),
        );
        let at = |length: usize| u8::try_from(length / UNIT).unwrap();
        let header = vec![
            1,
            0,
            at(8),
            at(8 + chassis.len()),
            at(8 + chassis.len() + board.len()),
            0,
            0,
            0,
        ];
        [summed(header), chassis, board, product].concat()
    }

    /// A BMC with this inventory, that gives so many bytes at once at most.
    fn bmc(bytes: Vec<u8>, by_words: bool, largest: usize) -> Scripted {
        Scripted::new(move |_, command, data| match (command, data) {
            (GET_INVENTORY_AREA_INFO, [OWN]) => {
                let [low, high] = u16::try_from(bytes.len()).unwrap().to_le_bytes();
                (0, vec![low, high, u8::from(by_words)])
            }
            (READ_DATA, [OWN, low, high, count]) => {
                let unit = if by_words { 2 } else { 1 };
                let from = usize::from(u16::from_le_bytes([*low, *high])) * unit;
                let length = usize::from(*count) * unit;
                if length > largest {
                    return (0xca, Vec::new());
                }
                let end = (from + length).min(bytes.len());
                (0, [&[*count], &bytes[from..end]].concat())
            }
            _ => (0xc1, Vec::new()),
        })
    }

    #[test]
    fn all_areas_are_read_however_the_bmc_gives_them() {
        let expected = json!({
            "chassis": {"type": 0x17, "part_number": "CH-1", "serial_number": "C-0042"},
            "board": {"manufacturer": "ACME", "product_name": "Board 9", "serial_number": "B-1", "custom": ["rev C"],
                "manufactured_at": "2022-05-03"},
            "product": {"manufacturer": "ACME", "product_name": "Rocket", "part_number": "R-9", "version": "v2",
                "serial_number": "1234"},
        });
        for (by_words, largest) in [
            (false, 255),
            (true, 255),
            (false, 16),
            (false, 3),
            (true, 8),
            (true, 2),
        ] {
            let found = read(&bmc(inventory(), by_words, largest)).unwrap();
            assert_eq!(found, expected, "{by_words} {largest}");
        }
    }

    #[test]
    fn dates_count_from_1996() {
        assert_eq!(date(1), "1996-01-01");
        assert_eq!(date(24 * 60 * 59), "1996-02-29");
        assert_eq!(date(24 * 60 * 366), "1997-01-01");
    }

    #[test]
    fn areas_that_are_not_there_are_left_out() {
        let header = summed(vec![1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(read(&bmc(header, false, 255)).unwrap(), json!({}));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let mut wrong = inventory();
        wrong[20] ^= 1;
        let error = read(&bmc(wrong, false, 255)).unwrap_err();
        assert!(matches!(error, Error::Protocol(text) if text.contains("check sum")));
        let mut short = inventory();
        short.truncate(24);
        assert!(matches!(
            read(&bmc(short, false, 255)),
            Err(Error::Protocol(_))
        ));
        let bmc = Scripted::new(|_, _, _| (0xc1, Vec::new()));
        assert!(matches!(read(&bmc), Err(Error::Unsupported(_))));
    }

    proptest! {
        #[test]
        fn no_inventory_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..128), by_words: bool) {
            let _ = read(&bmc(summed_header(bytes), by_words, 255));
        }
    }

    /// Good enough to be read beyond its header.
    fn summed_header(mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.len() >= UNIT {
            bytes[0] = 1;
            let header = summed(bytes[..UNIT].to_vec());
            bytes[..UNIT].copy_from_slice(&header);
        }
        bytes
    }
}
