//! Why a look at a console is over.

use ironbark_model::Node;
use ironbark_rpc::{End, Why};

use super::Line;
use crate::context::Context;

/// Why a look at a console is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Who looked has left.
    Left,
    /// The BMC ended it, or says nothing any more.
    Silent,
    /// The console was switched off.
    Off,
    /// It isn't the same console any more.
    Changed,
    /// There is no such node any more.
    Gone,
    /// The node is another conductor's now.
    Moved,
    /// This conductor may not act any more.
    Lapsed,
    /// This conductor stops.
    Stopping,
    /// Nothing was typed or written for too long.
    Idle,
    /// It took too long.
    Long,
}

impl Over {
    /// Why nobody may look at this console any more, if so. `target` is where it was when it was opened.
    pub(super) fn of(
        ctx: &Context,
        node: Option<&Node>,
        target: &ironbark_bmc::ipmi::Target,
    ) -> Option<Self> {
        let Some(node) = node else {
            return Some(Self::Gone);
        };
        if !node.console_enabled {
            return Some(Self::Off);
        }
        if !ctx.ring.owns_node(node) {
            return Some(Self::Moved);
        }
        match Line::of(ctx, node) {
            Ok(line) if line.target == *target => None,
            _ => Some(Self::Changed),
        }
    }

    /// What whoever looks is told.
    pub(super) fn told(self) -> End {
        let (why, message) = match self {
            Self::Left => (Why::Closed, "You left."),
            Self::Silent => (
                Why::Failed,
                "The BMC ended the console, or says nothing any more.",
            ),
            Self::Off => (Why::Revoked, "The console was switched off."),
            Self::Changed => (
                Why::Revoked,
                "How the node's console is reached was changed: open it again.",
            ),
            Self::Gone => (Why::Revoked, "The node was deleted."),
            Self::Moved | Self::Lapsed => (
                Why::GoingAway,
                "Another conductor takes the node over: open the console again.",
            ),
            Self::Stopping => (
                Why::GoingAway,
                "The conductor stops: open the console again in a moment.",
            ),
            Self::Idle => (Why::Revoked, "Nothing was typed or written for too long."),
            Self::Long => (Why::Revoked, "It was open as long as it may be in one go."),
        };
        End::new(why, message)
    }
}
