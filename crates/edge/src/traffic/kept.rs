//! The last requests of each project, in memory: what its access log knows of before anybody watches.
//!
//! Whether a request is kept is decided before its line is made, so that one that is not costs two loads and no more.
//! Under load it is a sample: of each second the first requests of a project, and the first of all projects. All lines
//! together have a bound; the fewer bytes are left of it, the fewer lines a project keeps.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use berth_model::AccessLine;

/// Lines of one project: as many as are worth being read, and as many as are made in a second.
pub(super) const MOST: usize = 64;
/// Lines of all projects that are made in a second.
const OF_A_SECOND: u32 = 1_024;
/// How many lines a project may have while all have less than so many bytes.
const SHARES: [(usize, usize); 3] = [(2 << 20, MOST), (4 << 20, 8), (8 << 20, 1)];

/// What the lines of all projects share.
#[derive(Debug, Default)]
pub(super) struct Room {
    made: Quota,
    bytes: AtomicUsize,
}

/// The last lines of one project.
#[derive(Debug, Default)]
pub(super) struct Kept {
    made: Quota,
    room: Arc<Room>,
    lines: Mutex<VecDeque<Arc<AccessLine>>>,
}

/// How many there were in a second: its number, and the count, in one.
#[derive(Debug, Default)]
struct Quota(AtomicU64);

impl Quota {
    fn is_left(&self, second: u32, most: u32) -> bool {
        let seen = self.0.load(Relaxed);
        seen >> 32 != u64::from(second) || seen & u64::from(u32::MAX) < u64::from(most)
    }

    /// Two who come at once may count as one, or as one too many: it is a sample.
    fn count(&self, second: u32) {
        let seen = self.0.load(Relaxed);
        let is_new = seen >> 32 != u64::from(second);
        self.0.store(if is_new { u64::from(second) << 32 | 1 } else { seen + 1 }, Relaxed);
    }
}

impl Room {
    /// How many lines a project may have at the moment.
    fn share(&self) -> usize {
        let bytes = self.bytes.load(Relaxed);
        SHARES.iter().find(|(below, _)| bytes < *below).map_or(0, |(_, lines)| *lines)
    }
}

impl Kept {
    pub(super) fn sharing(room: Arc<Room>) -> Self {
        Self { made: Quota::default(), room, lines: Mutex::default() }
    }

    /// Whether a request of this second, counted from Berth's start, is kept.
    pub(super) fn takes(&self, second: u32) -> bool {
        let takes = self.room.made.is_left(second, OF_A_SECOND) && self.made.is_left(second, MOST as u32);
        if takes {
            self.room.made.count(second);
            self.made.count(second);
        }
        takes
    }

    pub(super) fn push(&self, line: Arc<AccessLine>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let share = self.room.share();
        while lines.len() >= share.max(1) {
            self.forget(lines.pop_front());
        }
        if share > 0 {
            self.room.bytes.fetch_add(size(&line), Relaxed);
            lines.push_back(line);
        }
    }

    /// At most so many, oldest first.
    pub(super) fn last(&self, most: usize) -> Vec<Arc<AccessLine>> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(most)).cloned().collect()
    }

    fn forget(&self, line: Option<Arc<AccessLine>>) {
        let bytes = line.map_or(0, |line| size(&line));
        self.room.bytes.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let lines = std::mem::take(self.lines.get_mut().unwrap_or_else(PoisonError::into_inner));
        lines.into_iter().for_each(|line| self.forget(Some(line)));
    }
}

/// What a line needs, about.
fn size(line: &AccessLine) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    size_of::<AccessLine>() + line.host.len() + line.target.len() + text(&line.referer) + text(&line.user_agent)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use berth_model::Timestamp;

    use super::*;

    fn line(number: usize, length: usize) -> Arc<AccessLine> {
        Arc::new(AccessLine {
            time: Timestamp(0),
            client: Ipv4Addr::LOCALHOST.into(),
            host: "shop.example.org".to_owned(),
            method: "GET".to_owned(),
            target: format!("/{number:length$}"),
            version: "HTTP/1.1",
            status: 200,
            bytes: 0,
            took: Duration::ZERO,
            cache_hit: false,
            referer: None,
            user_agent: None,
        })
    }

    fn targets(kept: &Kept, most: usize) -> Vec<String> {
        kept.last(most).iter().map(|line| line.target.clone()).collect()
    }

    #[test]
    fn the_last_lines_are_kept() {
        let kept = Kept::default();
        assert_eq!(kept.last(10), []);
        (0..100).for_each(|number| kept.push(line(number, 1)));
        assert_eq!(targets(&kept, 3), ["/97", "/98", "/99"]);
        let all = targets(&kept, usize::MAX);
        assert_eq!((all.len(), all[0].as_str()), (MOST, "/36"));
    }

    #[test]
    fn of_each_second_the_first_are_taken() {
        let room = Arc::new(Room::default());
        let kept: Vec<_> = (0..40).map(|_| Kept::sharing(Arc::clone(&room))).collect();
        let taken = |of: usize, second| (0..1_000).filter(|_| kept[of].takes(second)).count();
        assert_eq!((taken(0, 7), taken(0, 7), taken(0, 8)), (MOST, 0, MOST));
        let all: usize = (0..40).map(|of| taken(of, 9)).sum();
        assert_eq!(all, OF_A_SECOND as usize, "of all projects");
        assert_eq!(taken(39, 10), MOST);
    }

    #[test]
    fn all_lines_together_have_a_bound_and_everybody_some() {
        let room = Arc::new(Room::default());
        let projects: Vec<_> = (0..4_000).map(|_| Kept::sharing(Arc::clone(&room))).collect();
        for round in 0..2 {
            for kept in &projects {
                (0..MOST).for_each(|number| kept.push(line(number, 1_000)));
            }
            let bytes = room.bytes.load(Relaxed);
            assert!(bytes < (8 << 20) + 2_000, "{bytes} in round {round}");
        }
        assert!(projects.iter().all(|kept| !kept.last(1).is_empty()));
        drop(projects);
        assert_eq!(room.bytes.load(Relaxed), 0, "what is gone is given back");
    }
}
