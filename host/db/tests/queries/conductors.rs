use ironbark_db::testing::databases;
use ironbark_db::{Page, Registration, SortDir, is_fence_lost};
use ironbark_model::InterfaceKind;
use ironbark_model::conductor::HardwareInterface;

fn interface(hardware_type: &str, implementation: &str) -> HardwareInterface {
    HardwareInterface {
        hardware_type: hardware_type.into(),
        interface: InterfaceKind::Power,
        implementation: implementation.into(),
        is_default: implementation == "fake",
    }
}

fn registration(hostname: &str, incarnation: &str) -> Registration {
    Registration {
        hostname: hostname.into(),
        conductor_group: "rack-1".into(),
        incarnation: incarnation.into(),
        drivers: vec!["ipmi".into(), "fake-hardware".into(), "ipmi".into()],
        interfaces: vec![
            interface("fake-hardware", "fake"),
            interface("ipmi", "ipmitool"),
        ],
    }
}

#[tokio::test]
async fn a_registration_says_what_a_conductor_can_do() {
    for database in databases().await {
        let kind = database.kind;
        let made = database
            .conductor_register(&registration("host-a", "life-1"))
            .await
            .unwrap();
        assert_eq!(made.hostname, "host-a");
        assert_eq!(made.conductor_group, "rack-1");
        assert_eq!(made.drivers, ["fake-hardware", "ipmi"], "{kind}: sorted");
        assert!(made.online);
        assert_eq!(made.incarnation, "life-1");
        let read = database.conductor_get("host-a").await.unwrap();
        assert_eq!(read.as_ref(), Some(&made), "{kind}");
        assert_eq!(database.conductors_all().await.unwrap(), [made]);
        assert_eq!(
            database.hardware_interfaces().await.unwrap(),
            [
                ("host-a".to_owned(), interface("fake-hardware", "fake")),
                ("host-a".to_owned(), interface("ipmi", "ipmitool")),
            ],
            "{kind}"
        );
        assert_eq!(database.conductor_get("host-b").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_newer_life_fences_the_former_one() {
    for database in databases().await {
        let kind = database.kind;
        let first = database
            .conductor_register(&registration("host-a", "life-1"))
            .await
            .unwrap();
        assert!(
            database
                .conductor_heartbeat("host-a", "life-1", true)
                .await
                .unwrap()
        );
        let second = database
            .conductor_register(&registration("host-a", "life-2"))
            .await
            .unwrap();
        assert_eq!(second.id, first.id, "{kind}");
        assert_eq!(second.created_at, first.created_at, "{kind}");

        assert!(
            !database
                .conductor_heartbeat("host-a", "life-1", true)
                .await
                .unwrap()
        );
        assert!(
            !database
                .conductor_unregister("host-a", "life-1")
                .await
                .unwrap()
        );
        let error = database
            .conductor_set_interfaces("host-a", "life-1", &[], &[])
            .await
            .unwrap_err();
        assert!(is_fence_lost(&error), "{kind}: {error:?}");
        assert!(
            database
                .conductor_get("host-a")
                .await
                .unwrap()
                .unwrap()
                .online
        );
        assert_eq!(
            database.hardware_interfaces().await.unwrap().len(),
            2,
            "{kind}"
        );

        assert!(
            database
                .conductor_unregister("host-a", "life-2")
                .await
                .unwrap()
        );
        assert!(
            !database
                .conductor_get("host-a")
                .await
                .unwrap()
                .unwrap()
                .online
        );
    }
}

#[tokio::test]
async fn what_a_conductor_drives_changes_as_a_whole() {
    for database in databases().await {
        for host in ["host-a", "host-b"] {
            database
                .conductor_register(&registration(host, "life"))
                .await
                .unwrap();
        }
        database
            .conductor_set_interfaces(
                "host-a",
                "life",
                &["acme".into()],
                &[interface("acme", "a")],
            )
            .await
            .unwrap();
        let conductor = database.conductor_get("host-a").await.unwrap().unwrap();
        assert_eq!(conductor.drivers, ["acme"]);
        let mut of_a = database.hardware_interfaces().await.unwrap();
        of_a.retain(|(host, _)| host == "host-a");
        assert_eq!(of_a, [("host-a".to_owned(), interface("acme", "a"))]);
        // A set that can't be stored changes nothing.
        let twice = [interface("acme", "b"), interface("acme", "b")];
        let refused = database
            .conductor_set_interfaces("host-a", "life", &[], &twice)
            .await;
        assert!(refused.is_err());
        let conductor = database.conductor_get("host-a").await.unwrap().unwrap();
        assert_eq!(conductor.drivers, ["acme"], "{}", database.kind);
        assert_eq!(database.hardware_interfaces().await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn markers_of_conductors_are_host_names() {
    for database in databases().await {
        for host in ["b", "c", "a"] {
            database
                .conductor_register(&registration(host, "life"))
                .await
                .unwrap();
        }
        let hosts = async |page: Page| {
            let list = database.conductors(&page).await.unwrap();
            list.into_iter().map(|one| one.hostname).collect::<Vec<_>>()
        };
        assert_eq!(hosts(Page::first(2)).await, ["b", "c"]);
        assert_eq!(hosts(Page::first(2).after("c")).await, ["a"]);
        let sorted = Page::first(9).sorted_by("hostname", SortDir::Descending);
        assert_eq!(hosts(sorted.after("c")).await, ["b", "a"]);
    }
}
