//! How packages are shown: what is active in front, then all versions.

use std::time::Duration;

use ironbark_db::{Database, PackageFailure};
use ironbark_model::lifecycle::{
    Canary, PackageEvent, PackageGrants, PackageOwner, PackageVersion,
};
use ironbark_model::package::DriverPackage;
use ironbark_model::{Result, VersionUsage};
use serde_json::{Value, json};

use crate::view::time::Written;

/// All that is known of packages.
pub(super) struct Known {
    pub(super) versions: Vec<PackageVersion>,
    active: Vec<DriverPackage>,
    canaries: Vec<Canary>,
    failures: Vec<PackageFailure>,
    used: Vec<VersionUsage>,
    owners: Vec<PackageOwner>,
}

impl Known {
    pub(super) async fn read(db: &Database) -> Result<Self> {
        Ok(Self {
            versions: db.package_versions_all().await?,
            active: db.package_list().await?,
            canaries: db.package_canaries().await?,
            failures: db.package_failures().await?,
            used: db.package_usage().await?,
            owners: db.package_owners().await?,
        })
    }

    /// One package. `granted` is what its name is granted; its active version has what it asks for of that, which is shown as
    /// `granted`; what exactly the package is granted is shown as `grants`.
    pub(super) fn view(&self, base: &str, name: &str, granted: PackageGrants) -> Value {
        let active = self.active.iter().find(|active| active.name == name);
        let canary = self.canaries.iter().find(|canary| canary.package == name);
        let owner = self.owners.iter().find(|owner| owner.package == name);
        let versions: Vec<Value> = self
            .versions
            .iter()
            .filter(|version| version.package == name)
            .map(|version| self.version(version, active, canary))
            .collect();
        json!({
            "name": name,
            "version": active.map(|active| &active.version),
            "vendor": active.map(|active| &active.vendor),
            "digest": active.map(|active| &active.digest),
            "size": active.map(|active| active.size),
            "granted": active.map_or(&granted.names, |active| &active.granted),
            "grants": granted.entries.unwrap_or_default(),
            "owner": owner.map(|owner| &owner.publisher),
            "hardware_types": active.map(|active| active.hardware_types.as_slice()).unwrap_or_default(),
            "source": active.map(|active| active.source.as_str()),
            "file": active.and_then(|active| active.file.as_deref()),
            "created_at": active.map(|active| Written(active.created_at)),
            "canary": canary.map(|canary| json!({
                "version": canary.version,
                "scope": canary.scope,
                "created_at": Written(canary.created_at),
            })),
            "versions": versions,
            "links": [{"href": format!("{base}/ironbark/v1/packages/{name}"), "rel": "self"}],
        })
    }

    fn version(
        &self,
        version: &PackageVersion,
        active: Option<&DriverPackage>,
        canary: Option<&Canary>,
    ) -> Value {
        let failing: Vec<Value> = self
            .failures
            .iter()
            .filter(|failure| {
                failure.package == version.package && failure.version == version.version
            })
            .map(|failure| json!({"conductor": failure.conductor, "reason": failure.reason}))
            .collect();
        let used = self
            .used
            .iter()
            .find(|used| used.package == version.package && used.version == version.version);
        json!({
            "version": version.version,
            "digest": version.digest,
            "size": version.size,
            "vendor": version.vendor,
            "asked": version.asked,
            "capabilities": version.capabilities,
            "hardware_types": version.hardware_types,
            "implementations": version.implementations,
            "state_schema": version.state_schema,
            "source": version.source.as_str(),
            "file": version.file,
            "publisher": version.publisher,
            "state": version.state,
            "reason": version.reason,
            "active": active.is_some_and(|active| active.digest == version.digest),
            "canary": canary.is_some_and(|canary| canary.digest == version.digest),
            "created_at": Written(version.created_at),
            "activated_at": version.activated_at.map(Written),
            "failing_on": failing,
            "used": used.map(usage),
        })
    }
}

/// What a version used since it was installed.
fn usage(used: &VersionUsage) -> Value {
    let counts = &used.counts;
    json!({
        "calls": counts.calls,
        "faults": counts.faults,
        "refused": counts.refused,
        "cpu_seconds": seconds(counts.cpu_us),
        "peak_memory": counts.peak_memory,
        "host_calls": counts.host_calls,
        "throttled_seconds": seconds(counts.throttled_us),
        "log_lines_dropped": counts.log_lines_dropped,
        "counted_at": Written(used.counted_at),
    })
}

fn seconds(microseconds: i64) -> f64 {
    Duration::from_micros(microseconds.unsigned_abs()).as_secs_f64()
}

/// One thing that was done.
pub(super) fn event(event: &PackageEvent) -> Value {
    json!({
        "created_at": Written(event.created_at),
        "version": event.version,
        "digest": event.digest,
        "action": event.action,
        "actor": event.actor,
        "request_id": event.request_id,
        "detail": event.detail,
    })
}
