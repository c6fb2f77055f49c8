//! Everything that can go wrong with a BMC or the network to it.

use std::time::Duration;

use ironbark_bmc::ipmi::{Client, ClientConfig, IpmiError, Kg, Target};
use ironbark_bmc_sim::{Answer, Chance, Command, Faults, PowerFault, RackConfig};

use crate::support::{
    ask, chassis_control, chassis_status, one_bmc, power, quick, soon, target_of,
};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Switches a BMC with these faults on and off a few times, each time looking.
async fn works_with(faults: Faults) -> Client {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig {
        transmissions: 6,
        ..quick()
    });
    bmc.set_faults(faults);
    let target = target_of(&bmc);
    for on in [true, false, true, false] {
        let answer = ask(&client, &target, &chassis_control(u8::from(on)))
            .await
            .unwrap();
        assert_eq!(answer.completion_code, 0);
        assert_eq!(bmc.power(), on);
        assert_eq!(power(&client, &target).await.unwrap(), on);
    }
    client
}

#[tokio::test]
async fn lost_requests_are_sent_again() {
    works_with(Faults {
        lose_requests: Chance::one_in(3),
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn lost_replies_are_asked_for_again() {
    works_with(Faults {
        lose_replies: Chance::one_in(3),
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn both_ways_lossy() {
    works_with(Faults {
        lose_requests: Chance::one_in(5),
        lose_replies: Chance::one_in(4),
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn duplicated_replies_are_dropped() {
    works_with(Faults {
        duplicate_replies: Chance::Always,
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn corrupt_replies_are_dropped() {
    works_with(Faults {
        corrupt_replies: Chance::one_in(4),
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn late_replies_are_not_taken_for_the_next() {
    works_with(Faults {
        late_replies: Chance::one_in(2),
        late_by: MS(250),
        ..Faults::default()
    })
    .await;
}

/// Every message of the set-up is sent twice then, and the BMC makes up a new random number each time.
#[tokio::test]
async fn a_bmc_slower_than_our_patience_is_logged_in_to() {
    works_with(Faults {
        late_replies: Chance::Always,
        late_by: MS(200),
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_to_one_command_is_never_the_answer_to_another() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    assert!(!power(&client, &target).await.unwrap());
    // The same command twice: only its number tells the answers apart.
    bmc.set_faults(Faults {
        late_replies: Chance::Next(1),
        late_by: MS(200),
        ..Faults::default()
    });
    assert!(!power(&client, &target).await.unwrap());
    bmc.set_power(true);
    for _ in 0..20 {
        assert!(power(&client, &target).await.unwrap());
    }
}

#[tokio::test]
async fn a_dead_bmc_is_unreachable() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    bmc.set_faults(Faults {
        silent: true,
        ..Faults::default()
    });
    let client = Client::new(quick());
    let error = power(&client, &target_of(&bmc)).await.unwrap_err();
    assert!(matches!(error, IpmiError::Unreachable { .. }), "{error}");
    bmc.set_faults(Faults::default());
    assert!(!power(&client, &target_of(&bmc)).await.unwrap());
}

#[tokio::test]
async fn a_bmc_that_dies_with_a_session_open_is_unreachable() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    power(&client, &target).await.unwrap();
    bmc.set_faults(Faults {
        silent: true,
        ..Faults::default()
    });
    let error = power(&client, &target).await.unwrap_err();
    assert!(matches!(error, IpmiError::Unreachable { .. }), "{error}");
    bmc.set_faults(Faults::default());
    assert!(!power(&client, &target).await.unwrap());
}

#[tokio::test]
async fn a_session_that_the_bmc_lost_is_opened_anew() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    for _ in 0..3 {
        power(&client, &target).await.unwrap();
        bmc.reboot(Duration::ZERO);
        assert_eq!(bmc.snapshot().open_sessions, 0);
    }
    power(&client, &target).await.unwrap();
    assert_eq!(bmc.stats().sessions_opened, 4);
}

#[tokio::test]
async fn a_bmc_reset_by_command_comes_back() {
    let (_rack, bmc) = one_bmc(RackConfig {
        reset_time: MS(200),
        ..RackConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    let reset = ironbark_bmc::ipmi::Request::new(0x06, 0x02, []);
    assert_eq!(
        ask(&client, &target, &reset).await.unwrap().completion_code,
        0
    );
    assert!(!power(&client, &target).await.unwrap());
    assert_eq!(bmc.snapshot().reboots, 1);
}

#[tokio::test]
async fn without_a_free_session_the_bmc_is_busy() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    bmc.set_faults(Faults {
        session_slots: Some(0),
        ..Faults::default()
    });
    let client = Client::new(quick());
    let error = power(&client, &target_of(&bmc)).await.unwrap_err();
    assert!(matches!(error, IpmiError::Busy { .. }), "{error}");
    bmc.set_faults(Faults::default());
    assert!(power(&client, &target_of(&bmc)).await.is_ok());
}

#[tokio::test]
async fn a_failed_login_leaves_no_slot_taken() {
    let (_rack, bmc) = one_bmc(RackConfig {
        session_slots: 1,
        ..RackConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let wrong = Target {
        password: ironbark_model::Secret::new("wrong"),
        ..target_of(&bmc)
    };
    for _ in 0..3 {
        let error = power(&client, &wrong).await.unwrap_err();
        assert!(matches!(error, IpmiError::AuthFailed { .. }), "{error}");
    }
    assert!(power(&client, &target_of(&bmc)).await.is_ok());
}

#[tokio::test]
async fn a_busy_node_is_asked_again_and_then_reported() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let busy = |chance| Faults {
        answers: vec![Answer {
            command: Command::CHASSIS_STATUS,
            code: 0xc0,
            chance,
        }],
        ..Faults::default()
    };
    bmc.set_faults(busy(Chance::Next(2)));
    assert!(!power(&client, &target_of(&bmc)).await.unwrap());
    bmc.set_faults(busy(Chance::Always));
    let error = power(&client, &target_of(&bmc)).await.unwrap_err();
    assert!(matches!(error, IpmiError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn a_slow_command_is_waited_for() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig::default());
    bmc.set_faults(Faults {
        slow: vec![(Command::CHASSIS_STATUS, MS(300))],
        ..Faults::default()
    });
    assert!(!power(&client, &target_of(&bmc)).await.unwrap());
    assert_eq!(bmc.stats().sessions_opened, 1);
}

#[tokio::test]
async fn a_hanging_command_ends_and_others_go_on() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    bmc.set_faults(Faults {
        hang: vec![Command::CHASSIS_CONTROL],
        ..Faults::default()
    });
    let error = ask(&client, &target, &chassis_control(1))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            IpmiError::Unreachable {
                during: "the command",
                ..
            }
        ),
        "{error}"
    );
    assert!(!power(&client, &target).await.unwrap());
}

#[tokio::test]
async fn no_command_is_sent_after_its_limit() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig {
        command_limit: MS(300),
        retransmit_after: MS(20),
        transmissions: 1000,
        ..ClientConfig::default()
    });
    bmc.set_faults(Faults {
        hang: vec![Command::CHASSIS_CONTROL],
        ..Faults::default()
    });
    let started = std::time::Instant::now();
    let error = ask(&client, &target_of(&bmc), &chassis_control(1))
        .await
        .unwrap_err();
    assert!(matches!(error, IpmiError::Unreachable { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    let last = bmc
        .commands()
        .into_iter()
        .rfind(|seen| seen.command == Command::CHASSIS_CONTROL)
        .unwrap();
    assert!(last.at.duration_since(started) < MS(2000));
}

#[tokio::test]
async fn a_wrong_kg_is_told_from_a_wrong_password() {
    let (_rack, bmc) = one_bmc(RackConfig {
        kg: Some(b"the bmc key".to_vec()),
        ..RackConfig::default()
    })
    .await;
    let client = Client::new(quick());
    let hex: String = b"the bmc key"
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let right = Target {
        kg: Kg::from_hex(&hex),
        ..target_of(&bmc)
    };
    assert!(power(&client, &right).await.is_ok());
    for wrong in [None, Kg::from_hex("0102")] {
        let error = power(
            &client,
            &Target {
                kg: wrong,
                ..target_of(&bmc)
            },
        )
        .await
        .unwrap_err();
        assert!(
            matches!(error, IpmiError::AuthFailed { reason } if reason.contains("ipmi_hex_kg_key")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn power_that_is_slow_stuck_or_never_comes_is_reported_as_it_is() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    bmc.set_faults(Faults {
        power: PowerFault::Slow(MS(300)),
        ..Faults::default()
    });
    ask(&client, &target, &chassis_control(1)).await.unwrap();
    assert!(!power(&client, &target).await.unwrap());
    soon("power on", bmc.wait_until(|bmc| bmc.power)).await;
    assert!(power(&client, &target).await.unwrap());
    bmc.set_faults(Faults {
        power: PowerFault::NeverCompletes,
        ..Faults::default()
    });
    ask(&client, &target, &chassis_control(0)).await.unwrap();
    assert!(power(&client, &target).await.unwrap());
    bmc.set_faults(Faults {
        power: PowerFault::StuckAt(false),
        ..Faults::default()
    });
    assert!(!power(&client, &target).await.unwrap());
    assert!(bmc.power());
}

mod cipher_suites {
    use super::*;

    async fn chosen(config: RackConfig, faults: Faults) -> Vec<u8> {
        let (_rack, bmc) = one_bmc(config).await;
        bmc.set_faults(faults);
        let client = Client::new(quick());
        power(&client, &target_of(&bmc)).await.unwrap();
        // Again, after the session is gone: what worked is remembered.
        let asked = bmc.count(Command::CHANNEL_CIPHER_SUITES);
        bmc.reboot(Duration::ZERO);
        power(&client, &target_of(&bmc)).await.unwrap();
        assert_eq!(bmc.count(Command::CHANNEL_CIPHER_SUITES), asked);
        bmc.suites_of_sessions()
    }

    fn with(suites: &[u8]) -> RackConfig {
        RackConfig {
            cipher_suites: suites.to_vec(),
            ..RackConfig::default()
        }
    }

    #[tokio::test]
    async fn the_best_one_is_chosen() {
        assert_eq!(chosen(with(&[3, 17]), Faults::default()).await, [17, 17]);
        assert_eq!(chosen(with(&[0, 1, 2, 3]), Faults::default()).await, [3, 3]);
    }

    #[tokio::test]
    async fn without_a_list_they_are_tried() {
        let mute = Faults {
            silent_about_cipher_suites: true,
            ..Faults::default()
        };
        assert_eq!(chosen(with(&[3, 17]), mute.clone()).await, [17, 17]);
        assert_eq!(chosen(with(&[3]), mute.clone()).await, [3, 3]);
        let deaf = Faults {
            silent_to_suites: vec![17],
            ..mute
        };
        assert_eq!(chosen(with(&[3, 17]), deaf).await, [3, 3]);
    }

    #[tokio::test]
    async fn one_that_is_listed_but_refused_is_passed_over() {
        let liar = Faults {
            refuse_suites: vec![17],
            ..Faults::default()
        };
        assert_eq!(chosen(with(&[3, 17]), liar).await, [3, 3]);
    }

    #[tokio::test]
    async fn weak_ones_only_where_configured() {
        let (_rack, bmc) = one_bmc(with(&[0, 1, 2, 15, 16])).await;
        let client = Client::new(quick());
        let error = power(&client, &target_of(&bmc)).await.unwrap_err();
        assert!(error.to_string().contains("ipmi_cipher_suite"), "{error}");
        for suite in [0, 1, 2, 15, 16] {
            let target = Target {
                cipher_suite: Some(suite),
                ..target_of(&bmc)
            };
            assert!(power(&client, &target).await.is_ok(), "{suite}");
        }
    }

    #[tokio::test]
    async fn a_bmc_that_changes_its_mind_is_asked_again() {
        let (_rack, bmc) = one_bmc(with(&[3, 17])).await;
        let client = Client::new(quick());
        power(&client, &target_of(&bmc)).await.unwrap();
        bmc.set_faults(Faults {
            refuse_suites: vec![17],
            ..Faults::default()
        });
        bmc.reboot(Duration::ZERO);
        power(&client, &target_of(&bmc)).await.unwrap();
        assert_eq!(bmc.suites_of_sessions(), [17, 3]);
    }

    #[tokio::test]
    async fn a_bmc_that_falls_silent_to_what_worked_is_asked_anew() {
        let (_rack, bmc) = one_bmc(with(&[3, 17])).await;
        let client = Client::new(quick());
        power(&client, &target_of(&bmc)).await.unwrap();
        bmc.set_faults(Faults {
            silent_to_suites: vec![17],
            ..Faults::default()
        });
        bmc.reboot(Duration::ZERO);
        let error = power(&client, &target_of(&bmc)).await.unwrap_err();
        assert!(matches!(error, IpmiError::Unreachable { .. }), "{error:?}");
        power(&client, &target_of(&bmc)).await.unwrap();
        assert_eq!(bmc.suites_of_sessions(), [17, 3]);
    }
}

#[tokio::test]
async fn a_request_that_no_bmc_can_take_is_refused_before_it_is_sent() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let good = chassis_status();
    for bad in [
        ironbark_bmc::ipmi::Request {
            netfn: 1,
            ..good.clone()
        },
        ironbark_bmc::ipmi::Request {
            netfn: 64,
            ..good.clone()
        },
        ironbark_bmc::ipmi::Request {
            lun: 4,
            ..good.clone()
        },
        ironbark_bmc::ipmi::Request {
            data: vec![0; 241],
            ..good.clone()
        },
    ] {
        let error = ask(&client, &target_of(&bmc), &bad).await.unwrap_err();
        assert!(matches!(error, IpmiError::InvalidRequest { .. }), "{error}");
    }
    assert_eq!(bmc.stats().packets_in, 0);
}
