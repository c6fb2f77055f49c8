//! Whose signatures count.

use std::sync::Arc;

use ironbark_drivers::read_public_key;
use ironbark_model::lifecycle::{Publisher, publisher_history};
use ironbark_model::{Error, Result, Timestamp};
use serde_json::{Value, json};

use super::actor::Actor;
use super::life::Life;
use super::stop;
use crate::context::Context;

/// Trusts a publisher, once its key was checked. Answers with it as it is stored.
pub(crate) async fn trust(
    ctx: &Arc<Context>,
    publisher: Publisher,
    actor: &Actor,
) -> Result<Publisher> {
    let _turn = ctx.packages.turn().await?;
    let publisher = Publisher {
        public_key: read_public_key(&publisher.public_key)?,
        created_at: Timestamp::now(),
        ..publisher
    };
    if publisher.is_expired_at(publisher.created_at) {
        return Err(Error::invalid(
            "The publisher's trust would have expired already: choose a later time.",
        ));
    }
    let mut tx = ctx.db.change_packages().await?;
    tx.publisher_add(&publisher).await?;
    let detail = format!(
        "key {}, packages {}{}",
        publisher.public_key,
        publisher.packages.join(", "),
        match publisher.expires_at {
            Some(end) => format!(", until {end}"),
            None => String::new(),
        }
    );
    tx.note(&actor.did_with("trust", &publisher_history(&publisher.name), Some(detail)))
        .await?;
    tx.commit().await?;
    tracing::info!(publisher = %publisher.name, packages = ?publisher.packages, by = actor.name(), "publisher is trusted");
    Ok(publisher)
}

/// Trusts a publisher no longer. None of what it signed can be activated from then on; what is active goes on, unless it is
/// to be quarantined, which is written down with it. Answers with the versions that it signed.
pub(crate) async fn distrust(
    ctx: &Arc<Context>,
    name: &str,
    quarantine: bool,
    actor: &Actor,
) -> Result<Value> {
    let _turn = ctx.packages.turn().await?;
    let mut tx = ctx.db.change_packages().await?;
    if !tx.publisher_remove(name).await? {
        return Err(Error::not_found(format!(
            "Publisher {name} could not be found."
        )));
    }
    let mut signed = tx.versions().await?;
    signed.retain(|version| version.publisher.as_deref() == Some(name));
    let active = tx.active_digests().await?;
    let versions: Vec<String> = signed
        .iter()
        .map(|version| format!("{}@{}", version.package, version.version))
        .collect();
    let detail = match versions.as_slice() {
        [] => "it had signed nothing that is installed".to_owned(),
        some => format!("it had signed {}", some.join(", ")),
    };
    tx.note(&actor.did_with("distrust", &publisher_history(name), Some(detail)))
        .await?;
    let reason = format!("publisher {name} is trusted no longer");
    for version in &signed {
        let detail = format!("publisher {name}, who signed it, is trusted no longer");
        tx.note(&actor.did("distrust", version, Some(detail)))
            .await?;
        if quarantine {
            stop::write(&mut tx, version, &reason, false, actor).await?;
        }
    }
    tx.commit().await?;
    tracing::warn!(
        publisher = name,
        by = actor.name(),
        "publisher is trusted no longer"
    );
    if quarantine {
        for version in &signed {
            // What fails now is caught up on: it is written down.
            match Life::read(ctx, &version.package).await {
                Ok(life) => {
                    stop::carry_out(ctx, &life, version, &reason, false, actor).await;
                }
                Err(error) => {
                    tracing::warn!(package = %version.package, %error, "a quarantine takes effect only soon");
                }
            }
        }
    }
    let listed: Vec<Value> = signed
        .iter()
        .map(|version| {
            json!({
                "package": version.package,
                "version": version.version,
                "was_active": active.contains(&version.digest),
                "quarantined": quarantine,
            })
        })
        .collect();
    Ok(json!({"name": name, "packages": listed}))
}
