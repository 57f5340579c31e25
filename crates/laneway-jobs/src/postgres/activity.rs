//! The activity of lanes, counted in slots.

use laneway::Priority;
use tokio_postgres::Row;

use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::Tx;
use crate::micros::{Micros, duration_of, time_of};
use crate::slots::Slots;
use crate::store::{Activity, ActivitySlot, ActivityWanted, LaneActivity};

/// The number of failed attempts that are counted, of all queues and slots together.
const ERRORS_READ: i64 = 2_000;

impl Tx<'_> {
    pub(super) async fn activity(&mut self, wanted: &ActivityWanted) -> Sql<Activity> {
        let t = self.rows(Statement::Now, &[]).await?[0].get("t");
        let slots = Slots::of(wanted, t);
        let mut lanes = lanes(wanted, slots.count);
        self.add_done(wanted, &slots, &mut lanes).await?;
        self.add_failed(wanted, &slots, &mut lanes).await?;
        self.add_errors(wanted, &slots, &mut lanes).await?;
        Ok(Activity {
            now: time_of(slots.t),
            from: time_of(slots.from),
            slot: duration_of(slots.length),
            lanes,
        })
    }

    async fn add_done(
        &mut self,
        wanted: &ActivityWanted,
        slots: &Slots,
        lanes: &mut [LaneActivity],
    ) -> Sql<()> {
        let statement = Statement::ActivityDone;
        let rows = self
            .slot_rows(statement, wanted, slots, slots.at_most)
            .await?;
        let mut ends = vec![(0, 0); wanted.queues.len() * slots.count];
        for row in &rows {
            let slot = slot_of(row, lanes);
            slot.done = count_in(row);
            let wait = |column| row.get::<_, Option<Micros>>(column).map(duration_of);
            (slot.wait_mean, slot.wait_max) = (wait("wait_mean"), wait("wait_max"));
            let (queue, place) = place_of(row);
            let (done, last): &mut (i64, Micros) = &mut ends[queue * slots.count + place];
            *done += row.get::<_, i64>("count");
            *last = (*last).max(row.get("last"));
        }
        for (number, lane) in lanes.iter_mut().enumerate() {
            let ends = &ends[number / 2 * slots.count..];
            for (place, (slot, &(done, last))) in lane.slots.iter_mut().zip(ends).enumerate() {
                slot.counted = slots.counted(place, done, last);
            }
        }
        Ok(())
    }

    async fn add_failed(
        &mut self,
        wanted: &ActivityWanted,
        slots: &Slots,
        lanes: &mut [LaneActivity],
    ) -> Sql<()> {
        let statement = Statement::ActivityFailed;
        let rows = self
            .slot_rows(statement, wanted, slots, slots.at_most)
            .await?;
        rows.iter()
            .for_each(|row| slot_of(row, lanes).failed = count_in(row));
        Ok(())
    }

    async fn add_errors(
        &mut self,
        wanted: &ActivityWanted,
        slots: &Slots,
        lanes: &mut [LaneActivity],
    ) -> Sql<()> {
        let statement = Statement::ActivityErrors;
        let rows = self
            .slot_rows(statement, wanted, slots, ERRORS_READ)
            .await?;
        rows.iter()
            .for_each(|row| slot_of(row, lanes).errors = count_in(row));
        Ok(())
    }

    async fn slot_rows(
        &mut self,
        statement: Statement,
        wanted: &ActivityWanted,
        slots: &Slots,
        at_most: i64,
    ) -> Sql<Vec<Row>> {
        let count = slots.count as i64;
        let params: Params<'_> = &[&wanted.queues, &slots.from, &slots.length, &count, &at_most];
        self.rows(statement, params).await
    }
}

/// Both lanes of each queue, high first.
fn lanes(wanted: &ActivityWanted, slots: usize) -> Vec<LaneActivity> {
    let both = [Priority::High, Priority::Low];
    let lanes = wanted.queues.iter().flat_map(|queue| {
        both.map(|lane| LaneActivity {
            queue: queue.clone(),
            lane,
            slots: vec![ActivitySlot::default(); slots],
        })
    });
    lanes.collect()
}

/// The queue, by its place in the question, and the slot.
fn place_of(row: &Row) -> (usize, usize) {
    let number: i64 = row.get("number");
    let place: i64 = row.get("place");
    ((number - 1) as usize, place as usize)
}

fn slot_of<'l>(row: &Row, lanes: &'l mut [LaneActivity]) -> &'l mut ActivitySlot {
    let (queue, place) = place_of(row);
    let lane = usize::from(row.get::<_, i16>("lane") != 0);
    &mut lanes[2 * queue + lane].slots[place]
}

fn count_in(row: &Row) -> u64 {
    row.get::<_, i64>("count").unsigned_abs()
}
