//! What versions used since they were installed: this conductor's counts begin anew at each start, so what is added to them is
//! stored now and then, and when the conductor stops.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironbark_drivers::Package;
use ironbark_model::{Error, Result, Timestamp, UsageCounts, VersionUsage};
use tokio::sync::Mutex;

use crate::context::Context;

/// What of this conductor's counts is stored.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<String, Counted>>);

/// A version that was loaded at the last look. It is kept until the next one, which counts what it did in between.
struct Counted {
    package: Arc<Package>,
    stored: UsageCounts,
}

/// Stores what was used since the last time: one transaction, for versions that did something.
///
/// It isn't given up half way, even if whoever waits for it is: what was stored must not be counted again.
pub(crate) async fn store_usage(ctx: &Arc<Context>) -> Result<()> {
    let ctx = Arc::clone(ctx);
    let storing = tokio::spawn(async move { store(&ctx).await });
    storing
        .await
        .map_err(|error| Error::internal("Usage could not be stored.").caused_by(error))?
}

async fn store(ctx: &Context) -> Result<()> {
    let mut tally = ctx.packages.tally.0.lock().await;
    let mut loaded: BTreeMap<String, Arc<Package>> = BTreeMap::new();
    for package in ctx.drivers.loaded() {
        loaded.insert(package.digest().to_owned(), package);
    }
    let mut used = Vec::new();
    let mut next = BTreeMap::new();
    for (digest, package) in &loaded {
        let counts = counts(package);
        let before = tally.get(digest).map(|before| &before.stored);
        used.push(added(
            package,
            counts.since(before.unwrap_or(&UsageCounts::default())),
        ));
        let counted = Counted {
            package: Arc::clone(package),
            stored: counts,
        };
        next.insert(digest.clone(), counted);
    }
    for (digest, before) in tally.iter() {
        if !loaded.contains_key(digest) {
            let package = &before.package;
            used.push(added(package, counts(package).since(&before.stored)));
        }
    }
    used.retain(|one| !one.counts.is_nothing());
    ctx.db.package_usage_add(&used).await?;
    *tally = next;
    Ok(())
}

fn added(package: &Package, counts: UsageCounts) -> VersionUsage {
    VersionUsage {
        package: package.name().to_owned(),
        version: package.version().to_owned(),
        digest: package.digest().to_owned(),
        counts,
        counted_at: Timestamp::now(),
    }
}

fn counts(package: &Package) -> UsageCounts {
    let used = package.usage();
    UsageCounts {
        calls: whole(package.call_counts().calls),
        refused: whole(package.refused_calls()),
        cpu_us: microseconds(used.cpu),
        peak_memory: whole(used.peak_memory),
        host_calls: whole(used.host_calls),
        throttled_us: microseconds(used.throttled),
        log_lines_dropped: whole(used.log_lines_dropped),
        faults: package
            .faults_by_kind()
            .into_iter()
            .map(|(kind, times)| (kind.to_owned(), whole(times)))
            .collect(),
    }
}

fn microseconds(duration: Duration) -> i64 {
    whole(duration.as_micros())
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_db::testing;
    use ironbark_model::InterfaceKind;
    use ironbark_rpc::Installation;
    use ironbark_sandbox::CallContext;

    use super::*;
    use crate::packages::{Actor, upload};
    use crate::testing::{broken_package, config, context, package, registered, stage};

    async fn install(ctx: &Arc<Context>, bytes: &[u8]) {
        let installation = Installation {
            digest: stage(&ctx.db, bytes).await,
            activate: true,
            ..Installation::default()
        };
        let ada = Actor::user("ada", "req-1");
        upload(ctx, installation, &ada).await.unwrap();
    }

    /// Asks for power so many times; whether it is told is the driver's business.
    async fn call(ctx: &Context, times: usize) {
        let power = ctx
            .drivers
            .implementation("acme", InterfaceKind::Power, "acme")
            .unwrap();
        for _ in 0..times {
            let _ = power
                .get_power_state(CallContext::without_node("req-1"))
                .await;
        }
    }

    /// Calls and traps of each version.
    async fn stored(ctx: &Context) -> Vec<(String, i64, i64)> {
        let all = ctx.db.package_usage().await.unwrap();
        all.into_iter()
            .map(|one| {
                let traps = one.counts.faults.get("trap").copied().unwrap_or_default();
                (one.version, one.counts.calls, traps)
            })
            .collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_used_adds_up_over_restarts() {
        let db = testing::sqlite().await;
        let ctx = registered(&db, config("host-a"), &[]).await;
        install(&ctx, &package("acme", "1.0.0", "acme")).await;
        store_usage(&ctx).await.unwrap();
        // It was started once before it was accepted, which took time, and was no call.
        let unused = stored(&ctx).await;
        assert!(unused.iter().all(|(_, calls, _)| *calls == 0), "{unused:?}");
        call(&ctx, 3).await;
        store_usage(&ctx).await.unwrap();
        call(&ctx, 2).await;
        store_usage(&ctx).await.unwrap();
        store_usage(&ctx).await.unwrap();
        assert_eq!(stored(&ctx).await, [("1.0.0".to_owned(), 5, 0)]);
        let first = db.package_usage().await.unwrap().remove(0).counts;
        assert!(first.cpu_us > 0 && first.peak_memory >= 65_536, "{first:?}");

        // A process that starts counts from zero.
        let ctx = context(&db, config("host-a"));
        crate::packages::bring_up(&ctx).await.unwrap();
        call(&ctx, 1).await;
        store_usage(&ctx).await.unwrap();
        assert_eq!(stored(&ctx).await, [("1.0.0".to_owned(), 6, 0)]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_version_that_went_is_counted_to_its_end_and_one_that_breaks_by_kind() {
        let db = testing::sqlite().await;
        let ctx = registered(&db, config("host-a"), &[]).await;
        install(&ctx, &package("acme", "1.0.0", "acme")).await;
        store_usage(&ctx).await.unwrap();
        call(&ctx, 2).await;
        install(&ctx, &broken_package("acme", "2.0.0", "acme")).await;
        ctx.drivers.retained_digests().iter().for_each(|digest| {
            ctx.drivers.release(digest);
        });
        call(&ctx, 2).await;
        store_usage(&ctx).await.unwrap();
        assert_eq!(
            stored(&ctx).await,
            [("1.0.0".to_owned(), 2, 0), ("2.0.0".to_owned(), 2, 2)]
        );
        let tally = ctx.packages.tally.0.lock().await;
        assert_eq!(tally.len(), 1, "it isn't kept any longer");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_being_stored_goes_on_without_who_waits_for_it() {
        let db = testing::sqlite().await;
        let ctx = registered(&db, config("host-a"), &[]).await;
        install(&ctx, &package("acme", "1.0.0", "acme")).await;
        call(&ctx, 2).await;
        let held = db.change_packages().await.unwrap();
        // Whoever waits gives up; the storing doesn't.
        let waiting = tokio::time::timeout(Duration::from_millis(50), store_usage(&ctx)).await;
        assert!(waiting.is_err(), "somebody else writes");
        drop(held);
        store_usage(&ctx).await.unwrap();
        assert_eq!(stored(&ctx).await, [("1.0.0".to_owned(), 2, 0)]);
    }
}
