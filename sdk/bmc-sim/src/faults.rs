//! What can go wrong with a BMC: everything that tests inject, in one place.

use std::time::Duration;

/// The faults of one BMC. The default is a BMC without faults. They can be changed at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Packets to the BMC that get lost.
    pub lose_requests: Chance,
    /// Packets from the BMC that get lost: what was asked is done all the same.
    pub lose_replies: Chance,
    /// Packets from the BMC that arrive twice.
    pub duplicate_replies: Chance,
    /// Packets from the BMC in which one bit is wrong.
    pub corrupt_replies: Chance,
    /// Packets from the BMC that arrive `late_by` later, after ones sent meanwhile.
    pub late_replies: Chance,
    /// How late a late packet is.
    pub late_by: Duration,
    /// The BMC is dead: it hears and says nothing.
    pub silent: bool,
    /// Commands that are never answered nor carried out.
    pub hang: Vec<Command>,
    /// Commands that are carried out at once but answered only later.
    pub slow: Vec<(Command, Duration)>,
    /// Commands that are not carried out but answered with a completion code.
    pub answers: Vec<Answer>,
    /// How many sessions the BMC has room for, in place of what the rack's configuration says.
    pub session_slots: Option<usize>,
    /// Answers of controllers behind the BMC come as messages of their own, after the confirmation of Send Message, instead of in it.
    /// Both are right.
    pub answers_apart: bool,
    /// Get Channel Cipher Suites is not answered, as some BMCs do.
    pub silent_about_cipher_suites: bool,
    /// Cipher suites that are refused although Get Channel Cipher Suites may list them.
    pub refuse_suites: Vec<u8>,
    /// Cipher suites for which Open Session is not even answered.
    pub silent_to_suites: Vec<u8>,
    /// What is wrong with the machine's power.
    pub power: PowerFault,
}

/// How often something happens. Counted, not random: a test sees the same every time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chance {
    /// Not at all.
    #[default]
    Never,
    /// Each time.
    Always,
    /// The next so many times, then no more.
    Next(u32),
    /// The first time and then every `every`-th; made by [`Chance::one_in`].
    OneIn {
        /// The period.
        every: u32,
        /// How often it was asked already.
        asked: u32,
    },
}

/// A command by network function and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command {
    /// Network function of the request: even.
    pub netfn: u8,
    /// Number within the network function.
    pub number: u8,
}

/// A completion code in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The command that gets it.
    pub command: Command,
    /// The completion code, such as C0h for "node busy".
    pub code: u8,
    /// How often.
    pub chance: Chance,
}

/// What is wrong with a machine's power.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PowerFault {
    /// Nothing: it changes at once.
    #[default]
    None,
    /// Each change takes so long.
    Slow(Duration),
    /// Changes are accepted and never happen.
    NeverCompletes,
    /// The BMC reports this state whatever the machine does.
    StuckAt(bool),
}

impl Chance {
    /// The first time and then every `every`-th.
    pub fn one_in(every: u32) -> Self {
        Self::OneIn { every, asked: 0 }
    }

    /// Whether it happens this time.
    pub(crate) fn strikes(&mut self) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Next(left) => {
                let strikes = *left > 0;
                *left = left.saturating_sub(1);
                strikes
            }
            Self::OneIn { every, asked } => {
                let strikes = asked.is_multiple_of((*every).max(1));
                *asked = asked.wrapping_add(1);
                strikes
            }
        }
    }
}

impl Command {
    /// Get Chassis Status.
    pub const CHASSIS_STATUS: Self = Self::new(0x00, 0x01);
    /// Chassis Control: power on, off, cycle, reset, NMI, soft off.
    pub const CHASSIS_CONTROL: Self = Self::new(0x00, 0x02);
    /// Set System Boot Options.
    pub const SET_BOOT_OPTIONS: Self = Self::new(0x00, 0x08);
    /// Get System Boot Options.
    pub const GET_BOOT_OPTIONS: Self = Self::new(0x00, 0x09);
    /// Get Device ID.
    pub const GET_DEVICE_ID: Self = Self::new(0x06, 0x01);
    /// Cold Reset of the BMC.
    pub const COLD_RESET: Self = Self::new(0x06, 0x02);
    /// Warm Reset of the BMC.
    pub const WARM_RESET: Self = Self::new(0x06, 0x03);
    /// Get Channel Authentication Capabilities.
    pub const CHANNEL_AUTH_CAPABILITIES: Self = Self::new(0x06, 0x38);
    /// Set Session Privilege Level.
    pub const SET_SESSION_PRIVILEGE: Self = Self::new(0x06, 0x3b);
    /// Close Session.
    pub const CLOSE_SESSION: Self = Self::new(0x06, 0x3c);
    /// Send Message.
    pub const SEND_MESSAGE: Self = Self::new(0x06, 0x34);
    /// Activate Payload.
    pub const ACTIVATE_PAYLOAD: Self = Self::new(0x06, 0x48);
    /// Deactivate Payload.
    pub const DEACTIVATE_PAYLOAD: Self = Self::new(0x06, 0x49);
    /// Get Channel Cipher Suites.
    pub const CHANNEL_CIPHER_SUITES: Self = Self::new(0x06, 0x54);

    /// A command by network function and number.
    pub const fn new(netfn: u8, number: u8) -> Self {
        Self { netfn, number }
    }
}

impl Faults {
    /// The completion code that a command gets in place of being carried out.
    pub(crate) fn answer_to(&mut self, command: Command) -> Option<u8> {
        self.answers.iter_mut().find_map(|answer| {
            (answer.command == command && answer.chance.strikes()).then_some(answer.code)
        })
    }

    /// How much later than usual a command is answered.
    pub(crate) fn delay_of(&self, command: Command) -> Duration {
        self.slow
            .iter()
            .find_map(|(slow, delay)| (*slow == command).then_some(*delay))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_counted() {
        let strikes = |mut chance: Chance| {
            (0..6)
                .map(|_| u8::from(chance.strikes()))
                .collect::<Vec<_>>()
        };
        assert_eq!(strikes(Chance::Never), [0; 6]);
        assert_eq!(strikes(Chance::Always), [1; 6]);
        assert_eq!(strikes(Chance::Next(2)), [1, 1, 0, 0, 0, 0]);
        assert_eq!(strikes(Chance::one_in(3)), [1, 0, 0, 1, 0, 0]);
    }
}
