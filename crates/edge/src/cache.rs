//! Small contents in memory, by their hash, within a bound in bytes.
//!
//! Contents never change under their hash, so nothing is ever invalidated; releases that share a file share its entry.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::index::ContentHash;

/// Largest content that is kept, in bytes.
pub(crate) const MAX_CONTENT: u64 = 64 * 1024;

/// What an entry costs beside its content, roughly.
const OVERHEAD: usize = 128;

const SHARDS: usize = 16;

/// The cache; shared by all sites.
#[derive(Debug)]
pub(crate) struct SmallContents {
    shards: [Mutex<Shard>; SHARDS],
    bytes_per_shard: usize,
}

#[derive(Debug, Default)]
struct Shard {
    contents: HashMap<ContentHash, Kept>,
    /// In the order of arrival; one that was asked for since gets another round.
    order: VecDeque<ContentHash>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    content: Bytes,
    asked: bool,
}

impl SmallContents {
    /// A cache of at most `bytes`; 0 keeps nothing.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { shards: Default::default(), bytes_per_shard: bytes / SHARDS }
    }

    fn shard(&self, hash: ContentHash) -> &Mutex<Shard> {
        &self.shards[usize::from(hash.0[0]) % SHARDS]
    }

    pub(crate) fn get(&self, hash: ContentHash) -> Option<Bytes> {
        let mut shard = self.shard(hash).lock().unwrap_or_else(PoisonError::into_inner);
        let kept = shard.contents.get_mut(&hash)?;
        kept.asked = true;
        Some(kept.content.clone())
    }

    pub(crate) fn put(&self, hash: ContentHash, content: Bytes) {
        let cost = content.len() + OVERHEAD;
        if cost > self.bytes_per_shard {
            return;
        }
        let mut shard = self.shard(hash).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.contents.insert(hash, Kept { content, asked: false }).is_some() {
            return;
        }
        shard.order.push_back(hash);
        shard.bytes += cost;
        while shard.bytes > self.bytes_per_shard {
            shard.drop_one();
        }
    }
}

impl Shard {
    fn drop_one(&mut self) {
        while let Some(oldest) = self.order.pop_front() {
            match self.contents.get_mut(&oldest) {
                Some(kept) if kept.asked => {
                    kept.asked = false;
                    self.order.push_back(oldest);
                }
                _ => {
                    let cost = self.contents.remove(&oldest).map_or(0, |kept| kept.content.len() + OVERHEAD);
                    self.bytes -= cost;
                    return;
                }
            }
        }
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u8) -> ContentHash {
        let mut hash = [0; 16];
        hash[1] = number;
        ContentHash(hash)
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_is_asked_for() {
        let cache = SmallContents::new(SHARDS * 10_000);
        cache.put(hash(0), Bytes::from(vec![0; 1_000]));
        for number in 1..100 {
            cache.put(hash(number), Bytes::from(vec![number; 1_000]));
            assert!(cache.get(hash(0)).is_some(), "{number}");
        }
        let kept = (0..100).filter(|number| cache.get(hash(*number)).is_some()).count();
        assert_eq!(kept, 8);
        assert_eq!(cache.get(hash(99)).unwrap()[0], 99);
    }

    #[test]
    fn nothing_too_large_is_kept() {
        let cache = SmallContents::new(0);
        cache.put(hash(1), Bytes::from_static(b"x"));
        assert!(cache.get(hash(1)).is_none());
    }
}
