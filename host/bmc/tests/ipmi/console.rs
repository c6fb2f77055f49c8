//! Serial consoles.

use std::time::Duration;

use ironbark_bmc::ipmi::{Client, ClientConfig, Console, Farewell, IpmiError};
use ironbark_bmc_sim::{Chance, Faults, RackConfig};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    ipmi_sim::{IpmiSim, PASSWORD, USERNAME},
    support::{PATIENCE, one_bmc, power, quick, soon, target_at, target_of},
};

/// Reads until a console has written so many characters.
async fn read(console: &mut Console, count: usize) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async {
        while read.len() < count {
            read.extend(console.read().await.expect("the console goes on"));
        }
    };
    soon("the characters", reading).await;
    read
}

#[tokio::test]
async fn what_is_typed_arrives_and_what_the_machine_writes_comes() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    bmc.console_write(b"login: ");
    let mut console = client.console(&target, PATIENCE).await.unwrap();
    assert_eq!(read(&mut console, 7).await, b"login: ");
    // More than fits into a packet, and more than one.
    let text: Vec<u8> = (0..1000_u32)
        .map(|number| b'a' + u8::try_from(number % 26).unwrap())
        .collect();
    for piece in text.chunks(300) {
        assert!(console.write(piece.to_vec()).await);
    }
    assert_eq!(read(&mut console, text.len()).await, text);
    assert_eq!(bmc.console_typed(), text);
    // Commands go on beside it, in a session of their own.
    assert!(!power(&client, &target).await.unwrap());
    assert_eq!(bmc.snapshot().open_sessions, 2);

    drop(console);
    let ended = bmc.wait_until(|bmc| bmc.open_sessions == 1 && !bmc.console_in_use);
    soon("the end", ended).await;
    let again = client.console(&target, PATIENCE).await.unwrap();
    drop(again);
}

#[tokio::test]
async fn losses_and_repetitions_change_no_character() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let mut console = client.console(&target_of(&bmc), PATIENCE).await.unwrap();
    bmc.set_faults(Faults {
        lose_requests: Chance::one_in(5),
        lose_replies: Chance::one_in(7),
        duplicate_replies: Chance::one_in(3),
        ..Faults::default()
    });
    let text: Vec<u8> = (0..=255).collect();
    assert!(console.write(text.clone()).await);
    assert_eq!(read(&mut console, text.len()).await, text);
    assert_eq!(bmc.console_typed(), text);
}

#[tokio::test]
async fn one_looks_at_a_time_and_so_many_in_all() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig {
        max_consoles: 2,
        ..quick()
    });
    let target = target_of(&bmc);
    let first = client.console(&target, PATIENCE).await.unwrap();
    let error = client.console(&target, PATIENCE).await.unwrap_err();
    assert!(matches!(error, IpmiError::ConsoleInUse), "{error:?}");
    // The session that was opened for it is closed.
    soon("the end", bmc.wait_until(|bmc| bmc.open_sessions == 1)).await;
    let (_other_rack, other) = one_bmc(RackConfig::default()).await;
    let _second = client.console(&target_of(&other), PATIENCE).await.unwrap();
    let error = client.console(&target, PATIENCE).await.unwrap_err();
    assert!(matches!(error, IpmiError::Overloaded { .. }), "{error:?}");
    drop(first);
    soon("the end", bmc.wait_until(|bmc| bmc.open_sessions == 0)).await;
}

#[tokio::test]
async fn a_bmc_that_says_nothing_more_ends_the_console() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(ClientConfig {
        keep_alive: Duration::from_millis(200),
        ..quick()
    });
    let mut console = client.console(&target_of(&bmc), PATIENCE).await.unwrap();
    // While it is there, keep-alives keep the console open.
    let quiet = tokio::time::timeout(Duration::from_secs(1), console.read()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    bmc.set_faults(Faults {
        silent: true,
        ..Faults::default()
    });
    assert_eq!(soon("the end", console.read()).await, None);
}

#[tokio::test]
async fn a_console_that_somebody_has_can_be_taken_over() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    let (_input, _output, stale) = client.console(&target, PATIENCE).await.unwrap().split();
    // As if its process were gone.
    stale.abandon();
    let error = client.console(&target, PATIENCE).await.unwrap_err();
    assert!(matches!(error, IpmiError::ConsoleInUse), "{error:?}");
    let mut console = client.take_console(&target, PATIENCE).await.unwrap();
    assert!(console.write(b"mine".to_vec()).await);
    assert_eq!(read(&mut console, 4).await, b"mine");
    let (_input, _output, hold) = console.split();
    assert_eq!(soon("the end", hold.close()).await, Farewell::Confirmed);
    assert!(!bmc.snapshot().console_in_use);
    // One that nobody has can be taken, too.
    let free = client.take_console(&target, PATIENCE).await.unwrap();
    drop(free);
}

#[tokio::test]
async fn who_lost_a_console_takes_it_from_nobody() {
    let (_rack, bmc) = one_bmc(RackConfig::default()).await;
    let client = Client::new(quick());
    let target = target_of(&bmc);
    let (_input, mut output, lost) = client.console(&target, PATIENCE).await.unwrap().split();
    let mut other = client.take_console(&target, PATIENCE).await.unwrap();
    assert_eq!(soon("the end", output.recv()).await, None);
    assert_eq!(soon("the end", lost.close()).await, Farewell::NotSent);
    assert!(other.write(b"mine".to_vec()).await);
    assert_eq!(read(&mut other, 4).await, b"mine");
}

/// A BMC that others wrote, and behind it a serial line that this test plays.
#[tokio::test]
async fn ipmi_sim_has_a_console_too() {
    let line = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let Some(simulator) = IpmiSim::start_with_console(line.local_addr().unwrap()) else {
        return;
    };
    let client = Client::new(quick());
    let target = target_at(simulator.address, USERNAME, PASSWORD);
    let mut console = client.console(&target, PATIENCE).await.unwrap();
    let (mut machine, _) = soon("the machine's line", line.accept()).await.unwrap();
    machine.write_all(b"login: ").await.unwrap();
    assert_eq!(read(&mut console, 7).await, b"login: ");
    // More than one packet, either way.
    let text: Vec<u8> = (b' '..=b'~').cycle().take(2000).collect();
    for piece in text.chunks(300) {
        assert!(console.write(piece.to_vec()).await);
    }
    let mut typed = vec![0; text.len()];
    let typing = machine.read_exact(&mut typed);
    soon("what was typed", typing).await.unwrap();
    assert_eq!(typed, text);
    machine.write_all(&text).await.unwrap();
    assert_eq!(read(&mut console, text.len()).await, text);

    // Somebody has it: it can be taken over, as after a crash.
    let (_input, _output, stale) = console.split();
    stale.abandon();
    let error = client.console(&target, PATIENCE).await.unwrap_err();
    assert!(matches!(error, IpmiError::ConsoleInUse), "{error:?}");
    let console = client.take_console(&target, PATIENCE).await.unwrap();
    assert!(console.write(b"again".to_vec()).await);
    let mut typed = [0; 5];
    let typing = machine.read_exact(&mut typed);
    soon("what was typed", typing).await.unwrap();
    assert_eq!(&typed, b"again");
    let (_input, _output, hold) = console.split();
    assert_eq!(soon("the end", hold.close()).await, Farewell::Confirmed);
    assert!(client.console(&target, PATIENCE).await.is_ok());
}
