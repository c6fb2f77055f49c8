//! Every path that there is: since which version, what older versions are answered, and who handles it.

use axum::http::{Method, StatusCode};
use futures::future::BoxFuture;
use ironbark_model::{DeployTemplate, InspectionRule, Runbook, VolumeConnector, VolumeTarget};
use percent_encoding::percent_decode_str;

use crate::context::Context;
use crate::error::{ApiError, ApiResult};
use crate::limits::BodyLimit;
use crate::standalone::{change, read, runbook_traits};
use crate::versions::Version;
use crate::{
    allocations, audit, chassis, conductors, consoles, drivers, events, nodes, packages,
    portgroups, ports, publishers, ramdisk, resource, shards, volume,
};

pub(crate) type Handler = fn(Context) -> BoxFuture<'static, ApiResult>;

/// What a version is answered for which the path is too new (facts §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    /// 404 by the router.
    NotFound,
    /// By the router: 404 for GET, 405 for everything else.
    GetNotFound,
    /// 404 by the application.
    FaultNotFound,
    /// By the application: 404 for GET, 405 for everything else.
    FaultGetNotFound,
    /// 406.
    NotAcceptable,
    /// The element is taken for a field's name, as old versions do with what they don't know below a node: 406 for GET,
    /// 404 by the application for DELETE, 405 for everything else.
    FieldName,
    /// 404 by the application, but for the first version, which is that of who names none.
    FaultNotFoundAfterFirst,
}

/// One row: a path under `/v1`.
pub(crate) struct Path {
    /// Elements between slashes; `{x}` matches any one element, `**` any number of further ones.
    pub(crate) pattern: &'static str,
    /// Minor version that brought it.
    pub(crate) since: u16,
    /// What older versions are answered.
    pub(crate) below: Below,
    limit: BodyLimit,
    methods: &'static [(Verb, Handler)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Delete,
    Get,
    Patch,
    Post,
    Put,
}

/// What a request is about.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'p> {
    table: &'static [Path],
    rest: &'p [String],
}

/// Who handles a request, and what the path said.
pub(crate) struct Found {
    pub(crate) handler: Handler,
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) ends_in_param: bool,
    pub(crate) limit: BodyLimit,
}

macro_rules! paths {
    ($($pattern:literal $since:literal $below:ident $limit:ident { $($verb:ident $handler:path),* $(,)? })*) => {
        &[$(Path {
            pattern: $pattern,
            since: $since,
            below: Below::$below,
            limit: BodyLimit::$limit,
            methods: &[$((Verb::$verb, |context| Box::pin($handler(context)))),*],
        }),*]
    };
}

/// Ironic's paths, under `/v1` or without it. The first row that matches counts. A row without methods is
/// something that Ironic has and this release doesn't.
#[rustfmt::skip]
pub(crate) static PATHS: &[Path] = paths! {
    "nodes"                                          1 NotFound Ordinary { Get nodes::list::list, Post nodes::create::create }
    "nodes/detail"                                   1 NotFound Ordinary { Get nodes::list::detail }
    "nodes/validate"                                 1 NotFound Ordinary { Get nodes::validate::by_query }
    "nodes/{node}"                                   1 NotFound Ordinary { Get nodes::show::show, Patch nodes::update::update, Delete nodes::delete::delete }
    "nodes/{node}/validate"                          1 NotFound Ordinary { Get nodes::validate::by_path }
    "nodes/{node}/maintenance"                       1 NotFound Ordinary { Put nodes::maintenance::set, Delete nodes::maintenance::clear }
    "nodes/{node}/states"                            1 NotFound Ordinary { Get nodes::states::show }
    "nodes/{node}/states/power"                      1 NotFound Ordinary { Put nodes::power::change }
    "nodes/{node}/states/provision"                  1 NotFound ConfigDrive { Put nodes::provision::change }
    "nodes/{node}/states/console"                    1 NotFound Ordinary { Get nodes::console::show, Put nodes::console::set }
    "nodes/{node}/states/raid"                      12 NotAcceptable Ordinary { Put nodes::raid::set }
    "nodes/{node}/states/boot_mode"                 76 FaultNotFound Ordinary { Put nodes::boot_mode::set_mode }
    "nodes/{node}/states/secure_boot"               76 FaultNotFound Ordinary { Put nodes::boot_mode::set_secure }
    "nodes/{node}/management/boot_device"            1 NotFound Ordinary { Get nodes::boot_device::show, Put nodes::boot_device::set }
    "nodes/{node}/management/boot_device/supported"  1 NotFound Ordinary { Get nodes::boot_device::supported }
    "nodes/{node}/management/inject_nmi"            29 FaultNotFound Ordinary { Put nodes::nmi::inject }
    "nodes/{node}/management/indicators"             1 NotFound Ordinary { Get nodes::indicators::list }
    "nodes/{node}/management/indicators/{indicator}" 1 NotFound Ordinary { Get nodes::indicators::show, Put nodes::indicators::set }
    "nodes/{node}/vendor_passthru"                   1 NotFound Ordinary { Get nodes::vendor::by_query, Post nodes::vendor::by_query, Put nodes::vendor::by_query, Patch nodes::vendor::by_query, Delete nodes::vendor::by_query }
    "nodes/{node}/vendor_passthru/methods"           1 NotFound Ordinary { Get nodes::vendor::methods }
    "nodes/{node}/vendor_passthru/{method}"          1 NotFound Ordinary { Get nodes::vendor::by_path, Post nodes::vendor::by_path, Put nodes::vendor::by_path, Patch nodes::vendor::by_path, Delete nodes::vendor::by_path }
    "nodes/{node}/traits"                           37 FieldName Ordinary { Get nodes::traits::list, Put nodes::traits::replace, Delete nodes::traits::remove_all }
    "nodes/{node}/traits/{trait}"                   37 FieldName Ordinary { Put nodes::traits::add, Delete nodes::traits::remove }
    "nodes/{node}/history"                          78 NotFound Ordinary { Get nodes::history::list }
    "nodes/{node}/history/{event}"                  78 NotFound Ordinary { Get nodes::history::show }
    "nodes/{node}/children"                         83 NotFound Ordinary { Get nodes::children::list }
    "nodes/{node}/ports"                             1 NotFound Ordinary { Get nodes::ports::list, Post resource::malformed }
    "nodes/{node}/ports/detail"                      1 NotFound Ordinary { Get nodes::ports::detail }
    "nodes/{node}/ports/**"                          1 NotFound Ordinary { Get resource::malformed, Post resource::malformed, Put resource::malformed, Patch resource::malformed, Delete resource::malformed }
    "nodes/{node}/portgroups"                       24 NotFound Ordinary { Get nodes::portgroups::list, Post resource::malformed }
    "nodes/{node}/portgroups/detail"                24 NotFound Ordinary { Get nodes::portgroups::detail }
    "nodes/{node}/portgroups/**"                    24 NotFound Ordinary { Get resource::malformed, Post resource::malformed, Put resource::malformed, Patch resource::malformed, Delete resource::malformed }
    "nodes/{node}/vifs"                             28 NotFound Ordinary { Get nodes::vifs::list, Post nodes::vifs::attach }
    "nodes/{node}/vifs/{vif}"                       28 NotFound Ordinary { Delete nodes::vifs::detach }
    "nodes/{node}/volume"                           32 FaultNotFound Ordinary { Get volume::nested::root }
    "nodes/{node}/volume/connectors"                32 NotFound Ordinary { Get volume::nested::list::<VolumeConnector>, Post resource::malformed }
    "nodes/{node}/volume/connectors/**"             32 NotFound Ordinary { Get resource::malformed, Post resource::malformed, Put resource::malformed, Patch resource::malformed, Delete resource::malformed }
    "nodes/{node}/volume/targets"                   32 NotFound Ordinary { Get volume::nested::list::<VolumeTarget>, Post resource::malformed }
    "nodes/{node}/volume/targets/**"                32 NotFound Ordinary { Get resource::malformed, Post resource::malformed, Put resource::malformed, Patch resource::malformed, Delete resource::malformed }
    "nodes/{node}/bios"                             40 NotFound Ordinary { Get nodes::bios::list }
    "nodes/{node}/bios/{setting}"                   40 NotFound Ordinary { Get nodes::bios::show }
    "nodes/{node}/allocation"                       52 NotFound Ordinary { Get allocations::nested::show, Delete allocations::nested::delete }
    "nodes/{node}/inventory"                        81 NotFound Ordinary { Get nodes::inventory::show }
    "nodes/{node}/firmware"                         86 NotFound Ordinary { Get nodes::firmware::list }
    "nodes/{node}/vmedia"                           89 NotFound Ordinary { Get nodes::virtual_media::list, Post nodes::virtual_media::attach, Delete nodes::virtual_media::detach }
    "ports"                                          1 NotFound Ordinary { Get ports::list::list, Post ports::create::create }
    "ports/detail"                                   1 NotFound Ordinary { Get ports::list::detail }
    "ports/{port}"                                   1 NotFound Ordinary { Get ports::show::show, Patch ports::update::update, Delete ports::delete::delete }
    "drivers"                                        1 NotFound Ordinary { Get drivers::list::list }
    "drivers/{driver}"                               1 NotFound Ordinary { Get drivers::list::show }
    "drivers/{driver}/properties"                    1 NotFound Ordinary { Get drivers::properties::show }
    "drivers/{driver}/raid/logical_disk_properties" 12 NotAcceptable Ordinary { Get drivers::raid::logical_disk_properties }
    "drivers/{driver}/vendor_passthru"               1 NotFound Ordinary { Get drivers::vendor::by_query, Post drivers::vendor::by_query, Put drivers::vendor::by_query, Patch drivers::vendor::by_query, Delete drivers::vendor::by_query }
    "drivers/{driver}/vendor_passthru/methods"       1 NotFound Ordinary { Get drivers::vendor::methods }
    "drivers/{driver}/vendor_passthru/{method}"      1 NotFound Ordinary { Get drivers::vendor::by_path, Post drivers::vendor::by_path, Put drivers::vendor::by_path, Patch drivers::vendor::by_path, Delete drivers::vendor::by_path }
    "conductors"                                    49 FaultNotFound Ordinary { Get conductors::list }
    "conductors/{conductor}"                        49 FaultNotFound Ordinary { Get conductors::show }
    "chassis"                                        1 NotFound Ordinary { Get chassis::read::list, Post chassis::change::create }
    "chassis/detail"                                 1 NotFound Ordinary { Get chassis::read::detail }
    "chassis/{chassis}"                              1 NotFound Ordinary { Get chassis::read::show, Patch chassis::change::update, Delete chassis::change::delete }
    "chassis/{chassis}/nodes"                        1 NotFound Ordinary { Get chassis::nodes::list, Post resource::malformed }
    "chassis/{chassis}/nodes/detail"                 1 NotFound Ordinary { Get chassis::nodes::detail }
    "chassis/{chassis}/nodes/**"                     1 NotFound Ordinary { Get resource::malformed, Post resource::malformed, Put resource::malformed, Patch resource::malformed, Delete resource::malformed }
    "lookup"                                        22 FaultNotFound Ramdisk { Get ramdisk::lookup::lookup }
    "heartbeat/{node}"                              22 FaultNotFound Ramdisk { Post ramdisk::heartbeat::hear }
    "portgroups"                                    23 FaultNotFound Ordinary { Get portgroups::read::list, Post portgroups::change::create }
    "portgroups/detail"                             23 FaultNotFound Ordinary { Get portgroups::read::detail }
    "portgroups/{portgroup}"                        23 FaultNotFound Ordinary { Get portgroups::read::show, Patch portgroups::change::update, Delete portgroups::change::delete }
    "portgroups/{portgroup}/ports"                  24 NotFound Ordinary { Get portgroups::ports::list, Post resource::malformed }
    "portgroups/{portgroup}/ports/detail"           24 NotFound Ordinary { Get portgroups::ports::detail }
    "portgroups/{portgroup}/ports/**"               24 NotFound Ordinary { Get resource::malformed, Post resource::malformed, Put resource::malformed, Patch resource::malformed, Delete resource::malformed }
    "volume"                                        32 FaultNotFound Ordinary { Get volume::root }
    "volume/connectors"                             32 NotFound Ordinary { Get volume::read::list::<VolumeConnector>, Post volume::change::create::<VolumeConnector> }
    "volume/connectors/{connector}"                 32 NotFound Ordinary { Get volume::read::show::<VolumeConnector>, Patch volume::change::update::<VolumeConnector>, Delete volume::change::delete::<VolumeConnector> }
    "volume/targets"                                32 NotFound Ordinary { Get volume::read::list::<VolumeTarget>, Post volume::change::create::<VolumeTarget> }
    "volume/targets/{target}"                       32 NotFound Ordinary { Get volume::read::show::<VolumeTarget>, Patch volume::change::update::<VolumeTarget>, Delete volume::change::delete::<VolumeTarget> }
    "allocations"                                   52 FaultGetNotFound Ordinary { Get allocations::read::list, Post allocations::create::create }
    "allocations/{allocation}"                      52 FaultGetNotFound Ordinary { Get allocations::read::show, Patch allocations::change::update, Delete allocations::change::delete }
    "events"                                        54 FaultNotFound Ordinary { Post events::receive }
    "deploy_templates"                              55 GetNotFound Ordinary { Get read::list::<DeployTemplate>, Post change::create::<DeployTemplate> }
    "deploy_templates/{template}"                   55 GetNotFound Ordinary { Get read::show::<DeployTemplate>, Patch change::update::<DeployTemplate>, Delete change::delete::<DeployTemplate> }
    "shards"                                        82 FaultNotFound Ordinary { Get shards::list }
    "continue_inspection"                           84 FaultNotFoundAfterFirst Inspection { Post ramdisk::inspection::go_on }
    "runbooks"                                      92 GetNotFound Ordinary { Get read::list::<Runbook>, Post change::create::<Runbook> }
    "runbooks/{runbook}"                            92 GetNotFound Ordinary { Get read::show::<Runbook>, Patch change::update::<Runbook>, Delete change::delete::<Runbook> }
    "runbooks/{runbook}/traits"                    112 NotFound Ordinary { Get runbook_traits::list, Put runbook_traits::replace, Delete runbook_traits::remove_all }
    "runbooks/{runbook}/traits/{trait}"            112 NotFound Ordinary { Put runbook_traits::add, Delete runbook_traits::remove }
    "inspection_rules"                              96 FaultGetNotFound Ordinary { Get read::list::<InspectionRule>, Post change::create::<InspectionRule> }
    "inspection_rules/{rule}"                       96 FaultGetNotFound Ordinary { Get read::show::<InspectionRule>, Patch change::update::<InspectionRule>, Delete change::delete::<InspectionRule> }
};

/// Ironbark's own paths, under `/ironbark/v1`. They have no microversions.
#[rustfmt::skip]
pub(crate) static OWN_PATHS: &[Path] = paths! {
    "audit"                      1 NotFound Ordinary { Get audit::list }
    "audit/chains"               1 NotFound Ordinary { Get audit::chains }
    "consoles/{node}"            1 NotFound Ordinary { Get consoles::open }
    "packages"                   1 NotFound Package  { Get packages::show::list, Post packages::install::install }
    "packages/{name}"            1 NotFound Ordinary { Get packages::show::show, Delete packages::change::remove }
    "packages/{name}/history"    1 NotFound Ordinary { Get packages::show::history }
    "packages/{name}/grants"     1 NotFound Ordinary { Put packages::change::grant }
    "packages/{name}/activate"   1 NotFound Ordinary { Post packages::change::activate }
    "packages/{name}/rollback"   1 NotFound Ordinary { Post packages::change::roll_back }
    "packages/{name}/canary"     1 NotFound Ordinary { Post packages::change::canary }
    "packages/{name}/promote"    1 NotFound Ordinary { Post packages::change::promote }
    "packages/{name}/disable"    1 NotFound Ordinary { Post packages::change::disable }
    "packages/{name}/quarantine" 1 NotFound Ordinary { Post packages::change::quarantine }
    "packages/{name}/release"    1 NotFound Ordinary { Post packages::change::release }
    "publishers"                 1 NotFound Ordinary { Get publishers::list, Post publishers::trust }
    "publishers/{name}"          1 NotFound Ordinary { Delete publishers::remove }
    "publishers/{name}/history"  1 NotFound Ordinary { Get publishers::history }
    "tasks"                      1 NotFound Ordinary { Get packages::report::tasks }
};

/// A path's elements, decoded, without slashes at the end; 400 if they aren't UTF-8.
pub(crate) fn elements(path: &str) -> Result<Vec<String>, ApiError> {
    let path = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/');
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/')
        .map(|element| {
            percent_decode_str(element)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| ApiError::no_such_path())
        })
        .collect()
}

/// Which table a path is looked up in; `None` if in none.
pub(crate) fn scope(elements: &[String]) -> Option<Scope<'_>> {
    match elements.split_first() {
        Some((first, rest)) if first == "v1" => Some(Scope { table: PATHS, rest }),
        Some((first, rest)) if first == "ironbark" => match rest.split_first() {
            Some((second, rest)) if second == "v1" => Some(Scope {
                table: OWN_PATHS,
                rest,
            }),
            _ => None,
        },
        // The version may be missing: that is where "bookmark" links lead to.
        Some((first, _)) => PATHS
            .iter()
            .any(|path| path.pattern.split('/').next() == Some(first))
            .then_some(Scope {
                table: PATHS,
                rest: elements,
            }),
        None => None,
    }
}

impl Scope<'_> {
    pub(crate) fn is_version_root(&self) -> bool {
        self.rest.is_empty() && !self.is_ironbarks_own()
    }

    pub(crate) fn is_ironbarks_own(&self) -> bool {
        std::ptr::eq(self.table, OWN_PATHS)
    }

    fn matching(&self, elements: &[String]) -> Option<&'static Path> {
        self.table.iter().find(|path| path.matches(elements))
    }
}

/// Who handles a request, or what it is answered instead.
pub(crate) fn find(scope: Scope<'_>, version: Version, method: &Method) -> Result<Found, ApiError> {
    let path = scope
        .matching(scope.rest)
        .or_else(|| scope.matching(&without_suffix(scope.rest, version)?))
        .ok_or_else(ApiError::no_such_path)?;
    if !version.has(path.since) && !path.has_first(version) && !scope.is_ironbarks_own() {
        return Err(path.too_new(method));
    }
    if path.methods.is_empty() {
        let what = path.pattern.trim_end_matches("/**");
        return Err(ApiError::fault(
            StatusCode::NOT_FOUND,
            format!("This release of Ironbark has no /v1/{what} yet."),
        ));
    }
    let handler = path
        .handler(method)
        .ok_or_else(|| ApiError::method_not_allowed(path.allow()))?;
    let params: Vec<_> = path
        .pattern
        .split('/')
        .zip(scope.rest)
        .filter_map(|(pattern, element)| param_name(pattern).map(|name| (name, element.clone())))
        .collect();
    Ok(Found {
        handler,
        ends_in_param: path.pattern.ends_with('}'),
        limit: if *method == Method::GET && !path.limit.is_ramdisks() {
            BodyLimit::Ordinary
        } else {
            path.limit
        },
        params,
    })
}

impl Path {
    /// The names of the methods that do something; those that only say that there is nothing aren't among them.
    #[cfg(test)]
    pub(crate) fn method_names(&self) -> impl Iterator<Item = &'static str> {
        self.methods.iter().map(|(verb, _)| verb.name())
    }

    fn matches(&self, elements: &[String]) -> bool {
        let mut elements = elements.iter();
        for pattern in self.pattern.split('/') {
            if pattern == "**" {
                return true;
            }
            match elements.next() {
                Some(element) if param_name(pattern).is_some() => {
                    if element.is_empty() {
                        return false;
                    }
                }
                Some(element) if element == pattern => {}
                _ => return false,
            }
        }
        elements.next().is_none()
    }

    fn has_first(&self, version: Version) -> bool {
        self.below == Below::FaultNotFoundAfterFirst && version.minor() == 1
    }

    fn too_new(&self, method: &Method) -> ApiError {
        use Below::*;
        let is_get = *method == Method::GET;
        match self.below {
            // What is there has methods in all versions.
            FaultNotFound | FaultNotFoundAfterFirst if self.handler(method).is_none() => {
                ApiError::method_not_allowed(self.allow())
            }
            FieldName if is_get => ApiError::not_acceptable(self.since),
            FieldName if *method != Method::DELETE => {
                ApiError::method_not_allowed("DELETE, GET, PATCH, POST".to_owned())
            }
            NotAcceptable => ApiError::not_acceptable(self.since),
            FaultGetNotFound if !is_get => too_new(StatusCode::METHOD_NOT_ALLOWED, self.since),
            GetNotFound if !is_get => ApiError::method_not_allowed("GET".to_owned()),
            FaultNotFound | FaultNotFoundAfterFirst | FaultGetNotFound | FieldName => {
                too_new(StatusCode::NOT_FOUND, self.since)
            }
            NotFound | GetNotFound => ApiError::no_such_path(),
        }
    }

    fn handler(&self, method: &Method) -> Option<Handler> {
        self.methods
            .iter()
            .find(|(verb, _)| verb.name() == method.as_str())
            .map(|(_, handler)| *handler)
    }

    fn allow(&self) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(|(verb, _)| verb.name()).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// The application's answer to who asks for what is newer than the version in effect.
pub(crate) fn too_new(status: StatusCode, since: u16) -> ApiError {
    ApiError::fault(
        status,
        format!("This needs API version {} or newer.", Version::new(since)),
    )
}

/// The elements without the `.json` that old clients put behind the last one; `None` if there is none, or the version is
/// one for which it is a part of the name.
fn without_suffix(elements: &[String], version: Version) -> Option<Vec<String>> {
    let (last, others) = elements.split_last()?;
    let bare = last.strip_suffix(".json")?;
    let mut elements = others.to_vec();
    elements.push(bare.to_owned());
    version.strips_json_suffix().then_some(elements)
}

fn param_name(pattern: &'static str) -> Option<&'static str> {
    pattern.strip_prefix('{')?.strip_suffix('}')
}
