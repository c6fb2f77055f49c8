//! Provision states, the events that move a node between them, and the one table of all moves.
//!
//! The strings are those of Ironic's wire format. [`TRANSITIONS`] is the only place that says what is
//! allowed; everything else asks [`ProvisionState::next`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The string on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = crate::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(crate::Error::invalid(format!(concat!("{:?} is not a valid ", $what, "."), text))),
                }
            }
        }
    };
}
pub(crate) use wire_enum;
wire_enum! {
    /// Where a node is in its life: the 30 states of the state machine.
    ProvisionState, "provision state" {
        /// Known, its BMC not yet checked.
        Enroll = "enroll",
        /// Its BMC is being checked.
        Verifying = "verifying",
        /// Its BMC answers; may be inspected, cleaned, adopted.
        Manageable = "manageable",
        /// Its hardware is being looked at.
        Inspecting = "inspecting",
        /// Waiting for the inspection ramdisk.
        InspectWait = "inspect wait",
        /// Inspection failed.
        InspectFailed = "inspect failed",
        /// Being cleaned.
        Cleaning = "cleaning",
        /// Waiting within cleaning.
        CleanWait = "clean wait",
        /// Held within cleaning until the operator lets it go on.
        CleanHold = "clean hold",
        /// Cleaning failed.
        CleanFailed = "clean failed",
        /// Clean, without an instance.
        Available = "available",
        /// An instance is being deployed.
        Deploying = "deploying",
        /// Waiting within deployment.
        WaitCallBack = "wait call-back",
        /// Held within deployment.
        DeployHold = "deploy hold",
        /// Deployment failed.
        DeployFailed = "deploy failed",
        /// Has an instance.
        Active = "active",
        /// A machine already in use is being taken in.
        Adopting = "adopting",
        /// Adoption failed.
        AdoptFailed = "adopt failed",
        /// Its instance is being torn down.
        Deleting = "deleting",
        /// Tear-down failed.
        Error = "error",
        /// Going into rescue.
        Rescuing = "rescuing",
        /// Waiting for the rescue ramdisk.
        RescueWait = "rescue wait",
        /// Rescue failed.
        RescueFailed = "rescue failed",
        /// In rescue.
        Rescue = "rescue",
        /// Coming back from rescue.
        Unrescuing = "unrescuing",
        /// Coming back from rescue failed.
        UnrescueFailed = "unrescue failed",
        /// Being serviced while it has an instance.
        Servicing = "servicing",
        /// Waiting within servicing.
        ServiceWait = "service wait",
        /// Held within servicing.
        ServiceHold = "service hold",
        /// Servicing failed.
        ServiceFailed = "service failed",
    }
}

wire_enum! {
    /// What moves a node from one provision state to the next.
    Event, "event" {
        /// The operator gives up what is running.
        Abort = "abort",
        /// Take in a machine that is already in use.
        Adopt = "adopt",
        /// Start cleaning.
        Clean = "clean",
        /// Tear the instance down.
        Delete = "delete",
        /// Deploy an instance.
        Deploy = "deploy",
        /// What was running ended well.
        Done = "done",
        /// What was running failed.
        Fail = "fail",
        /// Stop here until the operator says so.
        Hold = "hold",
        /// Look at the hardware.
        Inspect = "inspect",
        /// Make manageable.
        Manage = "manage",
        /// Make available.
        Provide = "provide",
        /// Deploy again over an existing instance.
        Rebuild = "rebuild",
        /// Boot the rescue ramdisk.
        Rescue = "rescue",
        /// Go on after a wait.
        Resume = "resume",
        /// Service a node that has an instance.
        Service = "service",
        /// Go on after a hold.
        Unhold = "unhold",
        /// Come back from rescue.
        Unrescue = "unrescue",
        /// Wait for something outside.
        Wait = "wait",
    }
}

use Event as E;
use ProvisionState as S;

/// Every move there is: in this state, on this event, to that state.
#[rustfmt::skip]
pub const TRANSITIONS: &[(ProvisionState, Event, ProvisionState)] = &[
    (S::Enroll, E::Manage, S::Verifying),
    (S::Verifying, E::Done, S::Manageable),
    (S::Verifying, E::Fail, S::Enroll),
    (S::Manageable, E::Provide, S::Cleaning),
    (S::Manageable, E::Clean, S::Cleaning),
    (S::Manageable, E::Inspect, S::Inspecting),
    (S::Manageable, E::Adopt, S::Adopting),
    (S::Inspecting, E::Done, S::Manageable),
    (S::Inspecting, E::Fail, S::InspectFailed),
    (S::Inspecting, E::Wait, S::InspectWait),
    (S::InspectWait, E::Done, S::Manageable),
    (S::InspectWait, E::Fail, S::InspectFailed),
    (S::InspectWait, E::Abort, S::InspectFailed),
    (S::InspectWait, E::Resume, S::Inspecting),
    (S::InspectFailed, E::Manage, S::Manageable),
    (S::InspectFailed, E::Inspect, S::Inspecting),
    (S::Cleaning, E::Done, S::Available),
    (S::Cleaning, E::Fail, S::CleanFailed),
    (S::Cleaning, E::Wait, S::CleanWait),
    (S::Cleaning, E::Hold, S::CleanHold),
    (S::Cleaning, E::Manage, S::Manageable),
    (S::CleanWait, E::Fail, S::CleanFailed),
    (S::CleanWait, E::Abort, S::CleanFailed),
    (S::CleanWait, E::Hold, S::CleanHold),
    (S::CleanWait, E::Resume, S::Cleaning),
    (S::CleanHold, E::Abort, S::CleanFailed),
    (S::CleanHold, E::Unhold, S::CleanWait),
    (S::CleanFailed, E::Manage, S::Manageable),
    (S::Available, E::Deploy, S::Deploying),
    (S::Available, E::Manage, S::Manageable),
    (S::Deploying, E::Fail, S::DeployFailed),
    (S::Deploying, E::Wait, S::WaitCallBack),
    (S::Deploying, E::Hold, S::DeployHold),
    (S::Deploying, E::Done, S::Active),
    (S::WaitCallBack, E::Hold, S::DeployHold),
    (S::WaitCallBack, E::Resume, S::Deploying),
    (S::WaitCallBack, E::Fail, S::DeployFailed),
    (S::WaitCallBack, E::Abort, S::DeployFailed),
    (S::WaitCallBack, E::Delete, S::Deleting),
    (S::DeployHold, E::Unhold, S::WaitCallBack),
    (S::DeployHold, E::Abort, S::DeployFailed),
    (S::DeployFailed, E::Rebuild, S::Deploying),
    (S::DeployFailed, E::Deploy, S::Deploying),
    (S::DeployFailed, E::Delete, S::Deleting),
    (S::Active, E::Rebuild, S::Deploying),
    (S::Active, E::Delete, S::Deleting),
    (S::Active, E::Rescue, S::Rescuing),
    (S::Active, E::Service, S::Servicing),
    (S::Adopting, E::Done, S::Active),
    (S::Adopting, E::Fail, S::AdoptFailed),
    (S::AdoptFailed, E::Adopt, S::Adopting),
    (S::AdoptFailed, E::Manage, S::Manageable),
    (S::Deleting, E::Fail, S::Error),
    (S::Deleting, E::Clean, S::Cleaning),
    (S::Error, E::Rebuild, S::Deploying),
    (S::Error, E::Delete, S::Deleting),
    (S::Rescuing, E::Done, S::Rescue),
    (S::Rescuing, E::Wait, S::RescueWait),
    (S::Rescuing, E::Fail, S::RescueFailed),
    (S::RescueWait, E::Resume, S::Rescuing),
    (S::RescueWait, E::Fail, S::RescueFailed),
    (S::RescueWait, E::Abort, S::RescueFailed),
    (S::RescueWait, E::Delete, S::Deleting),
    (S::RescueFailed, E::Rescue, S::Rescuing),
    (S::RescueFailed, E::Unrescue, S::Unrescuing),
    (S::RescueFailed, E::Delete, S::Deleting),
    (S::Rescue, E::Rescue, S::Rescuing),
    (S::Rescue, E::Delete, S::Deleting),
    (S::Rescue, E::Unrescue, S::Unrescuing),
    (S::Unrescuing, E::Done, S::Active),
    (S::Unrescuing, E::Fail, S::UnrescueFailed),
    (S::UnrescueFailed, E::Rescue, S::Rescuing),
    (S::UnrescueFailed, E::Unrescue, S::Unrescuing),
    (S::UnrescueFailed, E::Delete, S::Deleting),
    (S::Servicing, E::Done, S::Active),
    (S::Servicing, E::Fail, S::ServiceFailed),
    (S::Servicing, E::Wait, S::ServiceWait),
    (S::Servicing, E::Hold, S::ServiceHold),
    (S::ServiceWait, E::Hold, S::ServiceHold),
    (S::ServiceWait, E::Resume, S::Servicing),
    (S::ServiceWait, E::Fail, S::ServiceFailed),
    (S::ServiceWait, E::Abort, S::ServiceFailed),
    (S::ServiceWait, E::Delete, S::Deleting),
    (S::ServiceHold, E::Service, S::Servicing),
    (S::ServiceHold, E::Unhold, S::ServiceWait),
    (S::ServiceHold, E::Fail, S::ServiceFailed),
    (S::ServiceHold, E::Abort, S::ServiceFailed),
    (S::ServiceFailed, E::Service, S::Servicing),
    (S::ServiceFailed, E::Rescue, S::Rescuing),
    (S::ServiceFailed, E::Wait, S::ServiceWait),
    (S::ServiceFailed, E::Hold, S::ServiceHold),
    (S::ServiceFailed, E::Delete, S::Deleting),
    (S::ServiceFailed, E::Abort, S::Active),
];

impl ProvisionState {
    /// Where `event` leads from here; `None` if it isn't allowed here.
    pub fn next(self, event: Event) -> Option<Self> {
        TRANSITIONS
            .iter()
            .find(|(from, on, _)| *from == self && *on == event)
            .map(|(_, _, to)| *to)
    }

    /// What `target_provision_state` is by default while in this state; `None` for stable states.
    pub const fn default_target(self) -> Option<Self> {
        match self {
            S::Enroll | S::Manageable | S::Available | S::Active | S::Error | S::Rescue => None,
            S::Verifying | S::Inspecting | S::InspectWait | S::InspectFailed => Some(S::Manageable),
            S::Cleaning | S::CleanWait | S::CleanHold | S::CleanFailed | S::Deleting => {
                Some(S::Available)
            }
            S::Deploying
            | S::WaitCallBack
            | S::DeployHold
            | S::DeployFailed
            | S::Adopting
            | S::AdoptFailed
            | S::Unrescuing
            | S::UnrescueFailed
            | S::Servicing
            | S::ServiceWait
            | S::ServiceHold
            | S::ServiceFailed => Some(S::Active),
            S::Rescuing | S::RescueWait | S::RescueFailed => Some(S::Rescue),
        }
    }

    /// Nothing goes on here, and nothing will without a request.
    pub const fn is_stable(self) -> bool {
        self.default_target().is_none()
    }

    /// In motion: changes of boot mode and secure boot are refused (Ironic calls this set UNSTABLE).
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            S::Deploying
                | S::WaitCallBack
                | S::Cleaning
                | S::CleanWait
                | S::Verifying
                | S::Deleting
                | S::Inspecting
                | S::InspectWait
                | S::Adopting
                | S::Rescuing
                | S::RescueWait
                | S::Unrescuing
                | S::Servicing
                | S::ServiceWait
        )
    }

    /// A conductor is at work: a process that dies here leaves work to carry on or to fail (Ironic calls this set STUCK).
    pub const fn is_working(self) -> bool {
        matches!(
            self,
            S::Deploying
                | S::Cleaning
                | S::Verifying
                | S::Inspecting
                | S::Adopting
                | S::Rescuing
                | S::Unrescuing
                | S::Deleting
                | S::Servicing
        )
    }

    /// Waits for something outside, under a time-out.
    pub const fn is_waiting(self) -> bool {
        matches!(
            self,
            S::WaitCallBack | S::CleanWait | S::InspectWait | S::RescueWait | S::ServiceWait
        )
    }

    /// A ramdisk may be running on the machine and look for its node here.
    pub const fn allows_lookup(self) -> bool {
        matches!(
            self,
            S::Deploying
                | S::WaitCallBack
                | S::Cleaning
                | S::CleanWait
                | S::Inspecting
                | S::InspectWait
                | S::Rescuing
                | S::RescueWait
                | S::ServiceWait
        )
    }

    /// Heartbeats of an agent on the machine count here; elsewhere they are ignored.
    pub const fn hears_agent(self) -> bool {
        self.allows_lookup()
            || matches!(
                self,
                S::DeployHold | S::CleanHold | S::Servicing | S::ServiceHold
            )
    }

    /// Something failed here.
    pub const fn is_failed(self) -> bool {
        matches!(
            self,
            S::DeployFailed
                | S::CleanFailed
                | S::InspectFailed
                | S::RescueFailed
                | S::UnrescueFailed
                | S::AdoptFailed
                | S::ServiceFailed
        )
    }

    /// A node may be deleted here without maintenance (`available` is a matter of configuration).
    pub const fn allows_delete(self) -> bool {
        matches!(self, S::Manageable | S::Enroll | S::AdoptFailed)
    }

    /// Interfaces, resource class and the connectivity of ports may change here without maintenance.
    pub const fn allows_interface_change(self) -> bool {
        matches!(
            self,
            S::Enroll | S::Inspecting | S::InspectWait | S::Manageable | S::Available
        )
    }

    /// A node with a target provision state may still be updated here.
    pub const fn allows_update_in_transition(self) -> bool {
        matches!(
            self,
            S::DeployFailed
                | S::Inspecting
                | S::InspectFailed
                | S::InspectWait
                | S::CleanFailed
                | S::Error
                | S::Verifying
                | S::AdoptFailed
                | S::RescueFailed
                | S::UnrescueFailed
                | S::ServiceHold
                | S::ServiceFailed
        )
    }
}

wire_enum! {
    /// What a client may ask for with `PUT …/states/provision`.
    Verb, "provision target" {
        /// Deploy an instance.
        Deploy = "active",
        /// The same, without extra arguments.
        DeployAlias = "deploy",
        /// Deploy again over an existing instance.
        Rebuild = "rebuild",
        /// Tear the instance down.
        Delete = "deleted",
        /// The same.
        Undeploy = "undeploy",
        /// Check the BMC and make manageable.
        Manage = "manage",
        /// Clean and make available.
        Provide = "provide",
        /// Look at the hardware.
        Inspect = "inspect",
        /// Run cleaning steps that the operator names.
        Clean = "clean",
        /// Give up what is waiting.
        Abort = "abort",
        /// Take in a machine that is already in use.
        Adopt = "adopt",
        /// Boot the rescue ramdisk.
        Rescue = "rescue",
        /// Come back from rescue.
        Unrescue = "unrescue",
        /// Go on after a hold.
        Unhold = "unhold",
        /// Run service steps that the operator names.
        Service = "service",
    }
}

impl Verb {
    /// The event that this verb raises.
    pub const fn event(self) -> Event {
        match self {
            Self::Deploy => E::Deploy,
            Self::DeployAlias => E::Deploy,
            Self::Rebuild => E::Rebuild,
            Self::Delete => E::Delete,
            Self::Undeploy => E::Delete,
            Self::Manage => E::Manage,
            Self::Provide => E::Provide,
            Self::Inspect => E::Inspect,
            Self::Clean => E::Clean,
            Self::Abort => E::Abort,
            Self::Adopt => E::Adopt,
            Self::Rescue => E::Rescue,
            Self::Unrescue => E::Unrescue,
            Self::Unhold => E::Unhold,
            Self::Service => E::Service,
        }
    }

    /// The minor microversion (1.N) that brought this verb.
    pub const fn since(self) -> u16 {
        match self {
            Self::Deploy => 1,
            Self::DeployAlias => 73,
            Self::Rebuild => 1,
            Self::Delete => 1,
            Self::Undeploy => 73,
            Self::Manage => 4,
            Self::Provide => 4,
            Self::Inspect => 6,
            Self::Clean => 15,
            Self::Abort => 13,
            Self::Adopt => 17,
            Self::Rescue => 38,
            Self::Unrescue => 38,
            Self::Unhold => 85,
            Self::Service => 87,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn has_all_states_and_moves_once() {
        assert_eq!(ProvisionState::ALL.len(), 30);
        assert_eq!(TRANSITIONS.len(), 93);
        let unique: std::collections::HashSet<_> =
            TRANSITIONS.iter().map(|(from, on, _)| (from, on)).collect();
        assert_eq!(unique.len(), 93, "one event leads to one state");
    }

    /// The same table written the other way round: by event, as an independent witness.
    #[test]
    fn agrees_with_the_table_by_event() {
        let by_event = include_str!("../tests/transitions_by_event.txt");
        let mut witnessed: Vec<(ProvisionState, Event, ProvisionState)> = Vec::new();
        for line in by_event.lines().filter(|line| !line.is_empty()) {
            let (event, moves) = line.split_once(": ").unwrap();
            for one in moves.split("; ") {
                let (from, to) = one.split_once(" -> ").unwrap();
                witnessed.push((
                    from.parse().unwrap(),
                    event.parse().unwrap(),
                    to.parse().unwrap(),
                ));
            }
        }
        let mut table = TRANSITIONS.to_vec();
        table.sort();
        witnessed.sort();
        assert_eq!(table, witnessed);
    }

    /// Each state with its default target and the sets that it is in, written down a second time.
    #[test]
    fn targets_and_sets_agree_with_the_list_of_states() {
        let listed = include_str!("../tests/states.txt");
        assert_eq!(listed.lines().count(), ProvisionState::ALL.len());
        for line in listed.lines() {
            let (name, rest) = line.split_once(": ").unwrap();
            let (target, sets) = rest.split_once(';').unwrap();
            let state: ProvisionState = name.parse().unwrap();
            let target = (target != "-").then(|| target.parse().unwrap());
            assert_eq!(state.default_target(), target, "{name}");
            let sets: Vec<&str> = sets.split(',').map(str::trim).collect();
            for (set, is) in [
                ("stable", state.is_stable()),
                ("transient", state.is_transient()),
                ("working", state.is_working()),
                ("failed", state.is_failed()),
                ("lookup", state.allows_lookup()),
                ("delete", state.allows_delete()),
            ] {
                assert_eq!(sets.contains(&set), is, "{name}: {set}");
            }
        }
    }

    #[test]
    fn every_other_event_is_refused() {
        let mut allowed = 0;
        for state in ProvisionState::ALL {
            for event in Event::ALL {
                if state.next(*event).is_some() {
                    allowed += 1;
                }
            }
        }
        assert_eq!(allowed, 93);
    }

    #[test]
    fn strings_survive_the_way_there_and_back() {
        for state in ProvisionState::ALL {
            assert_eq!(state.as_str().parse::<ProvisionState>().unwrap(), *state);
            assert!(state.as_str().len() <= 15, "fits Ironic's column");
        }
        assert!("deleted".parse::<ProvisionState>().is_err());
    }

    #[test]
    fn the_nine_working_states_can_fail() {
        let working: Vec<_> = ProvisionState::ALL
            .iter()
            .filter(|s| s.is_working())
            .collect();
        assert_eq!(working.len(), 9);
        for state in working {
            assert!(
                state.next(Event::Fail).is_some(),
                "{state} has a fail state"
            );
        }
    }
}
