//! The head of a log as it comes, and its tail at the end: what is between them is counted and left out.

use std::collections::VecDeque;

use berth_model::words::Bytes;
use berth_model::{LogLine, LogPhase, LogStream};

/// What a line costs besides its text: a million empty lines are not free.
const LINE_COST: u64 = 32;

/// A line without its number.
pub(super) struct Unnumbered {
    pub(super) stream: LogStream,
    pub(super) phase: LogPhase,
    pub(super) text: String,
}

impl Unnumbered {
    fn cost(&self) -> u64 {
        self.text.len() as u64 + LINE_COST
    }
}

/// Numbers lines, and keeps a log within its limit.
pub(super) struct Capped {
    next: i64,
    limit: u64,
    head_left: u64,
    tail: VecDeque<Unnumbered>,
    tail_cost: u64,
    left_out: (u64, u64),
    full: bool,
}

impl Capped {
    pub(super) fn new(first: i64, limit: u64) -> Self {
        Self {
            next: first,
            limit,
            head_left: limit / 2,
            tail: VecDeque::new(),
            tail_cost: 0,
            left_out: (0, 0),
            full: false,
        }
    }

    /// The number that the next line gets.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Takes a line; returns it numbered while the head has room (with a word about the limit when it ends).
    pub(super) fn take(&mut self, line: Unnumbered) -> Option<LogLine> {
        if !self.full {
            if let Some(left) = self.head_left.checked_sub(line.cost()) {
                self.head_left = left;
                return Some(self.number(line));
            }
            self.full = true;
            let text = format!(
                "… the log has reached its limit of {}; only its last lines follow, at the end (BERTH_BUILD_LOG)",
                Bytes(self.limit)
            );
            let notice = self.number(Unnumbered { text, stream: LogStream::Stdout, phase: line.phase });
            self.keep_in_tail(line);
            return Some(notice);
        }
        self.keep_in_tail(line);
        None
    }

    /// The tail, numbered, once nothing more comes.
    pub(super) fn end(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::with_capacity(self.tail.len() + 1);
        if self.left_out.0 > 0 {
            let (count, bytes) = self.left_out;
            let text = format!("… {count} lines ({}) are left out here", Bytes(bytes));
            let phase = self.tail.front().map_or(LogPhase::Build, |line| line.phase);
            lines.push(self.number(Unnumbered { text, stream: LogStream::Stdout, phase }));
        }
        for line in std::mem::take(&mut self.tail) {
            lines.push(self.number(line));
        }
        self.tail_cost = 0;
        self.left_out = (0, 0);
        lines
    }

    fn keep_in_tail(&mut self, line: Unnumbered) {
        self.tail_cost += line.cost();
        self.tail.push_back(line);
        while self.tail_cost > self.limit / 2 {
            let Some(oldest) = self.tail.pop_front() else { return };
            self.tail_cost -= oldest.cost();
            self.left_out.0 += 1;
            self.left_out.1 += oldest.text.len() as u64 + 1;
        }
    }

    fn number(&mut self, line: Unnumbered) -> LogLine {
        let number = self.next;
        self.next += 1;
        LogLine { number, stream: line.stream, phase: line.phase, text: line.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_survive_and_numbers_have_no_gap() {
        let mut capped = Capped::new(5, 4_000);
        let mut lines: Vec<LogLine> = Vec::new();
        for n in 0..1_000 {
            let line = Unnumbered { stream: LogStream::Stdout, phase: LogPhase::Run, text: format!("line {n}") };
            lines.extend(capped.take(line));
        }
        lines.extend(capped.end());
        let numbers: Vec<i64> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, (5..5 + lines.len() as i64).collect::<Vec<_>>());
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((texts[0], *texts.last().unwrap()), ("line 0", "line 999"));
        assert!(texts.iter().any(|text| text.contains("limit of 3.9 KiB")));
        let left_out = texts.iter().find(|text| text.contains("left out here")).unwrap();
        let count: usize = left_out.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(count + texts.len() - 2, 1_000);
        assert!(texts.len() < 110);
    }
}
