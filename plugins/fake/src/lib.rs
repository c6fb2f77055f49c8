//! The driver `fake`: a machine that isn't there. It answers every interface at once, and remembers what it was told in its
//! notes on the node, so that what is set is what is read. It may not fail or be slow: drivers that do are fixtures of the tests.

mod bios;
mod console;
mod deploy;
mod firmware;
mod inspect;
mod management;
mod media;
mod network;
mod power;
mod raid;
mod sensors;
mod steps;
mod vendor;

ironbark_driver::register! {
    metadata: "../driver.json",
    power: { "fake" => power::FakePower },
    management: { "fake" => management::FakeManagement },
    boot: { "fake" => deploy::FakeBoot },
    deploy: { "fake" => deploy::FakeDeploy },
    bios: { "fake" => bios::FakeBios },
    console: { "fake" => console::FakeConsole },
    firmware: { "fake" => firmware::FakeFirmware },
    inspect: { "fake" => inspect::FakeInspect },
    network: { "fake" => network::FakeNetwork },
    raid: { "fake" => raid::FakeRaid },
    rescue: { "fake" => network::FakeRescue },
    storage: { "fake" => network::FakeStorage },
    vendor: { "fake" => vendor::FakeVendor },
    steps: { "fake" => steps::FakeSteps },
}
