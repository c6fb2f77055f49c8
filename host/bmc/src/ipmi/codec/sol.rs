//! Packets of Serial over LAN (IPMI 2.0 §15.9, table 15-2), and what activating it answers (§24.1).

use super::{DecodeError, reader::Reader};

/// Payload type of Serial over LAN.
pub const PAYLOAD_SOL: u8 = 0x01;
/// Numbers of packets go from 1 to this one and start over; 0 is for packets that nobody confirms.
pub const LAST_NUMBER: u8 = 15;

/// From the BMC: the packet that is confirmed was not, or not wholly taken.
const NACK: u8 = 0x40;
/// From the BMC: nobody reads the line any more.
const DEACTIVATED: u8 = 0x10;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SolPacket<'a> {
    /// Its number; 0 if it carries nothing that is to be confirmed.
    pub number: u8,
    /// Number of the packet that it confirms; 0 for none.
    pub confirms: u8,
    /// How many characters of that one were taken.
    pub accepted: u8,
    /// Status from the BMC, operation to it.
    pub status: u8,
    /// Characters.
    pub data: &'a [u8],
}

/// What a BMC answers to Activate Payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activated {
    /// Most bytes of a packet to the BMC, with its head.
    pub inbound: usize,
}

impl<'a> SolPacket<'a> {
    /// Bytes before the characters.
    pub const HEAD: usize = 4;

    /// Characters for the BMC.
    pub fn of_data(number: u8, data: &'a [u8]) -> Self {
        Self {
            number,
            confirms: 0,
            accepted: 0,
            status: 0,
            data,
        }
    }

    /// That a packet of the BMC was taken.
    pub fn confirming(packet: &SolPacket<'_>) -> Self {
        Self {
            number: 0,
            confirms: packet.number,
            accepted: u8::try_from(packet.data.len()).unwrap_or(u8::MAX),
            status: 0,
            data: &[],
        }
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let [number, confirms, accepted, status] = reader.array()?;
        Ok(Self {
            number: number & 0x0f,
            confirms: confirms & 0x0f,
            accepted,
            status,
            data: reader.rest(),
        })
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut payload = vec![self.number, self.confirms, self.accepted, self.status];
        payload.extend_from_slice(self.data);
        payload
    }

    /// Whether what it confirms was not, or not wholly taken.
    pub fn refuses(&self) -> bool {
        self.status & NACK != 0
    }

    /// Whether the BMC ended it.
    pub fn ends(&self) -> bool {
        self.status & DEACTIVATED != 0
    }
}

impl Activated {
    /// Reads the data that follow the completion code.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let _auxiliary = reader.u32()?;
        let inbound = reader.u16()?;
        let _outbound = reader.u16()?;
        Ok(Self {
            inbound: usize::from(inbound),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packets_come_back(number in 0_u8..16, confirms in 0_u8..16, accepted: u8, status: u8, data in prop::collection::vec(any::<u8>(), 0..80)) {
            let packet = SolPacket { number, confirms, accepted, status, data: &data };
            let payload = packet.encode();
            prop_assert_eq!(SolPacket::decode(&payload), Ok(packet));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = SolPacket::decode(&bytes);
            let _ = Activated::decode(&bytes);
        }
    }

    #[test]
    fn a_confirmation_says_how_much_was_taken() {
        let confirmation = SolPacket::confirming(&SolPacket::of_data(7, b"login: "));
        assert_eq!(confirmation.encode(), [0, 7, 7, 0]);
    }
}
