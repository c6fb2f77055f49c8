//! Verification: the BMC answers, its power is known, and the driver's checks pass. Looks only, so that it may run again.

use ironbark_model::step::StepKind;
use ironbark_model::{Error, ErrorKind, Event, InterfaceKind};

use super::phase as phases;
use super::step_run::{self, hand_over, noted_failures};
use super::{Next, Phase, Run, Trouble, caches, steps};

/// One phase of a verification.
pub(super) async fn phase(run: &mut Run) -> Phase {
    match run.op.phase.as_str() {
        phases::PREPARE => {
            run.call().validate(InterfaceKind::Power).await?;
            run.node.power_state = Some(run.known_power().await?);
            detect_vendor(run).await;
            caches::refresh(run).await;
            run.op.steps = steps::enabled(run.call().steps(StepKind::Verify)?);
            hand_over(run, 0)?;
            if run.op.phase == phases::STEPS {
                run.commit().await?;
            }
            Ok(Next::Phase)
        }
        phases::STEPS => step_run::phase(run).await,
        _ => {
            if let Some(failures) = noted_failures(run) {
                return Err(Trouble::Failed(Error::new(ErrorKind::BadGateway, failures)));
            }
            run.raise(Event::Done)?;
            run.finish().await
        }
    }
}

/// Fills in `properties.vendor`. A machine that doesn't say is no failure.
async fn detect_vendor(run: &mut Run) {
    if run.node.properties.contains_key("vendor") {
        return;
    }
    match run.call().detect_vendor().await {
        Ok(called) => {
            if let Some(vendor) = run.keep(called) {
                run.node
                    .properties
                    .insert("vendor".to_owned(), vendor.into());
            }
        }
        Err(error) => tracing::debug!(error = %error, "the vendor is not known"),
    }
}
