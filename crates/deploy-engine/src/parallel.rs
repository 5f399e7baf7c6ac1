//! Work on many things at once, on threads that end with it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads what computes may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).min(8)
}

/// Does `work` for each item on up to `threads` threads, in no order; the results are in the order of the items. Ends
/// early with an error if there is one.
pub(crate) fn try_map<T: Sync, R: Send, E: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<(usize, R)>, E> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return Ok(done) };
            done.push((number, work(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(run)).collect();
        let mut all = run();
        for other in others {
            let theirs = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all = all.and_then(|mut all| {
                all.extend(theirs?);
                Ok(all)
            });
        }
        all
    })?;
    all.sort_unstable_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_and_an_error_ends_it() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled: Result<Vec<_>, ()> = try_map(4, &items, |item| Ok(item * 2));
        assert_eq!(doubled.unwrap(), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(try_map(4, &items, |item| if *item == 500 { Err(*item) } else { Ok(()) }), Err(500));
        assert_eq!(try_map(4, &[], |(): &()| Err::<(), _>(1)), Ok(vec![]));
    }
}
