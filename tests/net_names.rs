//! Does the name of a network card in an address lead to the card?
#![cfg(target_os = "linux")]

use std::net::{Ipv6Addr, SocketAddr};

use laneway::net::resolve;

#[test]
fn an_address_in_brackets_may_name_a_network_card() {
    let named = |host: &'static str| laneway::block_on(resolve((host, 80)));
    let text = laneway::block_on(resolve("[fe80::1%lo]:80"));
    for addresses in [text, named("[fe80::1%lo]"), named("fe80::1%lo")] {
        let [SocketAddr::V6(address), ..] = addresses.unwrap()[..] else {
            panic!("an address of version 6");
        };
        assert_eq!(*address.ip(), "fe80::1".parse::<Ipv6Addr>().unwrap());
        assert_ne!(address.scope_id(), 0);
        assert_eq!(address.port(), 80);
    }
    assert!(named("[fe80::1%no-such-card]").is_err());
}
