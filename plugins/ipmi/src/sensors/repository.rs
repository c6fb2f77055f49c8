//! The sensor data records: the SDR repository (IPMI 2.0 §33), or the BMC's own device SDRs (§35) if it has no repository.

use std::time::Duration;

use ironbark_driver::{
    Error, Result,
    ipmi::{SENSOR, STORAGE, completion_error},
};

use super::{Time, record::FULL_SENSOR};
use crate::bmc::Bmc;

/// The last record's successor.
const END: u16 = 0xffff;
/// Record ID, version, type, length.
const HEADER: usize = 5;
/// More records than any BMC has: one whose records go round in circles ends here.
const MAX_RECORDS: u32 = 4096;
/// How often a record is begun anew because somebody else changed the repository.
const MAX_RESTARTS: u32 = 8;
/// How many bytes are read at once; half of it when that is too much. Every BMC can do 16.
const CHUNK: u8 = 32;

const RESERVATION_CANCELLED: u8 = 0xc5;
const INVALID_COMMAND: u8 = 0xc1;
/// The request's length is wrong, it is too long, so many bytes can't be returned, unspecified: what BMCs say to large chunks.
const TOO_MUCH: &[u8] = &[0xc7, 0xc8, 0xca, 0xff];

/// Reads records one after another.
pub(crate) struct Repository<'a, B, T> {
    bmc: &'a B,
    time: &'a T,
    source: Source,
    reservation: [u8; 2],
    next: u16,
    read: u32,
    chunk: u8,
}

/// Where records are kept: network function, command to reserve, command to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Source {
    netfn: u8,
    reserve: u8,
    get: u8,
}

const REPOSITORY: Source = Source {
    netfn: STORAGE,
    reserve: 0x22,
    get: 0x23,
};
const DEVICE: Source = Source {
    netfn: SENSOR,
    reserve: 0x22,
    get: 0x21,
};

/// A part of a record, or what to do instead.
enum Part {
    Bytes { next: u16, bytes: Vec<u8> },
    Restart,
    Smaller,
}

impl<'a, B: Bmc, T: Time> Repository<'a, B, T> {
    pub(crate) fn open(bmc: &'a B, time: &'a T) -> Result<Self> {
        let (source, reservation) = match reserve(bmc, REPOSITORY) {
            Ok(reservation) => (REPOSITORY, reservation),
            Err(Error::Unsupported(_)) => (DEVICE, reserve(bmc, DEVICE)?),
            Err(error) => return Err(error),
        };
        Ok(Self {
            bmc,
            time,
            source,
            reservation,
            next: 0,
            read: 0,
            chunk: CHUNK,
        })
    }

    /// The next record, or only its header if it isn't a full sensor's; `None` after the last.
    pub(crate) fn next_record(&mut self) -> Result<Option<Vec<u8>>> {
        if self.next == END || self.read >= MAX_RECORDS {
            return Ok(None);
        }
        self.read += 1;
        for attempt in 0..MAX_RESTARTS {
            if attempt > 0 {
                self.time.pause(Duration::from_millis(100));
                self.reservation = reserve(self.bmc, self.source)?;
            }
            if let Some((next, record)) = self.whole_record()? {
                self.next = next;
                return Ok(Some(record));
            }
        }
        Err(Error::busy(
            "the BMC's sensor records keep changing",
            Some(5),
        ))
    }

    /// The record at `next`, with its successor; `None` if it must be begun anew.
    fn whole_record(&mut self) -> Result<Option<(u16, Vec<u8>)>> {
        let mut record = Vec::new();
        loop {
            let missing = whole_length(&record) - record.len();
            // Offsets have eight bits; nothing that is needed stands beyond.
            let (Ok(offset), Ok(wanted)) = (u8::try_from(record.len()), u8::try_from(missing))
            else {
                return Err(Error::protocol("the BMC's sensor record is too long"));
            };
            let Some((next, bytes)) = self.part(offset, wanted)? else {
                return Ok(None);
            };
            if bytes.is_empty() {
                return Err(Error::protocol("the BMC's sensor record ends early"));
            }
            record.extend(bytes);
            if record.len() >= HEADER && record.len() == whole_length(&record) {
                return Ok(Some((next, record)));
            }
        }
    }

    /// At most `wanted` bytes of the record at `next`, and its successor; `None` if the record must be begun anew.
    fn part(&mut self, offset: u8, wanted: u8) -> Result<Option<(u16, Vec<u8>)>> {
        loop {
            let count = wanted.min(self.chunk);
            match self.get(offset, count)? {
                Part::Bytes { next, mut bytes } => {
                    bytes.truncate(count.into());
                    return Ok(Some((next, bytes)));
                }
                Part::Restart => return Ok(None),
                Part::Smaller => self.chunk = count / 2,
            }
        }
    }

    fn get(&self, offset: u8, count: u8) -> Result<Part> {
        let [reservation_low, reservation_high] = self.reservation;
        let [id_low, id_high] = self.next.to_le_bytes();
        let request = [
            reservation_low,
            reservation_high,
            id_low,
            id_high,
            offset,
            count,
        ];
        let Source { netfn, get, .. } = self.source;
        let response = self.bmc.raw(netfn, 0, get, &request)?;
        match response.completion_code {
            0 => match response.data.as_slice() {
                [next_low, next_high, bytes @ ..] => Ok(Part::Bytes {
                    next: u16::from_le_bytes([*next_low, *next_high]),
                    bytes: bytes.to_vec(),
                }),
                _ => Err(Error::protocol("the BMC's sensor record has no successor")),
            },
            RESERVATION_CANCELLED => Ok(Part::Restart),
            code if TOO_MUCH.contains(&code) && count > 1 => Ok(Part::Smaller),
            code => Err(completion_error(netfn, get, code)),
        }
    }
}

/// How much of a record is read, as far as its beginning tells: its header says how much follows. Of records that nobody here can read,
/// the header will do: they are most of those that a BMC has.
fn whole_length(beginning: &[u8]) -> usize {
    match beginning {
        [_, _, _, FULL_SENSOR, length, ..] => HEADER + usize::from(*length),
        _ => HEADER,
    }
}

fn reserve(bmc: &impl Bmc, source: Source) -> Result<[u8; 2]> {
    let Source { netfn, reserve, .. } = source;
    let response = bmc.raw(netfn, 0, reserve, &[])?;
    match (response.completion_code, response.data.as_slice()) {
        (0, [low, high, ..]) => Ok([*low, *high]),
        (0, _) => Err(Error::protocol("the BMC's reservation is too short")),
        // A repository that can be read without reservation (§33.11).
        (INVALID_COMMAND, _) if source == DEVICE => Ok([0, 0]),
        (code, _) => Err(completion_error(netfn, reserve, code)),
    }
}
