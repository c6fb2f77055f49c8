//! Deployment and rebuild: prepare, the steps (the core one among them), active.

use ironbark_model::Event;
use serde_json::Value;

use super::phase as phases;
use super::step_run::{self, hand_over};
use super::{Next, Phase, Run, forget_steps, volumes};
use crate::failure::{history_finished, history_started};

/// One phase of a deployment. The list of steps was made, and checked, when it was accepted.
pub(super) async fn phase(run: &mut Run) -> Phase {
    match run.op.phase.as_str() {
        phases::PREPARE => {
            let started = history_started(&run.op, &run.node, run.ctx().host());
            run.record(started);
            let called = run.call().deploy_prepare().await?;
            run.keep(called);
            volumes::attach(run).await?;
            run.node.conductor_affinity = Some(run.ctx().host().to_owned());
            let shown: Vec<Value> = run
                .op
                .steps
                .iter()
                .filter_map(|planned| serde_json::to_value(&planned.step).ok())
                .collect();
            let info = &mut run.node.driver_internal_info;
            info.insert("deploy_steps".to_owned(), Value::Array(shown));
            info.insert("deploy_step_index".to_owned(), Value::from(0));
            hand_over(run, 0)?;
            run.commit().await?;
            Ok(Next::Phase)
        }
        phases::STEPS => step_run::phase(run).await,
        _ => {
            let ended = history_finished(&run.op, &run.node, run.ctx().host());
            run.record(ended);
            run.node.deploy_step.clear();
            forget_steps(&mut run.node);
            run.raise(Event::Done)?;
            run.finish().await
        }
    }
}
