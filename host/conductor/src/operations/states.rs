//! Moving a node through its provision states: the fields that change with the state.

use ironbark_model::{Error, ErrorKind, Event, Node, ProvisionState, Result, Timestamp};

/// Moves `node` by `event`, and sets what goes with it: target, time of the change, times of inspection.
///
/// A manual cleaning keeps its target `manageable` until it is over.
pub(crate) fn advance(node: &mut Node, event: Event) -> Result<()> {
    let from = node.provision_state;
    let to = from.next(event).ok_or_else(|| not_allowed(node, event))?;
    let keeps_target = is_cleaning(from)
        && is_cleaning(to)
        && node.target_provision_state == Some(ProvisionState::Manageable);
    enter(node, to);
    if keeps_target {
        node.target_provision_state = Some(ProvisionState::Manageable);
    }
    Ok(())
}

/// Puts `node` into `state`, with the state's usual target.
pub(crate) fn enter(node: &mut Node, state: ProvisionState) {
    use ProvisionState as S;
    let now = Timestamp::now();
    let from = node.provision_state;
    node.provision_state = state;
    node.target_provision_state = state.default_target();
    node.provision_updated_at = Some(now);
    match state {
        S::Inspecting => {
            node.inspection_started_at = Some(now);
            node.inspection_finished_at = None;
        }
        S::Manageable if matches!(from, S::Inspecting | S::InspectWait) => {
            node.inspection_finished_at = Some(now);
            node.inspection_started_at = None;
        }
        S::InspectFailed => node.inspection_started_at = None,
        _ => {}
    }
}

/// What a client is told whose verb makes no sense in the node's state.
pub(crate) fn not_allowed(node: &Node, event: Event) -> Error {
    Error::new(
        ErrorKind::InvalidState,
        format!(
            "The requested action \"{event}\" can not be performed on node \"{}\" while it is in state \"{}\".",
            node.uuid, node.provision_state
        ),
    )
}

fn is_cleaning(state: ProvisionState) -> bool {
    matches!(
        state,
        ProvisionState::Cleaning
            | ProvisionState::CleanWait
            | ProvisionState::CleanHold
            | ProvisionState::CleanFailed
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::ProvisionState as S;

    use super::*;

    fn node(state: S, target: Option<S>) -> Node {
        Node {
            provision_state: state,
            target_provision_state: target,
            ..Node::default()
        }
    }

    #[test]
    fn a_manual_cleaning_keeps_its_target_also_when_it_fails() {
        let mut node = node(S::Cleaning, Some(S::Manageable));
        for event in [
            Event::Wait,
            Event::Hold,
            Event::Unhold,
            Event::Resume,
            Event::Fail,
        ] {
            advance(&mut node, event).unwrap();
            assert_eq!(node.target_provision_state, Some(S::Manageable), "{event}");
        }
        advance(&mut node, Event::Manage).unwrap();
        assert_eq!(
            (node.provision_state, node.target_provision_state),
            (S::Manageable, None)
        );
    }

    #[test]
    fn every_other_move_has_the_target_of_its_state() {
        for (from, event, to) in ironbark_model::provision::TRANSITIONS {
            let mut node = node(*from, from.default_target());
            advance(&mut node, *event).unwrap();
            assert_eq!(node.provision_state, *to);
            assert_eq!(node.target_provision_state, to.default_target());
            assert!(node.provision_updated_at.is_some());
        }
    }

    #[test]
    fn inspection_has_its_own_times() {
        let mut node = node(S::Manageable, None);
        advance(&mut node, Event::Inspect).unwrap();
        assert!(node.inspection_started_at.is_some() && node.inspection_finished_at.is_none());
        advance(&mut node, Event::Done).unwrap();
        assert!(node.inspection_started_at.is_none() && node.inspection_finished_at.is_some());
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_and_changes_nothing() {
        let mut node = node(S::Active, None);
        let before = node.clone();
        let error = advance(&mut node, Event::Provide).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert_eq!(node, before);
    }
}
