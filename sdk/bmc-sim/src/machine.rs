//! The machine behind a BMC: its power, and what it boots from.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::PowerFault;

/// The boot flags among the boot options (IPMI 2.0 table 28-14).
const BOOT_FLAGS: u8 = 5;
const FLAGS_VALID: u8 = 0x80;
const FLAGS_PERSISTENT: u8 = 0x40;

pub(crate) struct Machine {
    power: bool,
    pending: VecDeque<(Instant, Change)>,
    boot_options: BTreeMap<u8, Vec<u8>>,
    pub(crate) booted_from: Option<u8>,
    /// How often it started.
    pub(crate) boots: u64,
    pub(crate) diagnostic_interrupts: u64,
}

/// What happens to a machine's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Off,
    On,
    Restart,
}

impl Machine {
    pub(crate) fn new(power: bool) -> Self {
        let boot_options = [
            (0, vec![0]),
            (1, vec![0]),
            (2, vec![0]),
            (3, vec![0]),
            (4, vec![0, 0]),
            (BOOT_FLAGS, vec![0; 5]),
        ];
        Self {
            power,
            pending: VecDeque::new(),
            boot_options: boot_options.into(),
            booted_from: None,
            boots: 0,
            diagnostic_interrupts: 0,
        }
    }

    pub(crate) fn power(&self) -> bool {
        self.power
    }

    /// Changes the power as if somebody pressed the button, at once.
    pub(crate) fn set_power(&mut self, power: bool) {
        self.pending.clear();
        if power != self.power {
            self.apply(if power { Change::On } else { Change::Off });
        }
    }

    /// Chassis Control (IPMI 2.0 §28.3); the error is a completion code.
    pub(crate) fn control(
        &mut self,
        action: u8,
        fault: PowerFault,
        now: Instant,
    ) -> Result<(), u8> {
        const NOT_IN_THIS_STATE: u8 = 0xd5;
        const INVALID_FIELD: u8 = 0xcc;
        let changes: &[Change] = match action {
            0 | 5 => &[Change::Off],
            1 => &[Change::On],
            2..=4 if !self.power => return Err(NOT_IN_THIS_STATE),
            2 => &[Change::Off, Change::On],
            3 => &[Change::Restart],
            4 => {
                self.diagnostic_interrupts += 1;
                &[]
            }
            _ => return Err(INVALID_FIELD),
        };
        self.change(changes, fault, now);
        Ok(())
    }

    /// Changes the power in steps, each as slow as `fault` makes it; changes under way are dropped.
    pub(crate) fn change(&mut self, changes: &[Change], fault: PowerFault, now: Instant) {
        let step = match fault {
            PowerFault::None => Duration::ZERO,
            PowerFault::Slow(duration) => duration,
            PowerFault::NeverCompletes | PowerFault::StuckAt(_) => return,
        };
        self.pending = changes
            .iter()
            .zip(1_u32..)
            .map(|(change, count)| (now + step * count, *change))
            .collect();
        self.settle(now);
    }

    /// The change that is under way.
    #[cfg(feature = "redfish")]
    pub(crate) fn coming(&self) -> Option<Change> {
        self.pending.front().map(|(_, change)| *change)
    }

    /// Does what is due; says when the next change is.
    pub(crate) fn settle(&mut self, now: Instant) -> Option<Instant> {
        while let Some((due, change)) = self.pending.front().copied() {
            if due > now {
                return Some(due);
            }
            self.pending.pop_front();
            self.apply(change);
        }
        None
    }

    pub(crate) fn boot_option(&self, parameter: u8) -> Option<&[u8]> {
        self.boot_options.get(&parameter).map(Vec::as_slice)
    }

    /// Sets a boot option of known length; false if there is none or the length differs.
    pub(crate) fn set_boot_option(&mut self, parameter: u8, data: &[u8]) -> bool {
        match self.boot_options.get_mut(&parameter) {
            Some(option) if option.len() == data.len() => {
                option.copy_from_slice(data);
                true
            }
            _ => false,
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Off => self.power = false,
            Change::On if self.power => {}
            Change::On => {
                self.power = true;
                self.boot();
            }
            Change::Restart => self.boot(),
        }
    }

    fn boot(&mut self) {
        self.boots += 1;
        self.booted_from = Some(0);
        let Some([validity, device, ..]) = self
            .boot_options
            .get_mut(&BOOT_FLAGS)
            .map(Vec::as_mut_slice)
        else {
            return;
        };
        if *validity & FLAGS_VALID != 0 {
            self.booted_from = Some((*device >> 2) & 0x0f);
            if *validity & FLAGS_PERSISTENT == 0 {
                *validity &= !FLAGS_VALID;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_boot_device_is_for_once_unless_persistent() {
        let now = Instant::now();
        let mut machine = Machine::new(false);
        assert!(machine.set_boot_option(5, &[0x80, 0x04, 0, 0, 0]));
        machine.control(1, PowerFault::None, now).unwrap();
        assert_eq!((machine.power(), machine.booted_from), (true, Some(1)));
        machine.control(2, PowerFault::None, now).unwrap();
        assert_eq!(machine.booted_from, Some(0));
        assert!(machine.set_boot_option(5, &[0xc0, 0x08, 0, 0, 0]));
        for _ in 0..2 {
            machine.control(3, PowerFault::None, now).unwrap();
            assert_eq!(machine.booted_from, Some(2));
        }
    }

    #[test]
    fn slow_power_changes_when_it_is_due() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut machine = Machine::new(true);
        machine.control(2, PowerFault::Slow(second), now).unwrap();
        assert!(machine.power());
        assert_eq!(machine.settle(now + second), Some(now + 2 * second));
        assert!(!machine.power());
        assert_eq!(machine.settle(now + 2 * second), None);
        assert!(machine.power());
    }

    #[test]
    fn what_never_completes_stays() {
        let mut machine = Machine::new(true);
        machine
            .control(0, PowerFault::NeverCompletes, Instant::now())
            .unwrap();
        assert_eq!(
            machine.settle(Instant::now() + Duration::from_secs(9)),
            None
        );
        assert!(machine.power());
    }
}
