//! Power sync against real databases and machines that are made up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ironbark_db::{Database, NodeRef, testing};
use ironbark_model::ident::Ident;
use ironbark_model::node::fault;
use ironbark_model::{Node, PowerState, Result};

use super::power_decision::Reading;
use super::power_reading::{DriverMachines, Machines};
use super::power_recovery;
use super::power_sync::{PowerSync, Summary};
use crate::context::Context;
use crate::testing::{config, node, package, registered};

const ON: Reading = Reading::State(PowerState::On);
const OFF: Reading = Reading::State(PowerState::Off);

/// Machines that say what they were told to, and remember what was asked of them.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<BTreeMap<String, Reading>>>,
    asked: Arc<Mutex<Vec<String>>>,
    corrected: Arc<Mutex<Vec<String>>>,
    /// Drivers that don't support power sync.
    fixed: Vec<String>,
    /// Corrections find no worker.
    busy: bool,
    /// Each node is held by somebody, and given back, after it was looked up.
    somebody_comes_by: bool,
}

impl Scripted {
    fn say(&self, node: &Node, reading: Reading) {
        self.answers
            .lock()
            .unwrap()
            .insert(node.uuid.clone(), reading);
    }

    fn corrected(&self) -> usize {
        self.corrected.lock().unwrap().len()
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Machines for Scripted {
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> Reading {
        self.asked.lock().unwrap().push(node.uuid.clone());
        if self.somebody_comes_by {
            let reservation = ctx.db.node_reserve(&node.uuid, "host-a").await.unwrap();
            ctx.db.node_release(&reservation).await.unwrap();
        }
        self.answers
            .lock()
            .unwrap()
            .get(&node.uuid)
            .cloned()
            .unwrap_or(ON)
    }

    async fn may_correct(
        &self,
        ctx: &Arc<Context>,
        node: &NodeRef,
    ) -> std::result::Result<bool, Reading> {
        let whole = ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await;
        Ok(!self.fixed.contains(&node.driver) && !whole.unwrap().unwrap().disable_power_off)
    }

    async fn correct(&self, _: &Arc<Context>, node: &NodeRef) -> Result<bool> {
        if self.busy {
            return Err(ironbark_model::Error::overloaded("no free worker"));
        }
        self.corrected.lock().unwrap().push(node.uuid.clone());
        Ok(true)
    }
}

struct Site {
    db: Database,
    ctx: Arc<Context>,
    machines: Scripted,
    sync: PowerSync<Scripted>,
}

impl Site {
    async fn new(db: &Database) -> Self {
        let acme = package("acme", "1.0.0", "acme");
        Self::of(db, registered(db, config("host-a"), &[acme]).await)
    }

    fn of(db: &Database, ctx: Arc<Context>) -> Self {
        let machines = Scripted::default();
        Self {
            db: db.clone(),
            ctx,
            sync: PowerSync::of(machines.clone()),
            machines,
        }
    }

    async fn pass(&self) -> Summary {
        self.sync.pass(&self.ctx).await.unwrap()
    }

    async fn get(&self, node: &Node) -> Node {
        let found = self
            .db
            .node_get(&Ident::Uuid(node.uuid.clone()))
            .await
            .unwrap();
        found.unwrap()
    }

    /// Changes a node as its holder would.
    async fn change(&self, node: &Node, change: impl FnOnce(&mut Node)) {
        let reservation = self.db.node_reserve(&node.uuid, "host-a").await.unwrap();
        let mut tx = self.db.reserved(&reservation).await.unwrap();
        let mut now = tx.node().await.unwrap();
        change(&mut now);
        tx.save_node(&now).await.unwrap();
        tx.commit_and_release().await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_is_as_recorded_costs_no_write() {
    for db in testing::databases().await {
        let site = Site::new(&db).await;
        let well = node(&db, "acme", "well").await;
        let before = site.get(&well).await;
        for _ in 0..3 {
            assert_eq!(
                site.pass().await,
                Summary {
                    read: 1,
                    ..Summary::default()
                }
            );
        }
        assert_eq!(site.get(&well).await, before, "{}", db.kind);
    }
}

#[tokio::test]
async fn real_drivers_are_asked() {
    for db in testing::databases().await {
        let site = Site::new(&db).await;
        let (new, known) = (
            node(&db, "acme", "new").await,
            node(&db, "acme", "known").await,
        );
        site.change(&new, |node| node.power_state = None).await;
        let sync = PowerSync::default();
        let first = sync.pass(&site.ctx).await.unwrap();
        assert_eq!(
            (first.read, first.recorded, first.troubled),
            (2, 1, 0),
            "{}",
            db.kind
        );
        assert_eq!(site.get(&new).await.power_state, Some(PowerState::On));
        assert_eq!(
            sync.pass(&site.ctx).await.unwrap(),
            Summary {
                read: 2,
                ..Summary::default()
            }
        );
        // The driver goes: its nodes are nobody's, and nothing happens to them.
        site.ctx.drivers.remove("acme");
        let without = sync.pass(&site.ctx).await.unwrap();
        assert_eq!((without.driver_faults, without.troubled), (2, 0));
        assert!(!site.get(&known).await.maintenance);
    }
}

#[tokio::test]
async fn the_first_pass_only_records_and_the_second_corrects() {
    for db in testing::databases().await {
        let site = Site::new(&db).await;
        let (new, wrong) = (
            node(&db, "acme", "new").await,
            node(&db, "acme", "wrong").await,
        );
        site.change(&new, |node| node.power_state = None).await;
        site.machines.say(&new, OFF);
        site.machines.say(&wrong, OFF);
        let first = site.pass().await;
        assert_eq!((first.recorded, first.corrected), (1, 0), "{}", db.kind);
        assert_eq!(site.get(&new).await.power_state, Some(PowerState::Off));
        assert_eq!(site.get(&wrong).await.power_state, Some(PowerState::On));
        let second = site.pass().await;
        assert_eq!((second.recorded, second.corrected), (0, 1));
        assert_eq!(*site.machines.corrected.lock().unwrap(), [wrong.uuid]);
    }
}

#[tokio::test]
async fn after_its_retries_a_node_goes_into_maintenance_and_comes_back_by_itself() {
    for db in testing::databases().await {
        let site = Site::new(&db).await;
        let deaf = node(&db, "acme", "deaf").await;
        site.machines
            .say(&deaf, Reading::NoAnswer("no answer from the BMC".into()));
        for _ in 0..3 {
            assert_eq!(site.pass().await.given_up, 0);
            assert!(!site.get(&deaf).await.maintenance);
            assert_eq!(
                site.get(&deaf).await.power_state,
                Some(PowerState::On),
                "unknown is never off"
            );
        }
        assert_eq!(site.pass().await.given_up, 1, "{}", db.kind);
        let given_up = site.get(&deaf).await;
        assert!(given_up.maintenance && given_up.reservation.is_none());
        assert_eq!(given_up.power_state, None);
        assert_eq!(given_up.fault.as_deref(), Some(fault::POWER_FAILURE));
        assert!(
            given_up
                .last_error
                .as_deref()
                .unwrap()
                .contains("no answer from the BMC")
        );
        assert_eq!(given_up.last_error, given_up.maintenance_reason);
        let history = db
            .history_list(&deaf.uuid, &ironbark_db::Page::first(10))
            .await
            .unwrap();
        assert_eq!(history.len(), 1);
        assert_eq!(site.pass().await.read, 0, "left out in maintenance");

        assert_eq!(
            power_recovery::pass_with(&site.ctx, &site.machines)
                .await
                .unwrap(),
            0
        );
        site.machines.say(&deaf, OFF);
        assert_eq!(
            power_recovery::pass_with(&site.ctx, &site.machines)
                .await
                .unwrap(),
            1
        );
        let back = site.get(&deaf).await;
        assert!(!back.maintenance && back.fault.is_none() && back.maintenance_reason.is_none());
        assert_eq!(back.power_state, Some(PowerState::Off));
    }
}

#[tokio::test]
async fn maintenance_that_an_operator_set_is_not_taken_back() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    let aside = node(&db, "acme", "aside").await;
    site.change(&aside, |node| node.maintenance = true).await;
    assert_eq!(
        power_recovery::pass_with(&site.ctx, &site.machines)
            .await
            .unwrap(),
        0
    );
    assert!(site.get(&aside).await.maintenance);
    assert_eq!(site.machines.asked(), 0);
}

#[tokio::test]
async fn a_machine_that_does_not_obey_is_given_up_with_the_state_it_has() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    let stubborn = node(&db, "acme", "stubborn").await;
    site.machines.say(&stubborn, OFF);
    for _ in 0..3 {
        site.pass().await;
    }
    assert_eq!(site.machines.corrected(), 2, "not in the first pass");
    assert_eq!(site.pass().await.given_up, 1);
    let given_up = site.get(&stubborn).await;
    assert_eq!(given_up.power_state, Some(PowerState::Off));
    assert!(given_up.maintenance);
}

#[tokio::test]
async fn a_correction_that_could_not_begin_is_no_attempt() {
    let db = testing::sqlite().await;
    let mut site = Site::new(&db).await;
    let wrong = node(&db, "acme", "wrong").await;
    site.machines.busy = true;
    site.machines.say(&wrong, OFF);
    site.sync = PowerSync::of(site.machines.clone());
    for _ in 0..8 {
        assert_eq!(site.pass().await.given_up, 0);
    }
    assert!(!site.get(&wrong).await.maintenance);
}

#[tokio::test]
async fn a_node_that_may_not_be_switched_is_recorded_as_it_is() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    let kept = node(&db, "acme", "kept").await;
    site.change(&kept, |node| node.disable_power_off = true)
        .await;
    site.machines.say(&kept, OFF);
    assert_eq!(site.pass().await.recorded, 1, "also in the first pass");
    site.pass().await;
    assert_eq!(site.get(&kept).await.power_state, Some(PowerState::Off));
    assert_eq!(site.machines.corrected(), 0);
}

/// Each way in which a machine is to be believed, for so many machines at once that the brake is on.
#[tokio::test]
async fn many_machines_that_are_to_be_believed_are_and_the_brake_ends() {
    for (why, force) in [("setting", false), ("node", true), ("driver", true)] {
        let db = testing::sqlite().await;
        let mut config = config("host-a");
        config.force_power_state_during_sync = force;
        let ctx = registered(&db, config, &[package("acme", "1.0.0", "acme")]).await;
        let mut site = Site::of(&db, ctx);
        if why == "driver" {
            site.machines.fixed = vec!["acme".to_owned()];
            site.sync = PowerSync::of(site.machines.clone());
        }
        let mut nodes = Vec::new();
        for number in 0..12 {
            let one = node(&db, "acme", &format!("n{number}")).await;
            if why == "node" {
                site.change(&one, |node| node.disable_power_off = true)
                    .await;
            }
            nodes.push(one);
        }
        site.pass().await;
        for one in &nodes {
            site.machines.say(one, OFF);
        }
        let braked = site.pass().await;
        assert_eq!((braked.braked, braked.recorded), (true, 12), "{why}");
        assert_eq!(
            site.pass().await,
            Summary {
                read: 12,
                ..Summary::default()
            },
            "{why}"
        );
        assert_eq!(site.machines.corrected(), 0, "{why}");
    }
}

#[tokio::test]
async fn what_was_seen_of_a_node_that_was_held_since_is_not_acted_upon() {
    let db = testing::sqlite().await;
    let mut site = Site::new(&db).await;
    site.machines.somebody_comes_by = true;
    site.sync = PowerSync::of(site.machines.clone());
    let (deaf, wrong, given_up) = (
        node(&db, "acme", "deaf").await,
        node(&db, "acme", "wrong").await,
        node(&db, "acme", "given-up").await,
    );
    site.change(&given_up, |node| {
        node.maintenance = true;
        node.fault = Some(fault::POWER_FAILURE.to_owned());
    })
    .await;
    site.machines.say(&deaf, Reading::NoAnswer("lost".into()));
    for _ in 0..8 {
        assert_eq!(site.pass().await.given_up, 0);
    }
    assert!(!site.get(&deaf).await.maintenance);
    assert_eq!(
        power_recovery::pass_with(&site.ctx, &site.machines)
            .await
            .unwrap(),
        0
    );
    assert!(site.get(&given_up).await.maintenance);

    // The real ones: neither asked nor corrected by an old row.
    let filter = ironbark_db::NodeFilter::default();
    let rows = db.nodes_owned_candidates(&filter).await.unwrap();
    let old = rows.iter().find(|row| row.uuid == wrong.uuid).unwrap();
    site.change(&wrong, |node| node.power_state = Some(PowerState::Off))
        .await;
    assert_eq!(DriverMachines.read(&site.ctx, old).await, Reading::NotAsked);
    assert!(!DriverMachines.correct(&site.ctx, old).await.unwrap());
    assert_eq!(site.get(&wrong).await.reservation, None);
}

#[tokio::test]
async fn driver_faults_never_count() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    let mut nodes = Vec::new();
    for number in 0..12 {
        let one = node(&db, "acme", &format!("n{number}")).await;
        site.machines
            .say(&one, Reading::DriverFault("unreachable executed".into()));
        nodes.push(one);
    }
    for _ in 0..6 {
        let summary = site.pass().await;
        assert_eq!(
            (summary.driver_faults, summary.troubled, summary.given_up),
            (12, 0, 0)
        );
        assert!(!summary.braked);
    }
    for one in &nodes {
        let after = site.get(one).await;
        assert!(!after.maintenance && after.last_error.is_none());
        assert_eq!(after.power_state, Some(PowerState::On));
    }
}

#[tokio::test]
async fn when_a_tenth_is_in_trouble_nothing_is_done_until_it_is_over() {
    for db in testing::databases().await {
        let site = Site::new(&db).await;
        let mut nodes = Vec::new();
        for number in 0..20 {
            nodes.push(node(&db, "acme", &format!("n{number}")).await);
        }
        site.pass().await;
        for (number, one) in nodes.iter().enumerate() {
            let reading = if number % 2 == 0 {
                OFF
            } else {
                Reading::NoAnswer("lost".into())
            };
            site.machines.say(one, reading);
        }
        for _ in 0..6 {
            let summary = site.pass().await;
            assert!(summary.braked, "{}", db.kind);
            assert_eq!(
                (summary.corrected, summary.given_up, summary.read),
                (0, 0, 20)
            );
        }
        for one in &nodes {
            assert!(!site.get(one).await.maintenance);
        }
        // The network is back: only two machines are really wrong, and they have all their retries.
        for one in &nodes {
            site.machines.say(one, ON);
        }
        site.machines.say(&nodes[0], OFF);
        site.machines
            .say(&nodes[1], Reading::NoAnswer("still lost".into()));
        let summary = site.pass().await;
        assert_eq!(
            (summary.braked, summary.corrected, summary.given_up),
            (false, 1, 0)
        );
    }
}

#[tokio::test]
async fn only_own_free_and_settled_nodes_are_asked() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    node(&db, "unknown-driver", "not-ours").await;
    let held = node(&db, "acme", "held").await;
    db.node_reserve(&held.uuid, "host-b").await.unwrap();
    let enrolled = node(&db, "acme", "enrolled").await;
    site.change(&enrolled, |node| {
        node.provision_state = ironbark_model::ProvisionState::Enroll;
    })
    .await;
    assert_eq!(site.pass().await, Summary::default());
    assert_eq!(site.machines.asked(), 0);
}

#[tokio::test]
async fn a_good_look_clears_the_last_error_but_not_a_failed_states() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    let (well, failed) = (
        node(&db, "acme", "well").await,
        node(&db, "acme", "failed").await,
    );
    site.change(&well, |node| node.last_error = Some("once".into()))
        .await;
    site.change(&failed, |node| {
        node.last_error = Some("the step erase failed".into());
        node.provision_state = ironbark_model::ProvisionState::DeployFailed;
    })
    .await;
    site.pass().await;
    assert_eq!(site.get(&well).await.last_error, None);
    assert!(site.get(&failed).await.last_error.is_some());
}

#[tokio::test]
async fn a_conductor_that_may_not_act_drops_what_it_read() {
    let db = testing::sqlite().await;
    let site = Site::new(&db).await;
    let deaf = node(&db, "acme", "deaf").await;
    site.machines.say(&deaf, Reading::NoAnswer("lost".into()));
    site.ctx.standing.superseded();
    for _ in 0..6 {
        assert_eq!(site.pass().await, Summary::default());
    }
    assert!(!site.get(&deaf).await.maintenance);
}
