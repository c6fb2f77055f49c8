//! Whose names are: those of packages, and those of the hardware types and implementations that they bring.
//!
//! The name of a package is the publisher's that signed it first, as long as a version is installed; a package that nobody signed
//! is nobody's. What its versions bring is the package's, whether or not they are active: otherwise disabling a driver would let
//! another one answer for its nodes.

use ironbark_model::lifecycle::{PackageOwner, PackageVersion};
use ironbark_model::package::PackageSource;
use ironbark_model::{Error, ErrorKind, Result, Timestamp};

/// Refuses a version that somebody else signed, or nobody, of a package that a publisher owns.
///
/// # Errors
/// `Forbidden`, naming the owner.
pub(super) fn check_package(owner: Option<&PackageOwner>, version: &PackageVersion) -> Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    if version.source == PackageSource::Bundled || is_owners(owner, version) {
        return Ok(());
    }
    let signed = match &version.publisher {
        Some(publisher) => format!("is signed by publisher '{publisher}'"),
        None => "has no signature that counts".to_owned(),
    };
    Err(Error::new(
        ErrorKind::Forbidden,
        format!(
            "package '{}' belongs to publisher '{}', and this version of it {signed}. Get it from that publisher. If the package \
             is to be another's from now on, take it over (`ironbark driver install --take-over`, take_over=true): what it was \
             granted must be decided anew then.",
            version.package, owner.publisher
        ),
    ))
}

/// Refuses a version that brings what an installed version of another package brings. Packages of one publisher, and those that
/// ship with Ironbark, may hand names on: only what is active counts then, which is checked when it is activated.
///
/// # Errors
/// `Conflict`, naming the package.
pub(super) fn check_brought(
    version: &PackageVersion,
    installed: &[PackageVersion],
    owners: &[PackageOwner],
) -> Result<()> {
    for other in installed
        .iter()
        .filter(|one| one.package != version.package)
    {
        let ships = PackageSource::Bundled;
        let owner = owners.iter().find(|owner| owner.package == other.package);
        if owner.is_some_and(|owner| is_owners(owner, version))
            || (version.source == ships && other.source == ships)
        {
            continue;
        }
        let implementation = version
            .implementations
            .iter()
            .find(|name| other.implementations.contains(name));
        let hardware_type = version
            .hardware_types
            .iter()
            .find(|name| other.hardware_types.contains(name));
        let taken = match (implementation, hardware_type) {
            (Some(name), _) => format!("implementation '{name}'"),
            (None, Some(name)) => format!("hardware type '{name}'"),
            (None, None) => continue,
        };
        return Err(Error::conflict(format!(
            "{taken} belongs to package '{}' already, of which version {} is installed ({}): remove that first, or choose \
             another name",
            other.package,
            other.version,
            other.state.as_str()
        )));
    }
    Ok(())
}

/// Who owns the package of this version from now on: the publisher that owned it, with the key that it has now, or the one that
/// signed it first, or took it over.
pub(super) fn owner_of(
    owner: Option<&PackageOwner>,
    version: &PackageVersion,
    takes_over: bool,
) -> Option<PackageOwner> {
    let before = owner.filter(|_| !takes_over);
    let (Some(publisher), Some(public_key)) = (&version.publisher, &version.publisher_key) else {
        return before.cloned();
    };
    Some(PackageOwner {
        package: version.package.clone(),
        publisher: publisher.clone(),
        public_key: public_key.clone(),
        created_at: before.map_or_else(Timestamp::now, |owner| owner.created_at),
    })
}

/// The operator gives names, vendors have keys: one of them being the same is enough, so that a new key or another name of the
/// same publisher is no other publisher.
fn is_owners(owner: &PackageOwner, version: &PackageVersion) -> bool {
    version.publisher.as_ref() == Some(&owner.publisher)
        || version.publisher_key.as_ref() == Some(&owner.public_key)
}
