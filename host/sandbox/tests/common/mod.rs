//! What the tests share.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use ironbark_sandbox::{
    CallContext, Driver, Engine, EngineConfig, Granted, Limits, LoadError, PackageName,
};

use crate::guest::Guest;

pub fn engine() -> Engine {
    engine_with(Limits::default())
}

pub fn engine_with(limits: Limits) -> Engine {
    engine_from(EngineConfig {
        limits,
        max_live_calls: 100,
        ..EngineConfig::default()
    })
}

pub fn engine_from(config: EngineConfig) -> Engine {
    Engine::new(config, tokio::runtime::Handle::current()).unwrap()
}

pub async fn load(engine: &Engine, guest: Guest) -> Driver {
    load_granted(engine, guest, Granted::default()).await
}

pub async fn load_granted(engine: &Engine, guest: Guest, granted: Granted) -> Driver {
    try_load(engine, guest.build(), granted)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

pub async fn try_load(
    engine: &Engine,
    component: Vec<u8>,
    granted: Granted,
) -> Result<Driver, LoadError> {
    let name = PackageName {
        name: "test-package".into(),
        version: "1.2.3".into(),
    };
    engine.load(name, granted, Arc::from(component)).await
}

pub fn context() -> CallContext {
    CallContext::without_node("req-test")
}
