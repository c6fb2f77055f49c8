//! The IPMI codecs: any bytes can be read, and what is written is read the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use ironbark_bmc::ipmi::{
    Request,
    codec::{
        self, DecodeError, discovery, lan,
        packet::{self, Packet, RouteKey},
        setup::{self, Head, OpenSessionResponse, Rakp2, Rakp4},
        suite::CipherSuite,
    },
};
use proptest::{collection::vec, prelude::*};

type Sign = fn(&[u8]) -> Vec<u8>;

/// A reply as a BMC writes it; our side never does.
fn reply(netfn: u8, sequence: u8, command: u8, code: u8, data: &[u8]) -> Vec<u8> {
    let mut message = vec![0x81, netfn << 2];
    message.push(lan::checksum(&message));
    let mut body = vec![0x20, sequence << 2, command, code];
    body.extend(data);
    body.push(lan::checksum(&body));
    message.extend(body);
    message
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes in vec(any::<u8>(), 0..200)) {
        codec::decode_everything(&bytes);
    }

    #[test]
    fn any_bytes_after_a_right_beginning_can_be_read(kind in prop::sample::select(vec![0_u8, 6]), bytes in vec(any::<u8>(), 0..200)) {
        let mut datagram = vec![6, 0, 0xff, 7, kind];
        datagram.extend(&bytes);
        codec::decode_everything(&datagram);
    }

    #[test]
    fn a_packet_cut_short_is_an_error_or_another_packet(payload in vec(any::<u8>(), 1..100), cut in 0_usize..100) {
        let whole = packet::encode_v2(0, false, 7, 9, &payload, None::<Sign>);
        let cut = cut.min(whole.len() - 1);
        prop_assert_eq!(packet::decode(&whole[..cut]), Err(DecodeError::Short));
    }

    #[test]
    fn rmcp_plus_packets_come_back(
        payload in vec(any::<u8>(), 0..300), kind in 0_u8..0x20, encrypted: bool, id: u32, sequence: u32, code in vec(any::<u8>(), 12..=16),
    ) {
        prop_assume!(kind != 2);
        let signed = packet::encode_v2(kind, encrypted, id, sequence, &payload, Some(|covered: &[u8]| {
            assert!(covered.len().is_multiple_of(4));
            code.clone()
        }));
        let Packet::V2(read) = packet::decode(&signed).unwrap() else { panic!("not RMCP+") };
        prop_assert_eq!((read.payload_type, read.encrypted, read.authenticated), (kind, encrypted, true));
        prop_assert_eq!((read.session_id, read.sequence, read.payload), (id, sequence, payload.as_slice()));
        let (covered, found) = read.split_auth_code(code.len()).unwrap();
        prop_assert_eq!(found, code.as_slice());
        prop_assert_eq!(covered, &signed[4..signed.len() - code.len()]);
        prop_assert!(read.split_auth_code(code.len() + 1).is_err());
    }

    #[test]
    fn sessionless_packets_come_back(message in vec(any::<u8>(), 0..255)) {
        let packet = packet::encode_sessionless(&message);
        let Packet::V1(read) = packet::decode(&packet).unwrap() else { panic!("not IPMI 1.5") };
        prop_assert_eq!((read.session_id, read.sequence, read.payload), (0, 0, message.as_slice()));
    }

    #[test]
    fn replies_are_read_and_matched(
        netfn in 0_u8..0x20, sequence in 0_u8..64, command: u8, code: u8, data in vec(any::<u8>(), 0..200),
    ) {
        let request = Request::new(netfn * 2, command, []);
        let message = reply(netfn * 2 + 1, sequence, command, code, &data);
        let read = lan::decode_response(&message).unwrap();
        prop_assert!(read.answers(&request, sequence));
        prop_assert!(!read.answers(&request, (sequence + 1) % 64));
        prop_assert!(!read.answers(&Request::new(netfn * 2, command ^ 1, []), sequence));
        prop_assert!(!read.answers(&Request::new((netfn * 2) ^ 2, command, []), sequence));
        prop_assert_eq!(read.response.completion_code, code);
        prop_assert_eq!(read.response.data, data);
    }

    #[test]
    fn a_changed_byte_is_noticed(data in vec(any::<u8>(), 0..50), at: prop::sample::Index, change in 1_u8..) {
        let mut message = reply(7, 1, 1, 0, &data);
        let at = at.index(message.len());
        message[at] ^= change;
        prop_assert_eq!(lan::decode_response(&message), Err(DecodeError::Checksum));
    }

    #[test]
    fn requests_have_right_checksums(netfn in 0_u8..0x20, lun in 0_u8..4, command: u8, sequence in 0_u8..64, data in vec(any::<u8>(), 0..240)) {
        let request = Request { netfn: netfn * 2, lun, command, data: data.clone() };
        let message = lan::encode_request(&request, sequence);
        prop_assert_eq!(lan::checksum(&message[..3]), 0);
        prop_assert_eq!(lan::checksum(&message[3..]), 0);
        prop_assert_eq!((message[1], message[4], message[5]), ((netfn << 3) | lun, sequence << 2, command));
        prop_assert_eq!(&message[6..message.len() - 1], data.as_slice());
        // It is no reply, and isn't taken for one.
        prop_assert!(lan::decode_response(&message).is_err());
    }

    #[test]
    fn set_up_replies_are_read(tag: u8, console: u32, bmc: u32, random: [u8; 16], guid: [u8; 16], code in vec(any::<u8>(), 0..32)) {
        prop_assume!(console != 0);
        let mut head = vec![tag, 0, 0, 0];
        head.extend(console.to_le_bytes());
        let suite = CipherSuite::from_id(17).unwrap();

        let mut open = head.clone();
        open.extend(bmc.to_le_bytes());
        for (kind, number) in [(0, 3), (1, 4), (2, 1)] {
            open.extend([kind, 0, 0, 8, number, 0, 0, 0]);
        }
        let read = OpenSessionResponse::decode(&open).unwrap();
        prop_assert!(read.head.answers(tag, console) && !read.head.answers(tag.wrapping_add(1), console));
        prop_assert!(!read.head.answers(tag, console ^ 1));
        let accepted = read.accepted.unwrap();
        prop_assert!(accepted.is(suite) && !accepted.is(CipherSuite::from_id(3).unwrap()));
        prop_assert_eq!(accepted.bmc_id, bmc);

        let mut rakp_2 = head.clone();
        rakp_2.extend(random);
        rakp_2.extend(guid);
        rakp_2.extend(&code);
        let proof = Rakp2::decode(&rakp_2).unwrap().proof.unwrap();
        prop_assert_eq!((proof.bmc_random, proof.bmc_guid, &proof.code), (random, guid, &code));

        let mut rakp_4 = head;
        rakp_4.extend(&code);
        prop_assert_eq!(Rakp4::decode(&rakp_4).unwrap().check, code);
        for (kind, payload) in [(0x11, &open), (0x13, &rakp_2), (0x15, &rakp_4)] {
            let datagram = packet::encode_v2(kind, false, 0, 0, payload, None::<Sign>);
            prop_assert_eq!(packet::route(&datagram), Ok(RouteKey::Session(console)));
        }
    }

    #[test]
    fn a_refusal_without_a_session_is_routed_by_its_tag(tag: u8, status in 1_u8.., rest in 0_usize..8) {
        let refusal = [&[tag, status][..], &vec![0; rest]].concat();
        let head = Head::decode(&refusal).unwrap();
        prop_assert_eq!((head.status, head.console_id), (status, None));
        prop_assert!(OpenSessionResponse::decode(&refusal).unwrap().accepted.is_none());
        let datagram = packet::encode_v2(0x11, false, 0, 0, &refusal, None::<Sign>);
        prop_assert_eq!(packet::route(&datagram), Ok(RouteKey::Tag(tag)));
    }

    #[test]
    fn suites_are_found_among_algorithms(suites in vec((0_u8..0x40, vec(0_u8..0xc0, 0..4)), 0..20)) {
        let mut records = Vec::new();
        for (id, algorithms) in &suites {
            records.extend([0xc0, *id]);
            records.extend(algorithms);
        }
        let ids: Vec<u8> = suites.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(discovery::cipher_suites(&records), ids);
    }
}

#[test]
fn oem_suites_are_not_taken_for_standard_ones() {
    let records = [
        0xc1, 17, 0x57, 0x01, 0x00, 0x03, 0x44, 0x81, 0xc0, 3, 0x01, 0x41, 0x81,
    ];
    assert_eq!(discovery::cipher_suites(&records), [3]);
}

#[test]
fn set_up_messages_are_laid_out_as_the_specification_says() {
    let suite = CipherSuite::from_id(3).unwrap();
    assert_eq!(
        setup::encode_open_session(9, 4, 0x0403_0201, suite),
        [
            9, 4, 0, 0, 1, 2, 3, 4, // tag, privilege, our id
            0, 0, 0, 8, 1, 0, 0, 0, // RAKP-HMAC-SHA1
            1, 0, 0, 8, 1, 0, 0, 0, // HMAC-SHA1-96
            2, 0, 0, 8, 1, 0, 0, 0, // AES-CBC-128
        ]
    );
    let rakp_1 = setup::encode_rakp_1(9, 0x0403_0201, &[7; 16], 0x14, b"me");
    assert_eq!(rakp_1[..8], [9, 0, 0, 0, 1, 2, 3, 4]);
    assert_eq!(rakp_1[8..24], [7; 16]);
    assert_eq!(rakp_1[24..], [0x14, 0, 0, 2, b'm', b'e']);
    assert_eq!(
        setup::encode_rakp_3(9, 0x0f, 0x0403_0201, &[5]),
        [9, 0x0f, 0, 0, 1, 2, 3, 4, 5]
    );
}
