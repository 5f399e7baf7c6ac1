//! Small contents in memory, by their hash, within a bound in bytes.
//!
//! Contents never change under their hash, so nothing is ever invalidated; releases that share a file share its entry.
//! Once the cache is full it gives way slowly: of what comes new, one in eight is taken in. Sites that are asked for in
//! turn, more of them than fit, would otherwise push each other out just before they are asked for again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::index::ContentHash;

/// Largest content that is kept, in bytes.
pub(crate) const MAX_CONTENT: u64 = 64 * 1024;

/// What an entry costs beside its content, roughly.
const OVERHEAD: usize = 128;

const SHARDS: usize = 16;

/// Of newcomers to a full cache, one in so many is taken in.
const ADMITTED: u64 = 8;

/// The cache; shared by all sites.
#[derive(Debug)]
pub(crate) struct SmallContents {
    shards: [Mutex<Shard>; SHARDS],
    bytes_per_shard: usize,
}

#[derive(Debug, Default)]
struct Shard {
    contents: HashMap<ContentHash, Kept, RandomState>,
    /// In the order of arrival; one that was asked for since gets another round.
    order: VecDeque<ContentHash>,
    bytes: usize,
    /// Newcomers since the cache was full.
    newcomers: u32,
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
        let is_full = shard.bytes + cost > self.bytes_per_shard;
        if shard.contents.contains_key(&hash) || (is_full && !shard.admits()) {
            return;
        }
        while shard.bytes + cost > self.bytes_per_shard {
            shard.drop_one();
        }
        shard.contents.insert(hash, Kept { content, asked: false });
        shard.order.push_back(hash);
        shard.bytes += cost;
    }
}

impl Shard {
    fn admits(&mut self) -> bool {
        self.newcomers = self.newcomers.wrapping_add(1);
        // A fixed step would take in always the same ones of sites that are asked for in turn.
        self.contents.hasher().hash_one(self.newcomers).is_multiple_of(ADMITTED)
    }

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

    fn hash(number: u16) -> ContentHash {
        let mut hash = [0; 16];
        hash[1..3].copy_from_slice(&number.to_le_bytes());
        ContentHash(hash)
    }

    /// Asks for a content as a request does.
    fn ask(cache: &SmallContents, number: u16) -> bool {
        let is_kept = cache.get(hash(number)).is_some();
        if !is_kept {
            cache.put(hash(number), Bytes::from(vec![0; 1_000]));
        }
        is_kept
    }

    fn held(cache: &SmallContents) -> usize {
        cache.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum()
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_is_asked_for() {
        let cache = SmallContents::new(SHARDS * 10_000);
        ask(&cache, 0);
        for number in 1..1_000 {
            ask(&cache, number);
            assert!(ask(&cache, 0), "{number}");
        }
        assert_eq!(held(&cache), 8 * (1_000 + OVERHEAD));
    }

    #[test]
    fn more_than_fits_asked_for_in_turn_is_found_in_part() {
        let cache = SmallContents::new(SHARDS * 100 * (1_000 + OVERHEAD));
        for number in (0..10).flat_map(|_| 0..200) {
            ask(&cache, number);
        }
        let found = (0..200).filter(|number| ask(&cache, *number)).count();
        assert!(found > 50, "{found} of 200, where 100 fit");
    }

    #[test]
    fn what_is_asked_for_now_comes_in() {
        let cache = SmallContents::new(SHARDS * 100 * (1_000 + OVERHEAD));
        for number in (0..100).chain((0..100).flat_map(|_| 200..300)) {
            ask(&cache, number);
        }
        let found = (200..300).filter(|number| cache.get(hash(*number)).is_some()).count();
        assert!(found > 80, "{found} of 100");
    }

    #[test]
    fn nothing_too_large_is_kept() {
        let cache = SmallContents::new(0);
        cache.put(hash(1), Bytes::from_static(b"x"));
        assert!(cache.get(hash(1)).is_none());
    }
}
