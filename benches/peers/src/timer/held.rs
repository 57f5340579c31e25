//! Bytes that a pending sleep holds.
//!
//! The future in its box and whatever its timer keeps about it, as asked of the allocator; beside
//! it by how much the process has grown, which the kernel tells. The list of the boxes is not
//! counted. Once with a million sleeps, and once more with as many as leave a table that doubles
//! just after it has done so.

use std::fs;
use std::mem;
use std::pin::Pin;
use std::time::Duration;

use super::arm::arm;
use crate::executors::Sleeps;
use crate::figures::Figure;
use crate::memory::{Allocated, Count};

const MILLION: usize = 1_000_000;

/// One more than a power of two.
const JUST_DOUBLED: usize = (1 << 20) + 1;

pub(crate) fn measure<E: Sleeps>(on: &'static E, count: Count) -> Vec<Figure> {
    // Not counted: what a timer allocates once.
    hold(on, &mut Vec::new(), 1);
    let mut pending = vec_in_memory(JUST_DOUBLED);
    let (before, resident) = (count(), resident_bytes());
    hold(on, &mut pending, MILLION);
    let after = count();
    let grown = resident_bytes().zip(resident).map(|(now, then)| now - then);
    let mut figures = vec![
        Figure::new("future bytes", mem::size_of::<E::Sleep>() as f64),
        Figure::new(
            "allocations",
            (after.times - before.times) as f64 / MILLION as f64,
        ),
        Figure::new("bytes", held(before, after) / MILLION as f64),
    ];
    figures.extend(grown.map(|grown| Figure::new("resident bytes", grown / MILLION as f64)));
    hold(on, &mut pending, JUST_DOUBLED);
    let bytes = held(before, count()) / JUST_DOUBLED as f64;
    figures.push(Figure::new("bytes just doubled", bytes));
    figures
}

/// Space for the list, every page of it touched: it is not to be counted.
fn vec_in_memory<T>(capacity: usize) -> Vec<Option<T>> {
    let mut list = Vec::with_capacity(capacity);
    list.extend((0..capacity).map(|_| None));
    list.clear();
    list
}

/// Arms sleeps until there are so many. They end within a day.
fn hold<E: Sleeps>(on: &'static E, pending: &mut Vec<Option<Pin<Box<E::Sleep>>>>, sleeps: usize) {
    on.block_on(async {
        while pending.len() < sleeps {
            let duration = Duration::from_secs(fastrand::u64(3_600..86_400));
            let mut sleep = Box::pin(E::sleep(duration));
            arm(sleep.as_mut()).await;
            pending.push(Some(sleep));
        }
    });
}

fn held(before: Allocated, after: Allocated) -> f64 {
    let allocated = (after.bytes - before.bytes) as f64;
    let freed = (after.bytes_freed - before.bytes_freed) as f64;
    allocated - freed
}

/// How much of the process is in memory. Linux only.
fn resident_bytes() -> Option<f64> {
    const KIB: f64 = 1024.0;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim();
    Some(kib.parse::<f64>().ok()? * KIB)
}
