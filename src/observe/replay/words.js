// What a recording says, in words: numbers, events, a task's story.
"use strict";
(function (L) {
  const { Kind } = L;
  const ENDS = ["pending", "yielded", "ready", "panicked", "cancelled"];
  const PLACES = ["next to run here", "at the back of the worker's own queue", "in the channel"];

  const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]];

  /** A time of so many nanoseconds, in three figures. */
  const time = (L.time = function (nanos) {
    const [size, unit] = UNITS.find(([size]) => Math.abs(nanos) >= size) ?? UNITS[3];
    const number = nanos / size;
    const decimals = unit === "ns" ? 0 : number < 10 ? 2 : number < 100 ? 1 : 0;
    return `${number.toFixed(decimals)} ${unit}`;
  });

  /** A distance in time. What a real clock cannot tell from nothing, or a simulated one, is none. */
  const span = (L.span = function (r, nanos) {
    return nanos < (r.isSimulated ? 1000 : 50) ? "0" : time(nanos);
  });

  /** A part of the recording, as a percentage. */
  L.share = function (r, nanos) {
    const share = r.duration > 0 ? (100 * nanos) / r.duration : 0;
    return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)}%`;
  };

  L.count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  /** What a task is called where there is little room: its name, or the line of its spawn. */
  L.short = function (recording, task) {
    const { name, place } = recording.tasks[task];
    return name || (/[^/\\]+:\d+(?=:\d+$)/.exec(place)?.[0] ?? "");
  };

  /** A task's name, as long as is fit for a line. */
  L.title = function (recording, task) {
    const { id, name } = recording.tasks[task];
    if (name && recording.hasNames) return name;
    return name ? `#${id} ${name}` : `#${id}`;
  };

  const workerName = (r, worker) => r.workers[worker]?.name ?? "another thread";

  /** Who did what a scheduling or a spawn tells of. */
  function by(r, event) {
    const worker = r.worker[event];
    const poller = r.poller[event];
    if (poller >= 0) return `task ${r.hasNames ? L.title(r, poller) : `#${r.tasks[poller].id}`} on ${workerName(r, worker)}`;
    return workerName(r, worker);
  }

  /** What an event did, in a sentence without its subject. */
  const predicate = (L.predicate = function (r, event) {
    const worker = workerName(r, r.worker[event]);
    const queue = r.queues[r.queue[event]];
    const detail = r.detail[event];
    switch (r.kind[event]) {
      case Kind.SPAWNED:
        return `spawned on ${queue} by ${by(r, event)}`;
      case Kind.SCHEDULED: {
        const task = r.task[event];
        const story = r.story(task);
        const before = story[L.upperBound(story, event) - 2];
        const why = { [Kind.SPAWNED]: "queued", [Kind.TIMER_FIRED]: "woken by the timer, queued" };
        const itself = r.poller[event] === task ? "woken in its own poll" : `woken by ${by(r, event)}`;
        const how = why[r.kind[before]] ?? `${itself}, queued`;
        return `${how} on ${queue}, ${PLACES[detail] ?? "somewhere"}`;
      }
      case Kind.TAKEN: {
        const victim = r.victimOf(event);
        if (victim >= 0) return `stolen by ${worker} from ${workerName(r, victim)}`;
        if (detail === 0) return `taken by ${worker} from its own queue`;
        const isForeign = r.workers[r.worker[event]]?.home !== r.queue[event];
        return `${isForeign ? "stolen" : "taken"} by ${worker} from the channel of ${queue}`;
      }
      case Kind.POLL_STARTED: {
        const poll = r.polls[r.pollAt[event]];
        if (poll.scheduled < 0) return `polled by ${worker}`;
        const waited = span(r, r.waited(poll));
        return `polled by ${worker}${waited === "0" ? " at once" : ` after a wait of ${waited}`}`;
      }
      case Kind.POLL_ENDED: {
        const poll = r.polls[r.pollAt[event]];
        const lastedFor = poll ? span(r, r.lasted(poll)) : "0";
        const lasted = lastedFor === "0" ? "" : ` after ${lastedFor}`;
        return `${ENDS[detail] ?? "ended"}${lasted}`;
      }
      case Kind.CANCELLED:
        return "cancelled: its future is dropped";
      case Kind.ESCALATED:
        return `raised to high by ${by(r, event)}`;
      case Kind.TIMER_ARMED:
        return `sleeps for ${time(detail * 1000)}`;
      case Kind.TIMER_FIRED:
        return "its time has come";
      case Kind.PARKED:
        return `${worker} finds nothing and sleeps`;
      case Kind.UNPARKED:
        return `${worker} is woken`;
      case Kind.REPLACED:
        return `the task on ${worker} blocks its thread; another one takes its place`;
      default:
        return "something that this player does not know";
    }
  });

  /** What an event did, in a sentence. */
  L.sentence = function (r, event) {
    const task = r.task[event];
    return task < 0 ? predicate(r, event) : `${L.title(r, task)}: ${predicate(r, event)}`;
  };

  /** A poll in a few words, for a tooltip. */
  L.pollWords = function (r, poll) {
    const lines = [L.title(r, poll.task)];
    const lasted = poll.end < 0 ? "goes on" : span(r, r.lasted(poll));
    lines.push(`polled by ${workerName(r, poll.worker)}${lasted === "0" ? "" : `, ${lasted}`}${
      poll.how < 0 ? "" : `, ${ENDS[poll.how]}`}`);
    if (poll.scheduled >= 0) {
      const waited = span(r, r.waited(poll));
      lines.push(waited === "0" ? "did not wait" : `waited ${waited} in ${r.queues[poll.queue]}`);
    }
    if (poll.victim >= 0) lines.push(`stolen from ${workerName(r, poll.victim)}`);
    if (poll.replaced >= 0) lines.push("blocked its thread");
    if (r.tasks[poll.task].place) lines.push(r.tasks[poll.task].place);
    return lines;
  };
})(globalThis.LanewayReplay);
