//! The table host → release: what the edge serves before the database is there.
//!
//! It follows the database and may be a step behind; `reconcile` brings it up to date. Here it is in memory, with what
//! has changed since it was written last; [`journal`] is how it lies on disk, where a change costs what the change
//! holds and not what the table does. Who may change it, and when, is the engine's.

mod journal;
mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use berth_model::{DeploymentId, Lock, ProjectId, Timestamp};

use journal::Journal;
pub(crate) use journal::Write;

/// What hosts lead to, by host.
#[derive(Debug)]
pub(crate) struct Table {
    placements: BTreeMap<Arc<str>, Placement>,
    /// The same hosts, by project.
    of_projects: BTreeSet<(ProjectId, Arc<str>)>,
    /// What the disk does not know yet.
    changed: BTreeSet<Arc<str>>,
    journal: Journal,
}

/// What a host leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) project: ProjectId,
    /// `None`: nothing was live yet.
    pub(crate) deployment: Option<DeploymentId>,
    /// What it led to before, and until when, newest first: their hashed assets stay reachable.
    pub(crate) before: Vec<(DeploymentId, Timestamp)>,
    /// The name of the link that follows it.
    pub(crate) link: Option<Box<str>>,
    /// What its visitors have to know: a start without the database opens nothing.
    pub(crate) lock: Option<Arc<Lock>>,
}

impl Table {
    /// An empty table that is to be kept in a file.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            placements: BTreeMap::new(),
            of_projects: BTreeSet::new(),
            changed: BTreeSet::new(),
            journal: Journal::new(path),
        }
    }

    /// Reads the file; an absent one is an empty table.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if it is damaged.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut table = Self::new(path);
        journal::read(path, |host, placement| match placement {
            Some(placement) => table.place(host, placement),
            None => drop(table.remove(host)),
        })?;
        table.changed.clear();
        Ok(table)
    }

    /// What a host leads to.
    pub(crate) fn get(&self, host: &str) -> Option<&Placement> {
        self.placements.get(host)
    }

    /// All hosts, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Placement)> {
        self.placements.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.placements.len()
    }

    /// The hosts of a project.
    pub(crate) fn hosts_of(&self, project: ProjectId) -> impl Iterator<Item = &Arc<str>> {
        let all = (project, Arc::from(""))..(ProjectId(project.0 + 1), Arc::from(""));
        self.of_projects.range(all).map(|(_, host)| host)
    }

    /// Lets a host lead somewhere.
    pub(crate) fn place(&mut self, host: &str, placement: Placement) {
        let known = self.placements.get_key_value(host).map(|(host, was)| (Arc::clone(host), was.project));
        let host = match known {
            Some((host, project)) => {
                if project != placement.project {
                    self.of_projects.remove(&(project, Arc::clone(&host)));
                }
                host
            }
            None => Arc::from(host),
        };
        self.of_projects.insert((placement.project, Arc::clone(&host)));
        self.changed.insert(Arc::clone(&host));
        self.placements.insert(host, placement);
    }

    /// Lets a host lead nowhere; returns where it led.
    pub(crate) fn remove(&mut self, host: &str) -> Option<Placement> {
        let (host, was) = self.placements.remove_entry(host)?;
        self.of_projects.remove(&(was.project, Arc::clone(&host)));
        self.changed.insert(host);
        Some(was)
    }

    /// Undoes a change of one host with what [`Table::get`] said before it.
    pub(crate) fn put_back(&mut self, host: &str, was: Option<Placement>) {
        match was {
            Some(placement) => self.place(host, placement),
            None => drop(self.remove(host)),
        }
    }

    /// What has to be written so that the disk knows everything; `None` if it does. Until [`Table::written`] is told of
    /// its end the disk counts as unknown, and the next write is a whole new file.
    pub(crate) fn next_write(&mut self) -> Option<Write> {
        if self.changed.is_empty() {
            return None;
        }
        let changes: Vec<_> = self.changed.iter().map(|host| (&**host, self.placements.get(host))).collect();
        let everything = || self.placements.iter().map(|(host, placement)| (&**host, placement));
        Some(self.journal.next_write(&changes, self.placements.len(), everything))
    }

    /// The write that [`Table::next_write`] asked for has reached the disk.
    pub(crate) fn written(&mut self, write: Write) {
        self.changed.clear();
        self.journal.written(write);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    fn placement(project: i64, deployment: i64) -> Placement {
        Placement {
            project: ProjectId(project),
            deployment: Some(DeploymentId(deployment)),
            before: Vec::new(),
            link: None,
            lock: None,
        }
    }

    fn save(table: &mut Table) {
        if let Some(write) = table.next_write() {
            write.carry_out().unwrap();
            table.written(write);
        }
    }

    fn content(table: &Table) -> BTreeMap<Arc<str>, Placement> {
        table.placements.clone()
    }

    fn new() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("routes");
        (directory, path)
    }

    fn sample(path: &Path) -> Table {
        let mut table = Table::new(path);
        let shop = Placement {
            before: vec![(DeploymentId(6), Timestamp(5)), (DeploymentId(4), Timestamp(3))],
            link: Some("shop".into()),
            ..placement(1, 7)
        };
        table.place("shop.example.org", shop);
        let lock = |user: Option<&str>| {
            let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned();
            Some(Arc::new(Lock { user: user.map(str::to_owned), hash }))
        };
        table.place("shop-abc.example.org", Placement { lock: lock(None), ..placement(1, 7) });
        table.place("shop-git-x.example.org", Placement { lock: lock(Some("Zoë; - ")), ..placement(1, 7) });
        table.place("new.example.org", Placement { deployment: None, link: Some("new".into()), ..placement(2, 0) });
        table
    }

    #[test]
    fn what_is_written_is_read() {
        let (directory, path) = new();
        assert!(Table::read(&path).unwrap().placements.is_empty());
        let mut table = sample(&path);
        save(&mut table);
        assert_eq!(content(&Table::read(&path).unwrap()), content(&table));
        // One after the other, and several at once.
        table.place("shop.example.org", placement(1, 8));
        save(&mut table);
        table.remove("new.example.org");
        table.place("blog.example.org", placement(3, 9));
        save(&mut table);
        assert_eq!(content(&Table::read(&path).unwrap()), content(&table));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1 + 4 + 2, "one line for a write");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "it holds hashes of passwords");
    }

    #[test]
    fn a_write_costs_its_change_and_the_file_stays_in_bounds() {
        let (_directory, path) = new();
        let mut table = Table::new(&path);
        for number in 0..100 {
            table.place(&format!("site-{number}.example.org"), placement(number, 1));
        }
        save(&mut table);
        let whole = fs::metadata(&path).unwrap().len();
        let (mut largest, mut before) = (0, whole);
        for round in 2..200 {
            for number in 0..40 {
                table.place(&format!("site-{number}.example.org"), placement(number, round));
            }
            save(&mut table);
            let now = fs::metadata(&path).unwrap().len();
            largest = largest.max(now);
            assert!(now < before || now - before < whole / 2, "{before} and then {now}");
            before = now;
        }
        assert!(largest < whole * 12, "{largest}");
        assert_eq!(content(&Table::read(&path).unwrap()), content(&table));
    }

    #[test]
    fn hosts_of_a_project_follow() {
        let (_directory, path) = new();
        let mut table = sample(&path);
        let of = |table: &Table, project| {
            table.hosts_of(ProjectId(project)).map(|host| host.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(&table, 1), ["shop-abc.example.org", "shop-git-x.example.org", "shop.example.org"]);
        table.place("shop.example.org", placement(2, 9));
        assert_eq!(of(&table, 1), ["shop-abc.example.org", "shop-git-x.example.org"]);
        assert_eq!(of(&table, 2), ["new.example.org", "shop.example.org"]);
        table.remove("shop.example.org");
        assert_eq!(of(&table, 2), ["new.example.org"]);
    }

    #[test]
    fn c1_a_write_that_was_cut_off_never_was() {
        let (_directory, path) = new();
        let mut table = sample(&path);
        save(&mut table);
        let (old, old_length) = (content(&table), fs::metadata(&path).unwrap().len() as usize);
        table.place("shop.example.org", placement(1, 8));
        table.remove("new.example.org");
        save(&mut table);
        let whole = fs::read(&path).unwrap();
        for cut in old_length..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut read = Table::read(&path).unwrap();
            assert_eq!(content(&read), old, "{cut}");
            // What is written next is not appended to the rest.
            read.place("later.example.org", placement(4, 1));
            save(&mut read);
            assert_eq!(content(&Table::read(&path).unwrap()), content(&read));
            // A power cut can leave the length without the content.
            let mut holes = whole.clone();
            holes[cut..].fill(0);
            fs::write(&path, &holes).unwrap();
            assert_eq!(content(&Table::read(&path).unwrap()), old, "{cut}");
        }
    }

    #[test]
    fn damage_in_what_was_written_before_is_noticed() {
        let (_directory, path) = new();
        let mut table = sample(&path);
        save(&mut table);
        table.place("shop.example.org", placement(1, 8));
        save(&mut table);
        let good = fs::read(&path).unwrap();
        let last_line = good[..good.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        for at in 0..last_line {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(Table::read(&path).is_err(), "{at}");
        }
    }

    #[test]
    fn a_write_that_failed_is_made_up_for_by_the_next() {
        let (_directory, path) = new();
        let mut table = sample(&path);
        save(&mut table);
        table.place("shop.example.org", placement(1, 8));
        drop(table.next_write());
        table.place("blog.example.org", placement(3, 9));
        save(&mut table);
        assert_eq!(content(&Table::read(&path).unwrap()), content(&table));
    }

    #[test]
    fn the_table_of_an_older_berth_is_read() {
        let (_directory, path) = new();
        let old = "berth routes 1\nnew.example.org 2 - - new\nshop-abc.example.org 1 7 - -\n\
                   shop.example.org 1 7 6@5 shop\nend 3\n";
        fs::write(&path, old).unwrap();
        let table = Table::read(&path).unwrap();
        // It knew one release before, and no locks.
        let mut wanted = sample(&path);
        let shop = wanted.get("shop.example.org").unwrap().clone();
        wanted.place("shop.example.org", Placement { before: shop.before[..1].to_vec(), ..shop });
        wanted.place("shop-abc.example.org", placement(1, 7));
        wanted.remove("shop-git-x.example.org");
        assert_eq!(content(&table), content(&wanted));
        for bad in [&old[..old.len() - 7], &old.replace("end 3", "end 2"), &old.replace(" 7 ", " x ")] {
            fs::write(&path, bad).unwrap();
            assert!(Table::read(&path).is_err(), "{bad}");
        }
    }
}
