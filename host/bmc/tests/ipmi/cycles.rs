//! Two clients, one BMC: what Ironbark does, `ipmitool` sees, and the reverse.

use ironbark_bmc::ipmi::Client;

use crate::{
    ipmi_sim::{IpmiSim, PASSWORD, USERNAME},
    support::{ask, chassis_control, have, ipmitool, power, quick, target_at},
};

#[tokio::test]
async fn ipmitool_and_ironbark_agree_about_an_ipmi_sim_bmc_through_ten_cycles_without_any_cipher_setting()
 {
    let Some(simulator) = IpmiSim::start() else {
        return;
    };
    if !have("ipmitool", "ipmitool") {
        return;
    }
    let client = Client::new(quick());
    let target = target_at(simulator.address, USERNAME, PASSWORD);
    let ipmitool = |arguments: &'static [&'static str]| {
        ipmitool(simulator.address, USERNAME, PASSWORD, arguments)
    };
    for cycle in 0..10 {
        // Each of the two switches in every other cycle; both look.
        for (on, verb) in [(true, &["power", "on"]), (false, &["power", "off"])] {
            if cycle % 2 == 0 {
                let answer = ask(&client, &target, &chassis_control(u8::from(on)))
                    .await
                    .unwrap();
                assert_eq!(answer.completion_code, 0);
            } else {
                ipmitool(verb).await;
            }
            assert_eq!(power(&client, &target).await.unwrap(), on, "cycle {cycle}");
            let seen = ipmitool(&["power", "status"]).await;
            let expected = if on {
                "Chassis Power is on\n"
            } else {
                "Chassis Power is off\n"
            };
            assert_eq!(seen, expected, "cycle {cycle}");
        }
    }
}
