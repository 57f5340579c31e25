//! Tables that may hold millions, and give memory back when most of them have left.
//!
//! A table consists of pages. A page goes when its last value has left, so one value that stays,
//! such as the sleep of an interval, keeps one page and not the place of a whole crowd. New values
//! go to the first page with room. A page grows by an eighth, since one that doubles wastes up to
//! half of itself. This file never looks at the values.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};
use std::ops::{Index, IndexMut};

use slab::Slab;

/// The most values on one page.
const PAGE: usize = 1024;

/// The least that a page grows by.
const LEAST: usize = 16;

/// A table of values, each in a place of its own until it is removed.
#[derive(Debug)]
pub(crate) struct Table<T> {
    pages: Vec<Slab<T>>,
    /// The pages that are not full.
    with_room: BTreeSet<usize>,
    len: usize,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Table<T> {
        Table {
            pages: Vec::new(),
            with_room: BTreeSet::new(),
            len: 0,
        }
    }

    /// Puts a value into the table, and gives its place.
    pub(crate) fn insert(&mut self, value: T) -> usize {
        let number = self.page_with_room();
        let page = &mut self.pages[number];
        let count = page.len();
        if count == page.capacity() {
            page.reserve_exact((count / 8).max(LEAST).min(PAGE - count));
        }
        let place = page.insert(value);
        if count + 1 == PAGE {
            self.with_room.remove(&number);
        }
        self.len += 1;
        number * PAGE + place
    }

    /// The place that the next value gets.
    pub(crate) fn next_place(&mut self) -> usize {
        let number = self.page_with_room();
        number * PAGE + self.pages[number].vacant_key()
    }

    fn page_with_room(&mut self) -> usize {
        if let Some(&number) = self.with_room.first() {
            return number;
        }
        let number = self.pages.len();
        self.pages.push(Slab::new());
        self.with_room.insert(number);
        number
    }

    pub(crate) fn try_remove(&mut self, place: usize) -> Option<T> {
        let number = place / PAGE;
        let page = self.pages.get_mut(number)?;
        let value = page.try_remove(place % PAGE)?;
        self.len -= 1;
        let left = page.len();
        if left + 1 == PAGE {
            self.with_room.insert(number);
        }
        // The last page with room keeps its memory for the next value.
        if left == 0 && self.with_room.len() > 1 {
            *page = Slab::new();
        }
        Some(value)
    }

    /// As [`try_remove`](Table::try_remove), where a value is known to be there.
    pub(crate) fn remove(&mut self, place: usize) -> T {
        self.try_remove(place).expect("there is a value")
    }

    #[allow(dead_code, reason = "asked by `net`, which is a feature")]
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.pages.get(place / PAGE)?.get(place % PAGE)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.pages.get_mut(place / PAGE)?.get_mut(place % PAGE)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values, with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let pages = self.pages.iter().enumerate();
        pages.flat_map(|(number, page)| {
            page.iter()
                .map(move |(place, value)| (number * PAGE + place, value))
        })
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        let pages = self.pages.into_iter();
        pages.flat_map(|page| page.into_iter().map(|(_place, value)| value))
    }

    /// For how many values there is memory.
    #[allow(dead_code, reason = "tests ask it")]
    pub(crate) fn capacity(&self) -> usize {
        self.pages.iter().map(Slab::capacity).sum()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table::new()
    }
}

impl<T> Index<usize> for Table<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        &self.pages[place / PAGE][place % PAGE]
    }
}

impl<T> IndexMut<usize> for Table<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.pages[place / PAGE][place % PAGE]
    }
}

/// A map gives memory back when three quarters of it are unused, if it has this number of bytes.
pub(crate) const WORTH_SHRINKING: usize = 1 << 13;

/// Gives back half of a map's memory after a removal, if three quarters are unused.
pub(crate) fn give_back<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    let (used, capacity) = (map.len(), map.capacity());
    if capacity * size_of::<(K, V)>() >= WORTH_SHRINKING && used < capacity / 4 {
        map.shrink_to(capacity / 2);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const CROWD: usize = 100_000;

    #[test]
    fn at_most_a_page_of_a_large_table_is_unused() {
        let mut table = Table::new();
        for count in 1..=CROWD {
            let place = table.next_place();
            assert_eq!(table.insert(count), place);
            assert!(table.capacity() <= count + PAGE, "{count}");
            assert!(table.capacity() <= count + count / 8 + LEAST, "{count}");
        }
        assert_eq!(table.len(), CROWD);
        assert!(table.iter().map(|(_, count)| *count).eq(1..=CROWD));
        assert!(table.into_values().eq(1..=CROWD));
    }

    #[test]
    fn the_memory_of_a_crowd_is_given_back_beside_one_value_that_stays() {
        for stays in [0, CROWD / 2, CROWD - 1] {
            let mut table = Table::new();
            let mut places: Vec<usize> = (0..CROWD).map(|value| table.insert(value)).collect();
            let kept = places.swap_remove(stays);
            for place in places {
                table.remove(place);
            }
            assert_eq!((table.len(), table[kept]), (1, stays));
            assert!(table.capacity() <= 2 * PAGE, "{}", table.capacity());
            assert_eq!(table.try_remove(kept), Some(stays));
            assert_eq!((table.try_remove(kept), table.get(kept)), (None, None));
        }
    }

    #[test]
    fn a_table_that_empties_again_and_again_keeps_a_page() {
        let mut table = Table::new();
        for _ in 0..3 {
            let places: Vec<usize> = (0..100).map(|value| table.insert(value)).collect();
            for place in places {
                table.remove(place);
            }
            assert!(table.is_empty());
            assert!(table.capacity() >= 100);
        }
    }
}
