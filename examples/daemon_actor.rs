//! An actor that stays: started without a task, it answers calls and keeps what it knows between them, until it is cancelled.
//!
//!     cargo run --example daemon_actor

use std::cell::RefCell;

use coulter::prelude::*;

thread_local! {
    // All of an actor's endpoints run on its one work thread: no lock is needed for what they share.
    static SHELF: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Puts a book on the shelf; says how many there are.
#[coulter::endpoint]
async fn put(title: String) -> usize {
    SHELF.with_borrow_mut(|shelf| {
        shelf.push(title);
        shelf.len()
    })
}

/// What is on the shelf, in order of title.
#[coulter::endpoint]
async fn titles() -> Vec<String> {
    let mut titles = SHELF.with_borrow(Clone::clone);
    titles.sort();
    titles
}

#[coulter::main]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        let library = an.start_actor("library").expose(module_path!()).await?;
        println!("the library is open, in process {}", library.actor().pid);

        for title in ["Tides", "Knots", "Charts"] {
            let count = library.run(put::with(title)).await?;
            println!("{count}: {title}");
        }
        println!("there: {}", library.run(titles::with()).await?.join(", "));
        // The same function, here: another process, another shelf.
        println!("here: {} books", titles().await.len());

        // A daemon lives until somebody ends it; the block would wait for it forever.
        library.cancel_actor().await?;
        println!("the library is closed");
        Ok(())
    })
    .await
}
