//! Large files that stay open between requests.
//!
//! A release holds its own, so that they are closed with it and a removed release gives its disk space back; here is
//! only remembered which there are, so that all releases together hold a bounded number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::index::ContentHash;
use crate::release::Release;

/// In the order in which they were opened; one that was asked for since gets another round.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    order: Mutex<VecDeque<(Weak<Release>, ContentHash)>>,
    most: usize,
}

impl OpenFiles {
    pub(crate) fn new(most: usize) -> Self {
        Self { order: Mutex::default(), most }
    }

    /// A release keeps this file open from now on; another one is closed where that makes too many.
    pub(crate) fn opened(&self, release: &Arc<Release>, hash: ContentHash) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.push_back((Arc::downgrade(release), hash));
        while order.len() > self.most {
            let Some((owner, hash)) = order.pop_front() else { return };
            let is_wanted = owner.upgrade().is_some_and(|release| !release.close_unless_asked_for(hash));
            if is_wanted {
                order.push_back((owner, hash));
            }
        }
    }
}
