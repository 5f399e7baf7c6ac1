//! Build logs. The builder hands over what came in a quarter of a second; that is one row, not one per line.
//!
//! In `log.lines` every line is its stream (`o`, `e`), its phase (`b`, `r`), its text and a line feed; its number
//! follows from `first_line`. A row holds at most [`ROW_LINES`] lines or about [`ROW_BYTES`], without a gap.

use berth_model::{Access, BuildId, LogLine, LogPhase, LogStream, Timestamp};

use crate::sql::{FromRow, Row, sql};
use crate::{Store, StoreError};

const ROW_LINES: usize = 1_000;
const ROW_BYTES: usize = 256 << 10;

/// Lines that were stored together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// The row.
    pub id: i64,
    /// Of which build.
    pub build: BuildId,
    /// At least one, in order.
    pub lines: Vec<LogLine>,
    /// When they were stored.
    pub created_at: Timestamp,
}

impl FromRow for LogChunk {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let lines =
            decoded(row.get("first_line")?, &row.get::<String>("lines")?).ok_or(StoreError::Corrupt("lines"))?;
        Ok(Self {
            id: row.get("id")?,
            build: BuildId(row.get("build_id")?),
            lines,
            created_at: row.time("created_at")?,
        })
    }
}

/// The lines as one text.
fn encoded(lines: &[LogLine]) -> String {
    let mut text = String::with_capacity(lines.iter().map(|line| line.text.len() + 3).sum());
    for line in lines {
        text.push(if line.stream == LogStream::Stdout { 'o' } else { 'e' });
        text.push(if line.phase == LogPhase::Build { 'b' } else { 'r' });
        text.extend(line.text.chars().map(|c| if c == '\n' { ' ' } else { c }));
        text.push('\n');
    }
    text
}

/// What [`encoded`] made; `None` if it did not.
fn decoded(first: i64, text: &str) -> Option<Vec<LogLine>> {
    let line = |(number, line): (i64, &str)| {
        let mut chars = line.chars();
        let stream = match chars.next()? {
            'o' => LogStream::Stdout,
            'e' => LogStream::Stderr,
            _ => return None,
        };
        let phase = match chars.next()? {
            'b' => LogPhase::Build,
            'r' => LogPhase::Run,
            _ => return None,
        };
        Some(LogLine { number, stream, phase, text: chars.as_str().to_owned() })
    };
    (first..).zip(text.split_terminator('\n')).map(line).collect()
}

/// Parts of the lines that each make a row.
fn rows(lines: &[LogLine]) -> impl Iterator<Item = &[LogLine]> {
    let mut bytes = 0;
    let mut count = 0;
    lines.chunk_by(move |line, next| {
        bytes += line.text.len();
        count += 1;
        let fits = count < ROW_LINES && bytes + next.text.len() <= ROW_BYTES && next.number == line.number + 1;
        if !fits {
            (bytes, count) = (0, 0);
        }
        fits
    })
}

impl Store {
    /// Stores lines of a build; their numbers continue those that are there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a line with the first number is there already, [`StoreError::NotFound`] if the
    /// build is gone.
    pub async fn append_log(&self, build: BuildId, lines: &[LogLine]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for part in rows(lines) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let insert = sql("INSERT INTO log (build_id, first_line, last_line, lines, created_at) \
                              VALUES ($1, $2, $3, $4, $5)");
            let insert = insert.bind(build).bind(first.number).bind(last.number).bind(encoded(part));
            tx.run(insert.bind(tx.now)).await?;
        }
        tx.commit().await
    }

    /// At most `limit` lines of one of the user's builds that come after line `after`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn log_after(
        &self,
        access: Access,
        build: BuildId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<LogLine>, StoreError> {
        self.build(access, build).await?;
        let mut lines: Vec<LogLine> = Vec::new();
        loop {
            let seen = lines.last().map_or(after, |line| line.number);
            let select = sql("SELECT id, build_id, first_line, lines, created_at FROM log \
                              WHERE build_id = $1 AND last_line > $2 ORDER BY first_line LIMIT 16");
            let chunks: Vec<LogChunk> = self.all(select.bind(build).bind(seen)).await?;
            let was_last = chunks.len() < 16;
            lines.extend(chunks.into_iter().flat_map(|chunk| chunk.lines).filter(|line| line.number > seen));
            if was_last || lines.len() >= limit {
                lines.truncate(limit);
                return Ok(lines);
            }
        }
    }

    /// The last `limit` chunks of a log as they were stored, in order: what legacy clients call a log row. What the
    /// sockets tell next follows on them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn log_chunks(&self, access: Access, build: BuildId, limit: u32) -> Result<Vec<LogChunk>, StoreError> {
        self.build(access, build).await?;
        let select = sql("SELECT id, build_id, first_line, lines, created_at FROM log WHERE build_id = $1 \
                          ORDER BY first_line DESC LIMIT $2");
        let mut chunks: Vec<LogChunk> = self.all(select.bind(build).bind(i64::from(limit))).await?;
        chunks.reverse();
        Ok(chunks)
    }

    /// The number of a build's last line; 0 if it has none.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn last_line(&self, build: BuildId) -> Result<i64, StoreError> {
        let select = sql("SELECT COALESCE(MAX(last_line), 0) FROM log WHERE build_id = $1");
        Ok(self.one(select.bind(build)).await?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: i64, text: &str) -> LogLine {
        LogLine { number, stream: LogStream::Stderr, phase: LogPhase::Run, text: text.to_owned() }
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let lines = [line(7, ""), line(8, "\u{1b}[31mrot\u{1b}[0m ü"), line(9, "eb")];
        assert_eq!(decoded(7, &encoded(&lines)).unwrap(), lines);
        assert_eq!(decoded(1, &encoded(&[line(1, "a\nb")])).unwrap(), [line(1, "a b")]);
        assert_eq!(decoded(1, "xx\n"), None);
    }

    #[test]
    fn rows_end_at_gaps_and_when_full() {
        let lengths = |lines: &[LogLine]| rows(lines).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[line(1, "a"), line(2, "b"), line(4, "c")]), [2, 1]);
        let many: Vec<_> = (1..=2_500).map(|number| line(number, "x")).collect();
        assert_eq!(lengths(&many), [1_000, 1_000, 500]);
        let long: Vec<_> = (1..=40).map(|number| line(number, &"x".repeat(16 << 10))).collect();
        assert_eq!(lengths(&long), [16, 16, 8]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
