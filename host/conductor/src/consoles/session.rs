//! Somebody's look at a console: bytes both ways, for as long as it may be.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironbark_bmc::ipmi::{self, Console, Farewell, Hold};
use ironbark_model::audit::{NOT_SENT, OK};
use ironbark_model::ident::Ident;
use ironbark_rpc::{Reader, Stream, Writer};
use ironbark_sandbox::{Audit as _, Ended};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::Seat;
use super::begin::DEACTIVATE;
use super::over::Over;
use crate::audit::CallAudit;
use crate::context::Context;

/// How often the node is read, to see whether somebody elsewhere changed it.
const LOOK: Duration = Duration::from_secs(10);
/// How long reading it may take; if it takes longer, that says nothing.
const READ: Duration = Duration::from_secs(5);
/// How long it may take to tell whoever looks why it is over.
const TELL: Duration = Duration::from_secs(2);

/// A look at a console that was opened.
pub(super) struct Session {
    seat: Seat,
    /// Where the console is.
    target: ipmi::Target,
    audit: CallAudit,
    console: Console,
    stream: Stream,
}

/// When something was last typed or written.
struct Activity(Mutex<Instant>);

impl Session {
    pub(super) fn new(
        seat: Seat,
        target: ipmi::Target,
        audit: CallAudit,
        console: Console,
        stream: Stream,
    ) -> Self {
        Self {
            seat,
            target,
            audit,
            console,
            stream,
        }
    }

    /// Runs until it is over, and gives the console back.
    pub(super) async fn run(self) {
        let Self {
            seat,
            target,
            audit,
            console,
            stream,
        } = self;
        tracing::info!("somebody opened the console");
        // Both are kept to the end: a console ends when one of them is dropped.
        let (input, mut output, hold) = console.split();
        let (writer, mut reader) = stream.split();
        let activity = Activity::now();
        // Neither direction waits for the other, and none keeps the third from seeing that it is over.
        let over = tokio::select! {
            over = typed(&mut reader, &input, &activity) => over,
            over = written(&mut output, &writer, &activity) => over,
            over = watch(&seat, &target, &writer, &activity) => over,
        };
        tracing::info!(why = ?over, "the console is closed");
        let told = over.told();
        let _ = tokio::join!(
            timeout(TELL, writer.end(&told)),
            give_back(&seat.ctx, &audit, hold, over)
        );
    }
}

/// What is typed goes to the machine, which may take its time.
async fn typed(reader: &mut Reader, input: &mpsc::Sender<Vec<u8>>, activity: &Activity) -> Over {
    while let Ok(characters) = reader.read().await {
        activity.note();
        if input.send(characters.to_vec()).await.is_err() {
            return Over::Silent;
        }
    }
    Over::Left
}

/// What the machine writes goes to whoever looks. If they don't read, the BMC isn't confirmed anything.
async fn written(
    output: &mut mpsc::Receiver<Vec<u8>>,
    writer: &Writer,
    activity: &Activity,
) -> Over {
    while let Some(characters) = output.recv().await {
        if !writer.write(&characters).await {
            return Over::Left;
        }
        activity.note();
    }
    Over::Silent
}

/// Resolves when it is over, whatever is typed or written.
async fn watch(seat: &Seat, target: &ipmi::Target, writer: &Writer, activity: &Activity) -> Over {
    let ctx = &seat.ctx;
    let limit = sleep(ctx.config.console_session_limit);
    tokio::pin!(limit);
    // The first comes at once: the node may have changed while the console was opened.
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ctx.standing.lapsed() => return Over::Lapsed,
            () = ctx.shutdown.cancelled() => return Over::Stopping,
            () = writer.closed() => return Over::Left,
            () = &mut limit => return Over::Long,
            () = activity.ceased(ctx.config.console_idle_timeout) => return Over::Idle,
            () = seat.look.notified() => {}
            _ = look.tick() => {}
        }
        let node = Ident::Uuid(seat.node.clone());
        match timeout(READ, ctx.db.node_get(&node)).await {
            Ok(Ok(node)) => {
                if let Some(over) = Over::of(ctx, node.as_ref(), target) {
                    return over;
                }
            }
            // If it lasts, this conductor can't renew its registration either, and may not act any more.
            Ok(Err(error)) => {
                tracing::debug!(%error, "whether the console is still on is not known")
            }
            Err(_) => tracing::debug!("whether the console is still on is not known in time"),
        }
    }
}

/// Gives the console back, if that may be done and can be recorded. If not, nothing more is sent, and the BMC ends it when it hears
/// nothing for a minute.
async fn give_back(ctx: &Arc<Context>, audit: &CallAudit, hold: Hold, over: Over) {
    if over == Over::Lapsed || !ctx.standing.may_act() {
        return hold.abandon();
    }
    let Ok(record) = audit.begin(&DEACTIVATE).await else {
        tracing::warn!(
            "giving a console back can't be recorded, and isn't done: the BMC ends it by itself"
        );
        return hold.abandon();
    };
    let outcome = match hold.close().await {
        Farewell::Confirmed => OK,
        Farewell::Unconfirmed => "unreachable",
        Farewell::NotSent => NOT_SENT,
    };
    record.end(Ended {
        outcome: outcome.to_owned(),
        abandoned: false,
        answer: 0,
    });
}

impl Activity {
    fn now() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Resolves when there was nothing for so long.
    async fn ceased(&self, idle: Duration) {
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + idle;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}
