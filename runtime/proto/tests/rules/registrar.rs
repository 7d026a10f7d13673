//! Rule 8.1: the registrar's table.
use coulter_proto::id::{Aid, Uuid};
use coulter_proto::registrar::{Effect, Entry, Input, Registrar, WaiterId};
use coulter_proto::spawn::Address;

use crate::feed;

fn entry(name: &str, number: u128) -> Entry {
    let aid = Aid { name: name.into(), uuid: Uuid::from_u128(number), pid: 1 };
    Entry { aid, addresses: vec![Address::Uds(format!("/{number}").into())], parent: None }
}

#[test]
fn rule_8_1_find_takes_the_newest_and_find_all_all() {
    let mut table = Registrar::new();
    for (name, number) in [("frank", 1), ("donny", 2), ("frank", 3)] {
        assert_eq!(feed(&mut table, 0, Input::Register(entry(name, number))), []);
    }
    assert_eq!(table.find("frank"), Some(&entry("frank", 3)));
    assert_eq!(table.find_all("frank").map(|entry| entry.aid.uuid.as_u128()).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(table.find("nobody"), None);
    feed(&mut table, 0, Input::Register(Entry { addresses: vec![], ..entry("frank", 1) }));
    assert_eq!(table.find("frank"), Some(&entry("frank", 3)), "registering again makes nobody newer");
    feed(&mut table, 0, Input::Unregister { uuid: Uuid::from_u128(3) });
    assert_eq!(table.find("frank").unwrap().aid.uuid, Uuid::from_u128(1));
    feed(&mut table, 0, Input::Gone { uuid: Uuid::from_u128(1) });
    assert_eq!(table.find("frank"), None);
    assert_eq!(table.entries().len(), 1);
}

#[test]
fn rule_8_1_waiting_for_a_name_ends_when_it_registers() {
    let mut table = Registrar::new();
    let wait = |waiter, name: &str| Input::Wait { waiter: WaiterId(waiter), name: name.into() };
    for (waiter, name) in [(1, "frank"), (2, "frank"), (3, "donny"), (4, "frank")] {
        assert_eq!(feed(&mut table, 0, wait(waiter, name)), []);
    }
    feed(&mut table, 0, Input::CancelWait { waiter: WaiterId(2) });
    let found = |waiter| Effect::Found { waiter: WaiterId(waiter), entry: entry("frank", 9) };
    assert_eq!(feed(&mut table, 0, Input::Register(entry("frank", 9))), [found(1), found(4)]);
    assert_eq!(feed(&mut table, 0, Input::Register(entry("frank", 10))), [], "told once");
    assert!(matches!(&feed(&mut table, 0, wait(5, "frank"))[..], [Effect::Found { waiter: WaiterId(5), .. }]));
}

#[test]
fn rule_8_2_an_address_nobody_answers_is_removed_and_with_the_last_the_entry() {
    let mut table = Registrar::new();
    let second = Address::Tcp("127.0.0.1:9".parse().unwrap());
    let mut two = entry("frank", 1);
    two.addresses.push(second.clone());
    feed(&mut table, 0, Input::Register(two));
    feed(&mut table, 0, Input::AddressDead(Address::Uds("/1".into())));
    assert_eq!(table.find("frank").unwrap().addresses, vec![second.clone()]);
    feed(&mut table, 0, Input::AddressDead(second));
    assert_eq!(table.find("frank"), None);
}
