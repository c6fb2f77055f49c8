//! What a guest does to a BMC is recorded, whatever becomes of the guest; and never what was in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
mod guest;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::{context, engine, load, load_granted};
use guest::ipmi_user;
use ironbark_sandbox::{
    Audit, CallContext, CallError, DriverError, Ended, Granted, IpmiAccess, IpmiPolicy,
    IpmiResponse, NotRecorded, OpenRecord, Operation,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::sync::Notify;

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Book {
    lines: Arc<Mutex<Vec<String>>>,
    written: Arc<Notify>,
    is_full: bool,
}

impl Book {
    fn full() -> Self {
        Self {
            is_full: true,
            ..Self::default()
        }
    }

    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
        self.written.notify_one();
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

#[async_trait]
impl Audit for Book {
    async fn begin(&self, operation: &Operation) -> Result<Box<dyn OpenRecord>, NotRecorded> {
        if self.is_full {
            return Err(NotRecorded);
        }
        let kind = if operation.is_mutating() {
            "may change"
        } else {
            "reads"
        };
        self.write(format!("{operation} {kind}"));
        Ok(Box::new(self.clone()))
    }

    fn denied(&self, operation: &Operation) -> Result<(), NotRecorded> {
        if self.is_full {
            return Err(NotRecorded);
        }
        self.write(format!("{operation} denied"));
        Ok(())
    }
}

impl OpenRecord for Book {
    fn end(self: Box<Self>, ended: Ended) {
        let how = if ended.abandoned { " abandoned" } else { "" };
        self.write(format!("{}{how}", ended.outcome));
    }
}

/// A BMC that says when it was asked, and answers when it may.
struct Bmc {
    asked: Notify,
    go: Notify,
    answer: Result<IpmiResponse, DriverError>,
}

impl Bmc {
    fn answering(answer: Result<IpmiResponse, DriverError>) -> Arc<Self> {
        Arc::new(Self {
            asked: Notify::new(),
            go: Notify::new(),
            answer,
        })
    }
}

#[async_trait]
impl IpmiAccess for Bmc {
    async fn request(
        &self,
        _: u8,
        _: u8,
        _: u8,
        _: Vec<u8>,
        _: Duration,
    ) -> Result<IpmiResponse, DriverError> {
        self.asked.notify_one();
        self.go.notified().await;
        self.answer.clone()
    }
}

fn good() -> Result<IpmiResponse, DriverError> {
    Ok(IpmiResponse {
        completion_code: 0,
        data: vec![1],
    })
}

fn granted() -> Granted {
    Granted {
        ipmi: Some(IpmiPolicy::new()),
        ..Granted::default()
    }
}

fn with(bmc: &Arc<Bmc>, book: &Book) -> CallContext {
    let mut context = context();
    context.capabilities.ipmi = Some(Arc::clone(bmc) as Arc<dyn IpmiAccess>);
    context.audit = Arc::new(book.clone());
    context
}

#[tokio::test]
async fn an_operation_is_recorded_before_and_after() {
    let (bmc, book) = (Bmc::answering(good()), Book::default());
    let driver = load_granted(&engine(), ipmi_user(0, 2), granted()).await;
    let calling = tokio::spawn({
        let context = with(&bmc, &book);
        async move { driver.get_power_state("acme", context).await }
    });
    bmc.asked.notified().await;
    assert_eq!(book.lines(), ["ipmi 0x00 0x02 may change"]);
    bmc.go.notify_one();
    calling.await.unwrap().unwrap();
    assert_eq!(book.lines(), ["ipmi 0x00 0x02 may change", "ok"]);
}

#[tokio::test]
async fn what_a_dropped_call_sent_is_finished_and_recorded_as_abandoned() {
    let (bmc, book) = (Bmc::answering(good()), Book::default());
    let held_by_call: Arc<str> = "node".into();
    let driver = load_granted(&engine(), ipmi_user(0, 2), granted()).await;
    let calling = tokio::spawn({
        let mut context = with(&bmc, &book);
        context.node_label = Arc::clone(&held_by_call);
        async move { driver.get_power_state("acme", context).await }
    });
    bmc.asked.notified().await;
    book.written.notified().await;
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    // The guest's instance is taken down by another thread.
    tokio::time::timeout(Duration::from_secs(10), async {
        while Arc::strong_count(&held_by_call) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    bmc.go.notify_one();
    book.written.notified().await;
    assert_eq!(book.lines(), ["ipmi 0x00 0x02 may change", "ok abandoned"]);
}

#[tokio::test]
async fn a_refused_operation_is_recorded_and_not_sent() {
    let (bmc, book) = (Bmc::answering(good()), Book::default());
    // Send Message; and a package that was granted nothing.
    let driver = load_granted(&engine(), ipmi_user(6, 0x34), granted()).await;
    driver
        .get_power_state("acme", with(&bmc, &book))
        .await
        .unwrap_err();
    let driver = load(&engine(), ipmi_user(0, 1)).await;
    driver
        .get_power_state("acme", with(&bmc, &book))
        .await
        .unwrap_err();
    assert_eq!(
        book.lines(),
        ["ipmi 0x06 0x34 denied", "capability ipmi denied"]
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_sent_and_is_our_own_fault() {
    let (bmc, book) = (Bmc::answering(good()), Book::full());
    for command in [1, 2] {
        let driver = load_granted(&engine(), ipmi_user(0, command), granted()).await;
        let outcome = driver.get_power_state("acme", with(&bmc, &book)).await;
        assert_eq!(outcome, Err(CallError::NotRecorded));
    }
    let driver = load(&engine(), ipmi_user(0, 1)).await;
    let outcome = driver.get_power_state("acme", with(&bmc, &book)).await;
    assert_eq!(outcome, Err(CallError::NotRecorded));
    bmc.go.notify_one();
    let asked = tokio::time::timeout(Duration::from_millis(50), bmc.asked.notified()).await;
    assert!(asked.is_err(), "nothing was sent");
}

/// Whatever the BMC answers and however it fails: of answers and messages nothing is recorded but a code or a kind.
#[test]
fn no_secret_is_recorded() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let driver =
        runtime.block_on(async { load_granted(&engine(), ipmi_user(0, 2), granted()).await });
    let inputs = ("[A-Za-z]{6}[!-~]{2,20}", any::<u8>(), 0u8..6);
    let checked = TestRunner::default().run(&inputs, |(secret, code, variant)| {
        let (bmc, book) = (
            Bmc::answering(answer(&secret, code, variant)),
            Book::default(),
        );
        bmc.go.notify_one();
        let _ = runtime.block_on(driver.get_power_state("acme", with(&bmc, &book)));
        let lines = book.lines();
        prop_assert_eq!(lines.len(), 2);
        prop_assert!(!lines.join("\n").contains(&secret), "{:?}", lines);
        Ok(())
    });
    checked.unwrap();
}

fn answer(secret: &str, code: u8, variant: u8) -> Result<IpmiResponse, DriverError> {
    let said = secret.to_owned();
    match variant {
        0 => Ok(IpmiResponse {
            completion_code: code,
            data: said.into_bytes(),
        }),
        1 => Err(DriverError::AuthFailed(said)),
        2 => Err(DriverError::Unreachable(said)),
        3 => Err(DriverError::Busy {
            message: said,
            retry_after: None,
        }),
        4 => Err(DriverError::Protocol(said)),
        _ => Err(DriverError::Other {
            code: said.clone(),
            message: said,
            retry_after: None,
            detail: None,
        }),
    }
}
