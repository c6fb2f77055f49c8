//! Many BMCs from one process.

use std::time::Instant;

use ironbark_bmc::ipmi::Client;
use ironbark_bmc_sim::{Chance, Faults, Rack, RackConfig};
use tokio::task::JoinSet;

use crate::support::{power, target_of};

/// Sessions that are opened at once: on a busy machine, BMCs that hear of one too late forget it.
const AT_ONCE: usize = 300;

/// Asks all BMCs, many at once, and checks each answer against its machine.
async fn poll_all(client: &Client, rack: &Rack) {
    let mut polls = JoinSet::new();
    for bmc in rack.bmcs() {
        if polls.len() == AT_ONCE
            && let Some(poll) = polls.join_next().await
        {
            poll.unwrap();
        }
        let (client, bmc) = (client.clone(), bmc.clone());
        polls.spawn(async move {
            let on = power(&client, &target_of(&bmc)).await.unwrap();
            assert_eq!(on, bmc.power());
        });
    }
    while let Some(poll) = polls.join_next().await {
        poll.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_bmcs_share_a_few_sockets() {
    let rack = Rack::start(RackConfig {
        count: 300,
        ..RackConfig::default()
    })
    .await
    .unwrap();
    for bmc in rack.bmcs().iter().step_by(3) {
        bmc.set_power(true);
    }
    for bmc in rack.bmcs().iter().step_by(7) {
        bmc.set_faults(Faults {
            lose_replies: Chance::one_in(5),
            ..Faults::default()
        });
    }
    let client = Client::new(Default::default());
    poll_all(&client, &rack).await;
    let started = Instant::now();
    poll_all(&client, &rack).await;
    eprintln!(
        "{} warm polls in {:?}",
        rack.bmcs().len(),
        started.elapsed()
    );
    for bmc in rack.bmcs() {
        assert_eq!(bmc.stats().sessions_opened, 1, "{}", bmc.address());
    }
    assert_eq!(client.bmcs_in_use(), 300);
}

/// As many as there are for a conductor with a whole hall to look after: each is a machine of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_bmcs_live_in_one_process() {
    const COUNT: usize = 2_000;
    // More than a shell usually allows.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted).unwrap();
    let rack = Rack::start(RackConfig {
        count: COUNT,
        ..RackConfig::default()
    })
    .await
    .unwrap();
    for bmc in rack.bmcs().iter().step_by(3) {
        bmc.set_power(true);
    }
    let client = Client::new(Default::default());
    poll_all(&client, &rack).await;
    assert_eq!(client.bmcs_in_use(), COUNT);
}
