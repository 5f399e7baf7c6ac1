//! What holds for every log: whatever was printed, wherever the process was killed, however it is read.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use berth_model::{LogStream, Timestamp};
use proptest::prelude::*;
use tokio::sync::broadcast::error::RecvError;

use super::line::{Origin, Record};
use super::*;

const WEB: DeploymentId = DeploymentId(9);

fn encoded(at_ns: i64, replica: u32, text: &str) -> String {
    let origin = Origin::Output(if replica == 1 { LogStream::Stdout } else { LogStream::Stderr });
    Record { at_ns, deployment: WEB, replica: Some(replica), origin, text }.encoded()
}

fn append_all(segments: &mut Segments, lines: &[String]) {
    let mut rest = lines;
    while !rest.is_empty() {
        let (_, count) = segments.append(rest.iter().map(String::as_str)).unwrap();
        assert!(count > 0);
        rest = &rest[count..];
    }
}

fn everything(segments: &Segments) -> Vec<(i64, String)> {
    let mut lines: Vec<(i64, String)> = Vec::new();
    let mut from = 0;
    loop {
        let page = search::page(segments, &LogSearch::default(), LogFrom::After(from), 7).unwrap();
        lines.extend(page.lines.into_iter().map(|line| (line.number, line.text)));
        match page.next {
            Some(next) => from = next,
            None => return lines,
        }
    }
}

fn on_disk(directory: &Path) -> u64 {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Every byte that a kill may leave: the lines before are there, and the log goes on as if nothing more had been written.
#[test]
fn a_line_that_was_not_written_to_its_end_is_cut_off() {
    let home = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (1..=3).map(|number| encoded(number, 1, &"ü".repeat(9))).collect();
    let whole: usize = lines.iter().map(String::len).sum();
    for killed_at in 0..=whole {
        let directory = home.path().join(killed_at.to_string());
        let mut segments = Segments::open(directory.clone(), 1 << 20).unwrap();
        append_all(&mut segments, &lines);
        let file = OpenOptions::new().write(true).open(directory.join(format!("{:020}.log", 1))).unwrap();
        file.set_len(killed_at as u64).unwrap();

        let mut segments = Segments::open(directory.clone(), 1 << 20).unwrap();
        let kept = killed_at / lines[0].len();
        assert_eq!(everything(&segments).len(), kept, "killed at {killed_at}");
        let (first, _) = segments.append([encoded(7, 2, "again").as_str()]).unwrap();
        assert_eq!(first, kept as i64 + 1);
        let found = everything(&Segments::open(directory, 1 << 20).unwrap());
        assert_eq!(found.len(), kept + 1);
        assert_eq!(found.last(), Some(&(kept as i64 + 1, "again".to_owned())));
    }
}

#[test]
fn what_somebody_else_did_to_the_files_stops_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut segments = Segments::open(home.path().join("web"), 1 << 20).unwrap();
    let first = home.path().join("web").join(format!("{:020}.log", 1));
    append_all(&mut segments, &[encoded(1, 1, "one"), encoded(2, 1, "two")]);
    fs::write(home.path().join("web/notes.txt"), "not a log").unwrap();
    fs::write(&first, "").unwrap();
    append_all(&mut segments, &[encoded(3, 1, "three")]);
    assert_eq!(everything(&segments), [(3, "three".to_owned())], "the numbers go on");
    fs::remove_dir_all(home.path().join("web")).unwrap();
    append_all(&mut segments, &[encoded(4, 1, "four")]);
    assert_eq!(everything(&segments), [(4, "four".to_owned())]);
    let mut damaged = fs::read(home.path().join("web").join(format!("{:020}.log", 4))).unwrap();
    damaged.extend(b"\0\0\xff\0\n");
    fs::write(home.path().join("web").join(format!("{:020}.log", 4)), damaged).unwrap();
    let mut segments = Segments::open(home.path().join("web"), 1 << 20).unwrap();
    append_all(&mut segments, &[encoded(6, 1, "six")]);
    assert_eq!(everything(&segments), [(4, "four".to_owned()), (6, "six".to_owned())]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Lines of any length, in batches of any size, with restarts between: the newest are kept, in order, with the numbers
    /// they were given, in no more room than is allowed.
    #[test]
    fn the_newest_lines_are_kept(
        batches in prop::collection::vec((prop::collection::vec(0_usize..600, 1..40), any::<bool>()), 1..20),
        limit in 1_u64..60_000,
    ) {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("web");
        let mut segments = Segments::open(directory.clone(), limit).unwrap();
        let mut written = Vec::new();
        for (lengths, restarts) in batches {
            let texts: Vec<String> = lengths.iter().enumerate().map(|(at, length)| {
                format!("{}-{}", written.len() + at, "x".repeat(*length))
            }).collect();
            append_all(&mut segments, &texts.iter().map(|text| encoded(1, 1, text)).collect::<Vec<_>>());
            written.extend(texts);
            if restarts {
                segments = Segments::open(directory.clone(), limit).unwrap();
            }
        }
        let found = everything(&segments);
        let oldest = segments.oldest();
        prop_assert_eq!(segments.newest(), written.len() as i64);
        prop_assert_eq!(found.len() as i64, segments.newest() - oldest + 1);
        let expected = (1..).zip(written).skip_while(|(number, _)| *number < oldest);
        for ((number, text), (found_number, found_text)) in expected.zip(&found) {
            prop_assert_eq!(number, *found_number);
            prop_assert_eq!(&text, found_text);
        }
        // One segment more at most, which no log can do without.
        prop_assert!(on_disk(&directory) <= limit + 5_000, "{} bytes of {limit}", on_disk(&directory));
    }

    /// Paged through in either direction, with any page size, a search finds exactly what is there.
    #[test]
    fn a_search_finds_everything_once(
        lines in prop::collection::vec((1_u32..4, 0_i64..50, "[aAbBß ]{0,6}"), 0..120),
        query in prop::option::of("[abß]{1,2}"),
        replica in prop::option::of(1_u32..4),
        since in prop::option::of(0_i64..50),
        until in prop::option::of(0_i64..50),
        stream in prop::option::of(prop::sample::select(vec![LogStream::Stdout, LogStream::Stderr])),
        limit in 1_usize..20,
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut segments = Segments::open(home.path().join("web"), 1 << 20).unwrap();
        let all: Vec<String> = lines.iter().map(|(replica, at, text)| encoded(at * 1_000, *replica, text)).collect();
        append_all(&mut segments, &all);
        let expected: Vec<i64> = (1..).zip(&lines).filter(|(_, (own, at, text))| {
            replica.is_none_or(|replica| replica == *own)
                && since.is_none_or(|since| *at >= since)
                && until.is_none_or(|until| *at < until)
                && stream.is_none_or(|stream| (stream == LogStream::Stdout) == (*own == 1))
                && query.as_ref().is_none_or(|query| text.to_lowercase().contains(query))
        }).map(|(number, _)| number).collect();
        let (since, until) = (since.map(Timestamp), until.map(Timestamp));
        let search = LogSearch { query, stream, replica, deployment: None, since, until };

        let (mut forwards, mut from) = (Vec::new(), Some(0));
        while let Some(after) = from {
            let page = search::page(&segments, &search, LogFrom::After(after), limit).unwrap();
            prop_assert!(page.lines.len() <= limit);
            forwards.extend(page.lines.iter().map(|line| line.number));
            from = page.next;
        }
        prop_assert_eq!(&forwards, &expected);

        let (mut backwards, mut from, mut is_first) = (Vec::new(), None, true);
        while is_first || from.is_some() {
            is_first = false;
            let page = search::page(&segments, &search, LogFrom::Before(from), limit).unwrap();
            prop_assert!(page.lines.len() <= limit);
            let numbers: Vec<i64> = page.lines.iter().map(|line| line.number).collect();
            backwards.splice(0..0, numbers);
            from = page.next;
        }
        prop_assert_eq!(&backwards, &expected);
    }
}

/// Looking for what is not there reads a bounded part of a large log at once.
#[test]
fn a_page_reads_no_more_than_it_may() {
    let home = tempfile::tempdir().unwrap();
    let mut segments = Segments::open(home.path().join("web"), 1 << 30).unwrap();
    let line = encoded(1, 1, &"x".repeat(16_000));
    append_all(&mut segments, &vec![line; 1_000]);
    let search = LogSearch { query: Some("needle".to_owned()), ..LogSearch::default() };
    let first = search::page(&segments, &search, LogFrom::Before(None), 10).unwrap();
    let next = first.next.unwrap();
    assert!(first.lines.is_empty() && (300..700).contains(&next), "{next}");
    let second = search::page(&segments, &search, LogFrom::Before(Some(next)), 10).unwrap();
    assert_eq!((second.lines.len(), second.next), (0, None));
    let all = search::page(&segments, &LogSearch::default(), LogFrom::After(0), 10_000).unwrap();
    assert!(all.lines.len() < 70, "a page of {} long lines", all.lines.len());
}

fn service(name: &str) -> LogOf {
    let service = ServiceName::parse(name).unwrap();
    LogOf::Service { project: ProjectId(3), environment: Environment::Production, service }
}

fn logs(home: &Path) -> ServiceLogs {
    ServiceLogs::open(home.join("service-logs"), 1 << 20, Clock::System)
}

fn plain(logs: &ServiceLogs, of: &LogOf, replica: Option<u32>) -> LogWriter {
    logs.writer(of.clone(), WEB, replica, Arc::default())
}

async fn texts(logs: &ServiceLogs, of: &LogOf) -> Vec<String> {
    let page = logs.page(of, LogSearch::default(), LogFrom::After(0), 1_000).await.unwrap();
    page.lines.into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn what_replicas_print_is_masked_told_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let (logs, web) = (logs(home.path()), service("web"));
    assert_eq!(texts(&logs, &web).await, [""; 0]);
    let mut told = logs.subscribe();
    let mask = Arc::new(Mask::of(["s3cret-value"]));
    let one = logs.writer(web.clone(), WEB, Some(1), Arc::clone(&mask));
    one.line(1_000, LogStream::Stdout, b"key s3cret-value\r").await;
    one.line(2_000, LogStream::Stderr, &[b'x'; 40_000]).await;
    one.line(3_000, LogStream::Stdout, b"").await;
    one.say("replica 1 ended: exit code 1\nstarting again with s3cret-value").await;
    let batch = told.recv().await.unwrap();
    assert_eq!(batch.of, web);
    let kept = logs.page(&web, LogSearch::default(), LogFrom::Before(None), 10).await.unwrap().lines;
    assert_eq!(*batch.lines, *kept, "what is told is kept by then");
    assert_eq!((kept[0].text.as_str(), kept[0].at, kept[0].replica), ("key ***", Timestamp(1), Some(1)));
    assert!(kept[1].text.len() < 17_000 && kept[1].text.ends_with("more bytes)"));
    assert_eq!(kept[2].text, "");
    assert_eq!(kept[4].text, "starting again with ***");
    assert!(!home.path().join("service-logs/3/preview").exists());
    let again = self::logs(home.path());
    plain(&again, &web, Some(2)).line(4_000, LogStream::Stdout, b"later").await;
    again.settle().await;
    let page = again.page(&web, LogSearch::default(), LogFrom::After(5), 10).await.unwrap();
    assert_eq!((page.lines[0].number, page.newest), (6, 6), "the numbers go on after a restart");
}

/// Also after a kill: Docker is asked for what follows the last line of this replica that is here.
#[tokio::test]
async fn a_replicas_log_goes_on_where_it_ends() {
    let home = tempfile::tempdir().unwrap();
    let (logs, web) = (logs(home.path()), service("web"));
    let (one, two) = (plain(&logs, &web, Some(1)), plain(&logs, &web, Some(2)));
    assert_eq!(one.resume_from().await.unwrap(), None);
    one.line(1_000, LogStream::Stdout, b"a").await;
    two.line(2_000, LogStream::Stdout, b"b").await;
    one.say("this is Berth's").await;
    assert_eq!(one.resume_from().await.unwrap(), Some(1_000));
    drop((one, two, logs));
    let logs = self::logs(home.path());
    assert_eq!(plain(&logs, &web, Some(2)).resume_from().await.unwrap(), Some(2_000));
    assert_eq!(plain(&logs, &web, Some(3)).resume_from().await.unwrap(), None, "all of it is wanted");
    let other = logs.writer(web.clone(), DeploymentId(10), Some(1), Arc::default());
    assert_eq!(other.resume_from().await.unwrap(), None, "another deployment's replica is another");

    // Where a neighbour's lines pushed its own out, they do not come back as if they were new.
    let noisy = plain(&logs, &web, Some(2));
    for number in 0..200 {
        noisy.line(1_000_000 + number, LogStream::Stdout, &[b'n'; 16_000]).await;
    }
    noisy.end().await;
    let from = plain(&logs, &web, Some(1)).resume_from().await.unwrap().unwrap();
    assert!((1_000_000..1_000_200).contains(&from), "{from}");
}

#[tokio::test]
async fn who_falls_behind_is_told_and_reads_by_number() {
    let home = tempfile::tempdir().unwrap();
    let (logs, web) = (logs(home.path()), service("web"));
    let mut told = logs.subscribe();
    let writer = plain(&logs, &web, Some(1));
    for number in 0..WATCHED + 5 {
        writer.line(number as i64, LogStream::Stdout, b"x").await;
        writer.end().await;
    }
    assert!(matches!(told.recv().await, Err(RecvError::Lagged(_))));
    let batch = told.recv().await.unwrap();
    assert!(batch.lines[0].number > 1);
    assert_eq!(texts(&logs, &web).await.len(), WATCHED + 5);
}

/// Where the disk takes nothing, a writer waits instead of filling the memory, and nothing is lost once it does again.
#[tokio::test]
async fn a_disk_that_takes_nothing_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let (logs, web) = (logs(home.path()), service("web"));
    // A file where the directory should be.
    fs::write(home.path().join("service-logs"), "").unwrap();
    let writer = plain(&logs, &web, Some(1));
    let printing = tokio::spawn(async move {
        for number in 0..100 {
            writer.line(number, LogStream::Stdout, &[b'x'; 15_000]).await;
        }
        writer.end().await;
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!printing.is_finished(), "1.5 MB wait in memory");
    fs::remove_file(home.path().join("service-logs")).unwrap();
    tokio::time::timeout(Duration::from_secs(20), printing).await.unwrap().unwrap();
    let page = logs.page(&web, LogSearch::default(), LogFrom::Before(None), 1).await.unwrap();
    assert_eq!(page.newest, 100);
}

#[tokio::test]
async fn logs_go_with_their_project_and_those_of_runs_in_time() {
    let home = tempfile::tempdir().unwrap();
    let (logs, web) = (logs(home.path()), service("web"));
    plain(&logs, &web, Some(1)).line(1, LogStream::Stdout, b"x").await;
    for run in 1..=(RUNS as i64 + 3) {
        let writer = plain(&logs, &LogOf::Run { project: ProjectId(3), run: RunId(run) }, None);
        writer.line(run, LogStream::Stdout, b"done").await;
        writer.end().await;
    }
    let runs = fs::read_dir(home.path().join("service-logs/3/runs")).unwrap().count();
    assert!(runs <= RUNS + 1, "{runs} runs");
    let last = LogOf::Run { project: ProjectId(3), run: RunId(RUNS as i64 + 3) };
    assert_eq!(texts(&logs, &last).await, ["done"]);
    let kept =
        LogOf::Service { project: ProjectId(4), environment: Environment::Preview, service: ServiceName::only() };
    plain(&logs, &kept, Some(1)).line(1, LogStream::Stdout, b"another's").await;
    logs.settle().await;
    let writer = plain(&logs, &web, Some(1));
    writer.line(2, LogStream::Stdout, b"y").await;
    logs.remove_project(ProjectId(3)).await.unwrap();
    writer.line(3, LogStream::Stdout, b"z").await;
    writer.end().await;
    assert!(!home.path().join("service-logs/3").exists());
    assert_eq!(texts(&logs, &kept).await, ["another's"]);
    logs.remove_project(ProjectId(3)).await.unwrap();
}
