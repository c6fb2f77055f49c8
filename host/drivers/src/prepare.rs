//! From bytes to a package that could be activated. Nothing active changes here.

use std::sync::Arc;

use ironbark_model::package::MAX_PACKAGE_BYTES;
use ironbark_package::{Contents, Metadata};
use ironbark_sandbox::{Engine, PackageName};

use crate::config::DriversConfig;
use crate::error::PackageError;
use crate::grants::{Grants, sandbox_grants};
use crate::package::{Package, PreparedPackage};
use crate::periodic::check_schedules;
use crate::properties::PropertyRules;

pub(crate) async fn prepare(
    engine: &Engine,
    config: &DriversConfig,
    bytes: Arc<[u8]>,
    grants: &Grants,
) -> Result<PreparedPackage, PackageError> {
    if bytes.len() > MAX_PACKAGE_BYTES {
        return Err(PackageError::TooLarge { size: bytes.len() });
    }
    let contents = Contents::read(&bytes)?;
    let metadata = Metadata::parse(&contents.metadata)?;
    metadata.check_agreement(&contents)?;
    check_schedules(&metadata)?;
    let rules = PropertyRules::new(&metadata)?;
    let granted = grants.resolve(&metadata)?;
    let name = PackageName {
        name: metadata.name.as_str().into(),
        version: metadata.version.as_str().into(),
    };
    let driver = engine
        .load(
            name,
            sandbox_grants(&granted, &metadata),
            Arc::clone(&bytes),
        )
        .await?;
    let package = Package::new(
        metadata,
        &bytes,
        granted,
        driver,
        rules,
        config.quarantine.clone(),
    );
    Ok(PreparedPackage(Arc::new(package)))
}
