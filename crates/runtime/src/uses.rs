//! What was used when, and which images Berth itself pulled: Docker remembers neither.
//!
//! Kept in a file, one line for each image and volume, so that what makes room first is known after a restart too.
//! What the file does not name was used before all that it names, and was not pulled by Berth. So a file that is lost
//! costs the order, and leaves pulled images where they are.
//!
//! Who uses something and who removes it take turns: nothing is removed between the moment that a build finds it and the
//! moment that it is noted as used, and whoever wants what is being removed waits until it is gone ([`Leaving`]). A turn
//! lasts as long as a note takes to write, whatever Docker does meanwhile.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::PoisonError;

use berth_model::{Clock, Timestamp};
use tokio::sync::{Mutex, MutexGuard, Notify};

/// What the names of our own images begin with.
const OURS: &str = "berth-";

/// The notes of one engine.
pub(crate) struct Uses {
    clock: Clock,
    file: Option<PathBuf>,
    /// `None` until the file has been read.
    notes: Mutex<Option<Notes>>,
    /// What Docker is removing now.
    leaving: std::sync::Mutex<HashSet<String>>,
    /// Something has left, or stays after all.
    left: Notify,
}

#[derive(Debug, Default)]
struct Notes {
    uses: BTreeMap<String, Use>,
    /// Volumes that exist, as this process knows: asking for one takes as long as a small build's output.
    volumes: HashSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Use {
    last: Timestamp,
    pulled: Option<Pulled>,
}

/// An image that was not on this machine before Berth pulled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pulled {
    /// Which one it was: the name may lead to somebody else's by now.
    pub(crate) id: String,
    /// Berth chose it as the beginning of its own images; a Dockerfile's is needed by its builds alone.
    pub(crate) is_base: bool,
}

impl Uses {
    pub(crate) fn new(clock: Clock, file: Option<PathBuf>) -> Self {
        Self { clock, file, notes: Mutex::default(), leaving: std::sync::Mutex::default(), left: Notify::new() }
    }

    /// The notes once nobody is removing `name`.
    pub(crate) async fn turn_of(&self, name: &str) -> Turn<'_> {
        loop {
            let mut left = pin!(self.left.notified());
            left.as_mut().enable();
            let turn = self.turn().await;
            if !self.leaving().contains(name) {
                return turn;
            }
            drop(turn);
            left.await;
        }
    }

    fn leaving(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The notes, for one user or remover at a time.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let mut notes = self.notes.lock().await;
        if notes.is_none() {
            let text = match &self.file {
                Some(file) => tokio::fs::read_to_string(file).await.unwrap_or_default(),
                None => String::new(),
            };
            *notes = Some(Notes { uses: read(&text), volumes: HashSet::new() });
        }
        Turn { notes, now: self.clock.now(), uses: self }
    }
}

/// The notes while nobody else has them.
pub(crate) struct Turn<'a> {
    notes: MutexGuard<'a, Option<Notes>>,
    pub(crate) now: Timestamp,
    uses: &'a Uses,
}

/// Something that Docker is removing, for as long as this is held: who wants it waits, and nobody else.
pub(crate) struct Leaving<'a> {
    uses: &'a Uses,
    name: String,
}

impl Leaving<'_> {
    /// It is gone; its notes go with it.
    pub(crate) async fn has_left(self) {
        self.uses.turn().await.gone(&self.name).await;
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.uses.leaving().remove(&self.name);
        self.uses.left.notify_waiters();
    }
}

impl<'a> Turn<'a> {
    /// Ends the turn, and lets Docker remove something that nobody uses now.
    pub(crate) fn let_go(self, name: &str) -> Leaving<'a> {
        self.uses.leaving().insert(name.to_owned());
        Leaving { uses: self.uses, name: name.to_owned() }
    }
}

impl Turn<'_> {
    fn notes(&mut self) -> &mut Notes {
        self.notes.get_or_insert_default()
    }

    /// An image or volume is used now. Images of others that were here before Berth are nothing to note.
    pub(crate) async fn used(&mut self, name: &str) {
        let now = self.now;
        match self.notes().uses.get_mut(name) {
            Some(known) => known.last = now,
            None if name.starts_with(OURS) => {
                self.notes().uses.insert(name.to_owned(), Use { last: now, pulled: None });
            }
            None => return,
        }
        self.save().await;
    }

    /// Berth begins its own images with this one.
    pub(crate) async fn used_as_base(&mut self, name: &str) {
        if let Some(Use { pulled: Some(pulled), .. }) = self.notes().uses.get_mut(name) {
            pulled.is_base = true;
        }
        self.used(name).await;
    }

    /// Berth has pulled an image that was not here.
    pub(crate) async fn pulled(&mut self, name: &str, pulled: Pulled) {
        let now = self.now;
        self.notes().uses.insert(name.to_owned(), Use { last: now, pulled: Some(pulled) });
        self.save().await;
    }

    /// What Berth pulled under this name is not there any more. What it pulled since is.
    pub(crate) async fn not_ours(&mut self, name: &str, id: &str) {
        if self.notes().uses.get(name).and_then(|known| known.pulled.as_ref()).is_some_and(|known| known.id == id) {
            self.gone(name).await;
        }
    }

    /// It is gone.
    pub(crate) async fn gone(&mut self, name: &str) {
        self.notes().volumes.remove(name);
        if self.notes().uses.remove(name).is_some() {
            self.save().await;
        }
    }

    /// When it was used last; the beginning of time if nobody knows.
    pub(crate) fn last(&mut self, name: &str) -> Timestamp {
        self.notes().uses.get(name).map_or(Timestamp(0), |known| known.last)
    }

    /// The images that Berth pulled.
    pub(crate) fn all_pulled(&mut self) -> Vec<(String, Pulled)> {
        let uses = &self.notes().uses;
        uses.iter().filter_map(|(name, known)| Some((name.clone(), known.pulled.clone()?))).collect()
    }

    /// Whether this process knows that a volume exists.
    pub(crate) fn knows_volume(&mut self, name: &str) -> bool {
        self.notes().volumes.contains(name)
    }

    /// A volume exists.
    pub(crate) fn found_volume(&mut self, name: &str) {
        self.notes().volumes.insert(name.to_owned());
    }

    /// Forgets all of ours that are not among `names` any more.
    pub(crate) async fn only(&mut self, names: &HashSet<String>) {
        let uses = &mut self.notes().uses;
        let before = uses.len();
        uses.retain(|name, known| known.pulled.is_some() || names.contains(name));
        if uses.len() < before {
            self.save().await;
        }
    }

    /// Writes the file anew. Not being able to costs no build; what it says then is merely older.
    async fn save(&mut self) {
        let Some(file) = self.uses.file.as_deref() else { return };
        let text = written(&self.notes().uses);
        let beside = file.with_extension("new");
        let saved = async {
            tokio::fs::write(&beside, text).await?;
            berth_model::step!("uses written");
            tokio::fs::rename(&beside, file).await?;
            berth_model::step!("uses renamed");
            Ok::<_, std::io::Error>(())
        };
        if let Err(error) = saved.await {
            tracing::warn!("when images and caches were used could not be noted in {}: {error}", file.display());
        }
    }
}

/// A line each: seconds since 1970, the name, and of what was pulled what for and its id. Names have no spaces.
fn written(uses: &BTreeMap<String, Use>) -> String {
    let line = |(name, Use { last, pulled }): (&String, &Use)| {
        let seconds = last.unix_seconds();
        match pulled {
            None => format!("{seconds} {name}\n"),
            Some(Pulled { id, is_base: true }) => format!("{seconds} {name} base {id}\n"),
            Some(Pulled { id, is_base: false }) => format!("{seconds} {name} pulled {id}\n"),
        }
    };
    uses.iter().map(line).collect()
}

/// The other way round; a line that is something else is passed over.
fn read(text: &str) -> BTreeMap<String, Use> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (seconds, name, pulled) = match words[..] {
            [seconds, name] => (seconds, name, None),
            [seconds, name, what @ ("base" | "pulled"), id] => {
                (seconds, name, Some(Pulled { id: id.to_owned(), is_base: what == "base" }))
            }
            _ => return None,
        };
        let last = Timestamp(seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?);
        Some((name.to_owned(), Use { last, pulled }))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(id: &str, is_base: bool) -> Pulled {
        Pulled { id: id.to_owned(), is_base }
    }

    #[tokio::test]
    async fn what_was_noted_is_known_to_the_next_process() {
        let file = std::env::temp_dir().join(format!("berth-uses-{}", std::process::id()));
        let clock = Clock::manual(Timestamp(5_000_000));
        let first = Uses::new(clock.clone(), Some(file.clone()));
        let mut turn = first.turn().await;
        turn.used("berth-toolchain-x:1").await;
        turn.used("somebodys:1").await;
        turn.pulled("node:22-slim", pulled("sha256:a", true)).await;
        turn.pulled("nginx", pulled("sha256:b", false)).await;
        drop(turn);
        let later = clock.now().after(std::time::Duration::from_secs(60));
        clock.advance(std::time::Duration::from_secs(60));
        first.turn().await.used("nginx").await;

        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + "half a li").unwrap();
        let second = Uses::new(Clock::System, Some(file.clone()));
        let mut turn = second.turn().await;
        assert_eq!(turn.last("berth-toolchain-x:1"), Timestamp(5_000_000));
        assert_eq!((turn.last("nginx"), turn.last("somebodys:1")), (later, Timestamp(0)));
        let known = [("nginx", pulled("sha256:b", false)), ("node:22-slim", pulled("sha256:a", true))];
        assert_eq!(turn.all_pulled(), known.map(|(name, pulled)| (name.to_owned(), pulled)));
        turn.only(&HashSet::new()).await;
        turn.not_ours("node:22-slim", "sha256:before").await;
        turn.not_ours("nginx", "sha256:b").await;
        drop(turn);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "5 node:22-slim base sha256:a\n");
        std::fs::remove_file(&file).unwrap();
    }
}
