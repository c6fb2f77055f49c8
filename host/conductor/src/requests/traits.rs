//! A node's traits.

use std::sync::Arc;

use ironbark_model::traits::check_traits;
use ironbark_model::{Error, Result};
use ironbark_rpc::{Reply, TraitChange};

use super::hold;
use crate::context::Context;

/// Changes the traits of a node.
pub(super) async fn set(ctx: &Arc<Context>, ident: &str, change: TraitChange) -> Result<Reply> {
    let (held, mut node) = hold(ctx, ident).await?;
    let traits = changed(&node.uuid, std::mem::take(&mut node.traits), change)?;
    let mut tx = held.begin().await?;
    tx.set_traits(&traits).await?;
    // So that `updated_at` changes too.
    tx.save_node(&node).await?;
    held.commit_and_release(tx).await?;
    Ok(Reply::Done)
}

fn changed(node: &str, mut traits: Vec<String>, change: TraitChange) -> Result<Vec<String>> {
    match change {
        TraitChange::Replace(new) => traits = new,
        TraitChange::Add(name) => traits.push(name),
        TraitChange::Remove(name) => {
            let before = traits.len();
            traits.retain(|other| *other != name);
            if traits.len() == before {
                return Err(Error::not_found(format!(
                    "Node {node} doesn't have a trait '{name}'"
                )));
            }
        }
    }
    traits.sort();
    traits.dedup();
    check_traits(traits.iter().map(String::as_str))?;
    Ok(traits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::ErrorKind;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn traits_are_a_set() {
        let have = || names(&["CUSTOM_A", "CUSTOM_B"]);
        let add = |name: &str| changed("n", have(), TraitChange::Add(name.to_owned()));
        assert_eq!(add("CUSTOM_A").unwrap(), have());
        assert_eq!(add("CUSTOM_C").unwrap().len(), 3);
        assert_eq!(
            add("wrong").unwrap_err().kind(),
            ErrorKind::InvalidParameter
        );
        let replace = TraitChange::Replace(names(&["CUSTOM_Z", "CUSTOM_Z"]));
        assert_eq!(changed("n", have(), replace).unwrap(), names(&["CUSTOM_Z"]));
        let remove = |name: &str| changed("n", have(), TraitChange::Remove(name.to_owned()));
        assert_eq!(remove("CUSTOM_A").unwrap(), names(&["CUSTOM_B"]));
        assert_eq!(remove("CUSTOM_X").unwrap_err().kind(), ErrorKind::NotFound);
        let many = (0..51).map(|number| format!("CUSTOM_{number}")).collect();
        assert!(changed("n", have(), TraitChange::Replace(many)).is_err());
    }
}
