//! What checks see of a machine and do to it, whether its BMC speaks IPMI, Redfish or both.

use std::time::Duration;

use ironbark_bmc_sim::redfish::{self, Misbehaviour};
use ironbark_bmc_sim::{Answer, BmcHandle, Chance, Command, Faults, Snapshot};

/// A machine as one of its BMCs shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether it has power.
    pub(crate) power: bool,
    /// Grows when it starts.
    pub(crate) starts: u64,
    /// Interrupts that it got.
    pub(crate) interrupts: u64,
}

/// What a BMC answers to every question about the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// Nothing at all, to this or anything else.
    Silence,
    /// Success, and nothing with it.
    Nothing,
    /// That it is busy.
    Busy,
    /// That there is no such thing.
    Unknown,
    /// That something failed.
    Failure,
}

/// The simulated BMCs of one machine. Each package has those that it talks to.
pub(crate) struct Simulated<'a> {
    pub(crate) ipmi: Option<&'a BmcHandle>,
    pub(crate) redfish: Option<&'a redfish::Service>,
}

impl Simulated<'_> {
    /// Switches the machine, as somebody at its button would.
    pub(crate) fn set_power(&self, power: bool) {
        if let Some(bmc) = self.ipmi {
            bmc.set_power(power);
        }
        if let Some(service) = self.redfish {
            service.set_power(0, power);
        }
    }

    /// It doesn't answer any more.
    pub(crate) fn be_silent(&self) {
        if let Some(bmc) = self.ipmi {
            bmc.set_faults(Faults {
                silent: true,
                ..Faults::default()
            });
        }
        self.answer_with(Misbehaviour::Silence, "");
    }

    /// It answers questions about the power so.
    pub(crate) fn be_odd(&self, oddity: Oddity) {
        let (code, answer) = match oddity {
            Oddity::Silence => return self.be_silent(),
            Oddity::Nothing => (0x00, Misbehaviour::Text("{}".to_owned())),
            Oddity::Busy => (0xc0, Misbehaviour::Unavailable(Some(60))),
            Oddity::Unknown => (0xc1, Misbehaviour::Status(404)),
            Oddity::Failure => (0xff, Misbehaviour::Status(500)),
        };
        if let Some(bmc) = self.ipmi {
            bmc.set_faults(Faults {
                answers: vec![Answer {
                    command: Command::CHASSIS_STATUS,
                    code,
                    chance: Chance::Always,
                }],
                ..Faults::default()
            });
        }
        self.answer_with(answer, "/Systems/1");
    }

    /// How often it was asked for something, by whatever way.
    pub(crate) fn asked(&self) -> u64 {
        let ipmi = self.ipmi.map_or(0, |bmc| bmc.snapshot().commands);
        let redfish = self
            .redfish
            .map_or(0, |service| service.snapshot().requests);
        ipmi + redfish
    }

    /// How many packets or connections came in.
    pub(crate) fn contacts(&self) -> u64 {
        self.ipmi.map_or(0, |bmc| bmc.stats().packets_in)
            + self
                .redfish
                .map_or(0, |service| service.snapshot().connections)
    }

    /// How it is now, by each of its BMCs.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let ipmi = self.ipmi.map(|bmc| over_ipmi(&bmc.snapshot()));
        let redfish = self
            .redfish
            .map(|service| over_redfish(&service.snapshot()));
        ipmi.into_iter().chain(redfish).collect()
    }

    /// Waits until one of its BMCs shows it so; whether that happened in time.
    pub(crate) async fn reaches(
        &self,
        within: Duration,
        condition: impl Fn(&Seen) -> bool,
    ) -> bool {
        let over_ipmi = async {
            match self.ipmi {
                Some(bmc) => {
                    bmc.wait_until(|now| condition(&over_ipmi(now))).await;
                }
                None => std::future::pending().await,
            }
        };
        let over_redfish = async {
            match self.redfish {
                Some(service) => {
                    service
                        .wait_until(|now| condition(&over_redfish(now)))
                        .await;
                }
                None => std::future::pending().await,
            }
        };
        let either = async {
            tokio::select! {
                () = over_ipmi => {}
                () = over_redfish => {}
            }
        };
        tokio::time::timeout(within, either).await.is_ok()
    }

    fn answer_with(&self, answer: Misbehaviour, only: &str) {
        if let Some(service) = self.redfish {
            service.set_faults(redfish::Faults {
                answers: Chance::Always,
                answer,
                only: only.to_owned(),
                ..redfish::Faults::default()
            });
        }
    }
}

fn over_ipmi(now: &Snapshot) -> Seen {
    Seen {
        power: now.power,
        starts: now.booted_from.map_or(0, |_| now.commands),
        interrupts: now.diagnostic_interrupts,
    }
}

fn over_redfish(now: &redfish::Snapshot) -> Seen {
    let system = now.systems.first().cloned().unwrap_or_default();
    Seen {
        power: system.power,
        starts: system.boots,
        interrupts: system.diagnostic_interrupts,
    }
}
