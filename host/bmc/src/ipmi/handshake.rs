//! Opening a session with one cipher suite, and proving the password both ways (IPMI 2.0 §13.17 to §13.24, §13.28).

use super::{
    IpmiError, Target,
    codec::{
        packet,
        setup::{self, BmcProof, Head, OpenSessionResponse, Rakp2, Rakp4},
        suite::{Authentication, CipherSuite},
    },
    crypto::{self, KeyedHash, Protection},
    link::{Link, Schedule, Silence},
    session::Session,
    transport::Registration,
};

/// In RAKP 1: look the user up by name alone, not by name and privilege (IPMI 2.0 table 13-11).
const NAME_ONLY_LOOKUP: u8 = 0x10;

/// An open session and its place among the routes.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) registration: Registration,
}

/// Why a session couldn't be opened with one suite.
pub(super) enum Failure {
    /// The BMC doesn't take this suite.
    SuiteRefused,
    /// No answer to the first message, which some BMCs give to suites that they don't know.
    NoOpening(Silence),
    /// Something got lost or altered on the way; worth one more try from the start.
    BrokenOff(IpmiError),
    /// Final.
    Other(IpmiError),
}

/// Opens a session with one cipher suite.
pub(super) async fn open_with(
    link: &mut Link,
    target: &Target,
    schedule: Schedule,
    suite: CipherSuite,
) -> Result<Opened, Failure> {
    let (console_id, registration) = link.register_session();
    let Some((tag, _tag)) = link.register_tag() else {
        return Err(Failure::Other(IpmiError::Overloaded {
            what: "sessions being opened with this BMC's address",
        }));
    };
    let mut setup = Setup {
        link,
        schedule,
        suite,
        username: target.username.as_bytes(),
        user_hash: KeyedHash::new(suite.authentication, target.password.expose().as_bytes()),
        privilege: target.privilege.number(),
        console_id,
        console_random: rand::random(),
        tag,
    };
    let bmc_id = setup.agree().await?;
    let proof = setup.challenge(bmc_id).await?;
    let session_key = match &target.kg {
        Some(kg) => setup.session_key(&KeyedHash::new(suite.authentication, kg.expose()), &proof),
        None => setup.session_key(&setup.user_hash, &proof),
    };
    setup.prove(bmc_id, &proof, &session_key).await?;
    let protection = Protection::new(suite, &session_key);
    Ok(Opened {
        session: Session::new(console_id, bmc_id, suite, protection),
        registration,
    })
}

/// A session being opened.
struct Setup<'a> {
    link: &'a mut Link,
    schedule: Schedule,
    suite: CipherSuite,
    username: &'a [u8],
    user_hash: KeyedHash,
    privilege: u8,
    console_id: u32,
    console_random: [u8; 16],
    tag: u8,
}

impl Setup<'_> {
    /// Agrees on the suite; gives the BMC's id of the session.
    async fn agree(&mut self) -> Result<u32, Failure> {
        let request =
            setup::encode_open_session(self.tag, self.privilege, self.console_id, self.suite);
        let request = packet::encode_setup(packet::PAYLOAD_OPEN_SESSION_REQUEST, &request);
        let reply = self
            .ask(
                "Open Session",
                &request,
                packet::PAYLOAD_OPEN_SESSION_RESPONSE,
                |payload| {
                    OpenSessionResponse::decode(payload)
                        .ok()
                        .map(|reply| (reply.head, reply))
                },
            )
            .await
            .map_err(Failure::NoOpening)?;
        match reply.accepted {
            Some(accepted) if accepted.is(self.suite) => Ok(accepted.bmc_id),
            // It would have another one: not what was asked for.
            Some(_) => Err(Failure::SuiteRefused),
            None => Err(refusal(reply.head.status)),
        }
    }

    /// RAKP messages 1 and 2: the BMC proves that it knows the password.
    async fn challenge(&mut self, bmc_id: u32) -> Result<BmcProof, Failure> {
        let role = self.role();
        let request =
            setup::encode_rakp_1(self.tag, bmc_id, &self.console_random, role, self.username);
        let request = packet::encode_setup(packet::PAYLOAD_RAKP_1, &request);
        let during = "RAKP message 1; some BMCs leave an unknown user unanswered";
        let reply = self
            .ask(during, &request, packet::PAYLOAD_RAKP_2, |payload| {
                Rakp2::decode(payload).ok().map(|reply| (reply.head, reply))
            })
            .await
            .map_err(|silence| Failure::BrokenOff(silence.into()))?;
        let Some(proof) = reply.proof else {
            return Err(refusal(reply.head.status));
        };
        let expected = self.user_hash.of(&[
            &self.console_id.to_le_bytes(),
            &bmc_id.to_le_bytes(),
            &self.console_random,
            &proof.bmc_random,
            &proof.bmc_guid,
            &[role],
            &self.username_length(),
            self.username,
        ]);
        if crypto::same(&expected, &proof.code) {
            return Ok(proof);
        }
        // Tell the BMC, so that it needn't keep a slot for us.
        let farewell = setup::encode_rakp_3(self.tag, setup::STATUS_INVALID_INTEGRITY, bmc_id, &[]);
        let farewell = packet::encode_setup(packet::PAYLOAD_RAKP_3, &farewell);
        let _ = self.link.send(&farewell).await;
        Err(Failure::BrokenOff(IpmiError::AuthFailed {
            reason: "the password is wrong: check ipmi_password",
        }))
    }

    /// RAKP messages 3 and 4: we prove that we know the password, and both that they have the same session key.
    async fn prove(
        &mut self,
        bmc_id: u32,
        proof: &BmcProof,
        session_key: &[u8],
    ) -> Result<(), Failure> {
        let code = self.user_hash.of(&[
            &proof.bmc_random,
            &self.console_id.to_le_bytes(),
            &[self.role()],
            &self.username_length(),
            self.username,
        ]);
        let request = setup::encode_rakp_3(self.tag, setup::STATUS_OK, bmc_id, &code);
        let request = packet::encode_setup(packet::PAYLOAD_RAKP_3, &request);
        let reply = self
            .ask(
                "RAKP message 3",
                &request,
                packet::PAYLOAD_RAKP_4,
                |payload| Rakp4::decode(payload).ok().map(|reply| (reply.head, reply)),
            )
            .await
            .map_err(|silence| Failure::BrokenOff(silence.into()))?;
        if reply.head.status != setup::STATUS_OK {
            return Err(refusal(reply.head.status));
        }
        let authentication = self.suite.authentication;
        let mut expected = KeyedHash::new(authentication, session_key).of(&[
            &self.console_random,
            &bmc_id.to_le_bytes(),
            &proof.bmc_guid,
        ]);
        expected.truncate(crypto::check_length(authentication));
        if authentication == Authentication::None || crypto::same(&expected, &reply.check) {
            return Ok(());
        }
        Err(Failure::BrokenOff(IpmiError::AuthFailed {
            reason: "the BMC's own key is another: check ipmi_hex_kg_key",
        }))
    }

    fn session_key(&self, hash: &KeyedHash, proof: &BmcProof) -> Vec<u8> {
        hash.of(&[
            &self.console_random,
            &proof.bmc_random,
            &[self.role()],
            &self.username_length(),
            self.username,
        ])
    }

    fn role(&self) -> u8 {
        NAME_ONLY_LOOKUP | self.privilege
    }

    fn username_length(&self) -> [u8; 1] {
        [u8::try_from(self.username.len()).unwrap_or(u8::MAX)]
    }

    /// Sends one message until a reply of the expected type comes that is for this set-up.
    async fn ask<T>(
        &mut self,
        during: &'static str,
        datagram: &[u8],
        expected_type: u8,
        read: impl Fn(&[u8]) -> Option<(Head, T)>,
    ) -> Result<T, Silence> {
        let (tag, console_id) = (self.tag, self.console_id);
        let recognise = |_: &mut (), reply: &[u8]| match packet::decode(reply) {
            Ok(packet::Packet::V2(reply)) if reply.payload_type == expected_type => {
                read(reply.payload)
                    .filter(|(head, _)| head.answers(tag, console_id))
                    .map(|(_, reply)| reply)
            }
            _ => None,
        };
        self.link
            .exchange(
                during,
                self.schedule,
                &mut (),
                |()| datagram.to_vec(),
                recognise,
                || true,
            )
            .await
    }
}

/// What a status other than "OK" means for us (IPMI 2.0 table 13-15).
fn refusal(status: u8) -> Failure {
    let auth_failed = |reason| Failure::Other(IpmiError::AuthFailed { reason });
    match status {
        setup::STATUS_NO_RESOURCES => Failure::Other(IpmiError::Busy {
            reason: "all of its sessions are in use",
        }),
        0x04 | 0x05 | 0x06 | 0x07 | 0x10 | 0x11 => Failure::SuiteRefused,
        setup::STATUS_INVALID_SESSION | setup::STATUS_INACTIVE_SESSION => {
            Failure::BrokenOff(IpmiError::Protocol {
                reason: "it forgot the session while it was being opened".to_owned(),
            })
        }
        0x09 | 0x0a => auth_failed("the user may not have this privilege: check ipmi_priv_level"),
        0x0d => auth_failed(
            "the user is unknown, or may not have this privilege: check ipmi_username and ipmi_priv_level",
        ),
        // Our proof answers the BMC's random number. A BMC that got RAKP message 1 twice may have made up a new one
        // since, so this alone doesn't say that the password is wrong.
        setup::STATUS_INVALID_INTEGRITY => Failure::BrokenOff(IpmiError::AuthFailed {
            reason: "the user or the password is wrong: check ipmi_username and ipmi_password",
        }),
        status => Failure::Other(IpmiError::Protocol {
            reason: format!("it refuses to open a session with status {status:#04x}"),
        }),
    }
}
