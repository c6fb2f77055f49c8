//! From bytes to a package that could be activated. Nothing active changes here.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_model::package::MAX_PACKAGE_BYTES;
use ironbark_package::{CodeSize, Contents, Export, Metadata, interface_name};
use ironbark_sandbox::{Engine, PackageName};

use crate::config::DriversConfig;
use crate::error::PackageError;
use crate::grants::{Grants, sandbox_grants};
use crate::package::{Package, PreparedPackage, digest_of};
use crate::periodic::check_schedules;
use crate::properties::PropertyRules;

/// Most code that is compiled, all functions together and one alone, in bytes: compiling a package holds up the changes of
/// others. A driver with a whole Python in it has some 6 MiB.
pub(crate) const MAX_CODE: usize = 16 * 1024 * 1024;
pub(crate) const MAX_FUNCTION: usize = 1024 * 1024;
/// Imports of the contract that are capabilities: to be asked for.
const CAPABILITIES: &[&str] = &["ipmi", "state"];

pub(crate) async fn prepare(
    engine: &Engine,
    config: &DriversConfig,
    bytes: Arc<[u8]>,
    grants: &Grants,
) -> Result<PreparedPackage, PackageError> {
    let checked = {
        let (bytes, grants) = (Arc::clone(&bytes), grants.clone());
        // Up to 64 MiB are looked at and hashed: not on the runtime's own threads.
        tokio::task::spawn_blocking(move || Checked::read(&bytes, &grants))
            .await
            .map_err(|_| PackageError::Interrupted)??
    };
    let name = PackageName {
        name: checked.metadata.name.as_str().into(),
        version: checked.metadata.version.as_str().into(),
    };
    let driver = engine
        .load(
            name,
            sandbox_grants(&checked.granted, &checked.metadata),
            Arc::clone(&bytes),
        )
        .await?;
    let package = Package::new(checked, bytes.len(), driver, config.quarantine.clone());
    Ok(PreparedPackage(Arc::new(package)))
}

/// What is known of a package without compiling it.
pub(crate) struct Checked {
    pub(crate) metadata: Metadata,
    pub(crate) digest: String,
    pub(crate) granted: BTreeSet<String>,
    pub(crate) rules: PropertyRules,
}

impl Checked {
    fn read(bytes: &[u8], grants: &Grants) -> Result<Self, PackageError> {
        if bytes.len() > MAX_PACKAGE_BYTES {
            return Err(PackageError::TooLarge { size: bytes.len() });
        }
        let contents = Contents::read(bytes)?;
        let metadata = Metadata::parse(&contents.metadata)?;
        check_exports(&metadata, &contents)?;
        check_imports(&metadata, &contents)?;
        check_code(CodeSize::of(bytes)?)?;
        check_schedules(&metadata)?;
        let rules = PropertyRules::new(&metadata)?;
        let granted = grants.resolve(&metadata)?;
        Ok(Self {
            metadata,
            digest: digest_of(bytes),
            granted,
            rules,
        })
    }
}

/// Compiling takes time in proportion to the code, and more than that for a single large function.
fn check_code(size: CodeSize) -> Result<(), PackageError> {
    if size.total > MAX_CODE || size.largest_function > MAX_FUNCTION {
        return Err(PackageError::TooMuchCode {
            total: size.total,
            largest_function: size.largest_function,
        });
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_bounded_in_total_and_in_each_function() {
        let size = |total, largest_function| CodeSize {
            total,
            largest_function,
        };
        assert!(check_code(size(MAX_CODE, MAX_FUNCTION)).is_ok());
        for large in [
            size(MAX_CODE + 1, 1),
            size(MAX_FUNCTION + 1, MAX_FUNCTION + 1),
        ] {
            assert!(matches!(
                check_code(large),
                Err(PackageError::TooMuchCode { .. })
            ));
        }
    }
}
