//! This conductor's row in the database: put there at the start, renewed every few seconds, lost to a successor.

use std::sync::Arc;
use std::time::Duration;

use ironbark_db::{Database, Registration};
use ironbark_model::{Error, Result};
use tokio::time::Instant;

use crate::config::Config;
use crate::context::Context;
use crate::standing::Standing;

/// Registers this process under its host name, whoever held the name before, and lets it act from now on.
pub(crate) async fn register(ctx: &Arc<Context>) -> Result<()> {
    let (drivers, interfaces) = ctx.drivers.registration();
    let registration = Registration {
        hostname: ctx.config.host.clone(),
        conductor_group: ctx.config.conductor_group.to_lowercase(),
        incarnation: ctx.incarnation.clone(),
        drivers,
        interfaces,
    };
    check(&ctx.config)?;
    let sent_at = Instant::now();
    let row = ctx.db.conductor_register(&registration).await?;
    ctx.standing.renewed(sent_at);
    ctx.ring.refresh(&ctx.db).await?;
    tracing::info!(
        conductor = %row.hostname,
        group = %row.conductor_group,
        drivers = ?row.drivers,
        "registered"
    );
    Ok(())
}

/// Renews the registration until the conductor has stopped. Ends early if another process took the host name.
pub(crate) async fn keep_alive(ctx: &Arc<Context>) {
    let heart = Heart {
        db: ctx.db.clone(),
        host: ctx.config.host.clone(),
        incarnation: ctx.incarnation.clone(),
        standing: ctx.standing.clone(),
        within: ctx.config.heartbeat_interval,
    };
    let mut pause = ctx.config.heartbeat_interval;
    loop {
        tokio::select! {
            () = ctx.wake.stopped.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let takes_work = !ctx.shutdown.is_cancelled();
        pause = match heart.beat(takes_work).await {
            Beat::Renewed => ctx.config.heartbeat_interval,
            Beat::NoAnswer => (ctx.config.heartbeat_interval / 5).max(Duration::from_millis(100)),
            Beat::RowGone if takes_work => match register(ctx).await {
                Ok(()) => ctx.config.heartbeat_interval,
                Err(error) => {
                    tracing::error!(%error, "the registration was deleted and could not be made anew");
                    ctx.config.heartbeat_interval / 5
                }
            },
            Beat::RowGone => ctx.config.heartbeat_interval,
            Beat::Superseded => {
                ctx.workers.cancel();
                ctx.shutdown.cancel();
                return;
            }
        };
    }
}

/// What came of one renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The registration is good for another while.
    Renewed,
    /// The database didn't answer, or refused.
    NoAnswer,
    /// Somebody deleted the row.
    RowGone,
    /// Another process registered under this host name: this one must not act any more.
    Superseded,
}

/// What a renewal needs.
pub(crate) struct Heart {
    pub(crate) db: Database,
    pub(crate) host: String,
    pub(crate) incarnation: String,
    pub(crate) standing: Standing,
    /// How long the database may take.
    pub(crate) within: Duration,
}

impl Heart {
    /// Renews the registration once. `takes_work` is what others see as `online`.
    pub(crate) async fn beat(&self, takes_work: bool) -> Beat {
        let sent_at = Instant::now();
        match tokio::time::timeout(self.within, self.ask(takes_work)).await {
            Ok(Ok(Beat::Renewed)) => {
                self.standing.renewed(sent_at);
                Beat::Renewed
            }
            Ok(Ok(Beat::Superseded)) => {
                self.standing.superseded();
                tracing::error!(
                    conductor = %self.host,
                    "another process registered under this host name: this one stops acting now. Give each conductor a host name of its own"
                );
                Beat::Superseded
            }
            Ok(Ok(beat)) => beat,
            Ok(Err(error)) => {
                tracing::warn!(conductor = %self.host, %error, "the registration could not be renewed");
                Beat::NoAnswer
            }
            Err(_) => {
                tracing::warn!(conductor = %self.host, "the database did not answer in time: the registration is not renewed");
                Beat::NoAnswer
            }
        }
    }

    async fn ask(&self, takes_work: bool) -> Result<Beat> {
        if self
            .db
            .conductor_heartbeat(&self.host, &self.incarnation, takes_work)
            .await?
        {
            return Ok(Beat::Renewed);
        }
        Ok(match self.db.conductor_get(&self.host).await? {
            Some(row) if row.incarnation != self.incarnation => Beat::Superseded,
            // It came back between the two questions: ask again.
            Some(_) => Beat::NoAnswer,
            None => Beat::RowGone,
        })
    }
}

/// Others take over when a registration is 60 s old, and one BMC command takes at most 15 s.
fn check(config: &Config) -> Result<()> {
    let latest = Duration::from_secs(45);
    if config.fence_after > latest || config.heartbeat_interval >= config.fence_after {
        return Err(Error::invalid(format!(
            "conductor: heartbeat_interval ({} s) must be shorter than fence_after ({} s), and that at most {} s",
            config.heartbeat_interval.as_secs(),
            config.fence_after.as_secs(),
            latest.as_secs()
        )));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use ironbark_db::testing;

    use super::*;
    use crate::testing::{config, package, registered};

    fn heart(ctx: &Context) -> Heart {
        Heart {
            db: ctx.db.clone(),
            host: ctx.host().to_owned(),
            incarnation: ctx.incarnation.clone(),
            standing: ctx.standing.clone(),
            within: Duration::from_secs(10),
        }
    }

    #[tokio::test]
    async fn registers_what_it_drives_and_owns_its_nodes_from_then_on() {
        for db in testing::databases().await {
            let acme = package("acme", "1.0.0", "acme");
            let ctx = registered(&db, config("host-a"), &[acme]).await;
            let row = db.conductor_get("host-a").await.unwrap().unwrap();
            assert_eq!(row.drivers, ["acme"], "{}", db.kind);
            assert!(row.online);
            assert!(ctx.standing.may_act());
            assert_eq!(ctx.ring.owner("", "acme", "x").as_deref(), Some("host-a"));
            assert_eq!(ctx.ring.owner("", "other", "x"), None);
            assert_eq!(heart(&ctx).beat(true).await, Beat::Renewed);
        }
    }

    #[tokio::test]
    async fn a_process_that_takes_the_host_name_fences_the_former_one() {
        for db in testing::databases().await {
            let former = registered(&db, config("host-a"), &[]).await;
            let latter = registered(&db, config("host-a"), &[]).await;
            assert!(former.standing.may_act(), "it can't know yet");
            assert_eq!(
                heart(&former).beat(true).await,
                Beat::Superseded,
                "{}",
                db.kind
            );
            assert!(!former.standing.may_act());
            assert!(former.standing.is_superseded());
            assert_eq!(heart(&latter).beat(true).await, Beat::Renewed);
            assert!(latter.standing.may_act());
            let changed = db
                .conductor_set_interfaces("host-a", &former.incarnation, &["x".to_owned()], &[])
                .await;
            assert!(changed.is_err_and(|error| ironbark_db::is_fence_lost(&error)));
        }
    }

    #[tokio::test]
    async fn a_superseded_process_stops_by_itself() {
        let db = testing::sqlite().await;
        let mut quick = config("host-a");
        quick.heartbeat_interval = Duration::from_millis(20);
        let former = registered(&db, quick, &[]).await;
        let _latter = registered(&db, config("host-a"), &[]).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), keep_alive(&former)).await;
        assert!(ended.is_ok());
        assert!(former.shutdown.is_cancelled());
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_renews_nothing() {
        let db = testing::sqlite().await;
        let ctx = registered(&db, config("host-a"), &[]).await;
        db.close().await;
        assert_eq!(heart(&ctx).beat(true).await, Beat::NoAnswer);
        assert!(!ctx.standing.is_superseded());
    }

    #[test]
    fn times_that_would_let_two_conductors_act_are_refused() {
        let good = Config::default();
        assert!(check(&good).is_ok());
        let late = Config {
            fence_after: Duration::from_secs(50),
            ..Config::default()
        };
        assert!(check(&late).is_err());
        let rare = Config {
            heartbeat_interval: Duration::from_secs(40),
            ..Config::default()
        };
        assert!(check(&rare).is_err());
    }
}
