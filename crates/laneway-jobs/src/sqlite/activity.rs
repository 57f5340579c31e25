//! The activity of lanes, counted in slots.

use rusqlite::Row;

use super::clock::{Micros, duration_of, time_of};
use super::columns::{lane_number, some_micros, text};
use super::tx::{Sql, Tx};
use crate::slots::Slots;
use crate::store::{Activity, ActivitySlot, ActivityWanted, LaneActivity};
use laneway::Priority;

/// The index alone answers it: no row is read.
pub(super) const DONE: &str = "
SELECT lane, count(*), max(finished_at) FROM (
    SELECT lane, finished_at FROM laneway_job INDEXED BY laneway_job_settled
    WHERE state = 2 AND state >= 2 AND queue = ?1 AND finished_at >= ?2 AND finished_at < ?3
    ORDER BY finished_at LIMIT ?4)
GROUP BY lane";

pub(super) const FAILED: &str = "
SELECT lane, count(*) FROM (
    SELECT lane FROM laneway_job INDEXED BY laneway_job_settled
    WHERE state IN (3, 5) AND state >= 2 AND queue = ?1 AND finished_at >= ?2 AND finished_at < ?3
    LIMIT ?4)
GROUP BY lane";

/// Some of each lane: the index tells which, and their rows alone are read.
pub(super) const WAITS: &str = "
SELECT lane, CAST(avg(wait) AS INTEGER), max(wait) FROM (
    SELECT job.lane, max(0, started_at - run_at) AS wait
    FROM (SELECT seq, row_number() OVER (PARTITION BY lane) AS place FROM (
        SELECT seq, lane FROM laneway_job INDEXED BY laneway_job_settled
        WHERE state = 2 AND state >= 2 AND queue = ?1 AND finished_at >= ?2 AND finished_at < ?3
        LIMIT ?4)) AS some
    CROSS JOIN laneway_job AS job ON job.seq = some.seq
    WHERE place <= 32)
GROUP BY lane";

pub(super) const IS_BUSY: &str = "
SELECT EXISTS (SELECT 1 FROM laneway_job INDEXED BY laneway_job_settled
    WHERE state IN (2, 3, 5) AND state >= 2 AND queue = ?1 AND finished_at >= ?2)";

pub(super) const ERRORS: &str = "
SELECT queue, lane, (a.ended_at - ?1) / ?2, count(*)
FROM (SELECT job, ended_at FROM laneway_attempt INDEXED BY laneway_attempt_ended
    WHERE ended_at >= ?1 ORDER BY ended_at DESC LIMIT ?3) AS a
CROSS JOIN laneway_job ON id = a.job
GROUP BY 1, 2, 3";

/// The number of failed attempts that are counted, of all queues and slots together.
const ERRORS_READ: i64 = 2_000;

/// The slots of both lanes, high first.
type Both = [Vec<ActivitySlot>; 2];

/// A queue, the beginning and the end of a slot, and how many rows are read.
type OfSlot<'q> = (&'q str, Micros, Micros, i64);

impl Tx<'_> {
    pub(super) fn activity(&self, wanted: &ActivityWanted) -> Sql<Activity> {
        let slots = Slots::of(wanted, self.t);
        let mut lanes = Vec::new();
        for queue in &wanted.queues {
            let both = self.queue_activity(queue, &slots)?;
            for (lane, slots) in [Priority::High, Priority::Low].into_iter().zip(both) {
                let queue = queue.clone();
                lanes.push(LaneActivity { queue, lane, slots });
            }
        }
        self.add_errors(&slots, &mut lanes)?;
        Ok(Activity {
            now: time_of(self.t),
            from: time_of(slots.from),
            slot: duration_of(slots.length),
            lanes,
        })
    }

    fn queue_activity(&self, queue: &str, slots: &Slots) -> Sql<Both> {
        let mut both = [(); 2].map(|()| vec![ActivitySlot::default(); slots.count]);
        let mut is_busy = self.connection.prepare_cached(IS_BUSY)?;
        if is_busy.query_row((queue, slots.from), |row| row.get(0))? {
            for place in 0..slots.count {
                self.slot_activity(queue, slots, place, &mut both)?;
            }
        }
        Ok(both)
    }

    fn slot_activity(&self, queue: &str, slots: &Slots, place: usize, both: &mut Both) -> Sql<()> {
        let begin = slots.begin(place);
        let of_slot = (queue, begin, begin + slots.length, slots.at_most);
        let done = self.count_done(slots, of_slot, place, both)?;
        self.by_lane(FAILED, of_slot, |lane, row| {
            both[lane][place].failed = row.get::<_, i64>(1)?.unsigned_abs();
            Ok(())
        })?;
        match done {
            0 => Ok(()),
            _ => self.measure_waits(of_slot, place, both),
        }
    }

    fn count_done(
        &self,
        slots: &Slots,
        of_slot: OfSlot<'_>,
        place: usize,
        both: &mut Both,
    ) -> Sql<i64> {
        let begin = slots.begin(place);
        let (mut all, mut last) = (0, begin);
        self.by_lane(DONE, of_slot, |lane, row| {
            let count: i64 = row.get(1)?;
            (all, last) = (all + count, last.max(row.get(2)?));
            both[lane][place].done = count.unsigned_abs();
            Ok(())
        })?;
        let counted = slots.counted(place, all, last);
        both.iter_mut()
            .for_each(|lane| lane[place].counted = counted);
        Ok(all)
    }

    fn measure_waits(&self, of_slot: OfSlot<'_>, place: usize, both: &mut Both) -> Sql<()> {
        self.by_lane(WAITS, of_slot, |lane, row| {
            let slot = &mut both[lane][place];
            slot.wait_mean = some_micros(row, 1)?.map(duration_of);
            slot.wait_max = some_micros(row, 2)?.map(duration_of);
            Ok(())
        })
    }

    fn by_lane(
        &self,
        text: &str,
        of_slot: OfSlot<'_>,
        mut read: impl FnMut(usize, &Row<'_>) -> Sql<()>,
    ) -> Sql<()> {
        let mut prepared = self.connection.prepare_cached(text)?;
        let mut rows = prepared.query(of_slot)?;
        while let Some(row) = rows.next()? {
            let lane = usize::from(row.get::<_, i64>(0)? != 0);
            read(lane, row)?;
        }
        Ok(())
    }

    fn add_errors(&self, slots: &Slots, lanes: &mut [LaneActivity]) -> Sql<()> {
        let mut prepared = self.connection.prepare_cached(ERRORS)?;
        let mut rows = prepared.query((slots.from, slots.length, ERRORS_READ))?;
        while let Some(row) = rows.next()? {
            let (queue, lane): (_, i64) = (text(row, 0)?, row.get(1)?);
            let place = row.get::<_, i64>(2)?.unsigned_abs() as usize;
            let is_it =
                |one: &&mut LaneActivity| one.queue == queue && lane_number(one.lane) == lane;
            let slot = lanes.iter_mut().find(is_it);
            if let Some(slot) = slot.and_then(|lane| lane.slots.get_mut(place)) {
                slot.errors = row.get::<_, i64>(3)?.unsigned_abs();
            }
        }
        Ok(())
    }
}
