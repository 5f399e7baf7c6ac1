//! The table host → release on disk: what the edge serves before the database is there.
//!
//! A text file, one host a line, replaced as a whole by a rename. It follows the database and may be a step behind;
//! `reconcile` brings it up to date. A damaged file is as good as none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use berth_model::{DeploymentId, ProjectId, Timestamp};

const FIRST_LINE: &str = "berth routes 1";

/// Hosts, sorted, and what they lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table(pub(crate) BTreeMap<String, Placement>);

/// What a host leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) project: ProjectId,
    /// `None`: nothing was live yet.
    pub(crate) deployment: Option<DeploymentId>,
    /// What it led to before, and until when: its hashed assets stay reachable.
    pub(crate) before: Option<(DeploymentId, Timestamp)>,
    /// The name of the link that follows it.
    pub(crate) link: Option<String>,
}

impl Table {
    /// Reads the file; an absent one is an empty table.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if it is damaged.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => {
                Self::parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the table is damaged"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file: after a crash there is the old table or the new one, whole.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    fn to_text(&self) -> String {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let mut text = format!("{FIRST_LINE}\n");
        for (host, placement) in &self.0 {
            let Placement { project, deployment, before, link } = placement;
            let deployment = or_dash(deployment.map(|deployment| deployment.to_string()));
            let before = or_dash(before.map(|(deployment, until)| format!("{deployment}@{}", until.0)));
            // Writing to a string does not fail.
            let _ = writeln!(text, "{host} {project} {deployment} {before} {}", or_dash(link.clone()));
        }
        let _ = writeln!(text, "end {}", self.0.len());
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let (lines, end) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        let mut lines = lines.lines();
        (lines.next()? == FIRST_LINE).then_some(())?;
        let table: BTreeMap<_, _> = lines.map(parse_line).collect::<Option<_>>()?;
        (end == format!("end {}", table.len())).then_some(Self(table))
    }
}

fn parse_line(line: &str) -> Option<(String, Placement)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [host, project, deployment, before, link] = fields[..] else { return None };
    let number = |text: &str| text.parse::<i64>().ok();
    let placement = Placement {
        project: ProjectId(number(project)?),
        deployment: match deployment {
            "-" => None,
            id => Some(DeploymentId(number(id)?)),
        },
        before: match before {
            "-" => None,
            both => {
                both.split_once('@').map(|(id, until)| Some((DeploymentId(number(id)?), Timestamp(number(until)?))))?
            }
        },
        link: (link != "-").then(|| link.to_owned()),
    };
    Some((host.to_owned(), placement))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let placement = |deployment, before, link: Option<&str>| Placement {
            project: ProjectId(1),
            deployment,
            before,
            link: link.map(str::to_owned),
        };
        Table(BTreeMap::from([
            (
                "shop.example.org".to_owned(),
                placement(Some(DeploymentId(7)), Some((DeploymentId(6), Timestamp(5))), Some("shop")),
            ),
            ("shop-abc.example.org".to_owned(), placement(Some(DeploymentId(7)), None, None)),
            ("new.example.org".to_owned(), placement(None, None, Some("new"))),
        ]))
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("routes");
        assert_eq!(Table::read(&path).unwrap(), Table::default());
        for table in [Table::default(), sample()] {
            table.write(&path).unwrap();
            assert_eq!(Table::read(&path).unwrap(), table);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_cut_is_noticed() {
        let text = sample().to_text();
        for cut in 0..text.len() {
            assert_eq!(Table::parse(&text[..cut]), None, "{cut}");
        }
        for bad in [text.replace("routes 1", "routes 2"), text.replace(" 7 ", " x "), text.replace("end 3", "end 2")] {
            assert_eq!(Table::parse(&bad), None);
        }
    }
}
