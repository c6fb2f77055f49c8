//! From bytes to a package that could be activated. Nothing active changes here.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_model::package::MAX_PACKAGE_BYTES;
use ironbark_package::{Contents, Export, Metadata, interface_name};
use ironbark_sandbox::{Engine, PackageName};
use tokio::sync::Notify;

use crate::config::DriversConfig;
use crate::error::PackageError;
use crate::grants::{Grants, sandbox_grants};
use crate::package::{Package, PreparedPackage};
use crate::periodic::check_schedules;
use crate::properties::PropertyRules;

/// Imports of the contract that are capabilities: to be asked for.
const CAPABILITIES: &[&str] = &["ipmi", "state"];

pub(crate) async fn prepare(
    engine: &Engine,
    config: &DriversConfig,
    bytes: Arc<[u8]>,
    grants: &Grants,
    alarm: Arc<Notify>,
) -> Result<PreparedPackage, PackageError> {
    if bytes.len() > MAX_PACKAGE_BYTES {
        return Err(PackageError::TooLarge { size: bytes.len() });
    }
    let contents = Contents::read(&bytes)?;
    let metadata = Metadata::parse(&contents.metadata)?;
    check_exports(&metadata, &contents)?;
    check_imports(&metadata, &contents)?;
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
        alarm,
    );
    Ok(PreparedPackage(Arc::new(package)))
}

/// What the metadata declares must be exported, and the reverse.
fn check_exports(metadata: &Metadata, contents: &Contents) -> Result<(), PackageError> {
    let exported: BTreeSet<Export> = contents
        .exports
        .iter()
        .filter_map(|name| Export::from_full_name(name))
        .collect();
    let required = metadata.required_exports();
    if let Some(export) = required.difference(&exported).next() {
        return Err(PackageError::Disagreement(format!(
            "the metadata declares {0}, but the component doesn't export '{0}'",
            export.as_str()
        )));
    }
    if let Some(export) = exported.difference(&required).next() {
        return Err(PackageError::Disagreement(format!(
            "the component exports '{0}', but the metadata declares nothing for it",
            export.as_str()
        )));
    }
    Ok(())
}

/// What is imported must be asked for.
fn check_imports(metadata: &Metadata, contents: &Contents) -> Result<(), PackageError> {
    for import in &contents.imports {
        let Some(interface) = interface_name(import) else {
            continue;
        };
        let asked = metadata
            .capabilities
            .iter()
            .any(|capability| capability.name() == interface);
        if CAPABILITIES.contains(&interface) && !asked {
            return Err(PackageError::OverReach(interface.to_owned()));
        }
    }
    Ok(())
}
