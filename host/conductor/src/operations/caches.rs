//! What the database keeps of what the machine says of itself: BIOS settings, firmware, RAID, boot mode, secure boot, health.
//!
//! Read anew when a node is verified and after steps that change it. A machine that doesn't say, or says no, is no failure: what
//! is known stays.

use ironbark_model::hardware::{BiosSetting, FirmwareComponent};
use ironbark_model::{InterfaceKind, Operation, Result};
use ironbark_sandbox as sandbox;

use super::{Run, Trouble};
use crate::call::Called;

/// Key of an operation's `args`: the interface of a step that ended, whose changes weren't read yet.
const CHANGED: &str = "changed_by_step";

/// What was read and is stored with the next commit.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) bios: Option<Vec<BiosSetting>>,
    /// With whether an update came before.
    pub(super) firmware: Option<(Vec<FirmwareComponent>, bool)>,
}

/// Reads everything.
pub(super) async fn refresh(run: &mut Run) {
    let mode = run.call().get_boot_mode().await;
    if let Some(mode) = said(run, "boot mode", mode) {
        run.node.boot_mode = mode;
    }
    let secure = run.call().get_secure_boot().await;
    if let Some(secure) = said(run, "secure boot", secure) {
        run.node.secure_boot = secure;
    }
    let health = run.call().get_node_health().await;
    if let Some(health) = said(run, "health", health) {
        run.node.health = health;
    }
    read_bios(run).await;
    read_firmware(run, false).await;
}

/// Notes that a step of this interface has ended, and that what it changed is to be read; not stored yet.
pub(super) fn note_changed(operation: &mut Operation, interface: InterfaceKind) {
    operation
        .args
        .insert(CHANGED.to_owned(), interface.to_string().into());
}

/// Reads what a step has changed if that wasn't done since it ended, and stores it. Called after steps, and whenever an operation is
/// taken up again: its conductor may have stopped in between.
pub(super) async fn read_changed(run: &mut Run) -> Result<(), Trouble> {
    let Some(interface) = run.op.args.remove(CHANGED) else {
        return Ok(());
    };
    match interface.as_str().map(str::parse) {
        Some(Ok(InterfaceKind::Bios)) => read_bios(run).await,
        Some(Ok(InterfaceKind::Firmware)) => read_firmware(run, true).await,
        Some(Ok(InterfaceKind::Raid)) => {
            let config = run.call().get_raid_config().await;
            if let Some(Some(config)) = said(run, "RAID configuration", config) {
                run.node.raid_config = config;
            }
        }
        _ => {}
    }
    run.commit().await
}

async fn read_bios(run: &mut Run) {
    let settings = run.call().cache_bios_settings().await;
    if let Some(settings) = said(run, "BIOS settings", settings) {
        run.readings.bios = Some(settings.into_iter().map(bios_setting).collect());
    }
}

async fn read_firmware(run: &mut Run, flashed: bool) {
    let components = run.call().cache_firmware_components().await;
    if let Some(components) = said(run, "firmware", components) {
        let components = components.into_iter().map(firmware_component).collect();
        run.readings.firmware = Some((components, flashed));
    }
}

/// What the machine said; `None` if it didn't.
fn said<T>(run: &mut Run, what: &str, answer: Result<Called<T>>) -> Option<T> {
    match answer {
        Ok(called) => Some(run.keep(called)),
        Err(error) => {
            tracing::debug!(error = %error, "the machine doesn't say its {what}");
            None
        }
    }
}

fn bios_setting(read: sandbox::BiosSetting) -> BiosSetting {
    BiosSetting {
        name: read.name,
        value: read.value,
        attribute_type: read.attribute_type,
        allowable_values: read.allowable_values,
        lower_bound: read.lower_bound,
        upper_bound: read.upper_bound,
        min_length: read.min_length,
        max_length: read.max_length,
        read_only: read.read_only,
        reset_required: read.reset_required,
        unique: read.unique,
        created_at: None,
        updated_at: None,
    }
}

fn firmware_component(read: sandbox::FirmwareComponent) -> FirmwareComponent {
    FirmwareComponent {
        component: read.name,
        current_version: read.current_version,
        ..FirmwareComponent::default()
    }
}
