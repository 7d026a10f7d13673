//! Payloads are Rust types: checked by the compiler on both sides, and once more by the decoder in the actor that
//! receives them. What does not fit there is an error that names the argument, never a dead actor.
//!
//!     cargo run --example typed_payloads

use std::collections::BTreeMap;

use coulter::prelude::*;

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Order {
    Coffee { shots: u8, milk: bool },
    Tea(String),
    Nothing,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Bill {
    items: BTreeMap<String, u32>,
    cents: u64,
    note: Option<String>,
}

/// One of twelve; nothing else decodes.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u8")]
struct Table(u8);

impl TryFrom<u8> for Table {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1..=12 => Ok(Self(number)),
            _ => Err(format!("there is no table {number}")),
        }
    }
}

/// Adds up what a table ordered.
#[coulter::endpoint]
async fn bill(table: Table, orders: Vec<Order>) -> Bill {
    let mut items = BTreeMap::new();
    let mut cents = 0;
    for order in &orders {
        let (name, price) = match order {
            Order::Coffee { shots, milk } => {
                let name = if *milk { "white coffee" } else { "coffee" };
                (name.to_owned(), 200 + 50 * u64::from(*shots))
            }
            Order::Tea(leaf) => (format!("{leaf} tea"), 220),
            Order::Nothing => continue,
        };
        *items.entry(name).or_default() += 1;
        cents += price;
    }
    let note = orders.contains(&Order::Nothing).then(|| format!("somebody at table {} only sat", table.0));
    Bill { items, cents, note }
}

#[coulter::main]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        let cafe = an.start_actor("cafe").expose(module_path!()).await?;

        let orders = vec![Order::Coffee { shots: 2, milk: true }, Order::Tea("mint".into()), Order::Coffee { shots: 2, milk: true }, Order::Nothing];
        // `bill::with("four", orders)` would not compile.
        let due = cafe.run(bill::with(Table(4), orders)).await?;
        println!("{:?}", due.items);
        println!("{} cents; {}", due.cents, due.note.as_deref().unwrap_or("no note"));

        // This one does, and is refused over there before the endpoint starts.
        match cafe.run(bill::with(Table(40), vec![])).await {
            Ok(_) => println!("never printed"),
            Err(error @ coulter::Error::MsgType(_)) => println!("refused: {error}"),
            Err(error) => return Err(error.into()),
        }
        println!("and the cafe is still open: {}", cafe.run(bill::with(Table(1), vec![])).await?.cents);

        cafe.cancel_actor().await?;
        Ok(())
    })
    .await
}
