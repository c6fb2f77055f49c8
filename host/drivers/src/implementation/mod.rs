//! What conductors call: an implementation of an interface, from a package or of the host's own.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironbark_model::step::StepKind;
use ironbark_model::{InterfaceKind, JsonObject, PowerTarget};
use ironbark_package::{Export, is_method};
use ironbark_sandbox::{
    BootDevice, CallContext, CallError, Completed, Driver, DriverError, Outcome, PowerReading,
    StepCall, VendorRequest,
};
use serde_json::{Value, json};

use crate::host_side::HostSide;
use crate::package::Package;

/// One implementation of one interface, pinned to the package version that was active when it was asked for.
///
/// Cheap to clone. While one is held, its package stays loaded, also after an upgrade.
#[derive(Clone)]
pub struct Implementation {
    kind: InterfaceKind,
    name: Arc<str>,
    side: Side,
    /// A step began with it: it goes on also in quarantine.
    pinned: bool,
}

#[derive(Clone)]
enum Side {
    Host(HostSide),
    Package(Arc<Package>),
}

/// Calls a method of the package's driver, or gives the host's own answer.
macro_rules! dispatch {
    ($self:ident, noop = $noop:expr, $method:ident($context:ident $(, $argument:expr)*)) => {
        match &$self.side {
            Side::Host(host) => host.answer($self.kind, &$self.name, $noop),
            Side::Package(package) => {
                package.admit($self.pinned)?;
                let driver: &Driver = package.driver();
                let denied = Arc::clone(&$context.denied);
                let result = driver.$method(&$self.name, $context, $($argument),*).await;
                // What a vendor message asks for is its sender's choice: no client may have a driver set aside with it.
                let over_reached = $self.kind != InterfaceKind::Vendor && denied.load(Ordering::Relaxed) > 0;
                package.record(stringify!($method), &result, over_reached);
                result
            }
        }
    };
}

/// As `dispatch!`, for interfaces that old packages may only declare.
macro_rules! dispatch_optional {
    ($self:ident, noop = $noop:expr, $method:ident($context:ident $(, $argument:expr)*)) => {{
        $self.check_callable()?;
        dispatch!($self, noop = $noop, $method($context $(, $argument)*))
    }};
}

mod machine;
mod network;
mod step_methods;

impl Implementation {
    pub(crate) fn of_host(kind: InterfaceKind, name: &str) -> Option<Self> {
        HostSide::find(kind, name).map(|host| Self {
            kind,
            name: name.into(),
            side: Side::Host(host),
            pinned: false,
        })
    }

    pub(crate) fn of_package(kind: InterfaceKind, name: &str, package: Arc<Package>) -> Self {
        Self {
            kind,
            name: name.into(),
            side: Side::Package(package),
            pinned: false,
        }
    }

    /// The same for a step that began with it.
    pub(crate) fn pinned(self) -> Self {
        Self {
            pinned: true,
            ..self
        }
    }

    /// Whether it is the version that a step began with, whatever is in use now.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Refuses to begin something with a package in quarantine.
    pub fn admit(&self) -> Result<(), CallError> {
        match &self.side {
            Side::Host(_) => Ok(()),
            Side::Package(package) => package.admit(self.pinned),
        }
    }

    /// Which interface it implements.
    pub fn kind(&self) -> InterfaceKind {
        self.kind
    }

    /// Its name, as a node's `…_interface` has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The package that it comes from; `None` for the host's own.
    pub fn package(&self) -> Option<&Arc<Package>> {
        match &self.side {
            Side::Host(_) => None,
            Side::Package(package) => Some(package),
        }
    }

    /// Name of the package that it comes from.
    pub fn package_name(&self) -> Option<&str> {
        self.package().map(|package| package.name())
    }

    /// Version of the package that it comes from.
    pub fn package_version(&self) -> Option<&str> {
        self.package().map(|package| package.version())
    }

    /// Digest of the package that it comes from: what an operation pins.
    pub fn digest(&self) -> Option<&str> {
        self.package().map(|package| package.digest())
    }

    /// Whether its package was granted this capability, so that the host must be able to provide it (`ipmi`: the
    /// node's connection keys must be there).
    pub fn uses(&self, capability: &str) -> bool {
        self.package()
            .is_some_and(|package| package.granted().contains(capability))
    }

    /// Whether it restarts machines by [`reboot`](Self::reboot); if not, the host switches off and on.
    pub fn native_reboot(&self) -> bool {
        self.package()
            .and_then(|package| package.entry(self.kind, &self.name))
            .is_some_and(|entry| entry.native_reboot)
    }

    /// Whether it is the network of which the caller records the VIFs: its own functions do nothing.
    pub fn records_vifs(&self) -> bool {
        matches!(self.side, Side::Host(HostSide::Recorder))
    }

    /// Whether its functions can be called. If not, its package only declares it: its properties are checked, and its steps run.
    pub fn is_callable(&self) -> bool {
        self.package()
            .is_none_or(|package| package.driver().has(Export::of_interface(self.kind)))
    }

    fn check_callable(&self) -> Result<(), DriverError> {
        if self.is_callable() {
            return Ok(());
        }
        Err(DriverError::Unsupported(format!(
            "the {} interface '{}' only has steps: the package that brings it was built for an older contract",
            self.kind, self.name
        )))
    }

    /// Checks the package's own keys of `driver_info` against its schema, without running anything.
    pub fn validate_properties(&self, driver_info: &JsonObject) -> Result<(), DriverError> {
        match &self.side {
            Side::Host(_) => Ok(()),
            Side::Package(package) => package.rules().check(self.kind, &self.name, driver_info),
        }
    }

    /// Whether the node has what this implementation needs: its properties, and then what the driver itself says.
    ///
    /// The host's `no-*` always fail as unsupported. `driver_info` is the node's own, unmasked.
    pub async fn validate(
        &self,
        context: CallContext,
        driver_info: &JsonObject,
    ) -> Result<Completed<()>, CallError> {
        self.validate_properties(driver_info)?;
        match (&self.side, self.kind) {
            (Side::Package(_), InterfaceKind::Power) => {
                dispatch!(self, noop = Some(()), power_validate(context))
            }
            (Side::Package(_), InterfaceKind::Management) => {
                dispatch!(self, noop = Some(()), management_validate(context))
            }
            (Side::Package(_), InterfaceKind::Boot) => {
                dispatch!(self, noop = Some(()), boot_validate(context))
            }
            (Side::Package(_), InterfaceKind::Deploy) => {
                dispatch!(self, noop = Some(()), deploy_validate(context))
            }
            // A vendor implementation validates messages, not nodes; what is only declared has nothing that could.
            (Side::Package(_), InterfaceKind::Vendor) => Ok(Completed::free(())),
            (Side::Package(_), _) if !self.is_callable() => Ok(Completed::free(())),
            (Side::Package(_), InterfaceKind::Bios) => {
                dispatch!(self, noop = Some(()), bios_validate(context))
            }
            (Side::Package(_), InterfaceKind::Console) => {
                dispatch!(self, noop = Some(()), console_validate(context))
            }
            (Side::Package(_), InterfaceKind::Firmware) => {
                dispatch!(self, noop = Some(()), firmware_validate(context))
            }
            (Side::Package(_), InterfaceKind::Inspect) => {
                dispatch!(self, noop = Some(()), inspect_validate(context))
            }
            (Side::Package(_), InterfaceKind::Network) => {
                dispatch!(self, noop = Some(()), network_validate(context))
            }
            (Side::Package(_), InterfaceKind::Raid) => {
                dispatch!(self, noop = Some(()), raid_validate(context))
            }
            (Side::Package(_), InterfaceKind::Rescue) => {
                dispatch!(self, noop = Some(()), rescue_validate(context))
            }
            (Side::Package(_), InterfaceKind::Storage) => {
                dispatch!(self, noop = Some(()), storage_validate(context))
            }
            (Side::Host(host), _) => host.answer(self.kind, &self.name, Some(())),
        }
    }

    /// The power now. (power)
    pub async fn get_power_state(
        &self,
        context: CallContext,
    ) -> Result<Completed<PowerReading>, CallError> {
        dispatch!(self, noop = None, get_power_state(context))
    }

    /// Asks for a change of power; returns when the BMC accepted it. `timeout` in seconds, for information. (power)
    pub async fn set_power_state(
        &self,
        context: CallContext,
        target: PowerTarget,
        timeout: Option<u32>,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, set_power_state(context, target, timeout))
    }

    /// Restarts the machine in one go: only if [`native_reboot`](Self::native_reboot). (power)
    pub async fn reboot(
        &self,
        context: CallContext,
        timeout: Option<u32>,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, reboot(context, timeout))
    }

    /// What `set_power_state` may be asked for. (power)
    pub async fn get_supported_power_states(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<PowerTarget>>, CallError> {
        dispatch!(self, noop = None, get_supported_power_states(context))
    }

    /// Whether the host may correct the machine's power. (power)
    pub async fn supports_power_sync(
        &self,
        context: CallContext,
    ) -> Result<Completed<bool>, CallError> {
        dispatch!(self, noop = None, supports_power_sync(context))
    }

    /// The boot devices that the machine can be set to. (management)
    pub async fn get_supported_boot_devices(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        dispatch!(
            self,
            noop = Some(Vec::new()),
            get_supported_boot_devices(context)
        )
    }

    /// Sets the boot device for the next boot, or for all. (management)
    pub async fn set_boot_device(
        &self,
        context: CallContext,
        device: String,
        persistent: bool,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(
            self,
            noop = Some(()),
            set_boot_device(context, device, persistent)
        )
    }

    /// The boot device that is set. (management)
    pub async fn get_boot_device(
        &self,
        context: CallContext,
    ) -> Result<Completed<BootDevice>, CallError> {
        dispatch!(
            self,
            noop = Some(BootDevice::default()),
            get_boot_device(context)
        )
    }

    /// The boot modes that the machine can be set to. (management)
    pub async fn get_supported_boot_modes(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        dispatch!(self, noop = None, get_supported_boot_modes(context))
    }

    /// Sets the boot mode. (management)
    pub async fn set_boot_mode(
        &self,
        context: CallContext,
        mode: String,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, set_boot_mode(context, mode))
    }

    /// The boot mode, if it is known. (management)
    pub async fn get_boot_mode(
        &self,
        context: CallContext,
    ) -> Result<Completed<Option<String>>, CallError> {
        dispatch!(self, noop = Some(None), get_boot_mode(context))
    }

    /// Whether secure boot is on, if it is known. (management)
    pub async fn get_secure_boot_state(
        &self,
        context: CallContext,
    ) -> Result<Completed<Option<bool>>, CallError> {
        dispatch!(self, noop = Some(None), get_secure_boot_state(context))
    }

    /// Switches secure boot. (management)
    pub async fn set_secure_boot_state(
        &self,
        context: CallContext,
        enabled: bool,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, set_secure_boot_state(context, enabled))
    }

    /// `OK`, `Warning` or `Critical`, if it is known. (management)
    pub async fn get_node_health(
        &self,
        context: CallContext,
    ) -> Result<Completed<Option<String>>, CallError> {
        dispatch!(self, noop = Some(None), get_node_health(context))
    }

    /// Sensor readings by type and identifier. (management)
    pub async fn get_sensors_data(
        &self,
        context: CallContext,
    ) -> Result<Completed<Value>, CallError> {
        dispatch!(self, noop = Some(json!({})), get_sensors_data(context))
    }

    /// Raises a non-maskable interrupt. (management)
    pub async fn inject_nmi(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, inject_nmi(context))
    }

    /// Indicators of one component, or of all. (management)
    pub async fn get_supported_indicators(
        &self,
        context: CallContext,
        component: Option<String>,
    ) -> Result<Completed<Value>, CallError> {
        dispatch!(
            self,
            noop = Some(json!({})),
            get_supported_indicators(context, component)
        )
    }

    /// Sets an indicator to `on`, `off` or `blinking`. (management)
    pub async fn set_indicator_state(
        &self,
        context: CallContext,
        component: String,
        indicator: String,
        state: String,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(
            self,
            noop = None,
            set_indicator_state(context, component, indicator, state)
        )
    }

    /// An indicator's state. (management)
    pub async fn get_indicator_state(
        &self,
        context: CallContext,
        component: String,
        indicator: String,
    ) -> Result<Completed<String>, CallError> {
        dispatch!(
            self,
            noop = None,
            get_indicator_state(context, component, indicator)
        )
    }

    /// The machine's vendor, if it is known. (management)
    pub async fn detect_vendor(
        &self,
        context: CallContext,
    ) -> Result<Completed<Option<String>>, CallError> {
        dispatch!(self, noop = Some(None), detect_vendor(context))
    }

    /// MAC addresses of the machine's enabled network interfaces. (management)
    pub async fn get_mac_addresses(
        &self,
        context: CallContext,
    ) -> Result<Completed<Vec<String>>, CallError> {
        dispatch!(self, noop = None, get_mac_addresses(context))
    }

    /// Virtual media devices. (management)
    pub async fn get_virtual_media(
        &self,
        context: CallContext,
    ) -> Result<Completed<Value>, CallError> {
        dispatch!(self, noop = None, get_virtual_media(context))
    }

    /// Attaches an image to a device of type `cdrom`, `disk` or `floppy`. (management)
    pub async fn attach_virtual_media(
        &self,
        context: CallContext,
        device_type: String,
        image_url: String,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(
            self,
            noop = None,
            attach_virtual_media(context, device_type, image_url)
        )
    }

    /// Detaches what is attached to devices of these types; none given means all. (management)
    pub async fn detach_virtual_media(
        &self,
        context: CallContext,
        device_types: Vec<String>,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(
            self,
            noop = None,
            detach_virtual_media(context, device_types)
        )
    }

    /// Prepares booting the deploy ramdisk with these kernel parameters (an object of strings). (boot)
    pub async fn prepare_ramdisk(
        &self,
        context: CallContext,
        parameters: Value,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), prepare_ramdisk(context, parameters))
    }

    /// Takes away what `prepare_ramdisk` made. (boot)
    pub async fn clean_up_ramdisk(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), clean_up_ramdisk(context))
    }

    /// Prepares booting the instance. (boot)
    pub async fn prepare_instance(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), prepare_instance(context))
    }

    /// Takes away what `prepare_instance` made. (boot)
    pub async fn clean_up_instance(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), clean_up_instance(context))
    }

    /// Whether the node can boot a rescue ramdisk. (boot)
    pub async fn boot_validate_rescue(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, boot_validate_rescue(context))
    }

    /// Whether the node can boot an inspection ramdisk. (boot)
    pub async fn boot_validate_inspection(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, boot_validate_inspection(context))
    }

    /// Before the first deploy step. (deploy)
    pub async fn deploy_prepare(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), deploy_prepare(context))
    }

    /// The core deploy step `deploy`; `cursor` is what the last wait or checkpoint gave. (deploy)
    pub async fn deploy(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch!(self, noop = Some(Outcome::Done), deploy(context, cursor))
    }

    /// Takes the instance away; to be called until it is done. (deploy)
    pub async fn tear_down(
        &self,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch!(self, noop = Some(Outcome::Done), tear_down(context, cursor))
    }

    /// Takes away what is left of a deployment. Safe to call twice. (deploy)
    pub async fn deploy_clean_up(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), deploy_clean_up(context))
    }

    /// Makes a node that another conductor deployed work from this one. (deploy)
    pub async fn take_over(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), take_over(context))
    }

    /// Before the first cleaning step. (deploy)
    pub async fn prepare_cleaning(
        &self,
        context: CallContext,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch!(self, noop = Some(Outcome::Done), prepare_cleaning(context))
    }

    /// After the last cleaning step. (deploy)
    pub async fn tear_down_cleaning(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), tear_down_cleaning(context))
    }

    /// Before the first service step. (deploy)
    pub async fn prepare_service(
        &self,
        context: CallContext,
    ) -> Result<Completed<Outcome>, CallError> {
        dispatch!(self, noop = Some(Outcome::Done), prepare_service(context))
    }

    /// After the last service step. (deploy)
    pub async fn tear_down_service(
        &self,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = Some(()), tear_down_service(context))
    }

    /// Whether a vendor message makes sense for this node. (vendor)
    pub async fn vendor_validate(
        &self,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, vendor_validate(context, request))
    }

    /// Runs a vendor method of scope `node`. (vendor)
    pub async fn vendor_call(
        &self,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<Value>, CallError> {
        dispatch!(self, noop = None, vendor_call(context, request))
    }

    /// As `vendor_validate`, for methods of scope `driver`. (vendor)
    pub async fn driver_vendor_validate(
        &self,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, driver_vendor_validate(context, request))
    }

    /// As `vendor_call`, for methods of scope `driver`. (vendor)
    pub async fn driver_vendor_call(
        &self,
        context: CallContext,
        request: VendorRequest,
    ) -> Result<Completed<Value>, CallError> {
        dispatch!(self, noop = None, driver_vendor_call(context, request))
    }

    /// Runs a step of this implementation's, or a part of it: by the function of its own interface that has the step's name, else by
    /// the package's `steps`.
    pub async fn execute_step(
        &self,
        context: CallContext,
        kind: StepKind,
        step: &str,
        args: JsonObject,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        if is_method(kind, self.kind, step) && self.is_callable() {
            return self.run_method(context, step, &args, cursor).await;
        }
        let step = StepCall {
            kind,
            interface: self.kind,
            name: step.to_owned(),
            args,
            cursor,
        };
        dispatch!(self, noop = None, execute_step(context, step))
    }

    /// Runs a periodic task of the package's.
    pub(crate) async fn run_periodic(
        &self,
        context: CallContext,
        task: String,
    ) -> Result<Completed<()>, CallError> {
        dispatch!(self, noop = None, run_periodic(context, task))
    }
}

/// The step that every deploy implementation has.
pub(crate) const CORE_DEPLOY_STEP: &str = "deploy";

impl std::fmt::Debug for Implementation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)?;
        match self.package() {
            Some(package) => write!(formatter, " of {} {}", package.name(), package.version()),
            None => formatter.write_str(" of the host"),
        }
    }
}
