//! Rows of packages, versions, canaries and their history.

use ironbark_model::Result;
use ironbark_model::lifecycle::{
    Canary, PackageEvent, PackageGrants, PackageOwner, PackageVersion,
};
use ironbark_model::package::DriverPackage;
use sqlx::any::AnyRow;

use crate::sql::Columns;

pub(super) const ACTIVE: &str =
    "name, version, digest, size, vendor, granted, hardware_types, source, file, created_at";
pub(super) const VERSION: &str = "package, version, digest, size, vendor, asked, capabilities, hardware_types, implementations, state_schema, \
     source, file, publisher, publisher_key, state, reason, stopped, created_at, activated_at";
pub(super) const CANARY: &str = "package, version, digest, scope, created_at";
pub(super) const OWNER: &str = "package, publisher, public_key, created_at";
pub(super) const EVENT: &str =
    "created_at, package, version, digest, action, actor, request_id, detail";

pub(super) fn active_from(row: &AnyRow) -> Result<DriverPackage> {
    let mut columns = Columns::of(row);
    Ok(DriverPackage {
        name: columns.text()?,
        version: columns.text()?,
        digest: columns.text()?,
        size: columns.int()?,
        vendor: columns.text()?,
        granted: columns.json()?,
        hardware_types: columns.json()?,
        source: columns.parsed()?,
        file: columns.opt_text()?,
        created_at: columns.time()?,
    })
}

pub(super) fn version_from(row: &AnyRow) -> Result<PackageVersion> {
    let mut columns = Columns::of(row);
    Ok(PackageVersion {
        package: columns.text()?,
        version: columns.text()?,
        digest: columns.text()?,
        size: columns.int()?,
        vendor: columns.text()?,
        asked: columns.json()?,
        capabilities: columns.json()?,
        hardware_types: columns.json()?,
        implementations: columns.json()?,
        state_schema: columns.text()?,
        source: columns.parsed()?,
        file: columns.opt_text()?,
        publisher: columns.opt_text()?,
        publisher_key: columns.opt_text()?,
        state: columns.parsed()?,
        reason: columns.opt_text()?,
        stopped: columns.flag()?,
        created_at: columns.time()?,
        activated_at: columns.opt_time()?,
    })
}

pub(super) fn canary_from(row: &AnyRow) -> Result<Canary> {
    let mut columns = Columns::of(row);
    Ok(Canary {
        package: columns.text()?,
        version: columns.text()?,
        digest: columns.text()?,
        scope: columns.json()?,
        created_at: columns.time()?,
    })
}

pub(super) fn grants_from(row: &AnyRow) -> Result<PackageGrants> {
    let mut columns = Columns::of(row);
    Ok(PackageGrants {
        names: columns.json()?,
        entries: columns.opt_json()?,
    })
}

pub(super) fn owner_from(row: &AnyRow) -> Result<PackageOwner> {
    let mut columns = Columns::of(row);
    Ok(PackageOwner {
        package: columns.text()?,
        publisher: columns.text()?,
        public_key: columns.text()?,
        created_at: columns.time()?,
    })
}

pub(super) fn event_from(row: &AnyRow) -> Result<PackageEvent> {
    let mut columns = Columns::of(row);
    Ok(PackageEvent {
        created_at: columns.time()?,
        package: columns.text()?,
        version: columns.opt_text()?,
        digest: columns.opt_text()?,
        action: columns.text()?,
        actor: columns.text()?,
        request_id: columns.opt_text()?,
        detail: columns.opt_text()?,
    })
}
