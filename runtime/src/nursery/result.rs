//! A one-shot actor's result, and the news of it to its nursery.
use std::marker::PhantomData;
use std::rc::{Rc, Weak};
use std::task::Poll;

use coulter_proto::error::CancelCause;
use coulter_proto::nursery::ChildId;

use super::Inner;
use crate::dialog::{Dialog, FinalWord, Owner};
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::rpc::endpoint::Endpoint;
use crate::scope;

/// The portal of an actor that runs one endpoint, and that endpoint's result.
pub struct ResultPortal<E: Endpoint> {
    portal: Portal,
    dialog: Rc<Dialog>,
    nursery: Weak<Inner>,
    child: ChildId,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> std::fmt::Debug for ResultPortal<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResultPortal({} in {})", self.dialog.endpoint, self.portal.actor())
    }
}

impl<E: Endpoint> std::ops::Deref for ResultPortal<E> {
    type Target = Portal;
    fn deref(&self) -> &Portal {
        &self.portal
    }
}

/// Tells the nursery of a one-shot's result.
struct OneShot {
    nursery: Weak<Inner>,
    child: ChildId,
    dialog: Weak<Dialog>,
}

impl Owner for OneShot {
    fn cancel_task(&self, _cause: CancelCause) {}
    fn drop_block(&self, _cause: CancelCause) {}
    fn ended(&self) {
        let (Some(nursery), Some(dialog)) = (self.nursery.upgrade(), self.dialog.upgrade()) else { return };
        match dialog.final_word() {
            Some(FinalWord::Failed(failure)) => nursery.result(self.child, Some(&failure)),
            _ => nursery.result(self.child, None),
        }
    }
}

impl<E: Endpoint> ResultPortal<E> {
    pub(crate) fn new(portal: Portal, dialog: Rc<Dialog>, nursery: &Rc<Inner>, child: ChildId) -> Self {
        let owner = Rc::new(OneShot { nursery: Rc::downgrade(nursery), child, dialog: Rc::downgrade(&dialog) });
        dialog.set_owner(owner.clone());
        if dialog.is_over() {
            owner.ended();
        }
        Self { portal, dialog, nursery: Rc::downgrade(nursery), child, endpoint: PhantomData }
    }

    /// Waits for the result; again and again, also after the nursery's end.
    ///
    /// # Errors
    /// What the endpoint failed with, or [`Error::ActorDied`].
    ///
    /// # Cancel safety
    /// Nothing is lost; the endpoint goes on.
    pub async fn wait_for_result(&self) -> Result<E::Ok, Error> {
        let word = std::future::poll_fn(|cx| if scope::cancelled_here() { Poll::Pending } else { self.dialog.poll_final(cx) }).await;
        match word {
            FinalWord::Returned(bytes) => crate::context::stream::decode(&bytes, &self.dialog, "the result"),
            FinalWord::Failed(failure) => Err(Error::from_failure(failure)),
        }
    }

    /// Lets the actor go as soon as its result is in, instead of at the end of the block.
    pub fn release(&self) {
        if let Some(nursery) = self.nursery.upgrade() {
            nursery.release(self.child);
        }
    }
}
