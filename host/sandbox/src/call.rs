//! One call: admitted, started on the guest runtime, bounded in time, and its outcome sorted out.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use ironbark_model::Secret;
use ironbark_model::json::{self, MAX_DEPTH};
use tokio::task::JoinHandle;
use wasmtime::component::Instance;
use wasmtime::{Store, UpdateDeadline};

use crate::admission::admit;
use crate::bindings::ironbark::driver::types as wit;
use crate::capabilities::{CallContext, Completed, Usage};
use crate::driver::{Driver, Package};
use crate::error::{CallError, DriverError};
use crate::faults::{FaultKind, classify, is_full};
use crate::limits::Limits;
use crate::state::{Meter, Setup, State};
use crate::turns::Turns;

/// Longest message of a driver that is passed on, in bytes.
pub(crate) const MAX_MESSAGE: usize = 4096;
/// Shorter secrets would make nonsense of messages; and they aren't secrets.
pub(crate) const SHORTEST_SECRET: usize = 4;

/// What an export returned, or why it didn't.
pub(crate) type Returned<T> = wasmtime::Result<Result<T, wit::Error>>;

/// What an export returned, of any type. There are dozens of exports, and the whole of a call would be compiled for each of them,
/// in each crate that makes calls.
type Value = Box<dyn Any + Send>;

/// An export, whatever it returns.
type Export = Box<
    dyn for<'a> FnOnce(&'a mut Store<State>, Instance) -> BoxFuture<'a, Returned<Value>> + Send,
>;

impl Driver {
    /// Runs `export` in a new instance. Dropping the future cancels the call.
    pub(crate) async fn call<T, F>(
        &self,
        implementation: &str,
        context: CallContext,
        may_checkpoint: bool,
        export: F,
    ) -> Result<Completed<T>, CallError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Store<State>, Instance) -> BoxFuture<'a, Returned<T>>
            + Send
            + 'static,
    {
        let export: Export = Box::new(move |store, instance| {
            let returned = export(store, instance);
            Box::pin(async move { Ok(returned.await?.map(|value| Box::new(value) as Value)) })
        });
        let Completed {
            value,
            writes,
            usage,
        } = self
            .call_any(implementation, context, may_checkpoint, export)
            .await?;
        match value.downcast() {
            Ok(value) => Ok(Completed {
                value: *value,
                writes,
                usage,
            }),
            // It is what was put in above.
            Err(_) => Err(self.fault(FaultKind::Host).into()),
        }
    }

    fn call_any<'a>(
        &'a self,
        implementation: &'a str,
        context: CallContext,
        may_checkpoint: bool,
        export: Export,
    ) -> BoxFuture<'a, Result<Completed<Value>, CallError>> {
        Box::pin(self.admitted(implementation, context, may_checkpoint, export))
    }

    async fn admitted(
        &self,
        implementation: &str,
        context: CallContext,
        may_checkpoint: bool,
        export: Export,
    ) -> Result<Completed<Value>, CallError> {
        let inner = &self.engine;
        let place = admit(
            &inner.room,
            &self.package.room,
            inner.queue_timeout,
            &inner.io,
        )
        .await
        .inspect_err(|_| self.package.counters.refused())?;
        let limit = call_limit(&self.package.limits, context.deadline);
        let meter = Arc::new(Meter::new(Arc::clone(&self.package.counters)));
        let setup = Setup {
            package: Arc::clone(&self.package),
            implementation: implementation.into(),
            io: inner.io.clone(),
            deadline: Instant::now() + limit,
            meter: Arc::clone(&meter),
            may_checkpoint,
        };
        let secrets = Arc::clone(&context.secrets);
        let guest = {
            let driver = self.clone();
            async move {
                // Given back only when the store is gone, so that the pool has room for whoever gets it next.
                let _place = place;
                driver.run(setup, context, export).await
            }
        };
        let guest = Turns::new(
            guest,
            Arc::clone(&self.package),
            Arc::clone(&inner.ticker),
            Arc::clone(&meter),
            inner.io.clone(),
        );
        let mut task = Cancelling(inner.guests.spawn(guest));
        let ended = {
            let _io = inner.io.enter();
            tokio::time::timeout(limit, &mut task.0)
        };
        match ended.await {
            Ok(Ok(Ok(mut completed))) => {
                completed.usage.cpu = meter.cpu();
                Ok(completed)
            }
            Ok(Ok(Err(error))) => Err(clean_error(error, &secrets)),
            Ok(Err(error)) => {
                tracing::error!(%error, package = %self.package.name.name, "a driver call failed inside of the sandbox");
                Err(self.fault(FaultKind::Host).into())
            }
            Err(_) => {
                let waiting = meter.is_waiting();
                Err(self
                    .fault(FaultKind::Deadline {
                        after: limit,
                        waiting,
                    })
                    .into())
            }
        }
    }

    /// The part of a call that runs on the guest runtime.
    async fn run(
        &self,
        setup: Setup,
        context: CallContext,
        export: Export,
    ) -> Result<Completed<Value>, CallError> {
        let started = Instant::now();
        let mut store = self.new_store(State::new(setup, context));
        let returned = match self.loaded.instance.instantiate_async(&mut store).await {
            Ok(instance) => export(&mut store, instance).await,
            Err(error) => Err(error),
        };
        let value = match returned {
            Ok(Ok(value)) => value,
            // Our own bound, whatever the driver makes of it.
            Ok(Err(_)) if store.data().meter.is_unrecorded() => return Err(CallError::NotRecorded),
            Ok(Err(error)) => return Err(DriverError::from(error).into()),
            Err(error) => return Err(self.sort_out(&error, store.data())),
        };
        let state = store.data_mut();
        Ok(Completed {
            value,
            writes: state.take_writes(),
            usage: Usage {
                cpu: Duration::ZERO,
                wall: started.elapsed(),
                host_calls: state.host_calls(),
                memory: state.limiter.memory(),
            },
        })
    }

    fn new_store(&self, state: State) -> Store<State> {
        let transfer = state.limits.transfer;
        let mut store = Store::new(&self.engine.wasmtime, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(transfer);
        store.set_epoch_deadline(1);
        // Called in guest code when the turn is over.
        store.epoch_deadline_callback(|store| {
            store.data().check_cpu()?;
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    fn sort_out(&self, error: &wasmtime::Error, state: &State) -> CallError {
        if is_full(error) {
            return CallError::Overloaded;
        }
        let (kind, detail) = classify(error, state.limiter.refused());
        let package: &Package = &self.package;
        tracing::warn!(
            package = %package.name.name,
            version = %package.name.version,
            implementation = %state.implementation,
            node = %state.context.node_label,
            request_id = %state.context.request_id,
            // A guest has its part in this text: a panic's message, the names in a backtrace.
            error = clean(&format!("{error:#}"), MAX_MESSAGE, &state.context.secrets),
            "driver fault: {kind}"
        );
        self.fault_with(kind, detail).into()
    }
}

/// Aborts the task when it is dropped: that is how calls are cancelled.
struct Cancelling<T>(JoinHandle<T>);

impl<T> Drop for Cancelling<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn call_limit(limits: &Limits, asked: Duration) -> Duration {
    if asked.is_zero() {
        limits.default_deadline
    } else {
        asked.min(limits.max_deadline)
    }
}

/// Takes secrets, control characters and excess length out of what a driver says.
fn clean_error(error: CallError, secrets: &[Secret]) -> CallError {
    let CallError::Driver(error) = error else {
        return error;
    };
    let clean = |text: String| clean(&text, MAX_MESSAGE, secrets);
    CallError::Driver(match error {
        DriverError::InvalidParameter(text) => DriverError::InvalidParameter(clean(text)),
        DriverError::MissingParameter(text) => DriverError::MissingParameter(clean(text)),
        DriverError::Unsupported(text) => DriverError::Unsupported(clean(text)),
        DriverError::Unreachable(text) => DriverError::Unreachable(clean(text)),
        DriverError::AuthFailed(text) => DriverError::AuthFailed(clean(text)),
        DriverError::Denied(text) => DriverError::Denied(clean(text)),
        DriverError::Protocol(text) => DriverError::Protocol(clean(text)),
        DriverError::Failed(text) => DriverError::Failed(clean(text)),
        DriverError::Busy {
            message,
            retry_after,
        } => DriverError::Busy {
            message: clean(message),
            retry_after,
        },
        DriverError::Other {
            code,
            message,
            retry_after,
            detail,
        } => DriverError::Other {
            code: clean(code),
            message: clean(message),
            retry_after,
            detail: detail
                .and_then(|detail| json::parse(clean(detail.to_string()), MAX_DEPTH).ok()),
        },
    })
}

/// One line of at most `most` bytes, with every known secret replaced.
pub(crate) fn clean(text: &str, most: usize, secrets: &[Secret]) -> String {
    let mut line = text.to_owned();
    for secret in secrets {
        if secret.expose().len() >= SHORTEST_SECRET && line.contains(secret.expose()) {
            line = line.replace(secret.expose(), ironbark_model::mask::MASK);
        }
    }
    if line.contains(char::is_control) {
        line = line.replace(char::is_control, " ");
    }
    if line.len() > most {
        let end = line.floor_char_boundary(most);
        line.truncate(end);
    }
    line
}
